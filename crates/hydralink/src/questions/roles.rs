//! Whose is an account of a network: the operator's, a victim's, a customer's, or a neighbour's?
//!
//! [`crate::Membership`] says how surely an account belongs; the role says as what. It is read off which identifiers the
//! account has from the network, and when:
//!
//! | role | membership | what is seen |
//! |---|---|---|
//! | `compromised_legitimate` | any | *two hands*, below |
//! | `possibly_taken_over` | core, fringe | *an earlier life*, below |
//! | `possibly_a_customer` | core, fringe | *addresses alone*, below |
//! | `operator_owned` | core, fringe | everything else that belongs |
//! | `shared_infrastructure` | ambiguous | addresses, devices or cards of the network, and none of its prompts or content |
//! | `reseller_customer` | ambiguous | prompts or content of the network: work that goes through it, on an account that isn't its |
//!
//! *An earlier life* is that of an account that
//! 1. was there at least [`LIFE_BEFORE_DAYS`] and for [`LIFE_EXCHANGES`] exchanges before anything of the network was seen on
//!    it; where it is known when it was made, it was there since then: what it did before the logs begin, nobody sees. It must
//!    have been seen for [`SEEN_BEFORE_DAYS`] all the same;
//! 2. had an address, device or credential of its own then (that no other account of the network has, and [`HOUSEHOLD`]
//!    accounts at most);
//! 3. since then has an address, device or credential of the network, and never had a card of it.
//!
//! So look a customer's dormant account that was taken over, and an operator's that was warmed up on an address and a card of
//! its own. Nothing here tells them apart, so nobody is exempted for it: bans are planned as ever, and whoever carries them out
//! is told to look first, at whom the account was made for and what it did before.
//!
//! *Two hands* are on one of these that had [`EXCHANGES_BEFORE`] exchanges by then, and whose owner's identifier *goes on*
//! being used a day after the network came. Such an account is never proposed for a ban: its owner is still there. It is to be
//! secured (credentials, sessions), and what the network does through it stops with that. The rule is strict because it is an
//! exemption: an operator who warms an account up on an address of its own and leaves it for the pool doesn't have it, and one
//! who keeps both going pays for both, and for less than half of its network ([`MOST_EXEMPTED`]): where more seem to have two
//! hands on them, all of these are held to be possibly taken over instead.
//!
//! *Addresses alone* are what an account has of the network that shows cards, devices, credentials, prompts or content of its own
//! for at least [`OWN_ROLES`] of these, where half of those who belong have the network's: so looks a customer of the vendor of
//! its exits, and an account of the operator's that is kept apart from the others. It is planned for as ever, and told.
//!
//! All are stated readings and no tested classifiers. In two worlds of a stranger's, an operator used 173 customers' accounts:
//! 34 are exempted, 91 possibly taken over, and none of its own 140; of 620 accounts warmed up for four weeks, and of the 5,353
//! members of flagged networks in six synthetic worlds, none is either. Where times are missing they find none.
//!
//! Cost: an account's row, and the accounts of those of its identifiers that few have. The detection does it for the accounts of
//! all candidates and keeps what it finds.

use std::collections::BTreeMap;

use evidence::KindRole;
use graph::{AccountId, IdentifierId, NO_TIME, NONE_U32, Seconds, Sighting};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::results::{Labelling, Membership};

/// Days that an account lived before the network came to it.
pub const LIFE_BEFORE_DAYS: u32 = 7;

/// Days that it was seen by then, if it was made long before.
pub const SEEN_BEFORE_DAYS: u32 = 1;

/// Exchanges that it had by then, for a life of its own.
pub const LIFE_EXCHANGES: u64 = 3;

/// Exchanges that it had by then, for its owner to be believed to be there still.
pub const EXCHANGES_BEFORE: u64 = 5;

/// Of the accounts that belong to a network, the share that can have two hands on them. An operator that warms accounts up on an
/// address each, and keeps that going, would exempt all of its own.
pub const MOST_EXEMPTED: f64 = 0.5;

/// Kinds of things beside addresses that an account has for itself where the network's accounts have them of the network, for it to
/// be possibly a customer's.
pub const OWN_ROLES: usize = 2;

