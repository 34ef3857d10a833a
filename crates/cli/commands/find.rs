//! Finding networks: detect, networks, network, assess, members.

use hydralink::calibrate::{CalibrationState, calibration_state};
use hydralink::cases::{self, CasedNetwork, Labelled, State};
use hydralink::dossier::{self, Dossier};
use hydralink::filter::{self, first_passing};
use hydralink::review::{self, ReviewConfig, Reviewed};
use hydralink::rules::{ListFile, Lists};
use hydralink::store::quoted;
use hydralink::{AccountId, AccountRole, Dataset, DetectConfig, Labelling, LastDetection, Results};

use super::about::{confirmed_below_words, counted_entries};
use super::ask::{named_accounts, refuse_unknown};
use super::judge::say_too_few_copies;
use super::link::read_lists;
use super::several;
use crate::Found;
use crate::args::{Assess, Detect, Members, Networks, OneNetwork, Shared, TopRows};
use crate::output::{Field, Format, Output, counted, grouped};
use crate::progress::Progress;

/// Finds the networks of a store and prints the ranked table.
pub(crate) fn detect(arguments: &Detect, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let mut config = match &arguments.config {
        Some(path) => DetectConfig::read(path)?,
        None => DetectConfig::default(),
    };
    if let Some(seed) = arguments.seed {
        config = config.with_seed(seed);
    }
    let Some(store) = arguments.store.as_deref().filter(|_| !arguments.print_config) else {
        output.text(&config.to_toml())?;
        return Ok(Found::Something);
    };
    let (lists, last) = {
        let dataset = Dataset::open(store)?;
        // Settings of another version can't be compared, and are no reason not to detect.
        let last = LastDetection::of(&dataset).ok().flatten();
        let dataset = match arguments.key.read()? {
            Some(key) => dataset.with_key(&key)?,
            None => dataset,
        };
        let (rules, files) = read_lists(&dataset, &arguments.lists, output)?;
        let lists = if files.is_empty() { Lists::default() } else { Lists::of(&dataset, &rules, files, &config)? };
        (lists, last)
    };
    let results = run_detect(store, &config, &lists, shared)?;
    let dataset = Dataset::open(store)?;
    print_ranked(&dataset, &results, &arguments.top, output)?;
    for (finer, coarser) in results.labelling().run.terms.implied_kinds() {
        let [finer, coarser] = [finer, coarser].map(|kind| dataset.kind_name(kind));
        output.say(&format!("{coarser} follows from {finer}: who shares both shares one thing"))?;
    }
    if let Some(changes) = last.and_then(|last| changes_since(&last, &config, &lists)) {
        output.say(&format!("not as the last detection: {changes}; `update --detect` goes by these settings from now on"))?;
    }
    let flagged = results.networks.iter().filter(|network| network.flagged).count();
    let below = results.networks.len() - flagged;
    let threshold = results.labelling().run.threshold;
    let confirmed = confirmed_below_words(results.labelling().confirmed_below());
    let store = quoted(store);
    let next = match results.networks.first() {
        Some(network) if flagged > 0 => format!("network {store} {}", network.id),
        Some(_) => format!("networks {store} --all"),
        None => format!("hubs {store}"),
    };
    output.say(&format!(
        "{} over {threshold} bits{confirmed}, {} below. Next: hydralink {next}",
        counted(flagged as u64, "network"),
        counted(below as u64, "candidate"),
    ))?;
    Ok(if flagged == 0 { Found::Nothing } else { Found::Something })
}

/// Settings that are named; the rest are counted.
const CHANGES_SHOWN: usize = 5;

