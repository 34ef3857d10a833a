//! Numbers of things in words.

/// A number of things that a word with an `s` means several of: 1 network, 2 networks.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
