//! Louvain and Leiden against closed forms, a naive oracle, reference graphs and their own promises.

use community::{
    CommunityError, Effort, LeidenConfig, LouvainConfig, Quality, QualityConfig, audit, leiden, leiden_partition, louvain,
    quality,
};
use graph::{Partition, WeightedGraph};
use proptest::prelude::*;

fn graph(vertex_count: usize, edges: &[(u32, u32, f32)]) -> WeightedGraph {
    WeightedGraph::from_edges(vertex_count, edges).unwrap()
}

fn sided(graph: &WeightedGraph, left_count: u32) -> WeightedGraph {
    let (offsets, targets, weights) = (graph.offsets().to_vec(), graph.targets().to_vec(), graph.weights().to_vec());
    WeightedGraph::from_rows(offsets, targets, weights, Some(left_count)).unwrap()
}

fn of(quality: Quality, resolution: f64) -> QualityConfig {
    QualityConfig { quality, resolution, total_weight: None }
}

/// `count` cliques of five, each tied to the next by one edge.
fn ring_of_cliques(count: u32) -> WeightedGraph {
    let mut edges = Vec::new();
    for clique in 0..count {
        let first = clique * 5;
        edges.extend((0..5).flat_map(|a| (a + 1..5).map(move |b| (first + a, first + b, 1.0))));
        edges.push((first, (first + 5) % (count * 5) + 1, 1.0));
    }
    graph(count as usize * 5, &edges)
}

/// A planted bipartite graph of `blocks` blocks of 40 + 10 vertices, with noise; large enough to run in batches.
fn planted(blocks: u32) -> WeightedGraph {
    let (left, right) = (blocks * 40, blocks * 10);
    let mut state = 1u64;
    let mut random = |bound: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(bound)) as u32
    };
    let mut edges = Vec::new();
    for account in 0..left {
        for _ in 0..3 {
            let at = if random(10) == 0 { random(right) } else { account / 40 * 10 + random(10) };
            edges.push((account, left + at, 0.5 + random(4) as f32 / 2.0));
        }
    }
    sided(&graph((left + right) as usize, &edges), left)
}

fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

fn metis(name: &str) -> WeightedGraph {
    let path = format!("{}/../../data/graphs/{name}.graph", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<usize> = lines.next().unwrap().split_whitespace().map(|word| word.parse().unwrap()).collect();
    let weighted = header.get(2) == Some(&1);
    let mut edges = Vec::new();
    for (vertex, line) in (0u32..).zip(lines.take(header[0])) {
        let numbers: Vec<u32> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        for entry in numbers.chunks(if weighted { 2 } else { 1 }) {
            if entry[0] > vertex {
                edges.push((vertex, entry[0] - 1, if weighted { entry[1] as f32 } else { 1.0 }));
            }
        }
    }
    graph(header[0], &edges)
}

#[test]
fn reference_modularities_are_reached_whatever_the_seed() {
    // In every one of ten runs: (Louvain, Leiden) fast, (Louvain, Leiden) to convergence. Louvain on karate has a local optimum
    // of .398.
    for (name, fast, converged) in [("karate", (0.398, 0.4188), (0.398, 0.4197)), ("jazz", (0.4440, 0.4446), (0.4440, 0.4446))]
    {
        let graph = metis(name);
        for (effort, least) in [(Effort::Fast, fast), (Effort::Converge, converged)] {
            let mut louvains = Vec::new();
            for seed in 0..10 {
                let config = LouvainConfig { effort, seed, ..Default::default() };
                louvains.push(louvain(&graph, None, &config).unwrap().quality);
                let found = leiden(&graph, None, &LeidenConfig { effort, seed, ..Default::default() }).unwrap();
                assert_eq!(found.audit.disconnected, 0);
                assert!(found.quality >= least.1, "{name}, {effort:?}, seed {seed}: Leiden {}", found.quality);
            }
            assert!(louvains.iter().all(|&quality| quality >= least.0), "{name}, {effort:?}: Louvain {louvains:?}");
            assert!(louvains.iter().any(|&quality| quality >= least.1 - 1e-4), "{name}, {effort:?}: Louvain {louvains:?}");
        }
    }
}

#[test]
fn levels_coarsen_up_to_the_communities() {
    let graph = planted(60);
    let within = |fine: &Partition, coarse: &Partition| {
        let mut of = vec![None; fine.group_count()];
        let pairs = fine.labels().iter().zip(coarse.labels());
        pairs.into_iter().all(|(&fine, &coarse)| *of[fine as usize].get_or_insert(coarse) == coarse)
    };
    let by_louvain = louvain(&graph, None, &LouvainConfig::default()).unwrap();
    let levels = by_louvain.hierarchy.levels();
    assert_eq!(levels.last(), Some(&by_louvain.partition));
    let by_leiden = leiden(&graph, None, &LeidenConfig::default()).unwrap();
    for (levels, partition) in [(levels, by_louvain.partition), (by_leiden.hierarchy.levels(), by_leiden.partition)] {
        assert!(!levels.is_empty());
        assert!(levels.windows(2).all(|pair| pair[0].group_count() > pair[1].group_count() && within(&pair[0], &pair[1])));
        assert!(levels.iter().all(|level| within(level, &partition)));
    }
}

#[test]
fn two_triangles_have_closed_form_qualities() {
    let edges = [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0), (3, 4, 1.0), (4, 5, 1.0), (3, 5, 1.0), (2, 3, 1.0)];
    let graph = graph(6, &edges);
    let triangles = Partition::from_labels(vec![0, 0, 0, 1, 1, 1]);
    // 2·(3/7 − (7/14)²) = 5/14; CPM at .5: 2·(3 − .5·3) = 3
    assert!((quality(&graph, &triangles, &of(Quality::Modularity, 1.0)) - 5.0 / 14.0).abs() < 1e-12);
    assert!((quality(&graph, &triangles, &of(Quality::Cpm, 0.5)) - 3.0).abs() < 1e-12);
    assert!(quality(&graph, &triangles, &of(Quality::Barber, 1.0)).is_nan());
}

