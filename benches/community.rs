//! How fast are Louvain and Leiden, on one thread, on all, and against the plainest Louvain on one thread?
//!
//! Run with `cargo bench -p hydralink-community`. The graphs are made by a fixed formula: accounts and identifiers in blocks
//! with a tenth of the sightings across (bipartite, as `detect` has them), and a graph of planted communities that has no
//! sides.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use community::{Effort, LeidenConfig, LouvainConfig, leiden, louvain};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use graph::WeightedGraph;

/// A fixed sequence of well-mixed numbers (splitmix64).
fn mixed(at: u64) -> u64 {
    let mut z = at.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Blocks of 100 accounts and 60 identifiers; an account has 5 sightings in its block, every tenth anywhere, and 3 identifiers
/// of its own.
fn accounts_and_identifiers(accounts: u32) -> WeightedGraph {
    let shared = accounts / 100 * 60;
    let mut edges = Vec::new();
    for account in 0..accounts {
        for slot in 0..5 {
            let draw = mixed(u64::from(account) * 8 + slot);
            let within = u64::from(account / 100 * 60) + (draw >> 8) % 60;
            let at = if draw.is_multiple_of(10) { (draw >> 8) % u64::from(shared) } else { within };
            edges.push((account, accounts + at as u32, 0.5));
        }
        edges.extend((0..3).map(|own| (account, accounts + shared + account * 3 + own, 1.0)));
    }
    let graph = WeightedGraph::from_edges((accounts * 4 + shared) as usize, &edges).expect("in range");
    let (offsets, targets, weights) = (graph.offsets().to_vec(), graph.targets().to_vec(), graph.weights().to_vec());
    WeightedGraph::from_rows(offsets, targets, weights, Some(accounts)).expect("rows of a graph")
}

/// Communities of 100 vertices, eight edges a vertex, every fourth to anywhere.
fn planted(vertex_count: u32) -> WeightedGraph {
    let mut edges = Vec::new();
    for vertex in 0..vertex_count {
        for slot in 0..8 {
            let draw = mixed(u64::from(vertex) * 8 + slot);
            let within = u64::from(vertex / 100 * 100) + (draw >> 8) % 100;
            let target = if draw.is_multiple_of(4) { (draw >> 8) % u64::from(vertex_count) } else { within };
            if target as u32 != vertex && target < u64::from(vertex_count) {
                edges.push((vertex, target as u32, 1.0));
            }
        }
    }
    WeightedGraph::from_edges(vertex_count as usize, &edges).expect("in range")
}

/// The baseline: Blondel et al.'s Louvain as one would first write it, vertices in order, hash maps.
fn plain_louvain(graph: &WeightedGraph) -> Vec<u32> {
    let mut rows: Vec<HashMap<u32, f64>> = (0..graph.vertex_count() as u32)
        .map(|v| graph.neighbors_of(v).iter().copied().zip(graph.weights_of(v).iter().map(|&w| f64::from(w))).collect())
        .collect();
    let mut community_of: Vec<u32> = (0..rows.len() as u32).collect();
    let mut strengths: Vec<f64> = rows.iter().map(|row| row.values().sum()).collect();
    let twice: f64 = strengths.iter().sum();
    loop {
        let mut labels: Vec<u32> = (0..rows.len() as u32).collect();
        let mut totals = strengths.clone();
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for (vertex, row) in rows.iter().enumerate() {
                let (own, strength) = (labels[vertex], strengths[vertex]);
                let mut links: HashMap<u32, f64> = HashMap::new();
                for (&target, weight) in row.iter().filter(|&(&target, _)| target as usize != vertex) {
                    *links.entry(labels[target as usize]).or_default() += weight;
                }
                totals[own as usize] -= strength;
                let gain = |label: u32| links.get(&label).copied().unwrap_or(0.0) - strength * totals[label as usize] / twice;
                let best =
                    links.keys().copied().fold(own, |best, label| if gain(label) > gain(best) + 1e-9 { label } else { best });
                totals[best as usize] += strength;
                labels[vertex] = best;
                moved |= best != own;
            }
        }
        let mut number_of = HashMap::new();
        for label in &mut labels {
            let next = number_of.len() as u32;
            *label = *number_of.entry(*label).or_insert(next);
        }
        if number_of.len() == rows.len() {
            return community_of;
        }
        let mut coarse = vec![HashMap::new(); number_of.len()];
        let mut sums = vec![0.0; number_of.len()];
        for (vertex, row) in rows.iter().enumerate() {
            sums[labels[vertex] as usize] += strengths[vertex];
            for (&target, weight) in row {
                *coarse[labels[vertex] as usize].entry(labels[target as usize]).or_default() += weight;
            }
        }
        community_of.iter_mut().for_each(|community| *community = labels[*community as usize]);
        (rows, strengths) = (coarse, sums);
    }
}

fn communities(criterion: &mut Criterion) {
    for (name, graph) in [("accounts", accounts_and_identifiers(50_000)), ("planted", planted(100_000))] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).measurement_time(Duration::from_secs(5));
        group.throughput(Throughput::Elements(graph.entry_count() as u64 / 2));
        for threads in [1, std::thread::available_parallelism().map_or(1, usize::from)] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
            let mut run = |what: &str, run: &(dyn Fn(&WeightedGraph) -> f64 + Sync)| {
                let id = BenchmarkId::new(what, threads);
                group.bench_function(id, |b| pool.install(|| b.iter(|| run(black_box(&graph)))));
            };
            run("leiden", &|graph| leiden(graph, None, &LeidenConfig::default()).expect("good weights").quality);
            run("louvain", &|graph| louvain(graph, None, &LouvainConfig::default()).expect("good weights").quality);
            let config = LeidenConfig { effort: Effort::Converge, ..Default::default() };
            run("leiden, converged", &|graph| leiden(graph, None, &config).expect("good weights").quality);
        }
        group.bench_function("baseline: plain Louvain", |b| b.iter(|| plain_louvain(black_box(&graph))));
        group.finish();
    }
}

criterion_group!(benches, communities);
criterion_main!(benches);
