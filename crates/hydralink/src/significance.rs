//! Is what two accounts share more than their numbers of identifiers explain (GR-4)?
//!
//! The null, the statistic and the p-value are those of [`evidence::bicm`]: identifiers of each kind handed out at random, so that every account
//! and every identifier keeps its number of partners on average. It is another question than [`crate::links::why`]'s bits: no
//! class, policy, prior or discount is in it, and nothing of what people in common do without being one operator (a city, a
//! company, a course) is either. A small p-value says that chance alone doesn't explain what they share.
//!
//! Kinds that follow from another one that both have (the autonomous system of an address), by the rule of the last detection, are
//! left out: their indicators aren't independent of the others.
//!
//! The q-value is for all `N (N - 1) / 2` pairs of accounts (Benjamini & Hochberg): a pair that was picked for what it shares was picked
//! among all. One pair's is known only as a bound, `m p`: the pairs with smaller p-values, which were not computed, can only lower it.
//!
//! Cost: every row of the store once, and the solution for each kind that both have.

use evidence::bicm::{self, Bicm, NotConverged, Tail};
use graph::{AccountId, KindId};
use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;
use crate::ties::shared;

/// How far what two accounts share is beyond chance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Significance {
    /// Identifiers that they share, of the kinds that count.
    pub shared: u64,
    /// How many they would share by chance.
    pub expected: f64,
    /// The probability of sharing so many or more by chance.
    pub p_value: f64,
    /// By how much that can be off, where it isn't exact: Poisson's tail in place of the sum's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_by: Option<f64>,
    /// Pairs of accounts: the tests that the q-value is for.
    pub pairs: f64,
    /// Upper bound of the q-value among these.
    pub q_value_at_most: f64,
    /// Kinds that count: both have them, and they don't follow from another of these.
    pub kinds: Vec<String>,
}

/// How far what two accounts share is beyond what their numbers of identifiers explain.
///
/// # Errors
/// [`Error::NotConverged`] with what is missed, where a kind's model can't be solved.
pub fn significance(
    dataset: &Dataset,
    results: &Labelling,
    first: AccountId,
    second: AccountId,
) -> Result<Significance, Error> {
    let graph = dataset.graph();
    let degrees = |account: AccountId| {
        let mut of_kind = vec![0u32; graph.kind_count()];
        graph.sightings_of(account).for_each(|sighting| of_kind[graph.kind_of(sighting.identifier).index()] += 1);
        of_kind
    };
    let (one, other) = (degrees(first), degrees(second));
    let both: Vec<usize> = (0..graph.kind_count()).filter(|&kind| one[kind] > 0 && other[kind] > 0).collect();
    let follows = |kind: usize| {
        let mut implied = results.run.terms.implied_kinds();
        implied.any(|(finer, coarser)| coarser.index() == kind && both.contains(&finer.index()))
    };
    let kinds: Vec<usize> = both.iter().copied().filter(|&kind| !follows(kind)).collect();
    let mut indicators = Vec::new();
    for &kind in &kinds {
        let null = null_of(dataset, KindId(kind as u8)).map_err(|NotConverged { residual, iterations }| {
            Error::NotConverged { what: format!("the null of {}", dataset.kind_name(KindId(kind as u8))), residual, iterations }
        })?;
        indicators.extend(null.both(one[kind], other[kind]));
    }
    let counts = |identifier: &u32| kinds.contains(&graph.kind_of(graph::IdentifierId(*identifier)).index());
    let seen = shared(graph.identifiers_of(first), graph.identifiers_of(second)).filter(counts).count();
    let Tail { p_value, expected, off_by } = bicm::upper_tail(&indicators, seen as u32);
    let accounts = graph.account_count() as f64;
    let pairs = accounts * (accounts - 1.0) / 2.0;
    Ok(Significance {
        shared: seen as u64,
        expected,
        p_value,
        off_by,
        pairs,
        q_value_at_most: bicm::q_values(&[p_value], pairs)[0],
        kinds: kinds.into_iter().map(|kind| dataset.kind_name(KindId(kind as u8)).to_owned()).collect(),
    })
}

/// The null of one kind of identifiers. O(sightings) once, then what [`Bicm::of`] takes.
fn null_of(dataset: &Dataset, kind: KindId) -> Result<Bicm, NotConverged> {
    let graph = dataset.graph();
    let range = graph.identifiers_of_kind(kind);
    let degree = |account: u32| graph.identifiers_within(AccountId(account), &range).len() as u32;
    let accounts = (0..graph.account_count() as u32).into_par_iter().with_min_len(1 << 12).map(degree).collect();
    let identifiers = range.clone().map(|identifier| graph.identifier_degree(graph::IdentifierId(identifier)) as u32).collect();
    Bicm::of(accounts, identifiers)
}
