//! Judging a detection: calibrate, layers, evaluate, ablate, redteam.

use std::path::Path;

use hydralink::ablate::AblationLine;
use hydralink::backtest::{Alarm, Cut, FoundWhen, Groups, backtest};
use hydralink::baselines::{self, BaselineConfig, BaselineLine};
use hydralink::calibrate::{CalibrateConfig, Reliability, TELLING_COPIES, ThresholdLine, too_few_copies};
use hydralink::evaluate::{self, FairnessLine, LabelCount, SampledPairwise, Truth, Unlabelled};
use hydralink::layers::{Layers, LayersConfig};
use hydralink::redteam::{self, Evasion, RedteamConfig, RedteamLine};
use hydralink::store::quoted;
use hydralink::{
    ConsensusConfig, Dataset, Labelling, Network, ablate::ablate, calibrate, consensus, consensus::Scores, layers,
};

use super::{evaluated, read};
use crate::Found;
use crate::args::{self, Ablate, Backtest, Calibrate, Consensus, Evaluate, Judge, Redteam, Shared, TruthFiles};
use crate::input;
use crate::output::{Field, Format, Output, counted, grouped};
use crate::progress::Progress;

/// Runs a command that judges.
pub(crate) fn run(command: Judge, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    match command {
        Judge::Calibrate(arguments) => run_calibrate(&arguments, shared, output),
        Judge::Backtest(arguments) => run_backtest(&arguments, shared, output),
        Judge::Consensus(arguments) => run_consensus(&arguments, shared, output),
        Judge::Layers(arguments) => run_layers(&arguments, output),
        Judge::Ablate(arguments) => run_ablate(&arguments, shared, output),
        Judge::Redteam(arguments) => run_redteam(&arguments, shared, output),
    }
}

/// Reruns the detection on null copies; prints what chance gives at each score.
fn run_calibrate(arguments: &Calibrate, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let config = CalibrateConfig { copies: arguments.copies, seed: arguments.seed };
    let bar = Progress::new(shared, "null copies", Some(u64::from(config.copies)), false);
    let calibration = calibrate(&arguments.store, &config, &bar)?;
    drop(bar);
    let results = Dataset::open(&arguments.store)?.results()?;
    if arguments.reliability {
        return Ok(output.records(&calibration.reliability(results.labelling()), RELIABILITY)?);
    }
    if let Some(at_most) = arguments.at_most {
        let line = calibration.threshold_for(results.labelling(), at_most);
        let threshold = results.labelling().run.threshold;
        return Ok(output.one(&line, |line| threshold_text(line, at_most, threshold, config.copies))?);
    }
    output.records(&calibration.thresholds(results.labelling()), THRESHOLD)?;
    let flagged = results.networks.iter().filter(|network| network.flagged);
    let flagged: Vec<(f64, f64)> =
        flagged.map(|network| (network.q_value.unwrap_or(1.0), network.q_harmless.unwrap_or(0.0))).collect();
    let telling = calibrated_text(&flagged, calibration.least_q_value(), config.copies);
    output.say(&format!("{telling} Next: hydralink networks {}", quoted(&arguments.store)))?;
    Ok(Found::Something)
}

/// The threshold for so many false networks, and what the copies prove of it.
fn threshold_text(line: &ThresholdLine, at_most: f64, threshold: f64, copies: u32) -> String {
    let set = if line.score <= threshold {
        format!("the threshold of {threshold:.1} bits is enough")
    } else {
        format!("to detect by it: threshold_bits = {:.2} under [linkage.score] in a file for `detect --config`", line.score)
    };
    // Below even odds nothing is a network, however seldom chance gives it.
    let least = if line.score > 0.0 { "" } else { "; lower thresholds than 0 are not looked for" };
    let reach = if line.candidates == 1 { "reaches" } else { "reach" };
    format!(
        "from {:.2} bits on chance gives {:.3} networks a run in the mean of {} (at most {at_most} were asked for; with 95% \
         confidence it gives at most {:.2}, which more copies would lower){least}; {set}\n{} of this store {reach} it. What harmless \
         groups give is not in this number\n",
        line.score,
        line.expected_false,
        if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") },
        line.upper,
        counted(line.candidates, "candidate")
    )
}

