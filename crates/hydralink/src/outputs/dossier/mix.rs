//! What the members of a network did by day, with which models, where they come from, and what is common among them.

use std::collections::BTreeMap;

use evidence::KindRole;
use graph::{AccountId, IdentifierId, NO_TIME, NONE_U16};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Attribute;
use crate::dataset::Dataset;
use crate::node::Node;
use crate::results::Labelling;

/// Attributes that a dossier names.
const NAMED_ATTRIBUTES: usize = 8;
const MILLISECONDS_A_DAY: i64 = 86_400_000;
const SECONDS_A_DAY: i64 = 86_400;

/// What accounts did.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Days {
    /// (date, exchanges), ascending.
    pub(crate) exchanges: Vec<(String, u64)>,
    /// Exchanges by model.
    pub(crate) models: BTreeMap<String, u64>,
}

/// Adds the activity of accounts up. O(their events), on all threads.
pub(crate) fn days(dataset: &Dataset, accounts: &[AccountId]) -> Days {
    // Exchanges by day, and by model.
    type Counts = (BTreeMap<i64, u64>, Vec<u64>);
    let none = || (BTreeMap::new(), vec![0; dataset.tables().models.len()]);
    let add = |mut counts: Counts, &account: &AccountId| {
        let activity = dataset.activity().of(account);
        let requests = |at: usize| activity.requests.get(at).map_or(1, |&requests| u64::from(requests));
        // Times ascend: a day is entered once.
        let mut at = 0;
        while let Some(&time) = activity.time.get(at) {
            let day = time.div_euclid(MILLISECONDS_A_DAY);
            let end = at + activity.time[at..].partition_point(|&time| time < (day + 1) * MILLISECONDS_A_DAY);
            *counts.0.entry(day).or_default() += (at..end).map(requests).sum::<u64>();
            at = end;
        }
        for (at, &model) in activity.model.iter().enumerate() {
            if let Some(exchanges) = counts.1.get_mut(usize::from(model)) {
                *exchanges += requests(at);
            }
        }
        counts
    };
    let merge = |mut one: Counts, other: Counts| {
        other.0.into_iter().for_each(|(day, exchanges)| *one.0.entry(day).or_default() += exchanges);
        one.1.iter_mut().zip(other.1).for_each(|(one, other)| *one += other);
        one
    };
    let (by_day, by_model) = accounts.par_iter().with_min_len(64).fold(none, add).reduce(none, merge);
    let named = dataset.tables().models.iter().cloned().zip(by_model);
    let models = named.filter(|(_, exchanges)| *exchanges > 0).collect();
    Days { exchanges: by_day.into_iter().map(|(day, exchanges)| (date(day), exchanges)).collect(), models }
}

/// Where accounts come from.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Mix {
    /// (date, accounts made), ascending.
    pub(super) registrations: Vec<(String, u64)>,
    pub(super) pathways: BTreeMap<String, u64>,
    pub(super) countries: BTreeMap<String, u64>,
    pub(super) banned: u64,
}

/// Counts what the account table says of accounts.
pub(super) fn mix(dataset: &Dataset, accounts: &[AccountId]) -> Mix {
    let (tables, table) = (dataset.tables(), dataset.accounts());
    let mut mix = Mix::default();
    let mut registrations: BTreeMap<i64, u64> = BTreeMap::new();
    for &account in accounts {
        let at = account.index();
        if let Some(&made) = table.created_at.get(at).filter(|&&made| made != NO_TIME) {
            *registrations.entry(i64::from(made) / SECONDS_A_DAY).or_default() += 1;
        }
        for (column, names, counts) in
            [(&table.pathway, &tables.pathways, &mut mix.pathways), (&table.country, &tables.countries, &mut mix.countries)]
        {
            if let Some(&word) = column.get(at).filter(|&&word| word != NONE_U16) {
                *counts.entry(name(names, word)).or_default() += 1;
            }
        }
        mix.banned += u64::from(dataset.is_banned(account));
    }
    mix.registrations = registrations.into_iter().map(|(day, accounts)| (date(day), accounts)).collect();
    mix
}

/// The broad attributes of at least three members and a tenth of them that are twice as common inside as among all.
pub(super) fn attributes(dataset: &Dataset, results: &Labelling, members: &[AccountId]) -> Vec<Attribute> {
    let graph = dataset.graph();
    let kinds = graph.kinds();
    let broad = kinds.filter(|kind| dataset.roles()[kind.index()] == KindRole::Weak);
    let mut found: Vec<Attribute> = Vec::new();
    for kind in broad {
        let identifiers = graph.identifiers_of_kind(kind);
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        for &account in members {
            let of_kind = graph.identifiers_within(account, &identifiers).iter();
            of_kind.for_each(|&identifier| *counts.entry(identifier).or_default() += 1);
        }
        let Some(&with_kind) = results.run.terms.kind_accounts.get(kind.index()) else { continue };
        let attribute = |(identifier, members_with): (u32, u64)| {
            let identifier = IdentifierId(identifier);
            let (share, expected) = (
                members_with as f64 / members.len() as f64,
                graph.identifier_degree(identifier) as f64 / f64::from(with_kind.max(1)),
            );
            (members_with >= 3 && share >= 0.1 && share >= 2.0 * expected).then(|| Attribute {
                identifier: dataset.label_of(Node::Identifier(identifier)),
                members: members_with,
                share,
                expected,
            })
        };
        found.extend(counts.into_iter().filter_map(attribute));
    }
    found
}

/// The first of these, most common inside first, of equals by name.
pub(super) fn foremost(mut found: Vec<Attribute>) -> Vec<Attribute> {
    found.sort_by(|a, b| b.members.cmp(&a.members).then_with(|| a.identifier.cmp(&b.identifier)));
    found.truncate(NAMED_ATTRIBUTES);
    found
}

fn date(day: i64) -> String {
    let time = crate::time::rfc3339((day * SECONDS_A_DAY).clamp(1, i64::from(u32::MAX)) as u32).unwrap_or_default();
    time.split('T').next().unwrap_or_default().to_owned()
}

fn name(names: &[String], index: u16) -> String {
    names.get(index as usize).cloned().unwrap_or_default()
}
