//! What happens between detections of small stores, and why.

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
    let (mut events, mut accounts) = ("timestamp,account_id,ip\n".to_owned(), "account_id,created_at,banned_at\n".to_owned());
    for (at, day) in last.iter().enumerate() {
        let (name, address) = (char::from(b'a' + at as u8), 100 + at);
        events.push_str(&format!("{DAY}01T00:00:00Z,{name},8.8.8.{address}\n{DAY}{day:02}T00:00:00Z,{name},8.8.8.{address}\n"));
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
    assert_eq!(named(&one(&split)), [("P", "split"), ("Q", "born")]);
    let merged: [Step<'_>; 2] = [&[("P", "abc", &[]), ("Q", "de", &[])], &[("P", "abcde", &[])]];
    assert_eq!(named(&one(&merged)), [("P", "merged"), ("Q", "closed")]);
    let both: [Step<'_>; 2] = [merged[0], &[("R", "abcde", &[])]];
    assert_eq!(named(&one(&both)), [("R", "born"), ("P", "closed"), ("Q", "closed")]);
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
    history.networks.iter_mut().for_each(|network| (network.standing, network.banned) = (Standing::Active, None));
    let mut told_late = history.clone();
    record(&mut history, &dataset, &results(&dataset, &[("P", "abcdef", &[]), ("Q", "jk", &[]), ("R", "gh", &[])]));
    let events: Vec<(&str, &str, u64)> = history
        .events
        .iter()
        .filter(|happened| happened.run == 1)
        .map(|happened| (happened.network.as_str(), happened.event.as_str(), happened.banned))
        .collect();
    assert_eq!(events, [("P", "replaced", 3), ("Q", "dormant", 0)]);
    assert_eq!(standing(&history), [Standing::Active, Standing::Dormant, Standing::Active]);
    // A run on the 15th that nobody had told of the bans of the 10th: they come since.
    told_late.runs[0].as_of += 6 * 86_400;
    told_late.networks.iter_mut().for_each(|network| network.banned = Some(Vec::new()));
    record(&mut told_late, &dataset, &results(&dataset, &[("P", "abcdef", &[]), ("Q", "jk", &[]), ("R", "gh", &[])]));
    let replaced = told_late.events.iter().find(|happened| happened.run == 1 && happened.network == "P").unwrap();
    assert_eq!((replaced.event.as_str(), replaced.banned), ("replaced", 3));
}

#[test]
fn a_banned_network_that_swallowed_another_is_not_born_every_night() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = store(folder.path(), &[10; 12], &[Some(10); 5]);
    let mut history = History::default();
    record(&mut history, &dataset, &results(&dataset, &[("P", "abc", &[]), ("Q", "de", &[])]));
    history.networks.iter_mut().for_each(|network| (network.standing, network.banned) = (Standing::Active, Some(Vec::new())));
    let swallowed = results(&dataset, &[("P", "abcde", &[])]);
    for _ in 0..3 {
        record(&mut history, &dataset, &swallowed);
        // The next night's batch is other data.
        history.runs.last_mut().unwrap().data.push('.');
    }
    let events: Vec<(u32, &str, &str)> = (history.events.iter().filter(|happened| happened.run > 0))
        .map(|happened| (happened.run, happened.network.as_str(), happened.event.as_str()))
        .collect();
    assert_eq!(events, [(1, "P", "merged"), (1, "Q", "closed")], "nothing since");
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

/// (id, accounts as letters, score) of networks.
type Scored<'a> = &'a [(&'a str, &'a str, f64)];

/// Results of such networks at a threshold.
fn scored(dataset: &Dataset, threshold: f64, networks: Scored<'_>) -> Results {
    let step: Vec<(&str, &str, &[u32])> = networks.iter().map(|&(id, accounts, _)| (id, accounts, &[][..])).collect();
    let mut results = results(dataset, &step);
    results.labelling.run.threshold = threshold;
    for (network, &(_, _, score)) in results.networks.iter_mut().zip(networks) {
        (network.score, network.flagged) = (score, score >= threshold);
    }
    results
}

/// (event, cause, score, threshold) of the last run.
fn whys(history: &History) -> Vec<(String, &'static str, Option<f64>, Option<f64>)> {
    let last = history.runs.len() as u32 - 1;
    let of_last = history.events.iter().filter(|happened| happened.run == last);
    let why = |one: &Happened| {
        (one.event.clone(), one.cause.map_or("", Cause::name), one.score, history.runs[last as usize].threshold)
    };
    of_last.map(why).collect()
}

#[test]
fn what_happened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = store(folder.path(), &[20; 12], &[]);
    let told = |steps: &[(f64, Scored<'_>)]| {
        let mut history = History::default();
        steps.iter().for_each(|(threshold, networks)| record(&mut history, &dataset, &scored(&dataset, *threshold, networks)));
        whys(&history)
    };
    let one = |event: &str, cause: &'static str, score: Option<f64>, threshold: f64| {
        vec![(event.to_owned(), cause, score, Some(threshold))]
    };
    let high: (f64, Scored<'_>) = (5.0, &[("P", "abc", 9.0)]);
    let low: (f64, Scored<'_>) = (5.0, &[("P", "abc", 3.0)]);
    assert_eq!(told(&[high]), one("born", "new", Some(9.0), 5.0));
    assert_eq!(told(&[low, high]), one("born", "score_rose", Some(9.0), 5.0));
    assert_eq!(told(&[low, (2.0, low.1)]), one("born", "threshold_lowered", Some(3.0), 2.0));
    assert_eq!(told(&[high, low]), one("closed", "score_fell", Some(3.0), 5.0));
    assert_eq!(told(&[high, (10.0, high.1)]), one("closed", "threshold_raised", Some(9.0), 10.0));
    assert_eq!(told(&[high, (5.0, &[])]), one("closed", "not_found", None, 5.0));
    assert_eq!(told(&[high, (5.0, &[]), high]), one("resurrected", "found_again", Some(9.0), 5.0));
    assert_eq!(told(&[high, low, high]), one("resurrected", "score_rose", Some(9.0), 5.0));
    assert_eq!(told(&[high, (5.0, &[("P", "abcd", 9.0)])]), one("grew", "accounts_gained", Some(9.0), 5.0));
    let merged = told(&[(5.0, &[("P", "abc", 9.0), ("Q", "de", 9.0)]), (5.0, &[("P", "abcde", 9.0)])]);
    assert_eq!(merged.iter().map(|why| why.1).collect::<Vec<_>>(), ["merged", "merged"]);
    // An id that nobody had is born, whatever it came from.
    let merged = told(&[(5.0, &[("P", "abc", 9.0), ("Q", "de", 9.0)]), (5.0, &[("R", "abcdef", 9.0)])]);
    let expected = [("born", "merged"), ("closed", "merged"), ("closed", "merged")];
    assert_eq!(merged.iter().map(|why| (why.0.as_str(), why.1)).collect::<Vec<_>>(), expected);

    // What people confirmed is one however it scores, until they take that back.
    let mut history = History::default();
    let mut confirmed = scored(&dataset, 5.0, low.1);
    confirmed.networks[0].flagged = true;
    record(&mut history, &dataset, &confirmed);
    assert_eq!(whys(&history), one("born", "confirmed", Some(3.0), 5.0));
    record(&mut history, &dataset, &scored(&dataset, 5.0, low.1));
    assert_eq!(whys(&history), one("closed", "confirmation_withdrawn", Some(3.0), 5.0));
}

#[test]
fn accounts_of_which_nothing_is_left_are_lost_by_an_event_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = store(folder.path(), &[20; 12], &[]);
    let without = |accounts: &[u32], why: Cause| {
        let mut history = History::default();
        record(&mut history, &dataset, &scored(&dataset, 5.0, &[("P", "abcd", 9.0)]));
        // As a retention would renumber it, but that the numbers stay.
        history.without(|old| (!accounts.contains(&old)).then_some(old), Some, why)
    };
    let last = |history: &History| {
        let last = history.events.last().unwrap();
        (last.run, last.event.clone(), last.cause, [last.before, last.after, last.gained, last.lost])
    };
    for (why, then, expected) in [
        (Cause::Expired, "cd", ("shrank", Cause::Expired, [4, 2, 0, 2])),
        (Cause::Forgotten, "cde", ("shrank", Cause::Forgotten, [4, 3, 1, 2])),
        (Cause::NotInTheLogs, "c", ("shrank", Cause::AccountsLost, [4, 1, 0, 3])),
        // Whom the detection lets go of lost what tied them, for nothing else came.
        (Cause::Expired, "c", ("shrank", Cause::Expired, [4, 1, 0, 3])),
        (Cause::Expired, "cdefg", ("grew", Cause::AccountsGained, [4, 5, 3, 2])),
        (Cause::Expired, "cdef", ("changed", Cause::AccountsChanged, [4, 4, 2, 2])),
    ] {
        let mut history = without(&[0, 1], why);
        record(&mut history, &dataset, &scored(&dataset, 5.0, &[("P", then, 9.0)]));
        let (event, cause, counts) = expected;
        assert_eq!(last(&history), (1, event.to_owned(), Some(cause), counts), "{then}");
        // It is told once.
        record(&mut history, &dataset, &scored(&dataset, 5.0, &[("P", then, 9.0)]));
        assert_eq!(history.runs.len(), 2);
    }
    let fell: Scored<'_> = &[("P", "cd", 3.0)];
    for (gone, why, then, cause) in [
        (&[0, 1, 2, 3][..], Cause::Expired, &[][..], Cause::Expired),
        (&[0, 1], Cause::Expired, fell, Cause::Expired),
        (&[], Cause::Expired, &[], Cause::Expired),
        (&[0, 1], Cause::NotInTheLogs, fell, Cause::ScoreFell),
    ] {
        let mut history = without(gone, why);
        record(&mut history, &dataset, &scored(&dataset, 5.0, then));
        assert_eq!(last(&history), (1, "closed".to_owned(), Some(cause), [4, 0, 0, 4]), "{gone:?} {why:?}");
        assert_eq!(history.less, None);
    }
}

#[test]
fn a_record_of_an_earlier_version_is_read_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = store(folder.path(), &[20; 12], &[]);
    let old = serde_json::json!({
        "runs": [{"as_of": 5, "data": "d", "accounts": 12, "flagged": 1}],
        "networks": [{"id": "P", "members": [[0, 0], [1, 0]], "identifiers": [], "first_run": 0, "last_run": 0, "standing": "active"}],
        "events": [{"run": 0, "network": "P", "event": "born", "from": [], "before": 0, "after": 2, "gained": 2, "lost": 0,
            "banned": 0, "carried": 0, "carriers": []}],
    });
    let mut history: History = serde_json::from_value(old).unwrap();
    record(&mut history, &dataset, &scored(&dataset, 5.0, &[("P", "ab", 3.0)]));
    // What it scored before isn't known, nor why it is below.
    assert_eq!(whys(&history), [("closed".to_owned(), "", Some(3.0), Some(5.0))]);
    assert_eq!((history.runs[0].threshold, history.events[0].cause), (None, None));
}

#[test]
fn a_network_that_keeps_its_id_by_who_had_left_it_is_not_born_again() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = store(folder.path(), &[20; 12], &[]);
    let steps: [Step<'_>; 2] = [&[("P", "abcd", &[])], &[("P", "dghijk", &[])]];
    let history = told(&dataset, &steps).1;
    assert_eq!(life(&history, "P"), [(1, "replaced".to_owned(), [4, 6, 5, 3])]);
    assert_eq!(history.events.last().unwrap().cause, Some(Cause::AccountsChanged));
    // Who takes most of its accounts along is another, and has a part in it.
    let history = told(&dataset, &[steps[0], &[("P", "dgh", &[]), ("Q", "abc", &[])]]).1;
    let last: Vec<(&str, &str)> = history.events.iter().skip(1).map(|one| (one.network.as_str(), one.event.as_str())).collect();
    assert_eq!(last, [("P", "split"), ("Q", "born")]);
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

/// Nobody was told of them.
#[test]
fn bans_that_come_by_table_are_recorded_though_no_event_came() {
    let folders = [0, 1, 2].map(|_| tempfile::tempdir().unwrap());
    let store = |at: usize, banned: &[Option<u32>]| store(folders[at].path(), &[20; 12], banned);
    let (nobody, some, all) = (store(0, &[]), store(1, &[Some(10)]), store(2, &[Some(10), Some(10), Some(10)]));
    let found = |dataset: &Dataset| results(dataset, &[("P", "abc", &[]), ("Q", "de", &[])]);
    let mut history = History::default();
    for dataset in [&nobody, &some, &all, &all, &nobody] {
        record(&mut history, dataset, &found(dataset));
    }
    // One ban of three leaves the network as it was.
    let told: Vec<(u32, &str, &str, Option<Cause>)> = history
        .events
        .iter()
        .map(|happened| (happened.run, happened.network.as_str(), happened.event.as_str(), happened.cause))
        .filter(|happened| happened.0 > 0)
        .collect();
    assert_eq!(
        told,
        [(1, "P", "closed", Some(Cause::AllBanned)), (2, "P", "resurrected", Some(Cause::ActiveAgain))],
        "the second detection with all of them banned adds nothing"
    );
    assert_eq!(history.runs.len(), 3);
    // The clock of what is said stays.
    assert_eq!(now(&history, &all), now(&history, &nobody));
}

#[test]
fn the_same_again_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = store(folder.path(), &[20; 12], &[]);
    let step: Step<'_> = &[("P", "abc", &[1]), ("Q", "de", &[])];
    assert_eq!(told(&dataset, &[step]).1, told(&dataset, &[step, step, step]).1);
}
