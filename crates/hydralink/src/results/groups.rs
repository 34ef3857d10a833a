//! Who is in each candidate network, with what, and as what, kept by the detection so that no question counts it again?
//!
//! Of each candidate: its accounts; how many of them each identifier was seen on ([`crate::ties::Group`]); the identifiers that
//! tie it; and of each account the role that it has if its network is one ([`crate::roles`]). 8 bytes for each identifier of a
//! candidate, one for each account of the store. Results without them (those of older versions, of accounts that somebody
//! names, and what `verify` finds again) give the same, counted when it is asked for.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use graph::{AccountId, Column, IdentifierId};
use rayon::prelude::*;

use super::{Labelling, Membership};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::roles::{self, AccountRole, SeenAlone};
use crate::store::{Store, StoreWriter};
use crate::ties::Group;

const OFFSETS: &str = "result.group_offsets";
const MEMBERS: &str = "result.group_members";
const HOLDINGS: &str = "result.group_holdings";
const TOUCHING: &str = "result.group_touching";
const OWN: &str = "result.group_own";
const ROLES: &str = "result.roles";

/// What is kept of the candidates; all empty where no detection kept it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    /// Of each network, by rank, and of the one after the last: where its part of each of the four columns below begins.
    offsets: Column<u64>,
    /// Accounts, ascending.
    members: Column<u32>,
    /// As [`Group`] has them.
    holdings: Column<u64>,
    touching: Column<u64>,
    /// Identifiers that tie the network, ascending.
    own: Column<u32>,
    /// By account: its role if its network is one, as one more than the place in [`AccountRole::ALL`]; 0 outside of networks.
    roles: Column<u8>,
    /// The roles of all accounts where none are kept, found when the first is asked for.
    found_roles: OnceLock<Vec<Option<AccountRole>>>,
}

/// Columns that have a part for each network.
const PARTS: usize = 4;

impl Groups {
    /// What a store has of it.
    pub(super) fn open(store: &Store) -> Result<Self, Error> {
        Ok(Groups {
            offsets: store.column_or_empty(OFFSETS)?,
            members: store.column_or_empty(MEMBERS)?,
            holdings: store.column_or_empty(HOLDINGS)?,
            touching: store.column_or_empty(TOUCHING)?,
            own: store.column_or_empty(OWN)?,
            roles: store.column_or_empty(ROLES)?,
            found_roles: OnceLock::new(),
        })
    }

    /// Counts it for a detection. O(accounts + sightings of the candidates' accounts), in parallel.
    pub(crate) fn of(dataset: &Dataset, results: &Labelling) -> Self {
        let members = belonging(results);
        let accounts = (0..results.network_of.len() as u32).into_par_iter().with_min_len(1024).map(AccountId);
        let seen: Vec<SeenAlone> = accounts.map(|account| roles::seen_alone(dataset, results, account)).collect();
        let counted: Vec<(Group<'static>, Vec<u32>)> = (members.par_iter().enumerate().with_max_len(1))
            .map(|(network, members)| (Group::counted(dataset, members), tying(dataset, results, network, members)))
            .collect();
        let mut offsets = vec![0; PARTS];
        let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (group, own) in &counted {
            columns.0.extend_from_slice(&group.accounts);
            columns.1.extend_from_slice(group.packed().0);
            columns.2.extend_from_slice(group.packed().1);
            columns.3.extend_from_slice(own);
            offsets.extend([columns.0.len(), columns.1.len(), columns.2.len(), columns.3.len()].map(|end| end as u64));
        }
        Groups {
            offsets: offsets.into(),
            members: columns.0.into(),
            holdings: columns.1.into(),
            touching: columns.2.into(),
            own: columns.3.into(),
            roles: roles::roles_if_flagged(&seen, &members)
                .into_iter()
                .map(|role| role.map_or(0, AccountRole::code))
                .collect::<Vec<u8>>()
                .into(),
            found_roles: OnceLock::new(),
        }
    }

    /// Puts it into a store, if there is anything.
    pub(super) fn write(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        if self.offsets.is_empty() {
            return Ok(());
        }
        writer.put(OFFSETS, &self.offsets)?;
        writer.put(MEMBERS, &self.members)?;
        writer.put(HOLDINGS, &self.holdings)?;
        writer.put(TOUCHING, &self.touching)?;
        writer.put(OWN, &self.own)?;
        writer.put(ROLES, &self.roles)
    }

    /// The accounts of a network, ascending, if they are kept.
    pub(super) fn members(&self, network: usize) -> Option<&[u32]> {
        self.members.get(self.part(network, 0)?)
    }

    /// A network as it is kept.
    pub(crate) fn group(&self, network: usize) -> Option<Group<'_>> {
        let holdings = self.holdings.get(self.part(network, 1)?)?;
        Some(Group::kept(self.members(network)?, holdings, self.touching.get(self.part(network, 2)?)?))
    }

