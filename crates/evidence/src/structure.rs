//! What shape does a candidate have? The numbers that the benign hypotheses and the score card read.
//!
//! | number | definition |
//! |---|---|
//! | top share of a role | most members on any one identifier of the role, over members with the role |
//! | single-address share | members on the most common address, over sightings of all addresses on two members or more |
//! | top network | sightings of addresses on two members or more in the network that holds most of them (by [`crate::AddressNetworks`]), over all such sightings |
//! | large payments | members on an instrument that [`PAYER`] members share, over members with one |
//! | own addresses | sightings of addresses that no other member has, over all of addresses |
//! | mesh share of payments | members whose instrument is shared with another member but isn't the most common one, over members with one |
//! | mesh share of devices | members on a device of the candidate's own that another member has too, over members with one; missing where anybody is known to pay |
//! | cross-linked share | members on shared instruments that prompts and other identifiers of the candidate's own cross (module `cross_linked`), over members with one; missing where nobody knows what they ask |
//! | occasion share | most members created (or, without an account table, first seen) within the occasion's hours, over members with a time |
//! | interest share | repeats of kinds that a common interest explains (templates, content), over repeats of all kinds but broad attributes |
//! | burst share | most first uses, by members, of templates that the candidate keeps to itself within the occasion's hours, over all; missing below five such templates |
//! | own templates | templates, and other content, that the candidate keeps to itself, on two members or more, by member: their mean number |
//! | focus | exchanges with templates on two members or more, of all of whose accounts these are half, over exchanges with any template |
//! | weekday share | exchanges on Monday to Friday, or on Sunday to Thursday if they are more (UTC), over all: the working weeks of nearly all countries |
//! | profile peak | exchanges in the busiest ten consecutive hours of the day (UTC), over all |
//!
//! Templates of one account count nowhere (`Facts::is_comparable`). A number whose input is missing is `None`. Cost:
//! O(sightings and events of the members).

use graph::{AccountId, ActivityOf, IdentifierId, KindId, NO_TIME, NONE_U32};

use crate::candidate::Candidate;
use crate::config::BenignConfig;
use crate::{AccountTable, Facts, KindRole, Signal};

/// Templates of its own from which a candidate's first uses tell a crowd from a pool: a pool starts one prompt on all of its
/// accounts as suddenly as a crowd comes upon it, and new ones for as long as it works.
const BURST_TEMPLATES: usize = 5;

/// Members on one instrument from which somebody pays for others: who steals cards, or has them made, puts fewer on each, as an
/// issuer stops more.
pub const PAYER: usize = 40;

/// One kind among the members.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KindShape {
    /// The kind.
    pub kind: KindId,
    /// Members with an identifier of the kind.
    pub members: u32,
    /// Sightings of the kind among members.
    pub sightings: u32,
    /// Distinct identifiers of the kind among members.
    pub distinct: u32,
    /// Identifiers of the kind on two or more members.
    pub shared: u32,
    /// Members with at least one of the shared identifiers.
    pub sharing_members: u32,
    /// Members on the most common identifier.
    pub top_members: u32,
}

impl KindShape {
    /// Most members on any one identifier, over members with the kind.
    pub fn top_share(&self) -> f64 {
        f64::from(self.top_members) / f64::from(self.members.max(1))
    }
}