/// What a detection is run with otherwise than the last one, if anything is.
fn changes_since(last: &LastDetection, config: &DetectConfig, lists: &Lists) -> Option<String> {
    let value = |value: Option<String>| value.unwrap_or_else(|| "unset".to_owned());
    let settings = config.changed_from(&last.config).into_iter();
    let settings = settings.map(|change| format!("{} {} -> {}", change.name, value(change.from), value(change.to)));
    let named = |with: &str, one: &ListFile| format!("{with} the list {} ({})", one.says, counted_entries(one.entries));
    let gone = last.lists.files.iter().filter(|one| !lists.files.contains(one)).map(|one| named("without", one));
    let new = lists.files.iter().filter(|one| !last.lists.files.contains(one)).map(|one| named("with", one));
    let all: Vec<String> = gone.chain(new).chain(settings).collect();
    let more = all.len().saturating_sub(CHANGES_SHOWN);
    let more = if more > 0 { format!(", and {more} more (`info`)") } else { String::new() };
    (!all.is_empty()).then(|| format!("{}{more}", all[..all.len().min(CHANGES_SHOWN)].join(", ")))
}

/// Runs a detection with a line of progress.
pub(crate) fn run_detect(
    store: &std::path::Path,
    config: &DetectConfig,
    lists: &Lists,
    shared: &Shared,
) -> anyhow::Result<Results> {
    let progress = Progress::new(shared, "opening", None, false);
    let results = hydralink::detect_by(store, config, lists, &progress)?;
    Ok(results)
}

/// Prints the ranked networks of the last detection.
pub(crate) fn networks(arguments: &Networks, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling()?;
    if let Some(hours) = arguments.review_hours {
        let Networks { minutes_a_network, minutes_an_account, .. } = *arguments;
        return review(&dataset, &results, &ReviewConfig { hours, minutes_a_network, minutes_an_account }, output);
    }
    let places = results.places(arguments.all);
    let shown = |all: usize| arguments.top.of(all, output.format());
    let (networks, of) = match &arguments.filter_where {
        Some(expression) => {
            let networks = cases::label_networks(&dataset, &results, results.networks(&dataset, &places)?, &dataset.cases()?)?;
            let mut passing = first_passing(networks.into_iter(), Some(expression), filter::NETWORK_FIELDS, 0)?;
            let of = passing.len();
            passing.truncate(shown(of));
            (passing, of)
        }
        None => {
            let networks = results.networks(&dataset, &places[..shown(places.len())])?;
            (cases::label_networks(&dataset, &results, networks, &dataset.cases()?)?, places.len())
        }
    };
    let found = print_networks(&networks, of, output)?;
    if calibration_state(&dataset, &results)? == CalibrationState::Stale {
        let store = quoted(&arguments.store);
        output.say(&format!("no q-values: the calibration is of an earlier detection. Next: hydralink calibrate {store}"))?;
    }
    Ok(found)
}

/// Prints what to review in so many hours.
fn review(dataset: &Dataset, results: &Labelling, config: &ReviewConfig, output: &mut Output) -> anyhow::Result<Found> {
    let found = review::review(dataset, results, config)?;
    say_too_few_copies(dataset, results, output)?;
    let printed = match output.format() {
        Format::Json => output.one(&found, |_| String::new())?,
        _ => output.records(&found.networks, REVIEWED)?,
    };
    let share = if found.worth_waiting > 0.0 { 100.0 * found.worth / found.worth_waiting } else { 0.0 };
    output.say(&format!(
        "{} of {} candidates that wait for a review, in {:.1} of {} h; {:.1} of them are expected to be networks, with {share:.0}% of what a \
         review of all could stop",
        grouped(found.networks.len() as u64),
        grouped(found.waiting),
        found.hours_taken,
        found.hours,
        found.expected_networks
    ))?;
    let first: Vec<String> = found
        .precision
        .iter()
        .map(|one| format!("{:.1} of the first {} ({} to {})", one.expected, one.k, one.interval.0, one.interval.1))
        .collect();
    if !first.is_empty() {
        output.say(&format!("expected to be networks, by verdict or else by chance: {}; 95% intervals", first.join(", ")))?;
    }
    let verdicts = &found.verdicts;
    if let (Some(share), Some((low, high))) = (verdicts.share, verdicts.interval) {
        output.say(&format!(
            "of {} decided so far {} were confirmed: {:.0}% (95% interval {:.0}% to {:.0}%)",
            counted(verdicts.confirmed + verdicts.rejected, "network"),
            grouped(verdicts.confirmed),
            share * 100.0,
            low * 100.0,
            high * 100.0
        ))?;
    }
    Ok(if found.networks.is_empty() { Found::Nothing } else { printed })
}

