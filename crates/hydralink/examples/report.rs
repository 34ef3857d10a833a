//! Writes a report of a made-up world: `cargo run --release --example report -- report.html [nodes] [edges]`.
//!
//! The world is arithmetic, not a detection: its only use is to look at the page and to time it.

use std::fs::File;
use std::io::{BufWriter, Write};

use hydralink::report::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const NETWORKS: usize = 40;
const ROLES: [&str; 3] = ["operator_owned", "possibly_taken_over", "compromised_legitimate"];
const KINDS: [&str; 5] = ["account", "ip", "payment", "template", "device"];

/// Seeded numbers.
struct Draw(ChaCha8Rng);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "report.html".to_owned());
    let mut number = |default: usize| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (nodes, edges) = (number(20_000), number(100_000));
    let mut out = BufWriter::new(File::create(path)?);
    write_report(&world(nodes, edges), &mut out)?;
    out.flush()
}

/// The role of a network's account at a place: of twenty one is a victim's, and one may be.
fn role_at(index: usize) -> &'static str {
    match index % 20 {
        7 => ROLES[1],
        13 => ROLES[2],
        _ => ROLES[0],
    }
}

fn named(name: &str, count: u64) -> NamedCount {
    NamedCount { name: name.to_owned(), count }
}

/// A world of `nodes` nodes in [`NETWORKS`] networks whose sizes fall off as a power of their rank.
fn world(nodes: usize, edges: usize) -> ReportData {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(7));
    let mut graph = ReportGraph {
        kinds: KINDS.iter().map(|&name| NodeKind { name: name.to_owned(), is_account: name == "account" }).collect(),
        roles: ROLES.map(str::to_owned).into(),
        ..ReportGraph::default()
    };
    let weights: Vec<f64> = (0..NETWORKS).map(|rank| 1.0 / (rank as f64 + 1.5).powf(0.9)).collect();
    let total: f64 = weights.iter().sum();
    let mut networks = Vec::new();
    let mut left = nodes;
    let (mut centre, mut row_height) = ((0.0f32, 0.0f32), 0.0f32);
    for rank in 0..NETWORKS {
        let size = if rank + 1 == NETWORKS { left } else { ((nodes as f64 * weights[rank] / total) as usize).clamp(8, left) };
        left -= size;
        let radius = (size as f32).sqrt() * 7.0;
        if centre.0 + 2.0 * radius > 2600.0 && centre.0 > 0.0 {
            centre = (0.0, centre.1 + row_height + 50.0);
            row_height = 0.0;
        }
        row_height = row_height.max(2.0 * radius);
        let middle = (centre.0 + radius, centre.1 + radius);
        centre.0 += 2.0 * radius + 50.0;
        add_nodes(&mut graph, &mut draw, rank, size, middle, radius);
        let edge_count = edges * size / nodes.max(1);
        add_edges(&mut graph, &mut draw, size, edge_count);
        networks.push(section(&mut draw, rank, size, &graph));
    }
    for (&source, &target) in graph.source.iter().zip(&graph.target) {
        graph.degree[source as usize] += 1;
        graph.degree[target as usize] += 1;
    }
    for node in 0..graph.label.len() {
        graph.size[node] = if graph.kind[node] == 0 { 1.6 } else { 1.8 + (graph.degree[node] as f32).sqrt() * 0.8 };
    }
    let inside: u64 = networks.iter().map(|network| network.account_count).sum();
    ReportData {
        run: RunHeader {
            run_id: "run-2026-03-01-7f3a".to_owned(),
            tool_version: "0.1.0".to_owned(),
            generated_at: "2026-03-01T06:00:00Z".to_owned(),
            inputs: vec![
                InputFile {
                    name: "events-2026-01.parquet".to_owned(),
                    hash: format!("blake3:{:064x}", 0x1d2c),
                    rows: 18_203_551,
                },
                InputFile {
                    name: "events-2026-02.parquet".to_owned(),
                    hash: format!("blake3:{:064x}", 0x9e1f),
                    rows: 21_730_117,
                },
            ],
            rules: [
                ("resolution", "0.8"),
                ("q threshold", "0.01"),
                ("smallest network", "8 accounts"),
                ("hub cut, ip", "400 accounts"),
                ("seed", "7"),
            ]
            .map(|(name, value)| Rule { name: name.to_owned(), value: value.to_owned() })
            .into(),
            rows_read: 39_933_668,
            unread: Vec::new(),
            rejected: vec![
                Rejected { reason: "time is not a date".to_owned(), rows: 1_204 },
                Rejected { reason: "no account".to_owned(), rows: 311 },
            ],
            first_event: "2026-01-01T00:00:04Z".to_owned(),
            last_event: "2026-02-28T23:59:51Z".to_owned(),
        },
        key_numbers: KeyNumbers {
            accounts: 412_803,
            identifiers: 903_114,
            sightings: 2_940_551,
            events: 39_933_668,
            networks: NETWORKS as u64,
            networks_rejected: 0,
            accounts_in_networks: inside,
            accounts_banned: inside / 9,
        },
        hubs: (0..60)
            .map(|index| HubCut {
                label: format!("100.64.{index}.0/24"),
                kind: "ip".to_owned(),
                class: if index % 3 == 0 { "campus" } else { "carrier NAT" }.to_owned(),
                accounts: 9_000 - 131 * index,
                reason: "more accounts than the kind's limit of 400, from unrelated payment instruments".to_owned(),
            })
            .collect(),
        capped: vec![CappedSection { section: "Hubs cut".to_owned(), shown: 60, total: 12_304 }],
        limits: vec![
            "Prompts are seen as templates only: an operator who rewrites every prompt is not linked by text.".to_owned(),
        ],
        component_sizes: (0..40)
            .map(|step| SizeCount { size: 1 + step * step * 12, count: 1 + 90_000 / (1 + step * step * 60) })
            .collect(),
        degree_histograms: KINDS[1..]
            .iter()
            .enumerate()
            .map(|(kind, name)| DegreeHistogram {
                kind: (*name).to_owned(),
                hub_cut: (kind < 2).then_some(400 >> (kind * 3)),
                bins: (1..60u64)
                    .map(|step| SizeCount { size: step * step, count: 1 + 300_000 / (step.pow(4) + kind as u64) })
                    .collect(),
            })
            .collect(),
        networks,
        graph,
    }
}

