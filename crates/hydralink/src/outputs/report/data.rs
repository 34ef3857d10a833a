//! What does the report show? Plain data in the analyst's words, filled by the caller, who also decides every number.
//!
//! Nothing here is computed or looked up: the page repeats what it is given, so that a figure in the report is the figure in
//! the store. Moments are text the caller formatted (RFC 3339 or `YYYY-MM-DD`); no clock is read. Any string may hold text an
//! attacker chose: the page only ever shows it as text.

use serde::Serialize;

use super::encode;

/// Everything one report shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReportData {
    /// What was run, on what, with which rules.
    pub run: RunHeader,
    /// The figures at the head of the page.
    pub key_numbers: KeyNumbers,
    /// The networks, best first. [`ReportGraph::network`] holds positions in this list.
    pub networks: Vec<NetworkSection>,
    /// Identifiers too widely shared to link anybody.
    pub hubs: Vec<HubCut>,
    /// Lists of which only a part is shown. Each is named on the page.
    pub capped: Vec<CappedSection>,
    /// What this run can't tell, one sentence each.
    pub limits: Vec<String>,
    /// How many components of what links in the detection have each size, by ascending size.
    pub component_sizes: Vec<SizeCount>,
    /// Accounts per identifier, one histogram a kind.
    pub degree_histograms: Vec<DegreeHistogram>,
    /// The picture.
    pub graph: ReportGraph,
}

/// What was run, on what, with which rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RunHeader {
    /// The run's identity.
    pub run_id: String,
    /// The version of the tool.
    pub tool_version: String,
    /// The moment of writing, as the caller gives it: the same data make the same bytes.
    pub generated_at: String,
    /// The files read.
    pub inputs: Vec<InputFile>,
    /// The rules and thresholds in force.
    pub rules: Vec<Rule>,
    /// Rows read.
    pub rows_read: u64,
    /// Rows left out, by reason.
    pub rejected: Vec<Rejected>,
    /// Fields that rows were kept without.
    pub unread: Vec<events::UnreadField>,
    /// The first event's moment.
    pub first_event: String,
    /// The last event's moment.
    pub last_event: String,
}

/// A file the run read.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct InputFile {
    /// Its name.
    pub name: String,
    /// Its digest, with the algorithm's name (`blake3:…`).
    pub hash: String,
    /// Rows read from it.
    pub rows: u64,
}

/// A rule or threshold in force.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Rows left out for one reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rejected {
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// The figures at the head of the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct KeyNumbers {
    /// Accounts seen.
    pub accounts: u64,
    /// Identifiers seen.
    pub identifiers: u64,
    /// Sightings: distinct pairs of account and identifier.
    pub sightings: u64,
    /// Events read.
    pub events: u64,
    /// Networks reported.
    pub networks: u64,
    /// Networks over the threshold that aren't, because people rejected them.
    pub networks_rejected: u64,
    /// Accounts inside them.
    pub accounts_in_networks: u64,
    /// Accounts inside them that were banned before the run.
    pub accounts_banned: u64,
}

/// How strong the case against a network is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Strength {
    /// Several independent signals, far beyond chance.
    High,
    /// Beyond chance, with a gap in the evidence.
    Medium,
    /// Worth a look.
    #[default]
    Low,
}

/// A number under a name: a kind and its count, a model and its exchanges.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NamedCount {
    /// The name.
    pub name: String,
    /// The count.
    pub count: u64,
}

/// A number for each day, without gaps.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DailyCounts {
    /// The day of the first count, `YYYY-MM-DD` in UTC.
    pub first_day: String,
    /// One count a day.
    pub counts: Vec<u64>,
}

