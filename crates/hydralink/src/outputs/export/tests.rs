//! What is chosen from a store: six accounts, two candidate networks, three identifiers of which one is a hub.
//!
//! ```text
//! network 0 (flagged)  a0 a1 core, a2 ambiguous      10.0.0.1  a0 a1 a4      2 bits
//! network 1            a3 core                       10.0.0.9  a0 a1 a2 a3 a5  suppressed
//! none                 a4 a5                         4242      a0 a1 a2      8 bits
//! ```

use std::path::Path;

use tempfile::TempDir;

use super::view::{COMMUNITY, NETWORK};
use super::*;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::observe::Unobserved;
use crate::results::{Labelling, Membership};
use crate::store::{Element, StoreWriter};

const NONE: u32 = u32::MAX;

/// The store on disk, opened. The folder lives as long as the first of the pair.
fn world() -> (TempDir, Dataset) {
    world_with(cards())
}

/// The cards of the networks as they are kept: the second is below the threshold.
fn cards() -> [String; 2] {
    let first = crate::results::Network { accounts: 2, ..testing::network("PN-00000001", 1) };
    let second = crate::results::Network { accounts: 1, flagged: false, ..testing::network("PN-00000002", 2) };
    [first, second].map(|card| serde_json::json!(card).to_string())
}

/// [`world`] with any text for the cards of its networks.
fn world_with([first, second]: [String; 2]) -> (TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut writer = StoreWriter::create(&path).unwrap();
    writer.tables().kinds = vec!["ip".to_owned(), "payment_instrument".to_owned()];
    writer.tables().countries = vec!["NL".to_owned()];
    fn put<T: Element>(writer: &mut StoreWriter, name: &str, values: &[T]) {
        writer.put(name, values).unwrap();
    }
    let w = &mut writer;
    put(w, "graph.kind_starts", &[0u32, 2, 3]);
    put(w, "graph.account_offsets", &[0u64, 3, 6, 8, 9, 10, 11]);
    put(w, "graph.identifiers", &[0u32, 1, 2, 0, 1, 2, 1, 2, 1, 0, 1]);
    put(w, "graph.counts", &[5u32; 11]);
    put(w, "graph.first_seen", &[1000u32, 900, 1000, 1100, 900, 1100, 900, 1200, 900, 1300, 900]);
    put(w, "graph.last_seen", &[2000u32; 11]);
    put(w, "graph.identifier_offsets", &[0u64, 3, 8, 11]);
    put(w, "graph.accounts", &[0u32, 1, 4, 0, 1, 2, 3, 5, 0, 1, 2]);
    put(w, "graph.identifier_sightings", &[0u32, 3, 9, 1, 4, 6, 8, 10, 2, 5, 7]);
    put(w, "activity.offsets", &[0u64, 2, 2, 2, 2, 2, 2]);
    put(w, "activity.time", &[800_500i64, 3_000_000]);
    for column in ["activity.model", "activity.capability", "activity.status"] {
        put::<u16>(w, column, &[]);
    }
    put::<u32>(w, "activity.template", &[]);
    put(w, "activity.requests", &[7u32, 9]);
    put(w, "accounts.created_at", &[500u32; 6]);
    put::<u32>(w, "accounts.banned_at", &[]);
    put(w, "accounts.country", &[0u16, 0, 0, 0, 0, u16::MAX]);
    put::<u16>(w, "accounts.tier", &[]);
    put::<u16>(w, "accounts.pathway", &[]);
    put::<u32>(w, "accounts.org", &[]);
    put(w, "accounts.name_offsets", &[0u64, 2, 4, 6, 8, 10, 12]);
    put(w, "accounts.name_bytes", b"a0a1a2a3a4a5");
    put(w, "identifiers.name_offsets", &[0u64, 8, 16, 20]);
    put(w, "identifiers.name_bytes", b"10.0.0.110.0.0.94242");
    let summary = serde_json::json!({
        "run": {
            "tool": "0.1.0", "seed": 1, "threshold": 10.0, "config": "", "components": 1, "largest_component": 6,
            "communities": 4, "quality": 0.5, "suppressed_sightings": 5,
        },
        "heads": [
            {"id": "PN-00000001", "accounts": 2, "score": 12.0, "flagged": true},
            {"id": "PN-00000002", "accounts": 1, "score": 8.0, "flagged": false},
        ],
        "class_names": ["shared", "carrier_nat"],
        "policy_names": ["keep", "drop"],
    });
    put(w, "result.summary", summary.to_string().as_bytes());
    put(w, "result.networks", [first.as_bytes(), second.as_bytes()].concat().as_slice());
    put(w, "result.network_offsets", &[0, first.len() as u64, (first.len() + second.len()) as u64]);
    put(w, "result.components", &[0u32; 9]);
    put(w, "result.communities", &[0u32, 0, 0, 3, 1, 2, 0, 0, 0]);
    put(w, "result.network_of", &[0, 0, 0, 1, NONE, NONE]);
    put(w, "result.membership", &[0u8, 0, 2, 0, 0, 0]);
    put(w, "result.confidence", &[0.75f32; 6]);
    put(w, "result.evidence_bits", &[10.0f32, 10.0, 2.0, 4.0, 0.0, 0.0]);
    put(w, "result.classes", &[0u8, 1, 0]);
    put(w, "result.policies", &[0u8, 1, 0]);
    put(w, "result.weights", &[2.0f32, 0.0, 8.0, 2.0, 0.0, 8.0, 0.0, 8.0, 0.0, 2.0, 0.0]);
    put(w, "result.network_of_identifier", &[0, NONE, 0]);
    writer.commit().unwrap();
    let dataset = Dataset::open(&path).unwrap();
    (folder, dataset)
}

