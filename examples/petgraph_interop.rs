//! Anybody's algorithm on the store's own graph: `cargo run --example petgraph_interop -- STORE`.
//!
//! The bipartite graph implements petgraph's visit traits, so petgraph runs on it where it lies in the mapped file: nothing is
//! copied.

use std::path::PathBuf;

use hydralink::{AccountId, CostedGraph, Dataset, VertexId};
use petgraph::algo::{connected_components, dijkstra};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(store) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("name a store, for instance hydralink-demo/store");
        std::process::exit(2);
    };
    let dataset = Dataset::open(&store)?;
    let graph = dataset.graph();
    println!("{} vertices in {} components", graph.vertex_count(), connected_components(graph));

    // The cost of an identifier grows with its accounts; one with more than 50 is closed.
    let offsets = graph.columns().identifier_offsets.as_slice();
    let degree = |pair: &[u64]| (pair[1] - pair[0]) as f32;
    let costs: Vec<f32> =
        offsets.windows(2).map(|pair| if degree(pair) > 50.0 { f32::INFINITY } else { degree(pair).log2() + 1.0 }).collect();
    let view = CostedGraph::new(graph, &costs)?;
    let start = graph.vertex_of_account(AccountId(0));
    let reached = dijkstra(&view, start, None, |edge| edge.cost());
    let accounts = reached.keys().filter(|&&VertexId(vertex)| (vertex as usize) < graph.account_count()).count();
    println!("{} reaches {accounts} accounts without a hub", dataset.account_name(AccountId(0)));
    Ok(())
}
