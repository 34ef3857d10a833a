//! What a run adds to the history: what became of each network since the run before.
//!
//! Networks before (every one that was ever flagged, as it was last found) and now (the flagged ones) are grouped and named as
//! [`crate::diff`] does it, by the numbers of one store. To its words come those that need a clock, and the clock is the last
//! event of the data, never the wall's:
//!
//! | event | when |
//! |---|---|
//! | `born` | flagged for the first time, under an id that no network had: the same as none before, or one of several that some became |
//! | `grew`, `shrank`, `changed` | the same one, with more, fewer, or as many but other accounts |
//! | `split`, `merged`, `regrouped` | as in `diff`; one event for each network there is now that had its id before, with the ids it comes from |
//! | `replaced` | at least half of the accounts that weren't banned at the run before were banned since, and at least half as many new ones came; or most accounts are others, and the identifiers or, by accounts that had left it, the id the same |
//! | `dormant` | no exchange for [`DORMANT`] |
//! | `resurrected` | active again after being dormant, or flagged again after being closed, from no accounts if it had been let go |
//! | `closed` | every account is banned, no detection finds it any more, or another network has swallowed it |
//!
//! A run that finds the same networks with the same members in the same data adds nothing: detecting twice is detecting once. Bans
//! come by table, with the same events: where a network stands otherwise by them, the run is recorded.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, IdentifierId, NO_TIME, NONE_U32, Seconds};

use super::cause::{Cause, Causes};
use super::history::{Happened, History, Remembered, Run, Standing};
use super::ids::Found;
use crate::dataset::Dataset;
use crate::diff::{self, Held};
use crate::query;
use crate::results::{Membership, Results};

/// Silence of a network after which it is dormant: a week, so that a weekend is none.
pub const DORMANT: Seconds = 7 * 86_400;

/// Identifiers that an event names; the rest are counted.
const NAMED: usize = 5;

type Numbers<'a> = Held<'a, u32, u32>;

/// The networks of a detection by number.
pub(super) fn found(network_of: &[u32], membership: &[u8], network_of_identifier: &[u32], count: usize) -> Found {
    let mut found = Found { members: vec![Vec::new(); count], identifiers: vec![Vec::new(); count] };
    for (account, (&network, &code)) in network_of.iter().zip(membership).enumerate() {
        if network != NONE_U32 && Membership::of_code(code).is_some_and(Membership::belongs) {
            found.members[network as usize].push(account as u32);
        }
    }
    for (identifier, &network) in network_of_identifier.iter().enumerate() {
        if network != NONE_U32 {
            found.identifiers[network as usize].push(identifier as u32);
        }
    }
    found
}

/// Adds a detection, unless it found what the last one did.
pub(super) fn record(history: &mut History, dataset: &Dataset, results: &Results) {
    let found = found(
        &results.labelling.network_of,
        &results.labelling.membership,
        &results.labelling.network_of_identifier,
        results.networks.len(),
    );
    let (data, as_of) = (data_of(dataset), dataset.graph().last_seen());
    let flagged = results.networks.iter().filter(|network| network.flagged).count() as u64;
    let number = history.runs.len() as u32;
    let since = history.runs.last().map_or(0, |run| run.as_of);
    let scene = Scene { dataset, run: number, banned_before: banned_before(history, dataset, since), as_of };
    let is_same = history.runs.last().is_some_and(|run| run.data == data && run.flagged == flagged);
    if !(is_same && is_known(history, results, &found) && scene.stands_as_before(history, results, &found)) {
        let threshold = Some(results.labelling.run.threshold);
        let accounts = dataset.graph().account_count() as u64;
        history.runs.push(Run { as_of, data, accounts, flagged, threshold, ran_at: 0 });
        let happened = scene.happened(history, results, &found);
        history.events.extend(happened);
        remember(history, results, found, &scene);
    }
    history.less = None;
}

/// The networks that the last event called closed, with no account left: not those whose accounts are all banned, which are
/// found as before.
fn let_go(history: &History) -> BTreeSet<&str> {
    let last: BTreeMap<&str, &Happened> = history.events.iter().map(|happened| (happened.network.as_str(), happened)).collect();
    last.into_iter().filter(|(_, happened)| happened.event == "closed" && happened.after == 0).map(|(id, _)| id).collect()
}

