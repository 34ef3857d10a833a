//! Which nodes have most of something, kept by the detection so that no question has to look at all of them?
//!
//! For each measure of [`crate::top`] and each list (a kind of identifier, all identifiers, accounts) the first [`KEPT`] nodes,
//! in the order in which a scan of everything would give them; and of the identifiers among them what a scan of their sightings
//! gives: exchanges, first and last time. A few hundred kilobytes whatever the store's size. Beside them one byte an
//! identifier: its count of accounts, where that is below 255, and the few others with theirs; what costs on a chain are made of
//! ([`crate::paths`]). And what a question would go through the whole store for: the bits of all that links
//! ([`Ties::volume`]), and all exchanges and tokens.
//!
//! Whoever asks for more than is kept, or asks results of an older version, gets the same from a scan.

use graph::{AccountId, BipartiteGraph, Column, IdentifierId};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::query;
use crate::results::Labelling;
use crate::store::{Store, StoreWriter};
use crate::ties::Ties;
use crate::top::{self, By};

/// Nodes that a list keeps.
const KEPT: usize = 1000;

/// The measures, in the order of the lists.
const MEASURES: [By; 3] = [By::Degree, By::Events, By::Bits];

/// Degrees from here on stand elsewhere.
const MANY: u8 = u8::MAX;

const NODES: &str = "result.foremost";
const OFFSETS: &str = "result.foremost_offsets";
const IDENTIFIERS: &str = "result.foremost_identifiers";
const EXCHANGES: &str = "result.foremost_exchanges";
const FIRST: &str = "result.foremost_first_seen";
const LAST: &str = "result.foremost_last_seen";
const DEGREES: &str = "result.small_degrees";
const WIDE: &str = "result.wide_identifiers";
const WIDE_DEGREES: &str = "result.wide_degrees";
const VOLUME: &str = "result.volume";
const TRAFFIC: &str = "result.traffic";

/// What the sightings of an identifier come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Exchanges.
    pub exchanges: u64,
    /// First sighting, or `NO_TIME`.
    pub first_seen: u32,
    /// Last sighting, or `NO_TIME`.
    pub last_seen: u32,
}

impl Totals {
    /// Those of an identifier. O(its sightings).
    pub(crate) fn of(dataset: &Dataset, identifier: IdentifierId) -> Self {
        summed(dataset.graph(), identifier)
    }
}

/// The lists; all empty where no detection kept any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foremost {
    /// Lists one after the other, by measure, then by kind, all identifiers, accounts.
    nodes: Column<u32>,
    offsets: Column<u64>,
    /// Identifiers that some list has, ascending, and their totals.
    identifiers: Column<u32>,
    exchanges: Column<u64>,
    first_seen: Column<u32>,
    last_seen: Column<u32>,
    /// By identifier: accounts, or [`MANY`].
    degrees: Column<u8>,
    /// Identifiers with [`MANY`] accounts or more, ascending, and how many these are.
    wide: Column<u32>,
    wide_degrees: Column<u32>,
    /// What [`Ties::volume`] comes to.
    volume: Column<f64>,
    /// Exchanges of the store, and tokens; 0 where it knows of none.
    traffic: Column<u64>,
}

/// One list: which nodes are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Kind(graph::KindId),
    Identifiers,
    Accounts,
}

impl Foremost {
    /// The lists in a store.
    pub(super) fn open(store: &Store) -> Result<Self, Error> {
        Ok(Foremost {
            nodes: store.column_or_empty(NODES)?,
            offsets: store.column_or_empty(OFFSETS)?,
            identifiers: store.column_or_empty(IDENTIFIERS)?,
            exchanges: store.column_or_empty(EXCHANGES)?,
            first_seen: store.column_or_empty(FIRST)?,
            last_seen: store.column_or_empty(LAST)?,
            degrees: store.column_or_empty(DEGREES)?,
            wide: store.column_or_empty(WIDE)?,
            wide_degrees: store.column_or_empty(WIDE_DEGREES)?,
            volume: store.column_or_empty(VOLUME)?,
            traffic: store.column_or_empty(TRAFFIC)?,
        })
    }