fn add_nodes(graph: &mut ReportGraph, draw: &mut Draw, rank: usize, size: usize, middle: (f32, f32), radius: f32) {
    for index in 0..size {
        let kind = if index < size / 12 { 1 + index % (KINDS.len() - 1) } else { 0 };
        let (turn, reach) = (draw.unit() * std::f32::consts::TAU, radius * (draw.unit() * 0.5 + draw.unit() * 0.5).powf(0.75));
        graph.label.push(match (rank, index, kind) {
            (0, 0, _) => "</script><script>window.hacked=1</script>".to_owned(),
            (0, 1, _) => "\"><img src=x onerror=window.hacked=1>".to_owned(),
            (0, 2, _) => "evil\u{202e}gnp.exe\u{2028}'line\u{7}".to_owned(),
            (_, _, 0) => format!("acct_{:08x}", draw.next() as u32),
            (_, _, 1) => format!("203.0.{}.{}", draw.below(256), draw.below(256)),
            (_, _, 2) => format!("card_{:010x}", draw.next() & 0xff_ffff_ffff),
            (_, _, 3) => format!("tpl_{:06x}", draw.next() & 0xff_ffff),
            _ => format!("dev_{:08x}", draw.next() as u32),
        });
        graph.x.push(middle.0 + reach * turn.cos());
        graph.y.push(middle.1 + reach * turn.sin());
        graph.size.push(1.0);
        graph.score.push(draw.unit() * 40.0);
        graph.kind.push(kind as u8);
        graph.network.push(rank as u32);
        graph.membership.push(u8::from(graph.kind.last() == Some(&0)));
        graph.role.push(if kind == 0 {
            1 + ROLES.iter().position(|&role| role == role_at(index)).unwrap_or(0) as u8
        } else {
            0
        });
        graph.known_good.push(u8::from(kind == 0 && index % 50 == 0));
        graph.degree.push(0);
    }
}

/// Joins accounts of the newest network to its identifiers; low ranks of identifier are used most.
fn add_edges(graph: &mut ReportGraph, draw: &mut Draw, size: usize, count: usize) {
    let first = graph.label.len() - size;
    let identifiers = (size / 12).max(1);
    for _ in 0..count {
        let identifier = (identifiers as f32 * draw.unit() * draw.unit()) as usize;
        graph.source.push((first + identifiers + draw.below((size - identifiers).max(1))) as u32);
        graph.target.push((first + identifier.min(identifiers - 1)) as u32);
        graph.weight.push(0.2 + 5.0 * draw.unit());
    }
}

