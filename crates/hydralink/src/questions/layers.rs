//! Who runs the accounts, and whose traffic goes through them?
//!
//! A pool may serve several tenants, and a tenant may use several pools, so one partition of accounts can't say both. Two
//! layers, and their overlap:
//! 1. *Pools*: the networks of the last detection. Its *parts* are Leiden communities of its accounts by infrastructure alone
//!    (addresses, payment, devices, credentials): one large part says one set of machines and cards, many small ones that only
//!    work holds it together.
//! 2. *Campaigns*: communities of links. A link is an account on a day and a template it used; vertices are (account, day,
//!    capability class) and templates, weighted ln(1 + exchanges). A template lies in one campaign, an account in as many as
//!    its templates (link communities: Ahn et al. 2010, doi:10.1038/nature09182; found by Leiden on the bipartite graph instead
//!    of a dendrogram of links). One tenant's templates change over weeks and are spread over shards of a pool: communities of
//!    one pool that ask for the same classes in the same proportions (cosine of at least [`ALIKE`]) are one campaign. Templates
//!    that most users use outside all pools are nobody's campaign and counted as `public`; campaigns below
//!    [`LayersConfig::least_share`] of every pool's traffic are counted as `other`.
//! 3. *Overlap*: exchanges of each pool in each campaign, as a share of either.
//!
//! Tenants whose sessions share accounts, days and capability classes at random can't be told apart by this; paraphrased
//! prompts (no shared template) drop out into `other`. Cost O(events of pools log events). Weights of the campaign layer are a
//! choice, not an estimate.

use std::collections::{BTreeMap, BTreeSet};

use evidence::KindRole;
use graph::{AccountId, IdentifierId, NONE_U16, NONE_U32, WeightedGraph};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::Results;

const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// Settings of [`layers`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayersConfig {
    /// Resolution of the campaign search; higher gives smaller campaigns.
    pub resolution: f64,
    /// Seed of both community searches.
    pub seed: u64,
    /// Campaigns below this share of every pool's exchanges are counted as `other`.
    pub least_share: f64,
}

impl Default for LayersConfig {
    fn default() -> Self {
        LayersConfig { resolution: 1.0, seed: 1, least_share: 0.02 }
    }
}

/// A pool of accounts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pool {
    /// The network's id.
    pub pool: String,
    /// Its core and fringe accounts.
    pub accounts: u64,
    /// Their exchanges that have a time and a template.
    pub exchanges: u64,
    /// Communities of at least two of its accounts by infrastructure alone.
    pub parts: u64,
    /// Accounts in the largest of them.
    pub largest_part: u64,
}

/// A campaign: templates that the same accounts used on the same days.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Campaign {
    /// `C1` for the one with most exchanges.
    pub campaign: String,
    /// Its templates.
    pub templates: u64,
    /// Accounts of pools that used one.
    pub accounts: u64,
    /// Exchanges through all pools.
    pub exchanges: u64,
    /// First day, as a date.
    pub first_day: String,
    /// Last day.
    pub last_day: String,
    /// Capability class of most exchanges, if the input has classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// Its template with most exchanges.
    pub top_template: String,
}

/// One cell of the overlap matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overlap {
    /// The pool.
    pub pool: String,
    /// The campaign, `public` or `other`.
    pub campaign: String,
    /// Exchanges.
    pub exchanges: u64,
    /// Accounts of the pool that took part.
    pub accounts: u64,
    /// Share of the pool's exchanges.
    pub share_of_pool: f64,
    /// Share of the campaign's exchanges.
    pub share_of_campaign: f64,
}

/// Both layers and their overlap.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Layers {
    /// By rank.
    pub pools: Vec<Pool>,
    /// By exchanges.
    pub campaigns: Vec<Campaign>,
    /// By pool, then by share.
    pub overlap: Vec<Overlap>,
    /// Campaign of each template, as an index into `campaigns`, for those that have one.
    #[serde(skip)]
    pub campaign_of: BTreeMap<u32, u32>,
}

/// One link: what an account of a pool did on a day with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    account: u32,
    day: i64,
    capability: u16,
    template: u32,
    exchanges: u64,
}

