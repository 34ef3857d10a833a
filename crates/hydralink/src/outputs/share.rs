//! Which indicators of others do we know too, without either of us showing a value?
//!
//! Members of a group hold one key file. [`share()`] writes, for every identifier that a network keeps to itself, a *token*:
//! 128 bits of keyed BLAKE3 of (kind, value) under a key derived from it. [`find_matches`] computes the tokens of its own
//! identifiers and intersects. Equal values give equal tokens; without the key a token says nothing.
//!
//! Every indicator carries its harm label: the share of benign accounts seen with it, its class, how sure one may be, and until
//! when it means anything, all as [`crate::export::share`] defines them. Hubs and what strangers share are not written at all.
//!
//! *Form*: JSON Lines. The first line says what the file is: format, version, group (the id of the key), whose values the
//! tokens are of, and as of when; then one indicator a line, ascending by token; the last line is a MAC of all bytes before it
//! under the same key, so that a file that was cut, changed or made by somebody outside the group is refused.
//!
//! What this is not: who holds the group's key can compute the token of each of the 2^32 IPv4 addresses and read the addresses
//! off the file. It keeps values from everybody outside the group, and from members only where they can't be guessed. Cost: one
//! hash an identifier of the store.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use graph::{AccountId, IdentifierId};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::export::share::{Shared, confidence_in, percent, shared};
use crate::export::{Compression, ExportConfig, ExportGraph, Networks, Selection, Sharing, write_file};
use crate::node::Node;
use crate::options::SHARE;
use crate::privacy::Key;
use crate::results::Labelling;
use crate::time::rfc3339;

const FORMAT: &str = "hydralink-indicators";
const VERSION: u32 = 1;
/// Hex digits of a token: 128 bits.
const DIGITS: usize = 32;
/// What the tokens are of in a store of plain values.
const PLAIN: &str = "values";

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    /// Id of the group's key.
    group: String,
    /// `values`, or the id of the key of the pseudonyms that the tokens are of.
    of: String,
    /// Time that validity is counted from.
    as_of: Option<String>,
    tlp: String,
    indicators: u64,
}

/// One indicator as it is shared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Indicator {
    /// Keyed hash of kind and value.
    pub token: String,
    /// Kind of identifier.
    pub kind: String,
    /// What it was classified as.
    pub class: Option<String>,
    /// Share of the accounts seen with it that don't belong to the network, rounded to 1%.
    pub benign_prevalence: f64,
    /// 0..100.
    pub confidence: u8,
    /// After this it means nothing.
    pub valid_until: Option<String>,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct Footer {
    mac: String,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShareSummary {
    /// Indicators.
    pub indicators: u64,
    /// Identifiers of the networks that were held back: hubs, and what too many benign accounts use.
    pub held_back: u64,
    /// Networks.
    pub networks: u64,
    /// Networks that people rejected: nothing of them is shared.
    pub rejected: u64,
    /// Id of the group's key.
    pub group: String,
    /// Whether the store holds pseudonyms: only stores with the same key match then.
    pub pseudonyms: bool,
}

/// One indicator that this store knows too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Match {
    /// `KIND:VALUE` here.
    pub identifier: String,
    /// Accounts here.
    pub accounts: u64,
    /// Flagged networks here that those belong to.
    pub networks: Vec<String>,
    /// Class here.
    pub class: Option<String>,
    /// Class there.
    pub their_class: Option<String>,
    /// Share of benign accounts there.
    pub their_benign_prevalence: f64,
    /// Confidence there, 0..100.
    pub their_confidence: u8,
    /// Until when it means anything.
    pub valid_until: Option<String>,
    /// Whether that was over when this store was last written to by an event.
    pub expired: bool,
}