    /// Makes the lists of a detection. O(sightings), in parallel.
    pub(crate) fn of(dataset: &Dataset, results: &Labelling) -> Result<Self, Error> {
        let (graph, ties) = (dataset.graph(), Ties::of(dataset, results)?);
        let kinds: Vec<std::ops::Range<u32>> = graph.kinds().map(|kind| graph.identifiers_of_kind(kind)).collect();
        let (mut nodes, mut offsets) = (Vec::new(), vec![0u64]);
        for by in MEASURES {
            let ranked = |range: std::ops::Range<u32>, node: fn(u32) -> Node| {
                let measured = range.into_par_iter().with_min_len(4096);
                first(measured.map(|id| (top::measured(dataset, Some(&ties), by, node(id)), id)).collect())
            };
            let of_kinds: Vec<_> = kinds.iter().map(|range| ranked(range.clone(), Node::identifier)).collect();
            let all = first(of_kinds.concat());
            let accounts = ranked(0..graph.account_count() as u32, Node::account);
            for list in of_kinds.into_iter().chain([all, accounts]) {
                nodes.extend(list.into_iter().map(|(_, id)| id));
                offsets.push(nodes.len() as u64);
            }
        }
        let lists = kinds.len() + 2;
        let list = |at: usize| &nodes[offsets[at] as usize..offsets[at + 1] as usize];
        let of_identifiers = (0..MEASURES.len() * lists).filter(|at| at % lists != lists - 1).flat_map(list);
        let mut identifiers: Vec<u32> = of_identifiers.copied().collect();
        identifiers.sort_unstable();
        identifiers.dedup();
        let totals: Vec<Totals> = identifiers.par_iter().map(|&id| summed(graph, IdentifierId(id))).collect();
        let degree = |pair: &[u64]| u8::try_from(pair[1] - pair[0]).unwrap_or(MANY);
        let is_wide = |&id: &u32| graph.identifier_degree(IdentifierId(id)) >= usize::from(MANY);
        let wide: Vec<u32> = (0..graph.identifier_count() as u32).into_par_iter().with_min_len(4096).filter(is_wide).collect();
        let (exchanges, tokens) = traffic(dataset);
        let wide_degrees: Vec<u32> = wide.iter().map(|&id| graph.identifier_degree(IdentifierId(id)) as u32).collect();
        Ok(Foremost {
            exchanges: totals.iter().map(|total| total.exchanges).collect::<Vec<_>>().into(),
            first_seen: totals.iter().map(|total| total.first_seen).collect::<Vec<_>>().into(),
            last_seen: totals.iter().map(|total| total.last_seen).collect::<Vec<_>>().into(),
            wide: wide.into(),
            wide_degrees: wide_degrees.into(),
            volume: vec![ties.volume()].into(),
            traffic: vec![exchanges, tokens.unwrap_or(0)].into(),
            degrees: graph.columns().identifier_offsets.windows(2).map(degree).collect::<Vec<_>>().into(),
            nodes: nodes.into(),
            offsets: offsets.into(),
            identifiers: identifiers.into(),
        })
    }

    /// Puts the lists into a store, if there are any.
    pub(super) fn write(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        if self.offsets.is_empty() {
            return Ok(());
        }
        writer.put(NODES, &self.nodes)?;
        writer.put(OFFSETS, &self.offsets)?;
        writer.put(IDENTIFIERS, &self.identifiers)?;
        writer.put(EXCHANGES, &self.exchanges)?;
        writer.put(FIRST, &self.first_seen)?;
        writer.put(LAST, &self.last_seen)?;
        writer.put(WIDE, &self.wide)?;
        writer.put(WIDE_DEGREES, &self.wide_degrees)?;
        writer.put(VOLUME, &self.volume)?;
        writer.put(TRAFFIC, &self.traffic)?;
        writer.put(DEGREES, &self.degrees)
    }

    /// The first nodes of a list: as many as are kept, all if there are no more, none if none are kept.
    pub(crate) fn list(&self, graph: &BipartiteGraph, by: By, of: Of) -> &[u32] {
        let lists = graph.kind_count() + 2;
        let list = match of {
            Of::Kind(kind) => kind.index(),
            Of::Identifiers => lists - 2,
            Of::Accounts => lists - 1,
        };
        let at = MEASURES.iter().position(|&measure| measure == by).unwrap_or_default() * lists + list;
        let bounds = self.offsets.get(at..at + 2).map(|bounds| bounds[0] as usize..bounds[1] as usize);
        bounds.and_then(|bounds| self.nodes.get(bounds)).unwrap_or_default()
    }

    /// The bits of all that links, if they are kept.
    pub(crate) fn volume(&self) -> Option<f64> {
        self.volume.first().copied()
    }

    /// Exchanges of the store, and tokens where it knows of any: as kept, else counted.
    pub(crate) fn traffic(&self, dataset: &Dataset) -> (u64, Option<u64>) {
        match self.traffic[..] {
            [exchanges, tokens] => (exchanges, Some(tokens).filter(|&tokens| tokens > 0)),
            _ => traffic(dataset),
        }
    }

    /// How many accounts an identifier has: as kept, else counted.
    pub(crate) fn degree(&self, graph: &BipartiteGraph, identifier: IdentifierId) -> usize {
        match self.degrees.get(identifier.index()) {
            Some(&degree) if degree < MANY => usize::from(degree),
            Some(_) => match self.wide.binary_search(&identifier.0) {
                Ok(at) => self.wide_degrees[at] as usize,
                Err(_) => graph.identifier_degree(identifier),
            },
            None => graph.identifier_degree(identifier),
        }
    }

    /// What the sightings of an identifier come to: as kept, else summed.
    pub(crate) fn totals(&self, graph: &BipartiteGraph, identifier: IdentifierId) -> Totals {
        match self.identifiers.binary_search(&identifier.0) {
            Ok(at) => Totals { exchanges: self.exchanges[at], first_seen: self.first_seen[at], last_seen: self.last_seen[at] },
            Err(_) => summed(graph, identifier),
        }
    }
}