/// One network, as its row in the table and as its own section.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NetworkSection {
    /// Its persistent id.
    pub id: String,
    /// Its place, from 1.
    pub rank: u32,
    /// The score, in bits.
    pub score_bits: f64,
    /// The false-discovery rate at which it would still be reported, where it was tested.
    pub q_value: Option<f64>,
    /// The verdict.
    pub strength: Strength,
    /// Why, in one line.
    pub why: String,
    /// The best innocent explanation.
    pub benign_hypothesis: String,
    /// Members.
    pub account_count: u64,
    /// Requests and their answers.
    pub exchanges: u64,
    /// Its accounts, and those that only touch it, by role ([`crate::roles`]).
    pub roles: Vec<NamedCount>,
    /// Identifiers by kind.
    pub identifiers_by_kind: Vec<NamedCount>,
    /// First activity.
    pub first_seen: String,
    /// Last activity.
    pub last_seen: String,
    /// Accounts that joined over the last seven days.
    pub growth_7d: u64,
    /// Share of members banned before the run, 0 to 1.
    pub share_banned: f64,
    /// What people said of its accounts before it was found, and of it since, a line each.
    pub decided: Vec<String>,
    /// What was found, in words, strongest first.
    pub findings: Vec<String>,
    /// How the score comes about: part, bits, what it rules out.
    pub score_parts: Vec<[String; 3]>,
    /// The score card.
    pub signals: Vec<Signal>,
    /// The identifiers that hold it together, strongest first.
    pub top_identifiers: Vec<IdentifierRow>,
    /// Its accounts: all of them, or fewer than `account_count`, which the page then says.
    pub accounts: Vec<AccountRow>,
    /// Exchanges a day.
    pub activity: DailyCounts,
    /// Accounts created a day.
    pub registrations: DailyCounts,
    /// Identifiers without which it falls apart, and into what.
    pub fragile: Vec<FragileIdentifier>,
    /// What speaks against the verdict.
    pub counter_evidence: Vec<String>,
    /// What couldn't be measured, and why.
    pub not_measured: Vec<String>,
    /// What would change it.
    pub would_change: Vec<String>,
    /// Accounts by way in (API, reseller, cloud …).
    pub pathways: Vec<NamedCount>,
    /// Exchanges by model.
    pub models: Vec<NamedCount>,
    /// The prompt templates its accounts share.
    pub templates: Vec<TemplateRow>,
}

/// One line of a score card.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Signal {
    /// What was measured.
    pub name: String,
    /// What was found; nothing where the input is missing.
    pub value: Option<f64>,
    /// What the null model expects.
    pub expected: Option<f64>,
    /// The evidence it adds, in bits.
    pub bits: Option<f64>,
    /// The p-value under the null, where there is one.
    pub p: Option<f64>,
    /// Whether it lies beyond all draws of the null: the bits rest on the tail that is fitted to them.
    pub beyond: bool,
    /// The tests that it is made of, if several. They count for nothing beside it.
    pub tests: Vec<Signal>,
}

/// An identifier of a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IdentifierRow {
    /// Its text.
    pub label: String,
    /// Its kind.
    pub kind: String,
    /// Its class (household, datacentre, carrier NAT …).
    pub class: String,
    /// The network's accounts that used it.
    pub members: u64,
    /// All accounts that used it.
    pub total_accounts: u64,
    /// Members over all accounts, 0 to 1.
    pub exclusivity: f64,
    /// First use.
    pub first_seen: String,
    /// Last use.
    pub last_seen: String,
}

/// An account of a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AccountRow {
    /// Its name.
    pub label: String,
    /// Core or fringe.
    pub membership: String,
    /// As what it belongs ([`crate::roles`]), or nothing where its network isn't flagged.
    pub role: String,
    /// Whether it is known-good: nothing is done about it.
    pub known_good: bool,
    /// The probability that it belongs here, 0 to 1.
    pub confidence: f64,
    /// The evidence for it, in bits.
    pub bits: f64,
    /// Its exchanges.
    pub exchanges: u64,
    /// When it was created.
    pub created: String,
    /// Whether it was banned before the run.
    pub banned: bool,
}

/// An identifier without which a network falls apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FragileIdentifier {
    /// Its text.
    pub label: String,
    /// Its kind.
    pub kind: String,
    /// What the network becomes without it.
    pub consequence: String,
}

