//! What became of each network over the detections of one store, and does it grow back?
//!
//! A store is detected, updated, detected again. Networks keep their ids by what they hold (`ids`); what happened to each
//! between two detections is recorded with its evidence (`record`), and the record survives updates and erasures (`history`).
//! [`lineages`] tells it in the analyst's words, with how fast banned accounts were replaced and whether a reserve waits
//! (`standby`).
//!
//! - *Regeneration* R = replaced / bans looked at, as [`evidence::behaviour::ban_and_replace`] defines both and its null; lags
//!   are the times from a ban to the account that replaces it. Bans after the last event are not looked at: nothing on record
//!   could have made up for them.
//! - All times are those of the data: "now" is its last event.
//!
//! A build starts a new record, or goes on with that of the store that it replaces if its accounts occur in what is read; `update`
//! continues it. Two stores are compared by [`crate::diff`].

mod cause;
mod fate;
mod history;
mod ids;
mod record;
mod settled;
mod standby;
mod text;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use events::Ingested;
use evidence::behaviour::BehaviourConfig;
use evidence::{AccountTable, Facts, SignalName};
use graph::{AccountId, IdentifierId, NO_TIME, Seconds};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::detect::last::not_detected;
use crate::detect::{Labels, LastDetection};
use crate::error::Error;
use crate::node::Node;
use crate::results::{Labelling, Network, Results};
use crate::store::StoreWriter;
use crate::subset::Kept;
use crate::time::rfc3339;

pub use cause::Cause;
pub(crate) use fate::not_found;
pub use fate::{Decided, decided};
pub(crate) use history::History;
pub use history::Standing;
use history::{Happened, Remembered};
pub(crate) use ids::{Followed, Found};
pub use record::DORMANT;
pub use standby::Standby;
pub use text::text;

/// Waiting accounts from which on a reserve is warned of.
const RESERVE: u64 = 3;

/// Probability by chance below which a reserve is warned of.
const SIGNIFICANT: f64 = 0.05;

/// The life of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Lineage {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub standing: Standing,
    /// What people decided about it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// Detections that have been recorded, from the first that found it to the last.
    pub runs: u64,
    /// Accounts that belonged when it was last found.
    pub accounts: u64,
    /// Those that aren't banned.
    pub live: u64,
    /// Bans of its accounts that have a time.
    pub bans: u64,
    /// How it grows back; `None` with fewer than three bans up to the last event.
    pub regeneration: Option<Regeneration>,
    /// Accounts in reserve.
    pub standby: Standby,
    /// What to mind before the next ban.
    pub warning: Option<String>,
    /// What happened, oldest first.
    pub events: Vec<Event>,
}

/// How a network replaces what is banned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Regeneration {
    /// Bans of its accounts.
    pub bans: u64,
    /// Those of them that came after the last event, and are not looked at.
    pub bans_after_last_event: u64,
    /// Those of them that were looked at: 256 drawn at random where there are more.
    pub looked_at: u64,
    /// Bans looked at that an account made within the window after it, and sharing an identifier with it, makes up for.
    pub replaced: u64,
    /// Replaced / looked at.
    pub rate: f64,
    /// The rate if bans and creations knew nothing of each other, by the last detection; `None` if it measured none.
    pub expected: Option<f64>,
    /// Its tail probability.
    pub p_value: Option<f64>,
    /// Seconds from a ban to its replacement: quartiles.
    pub lag_seconds: Option<[u32; 3]>,
}

