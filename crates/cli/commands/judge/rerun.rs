//! The same detection again: on the store of each day (`backtest`), and on copies that lack a little (`consensus`).

use hydralink::backtest::{Alarm, Cut, FoundWhen, Groups, backtest};
use hydralink::evaluate;
use hydralink::store::quoted;
use hydralink::{ConsensusConfig, Dataset, Network, consensus, consensus::Scores};

use super::truth::say_unknown;
use crate::Found;
use crate::args::{Backtest, Consensus, Shared};
use crate::output::{Field, Output, counted};
use crate::progress::Progress;

/// Reruns the detection on the store as it stood at each cut; prints when networks were first found.
pub(super) fn run_backtest(arguments: &Backtest, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.key.open(&arguments.store)?;
    let results = dataset.labelling()?;
    let groups = match &arguments.labels {
        None => Groups::flagged(&results),
        Some(file) => {
            let labels = evaluate::read_labels(&dataset, file, &["network", "cluster"])?;
            say_unknown(labels.count(), ["labelled account", "recall is"], output)?;
            labels.into()
        }
    };
    let bar = Progress::new(shared, "cuts", Some(0), false);
    let every = arguments.every.saturating_mul(3600);
    let found = backtest(&dataset, &results, &groups, every, &bar)?;
    drop(bar);
    if arguments.cuts {
        return Ok(output.records(&found.cuts, CUT)?);
    }
    let any = output.records(&found.networks, FOUND_WHEN)?;
    let never = found.networks.iter().filter(|network| network.alarm.is_none()).count();
    let others: u64 = found.cuts.iter().map(|cut| cut.others).sum();
    output.say(&format!(
        "{}; {} of {} never found, {} at all cuts {} of none of them (--cuts shows when). \
         alarm: the first cut with a candidate mostly of this network; half: with half of its accounts seen by then; ids: that its \
         flagged candidates had. From cut to cut: IDF1 {:.3} (precision {:.3}, recall {:.3}), {} of ids",
        counted(found.cuts.len() as u64, "cut"),
        never,
        counted(found.networks.len() as u64, "network"),
        counted(others, "flagged candidate"),
        if others == 1 { "was" } else { "were" },
        found.identity.f1,
        found.identity.precision,
        found.identity.recall,
        counted(found.identity.switches, "change")
    ))?;
    Ok(any)
}

fn hours(alarm: Option<&Alarm>) -> String {
    alarm.map_or("never".to_owned(), |alarm| format!("{:.0}", alarm.hours))
}

fn leaked(alarm: Option<&Alarm>) -> String {
    alarm.map_or(String::new(), |alarm| format!("{:.1}%", 100.0 * alarm.leaked))
}

const FOUND_WHEN: &[Field<FoundWhen>] = &[
    Field::text("network", |network| network.network.clone()),
    Field::number("accounts", |network| network.accounts.to_string()),
    Field::csv("unknown_accounts"),
    Field::spare(1, Field::number("exchanges", |network| network.exchanges.to_string())),
    Field::csv("first_event"),
    Field::of("alarm.hours", Field::number("alarm_hours", |network| hours(network.alarm.as_ref()))),
    Field::of("alarm.leaked", Field::number("alarm_leaked", |network| leaked(network.alarm.as_ref()))),
    Field::of("half.hours", Field::number("half_hours", |network| hours(network.half.as_ref()))),
    Field::of("half.leaked", Field::number("half_leaked", |network| leaked(network.half.as_ref()))),
    Field::spare(2, Field::number("ids", |network| network.ids.to_string())),
    Field::csv("switches"),
];

const CUT: &[Field<Cut>] = &[
    Field::text("at", |cut| cut.at.clone()),
    Field::number("accounts", |cut| cut.accounts.to_string()),
    Field::number("flagged", |cut| cut.flagged.to_string()),
    Field::number("others", |cut| cut.others.to_string()),
    Field::number("accounts_of_others", |cut| cut.accounts_of_others.to_string()),
];

/// Reruns the detection on perturbed copies; prints how far they agree with it.
pub(super) fn run_consensus(arguments: &Consensus, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let config = ConsensusConfig { runs: arguments.runs, left_out: arguments.left_out, seed: arguments.seed };
    let bar = Progress::new(shared, "reruns", Some(u64::from(config.runs)), false);
    consensus(&arguments.store, &config, &bar)?;
    drop(bar);
    let dataset = Dataset::open(&arguments.store)?;
    let results = dataset.labelling()?;
    let places = results.places(arguments.all);
    let shown = arguments.top.of(places.len(), output.format());
    let networks = results.networks(&dataset, &places[..shown])?;
    let found = output.records(&networks, STABILITY)?;
    output.say_shown(shown, places.len())?;
    output.say(&format!(
        "of each of {} reruns {:.0}% of the sightings were left out, and what is drawn at random was drawn again; scores from lowest to highest \
         that cross the threshold are undecided; below .6 a network should not be trusted, from .85 on it is very stable. \
         Whether it is right is another question. Next: hydralink members {} --format csv",
        config.runs,
        100.0 * config.left_out,
        quoted(&arguments.store)
    ))?;
    Ok(found)
}

/// A number of reruns.
fn counts_of(network: &Network, which: fn(hydralink::Stability) -> u32) -> String {
    network.stability.map_or(String::new(), |found| which(found).to_string())
}

const STABILITY: &[Field<Network>] = &[
    Field::number("rank", |network| network.rank.to_string()),
    Field::name("id", |network| network.id.clone()),
    Field::number("accounts", |network| network.accounts.to_string()),
    Field::number("score", |network| format!("{:.1}", network.score)),
    Field::of(
        "stability.similarity",
        Field::number("stability", |network| {
            network.stability.map_or(String::new(), |found| format!("{:.3}", found.similarity))
        }),
    ),
    Field::spare(
        1,
        Field::of("stability.recovered", Field::number("recovered", |network| counts_of(network, |found| found.recovered))),
    ),
    Field::spare(
        2,
        Field::of("stability.dissolved", Field::number("dissolved", |network| counts_of(network, |found| found.dissolved))),
    ),
    Field::of("stability.flagged", Field::number("flagged", |network| counts_of(network, |found| found.flagged))),
    Field::spare(3, Field::of("stability.runs", Field::number("runs", |network| counts_of(network, |found| found.runs)))),
    Field::of(
        "stability.scores.lowest",
        Field::number("scores", |network| {
            let scores = network.stability.and_then(|found| found.scores);
            scores.map_or(String::new(), |Scores { lowest, highest, .. }| format!("{lowest:.1} to {highest:.1}"))
        }),
    ),
    Field::csv("stability.scores.highest"),
    Field::csv("stability.scores.median"),
    Field::csv("flagged"),
];
