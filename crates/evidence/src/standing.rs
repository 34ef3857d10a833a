//! How does an account stand to a group, by the group's profile?
//!
//! [`Standings`] answers for all groups of `profile_size` accounts or more, and judges again only groups whose members changed:
//! what a group says of an account depends on nothing else. See [`crate::profile`] for the definition of a standing.
//!
//! 1. *Exclusive* identifiers of the group, and the accounts that have them.
//! 2. *Laws*: shares among members, and among everybody else with about as many identifiers, by expectation and maximisation.
//! 3. *Odds* of every member and of every account that has an exclusive identifier.
//!
//! Cost of a group: its members' sightings, and a few numbers for each account it touches and round of expectation.

use std::collections::BTreeMap;
use std::ops::Range;

use graph::{AccountId, BipartiteGraph, IdentifierId, KindId, NONE_U32};
use rayon::prelude::*;

use crate::beta_binomial::{BetaBinomial, ShareMoments, Strata, Stratified, Tabulated, stratum};
use crate::candidate::{Role, is_notable};
use crate::classify::{Classification, Policy};
use crate::config::MemberConfig;
use crate::terms::{TieTerms, is_implied};
use crate::{Facts, KindRole};

/// Least overdispersion among outsiders, and among members.
const OUTSIDE_RHO: f64 = 0.02;
const INSIDE_RHO: f64 = 0.1;
/// The share of the accounts' identifiers of a kind that other accounts have as well, from which on a kind repeats.
const REPEATED: f64 = 0.1;
/// Rounds of expectation and maximisation for the law among outsiders.
const EXPECTATION_ROUNDS: usize = 8;
/// Accounts that one task takes at least.
const TASK: usize = 1024;

/// One kind of one account: `exclusive` of `sightings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    kind: KindId,
    exclusive: u32,
    sightings: u32,
}

/// How an account stands to a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// The group.
    pub(crate) group: u32,
    /// Log2 posterior odds that the account belongs.
    pub(crate) bits: f64,
    /// The odds without the identifier that costs most.
    pub(crate) robust_bits: f64,
    /// Kinds that have an exclusive identifier and follow from no other such kind.
    pub(crate) independent_kinds: u32,
    /// The kind whose identifier costs most.
    pub(crate) weakest: KindId,
}

/// What standings are judged by.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) classification: &'a Classification,
    /// By kind, then kind: the first implies the second.
    pub(crate) nested: &'a [Vec<bool>],
    pub(crate) config: &'a MemberConfig,
    /// The identifiers that tell what an account asks, kind by kind, of kinds that repeat ([`REPEATED`]).
    pub(crate) asked: Vec<Range<u32>>,
    population: Population,
}

impl<'a> Judge<'a> {
    /// Accounts that were seen with anything.
    pub(crate) fn seen_accounts(&self) -> usize {
        self.population.seen_accounts
    }

    /// Counts everybody's identifiers. O(sightings).
    pub(crate) fn new(
        facts: Facts<'a>,
        classification: &'a Classification,
        nested: &'a [Vec<bool>],
        config: &'a MemberConfig,
    ) -> Self {
        let mut asked = facts.identifiers_of_role(|role| role.is_interest());
        asked.retain(|of_kind| repeats(facts.graph, of_kind));
        Judge { facts, classification, nested, config, asked, population: Population::of(facts) }
    }
}

/// Whether a good part of what accounts have of a kind others have, too. Where texts are hashed as they are sent nearly none
/// repeats, and that two accounts have none in common says nothing of what they ask. O(identifiers of the kind).
fn repeats(graph: &BipartiteGraph, of_kind: &Range<u32>) -> bool {
    let degrees = || of_kind.clone().map(|identifier| graph.identifier_degree(IdentifierId(identifier)));
    degrees().filter(|&degree| degree > 1).sum::<usize>() as f64 >= REPEATED * degrees().sum::<usize>() as f64
}

