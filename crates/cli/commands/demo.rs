//! The tour: a small world made, built, detected, checked against its truth, and written for Gephi.

use std::time::Instant;

use hydralink::evaluate::{self, Unlabelled};
use hydralink::export::ExportConfig;
use hydralink::report::ReportConfig;
use hydralink::rules::Lists;
use hydralink::store::quoted;
use hydralink::synth::{Format, Tier, WorldConfig, is_world};
use hydralink::{Dataset, DetectConfig};

use super::{evaluated, find, read, was_read};
use crate::Found;
use crate::args::{Demo, Reading, Schema, Shared, TopRows};
use crate::output::{Output, counted, grouped};
use crate::progress::Progress;

/// Runs the tour.
pub(crate) fn demo(arguments: &Demo, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let started = Instant::now();
    let world = arguments.directory.join("world");
    let store = arguments.directory.join("store");
    let graphml = arguments.directory.join("networks.graphml");
    let page = arguments.directory.join("report.html");

    let occupied = [&graphml, &page].into_iter().find(|file| file.exists() && !is_world(&world));
    if let Some(file) = occupied {
        anyhow::bail!(
            "{} is there, and is no earlier demo's: nothing was written over it; name another directory",
            file.display()
        );
    }
    let config = WorldConfig::new(Tier::S, arguments.seed);
    let made = read::make_world(&world, &config, Format::Parquet, shared)?;
    output.line(&format!(
        "1. A world of {} accounts and {} events, with networks planted among legitimate look-alikes\n   ({})",
        grouped(made.accounts),
        grouped(made.events),
        world.display()
    ))?;

    let reading = Reading {
        events: vec![world.join("events.parquet")],
        map: Vec::new(),
        trusted_proxies: None,
        schema: Schema::Auto,
        allow_kinds: true,
        tz: None,
        rejects: None,
        max_bad: 0.001,
        card_tokens: false,
        accounts: Some(world.join("accounts.csv")),
        releases: Some(world.join("releases.csv")),
        allow: None,
        enrich: Vec::new(),
        memory_limit: None,
    };
    let clock = Instant::now();
    let built = read::run_build(&reading, &store, None, shared)?;
    output.line(&format!("\n2. Built in {:.1} s:", clock.elapsed().as_secs_f64()))?;
    for line in was_read::summary_text(&built).lines() {
        output.line(&format!("   {line}"))?;
    }

    let clock = Instant::now();
    let detect = DetectConfig { seed: 1, ..DetectConfig::default() };
    let results = find::run_detect(&store, &detect, &Lists::default(), shared)?;
    let flagged = results.networks.iter().filter(|network| network.flagged).count();
    output.line(&format!(
        "\n3. {} found in {:.1} s; the strongest:\n",
        counted(flagged as u64, "network"),
        clock.elapsed().as_secs_f64()
    ))?;
    let dataset = Dataset::open(&store)?;
    find::print_ranked(&dataset, &results, &TopRows { top: Some(10) }, output)?;

    let results = dataset.results()?;
    let (labels, groups) = (world.join("labels.csv"), world.join("groups.csv"));
    let evaluation = evaluate::evaluate(&dataset, &results, &labels, Some(&groups), Unlabelled::Benign)?;
    output.line("\n4. Against the truth of this world (a synthetic one: it says nothing of accuracy in the field):\n")?;
    output.line(&evaluated::evaluation_text(&evaluation.evaluation))?;

    let progress = Progress::unasked(shared, "drawing", None);
    let drawn = hydralink::export_drawn(&dataset, results.labelling(), &ExportConfig::default(), &graphml, &progress)?;
    let (bytes, _) = hydralink::report_drawn(&dataset, &results, &ReportConfig::default(), &page, &progress)?;
    drop(progress);
    output.line(&format!(
        "5. For Gephi: {} ({} nodes, {} edges)",
        graphml.display(),
        grouped(drawn.nodes),
        grouped(drawn.edges)
    ))?;
    output.line(&format!("6. To read in a browser: {} ({} bytes, no network needed)\n", page.display(), grouped(bytes)))?;

    let first = results.networks.first().map_or("1", |network| network.id.as_str());
    output.line(&format!("Done in {:.0} s. What to type next:", started.elapsed().as_secs_f64()))?;
    let store = quoted(&store);
    for (command, what) in [
        (format!("network {store} {first}"), "why the strongest was found, and what speaks against it"),
        (format!("members {store} --network {first}"), "its accounts, with confidence"),
        (format!("hubs {store} --top 20"), "the most widely shared identifiers: which of them link, and why"),
        (format!("networks {store} --all"), "also the candidates below the threshold"),
        (format!("components {store} --sweep"), "why plain connected components don't work"),
        (format!("export {store} -o {first}.gexf --network {first}"), "one network with its timeline"),
    ] {
        output.line(&format!("  hydralink {command}\n      {what}"))?;
    }
    Ok(Found::Something)
}
