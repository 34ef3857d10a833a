//! What a run adds to the history: what became of each network since the run before.
//!
//! Networks before (every one that was ever flagged, as it was last found) and now (the flagged ones) are grouped and named as
//! [`crate::diff`] does it, by the numbers of one store. To its words come those that need a clock, and the clock is the last
//! event of the data, never the wall's:
//!
//! | event | when |
//! |---|---|
//! | `born` | flagged for the first time, and the same as none before |
//! | `grew`, `shrank`, `changed` | the same one, with more, fewer, or as many but other accounts |
//! | `split`, `merged`, `regrouped` | as in `diff`; one event for each network there is now, with the ids it comes from |
//! | `replaced` | at least half of the accounts that weren't banned at the run before were banned since, and at least half as many new ones came; or most accounts are others, and the identifiers the same |
//! | `dormant` | no exchange for [`DORMANT`] |
//! | `resurrected` | active again after being dormant, or flagged again after being closed, from no accounts if it had been let go |
//! | `closed` | every account is banned, no detection finds it any more, or another network has swallowed it |
//!
//! A run that finds the same networks with the same members in the same data adds nothing: detecting twice is detecting once.

use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, IdentifierId, NO_TIME, NONE_U32, Seconds};

use super::history::{Happened, History, Remembered, Run, Standing};
use super::ids::{Found, MEMORY};
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
        if network != NONE_U32 && code != Membership::Ambiguous.code() {
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
    if history.runs.last().is_some_and(|run| run.data == data && run.flagged == flagged) && is_known(history, results, &found) {
        return;
    }
    let number = history.runs.len() as u32;
    let since = history.runs.last().map_or(0, |run| run.as_of);
    history.runs.push(Run { as_of, data, accounts: dataset.graph().account_count() as u64, flagged });
    let scene = Scene { dataset, run: number, since, as_of };
    let happened = scene.happened(history, results, &found);
    history.events.extend(happened);
    remember(history, results, found, &scene);
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
    known.len() == results.networks.len()
        && results.networks.iter().zip(&found.members).zip(&found.identifiers).all(|((network, members), identifiers)| {
            known.get(network.id.as_str()).is_some_and(|known| {
                let was_flagged = known.standing != Standing::Candidate && !let_go.contains(known.id.as_str());
                (was_flagged || !network.flagged)
                    && known.current().eq(members.iter().copied())
                    && known.identifiers == *identifiers
            })
        })
}

/// A hash of the hashes of the files that went in.
fn data_of(dataset: &Dataset) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in &dataset.manifest().inputs {
        hasher.update(file.hash.as_bytes());
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
struct Scene<'a> {
    dataset: &'a Dataset,
    run: u32,
    /// Last event of the data of the run before.
    since: Seconds,
    as_of: Seconds,
}

impl Scene<'_> {
    fn standing(&self, accounts: &[u32]) -> Standing {
        if !accounts.is_empty() && accounts.iter().all(|&account| banned_by(self.dataset, account, self.as_of).is_some()) {
            return Standing::Closed;
        }
        let last = last_seen(self.dataset, accounts.iter().copied());
        if last != NO_TIME && self.as_of != NO_TIME && self.as_of - last >= DORMANT {
            Standing::Dormant
        } else {
            Standing::Active
        }
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
        let mut happened = Vec::new();
        for (old, new) in diff::groups(&before, &after) {
            // What was closed long ago and isn't in it any more has no part in a group.
            let mut old: Vec<usize> = old;
            if new.is_empty() || old.len() > 1 {
                old.retain(|&at| known[at].standing != Standing::Closed);
            }
            old.retain(|&at| !let_go.contains(before[at].id) || new.iter().any(|&now| after[now].id == before[at].id));
            let (left, right) = (diff::pick(&before, &old), diff::pick(&after, &new));
            let word = diff::word(&left, &right);
            let gone = diff::accounts(&left);
            for now in &right {
                if let_go.contains(now.id) {
                    let none = Held { id: now.id, ..Held::default() };
                    happened.push(self.event("resurrected", &left, now, &BTreeSet::new(), Some(&none)));
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
                let event = match word {
                    "born" | "split" | "merged" | "regrouped" => word,
                    _ => self.alone(was, now, standing, self.standing(&accounts), word),
                };
                if event == "unchanged" {
                    continue;
                }
                happened.push(self.event(event, &left, now, &gone, was));
            }
            // Those whose id nobody has now, and that were still open.
            let ids: BTreeSet<&str> = right.iter().map(|held| held.id).collect();
            for held in left.iter().filter(|held| !ids.contains(held.id)) {
                let empty = Held { id: held.id, ..Held::default() };
                let mut closed = self.event("closed", &[], &empty, &BTreeSet::new(), Some(held));
                closed.from = right.iter().map(|held| held.id.to_owned()).collect();
                happened.push(closed);
            }
        }
        happened
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
        let live = was.accounts.iter().filter(|&&account| banned_by(self.dataset, account, self.since).is_none()).count();
        let banned = self.banned_since(was);
        let gained = now.accounts.difference(&was.accounts).count();
        if word == "replaced" || (banned > 0 && 2 * banned >= live && 2 * gained >= banned) { "replaced" } else { word }
    }

    /// Accounts banned since the run before.
    fn banned_since(&self, held: &Numbers<'_>) -> usize {
        let since = |&&account: &&u32| banned_by(self.dataset, account, self.as_of).is_some_and(|time| time > self.since);
        held.accounts.iter().filter(since).count()
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
        }
    }
}

