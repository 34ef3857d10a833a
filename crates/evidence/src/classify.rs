//! What kind of thing is each identifier, and may it link accounts?
//!
//! An identifier shared by many accounts is a *hub*. Fan-in alone does not say whose hub: an exchange or a carrier NAT gathers
//! its accounts over months, an operator's payer within hours. So the *spread*
//!
//! ```text
//! spread(i) = IQR of first use of i over its accounts / IQR of first use over all sightings of i's kind
//! ```
//!
//! decides between the two; fan-in only says where the question arises. A sighting without a time borrows the time of its
//! account's first dated sighting. A log that begins in the midst sees what had long been in use for the first time on its first
//! days, which is no burst: what an account that was made before the log uses in its first week counts, for a hub's spread, from
//! when the account was made (its *tenure*; not for what is asked or passed on, which is no part of how an account is set up).
//!
//! 1. *Tail*: per kind, a log-normal is fitted to the degrees of 2 and more; the tail begins `tail_deviations` above the mean
//!    of log degree, and never below the role's documented floor.
//! 2. *Features*: one parallel pass over identifiers: degree and spread.
//! 3. *Network*: where the type of an address's network was looked up, one that strangers share by design (a school, a company,
//!    a mobile carrier, a carrier's shared address) is never an operator's, however fast its accounts came; a crowd there links
//!    only together with another identifier. Hosts, VPN exits and proxies can be rented: there the spread decides as
//!    everywhere.
//! 4. *Rules*: the first that holds gives the class; the class and the role give the policy.
//! 5. *Aliases*: of identifiers that the same accounts have from the same events one links and the others don't, as sharing
//!    all of them is sharing one thing.
//!
//! Cost: O(sightings), one pass; a quartile is a selection, not a sort. Without timestamps the spread is missing and fan-in
//! alone decides, towards caution: a hub without times links only together with another identifier.

use graph::{AccountId, IdentifierId, KindId, NO_TIME, NetworkType};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::aliases::find_aliases;
use crate::config::ClassifyConfig;
use crate::{AccountTable, Facts, KindRole};

/// Entropy of the exchanges over accounts, over its maximum, from which a crowd is as even as an exit's.
const EVEN: f32 = 0.9;

/// Seconds from the beginning of a log within which what is seen for the first time may long have been in use: a week, in which
/// everybody who works on some day of it comes by.
const BEGINNING: u32 = 7 * 86_400;

/// What an identifier is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierClass {
    /// One account only.
    Private,
    /// As many accounts as a household has.
    Household,
    /// More than a household, less than a hub.
    Shared,
    /// An address whose many accounts came over a long time.
    CarrierNat,
    /// An address with a crowd so large and even that it can only be an exit of a service.
    VpnExit,
    /// A payment instrument or credential of a company or agency: many accounts over a long time.
    Corporate,
    /// A template that a notable share of all accounts uses.
    PopularTemplate,
    /// A client fingerprint or weak attribute that a notable share of all accounts has.
    DefaultFingerprint,
    /// A hub whose accounts came in one burst.
    BurstHub,
    /// A hub of another kind whose accounts came over a long time.
    BenignHub,
    /// A hub without timestamps: nothing says whose.
    UndatedHub,
    /// Named by the allow list.
    Allowed,
    /// Another identifier under a second name: the same accounts have both, from the same events. Only the other one links.
    Alias,
}

/// What an identifier may do in linkage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Links at full weight.
    Keep,
    /// Links at a weight that falls with its degree.
    DownWeight,
    /// Links only accounts that another identifier ties as well.
    CoOccurrenceOnly,
    /// Never links; still counted.
    Drop,
}

/// What was measured of one identifier; missing numbers are NaN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentifierFeatures {
    /// Accounts seen with it.
    pub degree: u32,
    /// Inter-quartile range of first use over its kind's.
    pub spread: f32,
    /// Inter-quartile range of first use in seconds.
    pub spread_seconds: f32,
}

/// Where the tail of a kind's degrees begins, and what spreads are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindTail {
    /// Accounts with at least one identifier of the kind.
    pub accounts: u32,
    /// Degree from which an identifier is a hub.
    pub hub_degree: u32,
    /// Mean of log degree over degrees of 2 and more.
    pub log_mean: f64,
    /// Standard deviation of the same.
    pub log_deviation: f64,
    /// Inter-quartile range of first use over all sightings of the kind, seconds; NaN without timestamps.
    pub spread_seconds: f64,
}

