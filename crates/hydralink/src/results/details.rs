//! What takes the rows of all members to find, kept by the detection of each flagged network: how it hangs together
//! ([`crate::how`](mod@crate::how)), what its members did ([`crate::dossier`]), and who of them waits or replaces whom
//! ([`crate::lineage`]).
//!
//! Three documents a network, in bincode, with names as the store has them: shown at another level, they are put into its words
//! when they are read. Some 200 bytes an account of a flagged network. Whoever asks of a candidate below the threshold, or asks
//! results without documents (of older versions, or what `verify` finds again), gets the same, found anew.

use graph::Column;
use serde::de::DeserializeOwned;

use super::Labelling;
use crate::dataset::Dataset;
use crate::dossier::Doings;
use crate::error::Error;
use crate::how::{self, How};
use crate::lineage::Reserves;
use crate::store::{self, Store, StoreWriter};

/// The documents; none where no detection kept any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    /// Of each network two: what its members did, and how it hangs together.
    doings: Documents<2>,
    reserves: Documents<1>,
}

/// So many documents of each network, by rank.
#[derive(Clone, Debug, Default)]
struct Documents<const EACH: usize> {
    /// Where each document begins, and where the last of all ends. Those of networks that aren't flagged are empty.
    offsets: Column<u64>,
    bytes: Column<u8>,
}