#[test]
fn barber_equals_the_hand_computed_value() {
    // Left 0, 1, 2; right 3, 4. m = 4; group {0, 1, 3}: inside 2, a = 3, b = 2; group {2, 4}: inside 1, a = 1, b = 2.
    let graph = sided(&graph(5, &[(0, 3, 1.0), (1, 3, 1.0), (1, 4, 1.0), (2, 4, 1.0)]), 3);
    let partition = Partition::from_labels(vec![0, 0, 1, 0, 1]);
    let expected = (2.0 - 3.0 * 2.0 / 4.0) / 4.0 + (1.0 - 1.0 * 2.0 / 4.0) / 4.0;
    assert!((quality(&graph, &partition, &of(Quality::Barber, 1.0)) - expected).abs() < 1e-12);
    // Left-sided CPM at .25: 2 − .25·1 + 1 − 0
    assert!((quality(&graph, &partition, &of(Quality::CpmLeft, 0.25)) - 2.75).abs() < 1e-12);
}

#[test]
fn modularity_merges_small_cliques_and_cpm_does_not() {
    let graph = ring_of_cliques(30);
    let config = |objective| LeidenConfig { objective, effort: Effort::Converge, ..Default::default() };
    let by_modularity = leiden(&graph, None, &config(of(Quality::Modularity, 1.0))).unwrap();
    let by_cpm = leiden(&graph, None, &config(of(Quality::Cpm, 0.5))).unwrap();
    assert!(by_modularity.partition.group_count() < 30, "the resolution limit");
    assert_eq!(by_cpm.partition.group_count(), 30);
    assert!(by_cpm.partition.sizes().iter().all(|&size| size == 5));
}

#[test]
fn threads_do_not_change_a_bit() {
    let graph = planted(500);
    assert!(graph.vertex_count() > 1 << 14);
    for quality in [Quality::Modularity, Quality::Cpm, Quality::CpmLeft, Quality::Barber] {
        let resolution = if quality == Quality::CpmLeft || quality == Quality::Cpm { 0.01 } else { 1.0 };
        let config = LeidenConfig { objective: of(quality, resolution), ..Default::default() };
        let run = || (leiden(&graph, None, &config).unwrap(), louvain(&graph, None, &LouvainConfig::default()).unwrap());
        let one = on_threads(1, run);
        assert_eq!(one, on_threads(2, run));
        assert_eq!(one, on_threads(5, run));
        assert_eq!(one.0.audit.disconnected, 0);
    }
}

