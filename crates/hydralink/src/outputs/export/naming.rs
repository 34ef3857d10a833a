//! How identifying values are shown: as stored, to an analyst, or redacted.
//!
//! | level | accounts | addresses | templates | other identifiers | account table |
//! |---|---|---|---|---|---|
//! | full | as stored | as stored | as stored | as stored | yes |
//! | analyst | as stored | their /24 or /48, `~` and a pseudonym | as stored (hashes) | pseudonym | yes |
//! | redact | pseudonym | pseudonym | pseudonym | pseudonym | no |
//!
//! A pseudonym is 16 hex digits of keyed BLAKE3 of (kind, value): without the key it can't be reversed by trying values, and
//! two exports with one key can be joined. A level that needs a key refuses to work without one.

use std::borrow::Cow;
use std::net::IpAddr;

use evidence::KindRole;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::options::KEY_FILE_TO_SHOW;
use crate::privacy::ExportKey;

/// How much of an identifying value is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// As stored.
    #[default]
    Full,
    /// Accounts and templates as stored, addresses by prefix, the rest as pseudonyms.
    Analyst,
    /// Pseudonyms only.
    Redact,
}

impl Level {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Level::Full => "full",
            Level::Analyst => "analyst",
            Level::Redact => "redact",
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        *self == Level::Full
    }
}

/// What stands for a pseudonym whose key isn't known. No value that a log has holds these, for they aren't text.
pub(crate) const HIDDEN: &str = "\u{fffc}\u{fff9}\u{fffc}";

/// Shows values at one level.
#[derive(Clone, Copy)]
pub(crate) struct Naming {
    level: Level,
    key: Option<ExportKey>,
}

impl std::fmt::Debug for Naming {
    /// The level, never the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.words())
    }
}

impl Naming {
    /// Checks that the level has the key that it needs.
    pub(crate) fn new(level: Level, key: Option<ExportKey>) -> Result<Self, Error> {
        if level != Level::Full && key.is_none() {
            return Err(Error::Usage(format!(
                "levels analyst and redact need a key for their pseudonyms: give {KEY_FILE_TO_SHOW}, or take level full"
            )));
        }
        Ok(Naming { level, key })
    }

    /// The level where the key of its pseudonyms isn't known: each is [`HIDDEN`]. For comparing, and never for showing.
    pub(crate) fn without_key(level: Level) -> Self {
        Naming { level, key: None }
    }

    /// The level.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// The level, in words.
    pub(crate) fn words(&self) -> &'static str {
        match self.level {
            Level::Full => "as stored",
            Level::Analyst => "analyst (accounts as stored, addresses by prefix, other identifiers as pseudonyms)",
            Level::Redact => "redacted (pseudonyms only)",
        }
    }

    /// The level, and the key of its pseudonyms.
    pub(crate) fn parts(&self) -> (Level, Option<ExportKey>) {
        (self.level, self.key)
    }

    /// Whether values are shown as stored.
    pub(crate) fn is_full(&self) -> bool {
        self.level == Level::Full
    }

    /// Whether accounts are called as stored.
    pub(crate) fn shows_accounts(&self) -> bool {
        self.level != Level::Redact
    }

    /// Whether what the account table says is shown.
    pub(crate) fn shows_account_table(&self) -> bool {
        self.level != Level::Redact
    }

    /// Whether what is left of a prompt, all that is particular masked, is shown.
    pub(crate) fn shows_skeletons(&self) -> bool {
        self.level != Level::Redact
    }

    /// Whether free text that may quote raw values is shown.
    pub(crate) fn shows_text(&self) -> bool {
        self.level == Level::Full
    }

    /// An account's name.
    pub(crate) fn account<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.level {
            Level::Full | Level::Analyst => Cow::Borrowed(name),
            Level::Redact => Cow::Owned(self.pseudonym("account", name)),
        }
    }

    /// An identifier's value.
    pub(crate) fn identifier<'a>(&self, kind: &str, role: KindRole, value: &'a str) -> Cow<'a, str> {
        match (self.level, role) {
            (Level::Full, _) | (Level::Analyst, KindRole::Template) => Cow::Borrowed(value),
            (Level::Analyst, KindRole::Address) => {
                let pseudonym = self.pseudonym(kind, value);
                Cow::Owned(prefix(value).map_or(pseudonym.clone(), |prefix| format!("{prefix}~{pseudonym}")))
            }
            _ => Cow::Owned(self.pseudonym(kind, value)),
        }
    }

    /// `KIND:VALUE` as the results hold it, by the role that the dataset has for the kind. A kind never holds a colon.
    pub(crate) fn labelled(&self, dataset: &Dataset, label: &str) -> String {
        match label.split_once(':') {
            Some((kind, value)) => format!("{kind}:{}", self.identifier(kind, dataset.role_named(kind), value)),
            None => self.pseudonym_or(label),
        }
    }

    fn pseudonym_or(&self, value: &str) -> String {
        if self.level == Level::Full { value.to_owned() } else { self.pseudonym("", value) }
    }

    fn pseudonym(&self, kind: &str, value: &str) -> String {
        self.key.map_or_else(|| HIDDEN.to_owned(), |key| pseudonym(&key, kind, value))
    }
}

