//! One section a network, the hubs, and what either leaves out.

use std::collections::BTreeMap;

use evidence::KindRole;
use graph::{AccountId, IdentifierId, NO_TIME};

use super::super::{
    AccountRow, CappedSection, DailyCounts, FragileIdentifier, HubCut, IdentifierRow, NamedCount, NetworkSection, Signal,
    Strength, TemplateRow,
};
use crate::dataset::Dataset;
use crate::dataset::allowed::Allowed;
use crate::dossier::{self, Dossier};
use crate::error::Error;
use crate::export::LeftOut;
use crate::how::HeldBy;
use crate::node::Node;
use crate::query;
use crate::results::{Network, Results, SignalLine};
use crate::roles::{self, AccountRole, role_of};
use crate::time::{rfc3339, without_gaps};

/// Bits over the threshold from which a case is called strong: 32 times the odds that suffice for a flag.
const HIGH_MARGIN: f64 = 5.0;
/// Rows of accounts that all networks of a report have together; those with most evidence first.
const ACCOUNT_ROWS: usize = 50_000;
/// Hubs that are listed by name, most widely shared first.
const NAMED_HUBS: usize = 500;
/// Templates that a network lists.
const NAMED_TEMPLATES: usize = 10;
/// "Recently" in the column of growth.
const WEEK_SECONDS: u32 = 7 * 86_400;

/// The sections in the making, and what they leave out.
pub(super) struct Collected<'a> {
    dataset: &'a Dataset,
    results: &'a Results,
    allowed: Allowed,
    pub(super) capped: Vec<CappedSection>,
    account_rows: usize,
}

impl<'a> Collected<'a> {
    pub(super) fn new(dataset: &'a Dataset, results: &'a Results) -> Result<Self, Error> {
        let allowed = dataset.allowed()?;
        Ok(Collected { dataset, results, allowed, capped: Vec::new(), account_rows: ACCOUNT_ROWS })
    }

    pub(super) fn network(&mut self, index: usize) -> Result<NetworkSection, Error> {
        let dossier = dossier::dossier(self.dataset, &self.results.labelling, &self.results.networks[index])?;
        let (decided, not_measured) = (dossier.decided_lines(), dossier.not_measured_lines());
        let Dossier {
            network,
            timeline,
            registrations,
            pathways,
            models,
            banned,
            findings,
            score_parts,
            counter_evidence,
            skeletons,
            fragile,
            fragile_in_all,
            would_change,
            ..
        } = dossier;
        let members = self.results.labelling.belonging(index);
        let (templates, templates_in_all) = self.templates(index, &skeletons, &members);
        for (section, shown, total) in
            [("What hangs on one identifier", fragile.len(), fragile_in_all), ("Templates", templates.len(), templates_in_all)]
        {
            self.shows(&format!("{section} of {}", network.id), shown, total);
        }
        Ok(NetworkSection {
            rank: network.rank,
            score_bits: network.score,
            q_value: network.q_value,
            strength: strength(&network, self.results.labelling.run.threshold),
            why: network.why.clone(),
            benign_hypothesis: format!("{} ({:+.1} bits)", network.benign_hypothesis.replace('_', " "), network.benign_bits),
            account_count: network.accounts,
            exchanges: network.events,
            roles: counts(&roles::counts(self.dataset, &self.results.labelling, index)),
            identifiers_by_kind: counts(&network.identifiers_by_kind),
            first_seen: network.first_seen.clone().unwrap_or_default(),
            last_seen: network.last_seen.clone().unwrap_or_default(),
            growth_7d: growth(self.dataset, &members),
            share_banned: if members.is_empty() { 0.0 } else { banned as f64 / members.len() as f64 },
            decided,
            findings,
            score_parts: score_parts.map_or(Vec::new(), |parts| parts.rows()),
            signals: signals(&network),
            top_identifiers: network.tied_by.iter().map(identifier_row).collect(),
            accounts: self.accounts(&network.id, &members),
            activity: daily(&timeline),
            registrations: daily(&registrations),
            fragile: fragile_rows(&fragile, network.accounts),
            counter_evidence,
            not_measured,
            would_change,
            pathways: counts(&pathways),
            models: counts(&models),
            templates,
            id: network.id,
        })
    }