/// Finds both layers among the flagged networks.
///
/// # Errors
/// [`Error::Usage`] if the store has no templates with times, or `least_share` is no share from 0 to 1; [`Error::Community`] for a
/// resolution that makes no sense.
pub fn layers(dataset: &Dataset, results: &Results, config: &LayersConfig) -> Result<Layers, Error> {
    if !(0.0..=1.0).contains(&config.least_share) {
        return Err(Error::Usage(format!("least_share is {}; a share from 0 to 1 was expected", config.least_share)));
    }
    results.labelling().check_of(dataset)?;
    if dataset.activity().columns().template.is_empty() {
        return Err(Error::Usage("the store has no prompt templates with times, which campaigns are made of".to_owned()));
    }
    let pool_of = results.labelling.flagged_networks();
    let links = links(dataset, &pool_of);
    let own = mostly_inside(dataset, &pool_of, &links);
    let mut communities = campaigns(&links, &own, config)?;
    merge_alike(&links, &pool_of, &mut communities);
    let mut layers = Layers { pools: pools(dataset, results, &pool_of, &links, config)?, ..Layers::default() };
    number_campaigns(dataset, &links, &communities, &pool_of, config, &mut layers);
    count_overlap(results, &links, &own, &pool_of, &mut layers);
    Ok(layers)
}

fn links(dataset: &Dataset, pool_of: &[u32]) -> Vec<Link> {
    let mut links = Vec::new();
    for account in (0..pool_of.len() as u32).filter(|&account| pool_of[account as usize] != NONE_U32) {
        let of = dataset.activity().of(AccountId(account));
        let start = links.len();
        for at in (0..of.time.len()).filter(|&at| of.template[at] != NONE_U32) {
            links.push(Link {
                account,
                day: of.time[at].div_euclid(MILLISECONDS_A_DAY),
                capability: of.capability.get(at).copied().unwrap_or(NONE_U16),
                template: of.template[at],
                exchanges: of.requests.get(at).map_or(1, |&requests| u64::from(requests)),
            });
        }
        links[start..].sort_unstable();
    }
    links.dedup_by(|next, kept| {
        let key = |link: &Link| (link.account, link.day, link.capability, link.template);
        let same = key(next) == key(kept);
        kept.exchanges += if same { next.exchanges } else { 0 };
        same
    });
    links
}

/// Templates at least half of whose accounts are in pools.
fn mostly_inside(dataset: &Dataset, pool_of: &[u32], links: &[Link]) -> BTreeSet<u32> {
    let templates: BTreeSet<u32> = links.iter().map(|link| link.template).collect();
    let inside = |template: u32| {
        let accounts = dataset.graph().accounts_of(IdentifierId(template));
        2 * accounts.iter().filter(|&&account| pool_of[account as usize] != NONE_U32).count() >= accounts.len()
    };
    templates.into_iter().filter(|&template| inside(template)).collect()
}

/// The community of each of the pools' own templates.
fn campaigns(links: &[Link], own: &BTreeSet<u32>, config: &LayersConfig) -> Result<BTreeMap<u32, u32>, Error> {
    let number: BTreeMap<u32, u32> = own.iter().zip(0..).map(|(&template, at)| (template, at)).collect();
    let mut edges: Vec<(u32, u32, f32)> = Vec::new();
    let mut vertex = number.len() as u32;
    for unit in links.chunk_by(|a, b| (a.account, a.day, a.capability) == (b.account, b.day, b.capability)) {
        let before = edges.len();
        for link in unit {
            if let Some(&template) = number.get(&link.template) {
                edges.push((template, vertex, (link.exchanges as f32).ln_1p()));
            }
        }
        vertex += u32::from(edges.len() > before);
    }
    let graph = WeightedGraph::from_edges(vertex as usize, &edges)?;
    let has_classes = links.iter().any(|link| link.capability != NONE_U16);
    let found = leiden(&graph, if has_classes { FINE * config.resolution } else { config.resolution }, config.seed)?;
    Ok(number.into_iter().map(|(template, at)| (template, found.labels()[at as usize])).collect())
}

/// Cosine of two communities' capability classes from which they are one tenant's. Two campaigns on three classes each that
/// share one are at about 1/3, two samples of one campaign above .95.
pub const ALIKE: f64 = 0.8;