/// Accounts that an identifier of the owner's is shared by at most.
pub const HOUSEHOLD: usize = 6;

const DAY: Seconds = 86_400;

/// As what an account belongs to a network or touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountRole {
    /// The operator's own.
    OperatorOwned,
    /// Somebody's whom the operator has come to use as well. Never to be banned for the network.
    CompromisedLegitimate,
    /// Held to be the operator's, though it had a life of its own before: look before it is banned.
    PossiblyTakenOver,
    /// Held to be the operator's, though it has nothing of the network's but addresses: look before it is banned.
    PossiblyACustomer,
    /// A customer's, whose work goes through the network.
    ResellerCustomer,
    /// A neighbour's on infrastructure that the network uses.
    SharedInfrastructure,
}

impl AccountRole {
    /// All values, in the order of their codes in the store.
    pub const ALL: [AccountRole; 6] = [
        AccountRole::OperatorOwned,
        AccountRole::CompromisedLegitimate,
        AccountRole::PossiblyTakenOver,
        AccountRole::ResellerCustomer,
        AccountRole::SharedInfrastructure,
        AccountRole::PossiblyACustomer,
    ];

    /// One more than its place in [`AccountRole::ALL`].
    pub(crate) fn code(self) -> u8 {
        AccountRole::ALL.iter().position(|&role| role == self).map_or(0, |at| at as u8 + 1)
    }

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            AccountRole::OperatorOwned => "operator_owned",
            AccountRole::CompromisedLegitimate => "compromised_legitimate",
            AccountRole::PossiblyTakenOver => "possibly_taken_over",
            AccountRole::PossiblyACustomer => "possibly_a_customer",
            AccountRole::ResellerCustomer => "reseller_customer",
            AccountRole::SharedInfrastructure => "shared_infrastructure",
        }
    }
}

/// That an account had a life of its own before the network came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EarlierLife {
    /// When anything of the network was first seen on it.
    pub since: Seconds,
    /// Exchanges before that.
    pub exchanges_before: u64,
    /// The owner's identifier: of those that were seen longest before one that goes on, if one does.
    pub own: IdentifierId,
    /// Whether that was seen a day after the network came, and later.
    pub goes_on: bool,
}

impl EarlierLife {
    /// Whether the owner is there still: two hands are on the account.
    pub fn has_two_hands(&self) -> bool {
        self.goes_on && self.exchanges_before >= EXCHANGES_BEFORE
    }
}

/// The role of an account in the flagged network that it belongs to or touches; nothing where there is none: a candidate below
/// the threshold isn't held to be anybody's.
pub(crate) fn role_of(dataset: &Dataset, results: &Labelling, account: AccountId) -> Option<AccountRole> {
    results.membership_of(account).filter(|(network, _)| network.flagged)?;
    results.groups.role(dataset, results, account)
}

/// An account as it looks by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenAlone {
    /// The role that it seems to have, if the candidate network which it belongs to or touches is one.
    role: Option<AccountRole>,
    /// The [`TELLING`] things that it was seen with, and those of them that are the network's; a bit each.
    shown: u8,
    of_network: u8,
}

/// What tells accounts of a network from others on its addresses.
const TELLING: [KindRole; 5] =
    [KindRole::Payment, KindRole::Device, KindRole::Credential, KindRole::Template, KindRole::Content];
/// The bit of addresses of the network.
const ADDRESS: u8 = 1 << TELLING.len();

fn bit_of(role: KindRole) -> u8 {
    match TELLING.iter().position(|&telling| telling == role) {
        Some(at) => 1 << at,
        None if role == KindRole::Address => ADDRESS,
        None => 0,
    }
}

