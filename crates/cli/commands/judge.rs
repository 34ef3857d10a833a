//! Judging a detection: calibrate.

use hydralink::calibrate::{CalibrateConfig, Reliability, ThresholdLine};
use hydralink::{Dataset, calibrate};

use crate::Found;
use crate::args::Shared;
use crate::args_judge::{Calibrate, Judge};
use crate::output::{Field, Output, grouped};
use crate::progress::{self, Progress};

/// Runs a command that judges.
pub(crate) fn run(command: Judge, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    match command {
        Judge::Calibrate(arguments) => run_calibrate(&arguments, shared, output),
    }
}

/// Reruns the detection on null copies; prints what chance gives at each score.
fn run_calibrate(arguments: &Calibrate, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let config = CalibrateConfig { copies: arguments.copies, seed: arguments.seed };
    let bar = Progress::new(shared, "null copies", Some(u64::from(config.copies)), false);
    let last = std::cell::Cell::new(0);
    let calibration = calibrate(&arguments.store, &config, &|step| {
        bar.phase(step.phase);
        bar.advance(u64::from(step.done - last.replace(step.done)));
        !progress::interrupted()
    })?;
    drop(bar);
    let results = Dataset::open(&arguments.store)?.results()?;
    if arguments.reliability {
        return Ok(output.records(&calibration.reliability(), RELIABILITY)?);
    }
    output.records(&calibration.thresholds(&results), THRESHOLD)?;
    let flagged = results.networks.iter().filter(|network| network.flagged);
    let (all, sure) =
        flagged.fold((0, 0), |sum, network| (sum.0 + 1, sum.1 + u64::from(network.q_value.is_some_and(|q| q <= 0.05))));
    output.say(&format!(
        "{} of {} networks over the threshold have q <= 0.05: chance does not explain them. Whether they are innocent is another question. \
         Next: hydralink networks {}",
        grouped(sure),
        grouped(all),
        arguments.store.display()
    ))?;
    Ok(Found::Something)
}

const THRESHOLD: &[Field<ThresholdLine>] = &[
    Field::number("score", |line| format!("{:.1}", line.score)),
    Field::number("networks", |line| line.networks.to_string()),
    Field::number("expected_false", |line| format!("{:.3}", line.expected_false)),
    Field::number("upper_95", |line| format!("{:.3}", line.upper)),
    Field::number("copies_with_any", |line| format!("{:.2}", line.copies_with_any)),
];

const RELIABILITY: &[Field<Reliability>] = &[
    Field::number("q_at_most", |line| format!("{:.2}", line.level)),
    Field::number("share_of_copies", |line| format!("{:.3}", line.share)),
];
