//! How does an investigator look at a whole run? One HTML file that needs nothing else: no server, no network, no WebGL.
//!
//! [`write_report`] streams a page made of four parts: a fixed skeleton, the style sheet, the data as JSON, and one script
//! that draws tables, plots (inline SVG) and the graph (Canvas2D). The page declares the content security policy
//! `default-src 'none'` and admits exactly its own script and style by their SHA-256, so text an attacker chose (labels,
//! templates, file names) can neither run nor load anything, even if it came to be read as markup, which it doesn't: it
//! leaves here as JSON without `<`, and the script shows it as text nodes only.
//!
//! What the page shows is described, with pictures, in `docs/report.md`.
//!
//! The same data make the same bytes. Cost: linear in the data, constant memory beside it.

mod collect;
mod data;
mod encode;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::unseen::UNSEEN;
pub use collect::ReportConfig;
pub use data::{
    AccountRow, CappedSection, DailyCounts, DegreeHistogram, FragileIdentifier, HubCut, IdentifierRow, InputFile, KeyNumbers,
    NO_NETWORK, NamedCount, NetworkSection, NodeKind, Rejected, ReportData, ReportGraph, Rule, RunHeader, Signal, SizeCount,
    Strength, TemplateRow,
};

const BODY: &str = include_str!("assets/body.html");
const STYLE: &str = include_str!("assets/report.css");
/// One function, in two files: all but the graph, and the graph.
const SCRIPT: [&str; 4] =
    ["\"use strict\";\n(() => {\n", include_str!("assets/report.js"), include_str!("assets/graph.js"), "})();\n"];

/// The script, which knows by the one table of them what nobody sees.
fn script() -> String {
    let unseen = UNSEEN.map(|(first, last)| format!("\\u{{{first:x}}}-\\u{{{last:x}}}")).concat();
    SCRIPT.concat().replace("$UNSEEN", &unseen)
}

/// Writes the report as one self-contained HTML file.
///
/// # Errors
///
/// `InvalidInput`, before the first byte, when the graph's columns differ in length, an edge, a kind or a role points nowhere, or a
/// network is neither a position in `data.networks` nor [`NO_NETWORK`]; else whatever `out` returns.
///
/// # Example
///
/// ```
/// use hydralink::report::{ReportData, write_report};
///
/// let mut page = Vec::new();
/// write_report(&ReportData::default(), &mut page)?;
/// assert!(page.starts_with(b"<!doctype html>"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_report(data: &ReportData, out: &mut impl Write) -> io::Result<()> {
    let script = script();
    check(data).map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; style-src '{}'; \
         img-src data: blob:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>hydralink report</title>\n<style>{STYLE}</style>\n</head>\n",
        csp_hash(&script),
        csp_hash(STYLE)
    )?;
    out.write_all(BODY.as_bytes())?;
    out.write_all(b"<script type=\"application/json\" id=\"report-data\">")?;
    data.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, encode::HtmlSafe))?;
    write!(out, "</script>\n<script>{script}</script>\n</body>\n</html>\n")
}

/// The source expression by which a content security policy admits one inline text.
fn csp_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Says what is wrong with the graph, if anything is.
fn check(data: &ReportData) -> Result<(), String> {
    let graph = &data.graph;
    let nodes = graph.label.len();
    for (column, length) in [
        ("x", graph.x.len()),
        ("y", graph.y.len()),
        ("size", graph.size.len()),
        ("score", graph.score.len()),
        ("kind", graph.kind.len()),
        ("network", graph.network.len()),
        ("membership", graph.membership.len()),
        ("role", graph.role.len()),
        ("known_good", graph.known_good.len()),
        ("degree", graph.degree.len()),
    ] {
        if length != nodes {
            return Err(format!("report graph: {nodes} labels, but column {column} has {length} entries"));
        }
    }
    let edges = graph.source.len();
    if graph.target.len() != edges || graph.weight.len() != edges {
        return Err(format!("report graph: {edges} sources, {} targets, {} weights", graph.target.len(), graph.weight.len()));
    }
    if let Some(end) = graph.source.iter().chain(&graph.target).find(|&&end| end as usize >= nodes) {
        return Err(format!("report graph: an edge ends at node {end}, but there are {nodes} nodes"));
    }
    if let Some(kind) = graph.kind.iter().find(|&&kind| usize::from(kind) >= graph.kinds.len()) {
        return Err(format!("report graph: a node is of kind {kind}, but there are {} kinds", graph.kinds.len()));
    }
    if let Some(role) = graph.role.iter().find(|&&role| usize::from(role) > graph.roles.len()) {
        return Err(format!("report graph: a node has role {role}, but there are {} roles", graph.roles.len()));
    }
    match graph.network.iter().find(|&&network| network != NO_NETWORK && network as usize >= data.networks.len()) {
        Some(network) => {
            Err(format!("report graph: a node is of network {network}, but there are {} networks", data.networks.len()))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