/// Whether the last run found these networks with these members.
fn is_known(history: &History, results: &Results, found: &Found) -> bool {
    let let_go = let_go(history);
    let last = history.runs.len() as u32 - 1;
    let known: BTreeMap<&str, &Remembered> = history
        .networks
        .iter()
        .filter(|network| network.last_run == last)
        .map(|network| (network.id.as_str(), network))
        .collect();
    // Of a network that was open, accounts may be gone of which nothing was told yet.
    let told = history
        .networks
        .iter()
        .all(|network| network.gone() == 0 || network.standing == Standing::Candidate || let_go.contains(network.id.as_str()));
    told && known.len() == results.networks.len()
        && results.networks.iter().zip(&found.members).zip(&found.identifiers).all(|((network, members), identifiers)| {
            known.get(network.id.as_str()).is_some_and(|known| {
                let was_flagged = known.standing != Standing::Candidate && !let_go.contains(known.id.as_str());
                (was_flagged || !network.flagged)
                    && known.current().eq(members.iter().copied())
                    && known.identifiers == *identifiers
            })
        })
}

/// A hash of the hashes of the files that went in; tables in memory have none, and are told by their rows.
fn data_of(dataset: &Dataset) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in &dataset.manifest().inputs {
        hasher.update(file.hash.as_bytes());
        if file.hash.is_empty() {
            hasher.update(&file.rows.to_le_bytes());
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// The clock of what is said of a store: that of its last detection, if it was of the same data, which needs no look at every
/// sighting.
pub(super) fn now(history: &History, dataset: &Dataset) -> Seconds {
    let last = history.runs.last().filter(|run| run.data == data_of(dataset));
    last.map_or_else(|| dataset.graph().last_seen(), |run| run.as_of)
}

/// When an account was banned, as far as the data goes.
pub(super) fn banned_by(dataset: &Dataset, account: u32, as_of: Seconds) -> Option<Seconds> {
    dataset.accounts().banned_at.get(account as usize).copied().filter(|&time| time != NO_TIME && time <= as_of)
}

/// Last exchange of any of some accounts.
pub(super) fn last_seen(dataset: &Dataset, accounts: impl Iterator<Item = u32>) -> Seconds {
    let seen = accounts.map(|account| query::span_of_account(dataset, AccountId(account)).1);
    seen.filter(|&time| time != NO_TIME).max().unwrap_or(NO_TIME)
}

/// One run between the one before and now.
pub(super) struct Scene<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) run: u32,
    /// Accounts of networks that were known to be banned at the run before.
    banned_before: BTreeSet<u32>,
    as_of: Seconds,
}

/// The accounts of networks that were banned when these were found last; where that wasn't noted, those that were banned up to the last
/// event of the run before.
fn banned_before(history: &History, dataset: &Dataset, since: Seconds) -> BTreeSet<u32> {
    let of = |network: &Remembered| match &network.banned {
        Some(banned) => banned.clone(),
        None => network.current().filter(|&account| banned_by(dataset, account, since).is_some()).collect(),
    };
    history.networks.iter().flat_map(of).collect()
}

