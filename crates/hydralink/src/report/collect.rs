//! From a store and its results to what the report shows.
//!
//! Every figure is looked up or counted here, none estimated: the run from the manifest, networks from their dossiers, the picture from
//! the export's selection, laid out by ForceAtlas2. No clock is read: the run's name is a digest of the store's sections, so that the same store
//! makes the same page.
//!
//! Cost: O(accounts + identifiers), the sightings of the chosen networks' accounts, and the layout, which dominates.

use std::collections::BTreeMap;

use evidence::KindRole;
use graph::{AccountId, IdentifierId, KindId, NO_TIME};

use super::{
    AccountRow, CappedSection, DailyCounts, DegreeHistogram, FragileIdentifier, HubCut, IdentifierRow, InputFile, KeyNumbers,
    NO_NETWORK, NamedCount, NetworkSection, NodeKind, Rejected, ReportData, ReportGraph, Rule, RunHeader, Signal, SizeCount,
    Strength, TemplateRow,
};
use crate::dataset::Dataset;
use crate::dossier::{self, Dossier};
use crate::error::Error;
use crate::export::view::GROUP_KINDS;
use crate::export::{ExportConfig, ExportGraph, LeftOut, Networks};
use crate::how::HeldBy;
use crate::node::Node;
use crate::query;
use crate::results::{Membership, Network, Results};
use crate::time::{rfc3339, without_gaps};

/// Bits over the threshold from which a case is called strong: 32 times the odds that suffice for a flag.
const HIGH_MARGIN: f64 = 5.0;
/// Rows of accounts that all networks of a report have together; those with most evidence first.
const ACCOUNT_ROWS: usize = 50_000;
/// Hubs that are listed by name, most widely shared first.
const NAMED_HUBS: usize = 500;
/// Radius of the most widely shared node, in that of an identifier of one account; an account's is 2.
const LARGEST: f32 = 8.0;
/// Templates that a network lists.
const NAMED_TEMPLATES: usize = 10;
/// "Recently" in the column of growth.
const WEEK_SECONDS: u32 = 7 * 86_400;

/// What goes into a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportConfig {
    /// Which networks.
    pub networks: Networks,
    /// Above this many nodes, groups stand for their accounts in the picture.
    pub max_nodes: usize,
}

impl Default for ReportConfig {
    /// Flagged networks and 50,000 nodes: a network of 20,000 accounts is drawn whole, and a browser still draws it within a second.
    fn default() -> Self {
        ReportConfig { networks: Networks::Flagged, max_nodes: 50_000 }
    }
}

impl Dataset {
    /// Puts together what [`super::write_report`] shows.
    ///
    /// # Errors
    /// [`Error::Usage`] for a network that isn't there.
    pub fn report_data(&self, results: &Results, config: &ReportConfig) -> Result<ReportData, Error> {
        let mut selection = ExportConfig::default();
        selection.selection.networks = config.networks.clone();
        selection.selection.max_nodes = config.max_nodes;
        let mut drawn = ExportGraph::from_dataset(self, results, &selection)?;
        own_networks(&mut drawn);
        place_apart(&mut drawn)?;
        let chosen: Vec<usize> = drawn
            .networks
            .iter()
            .filter_map(|shown| results.networks.iter().position(|network| network.id == shown.id))
            .collect();
        let mut collected = Collected { dataset: self, results, capped: Vec::new(), account_rows: ACCOUNT_ROWS };
        let networks: Vec<NetworkSection> = chosen.iter().map(|&network| collected.network(network)).collect();
        let hubs = collected.hubs();
        collected.left_out(&drawn.left_out, drawn.about.collapsed);
        let flagged = results.networks.iter().filter(|network| network.flagged).count() as u64;
        if (networks.len() as u64) < flagged {
            let (shown, total) = (networks.len() as u64, flagged);
            collected.capped.push(CappedSection { section: "Networks".to_owned(), shown, total });
        }
        Ok(ReportData {
            run: run_header(self, results),
            key_numbers: key_numbers(self, results),
            networks,
            hubs,
            capped: collected.capped,
            limits: limits(self, results),
            component_sizes: component_sizes(self, results),
            degree_histograms: degree_histograms(self, results),
            graph: picture(self, &drawn),
        })
    }
}

