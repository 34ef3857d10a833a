//! The account-identifier graph: one sighting for each pair that was ever seen together, in compressed sparse rows,
//! readable from both sides.
//!
//! For account `a`, positions `account_offsets[a] .. account_offsets[a + 1]` of the sighting columns are its sightings, in
//! ascending order of identifier. For identifier `i`, the same range of `identifier_offsets` gives its accounts, ascending, and
//! `identifier_sightings` the position of each in the sighting columns, so that counts and times are stored once.
//!
//! Identifiers of one kind are contiguous: kind `k` owns `kind_starts[k] .. kind_starts[k + 1]`.
//!
//! Memory: 24 bytes a sighting, 8 bytes a vertex.

use crate::{AccountId, Column, GraphError, IdentifierId, KindId, Seconds};

/// What is known of one account and one identifier: the aggregate of all events that show both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The account.
    pub account: AccountId,
    /// The identifier.
    pub identifier: IdentifierId,
    /// Exchanges that showed both, saturating at `u32::MAX`.
    pub count: u32,
    /// The earliest such event, or `NO_TIME`.
    pub first_seen: Seconds,
    /// The latest such event, or `NO_TIME`.
    pub last_seen: Seconds,
}

/// The columns a [`BipartiteGraph`] is made of; what a store keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BipartiteColumns {
    /// First identifier of each kind, and the identifier count; length kinds + 1.
    pub kind_starts: Column<u32>,
    /// Start of each account's sightings; length accounts + 1.
    pub account_offsets: Column<u64>,
    /// Identifier of each sighting, ascending within an account.
    pub identifiers: Column<u32>,
    /// Exchanges of each sighting.
    pub counts: Column<u32>,
    /// First event of each sighting.
    pub first_seen: Column<Seconds>,
    /// Last event of each sighting.
    pub last_seen: Column<Seconds>,
    /// Start of each identifier's accounts; length identifiers + 1.
    pub identifier_offsets: Column<u64>,
    /// Account of each reverse entry, ascending within an identifier.
    pub accounts: Column<u32>,
    /// Position of each reverse entry in the sighting columns.
    pub identifier_sightings: Column<u32>,
}

/// The typed bipartite graph. Immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct BipartiteGraph {
    columns: BipartiteColumns,
}