    /// The identifiers that tie a network, ascending, if they are kept.
    fn own(&self, network: usize) -> Option<&[u32]> {
        self.own.get(self.part(network, 3)?)
    }

    /// The role that an account has if its network is one. O(1) where roles are kept; else those of all are found once.
    pub(crate) fn role(&self, dataset: &Dataset, results: &Labelling, account: AccountId) -> Option<AccountRole> {
        match self.roles.get(account.index()) {
            Some(&code) => usize::from(code).checked_sub(1).and_then(|at| AccountRole::ALL.get(at)).copied(),
            None => *self.found_roles.get_or_init(|| found_roles(dataset, results)).get(account.index())?,
        }
    }

    fn part(&self, network: usize, column: usize) -> Option<Range<usize>> {
        let place = |network: usize| network.checked_mul(PARTS)?.checked_add(column);
        let bound = |network: usize| self.offsets.get(place(network)?).map(|&at| at as usize);
        Some(bound(network)?..bound(network.checked_add(1)?)?)
    }
}

impl Labelling {
    /// The identifiers that tie a network together, ascending: those of its accounts' that are its own.
    pub(crate) fn own_identifiers(&self, dataset: &Dataset, network: usize) -> Cow<'_, [u32]> {
        match self.groups.own(network) {
            Some(own) => Cow::Borrowed(own),
            None => Cow::Owned(tying(dataset, self, network, &self.members_of(network))),
        }
    }
}

/// The roles of all accounts. In one thread: whoever asks may be one of many, and all wait for this.
fn found_roles(dataset: &Dataset, results: &Labelling) -> Vec<Option<AccountRole>> {
    let accounts = (0..results.network_of.len() as u32).map(AccountId);
    let seen: Vec<SeenAlone> = accounts.map(|account| roles::seen_alone(dataset, results, account)).collect();
    roles::roles_if_flagged(&seen, &belonging(results))
}

/// The accounts of each network, ascending, and how they belong.
fn belonging(results: &Labelling) -> Vec<Vec<(AccountId, Membership)>> {
    let mut members: Vec<Vec<(AccountId, Membership)>> = vec![Vec::new(); results.heads.len()];
    for account in (0..results.network_of.len() as u32).map(AccountId) {
        let network = results.network_of[account.index()];
        // A damaged store may name networks that there aren't.
        if let (Some(members), Some((_, how))) = (members.get_mut(network as usize), results.membership_of(account)) {
            members.push((account, how));
        }
    }
    members
}

/// Of what these accounts of a network were seen with, the identifiers that tie it.
fn tying(dataset: &Dataset, results: &Labelling, network: usize, members: &[(AccountId, Membership)]) -> Vec<u32> {
    let graph = dataset.graph();
    let own = |&identifier: &u32| results.is_own(graph, IdentifierId(identifier), network as u32);
    let seen = members.par_iter().flat_map_iter(|&(account, _)| graph.identifiers_of(account).iter().copied().filter(own));
    let mut found: Vec<u32> = seen.collect();
    found.par_sort_unstable();
    found.dedup();
    found
}
