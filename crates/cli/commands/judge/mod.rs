//! Judging a detection: calibrate, backtest, consensus, layers, evaluate, ablate, redteam.

mod chance;
mod layers;
mod redteam;
mod rerun;
mod truth;

pub(super) use chance::say_too_few_copies;
pub(super) use truth::evaluate;

use crate::Found;
use crate::args::{Judge, Shared};
use crate::output::Output;

/// Runs a command that judges.
pub(crate) fn run(command: Judge, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    match command {
        Judge::Calibrate(arguments) => chance::run_calibrate(&arguments, shared, output),
        Judge::Backtest(arguments) => rerun::run_backtest(&arguments, shared, output),
        Judge::Consensus(arguments) => rerun::run_consensus(&arguments, shared, output),
        Judge::Layers(arguments) => layers::run_layers(&arguments, output),
        Judge::Ablate(arguments) => truth::run_ablate(&arguments, shared, output),
        Judge::Redteam(arguments) => redteam::run_redteam(&arguments, shared, output),
    }
}
