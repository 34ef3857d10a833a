//! The words of string tables that are still said, under new numbers.

use std::collections::BTreeSet;

use events::Ingested;
use graph::Seconds;

use crate::dataset::Dataset;

/// The words of a column that are kept.
pub(super) struct Vocabulary {
    /// Words, in their old order.
    pub(super) words: Vec<String>,
    /// By old number: the new one, or nothing.
    new_of: Vec<Option<u32>>,
}

impl Vocabulary {
    /// The words that a column still says, which gets their new numbers; all of them where `whole`. What is no word stays so.
    pub(super) fn of<T: Code>(words: &[String], column: &mut [T], whole: bool) -> Self {
        let mut used = vec![whole; words.len()];
        for &code in column.iter() {
            if let Some(used) = used.get_mut(code.index()) {
                *used = true;
            }
        }
        let mut kept = Vec::new();
        let mut number = |(word, used): (&String, &bool)| {
            used.then(|| {
                kept.push(word.clone());
                kept.len() as u32 - 1
            })
        };
        let new_of: Vec<Option<u32>> = words.iter().zip(&used).map(&mut number).collect();
        for code in column.iter_mut() {
            if let Some(&Some(new)) = new_of.get(code.index()) {
                *code = T::of(new);
            }
        }
        Vocabulary { words: kept, new_of }
    }
}

/// The number of a word.
pub(super) trait Code: Copy {
    fn index(self) -> usize;
    fn of(number: u32) -> Self;
}

impl Code for u16 {
    fn index(self) -> usize {
        usize::from(self)
    }

    fn of(number: u32) -> Self {
        number as u16
    }
}

impl Code for u32 {
    fn index(self) -> usize {
        self as usize
    }

    fn of(number: u32) -> Self {
        number
    }
}

/// Releases of the models that are kept.
pub(super) fn renumbered_releases(releases: &[(u16, Seconds)], models: &Vocabulary) -> Vec<(u16, Seconds)> {
    let new_of = |model: u16| models.new_of.get(usize::from(model)).copied().flatten();
    releases.iter().filter_map(|&(model, time)| Some((u16::of(new_of(model)?), time))).collect()
}

/// A column of events; empty if it says nothing, as a build leaves it.
pub(super) fn said<T: PartialEq>(column: Vec<T>, nothing: T) -> Vec<T> {
    if column.iter().all(|value| *value == nothing) { Vec::new() } else { column }
}

/// The words that a store's tables hold, each with the table's name.
pub(crate) struct TableWords(BTreeSet<(&'static str, String)>);

impl TableWords {
    /// Of a store.
    pub(crate) fn of(dataset: &Dataset) -> Self {
        let tables = dataset.tables();
        TableWords::collect([
            ("models", &tables.models),
            ("capabilities", &tables.capabilities),
            ("countries", &tables.countries),
            ("tiers", &tables.tiers),
            ("pathways", &tables.pathways),
            ("orgs", &tables.orgs),
            ("statuses", &dataset.status().words),
            ("labels", &dataset.label().words),
        ])
    }

    /// Of what is to become a store.
    pub(crate) fn of_ingested(ingested: &Ingested) -> Self {
        let accounts = &ingested.accounts;
        TableWords::collect([
            ("models", &ingested.models),
            ("capabilities", &ingested.capabilities),
            ("countries", &accounts.countries),
            ("tiers", &accounts.tiers),
            ("pathways", &accounts.pathways),
            ("orgs", &accounts.orgs),
            ("statuses", &accounts.statuses),
            ("labels", &accounts.labels),
        ])
    }

    fn collect(tables: [(&'static str, &Vec<String>); 8]) -> Self {
        TableWords(tables.into_iter().flat_map(|(table, words)| words.iter().map(move |word| (table, word.clone()))).collect())
    }

    /// Those that others don't hold.
    pub(crate) fn without(&self, others: &TableWords) -> Self {
        TableWords(self.0.difference(&others.0).cloned().collect())
    }

    /// Those that others hold as well.
    pub(crate) fn still_in<'w>(&'w self, others: &'w TableWords) -> impl Iterator<Item = &'w str> {
        self.0.intersection(&others.0).map(|(_, word)| word.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_nobody_says_any_more_go() {
        let words = ["a", "b", "c"].map(str::to_owned);
        let mut column = [2u16, u16::MAX, 0, 2];
        let vocabulary = Vocabulary::of(&words, &mut column, false);
        assert_eq!((vocabulary.words.join(" "), column), ("a c".to_owned(), [1, u16::MAX, 0, 1]));
        assert_eq!(renumbered_releases(&[(0, 5), (1, 6), (2, 7)], &vocabulary), [(0, 5), (1, 7)]);
        let mut column = [2u32, u32::MAX];
        assert_eq!(Vocabulary::of(&words, &mut column, true).words, words);
        assert_eq!(column, [2, u32::MAX]);
        assert!(said(vec![1, 1], 1).is_empty());
        assert_eq!(said(vec![1, 2], 1), [1, 2]);
    }
}