/// Brings what is remembered of each network up to date.
fn remember(history: &mut History, results: &Results, found: Found, scene: &Scene<'_>) {
    let mut by_id: BTreeMap<String, Remembered> =
        std::mem::take(&mut history.networks).into_iter().map(|network| (network.id.clone(), network)).collect();
    for ((network, members), identifiers) in results.networks.iter().zip(found.members).zip(found.identifiers) {
        let known = by_id.entry(network.id.clone()).or_insert_with(|| Remembered {
            id: network.id.clone(),
            members: Vec::new(),
            identifiers: Vec::new(),
            first_run: scene.run,
            last_run: scene.run,
            standing: Standing::Candidate,
        });
        known.last_run = scene.run;
        if network.flagged {
            known.standing = scene.standing(&members);
        } else if known.standing != Standing::Candidate {
            known.standing = Standing::Closed;
        }
        let mut last_had: BTreeMap<u32, u32> = known.members.iter().copied().collect();
        last_had.extend(members.into_iter().map(|account| (account, scene.run)));
        last_had.retain(|_, &mut run| run + MEMORY > scene.run);
        known.members = last_had.into_iter().collect();
        known.identifiers = identifiers;
    }
    for network in by_id.values_mut() {
        if network.last_run != scene.run && network.standing != Standing::Candidate {
            network.standing = Standing::Closed;
        }
    }
    history.networks = by_id.into_values().collect();
}

#[cfg(test)]
mod tests {
    use events::IngestConfig;

    use super::*;
    use crate::detect::Labels;
    use crate::observe::Unobserved;
    use crate::results::Labelling;
    use crate::rules::Lists;

    const DAY: &str = "2026-03-";

    /// A store of twelve accounts `a`.. with an address each; account `x` last acts on the day that `last` says, and is banned
    /// on the day that `banned` says, if any.
    fn store(folder: &std::path::Path, last: &[u32], banned: &[Option<u32>]) -> Dataset {
        let (mut events, mut accounts) =
            ("timestamp,account_id,ip\n".to_owned(), "account_id,created_at,banned_at\n".to_owned());
        for (at, day) in last.iter().enumerate() {
            let (name, address) = (char::from(b'a' + at as u8), 100 + at);
            events.push_str(&format!(
                "{DAY}01T00:00:00Z,{name},8.8.8.{address}\n{DAY}{day:02}T00:00:00Z,{name},8.8.8.{address}\n"
            ));
            let ban = banned.get(at).copied().flatten().map_or(String::new(), |day| format!("{DAY}{day:02}T12:00:00Z"));
            accounts.push_str(&format!("{name},{DAY}01T00:00:00Z,{ban}\n"));
        }
        let (event_file, account_file) = (folder.join("e.csv"), folder.join("a.csv"));
        std::fs::write(&event_file, events).unwrap();
        std::fs::write(&account_file, accounts).unwrap();
        let config = IngestConfig { accounts: Some(account_file), ..IngestConfig::default() };
        let path = folder.join("s");
        crate::build::build(&[event_file], &path, &config, &Unobserved).unwrap();
        Dataset::open(&path).unwrap()
    }