/// The standings to every group, kept while a group's members stay the same.
#[derive(Debug)]
pub(crate) struct Standings {
    groups: Vec<u32>,
    of_group: BTreeMap<u32, Vec<(u32, Standing)>>,
}

impl Standings {
    /// Nobody is in a group yet.
    pub(crate) fn new(account_count: usize) -> Self {
        Standings { groups: vec![NONE_U32; account_count], of_group: BTreeMap::new() }
    }

    /// Every account's standing to every profiled group that it is a member of or shares an exclusive identifier with, by
    /// account, then group.
    pub(crate) fn of(&mut self, judge: &Judge<'_>, groups: &[u32]) -> Vec<(u32, Standing)> {
        let mut changed = vec![false; groups.len()];
        for (&before, &now) in self.groups.iter().zip(groups).filter(|(before, now)| before != now) {
            [before, now].into_iter().filter(|&group| group != NONE_U32).for_each(|group| changed[group as usize] = true);
        }
        self.of_group.retain(|&group, _| !changed[group as usize]);
        let mut rows: Vec<(u32, u32)> = (0..)
            .zip(groups)
            .filter(|&(_, &group)| group != NONE_U32 && changed[group as usize])
            .map(|(account, &group)| (group, account))
            .collect();
        rows.par_sort_unstable();
        let of_groups: Vec<&[(u32, u32)]> = rows
            .chunk_by(|left, right| left.0 == right.0)
            .filter(|members| members.len() >= judge.config.profile_size as usize)
            .collect();
        let judged: Vec<(u32, Vec<(u32, Standing)>)> = of_groups
            .into_par_iter()
            .with_max_len(1)
            .map(|members| (members[0].0, judge_group(judge, groups, members)))
            .collect();
        self.of_group.extend(judged);
        self.groups.copy_from_slice(groups);
        let mut standings: Vec<(u32, Standing)> = self.of_group.values().flatten().copied().collect();
        standings.par_sort_unstable_by_key(|&(account, standing)| (account, standing.group));
        standings
    }
}

/// What profiles need of everybody, whatever the groups are.
#[derive(Debug)]
pub(crate) struct Population {
    /// Accounts that were seen with anything.
    seen_accounts: usize,
    /// By account, then kind: its identifiers of the kind.
    counts: Vec<u32>,
    /// By kind: the moments of all accounts' identifiers, by stratum, as if none were exclusive.
    moments: Vec<Strata>,
    /// By stratum of how many identifiers they have of all kinds together: accounts.
    by_total: [u32; u32::BITS as usize],
}

impl Population {
    /// Counts everybody's identifiers. O(sightings).
    pub(crate) fn of(facts: Facts<'_>) -> Self {
        let (accounts, kinds) = (facts.graph.account_count(), facts.graph.kind_count());
        let counts: Vec<u32> = (0..accounts * kinds)
            .into_par_iter()
            .with_min_len(4096)
            .map(|at| sightings_of_kind(facts, (at / kinds) as u32, KindId::of_index(at % kinds)))
            .collect();
        let moments = (0..kinds)
            .into_par_iter()
            .map(|kind| {
                let mut moments = Strata::default();
                let of_kind = counts.iter().skip(kind).step_by(kinds).copied();
                of_kind.filter(|&count| count > 0).for_each(|count| moments.add(0, count, 1.0));
                moments
            })
            .collect();
        let totals = counts.chunks(kinds.max(1)).map(|counts| counts.iter().sum());
        Population { seen_accounts: facts.seen_accounts(), by_total: by_stratum(totals), counts, moments }
    }

    /// By kind: an account's identifiers of it.
    fn counts_of(&self, account: u32) -> &[u32] {
        let kinds = self.moments.len();
        &self.counts[account as usize * kinds..][..kinds]
    }
}

