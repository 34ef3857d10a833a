//! One network for Gephi, with places: `cargo run --release --example gephi -- STORE NETWORK FILE.graphml`.
//!
//! A file that ends in `.gexf` carries the timeline too. What the file leaves out is printed: nothing is dropped in silence.

use std::path::PathBuf;

use hydralink::export::{ExportConfig, Networks};
use hydralink::{Dataset, export_drawn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, network, file] = &arguments[..] else {
        eprintln!("name a store, a network (id or rank) and a file, for instance hydralink-demo/store 1 network.graphml");
        std::process::exit(2);
    };
    let dataset = Dataset::open(&PathBuf::from(store))?;
    let results = dataset.labelling()?;
    let mut config = ExportConfig::default();
    config.selection.networks = Networks::Chosen(vec![dataset.network_index(&results, network)?]);
    let written = export_drawn(&dataset, &results, &config, &PathBuf::from(file))?;
    println!("{file}: {} nodes, {} edges", written.nodes, written.edges);
    println!("left out: {}", serde_json::to_string(&written.left_out)?);
    Ok(())
}