    /// Results of flagged networks: (id, accounts as letters, numbers of identifiers).
    fn results(dataset: &Dataset, networks: &[(&str, &str, &[u32])]) -> Results {
        let (accounts, identifiers) = (dataset.graph().account_count(), dataset.graph().identifier_count());
        let mut labels = Labels {
            network_of: vec![NONE_U32; accounts],
            membership: vec![0; accounts],
            confidence: vec![0.0; accounts],
            evidence_bits: vec![0.0; accounts],
            network_of_identifier: vec![NONE_U32; identifiers],
        };
        let mut described = Vec::new();
        for (at, (id, members, own)) in networks.iter().enumerate() {
            members.bytes().for_each(|letter| labels.network_of[(letter - b'a') as usize] = at as u32);
            own.iter().for_each(|&identifier| labels.network_of_identifier[identifier as usize] = at as u32);
            described.push(
                serde_json::from_value(serde_json::json!({
                    "id": id, "rank": at + 1, "accounts": members.len(), "core": members.len(), "fringe": 0, "ambiguous": 0,
                    "identifiers_by_kind": {}, "events": 1, "first_seen": null, "last_seen": null, "score": 9.0, "q_value": null,
                    "flagged": true, "benign_hypothesis": "", "benign_bits": 0.0, "why": "", "signals": {}, "tied_by": [],
                    "suppressed_sightings": 0, "fragility": 0.0
                }))
                .unwrap(),
            );
        }
        Results::new(Labelling::of_labels(labels), described, Lists::default())
    }