/// Hex digits of a pseudonym.
const DIGITS: usize = 16;

/// Whether a text is one in which each [`HIDDEN`] of `pattern` is some pseudonym.
pub(crate) fn may_be(text: &str, pattern: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let mut pieces = pattern.split(HIDDEN);
    let mut rest = pieces.next().and_then(|first| text.strip_prefix(first));
    for piece in pieces {
        rest = rest.and_then(|rest| {
            let digits = rest.as_bytes().get(..DIGITS)?;
            if digits.iter().all(is_digit) { rest[DIGITS..].strip_prefix(piece) } else { None }
        });
    }
    rest == Some("")
}

/// 16 hex digits that stand for a value of a kind.
pub(crate) fn pseudonym(key: &ExportKey, kind: &str, value: &str) -> String {
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    // The length keeps ("a", "bc") and ("ab", "c") apart.
    hasher.update(&(kind.len() as u64).to_le_bytes()).update(kind.as_bytes()).update(value.as_bytes());
    hasher.finalize().to_hex()[..DIGITS].to_owned()
}

/// The /24 or /48 of an address or of a longer prefix.
fn prefix(value: &str) -> Option<String> {
    let (address, length) = match value.split_once('/') {
        Some((address, length)) => (address, length.parse::<u8>().ok()?),
        None => (value, u8::MAX),
    };
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            (length >= 24).then(|| format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            (length >= 48).then(|| format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_with_pseudonyms_needs_a_key() {
        assert!(matches!(Naming::new(Level::Redact, None), Err(Error::Usage(_))));
        assert!(Naming::new(Level::Full, None).is_ok());
    }

    #[test]
    fn a_pseudonym_of_an_unknown_key_may_be_any_and_nothing_else() {
        let hidden = Naming::without_key(Level::Analyst).identifier("ip", KindRole::Address, "203.0.113.9").into_owned();
        assert_eq!(hidden, format!("203.0.113.0/24~{HIDDEN}"));
        let sentence = format!("without ip:{hidden} it is 3");
        assert!(may_be("without ip:203.0.113.0/24~0123456789abcdef it is 3", &sentence));
        for other in ["203.0.114.0/24~0123456789abcdef", "203.0.113.0/24~0123456789abcde", "203.0.113.0/24~0123456789ABCDEF"] {
            assert!(!may_be(&format!("without ip:{other} it is 3"), &sentence), "{other}");
        }
        assert!(!may_be("without ip:203.0.113.0/24~0123456789abcdef it is 4", &sentence));
        assert!(may_be("no name", "no name") && !may_be("", &hidden) && !may_be("é".repeat(20).as_str(), HIDDEN));
    }

    #[test]
    fn values_are_shown_as_the_level_says() {
        let analyst = Naming::new(Level::Analyst, Some(ExportKey([7; 32]))).unwrap();
        let shown = analyst.identifier("ip", KindRole::Address, "203.0.113.9");
        assert!(shown.starts_with("203.0.113.0/24~") && shown.len() == 31);
        assert!(analyst.identifier("ip", KindRole::Address, "2001:db8:1:2::/64").starts_with("2001:db8:1::/48~"));
        assert_ne!(shown, analyst.identifier("ip", KindRole::Address, "203.0.113.8"));
        assert_eq!(analyst.account("u1"), "u1");
        let redacted = Naming::new(Level::Redact, Some(ExportKey([7; 32]))).unwrap();
        assert_eq!(redacted.account("u1"), redacted.account("u1"));
        assert!(!redacted.identifier("payment_instrument", KindRole::Payment, "4242").contains("4242"));
        let other_key = Naming::new(Level::Redact, Some(ExportKey([8; 32]))).unwrap();
        assert_ne!(redacted.account("u1"), other_key.account("u1"));
    }
}