    /// The members with most evidence first, as many as the file still has room for.
    fn accounts(&mut self, network: &str, members: &[AccountId]) -> Vec<AccountRow> {
        let results = self.results;
        let mut order = members.to_vec();
        order.sort_by(|a, b| {
            results.labelling.evidence_bits[b.index()].total_cmp(&results.labelling.evidence_bits[a.index()]).then(a.cmp(b))
        });
        order.truncate(self.account_rows);
        self.account_rows -= order.len();
        self.shows(&format!("Accounts of {network}"), order.len(), members.len() as u64);
        let tabled = self.dataset.naming().shows_account_table();
        let row = |account: AccountId| AccountRow {
            label: self.dataset.shown_account(account).into_owned(),
            membership: results.labelling.membership_of(account).map_or("", |(_, how)| how.name()).to_owned(),
            role: role_of(self.dataset, &results.labelling, account).map_or("", AccountRole::name).to_owned(),
            known_good: self.allowed.has_account(account),
            confidence: f64::from(results.labelling.confidence[account.index()]),
            bits: f64::from(results.labelling.evidence_bits[account.index()]),
            exchanges: query::exchanges_of(self.dataset, account),
            created: made_at(self.dataset, account).filter(|_| tabled).and_then(rfc3339).unwrap_or_default(),
            banned: tabled && self.dataset.is_banned(account),
        };
        order.into_iter().map(row).collect()
    }

    /// The templates of a network that most of its members use, and what they made of them; and how many it has.
    fn templates(
        &self,
        network: usize,
        skeletons: &BTreeMap<String, String>,
        members: &[AccountId],
    ) -> (Vec<TemplateRow>, u64) {
        let (dataset, graph) = (self.dataset, self.dataset.graph());
        let kinds = graph.kinds();
        let templates = kinds.filter(|kind| dataset.roles()[kind.index()] == KindRole::Template);
        let own = |&identifier: &u32| self.results.labelling.network_of_identifier[identifier as usize] as usize == network;
        let sightings = graph.columns().counts.as_slice();
        let mut rows: Vec<(u64, u64, u32)> = Vec::new();
        for identifier in templates.flat_map(|kind| graph.identifiers_of_kind(kind)).filter(own) {
            let id = IdentifierId(identifier);
            let counts = graph.accounts_of(id).iter().zip(graph.sightings_of_identifier(id));
            let inside = counts.filter(|(account, _)| members.binary_search(&AccountId(**account)).is_ok());
            let (accounts, exchanges) = inside.fold((0, 0), |(accounts, exchanges), (_, &position)| {
                (accounts + 1, exchanges + u64::from(sightings[position as usize]))
            });
            rows.push((accounts, exchanges, identifier));
        }
        rows.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));
        let all = rows.len() as u64;
        rows.truncate(NAMED_TEMPLATES);
        let row = |(accounts, exchanges, identifier): (u64, u64, u32)| {
            let known = skeletons.get(dataset.identifier_names().name_of(identifier)).cloned();
            let label = dataset.label_of(Node::Identifier(IdentifierId(identifier)));
            let skeleton = known.unwrap_or_else(|| format!("{} (only its hash is known)", parts(&label).1));
            TemplateRow { skeleton, accounts, exchanges }
        };
        (rows.into_iter().map(row).collect(), all)
    }

    /// Names a section among those that are shortened, if it is: of `total` things it shows the first `shown`.
    pub(super) fn shows(&mut self, section: &str, shown: usize, total: u64) {
        let shown = shown as u64;
        if shown < total {
            self.capped.push(CappedSection { section: section.to_owned(), shown, total });
        }
    }

    /// The most widely shared of the identifiers that don't link.
    pub(super) fn hubs(&mut self) -> Vec<HubCut> {
        let graph = self.dataset.graph();
        let mut cut: Vec<(std::cmp::Reverse<usize>, u32)> = (0..graph.identifier_count() as u32)
            .map(|identifier| (std::cmp::Reverse(graph.identifier_degree(IdentifierId(identifier))), identifier))
            .filter(|&(degree, identifier)| degree.0 > 1 && self.results.labelling.is_cut(IdentifierId(identifier)))
            .collect();
        cut.sort_unstable();
        self.shows("Hubs cut", NAMED_HUBS, cut.len() as u64);
        cut.truncate(NAMED_HUBS);
        let row = |(_, identifier): (std::cmp::Reverse<usize>, u32)| {
            let hub = query::hub(self.dataset, &self.results.labelling, IdentifierId(identifier));
            let value = parts(&self.dataset.label_of(Node::Identifier(IdentifierId(identifier)))).1.to_owned();
            let reason = format!("{}; {}", hub.reason, policy_words(&hub.policy));
            HubCut { label: value, kind: hub.kind, class: hub.class.replace('_', " "), accounts: hub.accounts, reason }
        };
        cut.into_iter().map(row).collect()
    }

    /// What the picture leaves out, as lines of the list of shortened sections.
    pub(super) fn left_out(&mut self, left: &LeftOut, collapsed: bool) {
        let mut add = |section: &str, total: u64| self.shows(section, 0, total);
        if collapsed {
            add(
                "Graph: accounts drawn as part of their group, because there are more nodes than --max-nodes",
                left.accounts_collapsed,
            );
        }
        add("Networks that people rejected, which are drawn when named only", left.rejected_networks);
        add("Graph: accounts without room", left.accounts);
        add("Graph: identifiers seen with a single account, which join nothing", left.single_identifiers);
        add(
            "Graph: identifiers without room; drawn are those that networks keep to themselves and that tie most",
            left.identifiers,
        );
        add("Graph: sightings not drawn, because the identifier isn't or others tell more", left.sightings);
        add("Graph: shared identifiers not drawn because they are hubs (see Hubs cut)", left.hubs);
    }
}

