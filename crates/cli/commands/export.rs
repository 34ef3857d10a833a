//! Writing what leaves: the graph for other tools, the report for other people.

use std::path::Path;

use hydralink::export::{self, ExportConfig, ExportSummary, LeftOut, Networks, Places, Sharing};
use hydralink::report::{ReportConfig, ReportData};
use hydralink::{Dataset, Labelling};
use serde::Serialize;

use super::several;
use crate::Found;
use crate::args::{Export, Report, Shared};
use crate::output::{Format, Output, counted};
use crate::progress::Progress;

/// Writes the graph of the chosen networks.
pub(crate) fn export(arguments: &Export, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    refuse_both(&arguments.output, arguments.summary)?;
    let summary = run_export(arguments, shared)?;
    if arguments.summary {
        output.object(&summary)?;
    }
    let files: Vec<String> = summary.files.iter().map(|file| file.path.display().to_string()).collect();
    output.say(&format!(
        "{}: {}, {} of {}{}{}",
        files.join(", "),
        counted(summary.nodes, "node"),
        counted(summary.edges, "edge"),
        counted(summary.networks - summary.candidates, "network"),
        match summary.candidates {
            0 => String::new(),
            below => format!(" and {} below the threshold", counted(below, "candidate")),
        },
        if summary.collapsed { "; collapsed, one node a network: see --max-nodes" } else { "" }
    ))?;
    if let Some(left_out) = left_out_text(&summary.left_out) {
        output.say(&left_out)?;
    }
    let (identifiers, networks) = (summary.left_out.small_identifiers, summary.left_out.small_networks);
    if identifiers + networks > 0 {
        output.say(&format!(
            "left out, as they are about fewer than {} accounts: {}, {}",
            arguments.k,
            counted(identifiers, "identifier"),
            counted(networks, "network")
        ))?;
    }
    say_rejected(summary.left_out.rejected_networks, output)?;
    if summary.rejected > 0 {
        let networks = counted(summary.rejected, "network");
        output.say(&format!("people rejected {networks} of them: no action is proposed, and nothing of it is an indicator"))?;
    }
    Ok(if summary.nodes == 0 { Found::Nothing } else { Found::Something })
}

/// What the store holds of the accounts that were chosen, and the file doesn't, if anything.
fn left_out_text(left: &LeftOut) -> Option<String> {
    let parts = [
        (left.single_identifiers, "identifier", " that no two of these accounts share"),
        (left.needless_identifiers, "identifier", " that nobody needs to be tied"),
        (left.hubs, "hub", ""),
        (left.identifiers, "identifier", " beyond --max-nodes"),
        (left.accounts, "account", " beyond --max-nodes"),
        (left.hub_sightings + left.sightings, "sighting", " with what isn't there"),
    ];
    let named = parts.into_iter().filter(|part| part.0 > 0).map(|(count, what, why)| format!("{}{why}", counted(count, what)));
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| format!("left out: {}", named.join(", ")))
}

/// Says how many networks were left out by decision, if any.
pub(super) fn say_rejected(left_out: u64, output: &mut Output) -> anyhow::Result<()> {
    if left_out > 0 {
        let networks = counted(left_out, "network");
        output.say(&format!(
            "left out, as people rejected it: {networks} (`case list` names it, --network takes it all the same)"
        ))?;
    }
    Ok(())
}

