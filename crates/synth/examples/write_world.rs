//! Writes a world: `cargo run --release -p hydralink-synth --example write_world -- FOLDER [xs|s|m|l] [SEED] [parquet|csv]
//! [null]`.

use std::path::Path;
use std::process::ExitCode;

use synth::{Format, Tier, WorldConfig, write_world};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
    let tier = match argument(1) {
        "xs" => Tier::Xs,
        "m" => Tier::M,
        "l" => Tier::L,
        _ => Tier::S,
    };
    let format = if argument(3) == "csv" { Format::Csv } else { Format::Parquet };
    let config = WorldConfig { null: argument(4) == "null", ..WorldConfig::new(tier, argument(2).parse().unwrap_or(1)) };
    match write_world(Path::new(argument(0)), &config, format, &mut |_| {}) {
        Ok(summary) => {
            println!("{} accounts, {} events", summary.accounts, summary.events);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
