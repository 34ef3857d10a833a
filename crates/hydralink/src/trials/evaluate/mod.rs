//! How right was it? The networks found against known truth.
//!
//! The metrics themselves are `synth::metrics`; here the truth is read from CSV and joined to the accounts of the store.

mod fairness;

use std::collections::HashMap;
use std::path::Path;

use graph::NONE_U32;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Results;

pub use fairness::{ADDRESS, FairnessLine, fairness};
pub use synth::metrics::{Evaluation, SampledPairwise, Score, Unlabelled};

/// A column of labels for the accounts of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// Label of each account, an index into `names`, or `NONE_U32`.
    pub label_of: Vec<u32>,
    /// Names of the labels, in order of first appearance in the file.
    pub names: Vec<String>,
    /// Accounts that are labelled.
    pub accounts: u64,
    /// Those of them whose account the store doesn't know: nothing that is counted over accounts counts them.
    pub unknown_accounts: u64,
    /// By label, the same.
    pub unknown_of: Vec<u64>,
}

/// How many accounts of a file of labels the store doesn't know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LabelCount {
    /// Accounts that it labels.
    pub accounts: u64,
    /// Those of them that the store doesn't have, and that are left out.
    pub unknown: u64,
}

impl Labels {
    /// How many accounts are labelled, and how many of them are unknown.
    pub fn count(&self) -> LabelCount {
        LabelCount { accounts: self.accounts, unknown: self.unknown_accounts }
    }
}

/// Columns that say whom a label is of; the first that is there counts.
const ACCOUNTS: [&str; 2] = ["account_id", "account"];

/// The label of legitimate accounts of a list that doesn't say what they look like.
const BENIGN: &str = "benign";

/// Reads `account_id,LABEL`, where the label's column has one of `headings` (in small letters), as side tables are read: CSV, TSV or
/// Parquet, `-` for stdin. Accounts are named as in the logs, also of a store of pseudonyms if the dataset has its key.
///
/// # Errors
/// [`Error::Usage`] if the store has none of the accounts, or one has two labels; [`Error::Events`] if the file can't be read, a column is missing or a row
/// is short.
pub fn read_labels(dataset: &Dataset, path: &Path, headings: &[&str]) -> Result<Labels, Error> {
    labels_or(dataset, path, headings, None)
}

/// The same, of accounts that are all labelled `otherwise` where the table has no column of labels.
fn labels_or(dataset: &Dataset, path: &Path, headings: &[&str], otherwise: Option<&str>) -> Result<Labels, Error> {
    let mut labels = Labels { label_of: vec![NONE_U32; dataset.graph().account_count()], ..Labels::default() };
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut unknown: HashMap<String, u64> = HashMap::new();
    let mut seen: HashMap<String, String> = HashMap::new();
    for [account, label] in events::columns_of(path, [(&ACCOUNTS, None), (headings, otherwise)])? {
        if label.is_empty() {
            continue;
        }
        if let Some(other) = seen.insert(account.clone(), label.clone()) {
            if other != label {
                return Err(Error::Usage(format!(
                    "{}: account {account} has two labels, {other} and {label}: an account belongs to one network",
                    path.display()
                )));
            }
            continue;
        }
        labels.accounts += 1;
        match dataset.find_account(&account) {
            None => {
                labels.unknown_accounts += 1;
                *unknown.entry(label).or_default() += 1;
            }
            Some(account) => {
                let next = labels.names.len() as u32;
                let number = *numbers.entry(label.clone()).or_insert(next);
                if number == next {
                    labels.names.push(label);
                }
                labels.label_of[account.index()] = number;
            }
        }
    }
    if labels.accounts > 0 && labels.unknown_accounts == labels.accounts {
        return Err(Error::Usage(format!(
            "{}: none of the accounts that it labels ({}) is in {}{}",
            path.display(),
            labels.accounts,
            dataset.path().display(),
            dataset.key_hint().unwrap_or_else(|| ": are these labels of other data?".to_owned())
        )));
    }
    labels.unknown_of = labels.names.iter().map(|name| unknown.get(name).copied().unwrap_or(0)).collect();
    Ok(labels)
}