fn config(networks: Networks, max_nodes: usize) -> ExportConfig {
    ExportConfig { selection: Selection { networks, max_nodes, ..Selection::default() }, ..ExportConfig::default() }
}

fn names(graph: &ExportGraph<'_>) -> Vec<String> {
    graph.nodes.iter().map(|node| node.value.to_string()).collect()
}

fn edges(graph: &ExportGraph<'_>) -> Vec<(u32, u32, f32)> {
    graph.edges.iter().map(|edge| (edge.source, edge.target, edge.weight)).collect()
}

#[test]
fn labels_of_nodes_are_read_without_the_networks_cards() {
    let [first, _] = cards();
    let (_folder, dataset) = world_with([first, "[no card".to_owned()]);
    let labelling = dataset.labelling().unwrap();
    let (head, membership) = labelling.membership_of(graph::AccountId(2)).unwrap();
    assert_eq!((head.id.as_str(), membership), ("PN-00000001", Membership::Ambiguous));
    // One network is read without the others' cards.
    assert_eq!(labelling.network(&dataset, 0).unwrap().id, "PN-00000001");
    assert!(labelling.network(&dataset, 1).unwrap_err().to_string().contains("result.networks"));
    assert!(dataset.results().unwrap_err().to_string().contains("result.networks"));
}