/// Looks at an account alone. O(its row and exchanges, and the accounts of what few have).
pub(crate) fn seen_alone(dataset: &Dataset, results: &Labelling, account: AccountId) -> SeenAlone {
    let Some((_, membership)) = results.membership_of(account) else { return SeenAlone::default() };
    let of_role = |role| SeenAlone { role: Some(role), ..SeenAlone::default() };
    let life = earlier_life(dataset, results, account);
    if life.is_some_and(|life| life.has_two_hands()) {
        return of_role(AccountRole::CompromisedLegitimate);
    }
    if !membership.belongs() {
        let works = of_network(dataset, results, account, KindRole::is_interest).next().is_some();
        return of_role(if works { AccountRole::ResellerCustomer } else { AccountRole::SharedInfrastructure });
    }
    let (graph, network) = (dataset.graph(), results.network_of[account.index()]);
    let (mut shown, mut of_network) = (0, 0);
    for identifier in graph.identifiers_of(account).iter().map(|&identifier| IdentifierId(identifier)) {
        let bit = bit_of(dataset.roles()[graph.kind_of(identifier).index()]);
        shown |= bit;
        // One of each is enough, and whose it is has to be looked up.
        if bit & !of_network != 0 && results.is_own(graph, identifier, network) {
            of_network |= bit;
        }
    }
    let role = if life.is_some() { AccountRole::PossiblyTakenOver } else { AccountRole::OperatorOwned };
    SeenAlone { role: Some(role), shown, of_network }
}

/// By account, the role that it has if the candidate network which it belongs to or touches is one. `seen`: by account, what
/// [`seen_alone`] gives. `networks`: the accounts of each. O(accounts).
pub(crate) fn roles_if_flagged(seen: &[SeenAlone], networks: &[Vec<(AccountId, Membership)>]) -> Vec<Option<AccountRole>> {
    let mut roles: Vec<Option<AccountRole>> = seen.iter().map(|seen| seen.role).collect();
    for members in networks {
        exempt_half_at_most(&mut roles, members);
        tell_customers(&mut roles, seen, members);
    }
    roles
}

/// Of the accounts that belong to a network, those that have nothing of it but addresses while most others do.
fn tell_customers(roles: &mut [Option<AccountRole>], seen: &[SeenAlone], members: &[(AccountId, Membership)]) {
    let belonging = || members.iter().filter(|(_, how)| how.belongs()).map(|(account, _)| account.index());
    let count = belonging().count();
    let most_have = |bit: &u8| 2 * belonging().filter(|&account| seen[account].of_network & bit != 0).count() >= count;
    let usual: u8 = (0..TELLING.len()).map(|at| 1 << at).filter(most_have).fold(0, |usual, bit| usual | bit);
    for account in belonging() {
        let SeenAlone { shown, of_network, .. } = seen[account];
        let has_its_own = of_network == ADDRESS && (shown & usual).count_ones() as usize >= OWN_ROLES;
        if has_its_own && roles[account] == Some(AccountRole::OperatorOwned) {
            roles[account] = Some(AccountRole::PossiblyACustomer);
        }
    }
}

/// Where two hands seem to be on most accounts that belong to a network, they are the operator's: these are possibly taken over.
fn exempt_half_at_most(roles: &mut [Option<AccountRole>], members: &[(AccountId, Membership)]) {
    let belonging = members.iter().filter(|(_, how)| how.belongs()).map(|(account, _)| account.index());
    let is_exempt = |&account: &usize| roles[account] == Some(AccountRole::CompromisedLegitimate);
    let exempt: Vec<usize> = belonging.clone().filter(is_exempt).collect();
    if exempt.len() as f64 > MOST_EXEMPTED * belonging.count() as f64 {
        exempt.into_iter().for_each(|account| roles[account] = Some(AccountRole::PossiblyTakenOver));
    }
}

/// The accounts of a flagged network by the names of their roles.
pub(crate) fn counts(dataset: &Dataset, results: &Labelling, network: usize) -> BTreeMap<&'static str, u64> {
    let members = results.members_of(network);
    let roles = members.iter().filter_map(|&(account, _)| role_of(dataset, results, account));
    let mut counts = BTreeMap::new();
    roles.for_each(|role| *counts.entry(role.name()).or_default() += 1);
    counts
}

/// Whether an account is to be spared by bans for its network.
pub(crate) fn is_compromised(dataset: &Dataset, results: &Labelling, account: AccountId) -> bool {
    results.groups.role(dataset, results, account) == Some(AccountRole::CompromisedLegitimate)
}

