//! Names that were shortened in the middle, and whose they are.

use graph::{AccountId, IdentifierId, KindId};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::near::SUGGESTIONS;
use crate::dataset::Dataset;
use crate::names::NameTable;

/// Columns that the end of a shortened name keeps: of a hash, eight digits.
const END: usize = 8;

/// A string cut to `width` columns of a terminal, with an ellipsis in the middle where something was cut: what
/// [`Dataset::node`] takes for the name, if it is the only one that begins and ends so.
pub fn abridged(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let end = END.min(width / 3);
    let cut = |room: usize, characters: &mut dyn Iterator<Item = char>| -> Vec<char> {
        let mut taken = 0;
        let fits = |character: &char| {
            taken += UnicodeWidthChar::width(*character).unwrap_or(0);
            taken <= room
        };
        characters.take_while(fits).collect()
    };
    let begin = cut(width.saturating_sub(end + 1), &mut text.chars());
    let end = cut(end, &mut text.chars().rev());
    begin.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

impl Dataset {
    /// The account whose id was cut to this in the middle.
    pub(super) fn account_cut(&self, id: &str) -> Option<AccountId> {
        if !self.naming().shows_account_table() {
            return None;
        }
        match self.cut_to(0..self.graph().account_count() as u32, id, self.account_names())[..] {
            [account] => Some(AccountId(account)),
            _ => None,
        }
    }

    /// The identifier whose value was.
    pub(super) fn identifier_cut(&self, kind: KindId, value: &str) -> Option<IdentifierId> {
        if !self.naming().is_full() {
            return None;
        }
        match self.cut_to(self.graph().identifiers_of_kind(kind), value, self.identifier_names())[..] {
            [identifier] => Some(IdentifierId(identifier)),
            _ => None,
        }
    }

    /// The first names of a range that begin and end as one that was cut; more than one are told, none of them meant.
    /// O(names that begin so).
    pub(super) fn cut_to(&self, range: std::ops::Range<u32>, name: &str, names: &NameTable) -> Vec<u32> {
        let Some((begin, end)) = name.split_once('…') else { return Vec::new() };
        let longer = begin.len() + end.len();
        (names.lower_bound(range.clone(), begin)..range.end)
            .take_while(|&id| names.name_of(id).starts_with(begin))
            .filter(|&id| names.name_of(id).len() > longer && names.name_of(id).ends_with(end))
            .take(SUGGESTIONS)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Name;

    #[test]
    fn a_name_that_was_cut_in_the_middle_is_the_one_that_begins_and_ends_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let (events, store) = (folder.path().join("events.csv"), folder.path().join("store"));
        let hash = |last: &str| format!("{}{last}", "0123456789abcdef".repeat(4));
        let row = |account: &str, device: &str| format!("2026-03-01T00:00:00Z,{account},{device}\n");
        let text = [row(&hash("a1"), &hash("d1")), row(&hash("b2"), &hash("e2")), row("x…y", &hash("e2"))].concat();
        std::fs::write(&events, format!("timestamp,account_id,device\n{text}")).expect("written");
        crate::build(&[events], &store, &events::IngestConfig::default(), &crate::Unobserved).expect("a store");
        let dataset = Dataset::open(&store).expect("a store");
        let label = |typed: &str| dataset.node(typed).map(|node| dataset.label_of(node));
        let cut = abridged(&format!("device:{}", hash("e2")), 44);
        assert_eq!(label(&cut).expect("one device"), format!("device:{}", hash("e2")));
        assert_eq!(label("account:0123…a1").expect("one account"), format!("account:{}", hash("a1")));
        assert_eq!(label("0123…efb2").expect("one node"), format!("account:{}", hash("b2")));
        // An id may have the sign itself; and where several begin and end so, they are named and none is taken.
        assert_eq!(label("x…y").expect("an account"), "account:x…y");
        let error = label("account:0123…").expect_err("two").to_string();
        assert!(error.contains(&hash("a1")) && error.contains(&hash("b2")), "{error}");
        assert!(dataset.account_named(&Name::Account("0123…a1".to_owned())).is_err(), "a column of ids has whole ones");
        assert!(label("device:x…").is_err() && label("device:…e").is_err());
    }

    #[test]
    fn what_is_cut_is_seen_to_be_cut() {
        assert_eq!(abridged("abcdef", 4), "ab…f");
        assert_eq!(abridged("abcd", 4), "abcd");
        assert_eq!(abridged("device:0123456789abcdef0123456789abcdef", 24), "device:01234567…89abcdef");
        // A terminal's columns: two a character.
        assert_eq!(abridged("会社アカウント番号", 12), "会社ア…番号");
    }
}
