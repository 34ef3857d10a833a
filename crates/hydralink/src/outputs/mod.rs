//! How it is shown, and how it leaves for other tools.

pub mod arrow;
pub mod dossier;
pub mod export;
pub mod report;
pub mod share;
pub mod statement;
mod style;
