//! A store whose files were altered: every question is answered or refused, in time and with little memory. A panic is let pass,
//! for [`hydralink::store::ask`] turns it into an error; that it does is asked as well. No section is small enough to be checked
//! when the store is opened (`--cfg fuzzing`).
//!
//! An input is a list of alterations of 9 bytes: which file, how, where, and what.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use hydralink::bans::{self, PlanConfig};
use hydralink::cases::{self, Action, Decision};
use hydralink::layers::{LayersConfig, layers};
use hydralink::ties::Ties;
use hydralink::top::{By, top};
use hydralink::*;
use hydralink::{appeal, cohesion, dense, dossier, expand, how, lineage, linkage, links, paths, query, review, why_not};
use libfuzzer_sys::fuzz_target;

struct Base {
    _folder: tempfile::TempDir,
    store: PathBuf,
    /// Its files, with what they hold.
    files: Vec<(PathBuf, Vec<u8>)>,
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let (world, store) = (folder.path().join("world"), folder.path().join("store"));
    synth::write_world(&world, &synth::WorldConfig::new(synth::Tier::Xs, 2), synth::Format::Csv, &mut |_| {}).expect("a world");
    let config = IngestConfig { accounts: Some(world.join("accounts.csv")), ..IngestConfig::default() };
    build(&[world.join("events.csv")], &store, &config, &Unobserved).expect("a store");
    let results = detect(&store, &DetectConfig::default(), &Unobserved).expect("networks");
    let dataset = Dataset::open(&store).expect("a store");
    let target = &results.networks[0].id;
    for action in [Action::Confirm, Action::Note] {
        let (reason, text) = (Some("cards"), Some("seen"));
        cases::decide(&dataset, &Decision { action, state: None, target, reviewer: "ann", reason, text }).expect("a decision");
    }
    calibrate(&store, &CalibrateConfig { copies: 1, seed: 1 }, &Unobserved).expect("copies");
    consensus(&store, &ConsensusConfig { runs: 1, left_out: 0.1, seed: 1 }, &Unobserved).expect("reruns");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&store)
        .expect("files")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let files = files.into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("a file"))).collect();
    // The panics that are caught are none of the fuzzer's.
    std::panic::set_hook(Box::new(|_| {}));
    Base { _folder: folder, store, files }
});

/// Alters some files; which.
fn alter(input: &[u8]) -> Vec<usize> {
    let mut altered = std::collections::BTreeMap::new();
    for step in input.chunks_exact(9).take(8) {
        let file = usize::from(step[0]) % BASE.files.len();
        let bytes = altered.entry(file).or_insert_with(|| BASE.files[file].1.clone());
        if bytes.is_empty() {
            continue;
        }
        let at = u32::from_le_bytes([step[2], step[3], step[4], 0]) as usize % bytes.len();
        let with = &step[5..];
        match step[1] % 5 {
            0 => bytes[at] = with[0],
            1 => bytes[at] ^= 1 << (with[0] % 8),
            2 => bytes[at..].iter_mut().zip(with).for_each(|(byte, with)| *byte = *with),
            3 => bytes[at..].iter_mut().take(usize::from(with[0]) * 16).for_each(|byte| *byte = with[1]),
            // A number, where numbers of 8 bytes are.
            _ => {
                let at = at & !7;
                let number = u64::from(u32::from_le_bytes([with[0], with[1], with[2], with[3]])).to_le_bytes();
                bytes[at..].iter_mut().zip(number).for_each(|(byte, with)| *byte = with);
            }
        }
    }
    for (&file, bytes) in &altered {
        std::fs::write(&BASE.files[file].0, bytes).expect("written");
    }
    altered.into_keys().collect()
}

fuzz_target!(|input: &[u8]| {
    if input.len() < 9 {
        return;
    }
    let altered = alter(input);
    let pick = u32::from(input[1]) * 3;
    // Three of them, for each takes a fraction of a second.
    let first = usize::from(input[0]) + usize::from(input[1]);
    for question in QUESTIONS.iter().cycle().skip(first % QUESTIONS.len()).take(3) {
        // What panics over a damaged section is refused.
        let asked = store::ask(&[&BASE.store], || {
            let dataset = Dataset::open(&BASE.store)?;
            let labels = dataset.labelling()?;
            question(&dataset, &labels, pick)
        });
        drop(asked);
    }
    let _ = store::ask(&[&BASE.store], || cases::verify(&BASE.store, None));
    for file in altered {
        std::fs::write(&BASE.files[file].0, &BASE.files[file].1).expect("written");
    }
});

