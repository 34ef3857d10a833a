//! What of a store counts for a rule, and which pairs of accounts hold it?

use graph::{AccountId, BipartiteGraph, IdentifierId, NO_TIME, Seconds};

use super::{Good, PAIRS, Part, Rule, Shares};
use crate::dataset::Dataset;
use crate::detect::last::not_detected;
use crate::error::Error;
use crate::filter::{Filter, HUB_FIELDS};
use crate::query;
use crate::results::Labelling;
use crate::ties::shared;

/// The parts of a rule with the identifiers that count for each.
pub(super) struct Marked {
    parts: Vec<MarkedPart>,
}

struct MarkedPart {
    /// Of the shares, how many are needed.
    needed: usize,
    shares: Vec<MarkedShare>,
}

struct MarkedShare {
    /// Its identifiers, ascending.
    identifiers: Vec<u32>,
    /// Seconds that may lie between the times at which two accounts had one.
    within: Option<Seconds>,
}

impl MarkedShare {
    /// Whether two accounts that were both seen with an identifier hold the share by it. O(log of both rows).
    fn holds(&self, graph: &BipartiteGraph, accounts: [u32; 2], identifier: u32) -> bool {
        let at_one_time = |window: Seconds| {
            let [one, other] = accounts.map(|account| graph.sighting_between(AccountId(account), IdentifierId(identifier)));
            one.zip(other).is_some_and(|(one, other)| {
                let timed = one.first_seen != NO_TIME && other.first_seen != NO_TIME;
                let gap = one.first_seen.max(other.first_seen).saturating_sub(one.last_seen.min(other.last_seen));
                timed && gap <= window
            })
        };
        self.identifiers.binary_search(&identifier).is_ok() && self.within.is_none_or(at_one_time)
    }
}

impl Marked {
    pub(super) fn of(dataset: &Dataset, results: Option<&Labelling>, rule: &Rule, good: &Good) -> Result<Self, Error> {
        let graph = dataset.linking_graph();
        let marked = |shares: &Shares| -> Result<MarkedShare, Error> {
            let filter = shares.filter.as_deref().map(|text| Filter::parse(text, HUB_FIELDS)).transpose()?;
            let mut identifiers = Vec::new();
            for id in graph.identifiers_of_kind(dataset.kind(&shares.kind)?) {
                let identifier = IdentifierId(id);
                if graph.identifier_degree(identifier) < 2 || good.identifiers.contains(&id) {
                    continue;
                }
                let passes = match (&filter, results) {
                    (None, _) => true,
                    (Some(filter), Some(results)) => filter.matches(&query::hub(dataset, results, identifier))?,
                    (Some(_), None) => return Err(not_detected(dataset)),
                };
                if passes {
                    identifiers.push(id);
                }
            }
            Ok(MarkedShare { identifiers, within: shares.within })
        };
        let part = |part: &Part| {
            // Of two shares of one kind one thing would be both.
            let kinds = part.shares.iter().map(|shares| dataset.kind(&shares.kind)).collect::<Result<Vec<_>, Error>>()?;
            if let Some(at) = (1..kinds.len()).find(|&at| kinds[..at].contains(&kinds[at])) {
                return Err(Error::Usage(format!(
                    "rule {}: {} stands twice in one {{...}}: one identifier would count as two",
                    rule.name,
                    dataset.kind_name(kinds[at])
                )));
            }
            let shares = part.shares.iter().map(marked).collect::<Result<_, Error>>()?;
            Ok(MarkedPart { needed: part.needed, shares })
        };
        Ok(Marked { parts: rule.parts.iter().map(part).collect::<Result<_, Error>>()? })
    }

    /// Pairs of accounts that share something of the part with fewest pairs, each once for each thing shared.
    pub(super) fn each_pair(&self, graph: &BipartiteGraph, rule: &str, mut visit: impl FnMut(u32, u32)) -> Result<(), Error> {
        let pairs = |identifiers: &[u32]| -> u64 {
            let degrees = identifiers.iter().map(|&id| graph.identifier_degree(IdentifierId(id)) as u64);
            degrees.map(|degree| degree * (degree - 1) / 2).sum()
        };
        // Whoever has as many shares of a part as are needed has one of any but so many less one.
        let pivot_of = |part: &MarkedPart| -> (u64, Vec<usize>) {
            let mut shares: Vec<(u64, usize)> = part.shares.iter().map(|share| pairs(&share.identifiers)).zip(0..).collect();
            shares.sort_unstable();
            shares.truncate(part.shares.len() + 1 - part.needed);
            (shares.iter().map(|share| share.0).sum(), shares.into_iter().map(|share| share.1).collect())
        };
        let pivots = self.parts.iter().map(|part| (pivot_of(part), part));
        let Some(((count, shares), part)) = pivots.min_by_key(|((count, _), _)| *count) else { return Ok(()) };
        if count > PAIRS {
            return Err(Error::Usage(format!(
                "rule {rule} has to look at {count} pairs of accounts, more than {PAIRS}: ask for fewer accounts, as in card(accounts <= 10)"
            )));
        }
        for &identifier in shares.iter().flat_map(|&share| &part.shares[share].identifiers) {
            let accounts = graph.accounts_of(IdentifierId(identifier));
            for (at, &one) in accounts.iter().enumerate() {
                accounts[at + 1..].iter().for_each(|&other| visit(one, other));
            }
        }
        Ok(())
    }

    /// Whether two accounts share what every part asks for.
    pub(super) fn hold(&self, graph: &BipartiteGraph, one: u32, other: u32) -> bool {
        let rows = [one, other].map(|account| graph.identifiers_of(AccountId(account)));
        let both: Vec<u32> = shared(rows[0], rows[1]).collect();
        self.parts.iter().all(|part| {
            let held = |share: &&MarkedShare| both.iter().any(|&id| share.holds(graph, [one, other], id));
            part.shares.iter().filter(held).count() >= part.needed
        })
    }
}