/// Something that happened to a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The detection that saw it, from 1.
    pub run: u64,
    /// Last event of the data of that detection.
    pub as_of: Option<String>,
    /// When that detection ran, by the clock of its machine; `None` for those of earlier versions.
    pub ran_at: Option<String>,
    /// The detection by which it had held for as long as was asked for; `None` where that wasn't asked.
    pub settled_run: Option<u64>,
    /// Its threshold, in bits; `None` for those of earlier versions.
    pub threshold: Option<f64>,
    /// The network.
    pub network: String,
    /// `born`, `grew`, `shrank`, `changed`, `split`, `merged`, `regrouped`, `replaced`, `dormant`, `resurrected` or `closed`.
    pub event: String,
    /// Why, as far as the detection can tell; `None` where it can't, and in events of earlier versions.
    pub cause: Option<Cause>,
    /// What the network scored, in bits, and its rank among all candidates; `None` where no candidate is the same, and in events of
    /// earlier versions.
    pub score: Option<f64>,
    /// See `score`.
    pub rank: Option<u32>,
    /// Other networks that it came from; of a closed one, those that it went into.
    pub with: Vec<String>,
    /// Accounts before.
    pub before: u64,
    /// Accounts after.
    pub after: u64,
    /// Accounts that weren't in it before.
    pub gained: u64,
    /// Accounts that are no longer in it.
    pub lost: u64,
    /// Accounts of before that were banned between the two detections.
    pub banned: u64,
    /// Its own identifiers that accounts gained were seen with.
    pub carried_over: u64,
    /// Some of these, those with most of the accounts gained first.
    pub carriers: Vec<Carrier>,
}

/// An identifier that links new accounts to old ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Carrier {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Accounts gained that were seen with it.
    pub accounts: u64,
}

/// The lives of all networks that were ever over the threshold: those that stand as they rank, then the closed by id. Where events
/// came since the last detection there are no results, and lives are as that left them, by id.
///
/// # Errors
/// [`Error::NotDetected`] of a store that has neither; [`Error::StoreDamaged`] if the record can't be read; [`Error::Usage`] as
/// [`crate::Run::detect_config`].
pub fn lineages(dataset: &Dataset, results: Option<&Labelling>) -> Result<Vec<Lineage>, Error> {
    let history = recorded(dataset, results)?;
    let heads = results.map_or(&[][..], Labelling::heads).iter().enumerate();
    let place_of: BTreeMap<&str, usize> = heads.map(|(place, head)| (head.id.as_str(), place)).collect();
    let place = |network: &Remembered| place_of.get(network.id.as_str()).copied();
    let is_flagged = |&place: &usize| results.is_some_and(|results| results.head(place).flagged);
    let rank = |network: &Remembered| place(network).filter(is_flagged).unwrap_or(usize::MAX);
    let mut networks: Vec<&Remembered> =
        history.networks.iter().filter(|network| network.standing != Standing::Candidate).collect();
    networks.sort_by_key(|network| (rank(network), network.id.clone()));
    let places: Vec<usize> = networks.iter().filter_map(|network| place(network)).collect();
    let cards = results.map_or(Ok(Vec::new()), |results| results.networks(dataset, &places))?;
    let cards: BTreeMap<&str, &Network> = cards.iter().map(|card| (card.id.as_str(), card)).collect();
    let told = |network: &Remembered| tell(dataset, results, &history, network, cards.get(network.id.as_str()).copied());
    networks.into_iter().map(told).collect()
}

/// Whether a detection is on record.
///
/// # Errors
/// [`Error::StoreDamaged`] if the record can't be read.
pub fn has_record(dataset: &Dataset) -> Result<bool, Error> {
    Ok(runs(dataset)? > 0)
}

/// The record, where there is one or may be.
fn recorded(dataset: &Dataset, results: Option<&Labelling>) -> Result<History, Error> {
    let history = History::open(dataset)?;
    if results.is_none() && history.runs.is_empty() { Err(not_detected(dataset)) } else { Ok(history) }
}

/// The life of one network, by its id or rank; also of one that no detection finds any more.
///
/// # Errors
/// As [`lineages`]; [`Error::Unknown`] with the nearest id.
pub fn lineage(dataset: &Dataset, results: Option<&Labelling>, id: &str) -> Result<Lineage, Error> {
    let history = recorded(dataset, results)?;
    let remembered = history.networks.iter().find(|network| network.id.eq_ignore_ascii_case(id));
    let network = match remembered {
        Some(network) => network,
        None => {
            let results = results.ok_or_else(|| not_detected(dataset))?;
            let found = &results.head(dataset.network_index(results, id)?).id;
            let (what, hint) = (format!("the record of {found}"), "; detect again".to_owned());
            let unknown = || Error::Unknown { what, hint, nearest: Vec::new() };
            history.networks.iter().find(|network| network.id == *found).ok_or_else(unknown)?
        }
    };
    let place = |results: &Labelling| results.heads().iter().position(|head| head.id == network.id);
    let found = results.and_then(|results| Some(results.network(dataset, place(results)?))).transpose()?;
    tell(dataset, results, &history, network, found.as_ref())
}

