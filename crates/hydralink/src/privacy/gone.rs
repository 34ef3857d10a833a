//! Does what somebody wrote name who is to be gone?
//!
//! Reasons of an allow list, labels of an account table and remarks of the case log are free text. They name somebody if the
//! name stands in them as a word of its own, in whatever letters. A short value of an identifier (`42`, `shop`) says nothing in
//! a text by itself, nor does a short number of an account; they count after their kind, `payment_instrument:42`, `account:7`.
//!
//! Cost: O(words²) look-ups a text, however many names there are.

use std::collections::HashSet;

use super::proof::{LONG, in_a_name, whole_words};

/// Names of accounts and identifiers that are to be gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone {
    /// In small letters.
    names: HashSet<String>,
    /// Bytes of the longest.
    longest: usize,
}

impl Gone {
    /// Adds an account.
    pub(crate) fn account(&mut self, name: &str) {
        if name.len() >= LONG || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            self.word(name);
        } else {
            self.word(&format!("account:{name}"));
        }
    }

    /// Adds an identifier.
    pub(crate) fn identifier(&mut self, kind: &str, value: &str) {
        if value.len() >= LONG {
            self.word(value);
        } else {
            self.word(&format!("{kind}:{value}"));
        }
    }

    fn word(&mut self, word: &str) {
        let word = word.to_lowercase();
        self.longest = self.longest.max(word.len());
        self.names.insert(word);
    }

    /// Whether a text names one of them.
    pub(crate) fn named_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let bytes = text.as_bytes();
        let outside = |at: usize| !bytes.get(at).is_some_and(|&byte| in_a_name(byte));
        let starts = (0..bytes.len()).filter(|&at| text.is_char_boundary(at) && (at == 0 || outside(at - 1)));
        let mut ends = |start: usize| {
            let ends =
                (start + 1..=bytes.len().min(start + self.longest)).filter(|&end| text.is_char_boundary(end) && outside(end));
            ends.into_iter().any(|end| self.names.contains(&text[start..end]))
        };
        starts.into_iter().any(&mut ends)
    }

    /// A text, or nothing where it names one of them.
    pub(crate) fn unless_named<'t>(&self, text: &'t str) -> &'t str {
        if self.named_in(text) { "" } else { text }
    }
}

/// Whether a name of an account stands in a text, both in small letters: a long one also as a part of a word.
pub(crate) fn stands_in(name: &str, text: &str) -> bool {
    if name.len() >= LONG { text.contains(name) } else { whole_words(text.as_bytes(), name.as_bytes()) > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_stands_in_a_word_a_short_one_by_itself() {
        assert!(stands_in("acct0001", "xacct00012") && stands_in("u1", "see u1.") && stands_in("7", "7 again"));
        assert!(!stands_in("u1", "u12") && !stands_in("7", "17 days") && !stands_in("7", ""));
    }

    #[test]
    fn a_name_counts_as_a_word_in_whatever_letters() {
        let mut gone = Gone::default();
        assert!(!gone.named_in("acct0001"));
        gone.account("Acct0001");
        gone.account("Zoë K.");
        gone.account("7");
        gone.identifier("payment_instrument", "42");
        gone.identifier("ip", "198.51.100.7");
        for text in
            ["acct0001", "see ACCT0001, again", "of ZOË K.'s", "like account:7", "payment_instrument:42", "at (198.51.100.7)"]
        {
            assert!(gone.named_in(text), "{text}");
            assert_eq!(gone.unless_named(text), "");
        }
        for text in ["", "acct00011", "acct0001-b", "42 of them", "card:42", "198.51.100.77", "zoë", "cohort 7"] {
            assert!(!gone.named_in(text), "{text}");
            assert_eq!(gone.unless_named(text), text);
        }
    }
}
