//! How right was it? The networks found against known truth.
//!
//! The metrics themselves are `synth::metrics`; here the truth is read from CSV and joined to the accounts of the store.

use std::collections::HashMap;
use std::path::Path;

use graph::{AccountId, NONE_U32};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Results;

pub use synth::metrics::{Evaluation, SampledPairwise, Score, Unlabelled};

/// A column of labels for the accounts of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// Label of each account, an index into `names`, or `NONE_U32`.
    pub label_of: Vec<u32>,
    /// Names of the labels, in order of first appearance in the file.
    pub names: Vec<String>,
    /// Rows that label an account.
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

/// Reads `account_id,LABEL`, where the label's column has one of `headings` (in small letters), as side tables are read: CSV, TSV or
/// Parquet, `-` for stdin. Accounts are named as in the logs, also of a store of pseudonyms if the dataset has its key.
///
/// # Errors
/// [`Error::Usage`] if the store has none of the accounts; [`Error::Events`] if the file can't be read, a column is missing or a row
/// is short.
pub fn read_labels(dataset: &Dataset, path: &Path, headings: &[&str]) -> Result<Labels, Error> {
    let mut labels = Labels { label_of: vec![NONE_U32; dataset.graph().account_count()], ..Labels::default() };
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut unknown: HashMap<String, u64> = HashMap::new();
    for [account, label] in events::columns_of(path, [&ACCOUNTS, headings])? {
        if label.is_empty() {
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
pub fn predicted(dataset: &Dataset, results: &Results) -> Vec<u32> {
    let label = |account| match results.labelling.flagged_network_of(AccountId(account)) {
        Some(_) => results.labelling.network_of[account as usize],
        None => NONE_U32,
    };
    (0..dataset.graph().account_count() as u32).map(label).collect()
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

    /// Reads both files.
    ///
    /// # Errors
    /// As [`read_labels`].
    pub fn read(dataset: &Dataset, labels: &Path, groups: Option<&Path>, unlabelled: Unlabelled) -> Result<Self, Error> {
        let networks = read_labels(dataset, labels, &["network", "cluster"])?;
        let groups = match groups {
            Some(path) => read_labels(dataset, path, &["group"])?,
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
/// As [`read_labels`].
pub fn evaluate(
    dataset: &Dataset,
    results: &Results,
    labels: &Path,
    groups: Option<&Path>,
    unlabelled: Unlabelled,
) -> Result<Evaluated, Error> {
    let truth = Truth::read(dataset, labels, groups, unlabelled)?;
    Ok(truth.told(truth.score(&predicted(dataset, results), &names_of(results))?))
}

/// Ids of the networks, by rank.
pub fn names_of(results: &Results) -> Vec<String> {
    results.networks.iter().map(|network| network.id.clone()).collect()
}

/// Legitimate accounts flagged among those of one country or pathway.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FairnessLine {
    /// `country` or `pathway`.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// Legitimate accounts that have it.
    pub benign: u64,
    /// Flagged ones among them.
    pub flagged: u64,
    /// Flagged in a million.
    pub per_million: f64,
    /// Its rate over the rate of all other legitimate accounts; `None` if neither has any.
    pub ratio: Option<f64>,
    /// Fisher's exact probability, one-sided, of at least so many flagged if the flagged were drawn at random from all
    /// legitimate accounts. Members of one network are flagged together, so it is too small where a whole group was flagged.
    pub p_value: f64,
}

/// Whom false alarms hit: rates among legitimate accounts by country and pathway, most uneven first. With partial truth only
/// accounts of known look-alike groups count as legitimate.
pub fn fairness(dataset: &Dataset, results: &Results, truth: &Truth) -> Vec<FairnessLine> {
    let found = predicted(dataset, results);
    let known_benign = |account: usize| {
        let grouped = truth.groups.label_of.get(account).is_some_and(|&group| group != NONE_U32);
        truth.networks.label_of[account] == NONE_U32 && (grouped || truth.unlabelled == Unlabelled::Benign)
    };
    let benign: Vec<usize> = (0..found.len()).filter(|&account| known_benign(account)).collect();
    let flagged = benign.iter().filter(|&&account| found[account] != NONE_U32).count() as u64;
    let (tables, accounts) = (dataset.tables(), dataset.accounts());
    let mut lines = Vec::new();
    for (attribute, column, names) in
        [("country", &accounts.country, &tables.countries), ("pathway", &accounts.pathway, &tables.pathways)]
    {
        let mut counts = vec![(0u64, 0u64); names.len()];
        for &account in &benign {
            if let Some(count) = column.get(account).and_then(|&value| counts.get_mut(usize::from(value))) {
                count.0 += 1;
                count.1 += u64::from(found[account] != NONE_U32);
            }
        }
        lines.extend(counts.iter().zip(names).filter(|(count, _)| count.0 > 0).map(|(&(of, hit), value)| {
            let rate = |hit: u64, of: u64| if of == 0 { 0.0 } else { hit as f64 / of as f64 };
            let others = rate(flagged - hit, benign.len() as u64 - of);
            FairnessLine {
                attribute: attribute.to_owned(),
                value: value.clone(),
                benign: of,
                flagged: hit,
                per_million: rate(hit, of) * 1e6,
                ratio: (flagged > 0 && others > 0.0).then(|| rate(hit, of) / others),
                p_value: hypergeometric_tail(benign.len() as u64, flagged, of, hit),
            }
        }));
    }
    lines.sort_by(|a, b| {
        a.p_value
            .total_cmp(&b.p_value)
            .then(b.flagged.cmp(&a.flagged))
            .then((&a.attribute, &a.value).cmp(&(&b.attribute, &b.value)))
    });
    lines
}

/// P(X >= hit) for the number X of marked ones among `drawn` of `total`, `marked` of which are marked: a sum of exact terms,
/// each from the one before.
fn hypergeometric_tail(total: u64, marked: u64, drawn: u64, hit: u64) -> f64 {
    let most = marked.min(drawn);
    let least = (marked + drawn).saturating_sub(total);
    if hit <= least {
        return 1.0;
    }
    let ln_choose =
        |n: u64, k: u64| -> f64 { (0..k.min(n - k)).map(|at| ((n - at) as f64).ln() - ((at + 1) as f64).ln()).sum() };
    let chance =
        |hit: u64| -> f64 { (ln_choose(marked, hit) + ln_choose(total - marked, drawn - hit) - ln_choose(total, drawn)).exp() };
    // Chances fall away from the most likely number on either side: a sum that begins beyond it begins with what is 0 by its size.
    let ratio =
        |at: u64| (marked - at) as f64 * (drawn - at) as f64 / ((at + 1) as f64 * (total + at + 1 - marked - drawn) as f64);
    let mode = ((marked + 1) as f64 * (drawn + 1) as f64 / (total + 2) as f64) as u64;
    let mut sum = 0.0;
    if hit > mode {
        let mut term = chance(hit);
        for at in hit..=most {
            sum += term;
            term *= ratio(at);
        }
        return sum.min(1.0);
    }
    let mut term = chance(hit - 1);
    for at in (least..hit).rev() {
        sum += term;
        if at > least {
            term /= ratio(at - 1);
        }
    }
    (1.0 - sum).clamp(0.0, 1.0)
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
        // However the table is written.
        assert_eq!(read("Account\tCluster\tnetwork\nacct0002\tX\tB\n").unwrap().names, ["B"]);
        assert!(read("account_id,netwerk\nacct0001,A\n").unwrap_err().to_string().contains("no column network"));
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

    #[test]
    fn tails_by_hand() {
        // Of 10, 4 marked, 5 drawn: P(X >= 3) = (4 x 15 + 1 x 6) / 252.
        assert!((hypergeometric_tail(10, 4, 5, 3) - 66.0 / 252.0).abs() < 1e-12);
        assert!((hypergeometric_tail(10, 4, 5, 4) - 6.0 / 252.0).abs() < 1e-12);
        assert_eq!(hypergeometric_tail(10, 4, 5, 0), 1.0);
        // 8 of 10 drawn leave 2: at least 2 of 4 marked are drawn.
        assert_eq!(hypergeometric_tail(10, 4, 8, 2), 1.0);
        assert!((hypergeometric_tail(20_000, 100, 4_000, 1) - 1.0).abs() < 1e-6);
        // The chance of so few is 0 by its size, and that of at least so many was, too.
        assert!((hypergeometric_tail(24_218, 595, 23_583, 1) - 1.0).abs() < 1e-9);
        // Below the most likely number the one and the other sum are of one whole: by hand, P(X >= 1) = 1 - 6 / 252.
        assert!((hypergeometric_tail(10, 4, 5, 1) - (1.0 - 6.0 / 252.0)).abs() < 1e-12);
        assert!((hypergeometric_tail(10, 4, 5, 2) - (1.0 - 66.0 / 252.0)).abs() < 1e-12);
    }
}