/// `found` is what the last detection made of it.
fn tell(
    dataset: &Dataset,
    results: Option<&Labelling>,
    history: &History,
    network: &Remembered,
    found: Option<&Network>,
) -> Result<Lineage, Error> {
    let as_of = record::now(history, dataset);
    let members: Vec<u32> = network.current().collect();
    let live = members.iter().filter(|&&account| !dataset.is_banned(AccountId(account))).count() as u64;
    let kept = results.zip(found).map(|(results, found)| results.details.reserves(dataset, found.index()));
    let kept = kept.transpose()?.flatten();
    let Reserves { standby, regeneration } = match kept {
        Some(kept) => kept,
        None => {
            let config = match results {
                Some(results) => results.run.detect_config()?,
                None => LastDetection::with(dataset, None)?.map(|last| last.config).unwrap_or_default(),
            };
            Reserves::counted(dataset, &members, as_of, &config.behaviour)?
        }
    };
    let events = history.events.iter().filter(|happened| happened.network == network.id);
    Ok(Lineage {
        id: network.id.clone(),
        standing: network.standing,
        decided: decided(dataset, &dataset.cases()?, &network.id),
        runs: u64::from(network.last_run - network.first_run) + 1,
        accounts: members.len() as u64,
        live,
        bans: bans(dataset, &members, as_of).0,
        regeneration: regeneration.map(|regeneration| regeneration.expected_by(found)),
        warning: warning(&standby, live),
        standby,
        events: events.map(|happened| event(dataset, history, happened)).collect(),
    })
}

/// Bans of some accounts that have a time, and those of them after the last event.
pub(crate) fn bans(dataset: &Dataset, members: &[u32], as_of: Seconds) -> (u64, u64) {
    let column = &dataset.accounts().banned_at;
    let times = members.iter().filter_map(|&account| column.get(account as usize).copied()).filter(|&time| time != NO_TIME);
    times.fold((0, 0), |(all, late), time| (all + 1, late + u64::from(time > as_of)))
}

/// The last event of a store, by its last detection if that was of the same data.
///
/// # Errors
/// [`Error::StoreDamaged`] if the record can't be read.
pub(crate) fn last_event(dataset: &Dataset) -> Result<Seconds, Error> {
    Ok(record::now(&History::open(dataset)?, dataset))
}

/// What takes the exchanges of all members to count: the detection keeps it of each flagged network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reserves {
    standby: Standby,
    /// Without what chance gives.
    regeneration: Option<Regeneration>,
}

impl Reserves {
    /// Of a network that a detection is finding.
    pub(crate) fn of(dataset: &Dataset, results: &Labelling, network: usize) -> Result<Self, Error> {
        let members: Vec<u32> = results.belonging(network).iter().map(|account| account.0).collect();
        Reserves::counted(dataset, &members, dataset.graph().last_seen(), &results.run.detect_config()?.behaviour)
    }

    fn counted(dataset: &Dataset, members: &[u32], as_of: Seconds, config: &BehaviourConfig) -> Result<Self, Error> {
        let standby = standby::standby(dataset, members, as_of, config.replacement_window);
        Ok(Reserves { standby, regeneration: regeneration(dataset, members, as_of, config)? })
    }

    /// The same, kept with names as stored, in the words of a level.
    pub(crate) fn shown(mut self, dataset: &Dataset) -> Self {
        let naming = dataset.naming();
        self.standby.accounts.iter_mut().for_each(|name| *name = naming.account(name).into_owned());
        self
    }
}