/// The sections in the making, and what they leave out.
struct Collected<'a> {
    dataset: &'a Dataset,
    results: &'a Results,
    capped: Vec<CappedSection>,
    account_rows: usize,
}

impl Collected<'_> {
    fn network(&mut self, index: usize) -> NetworkSection {
        let Dossier {
            network,
            timeline,
            registrations,
            pathways,
            models,
            counter_evidence,
            skeletons,
            fragile,
            would_change,
            ..
        } = dossier::dossier(self.dataset, self.results, index);
        let members: Vec<AccountId> = self
            .results
            .members_of(index)
            .into_iter()
            .filter(|(_, how)| *how != Membership::Ambiguous)
            .map(|(account, _)| account)
            .collect();
        let banned = members.iter().filter(|&&account| banned_at(self.dataset, account) != NO_TIME).count();
        NetworkSection {
            rank: network.rank,
            score_bits: network.score,
            q_value: network.q_value,
            strength: strength(&network, self.results.run.threshold),
            why: network.why.clone(),
            benign_hypothesis: format!("{} ({:+.1} bits)", network.benign_hypothesis.replace('_', " "), network.benign_bits),
            account_count: network.accounts,
            exchanges: network.events,
            identifiers_by_kind: counts(&network.identifiers_by_kind),
            first_seen: network.first_seen.clone().unwrap_or_default(),
            last_seen: network.last_seen.clone().unwrap_or_default(),
            growth_7d: growth(self.dataset, &members),
            share_banned: if members.is_empty() { 0.0 } else { banned as f64 / members.len() as f64 },
            signals: signals(&network),
            top_identifiers: network.tied_by.iter().map(identifier_row).collect(),
            accounts: self.accounts(&network.id, &members),
            activity: daily(&timeline),
            registrations: daily(&registrations),
            fragile: fragile_rows(&fragile, network.accounts),
            counter_evidence,
            would_change,
            pathways: counts(&pathways),
            models: counts(&models),
            templates: self.templates(&network, &skeletons, &members),
            id: network.id,
        }
    }

    /// The members with most evidence first, as many as the file still has room for.
    fn accounts(&mut self, network: &str, members: &[AccountId]) -> Vec<AccountRow> {
        let results = self.results;
        let mut order = members.to_vec();
        order.sort_by(|a, b| results.evidence_bits[b.index()].total_cmp(&results.evidence_bits[a.index()]).then(a.cmp(b)));
        order.truncate(self.account_rows);
        self.account_rows -= order.len();
        if order.len() < members.len() {
            let section = format!("Accounts of {network}");
            self.capped.push(CappedSection { section, shown: order.len() as u64, total: members.len() as u64 });
        }
        let row = |account: AccountId| AccountRow {
            label: self.dataset.account_name(account).to_owned(),
            role: results.membership_of(account).map_or("", |(_, how)| how.name()).to_owned(),
            confidence: f64::from(results.confidence[account.index()]),
            bits: f64::from(results.evidence_bits[account.index()]),
            exchanges: query::exchanges_of(self.dataset, account),
            created: made_at(self.dataset, account).and_then(rfc3339).unwrap_or_default(),
            banned: banned_at(self.dataset, account) != NO_TIME,
        };
        order.into_iter().map(row).collect()
    }

    /// The templates among the identifiers that tie a network, with what its members made of them.
    fn templates(&self, network: &Network, skeletons: &BTreeMap<String, String>, members: &[AccountId]) -> Vec<TemplateRow> {
        let (dataset, graph) = (self.dataset, self.dataset.graph());
        let templates = network.tied_by.iter().filter_map(|tie| match dataset.node(&tie.identifier) {
            Ok(Node::Identifier(id)) if dataset.roles()[graph.kind_of(id).index()] == KindRole::Template => Some(id),
            _ => None,
        });
        let row = |identifier: IdentifierId| {
            let sightings = members.iter().filter_map(|&member| graph.sighting_between(member, identifier));
            let (accounts, exchanges) =
                sightings.fold((0, 0), |(accounts, exchanges), sighting| (accounts + 1, exchanges + u64::from(sighting.count)));
            let value = dataset.identifier_names().name_of(identifier.0);
            let skeleton = skeletons.get(value).cloned().unwrap_or_else(|| format!("{value} (only its hash is known)"));
            TemplateRow { skeleton, accounts, exchanges }
        };
        templates.take(NAMED_TEMPLATES).map(row).collect()
    }

    /// The most widely shared of the identifiers that don't link.
    fn hubs(&mut self) -> Vec<HubCut> {
        let graph = self.dataset.graph();
        let mut cut: Vec<(std::cmp::Reverse<usize>, u32)> = (0..graph.identifier_count() as u32)
            .map(|identifier| (std::cmp::Reverse(graph.identifier_degree(IdentifierId(identifier))), identifier))
            .filter(|&(degree, identifier)| degree.0 > 1 && self.results.policy_of(IdentifierId(identifier)) != KEEP)
            .collect();
        cut.sort_unstable();
        if cut.len() > NAMED_HUBS {
            let (shown, total) = (NAMED_HUBS as u64, cut.len() as u64);
            self.capped.push(CappedSection { section: "Hubs cut".to_owned(), shown, total });
            cut.truncate(NAMED_HUBS);
        }
        let row = |(_, identifier): (std::cmp::Reverse<usize>, u32)| {
            let hub = query::hub(self.dataset, self.results, IdentifierId(identifier));
            let value = self.dataset.identifier_names().name_of(identifier).to_owned();
            let reason = format!("{}; {}", hub.reason, policy_words(&hub.policy));
            HubCut { label: value, kind: hub.kind, class: hub.class.replace('_', " "), accounts: hub.accounts, reason }
        };
        cut.into_iter().map(row).collect()
    }

    /// What the picture leaves out, as lines of the list of shortened sections.
    fn left_out(&mut self, left: &LeftOut, collapsed: bool) {
        let mut add = |section: &str, total: u64| {
            if total > 0 {
                self.capped.push(CappedSection { section: section.to_owned(), shown: 0, total });
            }
        };
        if collapsed {
            add(
                "Graph: accounts drawn as part of their group, because there are more nodes than --max-nodes",
                left.accounts_collapsed,
            );
        }
        add("Graph: accounts without room", left.accounts);
        add("Graph: identifiers seen with a single account, which join nothing", left.single_identifiers);
        add("Graph: identifiers without room", left.identifiers);
        add("Graph: shared identifiers not drawn because they are hubs (see Hubs cut)", left.hubs);
    }
}