/// Every identifier's class, policy and features.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// By identifier.
    pub classes: Vec<IdentifierClass>,
    /// By identifier.
    pub policies: Vec<Policy>,
    /// By identifier.
    pub features: Vec<IdentifierFeatures>,
    /// By kind.
    pub tails: Vec<KindTail>,
}

/// Classifies every identifier.
pub fn classify_identifiers(facts: Facts<'_>, config: &ClassifyConfig) -> Classification {
    let times = first_uses(facts);
    let tails: Vec<KindTail> = facts.graph.kinds().map(|kind| fit_tail(facts, kind, &times, config)).collect();
    let begins = times.par_iter().copied().filter(|&time| time != NO_TIME).min().unwrap_or(NO_TIME);
    let account_count = facts.seen_accounts() as f64;
    let judged: Vec<(IdentifierClass, Policy, IdentifierFeatures)> = (0..facts.graph.identifier_count() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .map_init(Vec::new, |scratch, identifier| {
            let identifier = IdentifierId(identifier);
            let kind = facts.graph.kind_of(identifier).index();
            let features = measure(facts, identifier, &times, begins, &tails[kind], config, scratch);
            let (class, policy) = judge(facts, identifier, &features, &tails[kind], account_count, config);
            (class, policy, features)
        })
        .collect();
    let mut classes = Vec::with_capacity(judged.len());
    let mut policies = Vec::with_capacity(judged.len());
    let mut features = Vec::with_capacity(judged.len());
    for (class, policy, feature) in judged {
        classes.push(class);
        policies.push(policy);
        features.push(feature);
    }
    for alias in find_aliases(facts, config) {
        if policies[alias.index()] != Policy::Drop {
            (classes[alias.index()], policies[alias.index()]) = (IdentifierClass::Alias, Policy::Drop);
        }
    }
    Classification { classes, policies, features, tails }
}

/// The class and policy that the features of an identifier give it.
fn judge(
    facts: Facts<'_>,
    identifier: IdentifierId,
    features: &IdentifierFeatures,
    tail: &KindTail,
    account_count: f64,
    config: &ClassifyConfig,
) -> (IdentifierClass, Policy) {
    use IdentifierClass::*;
    let (role, network) = (facts.role_of(identifier.0), facts.network_type(identifier));
    let degree = features.degree;
    if facts.allowed_identifiers.get(identifier.index()).copied().unwrap_or(false) {
        return (Allowed, Policy::Drop);
    }
    if degree <= 1 {
        return (Private, Policy::Keep);
    }
    let tail_begins = f64::from(tail.hub_degree).min(config.crowd_share * account_count);
    let crowd = f64::from(degree) > tail_begins.max(config.popular_share * account_count);
    // In a small population a campaign's own template can reach the share of a popular one: it may still confirm.
    let common = f64::from(degree) > config.common_share * account_count;
    let popular = if common { Policy::Drop } else { Policy::CoOccurrenceOnly };
    match role {
        KindRole::Template if crowd => return (PopularTemplate, popular),
        KindRole::Device | KindRole::Weak if crowd => return (DefaultFingerprint, popular),
        // A broad attribute sorts clients by their software, not by who runs them: two of them together say no more than one,
        // and where it is rare it is somebody's home.
        KindRole::Weak if degree > config.household_accounts => return (DefaultFingerprint, Policy::Drop),
        _ => {}
    }
    if degree <= config.household_accounts {
        return (Household, Policy::Keep);
    }
    if let Some(network) = network.filter(|network| network.is_shared_by_design()) {
        let crowded = degree > config.address_crowd_accounts;
        let class = if matches!(network, NetworkType::Edu | NetworkType::Corp) { Corporate } else { CarrierNat };
        return (class, if crowded { Policy::CoOccurrenceOnly } else { Policy::DownWeight });
    }
    if degree < tail.hub_degree {
        return (Shared, Policy::Keep);
    }
    let burst = f64::from(features.spread) <= config.burst_spread;
    if burst {
        return (BurstHub, Policy::Keep);
    }
    match role {
        KindRole::Template => (Shared, Policy::DownWeight),
        KindRole::Address if degree > config.address_crowd_accounts => {
            let even = || degree > config.address_crowd_accounts.saturating_mul(4) && volume_entropy(facts, identifier) > EVEN;
            let exit = matches!(network, Some(NetworkType::Vpn | NetworkType::Proxy)) || even();
            (if exit { VpnExit } else { CarrierNat }, Policy::CoOccurrenceOnly)
        }
        KindRole::Address if matches!(network, Some(NetworkType::Vpn | NetworkType::Proxy)) => (VpnExit, Policy::DownWeight),
        KindRole::Address => (CarrierNat, Policy::DownWeight),
        KindRole::Payment | KindRole::Credential => (Corporate, Policy::CoOccurrenceOnly),
        KindRole::Device | KindRole::Weak => (DefaultFingerprint, Policy::CoOccurrenceOnly),
        KindRole::Content | KindRole::Other if features.spread.is_nan() => (UndatedHub, Policy::CoOccurrenceOnly),
        KindRole::Content | KindRole::Other => (BenignHub, Policy::CoOccurrenceOnly),
    }
}

/// Measures one identifier; the log `begins` then.
fn measure(
    facts: Facts<'_>,
    identifier: IdentifierId,
    times: &[u32],
    begins: u32,
    tail: &KindTail,
    config: &ClassifyConfig,
    scratch: &mut Vec<u32>,
) -> IdentifierFeatures {
    let positions = facts.graph.sightings_of_identifier(identifier);
    let degree = positions.len() as u32;
    let unknown = IdentifierFeatures { degree, spread: f32::NAN, spread_seconds: f32::NAN };
    if degree < config.spread_accounts.max(2) {
        return unknown;
    }
    // Tenure; see the module. The spread of the kind is one of first uses alone, so tenure can only widen a hub's.
    let set_up = !facts.role_of(identifier.0).is_interest();
    let since = |(&account, &position): (&u32, &u32)| {
        let time = times[position as usize];
        let at_the_beginning = set_up && time != NO_TIME && time - begins < BEGINNING;
        let made = at_the_beginning.then(|| AccountTable::known(&facts.accounts.created_at, AccountId(account))).flatten();
        made.filter(|&made| made < begins).unwrap_or(time)
    };
    scratch.clear();
    scratch.extend(facts.graph.accounts_of(identifier).iter().zip(positions).map(since).filter(|&time| time != NO_TIME));
    if scratch.len() < config.spread_accounts.max(1) as usize {
        return unknown;
    }
    let seconds = inter_quartile_range(scratch);
    IdentifierFeatures { degree, spread: (seconds / tail.spread_seconds) as f32, spread_seconds: seconds as f32 }
}

/// Entropy of an identifier's exchanges over its accounts, over its maximum: 1 if all use it alike. NaN without exchanges.
/// O(its sightings).
fn volume_entropy(facts: Facts<'_>, identifier: IdentifierId) -> f32 {
    let positions = facts.graph.sightings_of_identifier(identifier);
    let columns = facts.graph.columns();
    let counts = || positions.iter().map(|&position| f64::from(columns.counts[position as usize]));
    let total: f64 = counts().sum();
    let shares = counts().map(|count| count / total).filter(|&share| share > 0.0);
    let entropy: f64 = shares.map(|share| -share * share.log2()).sum();
    if total > 0.0 { (entropy / (positions.len() as f64).log2()) as f32 } else { f32::NAN }
}

/// By sighting position: first use, or the account's first dated sighting where the sighting has no time.
fn first_uses(facts: Facts<'_>) -> Vec<u32> {
    let first_seen = facts.graph.columns().first_seen.as_slice();
    let rows = (0..facts.graph.account_count() as u32).into_par_iter().with_min_len(4096);
    rows.flat_map_iter(|account| {
        let row = &first_seen[facts.graph.sighting_range(AccountId(account))];
        let start = row.iter().copied().filter(|&time| time != NO_TIME).min().unwrap_or(NO_TIME);
        row.iter().map(move |&time| if time == NO_TIME { start } else { time })
    })
    .collect()
}

/// Fits the tail of one kind's degrees.
fn fit_tail(facts: Facts<'_>, kind: KindId, times: &[u32], config: &ClassifyConfig) -> KindTail {
    let range = facts.graph.identifiers_of_kind(kind);
    // Integer histogram first: exact, and independent of the order of summation.
    let mut histogram: Vec<u64> = Vec::new();
    for identifier in range.clone() {
        let degree = facts.graph.identifier_degree(IdentifierId(identifier));
        if degree >= histogram.len() {
            histogram.resize(degree + 1, 0);
        }
        histogram[degree] += 1;
    }
    let (mut number, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (degree, &count) in histogram.iter().enumerate().skip(2) {
        let log = (degree as f64).ln();
        number += count as f64;
        sum += count as f64 * log;
        squares += count as f64 * log * log;
    }
    let log_mean = if number > 0.0 { sum / number } else { 0.0 };
    let log_deviation = if number > 0.0 { (squares / number - log_mean * log_mean).max(0.0).sqrt() } else { 0.0 };
    let floor = match facts.roles[kind.index()] {
        KindRole::Payment => config.payment_hub_accounts,
        KindRole::Address => config.address_hub_accounts,
        _ => config.other_hub_accounts,
    };
    let fitted = (log_mean + config.tail_deviations * log_deviation).exp().min(f64::from(u32::MAX / 2)) as u32;
    let (accounts, spread_seconds) = coverage_and_spread(facts, range, times);
    KindTail { accounts, hub_degree: fitted.max(floor.saturating_add(1)), log_mean, log_deviation, spread_seconds }
}

/// Accounts with an identifier in the range, and the inter-quartile range of the range's first uses.
fn coverage_and_spread(facts: Facts<'_>, range: std::ops::Range<u32>, times: &[u32]) -> (u32, f64) {
    let columns = facts.graph.columns();
    let accounts = (0..facts.graph.account_count() as u32)
        .into_par_iter()
        .with_min_len(4096)
        .filter(|&account| !facts.graph.identifiers_within(AccountId(account), &range).is_empty())
        .count() as u32;
    let reverse = columns.identifier_offsets.as_slice();
    let positions = &columns.identifier_sightings[reverse[range.start as usize] as usize..reverse[range.end as usize] as usize];
    // A fixed stride bounds the cost of a statistic that a million values determine.
    let stride = (positions.len() / 1_000_000).max(1);
    let mut sample: Vec<u32> =
        positions.iter().step_by(stride).map(|&position| times[position as usize]).filter(|&time| time != NO_TIME).collect();
    let spread = if sample.len() < 4 { 0.0 } else { inter_quartile_range(&mut sample) };
    // Where hardly two times differ (a log of one day, an import), they tell no burst from any other hub.
    (accounts, if spread > 0.0 { spread } else { f64::NAN })
}

/// Third quartile minus first: the values at ranks `3n/4` and `n/4`. Reorders the values. O(n).
fn inter_quartile_range(values: &mut [u32]) -> f64 {
    let (low, high) = (values.len() / 4, (values.len() * 3 / 4).min(values.len() - 1));
    let first = *values.select_nth_unstable(low).1;
    let third = *values.select_nth_unstable(high).1;
    f64::from(third) - f64::from(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::Toy;

    const DAY: u32 = 86_400;
    const START: u32 = 1_700_000_000;

    /// 400 accounts that start over 100 days, each with its own wallet; 60 of them on each of two hubs.
    fn hubs() -> Toy {
        let start = |account: u32| START + account * DAY / 4;
        let mut touches: Vec<_> = (0..400).map(|account| (account, 0, account, start(account))).collect();
        // Wallet 400: every sixth account, so over all 100 days. Wallet 401: sixty accounts within an hour.
        touches.extend((0..60).map(|at| (at * 6, 0, 400, start(at * 6))));
        touches.extend((0..60).map(|at| (at * 6 + 1, 0, 401, START + 50 * DAY + at * 60)));
        Toy::new(&[KindRole::Other], 400, &touches)
    }

    #[test]
    fn time_tells_a_payer_from_an_exchange_of_equal_fan_in() {
        let toy = hubs();
        let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        let (wide, burst) = (toy.identifier(0, 400), toy.identifier(0, 401));
        assert_eq!(
            (found.classes[wide.index()], found.policies[wide.index()]),
            (IdentifierClass::BenignHub, Policy::CoOccurrenceOnly)
        );
        assert_eq!((found.classes[burst.index()], found.policies[burst.index()]), (IdentifierClass::BurstHub, Policy::Keep));
        // Half of sixty accounts a minute apart lie within half an hour.
        assert_eq!(found.features[burst.index()].spread_seconds, 30.0 * 60.0);
    }

    #[test]
    fn what_a_company_used_before_the_log_began_is_no_burst_and_accounts_made_for_the_log_are_one() {
        // Two hundred accounts with a card of their own come over a hundred days. Sixty have one card, all on the first morning.
        let of_log = (0..200).map(|account| (account, 0, account, START + account * DAY / 2));
        let mut toy = Toy::new(
            &[KindRole::Payment],
            260,
            &of_log.chain((200..260).map(|account| (account, 0, 200, START + account * 60))).collect::<Vec<_>>(),
        );
        let mut class = |made: fn(u32) -> u32| {
            toy.accounts.created_at = (0..260).map(made).collect::<Vec<u32>>().into();
            let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
            (found.classes[200], found.features[200].spread_seconds)
        };
        // Nobody knows when they were made; over two years before; all in one hour before; on that morning.
        assert_eq!(class(|_| NO_TIME), (IdentifierClass::BurstHub, 30.0 * 60.0));
        assert_eq!(
            class(|account| START - account.saturating_sub(199).max(1) * 12 * DAY),
            (IdentifierClass::Corporate, (30 * 12 * DAY) as f32)
        );
        assert_eq!(class(|account| START - 40 * DAY + account * 60), (IdentifierClass::BurstHub, 30.0 * 60.0));
        assert_eq!(class(|account| START + account * 60), (IdentifierClass::BurstHub, 30.0 * 60.0));
    }

    #[test]
    fn without_times_a_hub_may_only_confirm() {
        let touches: Vec<_> = (0..60).flat_map(|account| [(account, 0, account, 0), (account, 0, 60, 0)]).collect();
        let toy = Toy::new(&[KindRole::Other], 60, &touches);
        let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        let hub = toy.identifier(0, 60).index();
        assert_eq!((found.classes[hub], found.policies[hub]), (IdentifierClass::UndatedHub, Policy::CoOccurrenceOnly));
        assert!(found.features[hub].spread.is_nan());
    }

    #[test]
    fn undated_sightings_borrow_the_accounts_first_date() {
        // Only the wallet of the account itself is dated; the hub isn't.
        let mut touches: Vec<_> = (0..100).map(|account| (account, 0, account, START + account * DAY)).collect();
        touches.extend((0..40).map(|account| (account * 2, 0, 100, 0)));
        let toy = Toy::new(&[KindRole::Other], 100, &touches);
        let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        assert_eq!(found.classes[toy.identifier(0, 100).index()], IdentifierClass::BenignHub);
    }

    #[test]
    fn popular_templates_and_allowed_identifiers_never_link() {
        let touches: Vec<_> = (0..200).flat_map(|account| [(account, 0, account % 50, 0), (account, 1, 0, 0)]).collect();
        let mut toy = Toy::new(&[KindRole::Address, KindRole::Template], 200, &touches);
        toy.allowed = vec![false; toy.graph.identifier_count()];
        toy.allowed[7] = true;
        let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        let popular = toy.identifier(1, 0).index();
        assert_eq!((found.classes[popular], found.policies[popular]), (IdentifierClass::PopularTemplate, Policy::Drop));
        assert_eq!((found.classes[7], found.policies[7]), (IdentifierClass::Allowed, Policy::Drop));
        assert_eq!((found.classes[8], found.policies[8]), (IdentifierClass::Household, Policy::Keep));
    }

    #[test]
    fn a_burst_from_a_campus_is_no_operators_and_a_rented_address_is_judged_by_its_spread() {
        // Four hundred accounts on addresses of their own, sixty on one more within an hour.
        let mut touches: Vec<_> = (0..400).map(|account| (account, 0, account, START + account * DAY / 4)).collect();
        touches.extend((0..60).map(|at| (at * 6, 0, 400, START + 50 * DAY + at * 60)));
        let mut toy = Toy::new(&[KindRole::Address], 400, &touches);
        let crowd = toy.identifier(0, 400).index();
        for (network, expected) in [
            (None, IdentifierClass::BurstHub),
            (Some(NetworkType::Edu), IdentifierClass::Corporate),
            (Some(NetworkType::Corp), IdentifierClass::Corporate),
            (Some(NetworkType::Mobile), IdentifierClass::CarrierNat),
            (Some(NetworkType::Cgnat), IdentifierClass::CarrierNat),
            (Some(NetworkType::Vpn), IdentifierClass::BurstHub),
            (Some(NetworkType::Hosting), IdentifierClass::BurstHub),
            (Some(NetworkType::Residential), IdentifierClass::BurstHub),
        ] {
            toy.network_types = vec![0; toy.graph.identifier_count()];
            toy.network_types[crowd] = network.map_or(0, NetworkType::code);
            let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
            assert_eq!(found.classes[crowd], expected, "{network:?}");
            let keeps = found.policies[crowd] == Policy::Keep;
            assert_eq!(keeps, expected == IdentifierClass::BurstHub, "{network:?}");
        }
    }

    #[test]
    fn what_half_of_all_have_is_popular_though_the_fitted_tail_begins_beyond() {
        // Two hundred accounts with a template of their own; of ten templates that are shared four are half of them's and six
        // are ten's.
        let mut touches: Vec<_> = (0..200).map(|account| (account, 0, account, START + account * DAY / 4)).collect();
        for popular in 0..4 {
            touches.extend((0..100).map(|at| (at * 2, 0, 200 + popular, START + at * DAY / 2)));
        }
        for campaign in 0..6 {
            touches.extend((0..10).map(|account| (account, 0, 204 + campaign, START + account * 60)));
        }
        let toy = Toy::new(&[KindRole::Template], 200, &touches);
        let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        assert!(found.tails[0].hub_degree > 100);
        let class = |template| found.classes[toy.identifier(0, template).index()];
        assert_eq!((class(200), class(204)), (IdentifierClass::PopularTemplate, IdentifierClass::Shared));
    }

    #[test]
    fn the_tail_begins_above_the_bulk_and_never_below_the_floor() {
        let toy = hubs();
        let found = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        // Two identifiers of degree 60, nothing else above 1: log-normal of no width, so the fitted tail begins at 60.
        assert!((found.tails[0].log_mean - 60f64.ln()).abs() < 1e-12);
        assert!(found.tails[0].hub_degree >= 11 && found.tails[0].hub_degree <= 60);
    }

    #[test]
    fn thresholds_at_their_ends_panic_nowhere_and_the_largest_makes_no_hub() {
        let toy = hubs();
        let least = ClassifyConfig { spread_accounts: 0, address_crowd_accounts: 0, ..ClassifyConfig::default() };
        let undated: Vec<_> = (0..60).map(|account| (account, 0, account / 30, 0)).collect();
        let undated = Toy::new(&[KindRole::Other], 60, &undated);
        assert!(classify_identifiers(undated.facts(), &least).features.iter().all(|features| features.spread.is_nan()));
        assert_eq!(classify_identifiers(toy.facts(), &least).features[400].degree, 60);
        let most = ClassifyConfig {
            payment_hub_accounts: u32::MAX,
            address_hub_accounts: u32::MAX,
            address_crowd_accounts: u32::MAX,
            other_hub_accounts: u32::MAX,
            ..ClassifyConfig::default()
        };
        let found = classify_identifiers(toy.facts(), &most);
        assert_eq!((found.tails[0].hub_degree, found.classes[401]), (u32::MAX, IdentifierClass::Shared));
    }

    #[test]
    fn times_that_are_all_the_same_make_no_hub_an_operators() {
        let hubs = |time: fn(u32) -> u32| {
            let of_hub = (0..200).map(move |account| (account, 0, 0, 86_400));
            let touches: Vec<_> = of_hub.chain((0..200).map(|account| (account, 0, 1 + account / 2, time(account)))).collect();
            let toy = Toy::new(&[KindRole::Payment], 200, &touches);
            classify_identifiers(toy.facts(), &ClassifyConfig::default()).classes[0]
        };
        assert_eq!(hubs(|account| 86_400 * (1 + account % 40)), IdentifierClass::BurstHub);
        assert_eq!(hubs(|_| 86_400), IdentifierClass::Corporate);
    }

    #[test]
    fn quartiles_are_ranks() {
        assert_eq!(inter_quartile_range(&mut [8, 1, 7, 2, 6, 3, 5, 4]), 4.0);
        assert_eq!(inter_quartile_range(&mut [5]), 0.0);
    }
}
