//! What is a column of this name? Our names and their aliases, whatever their case and separators.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use crate::error::{EventError, nearest};
use crate::options::SCHEMA;

/// What a column is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Time,
    Account,
    EventId,
    Identifier(String),
    Prompt,
    Model,
    Capability,
    Status,
    Pathway,
    Requests,
    Tokens,
    Kind,
    Value,
}

/// The kind of the templates of prompts.
pub const TEMPLATE_KIND: &str = "prompt_template_hash";

pub(super) const MEANINGS: &[(&str, &[&str])] = &[
    ("timestamp", &["ts", "time", "at"]),
    ("account_id", &["account", "user_id"]),
    (
        "ip",
        // What a proxy says of the client goes before whom the connection was with, who may be the proxy.
        &[
            "ip_address",
            "client_ip",
            "client_addr",
            "client_address",
            "source_ip",
            "src_ip",
            "x_forwarded_for",
            "remote_ip",
            "remote_addr",
            "remote_address",
        ],
    ),
    (
        "payment_instrument",
        &["payment", "card", "card_fingerprint", "card_hash", "payment_fingerprint", "payment_hash", "payment_instrument_hash"],
    ),
    (TEMPLATE_KIND, &["template_hash", "template"]),
    ("prompt", &[]),
    ("model", &[]),
    ("capability", &[]),
    ("status", &[]),
    ("pathway", &[]),
    ("requests", &["count"]),
    ("tokens", &["total_tokens", "token_count"]),
    ("device", &[]),
    ("user_agent", &[]),
    ("ja4", &[]),
    ("email_domain", &[]),
    ("phone_prefix", &[]),
    ("org", &[]),
    ("api_key", &[]),
    ("asn", &[]),
    ("bin", &["card_bin", "iin"]),
    ("issuer", &["card_issuer"]),
    ("virtual", &["is_virtual", "virtual_card"]),
    ("event_id", &["request_id"]),
    ("entity_kind", &[]),
    ("entity_value", &[]),
];

/// What gateways call columns of ours, those in objects by their paths. Of a column that a map names it says nothing, and kinds
/// aren't called so: rows of one sighting may have a kind `ua` of their own.
pub(super) const OF_GATEWAYS: &[(&str, &[&str])] = &[
    ("account_id", &["user.id"]),
    ("status", &["status_code", "response_status_code", "response.status"]),
    ("device", &["device_id"]),
    ("tokens", &["usage.total_tokens"]),
    // Beside user.id it would no longer be user_agent with another separator.
    ("user_agent", &["ua", "user.agent"]),
    ("org", &["org_id", "organization_id"]),
];

/// What rows of one sighting may call kind and value, where nothing else in them is an identifier.
pub(super) const OF_PAIRS: [(&str, &str); 2] = [("entity_kind", "kind"), ("entity_value", "value")];

/// Kinds of content: known by name in rows of one sighting, and columns where a map names them. Not by a header alone: a column
/// `url` of an access log is a path of one's own.
pub(super) const CONTENT: [&str; 9] =
    ["url", "domain", "hashtag", "image_phash", "video_phash", "post", "retweeted_post", "repository", "starred_repo"];

fn names_and_aliases() -> impl Iterator<Item = &'static str> {
    let of_gateways = OF_GATEWAYS.iter().flat_map(|(_, aliases)| *aliases);
    MEANINGS.iter().flat_map(|(ours, aliases)| std::iter::once(ours).chain(*aliases)).chain(of_gateways).copied()
}

pub(super) fn use_of(ours: &str) -> Use {
    match ours {
        "timestamp" => Use::Time,
        "account_id" => Use::Account,
        "event_id" => Use::EventId,
        "prompt" => Use::Prompt,
        "model" => Use::Model,
        "capability" => Use::Capability,
        "status" => Use::Status,
        "pathway" => Use::Pathway,
        "requests" => Use::Requests,
        "tokens" => Use::Tokens,
        "entity_kind" => Use::Kind,
        "entity_value" => Use::Value,
        kind => Use::Identifier(kind.to_string()),
    }
}