/// Resolution of the campaign search where capability classes can put together again what it cuts; nothing parts what it joins.
const FINE: f64 = 4.0;

/// What merging knows of a community: exchanges by capability class, and the pools it runs through.
#[derive(Clone, Debug, Default)]
struct Profile {
    classes: BTreeMap<u16, u64>,
    pools: BTreeSet<u32>,
}

impl Profile {
    fn exchanges(&self) -> u64 {
        self.classes.values().sum()
    }

    fn cosine(&self, other: &Profile) -> f64 {
        let square = |profile: &Profile| profile.classes.values().map(|&count| (count as f64).powi(2)).sum::<f64>();
        let both = |(class, &count): (&u16, &u64)| count as f64 * other.classes.get(class).copied().unwrap_or(0) as f64;
        self.classes.iter().map(both).sum::<f64>() / (square(self) * square(other)).sqrt().max(f64::MIN_POSITIVE)
    }
}

/// Puts each community, largest first, to the first larger one that shares a pool and asks for the same classes. Nothing is
/// merged where the input has no classes.
fn merge_alike(links: &[Link], pool_of: &[u32], communities: &mut BTreeMap<u32, u32>) {
    let mut profiles: BTreeMap<u32, Profile> = BTreeMap::new();
    for link in links.iter().filter(|link| link.capability != NONE_U16) {
        if let Some(&community) = communities.get(&link.template) {
            let profile = profiles.entry(community).or_default();
            *profile.classes.entry(link.capability).or_default() += link.exchanges;
            profile.pools.insert(pool_of[link.account as usize]);
        }
    }
    let mut order: Vec<(u32, Profile)> = profiles.into_iter().collect();
    order.sort_by_key(|(community, profile)| (std::cmp::Reverse(profile.exchanges()), *community));
    let mut kept: Vec<(u32, Profile)> = Vec::new();
    let mut becomes: BTreeMap<u32, u32> = BTreeMap::new();
    for (community, profile) in order {
        let alike =
            |larger: &&mut (u32, Profile)| !larger.1.pools.is_disjoint(&profile.pools) && larger.1.cosine(&profile) >= ALIKE;
        match kept.iter_mut().find(alike) {
            None => kept.push((community, profile)),
            Some((into, whole)) => {
                becomes.insert(community, *into);
                for (class, count) in profile.classes {
                    *whole.classes.entry(class).or_default() += count;
                }
                whole.pools.extend(profile.pools);
            }
        }
    }
    for community in communities.values_mut() {
        *community = becomes.get(community).copied().unwrap_or(*community);
    }
}

fn leiden(graph: &WeightedGraph, resolution: f64, seed: u64) -> Result<graph::Partition, Error> {
    let objective = community::QualityConfig { resolution, ..Default::default() };
    let search = community::LeidenConfig { objective, seed, ..Default::default() };
    Ok(community::leiden_partition(graph, None, &search)?)
}

/// The pools, and how their infrastructure alone would part them.
fn pools(
    dataset: &Dataset,
    results: &Results,
    pool_of: &[u32],
    links: &[Link],
    config: &LayersConfig,
) -> Result<Vec<Pool>, Error> {
    let graph = dataset.graph();
    let infrastructure = |identifier: u32| {
        let role = dataset.roles()[graph.kind_of(IdentifierId(identifier)).index()];
        matches!(role, KindRole::Address | KindRole::Payment | KindRole::Device | KindRole::Credential)
    };
    let mut weights = results.labelling.weights.to_vec();
    for account in 0..pool_of.len() {
        for position in graph.sighting_range(AccountId(account as u32)) {
            if pool_of[account] == NONE_U32 || !infrastructure(graph.columns().identifiers[position]) {
                weights[position] = 0.0;
            }
        }
    }
    let parts = leiden(&WeightedGraph::from_bipartite(graph, &weights)?, 1.0, config.seed)?;
    let mut sizes: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let mut exchanges = vec![0u64; results.networks.len()];
    for (account, &pool) in pool_of.iter().enumerate().filter(|(_, pool)| **pool != NONE_U32) {
        *sizes.entry((pool, parts.labels()[account])).or_default() += 1;
    }
    for link in links {
        exchanges[pool_of[link.account as usize] as usize] += link.exchanges;
    }
    let flagged = results.networks.iter().enumerate().filter(|(_, network)| network.flagged);
    Ok(flagged
        .map(|(at, network)| {
            let of_pool = sizes.range((at as u32, 0)..=(at as u32, u32::MAX)).map(|(_, &size)| size).filter(|&size| size > 1);
            Pool {
                pool: network.id.clone(),
                accounts: network.accounts,
                exchanges: exchanges[at],
                parts: of_pool.clone().count() as u64,
                largest_part: of_pool.max().unwrap_or(0),
            }
        })
        .collect())
}