/// A candidate's shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Structure {
    /// Members.
    pub size: u32,
    /// One entry for each kind that any member has, by kind.
    pub kinds: Vec<KindShape>,
    /// Most members on one payment instrument, over members with one.
    pub top_payment: Option<f64>,
    /// The same for addresses.
    pub top_address: Option<f64>,
    /// Members on the most common address, over all sightings of addresses on two members or more; `None` where there are none.
    pub single_address: Option<f64>,
    /// Sightings of addresses on two members or more in the network with most of them, over all; `None` where no network is known.
    pub top_network: Option<f64>,
    /// Members on an instrument of [`PAYER`] or more, over members with one.
    pub large_payments: Option<f64>,
    /// Sightings of addresses that no other member has, over all of addresses.
    pub own_addresses: Option<f64>,
    /// Most members on one template, over members with one.
    pub top_template: Option<f64>,
    /// Most members that declare one organisation, over all members; from the account table or a credential kind.
    pub top_organisation: Option<f64>,
    /// The same by the account table alone; `None` without an organisation column.
    pub declared_organisation: Option<f64>,
    /// Members on a shared instrument other than the most common, over members with one.
    pub payment_mesh: Option<f64>,
    /// Members on a device of the candidate's own that another one has too, over members with one; `None` where payments are
    /// known.
    pub device_mesh: Option<f64>,
    /// Members whose shared instruments other identifiers cross, over members with one.
    pub cross_linked: Option<f64>,
    /// Most members that came within the occasion's hours.
    pub occasion: Option<f64>,
    /// Repeats of kinds that a common interest explains, over all; `None` where nothing repeats.
    pub interest: Option<f64>,
    /// Most first uses of the candidate's own templates within the occasion's hours.
    pub burst: Option<f64>,
    /// Mean number, by member, of the templates and other content that the candidate keeps to itself; `None` without any.
    pub own_templates: Option<f64>,
    /// Exchanges with templates that members share and mostly they ask, over those with any; `None` where none has one.
    pub focus: Option<f64>,
    /// Exchanges on the five days of a working week: Monday to Friday, or Sunday to Thursday if they are more.
    pub weekdays: Option<f64>,
    /// Exchanges in the busiest ten hours.
    pub profile_peak: Option<f64>,
    /// Whether each keeps hours of its own ([`mod@crate::behaviour::own_hours`]), by whoever measured it.
    pub own_hours: Option<Signal>,
}

/// Measures a candidate, its ambiguous members left out. `cross_linked`: the value of that signal, where it could be measured.
pub fn measure_structure(
    facts: Facts<'_>,
    candidate: &Candidate,
    cross_linked: Option<f64>,
    config: &BenignConfig,
) -> Structure {
    let accounts: Vec<u32> = candidate.accounts().collect();
    let mut pairs: Vec<(u32, u32)> = accounts
        .iter()
        .flat_map(|&account| {
            let comparable = facts.graph.identifiers_of(AccountId(account)).iter().filter(|&&own| facts.is_comparable(own));
            comparable.map(move |&identifier| (identifier, account))
        })
        .collect();
    pairs.sort_unstable();
    let kinds = kind_shapes(facts, &pairs);
    let top = |role: KindRole| {
        let of_role = kinds.iter().filter(|shape| facts.roles[shape.kind.index()] == role);
        of_role.map(KindShape::top_share).reduce(f64::max)
    };
    let (weekdays, profile_peak) = profile(facts, &accounts);
    let declared_organisation = top_organisation(facts, &accounts);
    let asks = kinds.iter().any(|shape| facts.roles[shape.kind.index()].is_interest());
    Structure {
        size: accounts.len() as u32,
        top_payment: top(KindRole::Payment),
        top_address: top(KindRole::Address),
        single_address: single_address(facts, &pairs),
        top_network: top_network(facts, &pairs),
        large_payments: large_payments(facts, &pairs),
        own_addresses: own_addresses(facts, &pairs),
        top_template: top(KindRole::Template),
        top_organisation: declared_organisation.or_else(|| top(KindRole::Credential)),
        declared_organisation,
        payment_mesh: payment_mesh(facts, &pairs),
        device_mesh: device_mesh(facts, candidate, &pairs),
        cross_linked: cross_linked.filter(|_| asks),
        occasion: occasion(facts, &accounts, config.occasion_hours),
        interest: interest(facts, &kinds),
        own_templates: own_templates(facts, candidate, accounts.len()).filter(|_| asks),
        burst: burst(facts, candidate, &accounts, config.occasion_hours),
        focus: focus(facts, &pairs, &accounts),
        weekdays,
        profile_peak,
        own_hours: None,
        kinds,
    }
}

/// Shapes of all kinds in (identifier, account) pairs in ascending order.
fn kind_shapes(facts: Facts<'_>, pairs: &[(u32, u32)]) -> Vec<KindShape> {
    let kind_of = |pair: &(u32, u32)| facts.graph.kind_of(IdentifierId(pair.0));
    pairs
        .chunk_by(|left, right| kind_of(left) == kind_of(right))
        .map(|of_kind| {
            let (mut distinct, mut shared, mut top, mut sharing) = (0, 0, 0, Vec::new());
            for run in of_kind.chunk_by(|left, right| left.0 == right.0) {
                distinct += 1;
                top = top.max(run.len() as u32);
                if run.len() > 1 {
                    shared += 1;
                    sharing.extend(run.iter().map(|&(_, account)| account));
                }
            }
            KindShape {
                kind: kind_of(&of_kind[0]),
                members: distinct_count(of_kind.iter().map(|&(_, account)| account).collect()),
                sightings: of_kind.len() as u32,
                distinct,
                shared,
                sharing_members: distinct_count(sharing),
                top_members: top,
            }
        })
        .collect()
}