/// How many of these numbers are of each stratum; zero is of none.
fn by_stratum(totals: impl Iterator<Item = u32>) -> [u32; u32::BITS as usize] {
    let mut numbers = [0; u32::BITS as usize];
    totals.filter(|&total| total > 0).for_each(|total| numbers[stratum(total)] += 1);
    numbers
}

/// An account's identifiers of a kind. Templates of its own are free to make, so `u` of them count as `log2(1 + u)`: a
/// paraphrasing operator's accounts still look like each other, and a customer with a single popular template is not all of one
/// piece.
fn sightings_of_kind(facts: Facts<'_>, account: u32, kind: KindId) -> u32 {
    let range = facts.graph.identifiers_of_kind(kind);
    let of_kind = facts.graph.identifiers_within(AccountId(account), &range);
    // All identifiers of other kinds are comparable ([`Facts::is_comparable`]).
    if facts.roles[kind.index()] != KindRole::Template {
        return of_kind.len() as u32;
    }
    let is_shared = |identifier: u32| facts.graph.identifier_degree(IdentifierId(identifier)) > 1;
    let comparable = of_kind.iter().filter(|&&identifier| is_shared(identifier)).count();
    let own = of_kind.len() - comparable;
    (comparable as f64 + (own as f64 + 1.0).log2()).round() as u32
}

/// What of a group an account has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Touch {
    account: u32,
    kind: KindId,
    /// Its identifiers of the kind that are exclusive to the group, the account itself left out; 0 of a member without any.
    exclusive: u32,
}

/// What every account that has any of a group's exclusive identifiers has of them, ascending; known-good accounts aside.
fn touches_of(judge: &Judge<'_>, groups: &[u32], members: &[(u32, u32)]) -> Vec<Touch> {
    let Judge { facts, classification, config, .. } = judge;
    let (graph, group) = (facts.graph, members[0].0);
    let is_member = |account: u32| groups[account as usize] == group;
    let shared = |&identifier: &u32| {
        classification.policies[identifier as usize] != Policy::Drop && graph.identifier_degree(IdentifierId(identifier)) > 1
    };
    let identifiers_of = |&(_, account): &(u32, u32)| graph.identifiers_of(AccountId(account)).iter().copied().filter(shared);
    let mut held: Vec<u32> = members.par_iter().with_min_len(TASK).flat_map_iter(identifiers_of).collect();
    held.par_sort_unstable();
    let speaking = |run: &[u32]| {
        let (held, accounts) = (run.len() as u32, graph.accounts_of(IdentifierId(run[0])));
        let others = accounts.len() as u32 - 1;
        // An outsider leaves nobody out of those that hold it.
        let is_own = is_notable(held, accounts.len()) && config.is_exclusive(held, others);
        let kind = graph.kind_of(IdentifierId(run[0]));
        let speaks = move |&account: &u32| {
            !facts.is_allowed_account(account) && config.is_exclusive(held - u32::from(is_member(account)), others)
        };
        let accounts = if is_own { accounts } else { &[] };
        accounts.iter().copied().filter(speaks).map(move |account| (account, kind))
    };
    let mut exclusive: Vec<(u32, KindId)> = held.par_chunk_by(|left, right| left == right).flat_map_iter(speaking).collect();
    exclusive.par_sort_unstable();
    let of_run = |run: &[(u32, KindId)]| Touch { account: run[0].0, kind: run[0].1, exclusive: run.len() as u32 };
    let mut touches: Vec<Touch> = exclusive.par_chunk_by(|left, right| left == right).map(of_run).collect();
    let touched = |account: u32| exclusive.binary_search_by(|row| row.0.cmp(&account)).is_ok();
    let untouched = members.par_iter().with_min_len(TASK).map(|&(_, account)| account);
    let untouched = untouched.filter(|&account| !facts.is_allowed_account(account) && !touched(account));
    touches.par_extend(untouched.map(|account| Touch { account, kind: KindId(0), exclusive: 0 }));
    touches.par_sort_unstable();
    touches
}