/// The canonical name of a kind: lower case, aliases resolved.
pub fn kind_name(raw: &str) -> String {
    let lower = raw.to_lowercase();
    MEANINGS.iter().find(|(_, aliases)| aliases.contains(&lower.as_str())).map_or(lower, |(ours, _)| (*ours).to_string())
}

/// Whether a kind is known by name.
pub(crate) fn is_known_kind(name: &str) -> bool {
    MEANINGS.iter().any(|(ours, _)| *ours == name && matches!(use_of(ours), Use::Identifier(_)))
}

/// Columns of a file that are compared with what was meant; a line has room for a million.
pub(crate) const COMPARED: usize = 1000;

/// What a column was meant to be: a known name or alias, its own or one that is nearly the same.
pub fn meant_by(column: &str) -> Option<&'static str> {
    let name = column.trim().to_lowercase();
    let letters = name.chars().count();
    // Of short names too many are nearly the same.
    let limit = if letters < 3 { 0 } else { 1 + letters / 8 };
    // Names of other lengths are further away than the difference; that of a hostile column may be megabytes.
    let as_long = |known: &&str| known.chars().count().abs_diff(letters) <= limit;
    let near = names_and_aliases().filter(as_long).map(|known| (strsim::damerau_levenshtein(&name, known), known));
    near.filter(|&(distance, _)| distance <= limit).min().map(|(_, known)| known)
}

/// Whether a column that means nothing may have been meant to be one of ours.
pub(crate) fn is_nearly(name: &str, ours: &str) -> bool {
    meant_by(name).and_then(ours_of) == Some(ours)
}

/// The columns of a header that mean nothing to us, and that no known name or alias is like.
///
/// # Errors
/// [`EventError::UnknownName`] for the first one, with the nearest known name.
pub(crate) fn refuse_unknown(ignored: &[String], file: &Path) -> Result<(), EventError> {
    match ignored.iter().find(|name| ours_of(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(EventError::UnknownName {
            file: file.display().to_string(),
            what: format!("column (refused by {SCHEMA} strict)"),
            name: name.clone(),
            nearest: nearest(name, names_and_aliases()),
        }),
    }
}

/// Names of ours that a column may be mapped to.
pub(crate) fn may_be_mapped() -> impl Iterator<Item = &'static str> {
    MEANINGS.iter().map(|(ours, _)| *ours).chain(CONTENT)
}

/// # Errors
/// [`EventError::UnknownName`] for what is none of our names.
pub(super) fn expect_meaning(ours: &str, file: String, what: &str) -> Result<(), EventError> {
    if may_be_mapped().any(|known| known == ours) {
        return Ok(());
    }
    Err(EventError::UnknownName {
        file,
        what: what.to_owned(),
        name: ours.to_string(),
        nearest: nearest(ours, may_be_mapped()),
    })
}

/// A name without case and separators.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '_' | '-' | '.' | ' ')).flat_map(char::to_lowercase).collect()
}

/// What our names and their aliases mean, folded; of a name with two meanings the first.
static FOLDED: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let meaning = |(ours, aliases): &(&'static str, &'static [&'static str])| {
        let ours = *ours;
        std::iter::once(ours).chain(aliases.iter().copied()).map(move |name| (fold(name), ours))
    };
    let of_gateways = OF_GATEWAYS.iter().flat_map(|(ours, aliases)| aliases.iter().map(|name| (fold(name), *ours)));
    // The last of equal keys stays.
    of_gateways.chain(MEANINGS.iter().rev().flat_map(meaning)).collect()
});

/// What a column of this name means, if it isn't mapped.
pub(super) fn ours_of(column: &str) -> Option<&'static str> {
    FOLDED.get(&fold(column.trim())).copied()
}
