//! Prints what is in some event logs, as JSON: `cargo run --release --example profile -- EVENTS...`

use std::path::PathBuf;

use events::{IngestConfig, Unobserved, profile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sources: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let profile = profile(&sources, &IngestConfig::default(), &Unobserved)?;
    println!("{}", serde_json::to_string_pretty(&profile)?);
    Ok(())
}
