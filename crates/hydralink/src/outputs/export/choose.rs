//! Which accounts and identifiers are drawn.
//!
//! 1. *Accounts*: the core, fringe and ambiguous accounts of the chosen networks, or all accounts. A network whose case people
//!    rejected is none, unless it was named.
//! 2. *Identifiers*: those that carry evidence (weight above 0) for at least two of them. One that only a single chosen account
//!    was seen with joins nothing: it is counted, not drawn. One suppressed as a hub is counted and listed, not drawn.
//! 3. *Edges*: the sightings of the two with evidence.
//! 4. *Projection*, if asked for: accounts joined with accounts (see [`super::project`]).
//! 5. *Too much*: above the limit of nodes, a group stands for its accounts (see [`super::collapse`]), or identifiers are left
//!    out ([`super::Crowd`]).
//!
//! Cost: O(sightings of the chosen accounts), and 1.5 bits an identifier of the data.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

use evidence::KindRole;
use graph::{AccountId, IdentifierId, NO_TIME, NONE_U16, NONE_U32, Seconds};

use super::naming::Naming;
use super::touched::Touched;
use super::view::{ACCOUNT, About, ExportEdge, ExportGraph, ExportHub, ExportNode, GROUP_KINDS, LeftOut};
use super::{Crowd, ExportConfig, Level, Networks, Selection, anonymity, collapse, order, project};
use crate::dataset::Dataset;
use crate::dataset::allowed::Allowed;
use crate::error::Error;
use crate::lineage::History;
use crate::options::{K, MAX_NODES};
use crate::results::{Labelling, Membership, Network};
use crate::review::{Belief, beliefs};
use crate::roles::role_of;
use crate::{how, query};

/// Edges of a thinned graph, at most: what a browser draws in a fraction of a second.
const MOST_EDGES: u64 = 200_000;

/// What is chosen, before it becomes nodes.
pub(crate) struct Chosen<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) results: &'a Labelling,
    pub(crate) naming: Naming,
    /// Chosen networks as indices into the results, ascending by rank.
    pub(crate) networks: Vec<usize>,
    /// Networks left out because they are smaller than the least that is shown.
    small_networks: u64,
    /// Networks left out because people rejected them.
    rejected_networks: u64,
    /// What is held of each network of the results.
    beliefs: Vec<Belief>,
    /// Since when networks are on record.
    history: History,
    /// Accounts and identifiers that nothing is done about.
    allowed: Allowed,
    /// If only they are to be drawn, the identifiers that are enough to tie all members, with the bits of sharing each.
    enough: Option<HashMap<u32, f32>>,
    /// Position in `networks` of each network of the results.
    pub(crate) position_of: Vec<Option<u32>>,
    /// Chosen accounts, ascending.
    pub(crate) accounts: Vec<u32>,
    /// The identifiers that they were seen with.
    pub(crate) touched: Touched,
    /// By place among these: chosen accounts that the identifier carries evidence for.
    pub(crate) tied: Vec<u32>,
    /// By place among these: chosen accounts seen with it.
    seen: Vec<u32>,
}

impl<'a> ExportGraph<'a> {
    /// What a dataset and its results hold of a selection; every position is still the origin.
    ///
    /// # Errors
    /// [`Error::Usage`] for a network that isn't there, a level without the key it needs, a collapsed view with a least number
    /// of accounts (`k`), or a projection that is too large or of what it can't be of.
    pub fn from_dataset(dataset: &'a Dataset, results: &'a Labelling, config: &ExportConfig) -> Result<Self, Error> {
        let chosen = Chosen::new(dataset, results, config)?;
        let mut graph = chosen.graph(config)?;
        if !chosen.naming.is_full() {
            order::by_what_is_shown(&mut graph);
        }
        graph.count_degrees();
        if config.selection.k > 1 {
            anonymity::k_anonymous(&mut graph, config.selection.k);
        }
        Ok(graph)
    }
}