/// The kind and the value of `KIND:VALUE`.
fn parts(label: &str) -> (&str, &str) {
    label.split_once(':').unwrap_or(("", label))
}

fn policy_words(policy: &str) -> &'static str {
    match policy {
        "down_weight" => "counts less the more accounts share it",
        "co_occurrence_only" => "counts only together with another identifier",
        _ => "links nobody",
    }
}

fn strength(network: &Network, threshold: f64) -> Strength {
    match network.score - threshold {
        _ if !network.flagged => Strength::Low,
        margin if margin >= HIGH_MARGIN => Strength::High,
        _ => Strength::Medium,
    }
}

fn counts(map: &BTreeMap<impl ToString, u64>) -> Vec<NamedCount> {
    let mut counts: Vec<NamedCount> = map.iter().map(|(name, &count)| NamedCount { name: name.to_string(), count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    counts
}

/// Most evidence first, what couldn't be measured last.
fn signals(network: &Network) -> Vec<Signal> {
    let mut signals: Vec<Signal> =
        network.signals.iter().map(|(name, line)| signal(&name.to_string(), line.as_ref())).collect();
    let bits = |signal: &Signal| signal.bits.unwrap_or(f64::NEG_INFINITY);
    signals.sort_by(|a, b| bits(b).total_cmp(&bits(a)).then_with(|| a.name.cmp(&b.name)));
    signals
}

fn signal(name: &str, line: Option<&SignalLine>) -> Signal {
    Signal {
        name: name.replace('_', " "),
        value: line.map(|line| line.value),
        expected: line.map(|line| line.expected),
        bits: line.map(|line| line.bits),
        p: line.and_then(|line| line.p_value),
        beyond: line.is_some_and(|line| line.beyond_draws),
        tests: line
            .map_or(Vec::new(), |line| line.tests.iter().map(|(test, line)| signal(test.as_str(), Some(line))).collect()),
    }
}

fn identifier_row(tie: &crate::results::TyingIdentifier) -> IdentifierRow {
    let (kind, label) = parts(&tie.identifier);
    IdentifierRow {
        label: label.to_owned(),
        kind: kind.to_owned(),
        class: tie.class.replace('_', " "),
        members: tie.members,
        total_accounts: tie.accounts,
        exclusivity: tie.exclusivity,
        first_seen: tie.first_seen.clone().unwrap_or_default(),
        last_seen: tie.last_seen.clone().unwrap_or_default(),
    }
}

fn fragile_rows(fragile: &[HeldBy], members: u64) -> Vec<FragileIdentifier> {
    let row = |held: &HeldBy| {
        let (kind, label) = parts(&held.identifier);
        let (lost, pieces, largest) = (held.members_lost, held.pieces, held.largest_piece);
        let fall =
            if pieces > 1 { format!("; the rest falls into {pieces} pieces, the largest of {largest}") } else { String::new() };
        let consequence = format!("without it, {lost} of {members} accounts fall away{fall}");
        FragileIdentifier { label: label.to_owned(), kind: kind.to_owned(), consequence }
    };
    fragile.iter().map(row).collect()
}

fn made_at(dataset: &Dataset, account: AccountId) -> Option<u32> {
    dataset.accounts().created_at.get(account.index()).copied().filter(|&made| made != NO_TIME)
}

/// Members that were made (or, without an account table, first seen) in the last seven days of the data.
fn growth(dataset: &Dataset, members: &[AccountId]) -> u64 {
    let since = dataset.graph().last_seen().saturating_sub(WEEK_SECONDS);
    let came = |&account: &AccountId| made_at(dataset, account).unwrap_or(query::span_of_account(dataset, account).0);
    members.iter().map(came).filter(|&came| came != NO_TIME && came > since).count() as u64
}

fn daily(days: &[(String, u64)]) -> DailyCounts {
    let filled = without_gaps(days).map(|(first, counts)| DailyCounts { first_day: first.to_string(), counts });
    filled.unwrap_or_default()
}