/// The policy of an identifier that links.
const KEEP: &str = "keep";

fn policy_words(policy: &str) -> &'static str {
    match policy {
        "down_weight" => "counts less the more accounts share it",
        "co_occurrence_only" => "counts only together with another identifier",
        _ => "links nobody",
    }
}

fn strength(network: &Network, threshold: f64) -> Strength {
    match network.score - threshold {
        _ if !network.flagged => Strength::Low,
        margin if margin >= HIGH_MARGIN => Strength::High,
        _ => Strength::Medium,
    }
}

fn counts(map: &BTreeMap<String, u64>) -> Vec<NamedCount> {
    let mut counts: Vec<NamedCount> = map.iter().map(|(name, &count)| NamedCount { name: name.clone(), count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    counts
}

fn signals(network: &Network) -> Vec<Signal> {
    let measured = network.signals.iter().filter_map(|(name, signal)| Some((name, signal.as_ref()?)));
    let mut signals: Vec<Signal> = measured
        .map(|(name, signal)| Signal {
            name: name.replace('_', " "),
            value: signal.value,
            expected: signal.expected,
            bits: signal.bits,
            p: signal.p_value,
        })
        .collect();
    signals.sort_by(|a, b| b.bits.total_cmp(&a.bits).then_with(|| a.name.cmp(&b.name)));
    signals
}

fn identifier_row(tie: &crate::results::TyingIdentifier) -> IdentifierRow {
    let (kind, label) = tie.identifier.split_once(':').unwrap_or(("", &tie.identifier));
    IdentifierRow {
        label: label.to_owned(),
        kind: kind.to_owned(),
        class: tie.class.replace('_', " "),
        members: tie.members,
        total_accounts: tie.accounts,
        exclusivity: tie.exclusivity,
        first_seen: tie.first_seen.clone().unwrap_or_default(),
        last_seen: tie.last_seen.clone().unwrap_or_default(),
    }
}

fn fragile_rows(fragile: &[HeldBy], members: u64) -> Vec<FragileIdentifier> {
    let row = |held: &HeldBy| {
        let (kind, label) = held.identifier.split_once(':').unwrap_or(("", &held.identifier));
        let (lost, pieces, largest) = (held.members_lost, held.pieces, held.largest_piece);
        let fall =
            if pieces > 1 { format!("; the rest falls into {pieces} pieces, the largest of {largest}") } else { String::new() };
        let consequence = format!("without it, {lost} of {members} accounts fall away{fall}");
        FragileIdentifier { label: label.to_owned(), kind: kind.to_owned(), consequence }
    };
    fragile.iter().map(row).collect()
}

fn made_at(dataset: &Dataset, account: AccountId) -> Option<u32> {
    dataset.accounts().created_at.get(account.index()).copied().filter(|&made| made != NO_TIME)
}

fn banned_at(dataset: &Dataset, account: AccountId) -> u32 {
    dataset.accounts().banned_at.get(account.index()).copied().unwrap_or(NO_TIME)
}

/// Members that were made (or, without an account table, first seen) in the last seven days of the data.
fn growth(dataset: &Dataset, members: &[AccountId]) -> u64 {
    let since = last_seen(dataset).saturating_sub(WEEK_SECONDS);
    let came = |&account: &AccountId| made_at(dataset, account).unwrap_or(query::span_of_account(dataset.graph(), account).0);
    members.iter().map(came).filter(|&came| came != NO_TIME && came > since).count() as u64
}

fn last_seen(dataset: &Dataset) -> u32 {
    dataset.graph().columns().last_seen.iter().copied().max().unwrap_or(NO_TIME)
}

fn daily(days: &[(String, u64)]) -> DailyCounts {
    let filled = without_gaps(days).map(|(first, counts)| DailyCounts { first_day: first.to_string(), counts });
    filled.unwrap_or_default()
}

fn run_header(dataset: &Dataset, results: &Results) -> RunHeader {
    let manifest = dataset.manifest();
    let mut hasher = blake3::Hasher::new();
    for section in &manifest.sections {
        hasher.update(section.name.as_bytes());
        hasher.update(&section.checksum.to_le_bytes());
    }
    let columns = dataset.graph().columns();
    let first = columns.first_seen.iter().copied().filter(|&time| time != NO_TIME).min().unwrap_or(NO_TIME);
    let mut rules = vec![
        Rule { name: "score threshold".to_owned(), value: format!("{} bits", results.run.threshold) },
        Rule { name: "seed".to_owned(), value: results.run.seed.to_string() },
    ];
    // Every setting of the run, as `section.name`: what TOML says in tables.
    let mut table = String::new();
    for line in results.run.config.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = format!("{name}.");
        } else if let Some((name, value)) = line.split_once(" = ").filter(|(name, _)| *name != "seed") {
            rules.push(Rule { name: format!("{table}{name}"), value: value.to_owned() });
        }
    }
    RunHeader {
        run_id: format!("run-{}", &hasher.finalize().to_hex()[..12]),
        tool_version: results.run.tool.clone(),
        generated_at: String::new(),
        inputs: manifest
            .inputs
            .iter()
            .map(|input| InputFile { name: input.name.clone(), hash: format!("xxh3-128:{}", input.hash), rows: input.rows })
            .collect(),
        rules,
        rows_read: manifest.inputs.iter().filter(|input| !input.duplicate).map(|input| input.rows).sum(),
        rejected: manifest.rejected.iter().map(|(reason, rows)| Rejected { reason: reason.clone(), rows: *rows }).collect(),
        first_event: rfc3339(first).unwrap_or_default(),
        last_event: rfc3339(last_seen(dataset)).unwrap_or_default(),
    }
}