/// Keeps the campaigns that matter to some pool, numbered by exchanges, and describes them.
fn number_campaigns(
    dataset: &Dataset,
    links: &[Link],
    communities: &BTreeMap<u32, u32>,
    pool_of: &[u32],
    config: &LayersConfig,
    layers: &mut Layers,
) {
    let mut of_pool: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let (mut whole, mut traffic): (BTreeMap<u32, u64>, BTreeMap<u32, u64>) = Default::default();
    for link in links {
        let pool = pool_of[link.account as usize];
        *traffic.entry(pool).or_default() += link.exchanges;
        if let Some(&community) = communities.get(&link.template) {
            *of_pool.entry((community, pool)).or_default() += link.exchanges;
            *whole.entry(community).or_default() += link.exchanges;
        }
    }
    let matters: BTreeSet<u32> = of_pool
        .iter()
        .filter(|((_, pool), exchanges)| **exchanges as f64 >= config.least_share * traffic[pool] as f64)
        .map(|((community, _), _)| *community)
        .collect();
    let mut order: Vec<u32> = matters.into_iter().collect();
    order.sort_by_key(|community| (std::cmp::Reverse(whole[community]), *community));
    let number: BTreeMap<u32, u32> = order.iter().zip(0..).map(|(&community, at)| (community, at)).collect();
    layers.campaign_of =
        communities.iter().filter_map(|(&template, community)| Some((template, *number.get(community)?))).collect();
    let mut of_campaign: Vec<Vec<&Link>> = vec![Vec::new(); order.len()];
    for link in links {
        if let Some(&campaign) = layers.campaign_of.get(&link.template) {
            of_campaign[campaign as usize].push(link);
        }
    }
    layers.campaigns = of_campaign.iter().zip(1u32..).map(|(links, number)| describe(dataset, links, number)).collect();
}

fn describe(dataset: &Dataset, links: &[&Link], number: u32) -> Campaign {
    let (mut templates, mut classes): (BTreeMap<u32, u64>, BTreeMap<u16, u64>) = Default::default();
    let mut accounts = BTreeSet::new();
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for link in links {
        *templates.entry(link.template).or_default() += link.exchanges;
        *classes.entry(link.capability).or_default() += link.exchanges;
        accounts.insert(link.account);
        (first, last) = (first.min(link.day), last.max(link.day));
    }
    let top = templates.iter().max_by_key(|&(&template, &exchanges)| (exchanges, std::cmp::Reverse(template)));
    let class = classes.iter().max_by_key(|&(&class, &exchanges)| (exchanges, std::cmp::Reverse(class)));
    let day = |day: i64| {
        let date = crate::time::rfc3339((day * 86_400).clamp(0, i64::from(u32::MAX) - 1) as u32).unwrap_or_default();
        date.chars().take(10).collect::<String>()
    };
    Campaign {
        campaign: format!("C{number}"),
        templates: templates.len() as u64,
        accounts: accounts.len() as u64,
        exchanges: templates.values().sum(),
        first_day: day(first),
        last_day: day(last),
        capability: class.and_then(|(&class, _)| dataset.tables().capabilities.get(usize::from(class)).cloned()),
        top_template: top.map_or(String::new(), |(&template, _)| dataset.label_of(Node::Identifier(IdentifierId(template)))),
    }
}

