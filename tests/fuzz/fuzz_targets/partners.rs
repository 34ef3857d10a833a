//! Files that other people send: indicators of a sharing group (of somebody who has its key), dossiers, lists of actions, labels,
//! side tables and tables of networks. The first byte says which.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use hydralink::evaluate::Unlabelled;
use hydralink::privacy::Key;
use hydralink::*;
use hydralink_fuzz::{file, settings};
use libfuzzer_sys::fuzz_target;

struct Base {
    _folder: tempfile::TempDir,
    store: PathBuf,
    key: Key,
    mac: [u8; 32],
    header: String,
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let (world, store) = (folder.path().join("world"), folder.path().join("store"));
    synth::write_world(&world, &synth::WorldConfig::new(synth::Tier::Xs, 2), synth::Format::Csv, &mut |_| {}).expect("a world");
    build(&[world.join("events.csv")], &store, &IngestConfig::default(), &Unobserved).expect("a store");
    detect(&store, &DetectConfig::default(), &Unobserved).expect("networks");
    let bytes = b"0123456789abcdef0123456789abcdef";
    let path = folder.path().join("key");
    std::fs::write(&path, bytes).expect("a key");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a key");
    let key = Key::read(&path).expect("a key");
    // What a member of the group can compute.
    let master = blake3::derive_key("hydralink 2026 master key of a key file v1", bytes);
    let group = blake3::derive_key("hydralink 2026 indicators of a sharing group v1", &master);
    let mac = blake3::derive_key("hydralink 2026 MAC of shared indicators v1", &group);
    let dataset = Dataset::open(&store).expect("a store");
    let results = dataset.results().expect("networks");
    let shared = folder.path().join("shared");
    let sharing = export::ExportConfig::default().sharing;
    share::share(&dataset, results.labelling(), export::Networks::Flagged, &sharing, &key, &shared).expect("indicators");
    let text = std::fs::read_to_string(&shared).expect("indicators");
    let header = text.lines().next().expect("a header").to_owned();
    let base = Base { _folder: folder, store, key, mac, header };
    // The fuzzer's own way to find that the key is right.
    let body = text.lines().skip(1).take_while(|line| !line.starts_with("{\"mac\"")).collect::<Vec<_>>().join("\n");
    let again = shared_file(&base, body.as_bytes());
    share::find_matches(&dataset, None, &again, &base.key).expect("the MAC is right");
    base
});

fn shared_file(base: &Base, body: &[u8]) -> PathBuf {
    let mut text = [base.header.as_bytes(), b"\n", body, b"\n"].concat();
    let mac = blake3::keyed_hash(&base.mac, &text).to_hex();
    text.extend_from_slice(format!("{{\"mac\":\"{mac}\"}}\n").as_bytes());
    file("shared", &text)
}

fuzz_target!(|input: &[u8]| {
    let Some((&which, input)) = input.split_first() else { return };
    let dataset = Dataset::open(&BASE.store).expect("a store");
    let labels = dataset.labelling().expect("networks");
    match which % 8 {
        0 => {
            let path = shared_file(&BASE, input);
            let _ = share::find_matches(&dataset, Some(&labels), &path, &BASE.key);
        }
        1 => {
            let path = file("shared", input);
            let _ = share::find_matches(&dataset, Some(&labels), &path, &BASE.key);
        }
        2 => {
            let _ = std::str::from_utf8(input).map(|text| dossier::verify(dataset, text, None));
        }
        3 => {
            let Ok(text) = std::str::from_utf8(input) else { return };
            for names in [node::targets_of_lines(text), node::names_of_lines(text)].into_iter().flatten() {
                let nodes: Vec<Node> = names.iter().filter_map(|name| dataset.named(name).ok()).collect();
                bans::impact(&dataset, &labels, &nodes, false).expect("nodes of the store");
            }
        }
        4 | 5 => {
            let results = dataset.results().expect("networks");
            let path = file(if which % 8 == 4 { "labels.csv" } else { "labels.csv.gz" }, input);
            if let Ok(found) = evaluate::evaluate(&dataset, &results, &path, Some(&path), Unlabelled::Unknown) {
                serde_json::to_string(&found).expect("plain data");
            }
        }
        6 => {
            let path = Some(file("table.csv", input));
            let events = file("events.csv", b"account_id,ip,model\na,8.8.8.8,m\nb,8.8.8.8,n\n");
            for which in 0..3 {
                let mut config = settings();
                *[&mut config.accounts, &mut config.releases, &mut config.allow][which] = path.clone();
                let _ = events::ingest(std::slice::from_ref(&events), &config, &events::Unobserved);
            }
        }
        _ => {
            for name in ["networks.mmdb", "networks.csv", "networks.json", "vpn.txt"] {
                let table = EnrichmentFile { network_type: None, path: file(name, input) };
                let Ok(enrichment) = events::Enrichment::open(&[table]) else { continue };
                for address in
                    ["8.8.8.8", "198.51.100.7", "1.0.0.1", "2001:db8::/64", "89.160.20.128", "::/64", "255.255.255.255"]
                {
                    let _ = enrichment.lookup(address);
                }
            }
        }
    }
});
