//! Is what two accounts share, or what an account has of a network's identifiers, more than their numbers of identifiers
//! explain?
//!
//! The null, the statistic and the p-value are those of [`evidence::bicm`]: identifiers of each kind handed out at random, so
//! that every account and every identifier keeps its number of partners on average. It is another question than
//! [`crate::links::why`]'s bits: no class, policy, prior or discount is in it, and nothing of what people in common do without
//! being one operator (a city, a company, a course) is either. A small p-value says that chance alone doesn't explain what they
//! share.
//!
//! Kinds that follow from another one that both have (the autonomous system of an address), by the rule of the last detection,
//! are left out: their indicators aren't independent of the others.
//!
//! The q-value is for all `N (N - 1) / 2` pairs of accounts (Benjamini & Hochberg): a pair that was picked for what it shares
//! was picked among all. One pair's is known only as a bound, `m p`: the pairs with smaller p-values, which were not computed,
//! can only lower it.
//!
//! Cost: every row of the store once, and the solution for each kind that both have.

pub use evidence::bicm::Method;
use evidence::bicm::{self, Bicm, NotConverged, Tail};
use graph::{AccountId, IdentifierId, KindId};
use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::Labelling;
use crate::ties::shared;

/// How far what two accounts share, or what one has of a network's identifiers, is beyond chance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Significance {
    /// Identifiers that they share, of the kinds that count.
    pub shared: u64,
    /// How many they would share by chance.
    pub expected: f64,
    /// The probability of sharing so many or more by chance.
    pub p_value: f64,
    /// By how much that can be off, where Poisson's tail stands for the sum's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_by: Option<f64>,
    /// How it was computed.
    pub method: Method,
    /// Pairs of accounts, or of an account and a candidate: the tests that the q-value is for.
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
    dataset.check(Some(results), [first, second].map(Node::Account))?;
    let graph = dataset.graph();
    let (one, other) = (degrees(dataset, first), degrees(dataset, second));
    let kinds =
        kinds_that_count(results, graph.kinds().filter(|kind| one[kind.index()] > 0 && other[kind.index()] > 0).collect());
    let mut indicators = Vec::new();
    for &kind in &kinds {
        indicators.extend(null_of(dataset, kind)?.both(one[kind.index()], other[kind.index()]));
    }
    let common = shared(graph.identifiers_of(first), graph.identifiers_of(second));
    let seen = common.filter(|&identifier| kinds.contains(&graph.kind_of(IdentifierId(identifier)))).count();
    let accounts = graph.account_count() as f64;
    Ok(beyond_chance(dataset, &kinds, &indicators, seen, accounts * (accounts - 1.0) / 2.0))
}

/// How far what an account has of a candidate network's identifiers is beyond what its number of identifiers explains. The
/// network's are those that two or more of its *other* accounts were seen with, so that nothing is in the set because of the
/// account.
///
/// # Errors
/// As [`significance`].
pub fn significance_in_network(
    dataset: &Dataset,
    results: &Labelling,
    account: AccountId,
    network: usize,
) -> Result<Significance, Error> {
    dataset.check(None, [Node::Account(account)])?;
    results.check_network(dataset, network)?;
    let graph = dataset.graph();
    let others = results.members_of(network).into_iter().map(|(other, _)| other).filter(|&other| other != account);
    let mut rows: Vec<u32> = others.flat_map(|other| graph.identifiers_of(other)).copied().collect();
    rows.par_sort_unstable();
    let set: Vec<u32> = rows.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).map(|run| run[0]).collect();
    let own = degrees(dataset, account);
    let of_kind = |kind: KindId| {
        let range = graph.identifiers_of_kind(kind);
        &set[set.partition_point(|&identifier| identifier < range.start)
            ..set.partition_point(|&identifier| identifier < range.end)]
    };
    let both = graph.kinds().filter(|&kind| own[kind.index()] > 0 && !of_kind(kind).is_empty());
    let kinds = kinds_that_count(results, both.collect());
    let (mut indicators, mut seen) = (Vec::new(), 0);
    for &kind in &kinds {
        let degrees = of_kind(kind).iter().map(|&identifier| graph.identifier_degree(IdentifierId(identifier)) as u32);
        indicators.extend(null_of(dataset, kind)?.has(own[kind.index()], degrees.collect()));
        seen += shared(graph.identifiers_of(account), of_kind(kind)).count();
    }
    let tests = graph.account_count() as f64 * results.heads().len() as f64;
    Ok(beyond_chance(dataset, &kinds, &indicators, seen, tests))
}

/// By kind, how many identifiers an account has.
fn degrees(dataset: &Dataset, account: AccountId) -> Vec<u32> {
    let graph = dataset.graph();
    let mut of_kind = vec![0; graph.kind_count()];
    graph.sightings_of(account).for_each(|sighting| of_kind[graph.kind_of(sighting.identifier).index()] += 1);
    of_kind
}

/// Of these kinds those that follow from none of the others.
fn kinds_that_count(results: &Labelling, both: Vec<KindId>) -> Vec<KindId> {
    let follows = |kind: KindId| {
        let mut implied = results.run.terms.implied_kinds();
        implied.any(|(finer, coarser)| coarser == kind && both.contains(&finer))
    };
    both.iter().copied().filter(|&kind| !follows(kind)).collect()
}

/// What so many of these indicators say among so many tests.
fn beyond_chance(dataset: &Dataset, kinds: &[KindId], indicators: &[(f64, f64)], seen: usize, tests: f64) -> Significance {
    let Tail { p_value, expected, off_by, method } = bicm::upper_tail(indicators, seen as u32);
    Significance {
        shared: seen as u64,
        expected,
        p_value,
        off_by,
        method,
        pairs: tests,
        q_value_at_most: bicm::q_values(&[p_value], tests)[0],
        kinds: kinds.iter().map(|&kind| dataset.kind_name(kind).to_owned()).collect(),
    }
}

/// The null of one kind of identifiers. O(sightings) once, then what [`Bicm::of`] takes.
fn null_of(dataset: &Dataset, kind: KindId) -> Result<Bicm, Error> {
    let graph = dataset.graph();
    let range = graph.identifiers_of_kind(kind);
    let degree = |account: u32| graph.identifiers_within(AccountId(account), &range).len() as u32;
    let accounts = (0..graph.account_count() as u32).into_par_iter().with_min_len(1 << 12).map(degree).collect();
    let identifiers = range.clone().map(|identifier| graph.identifier_degree(IdentifierId(identifier)) as u32).collect();
    Bicm::of(accounts, identifiers).map_err(|NotConverged { residual, iterations, .. }| {
        let what = format!("the null of {}", dataset.kind_name(kind));
        Error::NotConverged { what, residual, iterations }
    })
}