fn distinct_count(mut values: Vec<u32>) -> u32 {
    values.sort_unstable();
    values.dedup();
    values.len() as u32
}

/// Whether shared addresses are one address, or many that everybody is on.
fn single_address(facts: Facts<'_>, pairs: &[(u32, u32)]) -> Option<f64> {
    let addresses = of_role(facts, pairs, KindRole::Address);
    let shared = || addresses.chunk_by(|left, right| left.0 == right.0).map(<[_]>::len).filter(|&members| members > 1);
    Some(shared().max()? as f64 / shared().sum::<usize>() as f64)
}

/// Whether shared addresses lie in one network, as those of one place do, or in many.
fn top_network(facts: Facts<'_>, pairs: &[(u32, u32)]) -> Option<f64> {
    let networks = facts.address_networks?;
    let addresses = of_role(facts, pairs, KindRole::Address);
    let shared = addresses.chunk_by(|left, right| left.0 == right.0).filter(|run| run.len() > 1);
    let mut sightings: Vec<(u64, usize)> =
        shared.filter_map(|run| Some((networks.network_of(IdentifierId(run[0].0))?, run.len()))).collect();
    sightings.sort_unstable();
    let of_networks = sightings.chunk_by(|left, right| left.0 == right.0).map(|run| run.iter().map(|of| of.1).sum::<usize>());
    Some(of_networks.max()? as f64 / sightings.iter().map(|of| of.1).sum::<usize>() as f64)
}

/// Sightings of addresses that are no other member's.
fn own_addresses(facts: Facts<'_>, pairs: &[(u32, u32)]) -> Option<f64> {
    let addresses = of_role(facts, pairs, KindRole::Address);
    let own = addresses.chunk_by(|left, right| left.0 == right.0).filter(|run| run.len() == 1).count();
    (!addresses.is_empty()).then(|| own as f64 / addresses.len() as f64)
}

/// Members whose instrument pays for [`PAYER`] members or more.
fn large_payments(facts: Facts<'_>, pairs: &[(u32, u32)]) -> Option<f64> {
    let payments = of_role(facts, pairs, KindRole::Payment);
    share_of_accounts(&payments, |run| run.len() >= PAYER)
}

/// Accounts on identifiers whose (identifier, account) pairs pass, over all accounts of the pairs; `None` of none.
fn share_of_accounts(pairs: &[(u32, u32)], passes: impl Fn(&[(u32, u32)]) -> bool) -> Option<f64> {
    let passing = pairs.chunk_by(|left, right| left.0 == right.0).filter(|run| passes(run));
    let passing = distinct_count(passing.flatten().map(|&(_, account)| account).collect());
    let all = distinct_count(pairs.iter().map(|&(_, account)| account).collect());
    (all > 0).then(|| f64::from(passing) / f64::from(all))
}

/// Those (identifier, account) pairs whose kind has a role.
fn of_role(facts: Facts<'_>, pairs: &[(u32, u32)], role: KindRole) -> Vec<(u32, u32)> {
    pairs.iter().copied().filter(|&(identifier, _)| facts.role_of(identifier) == role).collect()
}

/// Members on a shared payment instrument that isn't the most common one.
fn payment_mesh(facts: Facts<'_>, pairs: &[(u32, u32)]) -> Option<f64> {
    let payments = of_role(facts, pairs, KindRole::Payment);
    // The first of the most common ones is set aside; ties go to the lower id.
    let most = payments.chunk_by(|left, right| left.0 == right.0).min_by_key(|run| (std::cmp::Reverse(run.len()), run[0].0))?;
    share_of_accounts(&payments, |run| run.len() > 1 && run[0].0 != most[0].0)
}

/// Members that share a device which the candidate keeps to itself; asked only where nobody of them is known to pay.
fn device_mesh(facts: Facts<'_>, candidate: &Candidate, pairs: &[(u32, u32)]) -> Option<f64> {
    if !of_role(facts, pairs, KindRole::Payment).is_empty() {
        return None;
    }
    let is_own = |identifier: u32| candidate.identifiers.binary_search_by_key(&identifier, |own| own.identifier).is_ok();
    let devices = of_role(facts, pairs, KindRole::Device);
    share_of_accounts(&devices, |run| run.len() > 1 && is_own(run[0].0))
}