/// The flagged network of each account as its index by rank, or `NONE_U32`.
pub fn predicted(results: &Results) -> Vec<u32> {
    results.labelling.flagged_networks()
}

/// What is known of the accounts of a store: their networks, and the look-alikes' groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Networks.
    pub networks: Labels,
    /// Groups of legitimate look-alikes; empty if none are known.
    pub groups: Labels,
    /// What accounts are that the truth doesn't name.
    pub unlabelled: Unlabelled,
}

/// An evaluation, and of how many labelled accounts it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evaluated {
    /// Over the labelled accounts that the store has: recall is of these.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Accounts of the truth.
    pub labels: LabelCount,
    /// Accounts of the look-alikes' groups, if there are any.
    pub benign_labels: Option<LabelCount>,
}

impl Truth {
    /// Says of how many labelled accounts an evaluation is.
    pub fn told(&self, evaluation: Evaluation) -> Evaluated {
        let benign = Some(self.groups.count()).filter(|count| count.accounts > 0);
        Evaluated { evaluation, labels: self.networks.count(), benign_labels: benign }
    }

    /// Reads both files: `account_id,network` (or `cluster`), and the groups of look-alikes, `account_id,group` or accounts alone.
    ///
    /// # Errors
    /// As [`read_labels`].
    pub fn read(dataset: &Dataset, labels: &Path, groups: Option<&Path>, unlabelled: Unlabelled) -> Result<Self, Error> {
        let networks = read_labels(dataset, labels, &["network", "cluster"])?;
        let groups = match groups {
            Some(path) => labels_or(dataset, path, &["group"], Some(BENIGN))?,
            None => Labels::default(),
        };
        Ok(Truth { networks, groups, unlabelled })
    }

    /// Scores groups of accounts, numbered from 0 by rank and named in that order.
    ///
    /// # Errors
    /// [`Error::Synth`] if the columns don't fit.
    pub fn score(&self, found: &[u32], names: &[String]) -> Result<Evaluation, Error> {
        Ok(synth::metrics::evaluate(&self.comparison(found, names))?)
    }

    /// Pairwise precision and recall with intervals, from the labelled networks as a sample of all.
    ///
    /// # Errors
    /// [`Error::Synth`] if the columns don't fit.
    pub fn estimate(&self, found: &[u32], names: &[String]) -> Result<SampledPairwise, Error> {
        Ok(synth::metrics::estimate_from_sample(&self.comparison(found, names))?)
    }

    fn comparison<'a>(&'a self, found: &'a [u32], names: &'a [String]) -> synth::metrics::Comparison<'a> {
        synth::metrics::Comparison {
            truth: &self.networks.label_of,
            truth_names: &self.networks.names,
            found,
            found_names: names,
            groups: &self.groups.label_of,
            group_names: &self.groups.names,
            unlabelled: self.unlabelled,
        }
    }
}

/// Compares the flagged networks with the truth in `labels`.
///
/// # Errors
/// As [`read_labels`]; [`Error::Usage`] if the results are of another store, or of it before an update.
pub fn evaluate(
    dataset: &Dataset,
    results: &Results,
    labels: &Path,
    groups: Option<&Path>,
    unlabelled: Unlabelled,
) -> Result<Evaluated, Error> {
    results.labelling().check_of(dataset)?;
    let truth = Truth::read(dataset, labels, groups, unlabelled)?;
    Ok(truth.told(truth.score(&predicted(results), &names_of(results))?))
}