/// The first of a list, most first, ties to the lower id.
fn first(mut measured: Vec<(u64, u32)>) -> Vec<(u64, u32)> {
    let before = |&(measure, id): &(u64, u32)| (std::cmp::Reverse(measure), id);
    if measured.len() > KEPT {
        measured.select_nth_unstable_by_key(KEPT, before);
        measured.truncate(KEPT);
    }
    measured.sort_unstable_by_key(before);
    measured
}

fn traffic(dataset: &Dataset) -> (u64, Option<u64>) {
    let all = || (0..dataset.graph().account_count() as u32).into_par_iter().with_min_len(4096).map(AccountId);
    let tokens = all().map(|account| query::tokens_of(dataset, [account]).unwrap_or(0)).sum();
    (all().map(|account| query::exchanges_of(dataset, account)).sum(), Some(tokens).filter(|&tokens| tokens > 0))
}

fn summed(graph: &BipartiteGraph, identifier: IdentifierId) -> Totals {
    let (first_seen, last_seen) = query::span_of_identifier(graph, identifier);
    Totals { exchanges: query::exchanges_of_identifier(graph, identifier), first_seen, last_seen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{DetectConfig, detect};
    use crate::observe::Unobserved;
    use crate::testing::store_of_events;
    use proptest::prelude::*;

    impl Foremost {
        /// The same with fewer nodes in every list.
        fn cut(&self, most: usize) -> Self {
            let (mut nodes, mut offsets) = (Vec::new(), vec![0u64]);
            for bounds in self.offsets.windows(2) {
                let list = &self.nodes[bounds[0] as usize..bounds[1] as usize];
                nodes.extend(&list[..list.len().min(most)]);
                offsets.push(nodes.len() as u64);
            }
            Foremost { nodes: nodes.into(), offsets: offsets.into(), ..self.clone() }
        }
    }

    #[test]
    fn the_first_are_those_that_a_sort_puts_first() {
        let measured: Vec<(u64, u32)> = (0..5000u32).map(|id| (u64::from(id * 7919 % 613), id)).collect();
        let mut sorted = measured.clone();
        sorted.sort_by_key(|&(measure, id)| (std::cmp::Reverse(measure), id));
        sorted.truncate(KEPT);
        assert_eq!(first(measured), sorted);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Rankings, hubs and neighbours are the same whether all, some or nothing is kept.
        #[test]
        fn what_is_kept_is_what_a_scan_gives(
            rows in prop::collection::vec((0u32..15, 1u32..9, 0u32..6, 0u32..100), 1..80),
            most in 0usize..6,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = store_of_events(folder.path(), "store", &rows);
            detect(&path, &DetectConfig::default(), &Unobserved).unwrap();
            let dataset = Dataset::open(&path).unwrap();
            let kept = dataset.labelling().unwrap();
            prop_assert!(!kept.foremost.offsets.is_empty());
            let some = Labelling { foremost: kept.foremost.cut(most), ..kept.clone() };
            let none = Labelling { foremost: Foremost::default(), ..kept.clone() };
            for kind in [None, Some("account"), Some("ip"), Some("prompt_template_hash")] {
                for by in MEASURES {
                    let ranked = |results| top::top(&dataset, Some(results), by, kind).unwrap().collect::<Vec<_>>();
                    prop_assert_eq!(ranked(&kept), ranked(&none));
                    prop_assert_eq!(ranked(&some), ranked(&none));
                }
                if kind != Some("account") {
                    let hubs = |results| query::hubs(&dataset, results, kind).unwrap().collect::<Vec<_>>();
                    prop_assert_eq!(hubs(&kept), hubs(&none));
                    prop_assert_eq!(hubs(&some), hubs(&none));
                }
            }
            let nodes = (0..dataset.graph().vertex_count() as u32).map(|vertex| Node::of_vertex(&dataset, vertex));
            for node in nodes {
                let shown = |labels| query::show(&dataset, Some(labels), node).unwrap();
                prop_assert_eq!(shown(&kept), shown(&none));
                let all = query::neighbors(&dataset, Some(&kept), node).unwrap();
                let (nearest, count) = query::nearest(&dataset, Some(&kept), node, None, most).unwrap();
                let nearest: Vec<_> = nearest.collect();
                prop_assert_eq!(count, all.len());
                prop_assert_eq!(&nearest[..], &all[..most.min(all.len())]);
            }
            let ties = [&kept, &none].map(|results| Ties::of(&dataset, results).unwrap());
            let ends = (Node::account(0), Node::account(dataset.graph().account_count() as u32 - 1));
            if ends.0 != ends.1 {
                let [one, other] =
                    ties.map(|ties| crate::paths::paths(&dataset, Some(&ties), ends.0, ends.1, 3).unwrap());
                prop_assert_eq!(one, other);
            }
            let expanded = |results| crate::expand::expand(&dataset, results, &[AccountId(0)], &[]).map_err(|error| error.to_string());
            prop_assert_eq!(expanded(&kept), expanded(&none));
        }
    }
}