/// The sections of documents: where they begin, and what they are.
type Sections = [&'static str; 2];

const DOINGS: Sections = ["result.doing_offsets", "result.doings"];
const RESERVES: Sections = ["result.reserve_offsets", "result.reserves"];

impl Details {
    /// What a store has.
    pub(super) fn open(store: &Store) -> Result<Self, Error> {
        Ok(Details { doings: Documents::open(store, DOINGS)?, reserves: Documents::open(store, RESERVES)? })
    }

    /// Finds the details of a detection's flagged networks.
    ///
    /// # Errors
    /// As [`how::how`].
    pub(crate) fn of(dataset: &Dataset, results: &Labelling) -> Result<Self, Error> {
        let flagged = |network: usize| results.head(network).flagged;
        let doings = Documents::of(results.heads().len(), |network| {
            Ok(if flagged(network) {
                let how = how::how(dataset, results, network)?;
                [store::encoded(&Doings::of(dataset, results, network, &how)), store::encoded(&how)]
            } else {
                [Vec::new(), Vec::new()]
            })
        })?;
        let reserves = Documents::of(results.heads().len(), |network| {
            Ok([if flagged(network) { store::encoded(&Reserves::of(dataset, results, network)?) } else { Vec::new() }])
        })?;
        Ok(Details { doings, reserves })
    }

    /// Puts them into a store, if there are any.
    pub(super) fn write(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        self.doings.write(writer, DOINGS)?;
        self.reserves.write(writer, RESERVES)
    }

    /// How a network hangs together, in words of the level, if it is kept.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if the document can't be read.
    pub(crate) fn how(&self, dataset: &Dataset, network: usize) -> Result<Option<How>, Error> {
        let how: Option<How> = self.doings.read(dataset, DOINGS, network, 1)?;
        Ok(how.map(|how| how.shown(dataset)))
    }

    /// What the members of a network did, in words of the level, if it is kept.
    ///
    /// # Errors
    /// As [`Details::how`].
    pub(crate) fn doings(&self, dataset: &Dataset, network: usize) -> Result<Option<Doings>, Error> {
        let doings: Option<Doings> = self.doings.read(dataset, DOINGS, network, 0)?;
        Ok(doings.map(|doings| doings.shown(dataset)))
    }

    /// Who of a network waits, and replaces whom, in words of the level, if it is kept.
    ///
    /// # Errors
    /// As [`Details::how`].
    pub(crate) fn reserves(&self, dataset: &Dataset, network: usize) -> Result<Option<Reserves>, Error> {
        let reserves: Option<Reserves> = self.reserves.read(dataset, RESERVES, network, 0)?;
        Ok(reserves.map(|reserves| reserves.shown(dataset)))
    }
}

impl<const EACH: usize> Documents<EACH> {
    fn open(store: &Store, [offsets, bytes]: Sections) -> Result<Self, Error> {
        Ok(Documents { offsets: store.column_or_empty(offsets)?, bytes: store.column_or_empty(bytes)? })
    }

    fn of(networks: usize, make: impl Fn(usize) -> Result<[Vec<u8>; EACH], Error>) -> Result<Self, Error> {
        let (mut bytes, mut offsets) = (Vec::new(), vec![0u64]);
        for network in 0..networks {
            for document in make(network)? {
                bytes.extend(document);
                offsets.push(bytes.len() as u64);
            }
        }
        Ok(Documents { offsets: offsets.into(), bytes: bytes.into() })
    }

    fn write(&self, writer: &mut StoreWriter, [offsets, bytes]: Sections) -> Result<(), Error> {
        if self.offsets.is_empty() {
            return Ok(());
        }
        writer.put(offsets, &self.offsets)?;
        writer.put(bytes, &self.bytes)
    }

    fn read<T: DeserializeOwned>(
        &self,
        dataset: &Dataset,
        [_, section]: Sections,
        network: usize,
        document: usize,
    ) -> Result<Option<T>, Error> {
        let at = network * EACH + document;
        let Some(bounds) = self.offsets.get(at..at + 2) else { return Ok(None) };
        let damaged = |what: &str| dataset.store().damaged(section, what);
        let bytes = self.bytes.get(bounds[0] as usize..bounds[1] as usize);
        let bytes = bytes.ok_or_else(|| damaged("a document lies outside"))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        store::decoded(bytes).map(Some).map_err(|what| damaged(&what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bans::{PlanConfig, plan_bans};
    use crate::export::Level;
    use crate::lineage::lineage;
    use crate::results::groups::Groups;
    use crate::{self as hydralink, AccountId, appeal, dossier, links, query};

    /// Every answer that what a detection kept is in is the one that is found without it, at every level.
    #[test]
    fn what_is_kept_is_what_is_found() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        for level in [Level::Full, Level::Analyst, Level::Redact] {
            let key = crate::testing::key(store.parent().expect("a folder"), b"0123456789abcdef0123456789abcdef");
            let dataset = Dataset::open(&store).unwrap().at_level(level, Some(&key)).unwrap();
            let kept = dataset.labelling().unwrap();
            let bare = Labelling { groups: Groups::default(), details: Details::default(), ..kept.clone() };
            let flagged = kept.heads().iter().filter(|head| head.flagged).count();
            assert!(flagged > 0 && flagged < kept.heads().len());
            for place in 0..kept.heads().len() {
                assert_eq!(kept.details.how(&dataset, place).unwrap().is_some(), kept.head(place).flagged);
                assert_eq!(how::how(&dataset, &kept, place).unwrap(), how::how(&dataset, &bare, place).unwrap());
                let network = kept.network(&dataset, place).unwrap();
                let told = |labels| dossier::dossier(&dataset, labels, &network).unwrap();
                assert_eq!(told(&kept), told(&bare));
                let plan = |labels: &Labelling| {
                    let config = PlanConfig {
                        benign_budget: 2.0,
                        identifier_actions: true,
                        as_if_unbanned: true,
                        allow_unflagged: true,
                    };
                    plan_bans(&dataset, labels, &network, &config).unwrap()
                };
                assert_eq!(plan(&kept), plan(&bare));
                if kept.head(place).flagged {
                    let lineage = |labels: &Labelling| lineage(&dataset, Some(labels), &network.id).unwrap();
                    assert_eq!(lineage(&kept), lineage(&bare));
                }
                let members = kept.members_of(place);
                assert_eq!(members, bare.members_of(place));
                let pairs = members.windows(2).step_by(7).map(|pair| [pair[0].0, pair[1].0]);
                for [first, second] in pairs.take(5) {
                    let why = |labels: &Labelling| links::why(&dataset, labels, first, second).unwrap();
                    assert_eq!(why(&kept), why(&bare));
                    let appeal = |labels: &Labelling| appeal::appeal(&dataset, labels, first).unwrap();
                    assert_eq!(appeal(&kept), appeal(&bare));
                }
            }
            for account in (0..dataset.graph().account_count() as u32).map(AccountId) {
                assert_eq!(query::member(&dataset, &kept, account), query::member(&dataset, &bare, account));
            }
        }
    }
}
