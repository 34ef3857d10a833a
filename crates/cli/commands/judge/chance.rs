//! Beside null copies: `calibrate`.

use hydralink::calibrate::{CalibrateConfig, Reliability, TELLING_COPIES, ThresholdLine, too_few_copies};
use hydralink::store::quoted;
use hydralink::{Dataset, Labelling, calibrate};

use crate::Found;
use crate::args::{Calibrate, Shared};
use crate::output::{Field, Output, counted, grouped};
use crate::progress::Progress;

/// Reruns the detection on null copies; prints what chance gives at each score.
pub(super) fn run_calibrate(arguments: &Calibrate, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
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
pub(crate) fn say_too_few_copies(dataset: &Dataset, results: &Labelling, output: &mut Output) -> anyhow::Result<()> {
    if let Some(copies) = too_few_copies(dataset, results)? {
        let copies = if copies == 1 { "1 null copy".to_owned() } else { format!("{copies} null copies") };
        output.say(&format!(
            "chances go by scores alone: the calibration has {copies}, and q-values of fewer than {TELLING_COPIES} can't be low"
        ))?;
    }
    Ok(())
}

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
