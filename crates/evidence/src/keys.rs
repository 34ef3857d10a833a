//! Which pairs of identifiers does an account show?
//!
//! A *key* is a pair of identifiers that one account chose: two of its most surprising, or two of a sample of its common ones.
//! Accounts meet at keys ([`crate::ties`]); those of one key are wanted together. All keys of all accounts sorted at once are
//! gigabytes of which most stand alone; but the accounts of a key `(left, right)` are accounts of `left`, so
//!
//! 1. *Choose*: per account its identifiers in ascending order, each with the lists that it was chosen for ([`Choices::new`]);
//! 2. *Gather*: per identifier the keys that it is the left of, sorted ([`Choices::keys_from`]): a list that fits into a cache.
//!
//! Cost: 5 bytes for each choice; O(accounts that show an identifier) random reads for it; k^2 / 2 keys of an account of k
//! choices, sorted within their left identifier.

use graph::IdentifierId;
use rayon::prelude::*;

use crate::config::MemberConfig;
use crate::ties::TieRule;
use crate::{Facts, KindRole};

/// Fewest accounts of a key that can be tied as a whole.
pub(crate) const KEY_ACCOUNTS: usize = 5;
/// The lists that an identifier can be chosen for.
const SURPRISING: u8 = 1;
const COMMON: u8 = 2;