/// An account that touches a group.
struct Row {
    account: u32,
    is_member: bool,
    /// Kind by kind.
    shares: Vec<Share>,
    /// Its identifiers of all kinds.
    total: u32,
}

/// One kind of every account that touches a group: (number of the row, exclusive, sightings).
type Column = Vec<(u32, u32, u32)>;

/// What a group says of accounts by their shares.
struct Laws {
    prior: Prior,
    /// By kind.
    inside: Vec<Tabulated>,
    /// By kind.
    outside: Vec<Stratified>,
}

/// Fits one group's laws and judges every account that touches it.
fn judge_group(judge: &Judge<'_>, groups: &[u32], members: &[(u32, u32)]) -> Vec<(u32, Standing)> {
    judged(judge, groups, members).2
}

/// A group's laws, the accounts that touch it, and how each of them stands.
fn judged(judge: &Judge<'_>, groups: &[u32], members: &[(u32, u32)]) -> (Laws, Vec<Row>, Vec<(u32, Standing)>) {
    let Judge { facts, nested, population, .. } = judge;
    let (group, member_count) = (members[0].0, members.len() as u32);
    let kinds = facts.graph.kind_count();
    let touches = touches_of(judge, groups, members);
    let row_of = |touches: &[Touch]| {
        let account = touches[0].account;
        let shares = facts.graph.kinds().zip(population.counts_of(account)).filter_map(|(kind, &sightings)| {
            let exclusive = touches.iter().filter(|touch| touch.kind == kind).map(|touch| touch.exclusive).sum();
            (sightings > 0).then_some(Share { kind, exclusive, sightings })
        });
        let (shares, is_member): (Vec<Share>, bool) = (shares.collect(), groups[account as usize] == group);
        Row { account, is_member, total: shares.iter().map(|share| share.sightings).sum(), shares }
    };
    let rows: Vec<Row> = touches.par_chunk_by(|left, right| left.account == right.account).map(row_of).collect();
    let column_of = |kind: usize, is_member: bool| -> Column {
        let of_row = |(number, row): (u32, &Row)| {
            let share = row.shares.iter().find(|share| share.kind.index() == kind)?;
            Some((number, share.exclusive, share.sightings))
        };
        (0..).zip(&rows).filter(|(_, row)| row.is_member == is_member).filter_map(of_row).collect()
    };
    // Sums are of one kind each, in the order of the rows.
    let of_kinds = || (0..kinds).into_par_iter();
    let insiders: Vec<Column> = of_kinds().map(|kind| column_of(kind, true)).collect();
    let outsiders: Vec<Column> = of_kinds().map(|kind| column_of(kind, false)).collect();
    // Few rows don't pay for long tables.
    let longest = rows.iter().flat_map(|row| &row.shares).map(|share| share.sightings).max().unwrap_or(0) as usize;
    let table = (longest + 1).min(4 * rows.len());
    let inside = of_kinds().map(|kind| {
        let mut moments = ShareMoments::default();
        insiders[kind].iter().for_each(|&(_, exclusive, sightings)| moments.add(exclusive, sightings, 1.0));
        Tabulated::new(BetaBinomial::fit(&moments, INSIDE_RHO), table)
    });
    let inside: Vec<Tabulated> = inside.collect();
    // Everybody but those who touch the group: they have no exclusive identifier, whatever the rest is.
    let elsewhere = of_kinds().map(|kind| {
        let mut moments = population.moments[kind].clone();
        let of_rows = rows.iter().filter_map(|row| row.shares.iter().find(|share| share.kind.index() == kind));
        of_rows.for_each(|share| moments.add(0, share.sightings, -1.0));
        moments
    });
    let elsewhere: Vec<Strata> = elsewhere.collect();
    let by_total = by_stratum(rows.iter().filter(|row| row.is_member).map(|row| row.total));
    let prior = Prior::new(population, member_count, by_total);
    // Outsiders who look like members may be members that nothing has tied yet: each counts among the others by the odds that
    // it isn't, of those who have as much. Start from the belief that whoever shares two exclusive identifiers isn't.
    let number = |row: &Row| row.shares.iter().map(|share| share.exclusive).sum::<u32>();
    let mut weights: Vec<f64> = rows.iter().map(|row| if number(row) < 2 { 1.0 } else { 0.0 }).collect();
    let mut standings: Vec<(u32, Standing)> = Vec::new();
    let mut outside: Vec<Stratified> = Vec::new();
    for _ in 0..EXPECTATION_ROUNDS {
        let among_others = of_kinds().map(|kind| {
            let mut moments = elsewhere[kind].clone();
            let of_kind = outsiders[kind].iter();
            of_kind.for_each(|&(row, exclusive, sightings)| moments.add(exclusive, sightings, weights[row as usize]));
            moments.fit(OUTSIDE_RHO, table)
        });
        outside = among_others.collect();
        let standing =
            |row: &Row| (row.account, stand(group, prior.bits(row.is_member), &row.shares, (&inside, &outside), nested));
        standings = rows.par_iter().with_min_len(TASK).map(standing).collect();
        let belief = |(row, (_, standing)): (&Row, &(u32, Standing))| {
            1.0 / (1.0 + (standing.bits - prior.bits(row.is_member) + prior.bits_of_alike(row.is_member, row.total)).exp2())
        };
        let beliefs = rows.par_iter().zip(&standings).with_min_len(TASK).map(belief).collect();
        let before = std::mem::replace(&mut weights, beliefs);
        // The next round would say the same: nobody else touches the group, or it is certain of all who do.
        if rows.iter().zip(before.iter().zip(&weights)).all(|(row, (one, two))| row.is_member || one == two) {
            break;
        }
    }
    (Laws { prior, inside, outside }, rows, standings)
}

