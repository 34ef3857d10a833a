//! Which events held? For whoever is alerted, a network whose score is about the threshold must not come and go each night.
//!
//! A network is *open* from an event that opens it (`born`, `resurrected`) to one that closes it. An opening or a closing
//! *wavers* if nothing but a detection's score says so ([`wavers`]): the next night may say otherwise. It has *held* for n
//! detections when it and the n - 1 after it left the network as it says, and is told then, with what happened to that network
//! meanwhile. One that is taken back before is never told, nor is what took it back. All other events (people's decisions, bans,
//! mergers, retention, another threshold) are told at once, but for those of a network whose opening hasn't held yet.
//!
//! Cost: O(events · log(networks)).

use std::collections::BTreeMap;

use super::cause::Cause;
use super::history::Happened;

/// What of a network isn't told yet.
struct Waiting {
    /// Whether it is an opening or a closing that has yet to hold.
    opens: bool,
    /// The detection by which it will have held.
    held_by: u32,
    /// The places of its events: this one, and what happened meanwhile.
    places: Vec<usize>,
}

/// What of a network was told.
#[derive(Default)]
struct Told {
    open: bool,
    waiting: Option<Waiting>,
}

/// The events that held for `runs` detections, each with the detection, from 0, by which it had: as that goes, then as they came.
/// `last` is the last detection on record.
pub(super) fn settled(events: &[Happened], runs: u32, last: u32) -> Vec<(u32, &Happened)> {
    let mut told: Vec<(u32, usize)> = Vec::new();
    let mut networks: BTreeMap<&str, Told> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let network = networks.entry(&event.network).or_default();
        if network.waiting.as_ref().is_some_and(|waiting| waiting.held_by < event.run) {
            told.extend(network.held());
        }
        let opens = opens(event);
        match &mut network.waiting {
            // Taken back. What people or bans did to a network that nobody was told of isn't told either.
            Some(waiting) if opens == Some(!waiting.opens) => {
                network.waiting = None;
                if network.open && !wavers(event) {
                    told.push((event.run, place));
                }
            }
            Some(waiting) => waiting.places.push(place),
            None => match opens.filter(|_| wavers(event)) {
                Some(opens) if opens != network.open => {
                    network.waiting = Some(Waiting { opens, held_by: event.run + (runs - 1), places: vec![place] });
                }
                _ => {
                    network.open = opens.unwrap_or(network.open);
                    told.push((event.run, place));
                }
            },
        }
    }
    for network in networks.values_mut() {
        if network.waiting.as_ref().is_some_and(|waiting| waiting.held_by <= last) {
            told.extend(network.held());
        }
    }
    told.sort_unstable();
    told.into_iter().map(|(run, place)| (run, &events[place])).collect()
}

impl Told {
    /// What waited has held.
    fn held(&mut self) -> Vec<(u32, usize)> {
        let Some(waiting) = self.waiting.take() else { return Vec::new() };
        self.open = waiting.opens;
        waiting.places.into_iter().map(|place| (waiting.held_by, place)).collect()
    }
}

/// Whether an event opens its network or closes it, if either.
fn opens(event: &Happened) -> Option<bool> {
    match event.event.as_str() {
        "born" | "resurrected" => Some(true),
        "closed" => Some(false),
        _ => None,
    }
}

/// Whether nothing but a score, or what is proposed as one network, says so.
fn wavers(event: &Happened) -> bool {
    use Cause::{FoundAgain, New, NotFound, ScoreFell, ScoreRose};
    matches!(event.cause, Some(New | ScoreRose | FoundAgain | ScoreFell | NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of events (run, network, event, cause): the runs and the events, in words.
    fn told(events: &[(u32, &str, &str, Cause)], runs: u32, last: u32) -> Vec<String> {
        let happened = |&(run, network, event, cause): &(u32, &str, &str, Cause)| Happened {
            run,
            network: network.to_owned(),
            event: event.to_owned(),
            from: Vec::new(),
            before: 0,
            after: 0,
            gained: 0,
            lost: 0,
            banned: 0,
            carried: 0,
            carriers: Vec::new(),
            cause: Some(cause),
            score: None,
            rank: None,
        };
        let events: Vec<Happened> = events.iter().map(happened).collect();
        settled(&events, runs, last)
            .into_iter()
            .map(|(by, one)| format!("{by}: {} {} {}", one.run, one.network, one.event))
            .collect()
    }

    #[test]
    fn what_comes_and_goes_is_told_once_it_stays() {
        let nights = [
            (0, "a", "born", Cause::New),
            (0, "b", "born", Cause::New),
            (1, "b", "closed", Cause::ScoreFell),
            (2, "a", "grew", Cause::AccountsGained),
            (2, "b", "resurrected", Cause::ScoreRose),
            (3, "b", "grew", Cause::AccountsGained),
            (5, "b", "closed", Cause::NotFound),
            (6, "b", "resurrected", Cause::FoundAgain),
            (7, "a", "closed", Cause::ScoreFell),
        ];
        assert_eq!(
            told(&nights, 2, 8),
            ["1: 0 a born", "2: 2 a grew", "3: 2 b resurrected", "3: 3 b grew", "8: 7 a closed"],
            "b isn't told of its night below the threshold, nor of the one that it was over it before"
        );
        assert_eq!(told(&nights, 2, 7).len(), 4, "nobody knows yet whether a comes back");
        // What was told by a night stays told: later nights only add.
        for last in 0..12 {
            let until: Vec<_> = nights.iter().copied().filter(|night| night.0 <= last).collect();
            let later: Vec<String> = told(&nights, 3, 12)
                .into_iter()
                .filter(|line| line.split(':').next().unwrap().parse::<u32>().unwrap() <= last)
                .collect();
            assert_eq!(told(&until, 3, last), later, "as of {last}");
        }
    }

    #[test]
    fn one_detection_is_everything_as_it_comes() {
        let nights =
            [(0, "a", "born", Cause::New), (1, "a", "closed", Cause::ScoreFell), (2, "a", "resurrected", Cause::ScoreRose)];
        assert_eq!(told(&nights, 1, 2), ["0: 0 a born", "1: 1 a closed", "2: 2 a resurrected"]);
    }

    #[test]
    fn what_is_no_matter_of_scores_is_told_at_once() {
        let nights = [
            (0, "a", "born", Cause::Split),
            (1, "a", "closed", Cause::AllBanned),
            (2, "a", "resurrected", Cause::ActiveAgain),
            (3, "a", "dormant", Cause::Silent),
            (4, "a", "closed", Cause::ScoreFell),
            (5, "a", "resurrected", Cause::Confirmed),
            (6, "b", "born", Cause::New),
            (7, "b", "closed", Cause::RejectedByPeople),
        ];
        let all = ["0: 0 a born", "1: 1 a closed", "2: 2 a resurrected", "3: 3 a dormant", "5: 5 a resurrected"];
        assert_eq!(told(&nights, 3, 9), all, "but for a case that was rejected before anybody was told of it");
    }
}