impl<'a> Chosen<'a> {
    /// What is chosen as nodes and edges, in the order of their numbers.
    fn graph(&self, config: &ExportConfig) -> Result<ExportGraph<'a>, Error> {
        let mut graph = self.frame(config)?;
        let mut tying = self.counted_twice(&self.tied);
        if let Some(enough) = &self.enough {
            let all = tying.len();
            tying.retain(|identifier| enough.contains_key(identifier));
            graph.left_out.needless_identifiers = (all - tying.len()) as u64;
        }
        if let Some(budget) = config.selection.pair_budget {
            project::check(config, self.accounts.len())?;
            project::fill(self, &mut graph, &tying, budget)?;
            return Ok(graph);
        }
        let room = config.selection.max_nodes.saturating_sub(self.accounts.len());
        let edges: u64 = tying.iter().map(|&identifier| u64::from(self.tied_by(identifier))).sum();
        // How many edges a browser draws bounds what is thinned for it.
        let bounded = config.selection.crowd == Crowd::Thin && room >= self.accounts.len() / 4;
        let thin = bounded || room > 0 && self.is_one_network(config);
        if tying.len() <= room && (!bounded || edges <= MOST_EDGES) {
            self.fill(&mut graph, &tying, usize::MAX);
        } else if thin {
            let ties = if bounded { (MOST_EDGES as usize / self.accounts.len().max(1)).max(1) } else { usize::MAX };
            let telling = self.telling(room, ties);
            graph.left_out.identifiers = (tying.len() - telling.len()) as u64;
            self.fill(&mut graph, &telling, ties);
        } else {
            if config.selection.k > 1 {
                let most = config.selection.max_nodes;
                return Err(Error::Usage(format!(
                    "a collapsed view can't tell whom its edges are about, so {K} needs every node: the selection has more than {most}; \
                     raise {MAX_NODES} or choose fewer networks"
                )));
            }
            collapse::fill(self, config.selection.max_nodes, &mut graph);
        }
        Ok(graph)
    }
}

impl<'a> Chosen<'a> {
    fn new(dataset: &'a Dataset, results: &'a Labelling, config: &ExportConfig) -> Result<Self, Error> {
        let naming = Naming::new(config.selection.level, config.key)?;
        let heads = results.heads();
        let all = 0..heads.len();
        let mut networks: Vec<usize> = match &config.selection.networks {
            Networks::Chosen(networks) => networks.clone(),
            Networks::Flagged => all.filter(|&network| heads[network].flagged).collect(),
            Networks::Candidates | Networks::Whole => all.collect(),
        };
        if let Some(network) = networks.iter().find(|&&network| network >= heads.len()) {
            return Err(Error::Usage(format!("there is no network {network}: the store has {}", heads.len())));
        }
        let beliefs = beliefs(dataset, results)?;
        let all = networks.len();
        if !matches!(config.selection.networks, Networks::Chosen(_)) {
            networks.retain(|&network| !beliefs[network].is_rejected());
        }
        let rejected_networks = (all - networks.len()) as u64;
        // They are numbered by rank.
        networks.sort_unstable();
        networks.dedup();
        let before = networks.len();
        networks.retain(|&network| heads[network].accounts >= u64::from(config.selection.k));
        let small_networks = (before - networks.len()) as u64;
        let mut position_of = vec![None; heads.len()];
        for (position, &network) in networks.iter().enumerate() {
            position_of[network] = Some(position as u32);
        }
        let mut enough = config.selection.minimal.then(HashMap::new);
        if let Some(enough) = &mut enough {
            for &network in &networks {
                let found = how::enough_for(dataset, results, network)?;
                enough.extend(found.into_iter().map(|(identifier, bits)| (identifier, bits as f32)));
            }
        }
        let labels = results.network_of.as_slice();
        let whole = config.selection.networks == Networks::Whole;
        let is_chosen = |account: &u32| {
            let network = labels.get(*account as usize).copied().unwrap_or(NONE_U32);
            whole || position_of.get(network as usize).is_some_and(Option::is_some)
        };
        let accounts: Vec<u32> = (0..dataset.graph().account_count() as u32).filter(is_chosen).collect();
        let touched = Touched::by(dataset.graph(), &accounts);
        let identifiers = touched.members().len();
        let (mut tied, mut seen) = (vec![0u32; identifiers], vec![0u32; identifiers]);
        let weights = results.weights.as_slice();
        for &account in &accounts {
            let account = AccountId(account);
            let sightings = dataset.graph().sighting_range(account);
            for (&identifier, &weight) in dataset.graph().identifiers_of(account).iter().zip(&weights[sightings]) {
                let place = touched.place(identifier);
                seen[place] += 1;
                tied[place] += u32::from(drawn_weight(enough.as_ref(), identifier, weight).is_some());
            }
        }
        let allowed = dataset.allowed()?;
        Ok(Chosen {
            dataset,
            results,
            naming,
            networks,
            small_networks,
            rejected_networks,
            beliefs,
            history: History::open(dataset)?,
            allowed,
            enough,
            position_of,
            accounts,
            touched,
            tied,
            seen,
        })
    }