#[test]
fn flagged_networks_are_drawn_with_what_ties_them() {
    let (_folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let graph = ExportGraph::from_dataset(&dataset, &results, &config(Networks::Flagged, 100)).unwrap();
    assert_eq!(names(&graph), ["a0", "a1", "a2", "10.0.0.1", "4242"]);
    assert_eq!(edges(&graph), [(0, 3, 2.0), (0, 4, 8.0), (1, 3, 2.0), (1, 4, 8.0), (2, 4, 8.0)]);
    assert_eq!(graph.left_out, LeftOut { hubs: 1, hub_sightings: 3, ..LeftOut::default() });
    assert_eq!((graph.hubs[0].value.as_ref(), graph.hubs[0].accounts, graph.hubs[0].degree), ("10.0.0.9", 3, 5));
    let first = &graph.nodes[0];
    // Exchanges and times are those of `show`: of the activity, and where there is none of the identifier with most of them,
    // for one event may show several identifiers of a kind.
    assert_eq!((first.exchanges, first.first_seen, first.last_seen), (16, 800, 3000));
    assert_eq!((graph.nodes[1].exchanges, graph.nodes[1].first_seen), (5, 900));
    for (node, card) in graph.nodes.iter().map(|node| {
        let label = format!("{}:{}", graph.kind_name(node), node.value);
        (node, crate::query::show(&dataset, None, dataset.node(&label).unwrap()).unwrap())
    }) {
        let (first, last) = (crate::time::rfc3339(node.first_seen), crate::time::rfc3339(node.last_seen));
        assert_eq!((node.exchanges, first, last), (card.exchanges, card.first_seen, card.last_seen), "{}", card.node);
    }
    assert_eq!((first.degree, first.degree_shown, first.hub_sightings), (3, 2, 1));
    assert_eq!(graph.country_name(first), Some("NL"));
    assert_eq!(graph.nodes[2].membership, Some(Membership::Ambiguous));
    let address = &graph.nodes[3];
    // Of the whole data, as the degree: a4, which isn't drawn, had it as well.
    assert_eq!((address.accounts, address.degree, address.exchanges, address.first_seen), (2, 3, 15, 1000));
    assert_eq!(graph.about.as_of, 2000);
    // Who only touches a network is none of its accounts, as in every table.
    assert_eq!(graph.about.selection, "flagged networks: 1 network, 2 accounts and 1 more that touches them");
    let of = |networks: Networks, touching| networks.words(2, 3_000, touching);
    assert_eq!(
        of(Networks::Candidates, 1_200),
        "candidate networks: 2 networks, 3,000 accounts and 1,200 more that touch them"
    );
    assert_eq!(of(Networks::Whole, 7), "the whole graph: 2 networks, 3,000 accounts");
}

#[test]
fn what_joins_nothing_is_counted_and_not_drawn() {
    let (_folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let graph = ExportGraph::from_dataset(&dataset, &results, &config(Networks::Chosen(vec![1]), 100)).unwrap();
    assert_eq!(names(&graph), ["a3"]);
    // The hub is seen with one chosen account only: it would join nothing anyway.
    assert_eq!(graph.left_out, LeftOut { single_identifiers: 1, hub_sightings: 1, ..LeftOut::default() });
    let missing = ExportGraph::from_dataset(&dataset, &results, &config(Networks::Chosen(vec![2]), 100));
    assert!(matches!(missing, Err(Error::Usage(_))));
}

#[test]
fn one_network_is_thinned_and_not_a_dot() {
    let (_folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let one = |limit| ExportGraph::from_dataset(&dataset, &results, &config(Networks::Chosen(vec![0]), limit)).unwrap();
    let (whole, thinned) = (one(5), one(4));
    assert_eq!((whole.nodes.len(), whole.left_out.identifiers), (5, 0));
    assert_eq!((thinned.nodes.len(), thinned.left_out.identifiers, thinned.about.collapsed), (4, 1, false));
    // The card of all three is kept, the address of two is counted.
    assert_eq!(thinned.edges.len(), 3);
    assert_eq!(thinned.left_out.sightings - whole.left_out.sightings, (whole.edges.len() - thinned.edges.len()) as u64);
    assert!(one(3).about.collapsed, "there is no room for any identifier");
}

#[test]
fn too_many_nodes_become_groups_and_nothing_is_lost_silently() {
    let (_folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let whole = ExportGraph::from_dataset(&dataset, &results, &config(Networks::Whole, 8)).unwrap();
    assert_eq!((whole.nodes.len(), whole.edges.len(), whole.about.collapsed), (8, 6, false));
    let graph = ExportGraph::from_dataset(&dataset, &results, &config(Networks::Whole, 6)).unwrap();
    assert!(graph.about.collapsed);
    assert_eq!(names(&graph), ["PN-00000001", "PN-00000002", "community-1", "10.0.0.1"]);
    assert_eq!([graph.nodes[0].kind, graph.nodes[1].kind, graph.nodes[2].kind], [NETWORK, NETWORK, COMMUNITY]);
    assert_eq!(edges(&graph), [(0, 3, 4.0), (2, 3, 2.0)]);
    assert_eq!((graph.edges[0].count, graph.edges[0].first_seen), (10, 1000));
    let left = graph.left_out;
    assert_eq!((left.groups, left.accounts, left.accounts_collapsed), (1, 1, 5));
    assert_eq!(left.accounts + left.accounts_collapsed, 6);
    assert_eq!((left.single_identifiers, left.identifiers, left.hubs), (1, 0, 1));
    // Every sighting is drawn, with a hub, or left out.
    assert_eq!(left.sightings + left.hub_sightings + 3, 11);
    // Thinned, all accounts stay while there is room for a quarter as many identifiers, and what is left out is counted.
    let thin = |limit| {
        let mut config = config(Networks::Whole, limit);
        config.selection.crowd = Crowd::Thin;
        ExportGraph::from_dataset(&dataset, &results, &config).unwrap()
    };
    let thinned = thin(7);
    assert_eq!((thinned.nodes.len(), thinned.about.collapsed, thinned.left_out.identifiers), (7, false, 1));
    assert_eq!(thinned.edges.len() as u64 + thinned.left_out.sightings, 6);
    assert!(thin(6).about.collapsed);
    for limit in 0..6 {
        let small = ExportGraph::from_dataset(&dataset, &results, &config(Networks::Whole, limit)).unwrap();
        assert!(small.nodes.len() <= limit.max(1));
        assert_eq!(small.left_out.accounts + small.left_out.accounts_collapsed, 6);
    }
}

#[test]
fn redacted_files_hold_no_stored_value() {
    let (folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let mut config = config(Networks::Whole, 100);
    config.selection.level = Level::Redact;
    let to = |name: &str| folder.path().join(name);
    assert!(matches!(export(&dataset, &results, &config, lay, &to("a.csv"), &Unobserved), Err(Error::Usage(_))));
    config.key = Some(crate::privacy::ExportKey([3; 32]));
    for name in ["a.graphml", "a.gexf", "a.csv", "a.jsonl", "a.stix.json", "a.misp.json"] {
        for file in export(&dataset, &results, &config, lay, &to(name), &Unobserved).unwrap().files {
            let text = std::fs::read_to_string(&file.path).unwrap();
            for secret in ["10.0.0.1", "10.0.0.9", ">a0<", "\"a0\"", ":a0", "\na0,", "4242", "card &", "card \\\"", ">NL<"] {
                assert!(!text.contains(secret), "{secret} in {}", file.path.display());
            }
        }
    }
}

/// A layout that puts everything on one spot.
fn lay(graph: &::graph::WeightedGraph) -> Result<Vec<[f32; 2]>, Error> {
    Ok(vec![[0.0; 2]; graph.vertex_count()])
}

#[test]
fn tables_hold_the_whole_selection_whatever_the_limit() {
    let (folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let never = |_: &::graph::WeightedGraph| -> Result<Vec<[f32; 2]>, Error> { panic!("a table needs no layout") };
    let written = |path: &Path, results: &Labelling| {
        export(&dataset, results, &config(Networks::Whole, 1), never, path, &Unobserved).unwrap()
    };
    let summary = written(&folder.path().join("a.csv"), &results);
    assert_eq!((summary.nodes, summary.edges, summary.collapsed, summary.files.len()), (8, 6, false, 4));
    let rows = std::fs::read_to_string(folder.path().join("a.csv")).unwrap();
    assert!(rows.lines().skip(1).all(|row| row.ends_with(",,")), "no layout gives no places, not the origin: {rows}");
}

#[test]
fn a_picture_can_be_left_to_its_reader() {
    let (folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let never = |_: &::graph::WeightedGraph| -> Result<Vec<[f32; 2]>, Error> { panic!("nobody asked for a layout") };
    let config = ExportConfig { places: Places::Nowhere, ..config(Networks::Whole, 100) };
    for (name, place) in [("a.graphml", "<data key=\"x\""), ("a.gexf", "<viz:position")] {
        let path = folder.path().join(name);
        assert_eq!(export(&dataset, &results, &config, never, &path, &Unobserved).unwrap().nodes, 8);
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(!written.contains(place) && written.contains("size"), "{written}");
        let laid_out = ExportConfig { places: Places::LaidOut, ..config.clone() };
        export(&dataset, &results, &laid_out, lay, &path, &Unobserved).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().matches(place).count(), 8);
    }
}

#[test]
fn nothing_is_written_among_the_files_of_a_store() {
    let (folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let store = folder.path().join("store");
    let files = || std::fs::read_dir(&store).unwrap().count();
    let before = files();
    for name in ["store", "store/tables/", "store/a.graphml", "store/a.csv"] {
        let found = crate::export_drawn(&dataset, &results, &ExportConfig::default(), &folder.path().join(name), &Unobserved);
        assert!(matches!(&found, Err(Error::Usage(told)) if told.contains("files of the store")), "{name}: {found:?}");
    }
    assert_eq!(files(), before);
    // Others have manifests too.
    std::fs::create_dir(folder.path().join("other")).unwrap();
    std::fs::write(folder.path().join("other/MANIFEST"), "setup.py").unwrap();
    crate::export_drawn(&dataset, &results, &ExportConfig::default(), &folder.path().join("other/a.graphml"), &Unobserved)
        .unwrap();
}

#[test]
fn a_rejected_network_is_drawn_only_when_named_and_is_no_indicator() {
    use crate::cases::{self, Action, Decision};
    let (_folder, dataset) = world();
    let results = dataset.labelling().unwrap();
    let drawn = |networks: Networks| ExportGraph::from_dataset(&dataset, &results, &config(networks, 100)).unwrap();
    assert_eq!(drawn(Networks::Flagged).beliefs[0].verdict, None);
    let (target, reason) = ("PN-00000001", Some("class"));
    let reject = Decision { action: Action::Reject, state: None, target, reviewer: "ann", reason, text: None };
    cases::decide(&dataset, &reject).unwrap();
    let flagged = drawn(Networks::Flagged);
    assert_eq!((flagged.networks.len(), flagged.nodes.len(), flagged.left_out.rejected_networks), (0, 0, 1));
    assert_eq!(drawn(Networks::Candidates).networks.len(), 1);
    let whole = drawn(Networks::Whole);
    assert!(whole.nodes.iter().all(|node| node.value != "a0" || node.network.is_none()));
    let named = drawn(Networks::Chosen(vec![0]));
    assert_eq!((named.networks.len(), named.beliefs[0].chance), (1, 0.0));
    let mut actions = Vec::new();
    actions::write(&named, &Sharing::default(), &mut actions).unwrap();
    let actions = String::from_utf8(actions).unwrap();
    assert!(actions.lines().all(|line| line.contains("\"monitor\"") || line.contains("\"review\"")), "{actions}");
}