type Question = fn(&Dataset, &Labelling, u32) -> Result<(), Error>;

/// An account; few networks are larger than this one's number.
fn account(dataset: &Dataset, pick: u32) -> AccountId {
    AccountId(pick % dataset.graph().account_count().max(1) as u32)
}

const QUESTIONS: &[Question] = &[
    |dataset, labels, pick| {
        for node in
            [Node::Account(account(dataset, pick)), Node::identifier(pick % dataset.graph().identifier_count().max(1) as u32)]
        {
            query::show(dataset, Some(labels), node)?;
            query::neighbors(dataset, Some(labels), node)?;
            links::ego(dataset, Some(labels), node, 2, 50, 500)?;
            dataset.label_of(node);
        }
        dataset.node("8.8.8.8").map(drop).or_else(|_| dataset.node("account:u1").map(drop))
    },
    |dataset, labels, _| {
        query::members(dataset, labels, None)?.for_each(drop);
        query::hubs(dataset, labels, None)?.take(500).for_each(drop);
        for by in [By::Degree, By::Events, By::Bits] {
            top(dataset, Some(labels), by, None)?.take(100).for_each(drop);
        }
        Ok(())
    },
    |dataset, labels, pick| {
        let (first, second) = (account(dataset, pick), account(dataset, pick + 1));
        let ties = Ties::of(dataset, labels)?;
        links::why(dataset, labels, first, second)?;
        links::common(dataset, Some(&ties), first, second)?;
        why_not::why_not(dataset, labels, first, second)?;
        paths::paths(dataset, Some(&ties), Node::Account(first), Node::Account(second), 3)?;
        Ok(())
    },
    |dataset, labels, pick| {
        let one = account(dataset, pick);
        appeal::appeal(dataset, labels, one)?;
        expand::expand(dataset, labels, &[one, account(dataset, pick + 7)], &[])?;
        bans::impact(dataset, labels, &[Node::Account(one), Node::identifier(pick)], true)?;
        Ok(())
    },
    |dataset, labels, _| {
        let card = labels.network(dataset, 0)?;
        dossier::text(&dossier::dossier(dataset, labels, &card)?);
        bans::plan_bans(dataset, labels, &card, &PlanConfig { benign_budget: 2.0, identifier_actions: true, as_if_unbanned: true, allow_unflagged: true })?;
        Ok(())
    },
    |dataset, labels, _| how::how(dataset, labels, 0).map(drop),
    |dataset, labels, _| cohesion::cohesion(dataset, labels, 0, 2, 2).map(drop),
    |dataset, labels, _| {
        lineage::lineages(dataset, Some(labels))?;
        lineage::events(dataset)?;
        let id = &labels.heads().first().map(|head| head.id.clone()).unwrap_or_default();
        lineage::lineage(dataset, Some(labels), id).map(drop)
    },
    |dataset, labels, _| {
        linkage::components(dataset, &linkage::ComponentFilter::default())?;
        linkage::degree_sweep(dataset, &[])?;
        links::overlap(dataset, labels, 0, 1).map(drop)
    },
    |dataset, labels, _| {
        dense::dense_blocks(dataset, Some(labels), 1).map(drop)
    },
    |dataset, labels, _| {
        review::review(
            dataset,
            labels,
            &review::ReviewConfig { hours: 8.0, minutes_a_network: 20.0, minutes_an_account: 0.1 },
        )?;
        calibrate::calibration_state(dataset, labels)?;
        dataset.cases().map(drop)
    },
    |dataset, _, _| {
        let results = dataset.results()?;
        layers(dataset, &results, &LayersConfig::default()).map(drop)
    },
    |dataset, _, _| {
        let report = dataset.report_data(&dataset.results()?, &report::ReportConfig::default(), &Unobserved)?;
        report::write_report(&report, &mut std::io::sink()).map_err(|error| Error::Usage(error.to_string()))
    },
];