/// An account outside of a group that has a profile: as what it would belong if it had more of what the group keeps to itself and
/// nothing else were different. The group's laws stay, which one account hardly changes.
pub struct Candidacy<'a> {
    laws: Laws,
    /// Kind by kind, those without any as well.
    shares: Vec<Share>,
    nested: &'a [Vec<bool>],
    join_bits: f64,
    /// Kinds that a core member shows.
    several: u32,
}

impl<'a> Candidacy<'a> {
    /// The account beside these members, which are ascending and don't hold it; `None` where they are too few for a profile.
    /// `policies`: by identifier. O(sightings).
    pub fn of(
        facts: Facts<'_>,
        policies: Vec<Policy>,
        terms: &'a TieTerms,
        config: &MemberConfig,
        members: &[u32],
        account: u32,
    ) -> Option<Candidacy<'a>> {
        if members.len() < config.profile_size as usize {
            return None;
        }
        let classification = Classification { classes: Vec::new(), policies, features: Vec::new(), tails: Vec::new() };
        let judge = Judge::new(facts, &classification, &terms.nested, config);
        let mut groups = vec![NONE_U32; facts.graph.account_count()];
        members.iter().for_each(|&member| groups[member as usize] = members[0]);
        let rows: Vec<(u32, u32)> = members.iter().map(|&member| (members[0], member)).collect();
        let (laws, rows, _) = judged(&judge, &groups, &rows);
        let own = rows.iter().find(|row| row.account == account);
        let exclusive = |kind: KindId| {
            let share = own.and_then(|row| row.shares.iter().find(|share| share.kind == kind));
            share.map_or(0, |share| share.exclusive)
        };
        let counts = facts.graph.kinds().zip(judge.population.counts_of(account));
        let shares = counts.map(|(kind, &sightings)| Share { kind, exclusive: exclusive(kind), sightings });
        let several = if terms.several_kinds { 2 } else { 1 };
        Some(Candidacy { laws, shares: shares.collect(), nested: &terms.nested, join_bits: config.join_bits, several })
    }

    /// How it would stand with so many more exclusive identifiers, each named by its kind.
    fn standing(&self, more: &[KindId]) -> Standing {
        let with = |share: &Share| {
            let added = more.iter().filter(|&&kind| kind == share.kind).count() as u32;
            Share { exclusive: share.exclusive + added, sightings: share.sightings + added, ..*share }
        };
        let shares: Vec<Share> = self.shares.iter().map(with).filter(|share| share.sightings > 0).collect();
        let Laws { prior, inside, outside } = &self.laws;
        stand(NONE_U32, prior.bits(false), &shares, (inside, outside), self.nested)
    }

    /// Log2 odds that it belongs, as it would stand.
    pub fn bits(&self, more: &[KindId]) -> f64 {
        self.standing(more).bits
    }

    /// As what it would belong; `None` if it wouldn't join.
    pub fn role(&self, more: &[KindId]) -> Option<Role> {
        let standing = self.standing(more);
        let joins = standing.bits >= self.join_bits && standing.robust_bits >= 0.0;
        joins.then_some(if standing.independent_kinds >= self.several { Role::Core } else { Role::Fringe })
    }
}

