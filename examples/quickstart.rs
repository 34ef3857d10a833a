//! From events to networks in a few lines: `cargo run --release --example quickstart`.
//!
//! Makes a small world in a temporary folder, builds it, finds its networks, and prints why each was found.

use hydralink::synth::{Format, Tier, WorldConfig, write_world};
use hydralink::{Dataset, DetectConfig, IngestConfig, Unobserved, build, detect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (world, store) = (folder.path().join("world"), folder.path().join("store"));
    write_world(&world, &WorldConfig::new(Tier::S, 1), Format::Parquet, &mut |_| {})?;

    let config = IngestConfig {
        accounts: Some(world.join("accounts.csv")),
        releases: Some(world.join("releases.csv")),
        ..IngestConfig::default()
    };
    let built = build(&[world.join("events.parquet")], &store, &config, &Unobserved)?;
    println!("{} accounts, {} sightings", built.accounts, built.sightings);

    detect(&store, &DetectConfig::default(), &Unobserved)?;

    let dataset = Dataset::open(&store)?;
    let results = dataset.results()?;
    for network in results.networks.iter().filter(|network| network.flagged) {
        println!("{} {:>6.1} bits  {}", network.id, network.score, network.why);
    }
    Ok(())
}
