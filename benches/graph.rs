//! How fast is the graph crate, against one thread of the plainest code?
//!
//! Run with `cargo bench --bench graph`, and `RAYON_NUM_THREADS=1` for one core. The graphs are made by a fixed formula: a
//! bipartite graph of 940,000 accounts, 600,000 identifiers and about 2.8 million sightings with a giant component, hubs and
//! many small components; and planted communities for the layout.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use graph::{
    BipartiteColumns, BipartiteGraph, IdentifierFilter, LayoutConfig, Start, WeightedGraph, bipartite_components, cohesion,
    connected_components, core_numbers, hub_sweep, layout,
};

const ACCOUNTS: u32 = 940_000;
const IDENTIFIERS: u32 = 600_000;

/// A fixed sequence of well-mixed numbers (splitmix64).
fn mixed(at: u64) -> u64 {
    let mut z = at.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Accounts with 1 to 5 identifiers each, of which the popular ones follow a power law.
fn bipartite_graph() -> BipartiteGraph {
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for account in 0..ACCOUNTS {
        for slot in 0..1 + mixed(u64::from(account)) % 5 {
            let draw = mixed(u64::from(account) * 8 + slot + 1);
            let share = (draw >> 11) as f64 / (1u64 << 53) as f64;
            let identifier = match slot {
                // Its own corner: three accounts to an identifier.
                0 => account / 3,
                // Anywhere, popular ones far more often.
                _ => (share.powi(3) * f64::from(IDENTIFIERS)) as u32,
            };
            pairs.push((account, identifier.min(IDENTIFIERS - 1)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let offsets = |count: u32, side: &dyn Fn(&(u32, u32)) -> u32| {
        let mut offsets = vec![0u64; count as usize + 1];
        pairs.iter().for_each(|pair| offsets[side(pair) as usize + 1] += 1);
        (0..count as usize).for_each(|row| offsets[row + 1] += offsets[row]);
        offsets
    };
    let mut reverse: Vec<u32> = (0..pairs.len() as u32).collect();
    reverse.sort_by_key(|&position| pairs[position as usize].1);
    let columns = BipartiteColumns {
        kind_starts: vec![0, IDENTIFIERS].into(),
        account_offsets: offsets(ACCOUNTS, &|pair| pair.0).into(),
        identifiers: pairs.iter().map(|pair| pair.1).collect::<Vec<_>>().into(),
        counts: vec![1; pairs.len()].into(),
        first_seen: vec![0; pairs.len()].into(),
        last_seen: vec![0; pairs.len()].into(),
        identifier_offsets: offsets(IDENTIFIERS, &|pair| pair.1).into(),
        accounts: reverse.iter().map(|&position| pairs[position as usize].0).collect::<Vec<_>>().into(),
        identifier_sightings: reverse.into(),
    };
    BipartiteGraph::from_columns(columns).expect("columns agree")
}

/// The baseline: union-find with path halving, one thread, all edges.
fn sequential_components(graph: &BipartiteGraph) -> Vec<u32> {
    fn root_of(parents: &mut [u32], mut vertex: u32) -> u32 {
        while parents[vertex as usize] != vertex {
            parents[vertex as usize] = parents[parents[vertex as usize] as usize];
            vertex = parents[vertex as usize];
        }
        vertex
    }
    let mut parents: Vec<u32> = (0..graph.vertex_count() as u32).collect();
    let accounts = graph.account_count() as u32;
    for account in 0..accounts {
        for &identifier in graph.identifiers_of(graph::AccountId(account)) {
            let (one, other) = (root_of(&mut parents, account), root_of(&mut parents, accounts + identifier));
            parents[one.max(other) as usize] = one.min(other);
        }
    }
    (0..parents.len() as u32).map(|vertex| root_of(&mut parents, vertex)).collect()
}

fn components(criterion: &mut Criterion) {
    let graph = bipartite_graph();
    let weighted = WeightedGraph::from_bipartite(&graph, &vec![1.0; graph.sighting_count()]).expect("one weight each");
    let mut group = criterion.benchmark_group("components");
    group.throughput(Throughput::Elements(graph.sighting_count() as u64)).sample_size(20);
    group.bench_function("bipartite", |b| b.iter(|| bipartite_components(black_box(&graph), &IdentifierFilter::default())));
    let cap = IdentifierFilter { max_degree: 50, ..IdentifierFilter::default() };
    group.bench_function("bipartite, at most 50 accounts", |b| b.iter(|| bipartite_components(black_box(&graph), &cap)));
    group.bench_function("weighted", |b| b.iter(|| connected_components(black_box(&weighted))));
    group.bench_function("baseline: sequential union-find", |b| b.iter(|| sequential_components(black_box(&graph))));
    group.bench_function("baseline: petgraph connected_components", |b| {
        b.iter(|| petgraph::algo::connected_components(black_box(&graph)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("structure");
    group.throughput(Throughput::Elements(graph.sighting_count() as u64)).sample_size(10);
    let all = IdentifierFilter::default();
    group.bench_function("hub sweep", |b| b.iter(|| hub_sweep(black_box(&graph), &all)));
    group.bench_function("cohesion", |b| b.iter(|| cohesion(black_box(&graph), &all)));
    group.bench_function("core numbers", |b| b.iter(|| core_numbers(black_box(&graph), &all)));
    let weights = vec![1.0; graph.sighting_count()];
    group.bench_function("weighted from bipartite", |b| b.iter(|| WeightedGraph::from_bipartite(black_box(&graph), &weights)));
    group.finish();
}

/// Communities of about 100 vertices, 2.75 edges a vertex, a tenth of them between communities; connected.
fn planted(vertex_count: u32) -> WeightedGraph {
    let mut edges = Vec::new();
    for vertex in 0..vertex_count {
        let community = vertex / 100 * 100;
        let size = (vertex_count - community).min(100);
        for slot in 0..if vertex.is_multiple_of(4) { 2 } else { 3 } {
            let draw = mixed(u64::from(vertex) * 4 + slot);
            let target = if draw.is_multiple_of(10) {
                (draw >> 8) % u64::from(vertex_count)
            } else {
                u64::from(community) + (draw >> 8) % u64::from(size)
            };
            if target as u32 != vertex {
                edges.push((vertex, target as u32, 1.0 + (draw >> 60) as f32));
            }
        }
    }
    WeightedGraph::from_edges(vertex_count as usize, &edges).expect("in range")
}

fn layouts(criterion: &mut Criterion) {
    const ITERATIONS: u32 = 20;
    let mut group = criterion.benchmark_group("layout");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    for vertex_count in [20_000u32, 200_000] {
        let graph = planted(vertex_count);
        // Vertices times iterations a second.
        group.throughput(Throughput::Elements(u64::from(vertex_count * ITERATIONS)));
        for theta in [1.2, 0.5] {
            let config = LayoutConfig {
                iterations: ITERATIONS,
                settled: 0.0,
                steady: 0.0,
                theta,
                overlaps: graph::layout::Overlaps::Keep,
                ..LayoutConfig::default()
            };
            let name = BenchmarkId::new(format!("theta {theta}"), vertex_count);
            group.bench_function(name, |b| b.iter(|| layout(black_box(&graph), Start::Spiral, &config)));
        }
    }
    let graph = planted(2_000);
    let config = LayoutConfig { iterations: ITERATIONS, settled: 0.0, steady: 0.0, theta: 0.0, ..LayoutConfig::default() };
    group.throughput(Throughput::Elements(u64::from(2_000 * ITERATIONS)));
    group.bench_function("baseline: all pairs/2000", |b| b.iter(|| layout(black_box(&graph), Start::Spiral, &config)));
    group.finish();
}

criterion_group!(benches, components, layouts);
criterion_main!(benches);
