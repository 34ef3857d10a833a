//! An identifier of your own kind: `cargo run --example custom_identifier`.
//!
//! Long events (`timestamp,account_id,entity_kind,entity_value`) bring any kind of identifier. Here five accounts share wallets
//! and badges, and the question is who hangs together by wallets alone.

use hydralink::{ComponentFilter, Dataset, IngestConfig, Unobserved, build, components, links, query};

const EVENTS: &str = "timestamp,account_id,entity_kind,entity_value\n\
    2026-02-01T10:00:00Z,ada,wallet,w1\n\
    2026-02-01T10:00:01Z,ben,wallet,w1\n\
    2026-02-01T10:00:02Z,ben,badge,b7\n\
    2026-02-01T10:00:03Z,cy,badge,b7\n\
    2026-02-01T10:00:04Z,dee,wallet,w2\n\
    2026-02-01T10:00:05Z,eli,wallet,w2\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (events, store) = (folder.path().join("events.csv"), folder.path().join("store"));
    std::fs::write(&events, EVENTS)?;
    build(&[events], &store, &IngestConfig::default(), &Unobserved)?;

    let dataset = Dataset::open(&store)?;
    for kinds in [vec![], vec!["wallet".to_owned()]] {
        let partition = components(&dataset, &ComponentFilter { kinds: kinds.clone(), max_degree: None })?;
        let groups = query::groups(&dataset, &partition, 0);
        let sizes: Vec<u64> = groups.iter().map(|group| group.accounts).collect();
        println!("joined by {}: groups of {sizes:?} accounts", if kinds.is_empty() { "everything" } else { "wallets" });
    }
    let (ada, ben) = (dataset.account("ada")?, dataset.account("ben")?);
    for shared in links::common(&dataset, None, ada, ben)? {
        println!("ada and ben share {} ({:.1} bits)", shared.identifier, shared.bits);
    }
    Ok(())
}