/// What the q-values of the flagged networks say, each with the part of harmless stories, where so many copies could give this
/// at least.
fn calibrated_text(flagged: &[(f64, f64)], least: f64, copies: u32) -> String {
    let (sure, all) = (flagged.iter().filter(|(q, _)| *q <= 0.05).count() as u64, flagged.len() as u64);
    let by_chance = flagged.iter().filter(|(q, harmless)| q - harmless <= 0.05).count() as u64;
    let reachable = flagged.iter().filter(|(_, harmless)| *harmless < 0.05).count() as u64;
    let have = if sure == 1 { "has" } else { "have" };
    let of = format!("{} of {} over the threshold {have} q <= .05", grouped(sure), counted(all, "network"));
    let few = if (copies as usize) < TELLING_COPIES {
        format!(
            " Chances of `plan-bans`, `impact` and `networks --review-hours` go by {TELLING_COPIES} copies or more, and not by these."
        )
    } else {
        String::new()
    };
    match sure {
        _ if all == 0 => format!("no network is over the threshold.{few}"),
        _ if least > 0.05 => format!(
            "{} cannot show q <= .05: the least that they can give is {least:.3}. Use --copies {TELLING_COPIES} or more.{few}",
            if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") }
        ),
        _ if sure == all => {
            format!("{of}: neither chance nor, if scores are what they say, harmless stories explain them.{few}")
        }
        _ if by_chance == all => {
            // What a network's q would be with so many copies that no chance is left of it.
            let most = flagged.iter().map(|&(_, harmless)| harmless).filter(|&harmless| harmless < 0.05).fold(0.0, f64::max);
            let needed = (1.0 / (0.05 - most)).ceil() as u32 - 1;
            let (helped, stay) = (reachable - sure, all - reachable);
            let more = match helped {
                0 => String::new(),
                some => format!(" {} of them would have it with {needed} copies or more.", grouped(some)),
            };
            let never = match stay {
                0 => String::new(),
                some => format!(
                    " What keeps {} above .05 is the share that harmless stories are expected to explain at such scores, which no copies \
                     lower.",
                    grouped(some)
                ),
            };
            format!("{of}; chance by itself explains none.{more}{never}{few}")
        }
        _ if by_chance == 0 => format!("{of}: chance may explain them.{few}"),
        _ => format!(
            "{of}; chance by itself doesn't explain {} of them; it may explain the others, and harmless stories the share that is expected at \
             such scores.{few}",
            grouped(by_chance)
        ),
    }
}

/// Says that chances don't go by the q-values of a calibration with few copies, where that is so.
pub(super) fn say_too_few_copies(dataset: &Dataset, results: &Labelling, output: &mut Output) -> anyhow::Result<()> {
    if let Some(copies) = too_few_copies(dataset, results)? {
        let copies = if copies == 1 { "1 null copy".to_owned() } else { format!("{copies} null copies") };
        output.say(&format!(
            "chances go by scores alone: the calibration has {copies}, and q-values of fewer than {TELLING_COPIES} can't be low"
        ))?;
    }
    Ok(())
}

