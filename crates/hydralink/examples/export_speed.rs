//! Writes a made-up graph in every format and prints size, time and rate: `export_speed FOLDER [ACCOUNTS] [EDGES_PER_ACCOUNT]`.
//!
//! Values are hostile on purpose: markup, quotes, control characters, lookalikes of escapes, digits only, and any code point of
//! Unicode.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use hydralink::Membership;
use hydralink::export::view::{About, GROUP_KINDS};
use hydralink::export::{ExportConfig, ExportEdge, ExportGraph, ExportNode, graphml, write_graph};

/// 2026-01-01T00:00:00Z.
const JANUARY: u32 = 1_767_225_600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder")?);
    let accounts: u32 = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let degree: u32 = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let graph = made_up(accounts, degree);
    println!("{} nodes, {} edges, {} MB before", graph.nodes.len(), graph.edges.len(), resident());
    let start = Instant::now();
    let mut counter = Counter(0);
    graphml::write(&graph, Default::default(), Default::default(), &mut counter)?;
    report("graphml to nowhere", counter.0, start);
    for name in
        ["g.graphml", "g.gexf", "g.csv", "g.parquet", "g.jsonl", "g.stix.json", "g.misp.json", "z.graphml.gz", "z.graphml.zst"]
    {
        let start = Instant::now();
        let summary = write_graph(&graph, &ExportConfig::default(), &folder.join(name))?;
        report(name, summary.files.iter().map(|file| file.bytes).sum(), start);
    }
    println!("most memory {} MB", peak(Path::new("/proc/self/status")));
    Ok(())
}

fn made_up(accounts: u32, degree: u32) -> ExportGraph<'static> {
    let mut kinds = GROUP_KINDS.map(str::to_owned).to_vec();
    kinds.extend(["ip", "payment_instrument", "prompt_template_hash"].map(str::to_owned));
    let roles = kinds.iter().map(|kind| evidence::KindRole::of_name(kind)).collect();
    let about = About {
        tool: "hydralink".into(),
        selection: "made up".into(),
        level: "as stored".into(),
        selection_id: "made up".into(),
        as_of: JANUARY,
        since: JANUARY,
        ..About::default()
    };
    let mut graph = ExportGraph {
        about,
        kinds,
        roles,
        policies: vec!["keep".into()],
        classes: vec!["shared".into()],
        ..ExportGraph::default()
    };
    let networks = 4.min(accounts);
    graph.networks = (0..networks).map(network).collect();
    let hostile = ["<b>&\"'", "_x20_ ", "\u{1}\u{fffe}", "日本語", "--> ]]>", "\r\n\t", "=1+1", "null"];
    for account in 0..accounts {
        let tail = match account {
            0..64 => hostile[account as usize % hostile.len()].to_owned(),
            64..2000 => any_text(account),
            _ => String::new(),
        };
        let mut node = ExportNode::new(0, format!("{account:08}{tail}"));
        node.network = Some((u64::from(account) * u64::from(networks) / u64::from(accounts)) as u32);
        node.membership = Some(Membership::ALL[if account % 24 == 23 { 2 } else { account as usize % 2 }]);
        (node.confidence, node.evidence_bits) = (Some(0.97), Some(account as f32 * 0.1));
        (node.accounts, node.degree, node.exchanges) = (1, u64::from(degree), u64::from(account) * 17);
        (node.first_seen, node.last_seen, node.created_at) = (JANUARY, JANUARY + account, JANUARY - account);
        (node.community, node.component) = (Some(account % 7), Some(0));
        node.position = Some([(account as f32).sin() * 4000.0, (account as f32 * 1.7).cos() * 4000.0]);
        graph.nodes.push(node);
    }
    let identifiers = accounts.div_ceil(4);
    for identifier in 0..identifiers {
        let value = match identifier % 3 {
            0 => format!("10.{}.{}.{}", identifier >> 16 & 255, identifier >> 8 & 255, identifier & 255),
            1 => format!("card'{identifier}\\"),
            _ => format!("{identifier:016x}"),
        };
        let mut node = ExportNode::new(3 + (identifier % 3) as u16, value);
        (node.class, node.policy, node.degree) = (Some(0), Some(0), u64::from(4 * degree));
        (node.first_seen, node.last_seen) = (JANUARY, JANUARY + identifier);
        node.position = Some([identifier as f32 / 100.0, -(identifier as f32).sqrt()]);
        graph.nodes.push(node);
    }
    for source in 0..accounts {
        for at in 0..degree.min(identifiers) {
            let target = accounts + (source / 4 + at) % identifiers;
            let (weight, last_seen) = (0.3 + (source % 100) as f32 / 7.0, JANUARY + source);
            graph.edges.push(ExportEdge { source, target, weight, count: u64::from(at) + 1, first_seen: JANUARY, last_seen });
        }
    }
    graph.edges.sort_by_key(|edge| (edge.source, edge.target));
    graph.count_degrees();
    graph
}

/// Four code points, a third of them below U+0100.
fn any_text(seed: u32) -> String {
    let mut state = u64::from(seed);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bound = if state >> 33 & 3 == 0 { 0x100 } else { 0x11_0000 };
        char::from_u32((state >> 35) as u32 % bound).unwrap_or('\u{fffd}')
    };
    [next(), next(), next(), next()].into_iter().collect()
}

fn network(rank: u32) -> hydralink::Network {
    serde_json::from_value(serde_json::json!({
        "id": format!("PN-{rank:08x}"), "rank": rank + 1, "accounts": 25, "core": 9, "fringe": 8, "ambiguous": 8,
        "identifiers_by_kind": {"ip": 3}, "events": 1000, "first_seen": "2026-01-01T00:00:00Z", "last_seen": "2026-01-02T00:00:00Z",
        "score": 40.5, "q_value": 0.02, "flagged": true, "benign_hypothesis": "campus", "benign_bits": 2.5, "why": "25 accounts share 3 cards",
        "signals": {"synchrony": {"value": 0.5, "expected": 0.1, "bits": 4.0}}, "suppressed_sightings": 0, "fragility": 0.1,
        "tied_by": [{"identifier": "ip:10.0.0.0", "class": "shared", "members": 4, "accounts": 4, "exclusivity": 1.0, "members_lost_without": 0}],
    }))
    .expect("a network has these fields")
}

/// Counts bytes.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn report(what: &str, bytes: u64, start: Instant) {
    let (megabytes, seconds) = (bytes as f64 / 1e6, start.elapsed().as_secs_f64());
    println!(
        "{what:20} {megabytes:8.1} MB {seconds:7.2} s {:7.0} MB/s, most memory {} MB",
        megabytes / seconds,
        peak(Path::new("/proc/self/status"))
    );
}

fn resident() -> u64 {
    status(Path::new("/proc/self/status"), "VmRSS:")
}

fn peak(path: &Path) -> u64 {
    status(path, "VmHWM:")
}

fn status(path: &Path, field: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