#[test]
fn batches_of_neighbours_are_the_same_on_any_threads_and_only_gain() {
    // Without sides neighbours share batches; edges listed backwards make the same graph.
    let sides = planted(500);
    let count = sides.vertex_count();
    let mut edges = Vec::new();
    for vertex in 0..count as u32 {
        let row = sides.neighbors_of(vertex).iter().zip(sides.weights_of(vertex));
        edges.extend(row.filter(|&(&target, _)| target > vertex).map(|(&target, &weight)| (vertex, target, weight)));
    }
    let one = graph(count, &edges);
    let config = LeidenConfig::default();
    let found = on_threads(1, || leiden(&one, None, &config).unwrap());
    edges.reverse();
    assert_eq!(found, on_threads(3, || leiden(&graph(count, &edges), None, &config).unwrap()));
    assert_eq!(found.audit.disconnected, 0);
    // From a start that gives every batch reason to quarrel: all vertices in few groups.
    let start = Partition::from_labels((0..count as u32).map(|vertex| vertex % 7).collect());
    let warm = |threads| on_threads(threads, || leiden(&one, Some(&start), &config).unwrap());
    let found = warm(1);
    assert_eq!(found, warm(2));
    assert!(found.quality > quality(&one, &start, &config.objective));
    assert_eq!(found.quality, quality(&one, &found.partition, &config.objective));
}

#[test]
fn planted_communities_are_found_under_any_labels() {
    let graph = planted(500);
    let count = graph.vertex_count() as u32;
    // 7 and the count (25,000) have no common factor.
    let renamed = |vertex: u32| (u64::from(vertex) * 7 % u64::from(count)) as u32;
    let mut edges = Vec::new();
    for vertex in 0..count {
        let row = graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex));
        edges.extend(row.filter(|&(&t, _)| t > vertex).map(|(&t, &w)| (renamed(vertex), renamed(t), w)));
    }
    let other = WeightedGraph::from_edges(count as usize, &edges).unwrap();
    let (one, other) =
        (leiden(&graph, None, &LeidenConfig::default()).unwrap(), leiden(&other, None, &LeidenConfig::default()).unwrap());
    assert!((one.quality - other.quality).abs() < 0.01, "{} and {}", one.quality, other.quality);
    let block = |vertex: u32| if vertex < 20_000 { vertex / 40 } else { (vertex - 20_000) / 10 };
    let truth = Partition::from_labels((0..count).map(block).collect());
    // Modularity merges blocks this small (the resolution limit), so it is held to the truth's quality, not to the truth.
    assert!(one.quality >= quality(&graph, &truth, &QualityConfig::default()), "{}", one.quality);
    let warm = leiden(&graph, Some(&one.partition), &LeidenConfig::default()).unwrap();
    assert!(warm.quality >= one.quality - 1e-9, "a warm start doesn't lose quality");
}

#[test]
fn degenerate_graphs_have_answers() {
    let leiden = |graph: &WeightedGraph| leiden(graph, None, &LeidenConfig::default()).unwrap();
    assert_eq!(leiden(&graph(0, &[])).partition.group_count(), 0);
    assert_eq!(leiden(&graph(3, &[])).partition.group_count(), 3);
    let zero = leiden(&graph(3, &[(0, 1, 0.0), (1, 2, 0.0)]));
    assert_eq!((zero.partition.group_count(), zero.quality), (3, 0.0));
    let loops = leiden(&graph(3, &[(0, 0, 2.0), (1, 2, 1.0)]));
    assert_eq!(loops.partition.labels(), [1, 0, 0]);
    // k = 4, 1, 1; m = 3: 2/3 − (4/6)² + 1/3 − (2/6)²
    assert!((loops.quality - (1.0 - 20.0 / 36.0)).abs() < 1e-12);
    let apart = leiden(&graph(7, &[(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0), (3, 4, 1.0), (4, 5, 1.0), (3, 5, 1.0)]));
    assert_eq!(apart.partition.labels(), [0, 0, 0, 1, 1, 1, 2]);
    let star: Vec<_> = (1..=20_000).map(|leaf| (0, leaf, 1.0)).collect();
    let star = leiden(&graph(20_001, &star));
    assert_eq!((star.partition.group_count(), star.quality), (1, 0.0));
}