/// Of some accounts, those of a role, in the same order.
pub(crate) fn with_role(
    dataset: &Dataset,
    results: &Labelling,
    accounts: impl IntoIterator<Item = AccountId>,
    role: AccountRole,
) -> Vec<AccountId> {
    accounts.into_iter().filter(|&account| role_of(dataset, results, account) == Some(role)).collect()
}

/// The identifiers of its network that an account was seen with, of kinds of these roles, each with the role.
fn of_network<'a>(
    dataset: &'a Dataset,
    results: &'a Labelling,
    account: AccountId,
    of_role: impl Fn(KindRole) -> bool + 'a,
) -> impl Iterator<Item = (KindRole, Sighting)> + 'a {
    let (graph, network) = (dataset.graph(), results.network_of[account.index()]);
    let sightings = graph.sightings_of(account);
    let with_role = sightings.map(|sighting| (dataset.roles()[graph.kind_of(sighting.identifier).index()], sighting));
    with_role.filter(move |(role, sighting)| of_role(*role) && results.is_own(graph, sighting.identifier, network))
}

/// Since when an account was seen with anything of its network, of kinds of these roles, and whether that is a place; nothing
/// if it wasn't, if a time is missing, or if a card is among it.
fn since_by(dataset: &Dataset, results: &Labelling, account: AccountId, of_role: impl Fn(KindRole) -> bool) -> Option<Since> {
    let mut found: Option<Since> = None;
    for (role, sighting) in of_network(dataset, results, account, of_role) {
        if role == KindRole::Payment || sighting.first_seen == NO_TIME {
            return None;
        }
        let Since { since, place } = found.unwrap_or(Since { since: sighting.first_seen, place: false });
        found = Some(Since { since: since.min(sighting.first_seen), place: place || is_place(role) });
    }
    found
}

/// When something was first seen on an account, and whether a place is among it.
#[derive(Clone, Copy)]
struct Since {
    since: Seconds,
    place: bool,
}

/// Whether a role is of what somebody works from.
fn is_place(role: KindRole) -> bool {
    matches!(role, KindRole::Address | KindRole::Device | KindRole::Credential)
}

/// Whether something of an account was there long enough before the network came: by itself, or as the account was.
fn is_old(since: Seconds, first_seen: Seconds, created: Seconds) -> bool {
    let days_before = |time: Seconds, days: u32| time != NO_TIME && time.saturating_add(days * DAY) <= since;
    days_before(first_seen, LIFE_BEFORE_DAYS)
        || days_before(first_seen, SEEN_BEFORE_DAYS) && days_before(created, LIFE_BEFORE_DAYS)
}