fn key_numbers(dataset: &Dataset, results: &Results) -> KeyNumbers {
    let graph = dataset.graph();
    let inside: Vec<AccountId> = (0..graph.account_count() as u32)
        .map(AccountId)
        .filter(|&account| results.flagged_network_of(account).is_some())
        .collect();
    KeyNumbers {
        accounts: graph.account_count() as u64,
        identifiers: graph.identifier_count() as u64,
        sightings: graph.sighting_count() as u64,
        events: dataset.activity().event_count() as u64,
        networks: results.networks.iter().filter(|network| network.flagged).count() as u64,
        accounts_in_networks: inside.len() as u64,
        accounts_banned: inside.iter().filter(|&&account| banned_at(dataset, account) != NO_TIME).count() as u64,
    }
}

/// What this run can't tell, from what its data lack.
fn limits(dataset: &Dataset, results: &Results) -> Vec<String> {
    let mut limits = Vec::new();
    if results.networks.iter().any(|network| network.flagged && network.q_value.is_none()) {
        limits.push(
            "q-values are not calibrated: the score is evidence in bits under stated models, not an error rate.".to_owned(),
        );
    }
    limits.push("Confidence is the model's odds that an account belongs; it is no measured error rate.".to_owned());
    let missing: Vec<String> = match results.networks.first() {
        None => Vec::new(),
        Some(first) => first
            .signals
            .keys()
            .filter(|name| results.networks.iter().all(|network| matches!(network.signals.get(*name), Some(None) | None)))
            .map(|name| name.replace('_', " "))
            .collect(),
    };
    if !missing.is_empty() {
        limits.push(format!("Not measured in any network, for want of input or of enough events: {}.", missing.join(", ")));
    }
    if dataset.accounts().created_at.is_empty() {
        limits.push("There is no account table: creation dates, bans, countries and pathways are unknown.".to_owned());
    }
    if dataset.activity().event_count() == 0 {
        limits.push("Events carry no time: nothing that needs the order of events was tested.".to_owned());
    }
    let suppressed = results.run.suppressed_sightings;
    if suppressed > 0 {
        limits.push(format!("{suppressed} sightings with hubs were left out of the linkage; they are counted, not lost."));
    }
    limits
}

