//! Who runs the accounts, and whose traffic goes through them: `layers`.

use hydralink::layers::{self, Layers, LayersConfig};

use crate::Found;
use crate::args;
use crate::output::{Field, Format, Output, grouped};

/// Prints pools, campaigns and who uses whom.
pub(super) fn run_layers(arguments: &args::Layers, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let config = LayersConfig { resolution: arguments.resolution, seed: arguments.seed, least_share: arguments.least_share };
    let found = layers::layers(&dataset, &dataset.results()?, &config)?;
    if output.format() == Format::Csv {
        return Ok(output.records(&found.overlap, OVERLAP)?);
    }
    let any = if found.pools.is_empty() { Found::Nothing } else { Found::Something };
    output.one(&found, layers_text)?;
    Ok(any)
}

const OVERLAP: &[Field<layers::Overlap>] = &[
    Field::text("pool", |cell| cell.pool.clone()),
    Field::text("campaign", |cell| cell.campaign.clone()),
    Field::number("exchanges", |cell| cell.exchanges.to_string()),
    Field::number("accounts", |cell| cell.accounts.to_string()),
    Field::number("share_of_pool", |cell| format!("{:.4}", cell.share_of_pool)),
    Field::number("share_of_campaign", |cell| format!("{:.4}", cell.share_of_campaign)),
];

fn layers_text(layers: &Layers) -> String {
    let mut lines = vec!["Pools: who runs the accounts (exchanges with a template)".to_owned(), String::new()];
    lines.push(format!("{:<12}{:>9}{:>12}{:>8}{:>14}", "pool", "accounts", "exchanges", "parts", "largest part"));
    for pool in &layers.pools {
        let (accounts, exchanges) = (grouped(pool.accounts), grouped(pool.exchanges));
        lines.push(format!("{:<12}{accounts:>9}{exchanges:>12}{:>8}{:>14}", pool.pool, pool.parts, grouped(pool.largest_part)));
    }
    lines.extend([String::new(), "Campaigns: whose traffic".to_owned(), String::new()]);
    let (first, last) = ("first day", "last day");
    lines.push(format!(
        "{:<10}{:>10}{:>10}{:>12}  {first:<11}{last:<11}capability",
        "campaign", "templates", "accounts", "exchanges"
    ));
    for campaign in &layers.campaigns {
        lines.push(format!(
            "{:<10}{:>10}{:>10}{:>12}  {:<11}{:<11}{}",
            campaign.campaign,
            grouped(campaign.templates),
            grouped(campaign.accounts),
            grouped(campaign.exchanges),
            campaign.first_day,
            campaign.last_day,
            campaign.capability.as_deref().unwrap_or("-")
        ));
    }
    lines.extend([String::new(), "Overlap".to_owned(), String::new()]);
    lines.push(format!(
        "{:<12}{:<10}{:>12}{:>10}{:>10}{:>14}",
        "pool", "campaign", "exchanges", "accounts", "of pool", "of campaign"
    ));
    for cell in &layers.overlap {
        lines.push(format!(
            "{:<12}{:<10}{:>12}{:>10}{:>9.1}%{:>13.1}%",
            cell.pool,
            cell.campaign,
            grouped(cell.exchanges),
            grouped(cell.accounts),
            cell.share_of_pool * 100.0,
            cell.share_of_campaign * 100.0
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
