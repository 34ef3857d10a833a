//! Which files of a folder are a store's?
//!
//! A writer removes files, so what it may take for its own is a fixed list, not the look of a name: a folder of logs is full of
//! `access.log.1`. Sections are `NAME.GENERATION` with a name of [`SECTIONS`]; beside them stand the manifest, the lock, the
//! case log, and for a moment files that are about to be renamed.

use std::fs;
use std::path::Path;

use super::{LOCK, MANIFEST, manifest};
use crate::cases;
use crate::error::Error;

/// Names of all sections that this version writes, in byte order.
const SECTIONS: [&str; 99] = [
    "accounts.banned_at",
    "accounts.country",
    "accounts.created_at",
    "accounts.label",
    "accounts.label_words",
    "accounts.name_bytes",
    "accounts.name_offsets",
    "accounts.org",
    "accounts.pathway",
    "accounts.status",
    "accounts.status_words",
    "accounts.tier",
    "activity.capability",
    "activity.model",
    "activity.offsets",
    "activity.requests",
    "activity.status",
    "activity.template",
    "activity.time",
    "activity.tokens",
    "as_of",
    "calibration.summary",
    "consensus.accounts",
    "consensus.ranks",
    "consensus.runs",
    "consensus.scores",
    "consensus.similarity",
    "consensus.summary",
    "graph.account_offsets",
    "graph.accounts",
    "graph.counts",
    "graph.first_seen",
    "graph.identifier_offsets",
    "graph.identifier_sightings",
    "graph.identifiers",
    "graph.kind_starts",
    "graph.last_seen",
    "identifiers.asn",
    "identifiers.name_bytes",
    "identifiers.name_offsets",
    "identifiers.network_type",
    "inputs.accounts",
    "inputs.allow",
    "inputs.detection",
    "inputs.duplicate_events",
    "inputs.event_ids",
    "inputs.event_pathway",
    "inputs.event_pathways",
    "inputs.kinds",
    "inputs.long_events",
    "inputs.map",
    "inputs.read_as",
    "inputs.releases",
    "inputs.unread",
    "lineage.history",
    "lineage.ran_at",
    "privacy.forgotten",
    "privacy.sealed_keys",
    "result.classes",
    "result.communities",
    "result.components",
    "result.confidence",
    // Of stores that earlier versions wrote.
    "result.detail_offsets",
    "result.details",
    "result.doing_offsets",
    "result.doings",
    "result.evidence_bits",
    "result.foremost",
    "result.foremost_exchanges",
    "result.foremost_first_seen",
    "result.foremost_identifiers",
    "result.foremost_last_seen",
    "result.foremost_offsets",
    "result.group_holdings",
    "result.group_members",
    "result.group_offsets",
    "result.group_own",
    "result.group_touching",
    "result.lists",
    "result.membership",
    "result.network_of",
    "result.network_of_identifier",
    "result.network_offsets",
    "result.networks",
    "result.policies",
    "result.reserve_offsets",
    "result.reserves",
    "result.roles",
    "result.small_degrees",
    "result.spread_seconds",
    "result.summary",
    "result.traffic",
    "result.tying",
    "result.tying_fragile",
    "result.tying_offsets",
    "result.volume",
    "result.weights",
    "result.wide_degrees",
    "result.wide_identifiers",
];

/// How files begin that are about to be renamed over the manifest, and over the names of the case log, and copies of streams
/// that are read. All are made under the store's lock, so that a writer that has it can tell that nobody needs them any more.
const LEFT_BEHIND: [&str; 3] = [manifest::UNRENAMED, cases::UNRENAMED, events::COPY];

/// Whether this version writes a section of this name.
pub(super) fn is_section(name: &str) -> bool {
    SECTIONS.binary_search(&name).is_ok()
}

/// The generation that a file was written by, if it is one of our sections.
pub(super) fn generation_of(file: &str) -> Option<u64> {
    let (name, generation) = file.rsplit_once('.')?;
    let digits = generation.bytes().all(|byte| byte.is_ascii_digit());
    if is_section(name) && digits { generation.parse().ok() } else { None }
}

/// Whether a file of a store that no manifest names is one that a writer left behind.
pub(super) fn is_leftover(file: &str) -> bool {
    generation_of(file).is_some() || LEFT_BEHIND.iter().any(|prefix| file.starts_with(prefix))
}

/// Whether all files of a folder are what a store consists of, or what an interrupted writer left of one.
pub(super) fn is_empty_or_ours(folder: &Path) -> Result<bool, Error> {
    let ours = |file: &str| [LOCK, MANIFEST].contains(&file) || is_leftover(file) || cases::is_file_of_log(file);
    Ok(files(folder)?.iter().all(|file| file.as_deref().is_some_and(ours)))
}

/// The newest generation of the sections that lie in a folder, whether or not a manifest names them; 0 if there are none.
pub(super) fn newest_generation(folder: &Path) -> Result<u64, Error> {
    Ok(files(folder)?.iter().filter_map(|file| generation_of(file.as_deref()?)).max().unwrap_or(0))
}

/// The names of the files of a folder; `None` for one that isn't UTF-8.
pub(super) fn files(folder: &Path) -> Result<Vec<Option<String>>, Error> {
    let listed =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.file_name().into_string().ok())).collect());
    listed.map_err(|error| Error::io("read", folder, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_sections_are_ours() {
        assert!(SECTIONS.is_sorted());
        assert_eq!(generation_of("graph.counts.12"), Some(12));
        assert_eq!(generation_of("as_of.1"), Some(1));
        for other in
            ["access.log.1", "graph.counts", "graph.counts.+1", "graph.counts.x", "graph.counts.1.2", "a.graph.counts.1"]
        {
            assert_eq!(generation_of(other), None, "{other}");
            assert!(!is_leftover(other), "{other}");
        }
        assert!(
            is_leftover(".manifest-x1") && is_leftover(".names-x1") && is_leftover(".stream-x1") && !is_leftover("MANIFEST")
        );
    }
}
