//! What are options and calls called where a message that names them is read?
//!
//! The options that messages of this crate name, as fields, arguments and flags: see [`OptionName`]. Calls differ more than
//! options do, so [`CallName`] has a name of each.

use std::fmt;
use std::path::Path;

use events::{Caller, OptionName};

use crate::store::quoted;

pub(crate) const ACCOUNTS: OptionName = OptionName::new("accounts");
pub(crate) const ALLOW: OptionName = OptionName::new("allow");
pub(crate) const ALLOW_UNFLAGGED: OptionName = OptionName::new("allow_unflagged");
pub(crate) const ALLOW_MOST: OptionName = OptionName::new("allow_most").in_rust("Extent::Any");
pub(crate) const COPIES: OptionName = OptionName::new("copies");
pub(crate) const DRY_RUN: OptionName = OptionName::new("dry_run").in_rust("expirable");
pub(crate) const ENRICH: OptionName = OptionName::new("enrich");
pub(crate) const FAIL_ON: OptionName = OptionName::new("fail_on");
pub(crate) const FORMAT: OptionName = OptionName::new("format");
pub(crate) const K: OptionName = OptionName::new("k");
/// The key of what goes into a store.
pub(crate) const KEY_FILE: OptionName = OptionName::new("key_file").in_rust("pseudonym");
/// The key of what is asked of a store.
pub(crate) const KEY_FILE_TO_ASK: OptionName = OptionName::new("key_file").in_rust("Dataset::with_key");
/// The key of what leaves a store.
pub(crate) const KEY_FILE_TO_SHOW: OptionName = OptionName::new("key_file").in_rust("key");
pub(crate) const LEFT_OUT: OptionName = OptionName::new("left_out");
pub(crate) const MAX_NODES: OptionName = OptionName::new("max_nodes");
pub(crate) const MINIMAL: OptionName = OptionName::new("minimal");
pub(crate) const PAIR_BUDGET: OptionName = OptionName::new("pair_budget");
pub(crate) const REASON: OptionName = OptionName::new("reason");
pub(crate) const RELEASES: OptionName = OptionName::new("releases");
pub(crate) const REVIEWER: OptionName = OptionName::new("reviewer");
pub(crate) const RUNS: OptionName = OptionName::new("runs");
pub(crate) const SEEDS: OptionName = OptionName::new("seeds");
pub(crate) const TRUSTED_PROXIES: OptionName = OptionName::new("trusted_proxies");
pub(crate) const WHERE: OptionName = OptionName::new("where").in_rust("filter");
pub(crate) const ZONE: OptionName = OptionName::new("tz").in_rust("zone");

/// A call, as a part of a message.
pub(crate) struct CallName {
    rust: &'static str,
    python: &'static str,
    command: &'static str,
}

/// The flagged networks of a store and those that aren't.
pub(crate) const ALL_NETWORKS: CallName =
    CallName { rust: "Labelling::heads", python: "Store.networks(all=True)", command: "hydralink networks --all" };
/// What people decided.
pub(crate) const CASES: CallName = CallName { rust: "Dataset::cases", python: "Store.cases()", command: "hydralink case list" };
/// Why something is a network, to be computed again.
pub(crate) const DOSSIER: CallName =
    CallName { rust: "dossier", python: "Store.network(id)", command: "network STORE ID --format json" };
/// What became of networks.
pub(crate) const LINEAGE: CallName = CallName { rust: "lineage", python: "Store.lineage()", command: "hydralink lineage" };
/// Who belongs to a network.
pub(crate) const MEMBERS: CallName =
    CallName { rust: "Labelling::members_of", python: "Store.members(network)", command: "members --network" };
/// What is known of a network.
pub(crate) const NETWORK: CallName = CallName { rust: "dossier", python: "Store.network(id)", command: "network" };
/// What others compare theirs with.
pub(crate) const SHARE: CallName = CallName { rust: "share", python: "Store.share()", command: "hydralink share" };
/// Why an account doesn't belong to a network.
pub(crate) const WHY_NOT_MEMBER: CallName =
    CallName { rust: "why_not_member", python: "Store.why_not(account, network)", command: "why-not ACCOUNT" };

impl fmt::Display for CallName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match Caller::of_process() {
            Caller::Python => self.python,
            Caller::CommandLine => self.command,
            _ => self.rust,
        };
        write!(out, "`{name}`")
    }
}

/// What to do first where a store has no networks, or those of an older version.
pub(crate) fn to_detect(store: &Path) -> String {
    match Caller::of_process() {
        Caller::Python => "call `Store.detect()`".to_owned(),
        Caller::CommandLine => format!("run `hydralink detect {}`", quoted(store)),
        _ => "call `detect`".to_owned(),
    }
}