/// Two numbers in one that is ordered like the pair.
pub(crate) fn packed(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

/// The numbers of [`packed`].
pub(crate) fn halves(pair: u64) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

/// The pairs among so many.
pub(crate) fn pairs_of(number: usize) -> usize {
    number * number.saturating_sub(1) / 2
}

/// What every account chose.
pub(crate) struct Choices {
    /// Start of each account's choices; length accounts + 1.
    offsets: Vec<u64>,
    /// The identifiers that each account chose, ascending.
    identifiers: Vec<u32>,
    /// For which lists.
    lists: Vec<u8>,
    /// An identifier that nobody chose is nobody's left.
    chosen: fixedbitset::FixedBitSet,
    /// The keys of all accounts.
    pub(crate) key_count: u64,
}

impl Choices {
    /// Lets every account choose. A known-good account chooses nothing, so nothing ties it.
    pub(crate) fn new(facts: Facts<'_>, rule: &TieRule<'_>, config: &MemberConfig) -> Self {
        let accounts = facts.graph.account_count();
        let tasks: Vec<Chosen> = (0..accounts.div_ceil(TASK))
            .into_par_iter()
            .map(|task| {
                let mut chosen = Chosen::default();
                for account in task * TASK..((task + 1) * TASK).min(accounts) {
                    chosen.choose(facts, rule, config, account as u32);
                }
                chosen
            })
            .collect();
        let mut offsets = Vec::with_capacity(accounts + 1);
        offsets.push(0);
        for &length in tasks.iter().flat_map(|task| &task.lengths) {
            offsets.push(offsets[offsets.len() - 1] + u64::from(length));
        }
        let key_count = tasks.iter().map(|task| task.key_count).sum();
        let identifiers: Vec<u32> = tasks.iter().flat_map(|task| &task.identifiers).copied().collect();
        let lists = tasks.into_iter().flat_map(|task| task.lists).collect();
        let mut chosen = fixedbitset::FixedBitSet::with_capacity(facts.graph.identifier_count());
        identifiers.iter().for_each(|&identifier| chosen.insert(identifier as usize));
        Choices { offsets, identifiers, lists, chosen, key_count }
    }

    /// The keys whose lower identifier is `left`, as [`packed`] upper identifiers and accounts, ascending, into `out`.
    pub(crate) fn keys_from(&self, facts: Facts<'_>, left: u32, out: &mut Vec<u64>) {
        out.clear();
        if !self.chosen.contains(left as usize) {
            return;
        }
        for &account in facts.graph.accounts_of(IdentifierId(left)) {
            let of_account = self.offsets[account as usize] as usize..self.offsets[account as usize + 1] as usize;
            let (identifiers, lists) = (&self.identifiers[of_account.clone()], &self.lists[of_account]);
            let Ok(place) = identifiers.binary_search(&left) else { continue };
            let above = identifiers[place + 1..].iter().zip(&lists[place + 1..]);
            let keys = above.filter(|&(_, list)| list & lists[place] != 0);
            out.extend(keys.map(|(&right, _)| packed(right, account)));
        }
        // That of a popular identifier is worth a second thread.
        out.par_sort_unstable();
    }
}

/// Accounts that one task chooses for.
const TASK: usize = 1024;

/// What some consecutive accounts chose.
#[derive(Default)]
struct Chosen {
    lengths: Vec<u32>,
    identifiers: Vec<u32>,
    lists: Vec<u8>,
    key_count: u64,
}

impl Chosen {
    fn choose(&mut self, facts: Facts<'_>, rule: &TieRule<'_>, config: &MemberConfig, account: u32) {
        let mut surprising: Vec<u32> =
            if facts.is_allowed_account(account) { Vec::new() } else { rule.informative(facts, account).collect() };
        let common = common_identifiers(facts, &surprising, config);
        if surprising.len() > config.identifiers_per_account as usize {
            let of = |identifier: u32| rule.raw_surprise(identifier);
            let most = config.identifiers_per_account as usize;
            surprising.select_nth_unstable_by(most, |&left, &right| of(right).total_cmp(&of(left)).then(left.cmp(&right)));
            surprising.truncate(most);
            surprising.sort_unstable();
        }
        let before = self.identifiers.len();
        let (mut one, mut other) = (surprising.iter().peekable(), common.iter().peekable());
        while let Some(&&next) = one.peek().into_iter().chain(other.peek()).min() {
            let list = |hit: bool, list: u8| if hit { list } else { 0 };
            let lists = list(one.next_if_eq(&&next).is_some(), SURPRISING) | list(other.next_if_eq(&&next).is_some(), COMMON);
            self.identifiers.push(next);
            self.lists.push(lists);
        }
        let both = self.lists[before..].iter().filter(|&&lists| lists == SURPRISING | COMMON).count();
        self.key_count += (pairs_of(surprising.len()) + pairs_of(common.len()) - pairs_of(both)) as u64;
        self.lengths.push((self.identifiers.len() - before) as u32);
    }
}

/// A sample of an account's identifiers on five accounts or more, ascending: the operator who shares nothing rare shares these.
/// Of each octave of degrees the lowest ids are taken, in turn, so that accounts that have the same identifiers choose the same
/// (as MinHash does). Addresses are left out: two of them are never a key.
fn common_identifiers(facts: Facts<'_>, informative: &[u32], config: &MemberConfig) -> Vec<u32> {
    let mut octaves: Vec<(u32, u32)> = informative
        .iter()
        .map(|&identifier| (facts.graph.identifier_degree(IdentifierId(identifier)) as u32, identifier))
        .filter(|&(degree, identifier)| {
            let role = facts.role_of(identifier);
            degree as usize >= KEY_ACCOUNTS && role != KindRole::Address
        })
        .map(|(degree, identifier)| (degree.ilog2(), identifier))
        .collect();
    octaves.sort_unstable();
    // (place within its octave, octave, identifier): one of each octave, then the second of each ...
    let mut turns: Vec<(usize, u32, u32)> = octaves
        .chunk_by(|left, right| left.0 == right.0)
        .flat_map(|octave| octave.iter().enumerate().map(|(turn, &(degree, identifier))| (turn, degree, identifier)))
        .collect();
    turns.sort_unstable();
    turns.truncate(config.common_identifiers as usize);
    let mut chosen: Vec<u32> = turns.into_iter().map(|(.., identifier)| identifier).collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy};
    use crate::weigh::weigh_sightings;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Gathered identifier by identifier the keys are those that each account's two lists give, each once.
        #[test]
        fn every_key_is_found_once(
            rows in prop::collection::vec(prop::collection::vec((0usize..2, 0u32..25), 0..20), 10..60),
            (most, common) in (0u32..8, 0u32..6),
        ) {
            let touches: Vec<Touch> = (0..).zip(&rows).flat_map(|(account, row)| {
                row.iter().map(move |&(kind, identifier)| (account, kind, identifier, 0))
            }).collect();
            let toy = Toy::new(&[KindRole::Payment, KindRole::Template], rows.len() as u32, &touches);
            let facts = toy.facts();
            let config = LinkageConfig {
                members: MemberConfig { identifiers_per_account: most, common_identifiers: common, ..Default::default() },
                ..Default::default()
            };
            let classification = classify_identifiers(facts, &config.classify);
            let weights = weigh_sightings(facts, &classification, &config.weigh);
            let rule = TieRule::new(facts, &classification, &weights, &config.members);
            let mut expected: Vec<(u32, u32, u32)> = Vec::new();
            for account in 0..rows.len() as u32 {
                let informative: Vec<u32> = rule.informative(facts, account).collect();
                let mut surprising = informative.clone();
                surprising.sort_by(|&one, &two| {
                    rule.raw_surprise(two).total_cmp(&rule.raw_surprise(one)).then(one.cmp(&two))
                });
                surprising.truncate(most as usize);
                for list in [surprising, common_identifiers(facts, &informative, &config.members)] {
                    for &left in &list {
                        expected.extend(list.iter().filter(|&&right| right > left).map(|&right| (left, right, account)));
                    }
                }
            }
            expected.sort_unstable();
            expected.dedup();
            let choices = Choices::new(facts, &rule, &config.members);
            let mut found: Vec<(u32, u32, u32)> = Vec::new();
            let mut keys = Vec::new();
            for left in 0..facts.graph.identifier_count() as u32 {
                choices.keys_from(facts, left, &mut keys);
                found.extend(keys.iter().map(|&key| (left, halves(key).0, halves(key).1)));
            }
            prop_assert_eq!(choices.key_count, expected.len() as u64);
            prop_assert_eq!(found, expected);
        }
    }
}
