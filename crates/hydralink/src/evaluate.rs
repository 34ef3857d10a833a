//! How right was it? The networks found against known truth.
//!
//! The metrics themselves are `synth::metrics`; here the truth is read from CSV and joined to the accounts of the store.

use std::collections::HashMap;
use std::path::Path;

use graph::{AccountId, NONE_U32};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Results;

pub use synth::metrics::Evaluation;

/// A column of labels for the accounts of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// Label of each account, an index into `names`, or `NONE_U32`.
    pub label_of: Vec<u32>,
    /// Names of the labels, in order of first appearance in the file.
    pub names: Vec<String>,
    /// Rows whose account the store doesn't know.
    pub unknown_accounts: u64,
}

/// Reads `account_id,LABEL` where the label's column has one of `headings`.
///
/// # Errors
/// [`Error::Usage`] if a column is missing or a row is short; [`Error::Io`] if the file can't be read.
pub fn read_labels(dataset: &Dataset, path: &Path, headings: &[&str]) -> Result<Labels, Error> {
    let file = std::fs::File::open(path).map_err(|error| Error::io("read", path, error))?;
    let plain: Box<dyn std::io::Read> = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file).map_err(|error| Error::io("read", path, error))?),
        _ => Box::new(file),
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(std::io::BufReader::new(plain));
    let bad = |what: String| Error::Usage(format!("{}: {what}", path.display()));
    let header = reader.headers().map_err(|error| bad(error.to_string()))?.clone();
    let column = |names: &[&str]| header.iter().position(|have| names.iter().any(|name| have.eq_ignore_ascii_case(name)));
    let found = || header.iter().collect::<Vec<_>>().join(", ");
    let account_at =
        column(&["account_id", "account"]).ok_or_else(|| bad(format!("no column account_id; found {}", found())))?;
    let label_at = column(headings).ok_or_else(|| bad(format!("no column {}; found {}", headings.join(" or "), found())))?;
    let mut labels = Labels { label_of: vec![NONE_U32; dataset.graph().account_count()], ..Labels::default() };
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| bad(error.to_string()))?;
        let (account, label) = (&row[account_at], &row[label_at]);
        if label.is_empty() {
            continue;
        }
        match dataset.account_names().find(0..dataset.graph().account_count() as u32, account) {
            None => labels.unknown_accounts += 1,
            Some(account) => {
                let next = labels.names.len() as u32;
                let number = *numbers.entry(label.to_owned()).or_insert(next);
                if number == next {
                    labels.names.push(label.to_owned());
                }
                labels.label_of[account as usize] = number;
            }
        }
    }
    Ok(labels)
}

/// The flagged network of each account as its index by rank, or `NONE_U32`.
pub fn predicted(dataset: &Dataset, results: &Results) -> Vec<u32> {
    let label = |account| match results.flagged_network_of(AccountId(account)) {
        Some(_) => results.network_of[account as usize],
        None => NONE_U32,
    };
    (0..dataset.graph().account_count() as u32).map(label).collect()
}

/// Compares the flagged networks with the truth in `labels`. Accounts that the truth doesn't name are benign; with `partial`, nobody
/// knows what they are, and they are left out.
///
/// # Errors
/// As [`read_labels`].
pub fn evaluate(
    dataset: &Dataset,
    results: &Results,
    labels: &Path,
    groups: Option<&Path>,
    partial: bool,
) -> Result<Evaluation, Error> {
    let truth = read_labels(dataset, labels, &["network", "cluster"])?;
    let groups = match groups {
        Some(path) => read_labels(dataset, path, &["group"])?,
        None => Labels::default(),
    };
    let found_names: Vec<String> = results.networks.iter().map(|network| network.id.clone()).collect();
    let comparison = synth::metrics::Comparison {
        truth: &truth.label_of,
        truth_names: &truth.names,
        found: &predicted(dataset, results),
        found_names: &found_names,
        groups: &groups.label_of,
        group_names: &groups.names,
        unlabelled: if partial { synth::metrics::Unlabelled::Unknown } else { synth::metrics::Unlabelled::Benign },
    };
    Ok(synth::metrics::evaluate(&comparison)?)
}
