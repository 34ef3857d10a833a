//! A part of a store in memory, for whoever asks a detection about it and keeps nothing.
//!
//! Its numbers are those that a store of the part would have ([`Kept`]): samples, the order of equals and what is drawn at random
//! go by numbers, so that only then it is found what a detection of that store finds.

use evidence::{AccountTable, Facts, KindLimit, KindRole};
use graph::{Activity, BipartiteGraph, IdentifierId, Seconds};

use super::Kept;
use super::words::renumbered_releases;
use crate::dataset::{Allowed, Dataset, Networks};
use crate::error::Error;

/// What a detection goes by.
pub(crate) struct Part {
    graph: BipartiteGraph,
    activity: Activity,
    accounts: AccountTable,
    roles: Vec<KindRole>,
    limits: Vec<KindLimit>,
    network_types: Vec<u8>,
    address_networks: Networks,
    releases: Vec<(u16, Seconds)>,
    allowed: Allowed,
}

impl Part {
    /// What is kept of a dataset; `allowed` has the numbers of the dataset. O(sightings + events).
    pub(crate) fn of(kept: &Kept, dataset: &Dataset, allowed: &Allowed) -> Result<Part, Error> {
        let (activity, models, _) = kept.activity(dataset)?;
        let [_, pathways] = kept.pathways(dataset)?;
        let of = kept.attributes(dataset, pathways);
        let kinds = dataset.graph().kinds().filter(|&kind| {
            dataset.graph().identifiers_of_kind(kind).any(|identifier| kept.has_identifier(IdentifierId(identifier)))
        });
        let kinds: Vec<usize> = kinds.map(|kind| kind.index()).collect();
        let facts = dataset.facts_on(dataset.graph(), allowed);
        let pairs = |pairs: &[(u32, u32)]| {
            let stay = pairs.iter().map(|&(one, other)| (kept.accounts[one as usize], kept.accounts[other as usize]));
            stay.filter(|&(one, other)| one != graph::NONE_U32 && other != graph::NONE_U32).collect()
        };
        Ok(Part {
            graph: kept.graph_of(dataset.linking_graph())?,
            activity,
            accounts: AccountTable {
                created_at: of.created_at.into(),
                banned_at: of.banned_at.into(),
                country: of.country.into(),
                tier: of.tier.into(),
                pathway: of.pathway.into(),
                org: of.org.into(),
            },
            roles: kinds.iter().map(|&kind| facts.roles[kind]).collect(),
            limits: if facts.limits.is_empty() { Vec::new() } else { kinds.iter().map(|&kind| facts.limits[kind]).collect() },
            network_types: kept.by_identifier(facts.network_types),
            address_networks: Networks::of(dataset, kept.identifiers()),
            releases: renumbered_releases(facts.releases, &models),
            allowed: Allowed {
                identifiers: kept.by_identifier(&allowed.identifiers),
                accounts: kept.by_account(&allowed.accounts),
                must: pairs(&allowed.must),
                cannot: pairs(&allowed.cannot),
            },
        })
    }

    /// The inputs of the judgement, releases up to a time.
    pub(crate) fn facts_until(&self, time: Seconds) -> Facts<'_> {
        Facts {
            graph: &self.graph,
            activity: &self.activity,
            roles: &self.roles,
            limits: &self.limits,
            accounts: &self.accounts,
            allowed_identifiers: &self.allowed.identifiers,
            allowed_accounts: &self.allowed.accounts,
            must: &self.allowed.must,
            cannot: &self.allowed.cannot,
            network_types: &self.network_types,
            address_networks: Some(&self.address_networks),
            releases: &self.releases[..self.releases.partition_point(|&(_, at)| at <= time)],
        }
    }
}