fn regeneration(
    dataset: &Dataset,
    members: &[u32],
    as_of: Seconds,
    config: &BehaviourConfig,
) -> Result<Option<Regeneration>, Error> {
    let (bans, late) = bans(dataset, members, as_of);
    if bans == 0 {
        return Ok(None);
    }
    let allowed = dataset.allowed()?;
    let accounts: Vec<AccountId> = members.iter().copied().map(AccountId).collect();
    let facts = dataset.facts(&allowed);
    let in_time;
    let facts = if late == 0 {
        facts
    } else {
        let banned_at = facts.accounts.banned_at.iter().map(|&time| if time > as_of { NO_TIME } else { time });
        in_time = AccountTable { banned_at: banned_at.collect::<Vec<Seconds>>().into(), ..facts.accounts.clone() };
        Facts { accounts: &in_time, ..facts }
    };
    let replacements = evidence::behaviour::ban_and_replace::replacements(&facts, &accounts, config);
    Ok(replacements.map(|replacements| {
        let mut lags: Vec<u32> = replacements.pairs.iter().map(|pair| pair.2).collect();
        lags.sort_unstable();
        let quartile = |part: usize| lags[(lags.len() - 1) * part / 4];
        Regeneration {
            bans,
            bans_after_last_event: late,
            looked_at: replacements.ban_count as u64,
            replaced: replacements.pairs.len() as u64,
            rate: replacements.pairs.len() as f64 / replacements.ban_count as f64,
            expected: None,
            p_value: None,
            lag_seconds: (!lags.is_empty()).then(|| [quartile(1), quartile(2), quartile(3)]),
        }
    }))
}

impl Regeneration {
    /// The same with what chance gives, by the last detection. It was measured of all bans, so of some of them nothing is known.
    fn expected_by(self, found: Option<&Network>) -> Self {
        let signal = found.and_then(|network| network.signals.get(&SignalName::BanAndReplace)?.as_ref());
        let signal = signal.filter(|_| self.bans_after_last_event == 0);
        Regeneration {
            expected: signal.map(|signal| signal.expected),
            p_value: signal.and_then(|signal| signal.p_value),
            ..self
        }
    }
}

fn warning(standby: &Standby, live: u64) -> Option<String> {
    let beyond_chance = standby.waiting_p_value.is_some_and(|p| p < SIGNIFICANT);
    (standby.waiting >= RESERVE && beyond_chance).then(|| {
        let woken = match standby.p_value {
            Some(p) if p < SIGNIFICANT => format!(
                "; members woke after bans before ({} of {} wakings, {:.1} expected)",
                standby.after_bans, standby.wakings, standby.expected
            ),
            _ => String::new(),
        };
        format!("{} of {live} live accounts wait in reserve{woken}: a ban of only the busy ones leaves them", standby.waiting)
    })
}

fn event(dataset: &Dataset, history: &History, happened: &Happened) -> Event {
    let carrier = |&(identifier, accounts): &(u32, u32)| Carrier {
        identifier: dataset.label_of(Node::Identifier(IdentifierId(identifier))),
        accounts: u64::from(accounts),
    };
    let run = history.runs.get(happened.run as usize);
    Event {
        run: u64::from(happened.run) + 1,
        as_of: run.and_then(|run| rfc3339(run.as_of)),
        ran_at: run.and_then(|run| clock(run.ran_at)),
        settled_run: None,
        threshold: run.and_then(|run| run.threshold),
        cause: happened.cause,
        score: happened.score,
        rank: happened.rank,
        network: happened.network.clone(),
        event: happened.event.clone(),
        with: happened.from.clone(),
        before: happened.before,
        after: happened.after,
        gained: happened.gained,
        lost: happened.lost,
        banned: happened.banned,
        carried_over: happened.carried,
        carriers: happened.carriers.iter().map(carrier).collect(),
    }
}

/// Detections whose results differed from those of the one before.
///
/// # Errors
/// [`Error::StoreDamaged`].
pub(crate) fn runs(dataset: &Dataset) -> Result<u64, Error> {
    Ok(History::open(dataset)?.runs.len() as u64)
}

/// A time of the clock, RFC 3339; nothing for 0.
fn clock(seconds: u64) -> Option<String> {
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).ok().filter(|&seconds| seconds > 0)?);
    time.ok().map(|time| time.to_string())
}

/// From where on events are asked for, for those who ask again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Since {
    /// After a detection, by its number.
    Run(u64),
    /// Of detections that ran after this second.
    Time(Seconds),
}

impl std::str::FromStr for Since {
    type Err = Error;

    /// A number of a detection, a day (after its end, UTC) or RFC 3339.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().parse() {
            Ok(run) => Ok(Since::Run(run)),
            Err(_) => Ok(Since::Time(crate::time::seconds_of(text)?.1)),
        }
    }
}