/// A prompt template that accounts share.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TemplateRow {
    /// The template with its slots masked.
    pub skeleton: String,
    /// Accounts of the network that used it.
    pub accounts: u64,
    /// Exchanges made from it.
    pub exchanges: u64,
}

/// An identifier that was cut from the linkage.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HubCut {
    /// Its text.
    pub label: String,
    /// Its kind.
    pub kind: String,
    /// Its class.
    pub class: String,
    /// Accounts that used it.
    pub accounts: u64,
    /// Why it was cut.
    pub reason: String,
}

/// A list of which only a part is shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CappedSection {
    /// The list's name.
    pub section: String,
    /// Entries shown.
    pub shown: u64,
    /// Entries there are.
    pub total: u64,
}

/// How many things have one size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SizeCount {
    /// The size.
    pub size: u64,
    /// How many have it.
    pub count: u64,
}

/// Accounts per identifier, for one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DegreeHistogram {
    /// The kind.
    pub kind: String,
    /// The degree above which an identifier counts as a hub, where the kind has a limit.
    pub hub_cut: Option<u64>,
    /// Identifiers by degree, ascending.
    pub bins: Vec<SizeCount>,
}

/// A kind of node.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NodeKind {
    /// Its name.
    pub name: String,
    /// Whether such a node is an account (drawn round) or an identifier (drawn square).
    pub is_account: bool,
}

/// The value of [`ReportGraph::network`] for a node of no network.
pub const NO_NETWORK: u32 = u32::MAX;

/// Nodes with their places, and edges, as columns: they travel as base64 of little-endian arrays, an order of magnitude
/// smaller and faster to read than objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReportGraph {
    /// The kinds, at most 256.
    pub kinds: Vec<NodeKind>,
    /// Each node's text.
    pub label: Vec<String>,
    /// Each node's place from left to right.
    #[serde(serialize_with = "encode::f32s")]
    pub x: Vec<f32>,
    /// Each node's place from top to bottom.
    #[serde(serialize_with = "encode::f32s")]
    pub y: Vec<f32>,
    /// Each node's radius, in the unit of `x` and `y`.
    #[serde(serialize_with = "encode::f32s")]
    pub size: Vec<f32>,
    /// Each node's evidence in bits, or its score; the filter and the panel use it.
    #[serde(serialize_with = "encode::f32s")]
    pub score: Vec<f32>,
    /// Each node's kind: a position in `kinds`.
    #[serde(serialize_with = "encode::u8s")]
    pub kind: Vec<u8>,
    /// The network that each node belongs to or touches: a position in [`ReportData::networks`], or [`NO_NETWORK`].
    #[serde(serialize_with = "encode::u32s")]
    pub network: Vec<u32>,
    /// How each node belongs to its network: 0 an identifier, or in none; 1 core, 2 fringe, 3 only touches
    /// it, which is no member's colour, and none of those that are copied for it.
    #[serde(serialize_with = "encode::u8s")]
    pub membership: Vec<u8>,
    /// Names of the roles.
    pub roles: Vec<String>,
    /// As what each account belongs to its network or touches it: one more than a position in `roles`, or 0.
    #[serde(serialize_with = "encode::u8s")]
    pub role: Vec<u8>,
    /// 1 for each account that is known-good, else 0.
    #[serde(serialize_with = "encode::u8s")]
    pub known_good: Vec<u8>,
    /// Each node's degree in the whole data, which may exceed the edges drawn here.
    #[serde(serialize_with = "encode::u32s")]
    pub degree: Vec<u32>,
    /// Each edge's one end.
    #[serde(serialize_with = "encode::u32s")]
    pub source: Vec<u32>,
    /// Each edge's other end.
    #[serde(serialize_with = "encode::u32s")]
    pub target: Vec<u32>,
    /// Each edge's weight.
    #[serde(serialize_with = "encode::f32s")]
    pub weight: Vec<f32>,
}