/// Writes the indicators of networks for a group.
///
/// # Errors
/// As [`ExportGraph::from_dataset`]; [`Error::Io`], and no file is written then.
pub fn share(
    dataset: &Dataset,
    results: &Labelling,
    networks: Networks,
    sharing: &Sharing,
    key: &Key,
    path: &Path,
) -> Result<ShareSummary, Error> {
    let selection = Selection { networks, max_nodes: usize::MAX, ..Selection::default() };
    let config = ExportConfig { selection, sharing: sharing.clone(), ..ExportConfig::default() };
    let graph = ExportGraph::from_dataset(dataset, results, &config)?;
    let identifiers = shared(&graph, sharing);
    let secret = key.for_group();
    let mut indicators: Vec<Indicator> = identifiers
        .iter()
        .filter(|identifier| identifier.blockable)
        .map(|identifier| indicator(identifier, confidence_in(&graph, identifier), &secret))
        .collect();
    indicators.sort_by(|a, b| a.token.cmp(&b.token));
    let rejected_drawn = graph.beliefs.iter().filter(|belief| belief.is_rejected()).count() as u64;
    let stored_key = dataset.pseudonyms_id()?;
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        group: key.id(),
        of: stored_key.clone().unwrap_or_else(|| PLAIN.to_owned()),
        as_of: rfc3339(graph.about.as_of),
        tlp: sharing.tlp.name().to_owned(),
        indicators: indicators.len() as u64,
    };
    let mut text = line(&header);
    indicators.iter().for_each(|indicator| text.push_str(&line(indicator)));
    text.push_str(&line(&Footer { mac: mac(&secret, text.as_bytes()) }));
    write_file(path, Compression::None, |out| out.write_all(text.as_bytes()))?;
    Ok(ShareSummary {
        indicators: indicators.len() as u64,
        held_back: (identifiers.len() - indicators.len()) as u64,
        networks: graph.networks.len() as u64 - rejected_drawn,
        rejected: rejected_drawn + graph.left_out.rejected_networks,
        group: key.id(),
        pseudonyms: stored_key.is_some(),
    })
}

/// The identifiers of this store that a file of the group names, surest first.
///
/// # Errors
/// [`Error::Usage`] if the file is no such file, of another group, of other values than this store's, or was changed.
pub fn find_matches(dataset: &Dataset, results: Option<&Labelling>, path: &Path, key: &Key) -> Result<Vec<Match>, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    find_matches_in(dataset, results, &text, &path.display().to_string(), key)
}

/// The same of a file's text, which messages call `name`.
///
/// # Errors
/// As [`find_matches`].
pub fn find_matches_in(
    dataset: &Dataset,
    results: Option<&Labelling>,
    text: &str,
    name: &str,
    key: &Key,
) -> Result<Vec<Match>, Error> {
    dataset.check(results, [])?;
    let secret = key.for_group();
    let (header, indicators) = read(text, name, key, &secret)?;
    let ours = dataset.pseudonyms_id()?;
    let ours = ours.as_deref().unwrap_or(PLAIN);
    if header.of != ours {
        let what = |of: &str| if of == PLAIN { "plain values".to_owned() } else { format!("pseudonyms under key {of}") };
        return Err(Error::Usage(format!(
            "{name}: its indicators are of {}, the store holds {}: nothing can match",
            what(&header.of),
            what(ours)
        )));
    }
    let wanted: HashMap<&str, &Indicator> = indicators.iter().map(|indicator| (indicator.token.as_str(), indicator)).collect();
    let graph = dataset.graph();
    let last_seen = graph.last_seen();
    let now = rfc3339(last_seen);
    let mut matches: Vec<Match> = (graph.kinds())
        .flat_map(|kind| graph.identifiers_of_kind(kind))
        .collect::<Vec<u32>>()
        .into_par_iter()
        .with_min_len(1024)
        .filter_map(|identifier| {
            let identifier = IdentifierId(identifier);
            let (kind, value) = dataset.identifier_name(identifier);
            let theirs = *wanted.get(token(&secret, kind, value).as_str())?;
            Some(described(dataset, results, identifier, theirs, now.as_deref()))
        })
        .collect();
    matches.sort_by(|a, b| b.their_confidence.cmp(&a.their_confidence).then_with(|| a.identifier.cmp(&b.identifier)));
    Ok(matches)
}