const REVIEWED: &[Field<Reviewed>] = &[
    Field::number("rank", |row| row.rank.to_string()),
    Field::name("id", |row| row.id.clone()),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::number("live", |row| row.live.to_string()),
    Field::of("live_exchanges", Field::number("live exchanges", |row| row.live_exchanges.to_string())),
    Field::number("chance", |row| format!("{:.3}", row.chance)),
    Field::number("minutes", |row| format!("{:.0}", row.minutes)),
    Field::of("hours_then", Field::number("hours then", |row| format!("{:.1}", row.hours_then))),
    Field::csv("state"),
];

/// Prints the first flagged networks of a detection.
pub(crate) fn print_ranked(dataset: &Dataset, results: &Results, top: &TopRows, output: &mut Output) -> anyhow::Result<Found> {
    let places = results.labelling().places(false);
    let networks =
        places.iter().take(top.of(places.len(), output.format())).map(|&place| results.networks[place].clone()).collect();
    let networks = cases::label_networks(dataset, results.labelling(), networks, &dataset.cases()?)?;
    print_networks(&networks, places.len(), output)
}

/// Prints networks, the first of so many.
fn print_networks(networks: &[CasedNetwork], of: usize, output: &mut Output) -> anyhow::Result<Found> {
    let decided = networks.iter().any(|cased| cased.state != State::New);
    let calibrated = networks.iter().any(|cased| cased.network.q_value.is_some());
    let rerun = networks.iter().any(|cased| ranks_of(cased).is_some());
    let found = output.records(networks, &network_fields(decided, calibrated, rerun))?;
    if networks.len() < of {
        output.say(&format!("showing {} of {}; `networks --top 0` shows all", networks.len(), grouped(of as u64)))?;
    }
    Ok(found)
}

/// The best and the worst rank over the reruns of `consensus`.
fn ranks_of(cased: &CasedNetwork) -> Option<(u32, u32)> {
    cased.network.stability.and_then(|found| found.ranks)
}

/// The columns of a network; tables show its state once anything was decided, its q-value and its range of ranks once there is one.
fn network_fields(decided: bool, calibrated: bool, rerun: bool) -> [Field<CasedNetwork>; 21] {
    let state = |cased: &CasedNetwork| cased.state.name().to_owned();
    let q_value = |cased: &CasedNetwork| cased.network.q_value.map_or(String::new(), |q| format!("{q:.4}"));
    let ranks = |cased: &CasedNetwork| ranks_of(cased).map_or(String::new(), |(best, worst)| format!("{best} to {worst}"));
    [
        Field::number("rank", |cased| cased.network.rank.to_string()),
        Field::name("id", |cased| cased.network.id.clone()),
        Field::number("accounts", |cased| cased.network.accounts.to_string()),
        Field::csv("core"),
        Field::csv("fringe"),
        Field::csv("ambiguous"),
        Field::csv("events"),
        Field::number("score", |cased| format!("{:.1}", cased.network.score)),
        if calibrated { Field::number("q_value", q_value) } else { Field::csv("q_value") },
        Field::csv("flagged"),
        Field::csv("first_seen"),
        Field::csv("last_seen"),
        Field::csv("benign_hypothesis"),
        Field::csv("benign_bits"),
        Field::csv("suppressed_sightings"),
        Field::csv("fragility"),
        Field::csv("stability.similarity"),
        if decided { Field::text("state", state) } else { Field::csv("state") },
        Field::csv("confirmed"),
        if rerun { Field::of("stability.ranks", Field::number("ranks", ranks)) } else { Field::csv("stability.ranks") },
        Field::text("why", |cased| cased.network.why.clone()),
    ]
}

/// Prints one network in full.
pub(crate) fn network(arguments: &OneNetwork, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling()?;
    let of_one = |id: &String| {
        let index = dataset.network_index(&results, id)?;
        let network = results.network(&dataset, index)?;
        dataset.expect_reading_of_network(&results, index);
        Ok(dossier::dossier(&dataset, &results, &network)?)
    };
    several::answer(&several::networks(&arguments.id)?, of_one, print_dossier, output)
}