/// The life that an account had before its network came to it, if it had one. O(its row and exchanges, and the accounts of what
/// few have).
pub(crate) fn earlier_life(dataset: &Dataset, results: &Labelling, account: AccountId) -> Option<EarlierLife> {
    let graph = dataset.graph();
    let network = *results.network_of.get(account.index()).filter(|&&network| network != NONE_U32)?;
    // What the network has on it of places and cards decides for most, and the rest of a row, templates, is nearly all of it.
    let is_telling = |role: KindRole| is_place(role) || role == KindRole::Payment;
    let by_places = since_by(dataset, results, account, is_telling).filter(|found| found.place)?;
    let created = dataset.accounts().created_at.get(account.index()).copied().unwrap_or(NO_TIME);
    let old = |since: Seconds, first_seen: Seconds| is_old(since, first_seen, created);
    let role_of = |identifier: IdentifierId| dataset.roles()[graph.kind_of(identifier).index()];
    let mut row = graph.sightings_of(account);
    if !row.any(|sighting| old(by_places.since, sighting.first_seen) && is_place(role_of(sighting.identifier))) {
        return None;
    }
    let since = since_by(dataset, results, account, |_| true)?.since;
    let is_owners = |sighting: &Sighting| {
        let Sighting { identifier, first_seen, .. } = *sighting;
        let elsewhere = |&other: &u32| other == account.0 || results.network_of[other as usize] != network;
        // Few pass the first tests, and what the last looks up is scattered over the store.
        old(since, first_seen)
            && is_place(role_of(identifier))
            && match results.foremost.degree(graph, identifier) {
                1 => true,
                degree => degree <= HOUSEHOLD && graph.accounts_of(identifier).iter().all(elsewhere),
            }
    };
    let goes_on = |sighting: &Sighting| sighting.last_seen != NO_TIME && sighting.last_seen >= since.saturating_add(DAY);
    let seen = graph.sightings_of(account).filter(is_owners);
    // Of equals the lower.
    let own = seen.min_by_key(|sighting| (!goes_on(sighting), sighting.first_seen, sighting.identifier))?;
    let events = dataset.activity().of(account);
    let before = events.time.partition_point(|&millis| millis < i64::from(since) * 1000);
    let exchanges_before = match events.requests.get(..before) {
        Some(requests) => requests.iter().map(|&requests| u64::from(requests)).sum(),
        None => before as u64,
    };
    let life = EarlierLife { since, exchanges_before, own: own.identifier, goes_on: goes_on(&own) };
    (exchanges_before >= LIFE_EXCHANGES).then_some(life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_made_long_before_the_logs_begin_was_there_before_them() {
        // The network comes after 6.8 days of logs, too early for anything to have been seen for seven.
        let (begin, since) = (100 * DAY, 100 * DAY + 68 * DAY / 10);
        assert!(is_old(since, begin, 33 * DAY));
        // Not if it was made then, or nobody knows when; nor if the network came with it.
        assert!(!is_old(since, begin, begin) && !is_old(since, begin, NO_TIME) && !is_old(since, since, 33 * DAY));
        assert!(is_old(since + DAY, begin, NO_TIME));
    }

    #[test]
    fn an_operator_does_not_exempt_all_of_its_accounts() {
        use AccountRole::{CompromisedLegitimate as Compromised, OperatorOwned as Own, PossiblyTakenOver as Possibly};
        // Two of four in the first network, three of four in the second, which the last only touches.
        let before = [Own, Own, Compromised, Compromised, Own, Compromised, Compromised, Compromised, Compromised].map(Some);
        let mut roles = before;
        let core = |accounts: std::ops::Range<u32>| accounts.map(|account| (AccountId(account), Membership::Core));
        let second: Vec<(AccountId, Membership)> = core(4..8).chain([(AccountId(8), Membership::Ambiguous)]).collect();
        [core(0..4).collect(), second].iter().for_each(|members| exempt_half_at_most(&mut roles, members));
        assert_eq!(roles[..4], before[..4]);
        assert_eq!(roles[4..], [Own, Possibly, Possibly, Possibly, Compromised].map(Some));
    }

    #[test]
    fn who_has_addresses_alone_where_others_have_more_may_be_a_customer() {
        let [card, device, prompts] = [KindRole::Payment, KindRole::Device, KindRole::Template].map(bit_of);
        let own = |shown: u8, of_network: u8| SeenAlone { role: Some(AccountRole::OperatorOwned), shown, of_network };
        let everything = ADDRESS | card | device | prompts;
        let mut seen = vec![own(everything, ADDRESS | card | device); 8];
        // A customer; an account that shows no card and device; one that has a card of the network; one without its addresses.
        seen.extend([
            own(everything, ADDRESS),
            own(ADDRESS | prompts, ADDRESS),
            own(everything, ADDRESS | card),
            own(everything, device),
        ]);
        let members = |count: usize| -> Vec<(AccountId, Membership)> {
            (0..count as u32).map(|account| (AccountId(account), Membership::Core)).collect()
        };
        let customers = |seen: &[SeenAlone]| -> Vec<usize> {
            let roles = roles_if_flagged(seen, &[members(seen.len())]);
            (0..seen.len()).filter(|&at| roles[at] == Some(AccountRole::PossiblyACustomer)).collect()
        };
        assert_eq!(customers(&seen), [8]);
        // Where each has a card and a device of its own, that tells nobody.
        let alone = vec![own(everything, ADDRESS); 8];
        assert_eq!(customers(&alone), [0usize; 0]);
    }
}