/// What happened to any network, oldest first.
///
/// # Errors
/// As [`lineages`].
pub fn events(dataset: &Dataset) -> Result<Vec<Event>, Error> {
    let history = History::open(dataset)?;
    Ok(history.events.iter().map(|happened| event(dataset, &history, happened)).collect())
}

/// What happened from somewhere on, oldest first. By time, it is what came after the last detection that is known to have run by
/// then: detections follow each other whatever the clock said, so that nobody who passes on what he has seen misses one.
///
/// # Errors
/// As [`lineages`].
pub fn events_since(dataset: &Dataset, since: Since) -> Result<Vec<Event>, Error> {
    let history = History::open(dataset)?;
    let seen = history.seen(since);
    let later = history.events.iter().filter(|happened| u64::from(happened.run) >= seen);
    Ok(later.map(|happened| event(dataset, &history, happened)).collect())
}

/// What had held for `runs` detections by one that came after `since` (if any): where nothing but a score says that a network
/// opens or closes, that one and those after it have to say so, and what is taken back before isn't there. What isn't a matter of
/// scores (decisions, bans, mergers, retention, another threshold) holds at once. By the detection at which it had held
/// ([`Event::settled_run`]), then oldest first; asked again with the last of these, nothing comes twice or never.
///
/// # Errors
/// As [`lineages`].
pub fn settled_events(dataset: &Dataset, runs: NonZeroU32, since: Option<Since>) -> Result<Vec<Event>, Error> {
    let history = History::open(dataset)?;
    let seen = since.map_or(0, |since| history.seen(since));
    let last = (history.runs.len() as u32).saturating_sub(1);
    let settled = settled::settled(&history.events, runs.get(), last).into_iter().filter(|(by, _)| u64::from(*by) >= seen);
    Ok(settled
        .map(|(by, happened)| Event { settled_run: Some(u64::from(by) + 1), ..event(dataset, &history, happened) })
        .collect())
}

/// Gives the networks of a detection their ids: those that the store's earlier detections gave, where they are the same.
pub(crate) fn keep_ids(dataset: &Dataset, labels: &Labels, networks: &mut [Network]) -> Result<(), Error> {
    let found = record::found(&labels.network_of, &labels.membership, &labels.network_of_identifier, networks.len());
    ids::keep(dataset, &History::open(dataset)?, &found, &labels.network_of, networks);
    Ok(())
}

/// Puts a detection on record.
pub(crate) fn record_run(dataset: &Dataset, results: &Results, writer: &mut StoreWriter) -> Result<(), Error> {
    let mut history = History::open(dataset)?;
    let before = history.runs.len();
    record::record(&mut history, dataset, results);
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    history.runs[before..].iter_mut().for_each(|run| run.ran_at = now);
    history.write(writer)
}

/// Keeps the record through an update.
pub(crate) fn carry(dataset: &Dataset, ingested: &Ingested, writer: &mut StoreWriter) -> Result<(), Error> {
    write_if_any(&History::carry(dataset, ingested)?, writer)
}

/// Keeps the record of what stays, and why the rest doesn't.
pub(crate) fn keep(dataset: &Dataset, kept: &Kept, why: Cause, writer: &mut StoreWriter) -> Result<(), Error> {
    let [accounts, identifiers] = [kept.new_accounts(), kept.new_identifiers()].map(history::number_in);
    write_if_any(&History::open(dataset)?.without(accounts, identifiers, why), writer)
}

fn write_if_any(history: &History, writer: &mut StoreWriter) -> Result<(), Error> {
    if history.runs.is_empty() { Ok(()) } else { history.write(writer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_more_than_chance_gives() {
        let waiting = |waiting: u64, p: Option<f64>| Standby { waiting, waiting_p_value: p, ..Standby::default() };
        // Eight of eight accounts of a request or two each: no reserve.
        assert_eq!(warning(&waiting(8, Some(0.3)), 6_548), None);
        assert!(warning(&waiting(8, Some(0.001)), 6_548).is_some_and(|told| told.contains("8 of 6548 live accounts")));
        assert_eq!((warning(&waiting(2, Some(0.001)), 9), warning(&waiting(0, None), 9)), (None, None));
    }
}