fn print_dossier(dossier: &Dossier, output: &mut Output) -> anyhow::Result<Found> {
    Ok(match output.format() {
        Format::Markdown => output.text(&dossier::markdown(dossier))?,
        _ => output.one(dossier, dossier::text)?,
    })
}

/// Prints the dossier of accounts that a list names.
pub(crate) fn assess(arguments: &Assess, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling()?;
    let (accounts, unknown) = named_accounts(&dataset, &arguments.list, output)?;
    refuse_unknown(unknown, arguments.skip_unknown, ("assessed", "assesses"), output)?;
    print_dossier(&hydralink::assess::assess(&dataset, &results, &accounts)?, output)
}

/// Prints every account with its labels.
pub(crate) fn members(arguments: &Members, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling()?;
    let ids = several::all_networks(arguments.network.as_slice())?;
    let networks = ids.iter().map(|id| dataset.network_index(&results, id)).collect::<Result<Vec<usize>, _>>()?;
    networks.iter().for_each(|&network| dataset.expect_reading_of_network(&results, network));
    let whose: Vec<Option<usize>> = if ids.is_empty() { vec![None] } else { networks.into_iter().map(Some).collect() };
    let (cases, top) = (dataset.cases()?, filter::at_most(arguments.top));
    let members_of = |&network| cases::label_members(&dataset, &results, &cases, network, arguments.ambiguous);
    let members = whose.iter().map(members_of).collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
    let touching: usize =
        whose.iter().flatten().map(|&network| results.members_of(network).len() - results.belonging(network).len()).sum();
    if touching > 0 && !arguments.ambiguous {
        let (touch, are, them) = if touching == 1 { ("touches", "is", "it") } else { ("touch", "are", "them") };
        let accounts = counted(touching as u64, "account");
        output.say(&format!("{accounts} that only {touch} it {are} left out; --ambiguous lists {them}"))?;
    }
    if let Some(expression) = &arguments.filter_where {
        let passing = first_passing(members, Some(expression), filter::MEMBER_FIELDS, 0)?;
        return Ok(output.first(&passing, arguments.top, MEMBER)?);
    }
    // A screen has no room for everybody.
    let crowded = output.format() == Format::Table && ids.is_empty();
    let has_room = |account: u32| !crowded || results.flagged_network_of(AccountId(account)).is_some();
    let all: usize = whose
        .iter()
        .map(|network| match network {
            Some(network) if arguments.ambiguous => results.members_of(*network).len(),
            Some(network) => results.belonging(*network).len(),
            None => (0..dataset.graph().account_count() as u32).filter(|&account| has_room(account)).count(),
        })
        .sum();
    let found = if output.format() == Format::Table {
        let shown = members.filter(|row| !crowded || row.member.network.is_some()).take(top);
        output.records(&shown.collect::<Vec<Labelled>>(), MEMBER)?
    } else {
        output.stream(members.take(top), MEMBER)?
    };
    output.say_shown(all.min(top), all)?;
    if crowded && arguments.top == 0 && all < dataset.graph().account_count() {
        let of = counted(dataset.graph().account_count() as u64, "account");
        let are = if all == 1 { "is" } else { "are" };
        output.say(&format!("{} of {of} {are} in a network; --format csv, json and jsonl print all", grouped(all as u64)))?;
    }
    Ok(found)
}

pub(crate) const MEMBER: &[Field<Labelled>] = &[
    Field::name("account_id", |row| row.member.account_id.clone()),
    Field::csv("component"),
    Field::csv("community"),
    Field::text("network", |row| row.member.network.clone().unwrap_or_default()),
    Field::text("membership", |row| row.member.membership.unwrap_or_default().to_owned()),
    Field::spare(
        1,
        Field::number("confidence", |row| row.member.confidence.map_or(String::new(), |value| format!("{value:.3}"))),
    ),
    Field::spare(
        2,
        Field::number("evidence_bits", |row| row.member.evidence_bits.map_or(String::new(), |value| format!("{value:.2}"))),
    ),
    Field::csv("candidate"),
    Field::csv("consensus"),
    Field::text("role", |row| row.member.role.map_or("", AccountRole::name).to_owned()),
    Field::csv("label"),
];