/// Reruns the detection on the store as it stood at each cut; prints when networks were first found.
fn run_backtest(arguments: &Backtest, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
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
fn run_consensus(arguments: &Consensus, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
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

const THRESHOLD: &[Field<ThresholdLine>] = &[
    Field::number("score", |line| format!("{:.1}", line.score)),
    Field::number("candidates", |line| line.candidates.to_string()),
    Field::number("expected_false", |line| format!("{:.3}", line.expected_false)),
    Field::of("upper", Field::number("upper_95", |line| format!("{:.3}", line.upper))),
    Field::number("copies_with_any", |line| format!("{:.2}", line.copies_with_any)),
];

const RELIABILITY: &[Field<Reliability>] = &[
    Field::of("level", Field::number("q_at_most", |line| format!("{:.2}", line.level))),
    Field::of("share", Field::number("share_of_copies", |line| format!("{:.3}", line.share))),
];

/// Prints pools, campaigns and who uses whom.
fn run_layers(arguments: &args::Layers, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let config = LayersConfig { resolution: arguments.resolution, seed: arguments.seed, least_share: arguments.least_share };
    let found = layers::layers(&dataset, &dataset.results()?, &config)?;
    if output.format() == Format::Csv {
        return Ok(output.records(&found.overlap, OVERLAP)?);
    }
    let any = if found.pools.is_empty() { Found::Nothing } else { Found::Something };
    output.one(&found, layers_text)?;
    Ok(any)
}

const OVERLAP: &[Field<layers::Overlap>] = &[
    Field::text("pool", |cell| cell.pool.clone()),
    Field::text("campaign", |cell| cell.campaign.clone()),
    Field::number("exchanges", |cell| cell.exchanges.to_string()),
    Field::number("accounts", |cell| cell.accounts.to_string()),
    Field::number("share_of_pool", |cell| format!("{:.4}", cell.share_of_pool)),
    Field::number("share_of_campaign", |cell| format!("{:.4}", cell.share_of_campaign)),
];

fn layers_text(layers: &Layers) -> String {
    let mut lines = vec!["Pools: who runs the accounts (exchanges with a template)".to_owned(), String::new()];
    lines.push(format!("{:<12}{:>9}{:>12}{:>8}{:>14}", "pool", "accounts", "exchanges", "parts", "largest part"));
    for pool in &layers.pools {
        let (accounts, exchanges) = (grouped(pool.accounts), grouped(pool.exchanges));
        lines.push(format!("{:<12}{accounts:>9}{exchanges:>12}{:>8}{:>14}", pool.pool, pool.parts, grouped(pool.largest_part)));
    }
    lines.extend([String::new(), "Campaigns: whose traffic".to_owned(), String::new()]);
    let (first, last) = ("first day", "last day");
    lines.push(format!(
        "{:<10}{:>10}{:>10}{:>12}  {first:<11}{last:<11}capability",
        "campaign", "templates", "accounts", "exchanges"
    ));
    for campaign in &layers.campaigns {
        lines.push(format!(
            "{:<10}{:>10}{:>10}{:>12}  {:<11}{:<11}{}",
            campaign.campaign,
            grouped(campaign.templates),
            grouped(campaign.accounts),
            grouped(campaign.exchanges),
            campaign.first_day,
            campaign.last_day,
            campaign.capability.as_deref().unwrap_or("-")
        ));
    }
    lines.extend([String::new(), "Overlap".to_owned(), String::new()]);
    lines.push(format!(
        "{:<12}{:<10}{:>12}{:>10}{:>10}{:>14}",
        "pool", "campaign", "exchanges", "accounts", "of pool", "of campaign"
    ));
    for cell in &layers.overlap {
        lines.push(format!(
            "{:<12}{:<10}{:>12}{:>10}{:>9.1}%{:>13.1}%",
            cell.pool,
            cell.campaign,
            grouped(cell.exchanges),
            grouped(cell.accounts),
            cell.share_of_pool * 100.0,
            cell.share_of_campaign * 100.0
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn read_truth(dataset: &Dataset, files: &TruthFiles, output: &mut Output) -> anyhow::Result<Truth> {
    let unlabelled = if files.partial { Unlabelled::Unknown } else { Unlabelled::Benign };
    if files.benign.as_ref().is_some_and(|benign| input::is_stdin(benign) && input::is_stdin(&files.labels)) {
        anyhow::bail!(input::TAKEN_TWICE);
    }
    let truth = Truth::read(dataset, &files.labels, files.benign.as_deref(), unlabelled)?;
    say_unknown(truth.networks.count(), ["labelled account", "recall is"], output)?;
    say_unknown(truth.groups.count(), ["look-alike", "the shares of look-alikes are"], output)?;
    Ok(truth)
}

/// Says of how many labels nothing is counted, if there are any, and what is of the others.
fn say_unknown(count: LabelCount, [what, of_others]: [&str; 2], output: &mut Output) -> std::io::Result<()> {
    if count.unknown == 0 {
        return Ok(());
    }
    let are = if count.unknown == 1 { "is" } else { "are" };
    let (unknown, all) = (grouped(count.unknown), counted(count.accounts, what));
    output.say(&format!("{unknown} of {all} {are} not in the store and left out: {of_others} of those that are"))
}

/// Compares the networks found with the truth; on request beside baselines, or by whom false alarms hit.
pub(crate) fn evaluate(arguments: &Evaluate, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.truth.key.open(&arguments.store)?;
    let results = dataset.results()?;
    let truth = read_truth(&dataset, &arguments.truth, output)?;
    if arguments.more.baselines {
        let config = BaselineConfig { pair_budget: arguments.more.pair_budget, ..BaselineConfig::default() };
        let bar = Progress::new(shared, "baselines", None, false);
        let lines = baselines::compare(&dataset, &results, &truth, &config, &bar)?;
        drop(bar);
        let found = output.records(&lines, BASELINE)?;
        for line in &lines {
            if let Some(note) = &line.note {
                output.say(&format!("{}: {note}", line.method))?;
            }
        }
        return Ok(found);
    }
    if arguments.more.fairness {
        let lines = evaluate::fairness(&dataset, &results, &truth)?;
        if lines.iter().all(|line| line.attribute == evaluate::ADDRESS) {
            output.say("no legitimate account has a country or a pathway: `build --accounts` reads them")?;
        }
        return Ok(output.records(&lines, FAIRNESS)?);
    }
    let (found, names) = (evaluate::predicted(&results), evaluate::names_of(&results));
    let evaluation = truth.told(truth.score(&found, &names)?);
    let answer = output.one(&evaluation, |told| evaluated::evaluation_text(&told.evaluation))?;
    if arguments.truth.partial {
        output.say(&estimate_text(&truth.estimate(&found, &names)?))?;
    }
    Ok(answer)
}

/// The sampled estimate in one line.
fn estimate_text(estimate: &SampledPairwise) -> String {
    let one = |estimate: &hydralink::synth::metrics::Estimate| match estimate.interval {
        Some((low, high)) => format!("{:.3} (95% interval {low:.3} to {high:.3})", estimate.value),
        None => format!("{:.3}", estimate.value),
    };
    format!(
        "if the {} labelled networks are a random sample of all, labelled completely: pairwise precision {}, recall {}; pairs tell as \
         much as those of {:.1} networks of one size",
        estimate.networks,
        one(&estimate.precision),
        one(&estimate.recall),
        estimate.effective_networks
    )
}

const BASELINE: &[Field<BaselineLine>] = &[
    Field::text("method", |line| line.method.clone()),
    Field::of("networks", Field::number("groups", |line| line.networks.to_string())),
    Field::number("accounts", |line| line.accounts.to_string()),
    Field::of("pairwise.precision", Field::number("precision", |line| format!("{:.3}", line.pairwise.precision))),
    Field::of("pairwise.recall", Field::number("recall", |line| format!("{:.3}", line.pairwise.recall))),
    Field::of("pairwise.f1", Field::number("F1", |line| format!("{:.3}", line.pairwise.f1))),
    Field::spare(2, Field::of("b_cubed.f1", Field::number("B3 F1", |line| format!("{:.3}", line.b_cubed.f1)))),
    Field::spare(1, Field::of("membership.f1", Field::number("member", |line| format!("{:.3}", line.membership.f1)))),
    Field::spare(
        3,
        Field::of(
            "largest_precision",
            Field::number("largest", |line| format!("{:.2}/{:.2}", line.largest_precision, line.largest_recall)),
        ),
    ),
    Field::of(
        "benign_flagged_per_million",
        Field::number("benign/M", |line| format!("{:.0}", line.benign_flagged_per_million)),
    ),
    Field::csv("largest_recall"),
    Field::csv("note"),
];

const FAIRNESS: &[Field<FairnessLine>] = &[
    Field::text("attribute", |line| line.attribute.clone()),
    Field::text("value", |line| line.value.clone()),
    Field::number("benign", |line| line.benign.to_string()),
    Field::number("flagged", |line| line.flagged.to_string()),
    Field::number("per_million", |line| format!("{:.1}", line.per_million)),
    Field::number("ratio", |line| match line.ratio {
        Some(ratio) => format!("{ratio:.2}"),
        None if line.flagged > 0 => "only".to_owned(),
        None => String::new(),
    }),
    Field::number("p_value", |line| format!("{:.2e}", line.p_value)),
];

/// Prints how right the chain is without each part.
fn run_ablate(arguments: &Ablate, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.truth.key.open(&arguments.store)?;
    let truth = read_truth(&dataset, &arguments.truth, output)?;
    let bar = Progress::new(shared, "ablating", None, false).saying("without ");
    let lines = ablate(&dataset, &dataset.results()?, &truth, &bar)?;
    drop(bar);
    Ok(output.records(&lines, ABLATION)?)
}

const ABLATION: &[Field<AblationLine>] = &[
    Field::text("without", |line| line.without.clone()),
    Field::number("networks", |line| line.networks.to_string()),
    Field::of("pairwise.precision", Field::number("precision", |line| format!("{:.3}", line.pairwise.precision))),
    Field::of("pairwise.recall", Field::number("recall", |line| format!("{:.3}", line.pairwise.recall))),
    Field::of("pairwise.f1", Field::number("F1", |line| format!("{:.3}", line.pairwise.f1))),
    Field::of("f1_change", Field::number("change", |line| format!("{:+.3}", line.f1_change))),
    Field::spare(1, Field::of("b_cubed.f1", Field::number("B3 F1", |line| format!("{:.3}", line.b_cubed.f1)))),
    Field::spare(2, Field::of("largest_recall", Field::number("largest", |line| format!("{:.2}", line.largest_recall)))),
    Field::of("benign_flagged", Field::number("benign", |line| line.benign_flagged.to_string())),
    Field::csv("unknown_labels"),
];

/// Prints detection against attacker budget, and writes the curve.
fn run_redteam(arguments: &Redteam, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let config = RedteamConfig {
        tier: read::tier_of(arguments.tier),
        seed: arguments.seed,
        seeds: arguments.seeds,
        budgets: arguments.budget.clone(),
        evasions: if arguments.evasion.is_empty() { Evasion::ALL.to_vec() } else { arguments.evasion.clone() },
    };
    std::fs::create_dir_all(&arguments.directory)?;
    let bar = Progress::new(shared, "worlds", Some(0), false);
    let lines = redteam::redteam(&arguments.directory, &config, &bar)?;
    drop(bar);
    let curve = arguments.directory.join("redteam.csv");
    write_curve(&curve, &lines)?;
    let found = output.records(&lines, CURVE)?;
    output.say(&format!("the curve: {}", curve.display()))?;
    Ok(found)
}

/// Writes beside and renames.
fn write_curve(path: &Path, lines: &[RedteamLine]) -> anyhow::Result<()> {
    let partial = path.with_extension("csv.partial");
    let mut writer = csv::Writer::from_path(&partial)?;
    for line in lines {
        writer.serialize(line)?;
    }
    writer.flush()?;
    std::fs::rename(&partial, path)?;
    Ok(())
}

const CURVE: &[Field<RedteamLine>] = &[
    Field::text("evasion", |line| line.evasion.clone()),
    Field::number("budget", |line| format!("{:.2}", line.budget)),
    Field::csv("worlds"),
    Field::of("addresses_per_account", Field::number("ip/account", |line| format!("{:.2}", line.addresses_per_account))),
    Field::of("cards_per_account", Field::number("card/account", |line| format!("{:.2}", line.cards_per_account))),
    Field::csv("exchanges_per_account_day"),
    Field::number("precision", |line| format!("{:.3}", line.precision)),
    Field::number("recall", |line| format!("{:.3}", line.recall)),
    Field::of("f1", Field::number("F1", |line| format!("{:.3}", line.f1))),
    Field::of("b_cubed_f1", Field::number("B3 F1", |line| format!("{:.3}", line.b_cubed_f1))),
    Field::of("largest_recall", Field::number("largest", |line| format!("{:.2}", line.largest_recall))),
    Field::number("found", |line| format!("{:.2}", line.found)),
    Field::of("benign_flagged", Field::number("benign", |line| format!("{:.1}", line.benign_flagged))),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_of_csv_has_fields_of_its_lines() {
        let line = serde_json::to_value(RedteamLine::default()).expect("plain data serialises");
        assert!(CURVE.iter().all(|field| line.get(field.json).is_some()), "{line}");
    }
}