/// Log2 odds that an account belongs to a group, before anything is known of it; for outsiders and for members.
struct Prior {
    bits: [f64; 2],
    /// By stratum of identifiers of all kinds together.
    bits_of_alike: [[f64; u32::BITS as usize]; 2],
}

impl Prior {
    /// Of a group with so many `members`, and so many of each stratum.
    fn new(population: &Population, members: u32, by_total: [u32; u32::BITS as usize]) -> Self {
        let bits = [false, true].map(|is_member| {
            let members = f64::from(members - u32::from(is_member));
            (members.max(1.0) / (population.seen_accounts as f64 - members).max(1.0)).log2()
        });
        let bits_of_alike = [false, true].map(|is_member| {
            std::array::from_fn(|stratum| {
                let members = f64::from(by_total[stratum].saturating_sub(u32::from(is_member)));
                ((members + 0.5) / (f64::from(population.by_total[stratum]) - members).max(1.0)).log2()
            })
        });
        Prior { bits, bits_of_alike }
    }

    /// Of any account, which is itself left out.
    fn bits(&self, is_member: bool) -> f64 {
        self.bits[usize::from(is_member)]
    }

    /// The same among accounts with about as many identifiers. Not for verdicts: to have much isn't to belong. But where members
    /// are many, so are those that nothing has tied yet.
    fn bits_of_alike(&self, is_member: bool, total: u32) -> f64 {
        self.bits_of_alike[usize::from(is_member)][stratum(total)]
    }
}

/// One account against one group.
fn stand(
    group: u32,
    prior: f64,
    shares: &[Share],
    (inside, outside): (&[Tabulated], &[Stratified]),
    nested: &[Vec<bool>],
) -> Standing {
    let shown = || shares.iter().filter(|share| share.exclusive > 0).map(|share| share.kind.index());
    let implied = |kind: KindId| is_implied(nested, kind.index(), shown());
    let (mut bits, mut worst, mut weakest, mut independent_kinds) = (prior, 0.0f64, KindId(0), 0);
    for share in shares.iter().filter(|share| !implied(share.kind)) {
        let ratio = |exclusive: u32, sightings: u32| {
            let kind = share.kind.index();
            let outside = outside[kind].law_of(share.sightings);
            (inside[kind].log_likelihood(exclusive, sightings) - outside.log_likelihood(exclusive, sightings))
                * std::f64::consts::LOG2_E
        };
        let here = ratio(share.exclusive, share.sightings);
        bits += here;
        if share.exclusive > 0 {
            independent_kinds += 1;
            let loss = here - ratio(share.exclusive - 1, share.sightings - 1);
            if loss > worst {
                (worst, weakest) = (loss, share.kind);
            }
        }
    }
    Standing { group, bits, robust_bits: bits - worst, independent_kinds, weakest }
}