/// How many things have each size, ascending.
fn histogram(sizes: impl Iterator<Item = u64>) -> Vec<SizeCount> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for size in sizes.filter(|&size| size > 0) {
        *counts.entry(size).or_default() += 1;
    }
    counts.into_iter().map(|(size, count)| SizeCount { size, count }).collect()
}

/// Components by their accounts.
fn component_sizes(dataset: &Dataset, results: &Results) -> Vec<SizeCount> {
    let labels = &results.components[..dataset.graph().account_count()];
    let mut accounts = vec![0u64; labels.iter().map(|&label| label as usize + 1).max().unwrap_or(0)];
    for &label in labels {
        accounts[label as usize] += 1;
    }
    histogram(accounts.into_iter())
}

fn degree_histograms(dataset: &Dataset, results: &Results) -> Vec<DegreeHistogram> {
    let graph = dataset.graph();
    let of_kind = |kind: usize| {
        let identifiers = || graph.identifiers_of_kind(KindId(kind as u8)).map(IdentifierId);
        let degree = |identifier: IdentifierId| graph.identifier_degree(identifier) as u64;
        let cut = identifiers()
            .filter(|&identifier| degree(identifier) > 1 && results.policy_of(identifier) != KEEP)
            .map(degree)
            .min();
        DegreeHistogram {
            kind: dataset.kind_name(KindId(kind as u8)).to_owned(),
            hub_cut: cut,
            bins: histogram(identifiers().map(degree)),
        }
    };
    (0..graph.kind_count()).map(of_kind).collect()
}