    type Step<'a> = &'a [(&'a str, &'a str, &'a [u32])];

    /// What happens when these detections follow each other on the same data: (network, event) of the last.
    fn told(dataset: &Dataset, steps: &[Step<'_>]) -> (Vec<(String, String)>, History) {
        let mut history = History::default();
        steps.iter().for_each(|step| record(&mut history, dataset, &results(dataset, step)));
        let last = history.runs.len() as u32 - 1;
        let events = history.events.iter().filter(|happened| happened.run == last);
        (events.map(|happened| (happened.network.clone(), happened.event.clone())).collect(), history)
    }

    fn named(events: &[(String, String)]) -> Vec<(&str, &str)> {
        events.iter().map(|(network, event)| (network.as_str(), event.as_str())).collect()
    }

    #[test]
    fn each_event_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = store(folder.path(), &[20; 12], &[]);
        let one = |steps: &[Step<'_>]| told(&dataset, steps).0;
        assert_eq!(named(&one(&[&[("P", "abc", &[])]])), [("P", "born")]);
        assert_eq!(named(&one(&[&[("P", "abc", &[])], &[("P", "abcd", &[])]])), [("P", "grew")]);
        assert_eq!(named(&one(&[&[("P", "abcd", &[])], &[("P", "abc", &[])]])), [("P", "shrank")]);
        assert_eq!(named(&one(&[&[("P", "abcd", &[])], &[("P", "abce", &[])]])), [("P", "changed")]);
        let split: [Step<'_>; 2] = [&[("P", "abcd", &[])], &[("P", "abc", &[]), ("Q", "d", &[])]];
        assert_eq!(named(&one(&split)), [("P", "split"), ("Q", "split")]);
        let merged: [Step<'_>; 2] = [&[("P", "abc", &[]), ("Q", "de", &[])], &[("P", "abcde", &[])]];
        assert_eq!(named(&one(&merged)), [("P", "merged"), ("Q", "closed")]);
        // All accounts are others, the identifiers the same.
        assert_eq!(named(&one(&[&[("P", "abc", &[1, 2])], &[("P", "def", &[1, 2, 3])]])), [("P", "replaced")]);
        assert_eq!(named(&one(&[&[("P", "abc", &[])], &[]])), [("P", "closed")]);
        assert_eq!(named(&one(&[&[("P", "abc", &[])], &[], &[("P", "abc", &[])]])), [("P", "resurrected")]);
    }

    #[test]
    fn evidence_counts_who_came_who_went_and_what_carried_over() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = store(folder.path(), &[20; 12], &[]);
        // Account d was seen with identifier 3 only, which the network held before.
        let (_, history) = told(&dataset, &[&[("P", "abc", &[0, 1, 3])], &[("P", "bcde", &[0, 1, 3])]]);
        let last = history.events.last().unwrap();
        assert_eq!((last.before, last.after, last.gained, last.lost, last.banned), (3, 4, 2, 1, 0));
        assert_eq!((last.carried, &last.carriers[..]), (1, &[(3, 1)][..]));
    }

    #[test]
    fn bans_between_make_a_replacement_and_silence_makes_dormant() {
        let folder = tempfile::tempdir().unwrap();
        // a, b and c are banned on the 10th; d, e and f go on to the 20th; j and k are silent since the 5th, l acts on the
        // 20th.
        let last = [10, 10, 10, 20, 20, 20, 20, 20, 20, 5, 5, 20];
        let banned = [Some(10), Some(10), Some(10)];
        let dataset = store(folder.path(), &last, &banned);
        let mut history = History::default();
        record(&mut history, &dataset, &results(&dataset, &[("P", "abc", &[]), ("Q", "jk", &[]), ("R", "gh", &[])]));
        let standing = |history: &History| history.networks.iter().map(|network| network.standing).collect::<Vec<_>>();
        assert_eq!(standing(&history), [Standing::Closed, Standing::Dormant, Standing::Active]);
        // As if the run before had been on the 9th, when nobody was banned and all acted.
        history.runs[0].as_of -= 11 * 86_400;
        history.networks.iter_mut().for_each(|network| network.standing = Standing::Active);
        record(&mut history, &dataset, &results(&dataset, &[("P", "abcdef", &[]), ("Q", "jk", &[]), ("R", "gh", &[])]));
        let events: Vec<(&str, &str, u64)> = history
            .events
            .iter()
            .filter(|happened| happened.run == 1)
            .map(|happened| (happened.network.as_str(), happened.event.as_str(), happened.banned))
            .collect();
        assert_eq!(events, [("P", "replaced", 3), ("Q", "dormant", 0)]);
        assert_eq!(standing(&history), [Standing::Active, Standing::Dormant, Standing::Active]);
    }

    /// (run, event, before, after, gained, lost) of a network, from its second event on.
    fn life(history: &History, id: &str) -> Vec<(u32, String, [u64; 4])> {
        let own = history.events.iter().filter(|happened| happened.network == id).skip(1);
        own.map(|one| (one.run, one.event.clone(), [one.before, one.after, one.gained, one.lost])).collect()
    }

    #[test]
    fn whoever_was_let_go_comes_back_from_nothing_dormant_or_not() {
        let folder = tempfile::tempdir().unwrap();
        // a to d are silent since the 5th, the others act on the 20th.
        let dataset = store(folder.path(), &[5, 5, 5, 5, 20, 20, 20, 20, 20, 20, 20, 20], &[]);
        let both: Step<'_> = &[("P", "abc", &[]), ("Q", "ef", &[])];
        let more: Step<'_> = &[("P", "abcd", &[]), ("Q", "ef", &[])];
        let awake: Step<'_> = &[("P", "abce", &[]), ("Q", "f", &[])];
        let back = |step: Step<'_>| {
            let history = told(&dataset, &[both, &[], step, step]).1;
            assert_eq!(history.networks[0].standing, if step == awake { Standing::Active } else { Standing::Dormant });
            assert_eq!(history.runs.len(), 3);
            history
        };
        let event = |run: u32, event: &str, counts: [u64; 4]| (run, event.to_owned(), counts);
        for (step, accounts) in [(both, 3), (more, 4), (awake, 4)] {
            let closed = event(1, "closed", [3, 0, 0, 3]);
            assert_eq!(life(&back(step), "P"), [closed, event(2, "resurrected", [0, accounts, accounts, 0])], "{step:?}");
        }
        // Two that were closed and are one now, and one that is two.
        let apart: Step<'_> = &[("P", "abcd", &[]), ("R", "gh", &[])];
        let merged: Step<'_> = &[("P", "abcdgh", &[])];
        let history = told(&dataset, &[apart, &[], merged]).1;
        assert_eq!(life(&history, "P").last(), Some(&event(2, "resurrected", [0, 6, 6, 0])));
        let history = told(&dataset, &[merged, &[], apart]).1;
        assert_eq!(life(&history, "P").last(), Some(&event(2, "resurrected", [0, 4, 4, 0])));
        // What went into another is there again.
        let history = told(&dataset, &[apart, merged, apart]).1;
        assert_eq!(life(&history, "R"), [event(1, "closed", [2, 0, 0, 2]), event(2, "resurrected", [0, 2, 2, 0])]);
    }

    #[test]
    fn one_flagged_for_another_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = store(folder.path(), &[5; 12], &[]);
        let flagged = |ids: [bool; 2]| {
            let mut results = results(&dataset, &[("P", "abc", &[]), ("Q", "def", &[])]);
            results.networks.iter_mut().zip(ids).for_each(|(network, flagged)| network.flagged = flagged);
            results
        };
        let mut history = History::default();
        for ids in [[true, true], [true, false], [false, true], [false, true]] {
            record(&mut history, &dataset, &flagged(ids));
        }
        assert_eq!(history.runs.len(), 3);
        let events = history.events.iter().filter(|happened| happened.run == 2);
        let events: Vec<(&str, &str)> = events.map(|happened| (happened.network.as_str(), happened.event.as_str())).collect();
        assert_eq!(events, [("Q", "resurrected"), ("P", "closed")]);
    }

    #[test]
    fn the_same_again_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = store(folder.path(), &[20; 12], &[]);
        let step: Step<'_> = &[("P", "abc", &[1]), ("Q", "de", &[])];
        assert_eq!(told(&dataset, &[step]).1, told(&dataset, &[step, step, step]).1);
    }
}