    /// Chosen accounts that an identifier that some of them were seen with carries evidence for.
    pub(super) fn tied_by(&self, identifier: u32) -> u32 {
        self.tied[self.touched.place(identifier)]
    }

    /// The identifiers, ascending, of which a count by place is two or more.
    pub(super) fn counted_twice(&self, counts: &[u32]) -> Vec<u32> {
        let twice = self.touched.members().iter().zip(counts).filter(|&(_, &count)| count >= 2);
        twice.map(|(&identifier, _)| identifier).collect()
    }

    /// Everything of the graph but its nodes and edges.
    fn frame(&self, config: &ExportConfig) -> Result<ExportGraph<'a>, Error> {
        let cards = self.results.networks(self.dataset, &self.networks)?;
        let k = config.selection.k;
        let tables = self.dataset.tables();
        let mut kinds: Vec<String> = GROUP_KINDS.map(str::to_owned).to_vec();
        for kind in &tables.kinds {
            // A kind of identifier that is named like a kind of group would make two nodes one.
            let mut kind = kind.clone();
            while GROUP_KINDS.contains(&kind.as_str()) || kinds.contains(&kind) {
                kind.insert_str(0, "identifier_");
            }
            kinds.push(kind);
        }
        let mut roles = vec![KindRole::Other; GROUP_KINDS.len()];
        roles.extend_from_slice(self.dataset.roles());
        let shown = self.naming.shows_account_table();
        let names = |names: &[String]| if shown { names.to_vec() } else { Vec::new() };
        let mut graph = ExportGraph {
            about: About {
                tool: format!("hydralink {}", env!("CARGO_PKG_VERSION")),
                selection: {
                    let touching = if config.selection.networks == Networks::Whole { 0 } else { self.touching() };
                    let told = |count: usize| if k > 1 { anonymity::told_coarsely(count, k) } else { count };
                    let accounts = self.accounts.len() - touching;
                    config.selection.networks.words(self.networks.len(), told(accounts), told(touching))
                },
                level: self.naming.words().to_owned(),
                selection_id: config
                    .selection
                    .networks
                    .id(self.networks.iter().map(|&network| self.results.head(network).id.as_str())),
                redacted: config.selection.level == Level::Redact,
                collapsed: false,
                as_of: self.dataset.graph().last_seen(),
                since: anonymity::day(self.history.first()),
                detected_at: self.history.last_ran_at(),
                least: 0,
            },
            kinds,
            roles,
            networks: cards.into_iter().map(|card| self.shown_network(card)).collect::<Result<_, _>>()?,
            // To the day in every file: who gets only days (`k`) gets of an object the time that all others get.
            since: (self.networks.iter())
                .map(|&network| anonymity::day(self.history.since(&self.results.head(network).id)))
                .collect(),
            beliefs: self.networks.iter().map(|&network| self.beliefs[network]).collect(),
            classes: self.results.class_names.clone(),
            policies: self.results.policy_names.clone(),
            countries: names(&tables.countries),
            tiers: names(&tables.tiers),
            pathways: names(&tables.pathways),
            nodes: Vec::new(),
            edges: Vec::new(),
            hubs: Vec::new(),
            left_out: LeftOut {
                small_networks: self.small_networks,
                rejected_networks: self.rejected_networks,
                ..LeftOut::default()
            },
        };
        self.add_hubs(&mut graph);
        Ok(graph)
    }

    fn shown_network(&self, mut network: Network) -> Result<Network, Error> {
        network.tied_by = self.results.tying_identifiers(self.dataset, &network)?;
        network.tied_by_left_out = 0;
        for tie in &mut network.tied_by {
            tie.identifier = self.naming.labelled(self.dataset, &tie.identifier);
        }
        if !self.naming.shows_text() {
            network.why.clear();
        }
        Ok(network)
    }

    /// Chosen accounts that only touch their network.
    fn touching(&self) -> usize {
        let how = |&account: &u32| self.results.membership_of(AccountId(account)).map(|(_, how)| how);
        self.accounts.iter().filter(|account| how(account) == Some(Membership::Ambiguous)).count()
    }

    /// Lists the identifiers that chosen accounts share but that carry no evidence.
    fn add_hubs(&self, graph: &mut ExportGraph<'a>) {
        for (&identifier, (&tied, &seen)) in self.touched.members().iter().zip(self.tied.iter().zip(&self.seen)) {
            graph.left_out.hub_sightings += u64::from(seen - tied);
            if tied < 2 && seen >= 2 && seen > tied {
                let node = self.identifier_node(IdentifierId(identifier));
                graph.hubs.push(ExportHub {
                    kind: node.kind,
                    value: node.value,
                    class: node.class,
                    policy: node.policy,
                    accounts: seen,
                    degree: node.degree,
                    known_good: node.known_good,
                });
            } else if tied < 2 && seen > 0 {
                graph.left_out.single_identifiers += 1;
            }
        }
        graph.left_out.hubs = graph.hubs.len() as u64;
    }

    /// Whether all that is chosen is one network, of which a collapsed view has one node.
    fn is_one_network(&self, config: &ExportConfig) -> bool {
        let Selection { crowd, networks, k, .. } = &config.selection;
        *crowd == Crowd::Collapse && *k <= 1 && self.networks.len() == 1 && *networks != Networks::Whole
    }

    /// What an identifier tells, for comparing: whether a chosen network keeps it to itself, and how many chosen accounts it
    /// ties.
    fn telling_of(&self, identifier: u32) -> (bool, u32) {
        let network = self.results.network_of_identifier.get(identifier as usize).copied().unwrap_or(NONE_U32);
        (self.position_of.get(network as usize).is_some_and(Option::is_some), self.tied_by(identifier))
    }

    /// Keeps an account's `ties` most telling edges, ascending by identifier: of each kind the first, then of each the second,
    /// and so on.
    fn most_telling(&self, row: &mut Vec<ExportEdge>, ties: usize) {
        if row.len() <= ties {
            return;
        }
        let kind = |tie: &ExportEdge| self.dataset.graph().kind_of(IdentifierId(tie.target));
        row.sort_by_key(|tie| (kind(tie), Reverse(self.telling_of(tie.target)), tie.target));
        let mut ranked: Vec<(usize, ExportEdge)> =
            row.chunk_by(|one, other| kind(one) == kind(other)).flat_map(|run| run.iter().copied().enumerate()).collect();
        ranked.sort_by_key(|(rank, tie)| (*rank, Reverse(self.telling_of(tie.target)), tie.target));
        row.clear();
        row.extend(ranked.into_iter().take(ties).map(|(_, tie)| tie));
        row.sort_by_key(|tie| tie.target);
    }

    /// At most `room` identifiers, ascending, each of them among the `ties` most telling ones of at least two accounts.
    fn telling(&self, room: usize, ties: usize) -> Vec<u32> {
        let mut named = vec![0u32; self.tied.len()];
        for &account in &self.accounts {
            let mut row = Vec::new();
            self.each_tie(AccountId(account), |tie| row.push(tie));
            self.most_telling(&mut row, ties);
            row.iter().for_each(|tie| named[self.touched.place(tie.target)] += 1);
        }
        let mut telling = self.counted_twice(&named);
        telling.sort_by_key(|&identifier| (Reverse(self.telling_of(identifier)), identifier));
        telling.truncate(room);
        telling.sort_unstable();
        telling
    }

    /// Every chosen account and these identifiers (ascending), each account with its `ties` most telling ones of them.
    fn fill(&self, graph: &mut ExportGraph<'a>, drawn: &[u32], ties: usize) {
        let mut node_of = vec![NONE_U32; self.tied.len()];
        let mut identifiers = Vec::with_capacity(drawn.len());
        for &identifier in drawn {
            node_of[self.touched.place(identifier)] = (self.accounts.len() + identifiers.len()) as u32;
            identifiers.push(self.identifier_node(IdentifierId(identifier)));
        }
        graph.nodes.reserve_exact(self.accounts.len() + identifiers.len());
        let most: u64 = drawn.iter().map(|&identifier| u64::from(self.tied_by(identifier))).sum();
        graph.edges.reserve_exact(most.min((self.accounts.len() as u64).saturating_mul(ties as u64)) as usize);
        let mut row: Vec<ExportEdge> = Vec::new();
        for (source, &account) in self.accounts.iter().enumerate() {
            graph.nodes.push(self.account_node(AccountId(account)));
            row.clear();
            self.each_tie(AccountId(account), |tie| {
                let target = node_of[self.touched.place(tie.target)];
                if target == NONE_U32 {
                    graph.left_out.sightings += 1;
                    return;
                }
                row.push(tie);
            });
            let all = row.len();
            self.most_telling(&mut row, ties);
            graph.left_out.sightings += (all - row.len()) as u64;
            graph.nodes[source].degree_shown = row.len() as u32;
            let edge = |tie: &ExportEdge| ExportEdge {
                source: source as u32,
                target: node_of[self.touched.place(tie.target)],
                ..*tie
            };
            graph.edges.extend(row.iter().map(edge));
        }
        graph.nodes.append(&mut identifiers);
    }

    /// An account's sightings with evidence, ascending by identifier; `source` is the account and `target` the identifier.
    pub(crate) fn each_tie(&self, account: AccountId, mut visit: impl FnMut(ExportEdge)) {
        let weights = &self.results.weights[self.dataset.graph().sighting_range(account)];
        for (sighting, &weight) in self.dataset.graph().sightings_of(account).zip(weights) {
            if let Some(weight) = drawn_weight(self.enough.as_ref(), sighting.identifier.0, weight) {
                visit(ExportEdge {
                    source: account.0,
                    target: sighting.identifier.0,
                    weight,
                    count: u64::from(sighting.count),
                    first_seen: sighting.first_seen,
                    last_seen: sighting.last_seen,
                });
            }
        }
    }

    /// The position among the chosen networks of an account's network.
    pub(crate) fn network_of(&self, account: AccountId) -> Option<u32> {
        let network = *self.results.network_of.get(account.index())?;
        *self.position_of.get(network as usize)?
    }

    /// All that is known of an account.
    pub(crate) fn account_node(&self, account: AccountId) -> ExportNode<'a> {
        let (dataset, index) = (self.dataset, account.index());
        let mut node = ExportNode::new(ACCOUNT, self.naming.account(dataset.account_name(account)));
        node.network = self.network_of(account);
        node.is_banned = dataset.is_banned(account);
        node.known_good = self.allowed.accounts.get(index) == Some(&true);
        if node.network.is_some() {
            node.membership = self.results.membership_of(account).map(|(_, membership)| membership);
            node.role = role_of(dataset, self.results, account);
            node.confidence = self.results.confidence.get(index).copied();
            node.evidence_bits = self.results.evidence_bits.get(index).copied();
        }
        node.accounts = 1;
        node.degree = dataset.graph().account_degree(account) as u64;
        self.count_exchanges(account, &mut node);
        node.community = label(&self.results.communities, index);
        node.component = label(&self.results.components, index);
        if self.naming.shows_account_table() {
            let table = dataset.accounts();
            node.created_at = table.created_at.get(index).copied().unwrap_or(NO_TIME);
            node.shown_banned = node.is_banned;
            node.banned_at = table.banned_at.get(index).copied().unwrap_or(NO_TIME);
            node.country = table.country.get(index).copied().unwrap_or(NONE_U16);
            node.tier = table.tier.get(index).copied().unwrap_or(NONE_U16);
            node.pathway = table.pathway.get(index).copied().unwrap_or(NONE_U16);
        }
        node
    }

    /// Exchanges and times as `show` counts them, and the sightings that make no edge.
    fn count_exchanges(&self, account: AccountId, node: &mut ExportNode<'a>) {
        let graph = self.dataset.graph();
        let weights = &self.results.weights[graph.sighting_range(account)];
        for (&identifier, &weight) in graph.identifiers_of(account).iter().zip(weights) {
            node.hub_sightings += u64::from(drawn_weight(self.enough.as_ref(), identifier, weight).is_none());
        }
        node.exchanges = query::exchanges_of(self.dataset, account);
        (node.first_seen, node.last_seen) = query::span_of_account(self.dataset, account);
    }

    /// All that is known of an identifier; exchanges, times and degree are those of the whole store, as `show` tells them.
    pub(crate) fn identifier_node(&self, identifier: IdentifierId) -> ExportNode<'a> {
        let (dataset, index) = (self.dataset, identifier.index());
        let kind = dataset.graph().kind_of(identifier);
        let (kind_name, value) = dataset.identifier_name(identifier);
        let role = dataset.roles()[kind.index()];
        let mut node: ExportNode<'a> =
            ExportNode::new((GROUP_KINDS.len() + kind.index()) as u16, self.naming.identifier(kind_name, role, value));
        let network = self.results.network_of_identifier.get(index).copied().unwrap_or(NONE_U32);
        node.network = self.position_of.get(network as usize).copied().flatten();
        node.known_good = self.allowed.identifiers.get(index) == Some(&true);
        node.class = self.results.classes.get(index).copied();
        node.policy = self.results.policies.get(index).copied();
        node.accounts = self.seen[self.touched.place(identifier.0)];
        node.degree = dataset.graph().identifier_degree(identifier) as u64;
        let totals = self.results.totals_of(dataset, identifier);
        (node.exchanges, node.first_seen, node.last_seen) = (totals.exchanges, totals.first_seen, totals.last_seen);
        let vertex = dataset.graph().account_count() + index;
        node.community = label(&self.results.communities, vertex);
        node.component = label(&self.results.components, vertex);
        node
    }

    /// The node that stands for the accounts of a network.
    pub(crate) fn network_node(&self, network: u32) -> ExportNode<'a> {
        let found = self.results.head(self.networks[network as usize]);
        let mut node = ExportNode::new(super::view::NETWORK, Cow::Borrowed(found.id.as_str()));
        node.network = Some(network);
        node
    }
}

/// The weight of a sighting's edge; `None` where it makes none. Suppressed sightings weigh 0; but what is enough to tie members
/// may be an identifier that links only together with another, and is drawn with the bits of sharing it.
fn drawn_weight(enough: Option<&HashMap<u32, f32>>, identifier: u32, weight: f32) -> Option<f32> {
    let found = Some(weight).filter(|_| weight > 0.0 && weight.is_finite());
    found.or_else(|| enough?.get(&identifier).copied())
}

/// Makes a span of time hold another one; `NO_TIME` is no time.
pub(crate) fn widen(first: &mut Seconds, last: &mut Seconds, other_first: Seconds, other_last: Seconds) {
    if other_first != NO_TIME && (*first == NO_TIME || other_first < *first) {
        *first = other_first;
    }
    *last = (*last).max(other_last);
}

fn label(labels: &[u32], vertex: usize) -> Option<u32> {
    labels.get(vertex).copied().filter(|&label| label != NONE_U32)
}