fn count_overlap(results: &Results, links: &[Link], own: &BTreeSet<u32>, pool_of: &[u32], layers: &mut Layers) {
    // Campaigns, then `public`, then `other`.
    let (public, other) = (layers.campaigns.len() as u32, layers.campaigns.len() as u32 + 1);
    let column = |link: &Link| match layers.campaign_of.get(&link.template) {
        Some(&campaign) => campaign,
        None if own.contains(&link.template) => other,
        None => public,
    };
    let mut cells: BTreeMap<(u32, u32), (u64, BTreeSet<u32>)> = BTreeMap::new();
    let (mut of_pool, mut of_column): (BTreeMap<u32, u64>, BTreeMap<u32, u64>) = Default::default();
    for link in links {
        let (pool, column) = (pool_of[link.account as usize], column(link));
        let cell = cells.entry((pool, column)).or_default();
        cell.0 += link.exchanges;
        cell.1.insert(link.account);
        *of_pool.entry(pool).or_default() += link.exchanges;
        *of_column.entry(column).or_default() += link.exchanges;
    }
    let name = |column: u32| match layers.campaigns.get(column as usize) {
        Some(campaign) => campaign.campaign.clone(),
        None if column == public => "public".to_owned(),
        None => "other".to_owned(),
    };
    let mut order: Vec<_> = cells.into_iter().collect();
    order.sort_by_key(|((pool, column), (exchanges, _))| (*pool, std::cmp::Reverse(*exchanges), *column));
    layers.overlap = order
        .into_iter()
        .map(|((pool, column), (exchanges, accounts))| Overlap {
            pool: results.networks[pool as usize].id.clone(),
            campaign: name(column),
            exchanges,
            accounts: accounts.len() as u64,
            share_of_pool: exchanges as f64 / of_pool[&pool] as f64,
            share_of_campaign: exchanges as f64 / of_column[&column] as f64,
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve accounts of one pool in two shards. Tenant A asks for classes 1 to 3 through both shards with templates of each
    /// shard's own, tenant B for classes 3 to 5 through the first, on the same accounts and days.
    fn two_tenants() -> (Vec<Link>, Vec<u32>) {
        let mut links = Vec::new();
        for account in 0..12u32 {
            let shard = account / 6;
            for day in 0..10i64 {
                for (base, classes) in [(100 * shard, [1, 2, 3]), (900, [3, 4, 5])] {
                    for step in (0..4u32).filter(|_| base != 900 || shard == 0) {
                        for capability in classes {
                            links.push(Link { account, day, capability, template: base + step, exchanges: 3 });
                        }
                    }
                }
            }
        }
        links.sort_unstable();
        (links, vec![0; 12])
    }

    #[test]
    fn a_pool_of_two_tenants_shows_two_campaigns() {
        let (links, pool_of) = two_tenants();
        let own: BTreeSet<u32> = links.iter().map(|link| link.template).collect();
        let mut found = campaigns(&links, &own, &LayersConfig::default()).unwrap();
        assert_ne!(found[&0], found[&100], "shards share no template and no account");
        merge_alike(&links, &pool_of, &mut found);
        let of = |base: u32| -> BTreeSet<u32> { (base..base + 4).map(|template| found[&template]).collect() };
        assert_eq!((of(0).len(), of(900).len()), (1, 1), "{found:?}");
        assert_eq!(of(0), of(100), "one tenant on two shards");
        assert_ne!(of(0), of(900), "two tenants on one pool");
    }

    #[test]
    fn what_shares_no_pool_is_not_merged() {
        let (links, _) = two_tenants();
        let own: BTreeSet<u32> = links.iter().map(|link| link.template).collect();
        let mut found = campaigns(&links, &own, &LayersConfig::default()).unwrap();
        let apart: Vec<u32> = (0..12).map(|account| account / 6).collect();
        merge_alike(&links, &apart, &mut found);
        assert_ne!(found[&0], found[&100]);
    }

    #[test]
    fn cosines_by_hand() {
        let profile = |counts: &[(u16, u64)]| Profile { classes: counts.iter().copied().collect(), pools: BTreeSet::new() };
        let (one, other) = (profile(&[(1, 3), (2, 4)]), profile(&[(2, 5)]));
        assert!((one.cosine(&other) - 0.8).abs() < 1e-12 && (one.cosine(&one) - 1.0).abs() < 1e-12);
        assert_eq!(one.cosine(&profile(&[])), 0.0);
    }
}
