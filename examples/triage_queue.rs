//! A morning's queue as JSON Lines, for a ticket system: `cargo run --release --example triage_queue -- STORE`.
//!
//! Each flagged network becomes one ticket: what was found, what would change the verdict, and the plan that stops most of it
//! at an expected cost of at most one benign account.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hydralink::bans::{PlanConfig, plan_bans};
use hydralink::dossier::dossier;
use hydralink::{Dataset, Error};

fn main() -> ExitCode {
    let Some(store) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("name a store in which networks were detected, for instance hydralink-demo/store");
        return ExitCode::from(2);
    };
    if let Err(error) = print_tickets(&store) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn print_tickets(store: &Path) -> Result<(), Error> {
    let dataset = Dataset::open(store)?;
    let results = dataset.results()?;
    let budget = PlanConfig { identifier_actions: true, ..PlanConfig::default() };
    for network in results.networks.iter().filter(|network| network.flagged) {
        let dossier = dossier(&dataset, results.labelling(), network)?;
        let plan = plan_bans(&dataset, results.labelling(), network, &budget)?;
        let ticket = serde_json::json!({
            "title": format!("{}: {}", network.id, network.why),
            "verdict": dossier.verdict,
            "speaks_against": dossier.counter_evidence,
            "would_change": dossier.would_change,
            "hangs_on": dossier.fragile.iter().map(|held| &held.identifier).collect::<Vec<_>>(),
            "exchanges": plan.traffic.exchanges,
            "plan": { "actions": plan.actions.len(), "stops": plan.traffic.exchanges_stopped, "benign_expected": plan.harm.benign_expected, "chance": plan.chance },
        });
        println!("{ticket}");
    }
    Ok(())
}