impl Scene<'_> {
    fn standing(&self, accounts: &[u32]) -> Standing {
        if !accounts.is_empty() && accounts.iter().all(|&account| banned_by(self.dataset, account, self.as_of).is_some()) {
            return Standing::Closed;
        }
        let last = last_seen(self.dataset, accounts.iter().copied());
        if last != NO_TIME && self.as_of != NO_TIME && self.as_of.saturating_sub(last) >= DORMANT {
            Standing::Dormant
        } else {
            Standing::Active
        }
    }

    /// Whether the networks stand where the last run, which found the same, left them.
    fn stands_as_before(&self, history: &History, results: &Results, found: &Found) -> bool {
        let before: BTreeMap<&str, Standing> =
            history.networks.iter().map(|network| (network.id.as_str(), network.standing)).collect();
        let mut flagged = results.networks.iter().zip(&found.members).filter(|(network, _)| network.flagged);
        flagged.all(|(network, members)| before.get(network.id.as_str()) == Some(&self.standing(members)))
    }

    fn happened(&self, history: &History, results: &Results, found: &Found) -> Vec<Happened> {
        let known: Vec<&Remembered> =
            history.networks.iter().filter(|network| network.standing != Standing::Candidate).collect();
        let before: Vec<Numbers<'_>> = known
            .iter()
            .map(|network| Held {
                id: &network.id,
                accounts: network.current().collect(),
                identifiers: network.identifiers.iter().copied().collect(),
            })
            .collect();
        let flagged: Vec<usize> = (0..results.networks.len()).filter(|&at| results.networks[at].flagged).collect();
        let after: Vec<Numbers<'_>> = flagged
            .iter()
            .map(|&at| Held {
                id: &results.networks[at].id,
                accounts: found.members[at].iter().copied().collect(),
                identifiers: found.identifiers[at].iter().copied().collect(),
            })
            .collect();
        let let_go = let_go(history);
        let causes = Causes { history, results };
        let gone_of = |held: &Numbers<'_>| known.iter().find(|network| network.id == held.id).map_or(0, |known| known.gone());
        let mut happened = Vec::new();
        for (old, new) in joined_by_id(diff::groups(&before, &after), &before, &after) {
            // What was closed long ago and isn't in it any more has no part in a group.
            let mut old: Vec<usize> = old;
            let is_found = |at: usize| new.iter().any(|&now| after[now].id == before[at].id);
            if new.is_empty() || old.len() > 1 {
                old.retain(|&at| known[at].standing != Standing::Closed || is_found(at));
            }
            old.retain(|&at| !let_go.contains(before[at].id) || is_found(at));
            let (left, right) = (diff::pick(&before, &old), diff::pick(&after, &new));
            let word = diff::word(&left, &right);
            let gone = diff::accounts(&left);
            for now in &right {
                if let_go.contains(now.id) {
                    let none = Held { id: now.id, ..Held::default() };
                    let cause = causes.of_rise(now.id, self.run);
                    happened.push(Happened { cause, ..self.event("resurrected", &left, now, &BTreeSet::new(), Some(&none)) });
                    continue;
                }
                let own = left.iter().find(|held| held.id == now.id).copied();
                let was = match (&left[..], own) {
                    ([one], _) => Some(*one),
                    (_, own) => own,
                };
                let accounts: Vec<u32> = now.accounts.iter().copied().collect();
                let standing =
                    was.and_then(|was| known.iter().find(|network| network.id == was.id)).map(|network| network.standing);
                let is_new = !known.iter().any(|network| network.id == now.id);
                let was = was.filter(|_| !is_new);
                let event = match word {
                    _ if is_new => "born",
                    "born" | "split" | "merged" | "regrouped" => word,
                    _ => self.alone(was, now, standing, self.standing(&accounts), with_gone(word, was, now, &gone_of)),
                };
                if event == "unchanged" {
                    continue;
                }
                let shrank = was.filter(|was| event == "shrank" && now.accounts.len() >= was.accounts.len());
                let cause = match event {
                    "born" => of_several(word).or_else(|| causes.of_rise(now.id, self.run)),
                    "shrank" if history.less.is_some() => history.less,
                    // But for those of whom nothing is left it would not have.
                    "shrank" => shrank.and_then(|was| known.iter().find(|network| network.id == was.id)?.most_gone()),
                    // A ban explains it, whatever it left.
                    "replaced" if was.is_some_and(|was| self.banned_since(was) == 0 && !has_same_identifiers(was, now)) => {
                        Some(Cause::AccountsChanged)
                    }
                    _ => None,
                };
                let mut event = self.event(event, &left, now, &gone, was);
                event.cause = cause.or_else(|| self.cause(&event));
                let gone = was.map_or(0, &gone_of);
                (event.before, event.lost) = (event.before + gone, event.lost + gone);
                happened.push(event);
            }
            // Those whose id nobody has now, and that were still open.
            let ids: BTreeSet<&str> = right.iter().map(|held| held.id).collect();
            for held in left.iter().filter(|held| !ids.contains(held.id)) {
                let empty = Held { id: held.id, ..Held::default() };
                let mut closed = self.event("closed", &[], &empty, &BTreeSet::new(), Some(held));
                closed.from = right.iter().map(|held| held.id.to_owned()).collect();
                closed.cause = if right.is_empty() { causes.of_fall(held.id, self) } else { Some(Cause::Merged) };
                let gone = gone_of(held);
                (closed.before, closed.lost) = (closed.before + gone, closed.lost + gone);
                happened.push(closed);
            }
        }
        for event in &mut happened {
            let found = results.networks.iter().find(|network| network.id == event.network);
            (event.score, event.rank) = found.map(|found| (found.score, found.rank)).unzip();
        }
        happened
    }

    /// The cause that goes without saying of an event.
    fn cause(&self, happened: &Happened) -> Option<Cause> {
        Some(match happened.event.as_str() {
            "grew" => Cause::AccountsGained,
            "shrank" => Cause::AccountsLost,
            "changed" => Cause::AccountsChanged,
            "replaced" if happened.banned > 0 => Cause::BannedAndReplaced,
            "replaced" => Cause::SameIdentifiers,
            "dormant" => Cause::Silent,
            "resurrected" => Cause::ActiveAgain,
            "closed" => Cause::AllBanned,
            word => return of_several(word),
        })
    }

    /// The event of a network that comes from one and stayed one.
    fn alone(
        &self,
        was: Option<&Numbers<'_>>,
        now: &Numbers<'_>,
        before: Option<Standing>,
        after: Standing,
        word: &'static str,
    ) -> &'static str {
        let (Some(was), Some(before)) = (was, before) else { return word };
        let ended = |standing| matches!(standing, Standing::Dormant | Standing::Closed);
        if after != before && ended(after) && !(before == Standing::Closed && after == Standing::Dormant) {
            return after.name();
        }
        if ended(before) && after != before {
            return "resurrected";
        }
        let live = was.accounts.difference(&self.banned_before).count();
        let banned = self.banned_since(was);
        let gained = now.accounts.difference(&was.accounts).count();
        if word == "replaced" || (banned > 0 && 2 * banned >= live && 2 * gained >= banned) { "replaced" } else { word }
    }

    /// Accounts banned since the run before, as far as the store was told since.
    fn banned_since(&self, held: &Numbers<'_>) -> usize {
        let live = held.accounts.difference(&self.banned_before);
        live.filter(|&&account| banned_by(self.dataset, account, self.as_of).is_some()).count()
    }

    fn event(
        &self,
        event: &str,
        left: &[&Numbers<'_>],
        now: &Numbers<'_>,
        gone: &BTreeSet<u32>,
        was: Option<&Numbers<'_>>,
    ) -> Happened {
        let known = was.map(|was| was.accounts.clone()).unwrap_or_else(|| gone.clone());
        let gained: Vec<u32> = now.accounts.difference(&known).copied().collect();
        let old: BTreeSet<u32> = left.iter().flat_map(|held| held.identifiers.iter().copied()).collect();
        let mut carriers: BTreeMap<u32, u32> = BTreeMap::new();
        for &account in &gained {
            for identifier in self.dataset.graph().identifiers_of(AccountId(account)) {
                if old.contains(identifier) {
                    *carriers.entry(*identifier).or_default() += 1;
                }
            }
        }
        let carried = carriers.len() as u64;
        let mut carriers: Vec<(u32, u32)> = carriers.into_iter().collect();
        carriers.sort_by_key(|&(identifier, accounts)| {
            (std::cmp::Reverse(accounts), self.dataset.graph().identifier_degree(IdentifierId(identifier)), identifier)
        });
        carriers.truncate(NAMED);
        Happened {
            run: self.run,
            network: now.id.to_owned(),
            event: event.to_owned(),
            from: left.iter().filter(|held| held.id != now.id).map(|held| held.id.to_owned()).collect(),
            before: was.map_or(0, |was| was.accounts.len() as u64),
            after: now.accounts.len() as u64,
            gained: gained.len() as u64,
            lost: was.map_or(0, |was| was.accounts.difference(&now.accounts).count() as u64),
            banned: was.map_or(0, |was| self.banned_since(was) as u64),
            carried,
            carriers,
            cause: None,
            score: None,
            rank: None,
        }
    }
}