#[test]
fn a_part_with_the_whole_graph_s_total_is_found_as_in_the_whole() {
    let whole = ring_of_cliques(30);
    let config = of(Quality::Modularity, 1.0);
    // Two copies side by side: total weight twice that of one.
    let mut edges = Vec::new();
    for vertex in 0..150 {
        let row = whole.neighbors_of(vertex).iter().filter(|&&target| target > vertex);
        edges.extend(row.flat_map(|&target| [(vertex, target, 1.0), (vertex + 150, target + 150, 1.0)]));
    }
    let double = graph(300, &edges);
    let labels: Vec<u32> = (0..300).map(|vertex| vertex / 10).collect();
    let part = Partition::from_labels(labels[..150].to_vec());
    let total_weight = Some(f64::from(edges.len() as u32));
    let half = quality(&whole, &part, &QualityConfig { total_weight, ..config });
    assert!((quality(&double, &Partition::from_labels(labels), &config) - 2.0 * half).abs() < 1e-12);
}

#[test]
fn bad_requests_are_refused() {
    let negative = graph(2, &[(0, 1, -1.0)]);
    let found = leiden(&negative, None, &LeidenConfig::default());
    assert_eq!(found.unwrap_err(), CommunityError::Weight { at: 0, found: -1.0 });
    let good = graph(2, &[(0, 1, 1.0)]);
    let start = Partition::singletons(3);
    assert!(matches!(leiden(&good, Some(&start), &LeidenConfig::default()), Err(CommunityError::Start { .. })));
    let config = LeidenConfig { objective: of(Quality::Barber, 1.0), ..Default::default() };
    assert!(matches!(leiden(&good, None, &config), Err(CommunityError::Sides { .. })));
    let config = LeidenConfig { objective: of(Quality::Modularity, -1.0), ..Default::default() };
    assert!(matches!(leiden(&good, None, &config), Err(CommunityError::Setting { .. })));
}

#[test]
fn the_audit_sees_a_disconnected_community() {
    let path = graph(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0)]);
    let found = audit(&path, &Partition::from_labels(vec![0, 1, 0, 1]), &QualityConfig::default()).unwrap();
    assert_eq!((found.disconnected, found.badly_connected, found.sizes_sum_ok), (2, 2, true));
    let found = audit(&path, &Partition::from_labels(vec![0, 0, 1, 1]), &QualityConfig::default()).unwrap();
    assert_eq!((found.disconnected, found.badly_connected), (0, 0));
}

#[test]
fn the_best_partition_has_every_leaf_with_its_neighbour() {
    // All 203 partitions of six vertices: edges 0-1, 1-2, 2-0 with leaves 3 on 0, 4 on 1 and 5 on 1.
    let graph = graph(6, &[(0, 1, 1.0), (1, 2, 2.0), (0, 2, 1.0), (0, 3, 1.0), (1, 4, 0.5), (1, 5, 3.0)]);
    let mut all = vec![vec![0u32]];
    for _ in 1..6 {
        let grow =
            |labels: Vec<u32>| (0..=labels.iter().max().unwrap() + 1).map(move |label| [labels.as_slice(), &[label]].concat());
        all = all.into_iter().flat_map(grow).collect();
    }
    assert_eq!(all.len(), 203);
    for resolution in [0.3, 1.0] {
        let config = of(Quality::Modularity, resolution);
        let best = |kept: &dyn Fn(&Vec<u32>) -> bool| {
            let kept = all.iter().filter(|labels| kept(labels));
            kept.map(|labels| quality(&graph, &Partition::from_labels(labels.clone()), &config))
                .fold(f64::NEG_INFINITY, f64::max)
        };
        let folded = best(&|labels| labels[3] == labels[0] && labels[4] == labels[1] && labels[5] == labels[1]);
        assert!((best(&|_| true) - folded).abs() < 1e-12);
        let found =
            leiden(&graph, None, &LeidenConfig { objective: config, effort: Effort::Converge, ..Default::default() }).unwrap();
        assert!((found.quality - folded).abs() < 1e-12);
    }
}