/// The most common organisation of the account table, over all members; `None` without an organisation column.
fn top_organisation(facts: Facts<'_>, accounts: &[u32]) -> Option<f64> {
    let organisations = facts.accounts.org.as_slice();
    if organisations.is_empty() {
        return None;
    }
    let mut declared: Vec<u32> =
        accounts.iter().map(|&account| organisations[account as usize]).filter(|&org| org != NONE_U32).collect();
    declared.sort_unstable();
    let top = declared.chunk_by(|left, right| left == right).map(<[u32]>::len).max().unwrap_or(0);
    Some(top as f64 / accounts.len() as f64)
}

/// The densest window of the occasion's length, over members with a time.
fn occasion(facts: Facts<'_>, accounts: &[u32], hours: f64) -> Option<f64> {
    let created = facts.accounts.created_at.as_slice();
    let mut times: Vec<u32> = accounts
        .iter()
        .filter_map(|&account| {
            let table = AccountTable::known(created, AccountId(account));
            table.or_else(|| facts.activity.of(AccountId(account)).time.first().map(|&time| (time / 1000) as u32))
        })
        .collect();
    densest_share(&mut times, hours)
}

/// Repeats of templates and content over the repeats of every kind that isn't a broad attribute.
fn interest(facts: Facts<'_>, kinds: &[KindShape]) -> Option<f64> {
    let role = |shape: &&KindShape| facts.roles[shape.kind.index()];
    let repeats = |shape: &KindShape| u64::from(shape.sightings - shape.distinct);
    let all: u64 = kinds.iter().filter(|shape| role(shape) != KindRole::Weak).map(repeats).sum();
    let of_interest: u64 = kinds.iter().filter(|shape| role(shape).is_interest()).map(repeats).sum();
    (all > 0).then(|| of_interest as f64 / all as f64)
}

/// The candidate's own templates, which `Candidate::identifiers` lists with their members.
fn own_templates(facts: Facts<'_>, candidate: &Candidate, members: usize) -> Option<f64> {
    let is_template = |identifier: u32| facts.role_of(identifier).is_interest();
    let uses = candidate.identifiers.iter().filter(|own| is_template(own.identifier)).map(|own| u64::from(own.members));
    (members > 0).then(|| uses.sum::<u64>() as f64 / members as f64)
}

/// How much of what the members ask is asked by them and by hardly anybody else, however popular that makes it.
fn focus(facts: Facts<'_>, pairs: &[(u32, u32)], accounts: &[u32]) -> Option<f64> {
    let runs = pairs.chunk_by(|left, right| left.0 == right.0);
    let mostly = |run: &&[(u32, u32)]| {
        let identifier = run[0].0;
        let is_template = facts.role_of(identifier) == KindRole::Template;
        is_template && run.len() > 1 && 2 * run.len() >= facts.graph.identifier_degree(IdentifierId(identifier))
    };
    let own: Vec<u32> = runs.filter(mostly).map(|run| run[0].0).collect();
    let of_account = |&account: &u32| {
        let events = facts.activity.of(AccountId(account));
        events.template.iter().copied().zip(exchanges(&events))
    };
    let asked = accounts.iter().flat_map(of_account).filter(|&(template, _)| template != NONE_U32);
    let (ours, all) = asked.fold((0u64, 0u64), |(ours, all), (template, exchanges)| {
        (ours + if own.binary_search(&template).is_ok() { exchanges } else { 0 }, all + exchanges)
    });
    (all > 0).then(|| ours as f64 / all as f64)
}

/// For how many exchanges each event stands.
fn exchanges<'a>(events: &ActivityOf<'a>) -> impl Iterator<Item = u64> + use<'a> {
    let requests = events.requests;
    (0..events.time.len()).map(move |at| requests.get(at).map_or(1, |&requests| u64::from(requests)))
}

