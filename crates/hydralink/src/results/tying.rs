//! Which identifiers tie each network together, all of them?
//!
//! A network's card names the strongest and counts the others, since everything that shows networks carries cards. The rest is
//! kept here as numbers, 8 bytes an identifier, and put into words when all are asked for. Results of older versions have none
//! of it, and give what the card names.

use evidence::Candidate;
use graph::{Column, IdentifierId, NONE_U32};

use super::Labelling;
use super::card::{Network, TyingIdentifier};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::store::{Store, StoreWriter};
use crate::ties::{packed, unpacked};
use crate::time::rfc3339;

const OFFSETS: &str = "result.tying_offsets";
const TYING: &str = "result.tying";
const FRAGILE: &str = "result.tying_fragile";

/// What is kept of the candidates' own identifiers; all empty where no detection kept it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tying {
    /// Where each network's identifiers begin, by rank, and the last's end.
    offsets: Column<u64>,
    /// Identifiers, those that tie most members first, and how many they tie: `identifier << 32 | members`.
    tying: Column<u64>,
    /// By network: the identifier whose loss would cost it most, or `NONE_U32`.
    fragile: Column<u32>,
}

impl Tying {
    /// Of candidates by rank.
    pub(crate) fn of<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Self {
        let (mut offsets, mut tying, mut fragile) = (vec![0], Vec::new(), Vec::new());
        for candidate in candidates {
            tying.extend(candidate.strongest_first().iter().map(|own| packed(own.identifier, own.members)));
            offsets.push(tying.len() as u64);
            fragile.push(candidate.fragility.identifier.unwrap_or(NONE_U32));
        }
        Tying { offsets: offsets.into(), tying: tying.into(), fragile: fragile.into() }
    }

    /// What a store has of it.
    pub(super) fn open(store: &Store) -> Result<Self, Error> {
        Ok(Tying {
            offsets: store.column_or_empty(OFFSETS)?,
            tying: store.column_or_empty(TYING)?,
            fragile: store.column_or_empty(FRAGILE)?,
        })
    }

    /// Puts it into a store, if there is anything.
    pub(super) fn write(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        if self.offsets.is_empty() {
            return Ok(());
        }
        writer.put(OFFSETS, &self.offsets)?;
        writer.put(TYING, &self.tying)?;
        writer.put(FRAGILE, &self.fragile)
    }

    /// The identifiers of a network, and how many members each ties, if they are kept.
    fn of_network(&self, network: usize) -> Option<impl Iterator<Item = (IdentifierId, u32)> + '_> {
        let bound = |network: usize| self.offsets.get(network).map(|&at| at as usize);
        let kept = self.tying.get(bound(network)?..bound(network + 1)?)?;
        Some(kept.iter().map(|&kept| unpacked(kept)).map(|(identifier, members)| (IdentifierId(identifier), members)))
    }
}

impl Labelling {
    /// All identifiers that tie a network together, in the order of its card, which names the first of them. O(their sightings).
    ///
    /// # Errors
    /// [`Error::Usage`] if the labels, or the network, are of another store, or of it before an update or another detection.
    pub fn tying_identifiers(&self, dataset: &Dataset, network: &Network) -> Result<Vec<TyingIdentifier>, Error> {
        self.check_card(dataset, network)?;
        let place = network.index();
        let is_fragile = |identifier: IdentifierId| self.tying.fragile.get(place) == Some(&identifier.0);
        let is_member = |account: u32| self.network_of.get(account as usize) == Some(&(place as u32));
        let row = |(identifier, members): (IdentifierId, u32)| {
            let lost = if is_fragile(identifier) { network.fragility * network.accounts as f64 } else { 0.0 };
            let accounts = dataset.linking_graph().identifier_degree(identifier) as u32;
            let own = Own { identifier, members, accounts, lost: lost.round() as u64 };
            tying_identifier(dataset, own, self.class_of(identifier), is_member)
        };
        let kept = self.tying.of_network(place).map(|kept| kept.skip(network.tied_by.len()).map(row).collect());
        let rest: Vec<TyingIdentifier> = kept.unwrap_or_default();
        Ok(network.tied_by.iter().cloned().chain(rest).collect())
    }
}

/// An identifier that ties members of a network, of whom some may be lost without it.
pub(crate) struct Own {
    pub(crate) identifier: IdentifierId,
    pub(crate) members: u32,
    pub(crate) accounts: u32,
    pub(crate) lost: u64,
}

/// What is told of an identifier that ties members of a network.
pub(crate) fn tying_identifier(dataset: &Dataset, own: Own, class: &str, is_member: impl Fn(u32) -> bool) -> TyingIdentifier {
    let Own { identifier, members, accounts, lost } = own;
    let graph = dataset.graph();
    let columns = graph.columns();
    let (mut first, mut last) = (graph::NO_TIME, graph::NO_TIME);
    for (&account, &position) in graph.accounts_of(identifier).iter().zip(graph.sightings_of_identifier(identifier)) {
        if is_member(account) {
            let at = position as usize;
            (first, last) = (graph::build::earliest(first, columns.first_seen[at]), last.max(columns.last_seen[at]));
        }
    }
    TyingIdentifier {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        class: class.to_owned(),
        members: u64::from(members),
        accounts: u64::from(accounts),
        exclusivity: f64::from(members) / f64::from(accounts.max(1)),
        first_seen: rfc3339(first),
        last_seen: rfc3339(last),
        members_lost_without: lost,
    }
}
