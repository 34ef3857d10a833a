//! One network for Gephi, with places: `cargo run --release --example gephi -- STORE NETWORK FILE.graphml`.
//!
//! A file that ends in `.gexf` carries the timeline too. What the file leaves out is printed: nothing is dropped in silence.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use hydralink::export::{ExportConfig, Networks};
use hydralink::{Dataset, Unobserved, export_drawn};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, network, file] = &arguments[..] else {
        eprintln!("name a store, a network (id or rank) and a file, for instance hydralink-demo/store 1 network.graphml");
        return ExitCode::from(2);
    };
    if let Err(error) = draw(Path::new(store), network, Path::new(file)) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn draw(store: &Path, network: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let dataset = Dataset::open(store)?;
    let results = dataset.labelling()?;
    let place = dataset.network_index(&results, network)?;
    let head = &results.heads()[place];
    if !head.flagged {
        eprintln!("{} is a candidate below the threshold: no network is flagged there", head.id);
    }
    let mut config = ExportConfig::default();
    config.selection.networks = Networks::Chosen(vec![place]);
    let written = export_drawn(&dataset, &results, &config, file, &Unobserved)?;
    println!("{}: {} nodes, {} edges", file.display(), written.nodes, written.edges);
    println!("left out: {}", serde_json::to_string(&written.left_out)?);
    Ok(())
}