/// The densest window of the occasion's length, over the members' first uses of the candidate's own templates.
fn burst(facts: Facts<'_>, candidate: &Candidate, accounts: &[u32], hours: f64) -> Option<f64> {
    let first_seen = facts.graph.columns().first_seen.as_slice();
    let own = candidate.identifiers.iter().map(|own| own.identifier);
    let templates = own.filter(|&own| facts.role_of(own) == KindRole::Template);
    let templates: Vec<IdentifierId> = templates.map(IdentifierId).collect();
    if templates.len() < BURST_TEMPLATES {
        return None;
    }
    let mut times: Vec<u32> = templates
        .into_iter()
        .flat_map(|identifier| {
            let users = facts.graph.accounts_of(identifier).iter().zip(facts.graph.sightings_of_identifier(identifier));
            let members = users.filter(|&(user, _)| accounts.binary_search(user).is_ok());
            members.map(|(_, &position)| first_seen[position as usize])
        })
        .filter(|&time| time != NO_TIME)
        .collect();
    densest_share(&mut times, hours)
}

/// Most of the times (seconds) within any window of `hours`, over all; `None` below two.
fn densest_share(times: &mut [u32], hours: f64) -> Option<f64> {
    if times.len() < 2 {
        return None;
    }
    times.sort_unstable();
    let window = (hours * 3600.0) as u32;
    let (mut most, mut start) = (0, 0);
    for end in 0..times.len() {
        while times[end] - times[start] > window {
            start += 1;
        }
        most = most.max(end + 1 - start);
    }
    Some(most as f64 / times.len() as f64)
}