/// The cause of what comes from several, or is several.
fn of_several(word: &str) -> Option<Cause> {
    match word {
        "split" => Some(Cause::Split),
        "merged" => Some(Cause::Merged),
        "regrouped" => Some(Cause::Regrouped),
        _ => None,
    }
}

/// Groups of networks before and now, those of one id in one: a network can keep its id by accounts that had left it.
fn joined_by_id(
    mut groups: Vec<(Vec<usize>, Vec<usize>)>,
    before: &[Numbers<'_>],
    after: &[Numbers<'_>],
) -> Vec<(Vec<usize>, Vec<usize>)> {
    let place: BTreeMap<&str, usize> = before.iter().enumerate().map(|(at, held)| (held.id, at)).collect();
    for (new, old) in after.iter().enumerate().filter_map(|(at, held)| Some((at, *place.get(held.id)?))) {
        let apart = |groups: &[(Vec<usize>, Vec<usize>)]| {
            let of_new = groups.iter().position(|group| group.1.contains(&new))?;
            let of_old = groups.iter().position(|group| group.0.contains(&old))?;
            (of_new != of_old).then_some((of_new, of_old))
        };
        if let Some((of_new, of_old)) = apart(&groups) {
            let (olds, news) = std::mem::take(&mut groups[of_old]);
            groups[of_new].0.extend(olds);
            groups[of_new].1.extend(news);
            groups[of_new].0.sort_unstable();
            groups[of_new].1.sort_unstable();
        }
    }
    groups.retain(|group| !group.0.is_empty() || !group.1.is_empty());
    groups
}

/// Whether half of the identifiers of the smaller are the other's as well.
fn has_same_identifiers(was: &Numbers<'_>, now: &Numbers<'_>) -> bool {
    let smaller = was.identifiers.len().min(now.identifiers.len());
    smaller > 0 && 2 * was.identifiers.intersection(&now.identifiers).count() >= smaller
}

/// What became of a network that is the same, where the store has nothing of some of its accounts any more.
fn with_gone<'w>(
    word: &'w str,
    was: Option<&Numbers<'_>>,
    now: &Numbers<'_>,
    gone_of: &impl Fn(&Numbers<'_>) -> u64,
) -> &'w str {
    let Some((was, gone)) = was.map(|was| (was, gone_of(was))).filter(|(_, gone)| *gone > 0) else { return word };
    match (word, now.accounts.len().cmp(&(was.accounts.len() + gone as usize))) {
        ("grew" | "shrank" | "changed" | "unchanged", Ordering::Greater) => "grew",
        ("grew" | "shrank" | "changed" | "unchanged", Ordering::Less) => "shrank",
        ("grew" | "shrank" | "changed" | "unchanged", Ordering::Equal) => "changed",
        _ => word,
    }
}

/// Brings what is remembered of each network up to date.
fn remember(history: &mut History, results: &Results, found: Found, scene: &Scene<'_>) {
    let mut by_id: BTreeMap<String, Remembered> =
        std::mem::take(&mut history.networks).into_iter().map(|network| (network.id.clone(), network)).collect();
    for ((network, members), identifiers) in results.networks.iter().zip(found.members).zip(found.identifiers) {
        let known = by_id.entry(network.id.clone()).or_insert_with(|| Remembered::new(network.id.clone(), scene.run));
        known.score = Some(network.score);
        if network.flagged {
            known.standing = scene.standing(&members);
        } else if known.standing != Standing::Candidate {
            known.standing = Standing::Closed;
        }
        let is_banned = |account: &u32| banned_by(scene.dataset, *account, scene.as_of).is_some();
        known.banned = Some(members.iter().copied().filter(is_banned).collect());
        known.found_again(scene.run, members, identifiers);
    }
    for network in by_id.values_mut() {
        network.gone.clear();
        if network.last_run != scene.run && network.standing != Standing::Candidate {
            network.standing = Standing::Closed;
        }
    }
    history.networks = by_id.into_values().collect();
}

#[cfg(test)]
mod tests;