/// Gives each identifier the network that more than half of its drawn accounts belong to, so that its colour says whose it is.
fn own_networks(drawn: &mut ExportGraph<'_>) {
    // (identifier, network of an account seen with it), in order.
    let mut held: Vec<(u32, u32)> =
        drawn.edges.iter().filter_map(|edge| Some((edge.target, drawn.nodes[edge.source as usize].network?))).collect();
    held.sort_unstable();
    for of_one in held.chunk_by(|a, b| a.0 == b.0) {
        let most = of_one.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).unwrap_or_default();
        let node = &mut drawn.nodes[of_one[0].0 as usize];
        if 2 * most.len() > node.degree_shown as usize {
            node.network = Some(most[0].1);
        }
    }
}

/// Lays each network out by itself: an edge between two networks is drawn, but pulls nothing, or a few shared identifiers would draw
/// everything into one knot.
fn place_apart(drawn: &mut ExportGraph<'_>) -> Result<(), Error> {
    let all = std::mem::take(&mut drawn.edges);
    let network = |node: u32| drawn.nodes[node as usize].network;
    drawn.edges = all.iter().filter(|edge| network(edge.source) == network(edge.target)).copied().collect();
    crate::place_drawn(drawn)?;
    drawn.edges = all;
    Ok(())
}

/// The picture as columns. A node's radius is such that nodes of the middle degree cover a few percent of the drawing.
fn picture(dataset: &Dataset, drawn: &ExportGraph<'_>) -> ReportGraph {
    let accounts = dataset.graph().account_count().max(1) as f32;
    let unit = unit_radius(drawn);
    let mut picture = ReportGraph {
        kinds: drawn
            .kinds
            .iter()
            .enumerate()
            .map(|(kind, name)| NodeKind { name: name.clone(), is_account: kind < GROUP_KINDS.len() })
            .collect(),
        ..ReportGraph::default()
    };
    for node in &drawn.nodes {
        let links = if node.is_identifier() { node.degree_shown } else { 4 * node.accounts };
        picture.label.push(node.value.clone().into_owned());
        picture.x.push(node.position[0]);
        picture.y.push(node.position[1]);
        picture.size.push(unit * (links.max(1) as f32).sqrt().min(LARGEST));
        picture.score.push(node.evidence_bits.unwrap_or_else(|| (accounts / node.degree.max(1) as f32).log2()));
        picture.kind.push(node.kind as u8);
        picture.network.push(node.network.unwrap_or(NO_NETWORK));
        picture.degree.push(node.degree.min(u64::from(u32::MAX)) as u32);
    }
    for edge in &drawn.edges {
        picture.source.push(edge.source);
        picture.target.push(edge.target);
        picture.weight.push(edge.weight);
    }
    picture
}

/// A tenth of the distance between nodes, were they spread evenly over the drawing.
fn unit_radius(drawn: &ExportGraph<'_>) -> f32 {
    let (mut least, mut most) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for node in &drawn.nodes {
        for axis in 0..2 {
            least[axis] = least[axis].min(node.position[axis]);
            most[axis] = most[axis].max(node.position[axis]);
        }
    }
    let area = (most[0] - least[0]).max(1.0) * (most[1] - least[1]).max(1.0);
    if drawn.nodes.is_empty() { 1.0 } else { 0.1 * (area / drawn.nodes.len() as f32).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_size_once() {
        let bins = histogram([2, 1, 2, 0, 7].into_iter());
        assert_eq!(bins.iter().map(|bin| (bin.size, bin.count)).collect::<Vec<_>>(), [(1, 1), (2, 2), (7, 1)]);
    }
}