/// Share of a working week's days and busiest ten hours of all members' exchanges.
fn profile(facts: Facts<'_>, accounts: &[u32]) -> (Option<f64>, Option<f64>) {
    let mut hours = [0u64; 24];
    // From Sunday on.
    let mut days = [0u64; 7];
    for &account in accounts {
        let events = facts.activity.of(AccountId(account));
        for (time, exchanges) in events.time.iter().zip(exchanges(&events)) {
            let hour = time.div_euclid(3_600_000);
            // 1970-01-01 was a Thursday: day 4 of a week that starts on Sunday.
            let weekday = (hour.div_euclid(24) + 4).rem_euclid(7);
            hours[hour.rem_euclid(24) as usize] += exchanges;
            days[weekday as usize] += exchanges;
        }
    }
    let all: u64 = days.iter().sum();
    if all == 0 {
        return (None, None);
    }
    let weekdays = days[1..6].iter().sum::<u64>().max(days[..5].iter().sum());
    let peak = (0..24).map(|start| (0..10).map(|step| hours[(start + step) % 24]).sum::<u64>()).max().unwrap_or(0);
    (Some(weekdays as f64 / all as f64), Some(peak as f64 / all as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::{Fragility, Member, Origin, OwnIdentifier, Role};
    use crate::toy::{Touch, Toy};

    /// Accounts 0 to 9, all of them members, that keep some identifiers to themselves.
    fn candidate(own: &[u32]) -> Candidate {
        let member = |account| Member { account, role: Role::Core, bits: 8.0, confidence: 0.99 };
        Candidate {
            members: (0..10).map(member).collect(),
            identifiers: own.iter().map(|&identifier| OwnIdentifier { identifier, members: 10, accounts: 10 }).collect(),
            suppressed: 0,
            fragility: Fragility { identifier: None, lost: 0 },
            origin: Origin::Common,
        }
    }

    #[test]
    fn devices_that_members_share_count_where_nobody_pays_and_the_candidate_keeps_them() {
        // Ten members, two to a device; the first device is a stranger's as well, and not the candidate's own.
        let touches: Vec<Touch> = (0..10).map(|account| (account, 0, account / 2, 0)).chain([(11, 0, 0, 0)]).collect();
        let mesh = |roles: &[KindRole], touches: &[Touch]| {
            let toy = Toy::new(roles, 12, touches);
            measure_structure(toy.facts(), &candidate(&[1, 2, 3, 4]), None, &BenignConfig::default()).device_mesh
        };
        assert_eq!(mesh(&[KindRole::Device], &touches), Some(0.8));
        assert_eq!(mesh(&[KindRole::Address], &touches), None);
        let paid: Vec<Touch> = touches.into_iter().chain([(0, 1, 0, 0)]).collect();
        assert_eq!(mesh(&[KindRole::Device, KindRole::Payment], &paid), None);
    }

    #[test]
    fn interest_is_what_repeats_of_templates_and_content() {
        // A template on all ten (nine repeats), a card on four (three), a browser on all: 9 of 12, the browser left out.
        let mut touches: Vec<Touch> = (0..10).flat_map(|account| [(account, 0, 0, 0), (account, 2, 0, 0)]).collect();
        touches.extend((0..4).map(|account| (account, 1, 0, 0)));
        let toy = Toy::new(&[KindRole::Content, KindRole::Payment, KindRole::Weak], 10, &touches);
        let structure = measure_structure(toy.facts(), &candidate(&[]), None, &BenignConfig::default());
        assert_eq!(structure.interest, Some(0.75));
    }

    #[test]
    fn a_crowd_meets_in_three_days_and_a_pool_works_for_weeks() {
        let day = 86_400;
        // Templates 0 to 4: all within a day; 5 to 9: one account every other day; template 10 is not the candidate's own.
        let touches: Vec<Touch> = (0..10u32)
            .flat_map(|at| {
                let of_crowd = (0..5).map(move |template| (at, 0, template, day + at * 60));
                of_crowd.chain((5..10).map(move |template| (at, 0, template, day + at * 2 * day))).chain([(at, 0, 10, 9 * day)])
            })
            .collect();
        let toy = Toy::new(&[KindRole::Template], 10, &touches);
        let burst = |own: &[u32]| measure_structure(toy.facts(), &candidate(own), None, &BenignConfig::default()).burst;
        assert_eq!((burst(&[0, 1, 2, 3, 4]), burst(&[5, 6, 7, 8, 9])), (Some(1.0), Some(0.2)));
        assert_eq!(burst(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), Some(12.0 / 20.0));
        // Too few to tell.
        assert_eq!(burst(&[0, 1, 2, 3]), None);
    }

    #[test]
    fn a_working_week_is_from_monday_to_friday_or_from_sunday_to_thursday() {
        let share = |days: std::ops::Range<i64>| {
            let mut toy =
                Toy::new(&[KindRole::Template], 10, &(0..10).map(|account| (account, 0, 0, 0)).collect::<Vec<Touch>>());
            // The fourth day of 1970 was a Sunday.
            let events: Vec<_> = days.map(|day| (0, (3 + day) * 86_400_000, IdentifierId(0))).collect();
            toy.ask(&events);
            measure_structure(toy.facts(), &candidate(&[]), None, &BenignConfig::default()).weekdays.unwrap()
        };
        assert_eq!((share(0..5), share(1..6), share(0..7), share(3..8)), (1.0, 1.0, 5.0 / 7.0, 0.6));
    }

    #[test]
    fn an_event_counts_for_the_exchanges_that_it_stands_for() {
        // One on Saturday for a thousand, nine on weekdays for one each; the template of Saturday is the members' own.
        let touches: Vec<Touch> =
            (0..10).map(|account| (account, 0, account / 5, 0)).chain((10..17).map(|other| (other, 0, 1, 0))).collect();
        let mut toy = Toy::new(&[KindRole::Template], 17, &touches);
        let (saturday, monday) = (2 * 86_400_000i64, 4 * 86_400_000i64);
        let weekdays = (1..10).map(|at| (at, monday + i64::from(at), IdentifierId(1)));
        toy.ask(&[(0, saturday, IdentifierId(0))].into_iter().chain(weekdays).collect::<Vec<_>>());
        let measured = |toy: &Toy| {
            let found = measure_structure(toy.facts(), &candidate(&[]), None, &BenignConfig::default());
            (found.weekdays.unwrap(), found.focus.unwrap())
        };
        assert_eq!(measured(&toy), (0.9, 0.1));
        toy.stand_for([1_000].into_iter().chain([1; 9]).collect());
        let (weekdays, focus) = measured(&toy);
        assert!((weekdays - 9.0 / 1_009.0).abs() < 1e-12 && (focus - 1_000.0 / 1_009.0).abs() < 1e-12, "{weekdays} {focus}");
    }

    #[test]
    fn templates_of_one_account_count_nowhere() {
        let mut touches: Vec<Touch> = (0..10u32).map(|account| (account, 0, account / 2, 0)).collect();
        touches.extend((0..10).map(|account| (account, 0, 100 + account, 0)));
        touches.extend((0..10).map(|account| (account, 1, account, 0)));
        let toy = Toy::new(&[KindRole::Template, KindRole::Payment], 10, &touches);
        let kinds = measure_structure(toy.facts(), &candidate(&[]), None, &BenignConfig::default()).kinds;
        assert_eq!((kinds[0].sightings, kinds[0].distinct), (10, 5));
        assert_eq!((kinds[1].sightings, kinds[1].distinct), (10, 10));
    }
}