/// Exports with a line of progress.
fn run_export(arguments: &Export, shared: &Shared) -> anyhow::Result<ExportSummary> {
    let progress = Progress::unasked(shared, "drawing", None);
    let dataset = arguments.view.key.open(&arguments.store)?;
    let results = match arguments.whole {
        // It needs no network: before a detection there is none.
        true => dataset.labelling_if_any()?.map_or_else(|| hydralink::detect::undetected(&dataset), Ok)?,
        false => dataset.labelling()?,
    };
    let mut config = ExportConfig::default();
    config.selection.max_nodes = arguments.max_nodes;
    config.selection.level = arguments.view.level.into();
    config.key = arguments.view.key.read()?.map(|key| key.for_exports());
    config.selection.k = arguments.k;
    config.selection.minimal = arguments.minimal;
    config.selection.pair_budget = arguments.project.then_some(arguments.pair_budget);
    config.selection.networks = match arguments {
        Export { whole: true, .. } => Networks::Whole,
        Export { all: true, .. } => Networks::Candidates,
        _ => chosen(&dataset, &results, &arguments.network)?,
    };
    config.places = if arguments.no_layout { Places::Nowhere } else { Places::LaidOut };
    config.colors = arguments.color_by.into();
    config.sharing = Sharing {
        tlp: arguments.tlp.into(),
        identity: arguments.identity.clone().unwrap_or(config.sharing.identity),
        force_hub: arguments.force_hub,
        max_benign_prevalence: arguments.max_benign,
    };
    config.format = match shared.format {
        None => None,
        Some(Format::Graphml) => Some(export::Format::GraphMl),
        Some(Format::Gexf) => Some(export::Format::Gexf),
        Some(Format::Csv) => Some(export::Format::Csv),
        Some(Format::Parquet) => Some(export::Format::Parquet),
        Some(Format::Jsonl) => Some(export::Format::Actions),
        Some(Format::Stix) => Some(export::Format::Stix),
        Some(Format::Misp) => Some(export::Format::Misp),
        Some(Format::Table | Format::Json | Format::Markdown) => {
            anyhow::bail!("export writes graphml, gexf, csv, parquet, jsonl (actions), stix or misp; choose one with --format")
        }
    };
    Ok(hydralink::export_drawn(&dataset, &results, &config, &arguments.output, &progress)?)
}

/// The networks that were named, or all flagged ones.
pub(super) fn chosen(dataset: &Dataset, results: &Labelling, ids: &[String]) -> anyhow::Result<Networks> {
    let ids = several::all_networks(ids)?;
    let chosen = ids.iter().map(|id| dataset.network_index(results, id)).collect::<Result<Vec<usize>, _>>()?;
    Ok(if chosen.is_empty() { Networks::Flagged } else { Networks::Chosen(chosen) })
}

/// Refuses to write a file and what is said of it into one stream.
fn refuse_both(file: &Path, summary: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        !(summary && file == Path::new("-")),
        "stdout would hold what is written and the summary of it: name a file for the one, or leave out the other"
    );
    Ok(())
}

/// What a report shows.
#[derive(Serialize)]
struct Reported<'r> {
    file: &'r Path,
    bytes: u64,
    networks: usize,
    nodes: usize,
    edges: usize,
    rejected_networks: u64,
}

/// Writes the report.
pub(crate) fn report(arguments: &Report, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let is_asked = matches!(output.format(), Format::Json | Format::Jsonl);
    refuse_both(&arguments.output, is_asked)?;
    let (bytes, data) = run_report(arguments, shared)?;
    if is_asked {
        let reported = Reported {
            file: &arguments.output,
            bytes,
            networks: data.networks.len(),
            nodes: data.graph.label.len(),
            edges: data.graph.source.len(),
            rejected_networks: data.key_numbers.networks_rejected,
        };
        output.one(&reported, |_| String::new())?;
    }
    output.say(&format!(
        "{}: {}, {} and {} drawn, {}; open it in any browser",
        arguments.output.display(),
        counted(data.networks.len() as u64, "network"),
        counted(data.graph.label.len() as u64, "node"),
        counted(data.graph.source.len() as u64, "edge"),
        counted(bytes, "byte"),
    ))?;
    say_rejected(data.key_numbers.networks_rejected, output)?;
    Ok(if data.networks.is_empty() { Found::Nothing } else { Found::Something })
}

/// Writes the report with a line of progress; returns its size and what it shows.
fn run_report(arguments: &Report, shared: &Shared) -> anyhow::Result<(u64, ReportData)> {
    let progress = Progress::unasked(shared, "drawing", None);
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.results()?;
    let config =
        ReportConfig { networks: chosen(&dataset, results.labelling(), &arguments.network)?, max_nodes: arguments.max_nodes };
    Ok(hydralink::report_drawn(&dataset, &results, &config, &arguments.output, &progress)?)
}
