//! How sure it is: the detection run again on what might have been.

pub mod ablate;
pub mod backtest;
pub mod baselines;
pub mod calibrate;
pub mod consensus;
pub mod evaluate;
pub mod redteam;
mod reruns;