fn section(draw: &mut Draw, rank: usize, size: usize, graph: &ReportGraph) -> NetworkSection {
    let first = graph.label.len() - size;
    let identifiers = size / 12;
    let accounts = (size - identifiers) as u64;
    let strength = [Strength::High, Strength::Medium, Strength::Low][(rank / 14).min(2)];
    NetworkSection {
        id: format!("NET-{:04}", 1 + rank),
        rank: 1 + rank as u32,
        score_bits: 900.0 / (1.0 + rank as f64 * 0.4),
        q_value: (rank % 7 != 6).then_some(1e-9 * 3f64.powi(rank as i32)),
        strength,
        why: format!(
            "{accounts} accounts share {} cards and {} addresses of one /24, and one prompt template",
            1 + identifiers / 4,
            1 + identifiers / 3
        ),
        benign_hypothesis: "A reseller that opens one account per customer would share cards, but not prompt templates."
            .to_owned(),
        account_count: accounts,
        exchanges: accounts * 812,
        roles: ROLES.map(|role| named(role, (identifiers..size).filter(|&at| role_at(at) == role).count() as u64)).into(),
        identifiers_by_kind: KINDS[1..].iter().map(|kind| named(kind, (identifiers / 4) as u64)).collect(),
        first_seen: "2026-01-04T10:00:00Z".to_owned(),
        last_seen: format!("2026-02-{:02}T22:10:00Z", 28 - rank % 20),
        growth_7d: accounts / (9 + rank as u64),
        share_banned: f64::from(draw.unit()) * 0.4,
        decided: (rank == 0)
            .then(|| "2 pairs of accounts that must be one by lists or rules have a member in it".to_owned())
            .into_iter()
            .collect(),
        signals: signals(rank),
        top_identifiers: (0..identifiers.min(60))
            .map(|index| IdentifierRow {
                label: graph.label[first + index].clone(),
                kind: KINDS[graph.kind[first + index] as usize].to_owned(),
                class: "operator hub".to_owned(),
                members: accounts / (2 + index as u64),
                total_accounts: accounts / (2 + index as u64) + index as u64,
                exclusivity: 1.0 / (1.0 + index as f64 * 0.02),
                first_seen: "2026-01-04".to_owned(),
                last_seen: "2026-02-27".to_owned(),
            })
            .collect(),
        accounts: (identifiers..size)
            .take(500)
            .map(|index| AccountRow {
                label: graph.label[first + index].clone(),
                membership: ["core", "core", "core", "fringe"][index % 4].to_owned(),
                role: role_at(index).to_owned(),
                known_good: index % 50 == 0,
                confidence: 0.5 + 0.5 * f64::from(draw.unit()),
                bits: f64::from(draw.unit()) * 40.0,
                exchanges: draw.below(4_000) as u64,
                created: format!("2026-01-{:02}", 1 + index % 28),
                banned: index % 9 == 0,
            })
            .collect(),
        activity: DailyCounts {
            first_day: "2026-01-04".to_owned(),
            counts: (0..55).map(|day| accounts * (20 + day) / 4 + draw.below(1 + 4 * accounts as usize) as u64).collect(),
        },
        registrations: DailyCounts {
            first_day: "2026-01-01".to_owned(),
            counts: (0..59).map(|day| if day % 11 < 3 { accounts / 20 } else { draw.below(4) as u64 }).collect(),
        },
        fragile: vec![FragileIdentifier {
            label: "card_00ffa1".to_owned(),
            kind: "payment".to_owned(),
            consequence: "without it, 212 accounts fall off in 3 pieces".to_owned(),
        }],
        findings: vec![
            "+11.8 bits: How its requests are dealt out: 97% of the rejected requests are followed within seconds by another of its \
             accounts with the same prompt; 15% would be had any other request nearby been rejected instead."
                .to_owned(),
        ],
        score_parts: [("by behaviour: the weakest of", "+11.8", ""), ("- timing, less the story", "+11.8", "a crowd that only uses the same thing")]
            .map(|(part, bits, out)| [part, bits, out].map(str::to_owned))
            .to_vec(),
        counter_evidence: vec!["11 accounts pay with cards of their own and keep office hours.".to_owned()],
        not_measured: vec!["launch_pivot: no releases of models are known.".to_owned()],
        would_change: vec!["Strength falls to Medium if the address block proves to be a carrier's.".to_owned()],
        pathways: vec![named("API", accounts * 700), named("cloud reseller", accounts * 112)],
        models: vec![named("large", accounts * 500), named("small", accounts * 312)],
        templates: vec![TemplateRow {
            skeleton: "You are a ⟨word⟩. Translate ⟨text⟩ into ⟨language⟩ and answer in JSON.".to_owned(),
            accounts: accounts / 2,
            exchanges: accounts * 90,
        }],
    }
}

/// A score card: one signal of two tests, and last one whose input is missing.
fn signals(rank: usize) -> Vec<Signal> {
    let measured = |name: &str, factor: f64| Signal {
        name: name.to_owned(),
        value: Some(12.0 * factor),
        expected: Some(1.3 * factor),
        bits: Some(factor * 200.0 / (1.0 + rank as f64)),
        p: Some(1e-6 * factor),
        beyond: false,
        tests: Vec::new(),
    };
    let queue = Signal { tests: vec![measured("hand off", 1.1), measured("succession", 0.4)], ..measured("one queue", 1.5) };
    let missing = Signal { name: "launch pivot".to_owned(), ..Signal::default() };
    let named = [
        ("template overlap", 4.2),
        ("shared identifiers", 3.4),
        ("exclusivity", 2.1),
        ("registration burst", 1.7),
        ("round-the-clock use", 0.9),
    ];
    named.map(|(name, factor)| measured(name, factor)).into_iter().chain([queue, missing]).collect()
}