/// Ids of the networks, by rank.
pub fn names_of(results: &Results) -> Vec<String> {
    results.networks.iter().map(|network| network.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn labels_of_accounts_that_the_store_does_not_have_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::testing::store_of_events(folder.path(), "store", &[(1, 1, 1, 0), (2, 1, 1, 1)]);
        let dataset = Dataset::open(&store).unwrap();
        let read = |text: &str| {
            let file = folder.path().join("labels.csv");
            std::fs::write(&file, text).unwrap();
            read_labels(&dataset, &file, &["network"])
        };
        let labels = read("account_id,network\nacct0001,A\nacct0002,B\nacct0003,B\nacct0004,C\nacct0005,\n").unwrap();
        assert_eq!(labels.count(), LabelCount { accounts: 4, unknown: 2 });
        assert_eq!((labels.names, labels.unknown_of), (vec!["A".to_owned(), "B".to_owned()], vec![0, 1]));
        let error = read("account_id,network\nacct1,A\nacct2,A\n").unwrap_err().to_string();
        assert!(error.contains("none of the accounts that it labels (2)"), "{error}");
        // The same twice is once; another label can't be.
        assert_eq!(
            read("account_id,network\nacct0001,A\nacct0001,A\n").unwrap().count(),
            LabelCount { accounts: 1, unknown: 0 }
        );
        let error = read("account_id,network\nacct0001,A\nacct0002,B\nacct0001,B\n").unwrap_err().to_string();
        assert!(error.contains("acct0001 has two labels, A and B"), "{error}");
        // However the table is written.
        assert_eq!(read("Account\tCluster\tnetwork\nacct0002\tX\tB\n").unwrap().names, ["B"]);
        assert!(read("account_id,netwerk\nacct0001,A\n").unwrap_err().to_string().contains("no column network"));
        // A list of legitimate accounts needn't say what they are.
        let list = folder.path().join("list.csv");
        std::fs::write(&list, "account_id\r\nacct0002\r\nacct0009\r\n").unwrap();
        let groups = labels_or(&dataset, &list, &["group"], Some(BENIGN)).unwrap();
        assert_eq!((groups.count(), groups.names), (LabelCount { accounts: 2, unknown: 1 }, vec!["benign".to_owned()]));
        // A world without networks has no labels, and is not another world.
        assert_eq!(read("account_id,network\n").unwrap().count(), LabelCount::default());
    }

    #[test]
    fn accounts_of_a_store_of_pseudonyms_are_named_as_in_the_logs() {
        let folder = tempfile::tempdir().unwrap();
        let events = crate::testing::events_file(folder.path(), "events", &[(1, 1, 1, 0), (2, 1, 1, 1)]);
        let (store, key) =
            (folder.path().join("store"), crate::testing::key(folder.path(), b"0123456789abcdef0123456789abcdef"));
        let config = crate::IngestConfig { pseudonym: Some(key.pseudonyms()), ..crate::IngestConfig::default() };
        crate::build(&[events], &store, &config, &crate::Unobserved).unwrap();
        let file = folder.path().join("labels.csv");
        std::fs::write(&file, "account_id,network\nacct0001,A\nacct0003,B\n").unwrap();
        let blind = Dataset::open(&store).unwrap();
        let error = read_labels(&blind, &file, &["network"]).unwrap_err().to_string();
        assert!(error.contains("it holds pseudonyms under key") && !error.contains("other data"), "{error}");
        let dataset = blind.with_key(&key).unwrap();
        let labels = read_labels(&dataset, &file, &["network"]).unwrap();
        assert_eq!(labels.count(), LabelCount { accounts: 2, unknown: 1 });
        assert_eq!(labels.label_of[dataset.account("acct0001").unwrap().index()], 0);
    }

    #[test]
    fn labels_are_read_from_parquet_whatever_the_file_is_called() {
        use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
        let folder = tempfile::tempdir().unwrap();
        let store = crate::testing::store_of_events(folder.path(), "store", &[(1, 1, 1, 0), (2, 1, 1, 1)]);
        let dataset = Dataset::open(&store).unwrap();
        let networks: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(9)]));
        let beside: ArrayRef = Arc::new(StructArray::from(vec![(
            Arc::new(arrow_schema::Field::new("of", arrow_schema::DataType::Int64, true)),
            networks.clone(),
        )]));
        let accounts: ArrayRef = Arc::new(StringArray::from(vec!["acct0001", "acct0002", "acct0004"]));
        let batch = RecordBatch::try_from_iter_with_nullable(
            [("beside", beside), ("Account_ID", accounts), ("network", networks)].map(|(name, of)| (name, of, true)),
        );
        let (batch, file) = (batch.unwrap(), folder.path().join("labels"));
        let out = std::fs::File::create(&file).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(out, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let labels = read_labels(&dataset, &file, &["network"]).unwrap();
        assert_eq!((labels.accounts, labels.unknown_accounts, labels.names), (2, 1, vec!["7".to_owned()]));
        assert_eq!(labels.label_of, [0, NONE_U32]);
    }
}