fn described(
    dataset: &Dataset,
    results: Option<&Labelling>,
    identifier: IdentifierId,
    theirs: &Indicator,
    now: Option<&str>,
) -> Match {
    let accounts = dataset.graph().accounts_of(identifier);
    let networks = results.into_iter().flat_map(|results| {
        accounts.iter().filter_map(|&account| Some(results.flagged_network_of(AccountId(account))?.0.id.clone()))
    });
    let networks: std::collections::BTreeSet<String> = networks.collect();
    Match {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        accounts: accounts.len() as u64,
        networks: networks.into_iter().collect(),
        class: results.map(|results| results.class_of(identifier).to_owned()),
        their_class: theirs.class.clone(),
        their_benign_prevalence: theirs.benign_prevalence,
        their_confidence: theirs.confidence,
        // RFC 3339 in UTC with whole seconds orders as text.
        expired: theirs.valid_until.as_deref().is_some_and(|until| now.is_some_and(|now| until < now)),
        valid_until: theirs.valid_until.clone(),
    }
}

fn indicator(identifier: &Shared<'_>, confidence: u8, secret: &[u8; 32]) -> Indicator {
    Indicator {
        token: token(secret, identifier.kind, identifier.value),
        kind: identifier.kind.to_owned(),
        class: identifier.class.map(str::to_owned),
        benign_prevalence: f64::from(percent(identifier.benign_prevalence)) / 100.0,
        confidence,
        valid_until: rfc3339(identifier.valid_until()),
    }
}

fn read(text: &str, name: &str, key: &Key, secret: &[u8; 32]) -> Result<(Header, Vec<Indicator>), Error> {
    let refuse = |what: String| Error::Usage(format!("{name}: {what}"));
    let first = text.lines().next().unwrap_or_default();
    let header: Header = serde_json::from_str(first)
        .ok()
        .filter(|header: &Header| header.format == FORMAT)
        .ok_or_else(|| refuse(format!("it is no file of shared indicators ({SHARE} writes them)")))?;
    if header.version > VERSION {
        return Err(refuse(format!(
            "it has version {}, this build reads up to {VERSION}: use a newer hydralink",
            header.version
        )));
    }
    if header.group != key.id() {
        return Err(refuse(format!("it was made with the group key {}, the key file given is {}", header.group, key.id())));
    }
    let changed = || refuse("it was cut off or changed after it was written: ask for it again".to_owned());
    let (body, last) = text.trim_end_matches('\n').rsplit_once('\n').ok_or_else(changed)?;
    let footer: Footer = serde_json::from_str(last).map_err(|_| changed())?;
    let expected = blake3::Hash::from_hex(&footer.mac).map_err(|_| changed())?;
    // Hashes compare in constant time.
    if blake3::keyed_hash(&mac_key(secret), format!("{body}\n").as_bytes()) != expected {
        return Err(changed());
    }
    let indicators = body.lines().skip(1).map(serde_json::from_str).collect::<Result<Vec<Indicator>, _>>();
    Ok((header, indicators.map_err(|error| refuse(format!("an indicator can't be read: {error}")))?))
}

fn token(secret: &[u8; 32], kind: &str, value: &str) -> String {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    // The length keeps ("a", "bc") and ("ab", "c") apart.
    hasher.update(&(kind.len() as u64).to_le_bytes()).update(kind.as_bytes()).update(value.as_bytes());
    hasher.finalize().to_hex()[..DIGITS].to_owned()
}

fn mac(secret: &[u8; 32], bytes: &[u8]) -> String {
    blake3::keyed_hash(&mac_key(secret), bytes).to_hex().to_string()
}

fn mac_key(secret: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("hydralink 2026 MAC of shared indicators v1", secret)
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data serialises") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_depend_on_key_kind_and_value() {
        let one = token(&[1; 32], "ip", "198.51.100.7");
        assert_eq!(one, token(&[1; 32], "ip", "198.51.100.7"));
        assert_eq!(one.len(), DIGITS);
        for (key, kind, value) in [(2, "ip", "198.51.100.7"), (1, "device", "198.51.100.7"), (1, "ip", "198.51.100.8")] {
            assert_ne!(one, token(&[key; 32], kind, value));
        }
        assert_ne!(token(&[1; 32], "a", "bc"), token(&[1; 32], "ab", "c"));
    }
}