#[test]
fn beyond_resolution_one_leaves_are_searched_like_the_rest() {
    // A star of 4: at γ = 4 the hub is better off alone with no leaf: w − γ·k·K/2m = 1 − 4·4/8 < 0.
    let star = graph(5, &[(0, 1, 1.0), (0, 2, 1.0), (0, 3, 1.0), (0, 4, 1.0)]);
    let found = leiden(&star, None, &LeidenConfig { objective: of(Quality::Modularity, 4.0), ..Default::default() }).unwrap();
    assert_eq!(found.partition.group_count(), 5);
    let found = leiden(&star, None, &LeidenConfig { objective: of(Quality::Modularity, 1.0), ..Default::default() }).unwrap();
    assert_eq!(found.partition.group_count(), 1);
}

/// Sums over all pairs of vertices, straight from the definitions.
fn naive_quality(vertex_count: usize, edges: &[(u32, u32, f32)], left: usize, labels: &[u32], config: &QualityConfig) -> f64 {
    let mut matrix = vec![vec![0.0f64; vertex_count]; vertex_count];
    for &(a, b, weight) in edges {
        matrix[a as usize][b as usize] += f64::from(weight);
        matrix[b as usize][a as usize] += f64::from(weight);
    }
    let strength: Vec<f64> = matrix.iter().map(|row| row.iter().sum()).collect();
    let twice: f64 = strength.iter().sum();
    let mut sum = 0.0;
    for a in 0..vertex_count {
        for b in (0..vertex_count).filter(|&b| labels[a] == labels[b]) {
            let across = (a < left) != (b < left);
            let size = |vertex: usize| f64::from(u8::from(config.quality == Quality::Cpm || vertex < left));
            sum += match config.quality {
                Quality::Modularity => matrix[a][b] - config.resolution * strength[a] * strength[b] / twice,
                Quality::Barber if across => matrix[a][b] - config.resolution * strength[a] * strength[b] / (twice / 2.0),
                Quality::Barber => matrix[a][b],
                _ if a == b => matrix[a][b],
                _ => matrix[a][b] - config.resolution * size(a) * size(b),
            };
        }
    }
    match config.quality {
        Quality::Modularity | Quality::Barber if twice > 0.0 => sum / twice,
        Quality::Modularity | Quality::Barber => 0.0,
        _ => sum / 2.0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn qualities_equal_the_naive_sums_and_leiden_keeps_its_promises(
        edges in prop::collection::vec((0u32..12, 0u32..12, 0u8..5), 0..40),
        labels in prop::collection::vec(0u32..4, 12),
        resolution in 0.1f64..3.0,
        seed in 0u64..1000,
    ) {
        let edges: Vec<(u32, u32, f32)> = edges.into_iter().map(|(a, b, w)| (a, b, f32::from(w))).collect();
        let graph = sided(&graph(12, &edges), 6);
        for function in [Quality::Modularity, Quality::Cpm, Quality::CpmLeft, Quality::Barber] {
            let objective = of(function, resolution);
            let start = Partition::from_labels(labels.clone());
            let naive = naive_quality(12, &edges, 6, &labels, &objective);
            prop_assert!((quality(&graph, &start, &objective) - naive).abs() < 1e-9);
            for effort in [Effort::Fast, Effort::Converge] {
                let config = LeidenConfig { objective, effort, seed, ..Default::default() };
                let found = leiden(&graph, Some(&start), &config).unwrap();
                prop_assert_eq!(&leiden_partition(&graph, Some(&start), &config).unwrap(), &found.partition);
                prop_assert!(found.quality >= naive - 1e-9, "from {naive} down to {}", found.quality);
                prop_assert_eq!(found.audit.disconnected, 0);
                prop_assert!(found.audit.sizes_sum_ok);
                let again = naive_quality(12, &edges, 6, found.partition.labels(), &objective);
                prop_assert!((found.quality - again).abs() < 1e-9);
                let found = louvain(&graph, None, &LouvainConfig { objective, effort, seed }).unwrap();
                let alone = naive_quality(12, &edges, 6, &(0..12).collect::<Vec<u32>>(), &objective);
                prop_assert!(found.quality >= alone - 1e-9);
            }
        }
    }
}