impl BipartiteGraph {
    /// Takes columns whose lengths agree and whose ends are in range: O(kinds). The full check is [`BipartiteGraph::validate`].
    ///
    /// # Errors
    /// [`GraphError`] names the column that doesn't fit.
    pub fn from_columns(columns: BipartiteColumns) -> Result<Self, GraphError> {
        let identifiers = columns.identifier_offsets.len().saturating_sub(1) as u64;
        let sightings = columns.identifiers.len() as u64;
        let length = |column, expected: u64, found: usize| {
            if expected == found as u64 { Ok(()) } else { Err(GraphError::Length { column, expected, found: found as u64 }) }
        };
        for (column, offsets) in
            [("account_offsets", &columns.account_offsets), ("identifier_offsets", &columns.identifier_offsets)]
        {
            if offsets.first() != Some(&0) {
                return Err(GraphError::Offsets { column, at: 0 });
            }
            let last = offsets[offsets.len() - 1];
            if last != sightings {
                return Err(GraphError::OutOfRange { column, at: offsets.len() as u64 - 1, found: last, bound: sightings });
            }
        }
        length("counts", sightings, columns.counts.len())?;
        length("first_seen", sightings, columns.first_seen.len())?;
        length("last_seen", sightings, columns.last_seen.len())?;
        length("accounts", sightings, columns.accounts.len())?;
        length("identifier_sightings", sightings, columns.identifier_sightings.len())?;
        let kinds: &[u32] = &columns.kind_starts;
        if kinds.first() != Some(&0) {
            return Err(GraphError::Offsets { column: "kind_starts", at: 0 });
        }
        if let Some(at) = kinds.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(GraphError::Offsets { column: "kind_starts", at: at as u64 + 1 });
        }
        length("kind_starts (last entry)", identifiers, kinds[kinds.len() - 1] as usize)?;
        Ok(BipartiteGraph { columns })
    }

    /// Checks every element: offsets ascend, ids are in range and ascend within a row, and the reverse side mirrors the forward
    /// side. O(sightings).
    ///
    /// # Errors
    /// The first entry that is wrong.
    pub fn validate(&self) -> Result<(), GraphError> {
        let columns = &self.columns;
        check_rows("identifiers", "account_offsets", &columns.account_offsets, &columns.identifiers, self.identifier_count())?;
        check_rows("accounts", "identifier_offsets", &columns.identifier_offsets, &columns.accounts, self.account_count())?;
        let (offsets, identifiers) = (columns.account_offsets.as_slice(), columns.identifiers.as_slice());
        let (positions, accounts) = (columns.identifier_sightings.as_slice(), columns.accounts.as_slice());
        let bound = identifiers.len() as u64;
        for identifier in 0..self.identifier_count() {
            let row = columns.identifier_offsets[identifier] as usize..columns.identifier_offsets[identifier + 1] as usize;
            for at in row {
                let (position, account) = (positions[at] as usize, accounts[at] as usize);
                let owned = (offsets[account]..offsets[account + 1]).contains(&(position as u64));
                if !owned || identifiers[position] as usize != identifier {
                    let (at, found) = (at as u64, position as u64);
                    return Err(GraphError::OutOfRange { column: "identifier_sightings", at, found, bound });
                }
            }
        }
        Ok(())
    }

    /// The columns, for a store to write.
    #[inline]
    pub fn columns(&self) -> &BipartiteColumns {
        &self.columns
    }

    /// Number of accounts.
    #[inline]
    pub fn account_count(&self) -> usize {
        self.columns.account_offsets.len() - 1
    }

    /// Number of identifiers of all kinds.
    #[inline]
    pub fn identifier_count(&self) -> usize {
        self.columns.identifier_offsets.len() - 1
    }

    /// Number of kinds.
    pub fn kind_count(&self) -> usize {
        self.columns.kind_starts.len() - 1
    }

    /// The kinds, ascending.
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = KindId> + DoubleEndedIterator + Clone + use<> {
        (0..self.kind_count()).map(KindId::of_index)
    }

    /// Number of sightings.
    pub fn sighting_count(&self) -> usize {
        self.columns.identifiers.len()
    }

    /// Number of accounts and identifiers: vertices are accounts first, then identifiers.
    pub fn vertex_count(&self) -> usize {
        self.account_count() + self.identifier_count()
    }

    /// The identifiers of one kind, as a range of ids.
    pub fn identifiers_of_kind(&self, kind: KindId) -> std::ops::Range<u32> {
        self.columns.kind_starts[kind.index()]..self.columns.kind_starts[kind.index() + 1]
    }

    /// The kind of an identifier. O(log kinds).
    #[inline]
    pub fn kind_of(&self, identifier: IdentifierId) -> KindId {
        let starts = self.columns.kind_starts.as_slice();
        KindId::of_index(starts.partition_point(|&start| start <= identifier.0) - 1)
    }

    /// The positions of an account's sightings in the sighting columns.
    #[inline]
    pub fn sighting_range(&self, account: AccountId) -> std::ops::Range<usize> {
        self.columns.account_offsets[account.index()] as usize..self.columns.account_offsets[account.index() + 1] as usize
    }

    /// The identifiers an account was seen with, ascending.
    #[inline]
    pub fn identifiers_of(&self, account: AccountId) -> &[u32] {
        &self.columns.identifiers[self.sighting_range(account)]
    }

    /// Those of an account's identifiers that lie in a range, such as that of a kind, ascending. O(log identifiers of the
    /// account).
    #[inline]
    pub fn identifiers_within(&self, account: AccountId, range: &std::ops::Range<u32>) -> &[u32] {
        let row = self.identifiers_of(account);
        let row = &row[row.partition_point(|&identifier| identifier < range.start)..];
        &row[..row.partition_point(|&identifier| identifier < range.end)]
    }

    /// The accounts that were seen with an identifier, ascending.
    #[inline]
    pub fn accounts_of(&self, identifier: IdentifierId) -> &[u32] {
        &self.columns.accounts[self.reverse_range(identifier)]
    }

    /// The positions, in the sighting columns, of an identifier's sightings, in the order of [`BipartiteGraph::accounts_of`].
    #[inline]
    pub fn sightings_of_identifier(&self, identifier: IdentifierId) -> &[u32] {
        &self.columns.identifier_sightings[self.reverse_range(identifier)]
    }

    /// How many accounts were seen with an identifier.
    #[inline]
    pub fn identifier_degree(&self, identifier: IdentifierId) -> usize {
        self.reverse_range(identifier).len()
    }

    /// How many identifiers an account was seen with.
    #[inline]
    pub fn account_degree(&self, account: AccountId) -> usize {
        self.sighting_range(account).len()
    }

    /// The sighting at a position of the sighting columns. O(log accounts).
    pub fn sighting(&self, position: usize) -> Sighting {
        let offsets = self.columns.account_offsets.as_slice();
        let account = offsets.partition_point(|&start| start <= position as u64) - 1;
        self.sighting_at(AccountId(account as u32), position)
    }

    /// The sighting of a pair, if the two were ever seen together. O(log degree).
    pub fn sighting_between(&self, account: AccountId, identifier: IdentifierId) -> Option<Sighting> {
        Some(self.sighting_at(account, self.position_between(account, identifier)?))
    }

    /// The position, in the sighting columns, of the sighting of a pair. O(log degree).
    pub fn position_between(&self, account: AccountId, identifier: IdentifierId) -> Option<usize> {
        let at = self.identifiers_of(account).binary_search(&identifier.0).ok()?;
        Some(self.sighting_range(account).start + at)
    }

    /// An account's sightings, ascending by identifier.
    pub fn sightings_of(&self, account: AccountId) -> impl Iterator<Item = Sighting> + '_ {
        self.sighting_range(account).map(move |position| self.sighting_at(account, position))
    }

    fn sighting_at(&self, account: AccountId, position: usize) -> Sighting {
        Sighting {
            account,
            identifier: IdentifierId(self.columns.identifiers[position]),
            count: self.columns.counts[position],
            first_seen: self.columns.first_seen[position],
            last_seen: self.columns.last_seen[position],
        }
    }

    #[inline]
    fn reverse_range(&self, identifier: IdentifierId) -> std::ops::Range<usize> {
        let offsets = &self.columns.identifier_offsets;
        offsets[identifier.index()] as usize..offsets[identifier.index() + 1] as usize
    }
}

/// Checks that offsets ascend and that each row of ids ascends strictly and stays below `bound`.
fn check_rows(
    column: &'static str,
    offsets_name: &'static str,
    offsets: &[u64],
    ids: &[u32],
    bound: usize,
) -> Result<(), GraphError> {
    for at in 1..offsets.len() {
        if offsets[at] < offsets[at - 1] || offsets[at] > ids.len() as u64 {
            return Err(GraphError::Offsets { column: offsets_name, at: at as u64 });
        }
        let row = offsets[at - 1] as usize..offsets[at] as usize;
        let mut floor = 0;
        for position in row {
            let id = u64::from(ids[position]);
            if id < floor || id >= bound as u64 {
                return Err(GraphError::OutOfRange { column, at: position as u64, found: id, bound: bound as u64 });
            }
            floor = id + 1;
        }
    }
    Ok(())
}
