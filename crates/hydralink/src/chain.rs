//! From facts to scored candidates: the chain that [`crate::detect`](mod@crate::detect) runs on a store, and `calibrate`,
//! `backtest`, `consensus` and `ablate` on what it might have been.

use ahash::AHashMap;
use evidence::{Candidate, Classification, NamedSignal, Origin, ScoreCard, SignalName};
use graph::{AccountId, Partition};
use rayon::prelude::*;

use crate::detect::DetectConfig;
use crate::error::Error;
use crate::observe::Steps;

/// How much finer the second search for communities is.
const FINER: f64 = 4.0;
/// By how many bits a candidate's core has to be the better case, or how many it has where the whole has fewer: what a network needs
/// unless somebody says otherwise. Who belongs to a candidate must not hang on where a threshold is put.
const CORE_BITS: f64 = 5.0;

/// What the chain finds in any graph and activity, the user's own or a null copy of it, before anything is named or kept.
pub(crate) struct Chain {
    pub(crate) classification: Classification,
    pub(crate) weights: evidence::Weights,
    pub(crate) components: Partition,
    pub(crate) communities: community::Communities,
    pub(crate) candidates: evidence::Candidates,
    /// By candidate.
    pub(crate) cards: Vec<ScoreCard>,
}

/// Steps 1 to 5 of [`crate::detect`](mod@crate::detect): a pure function of the facts and the configuration. `without` names
/// behavioural signals to treat as missing.
pub(crate) fn find_candidates(
    facts: evidence::Facts<'_>,
    config: &DetectConfig,
    without: &[SignalName],
    steps: Steps<'_>,
) -> Result<Chain, Error> {
    let linkage = &config.linkage;
    steps.begin("classifying")?;
    let classification = evidence::classify_identifiers(facts, &linkage.classify);
    steps.begin("weighing")?;
    let weights = evidence::weigh_sightings(facts, &classification, &linkage.weigh);
    let weighted = evidence::weighted_graph(facts, &weights)?;
    steps.begin("components")?;
    let components = graph::connected_components(&weighted);
    steps.begin("communities")?;
    let objective = community::QualityConfig { resolution: config.resolution.0, ..Default::default() };
    let search = community::LeidenConfig { objective, seed: config.seed, ..Default::default() };
    let communities = community::leiden(&weighted, None, &search)?;
    // A pool that shares nothing but its work is swept together with the users of popular templates.
    let finer = community::QualityConfig { resolution: FINER * config.resolution.0, ..Default::default() };
    let finer = community::LeidenConfig { objective: finer, ..search };
    // Neither waits for the other: what one does on a single thread, the other fills.
    let (finer, infrastructure) = rayon::join(
        || community::leiden_partition(&weighted, Some(&communities.partition), &finer),
        || -> Result<Option<Partition>, Error> {
            match evidence::infrastructure_graph(facts, &weights)? {
                Some(graph) if facts.tell_times() => Ok(Some(community::leiden_partition(&graph, None, &search)?)),
                _ => Ok(None),
            }
        },
    );
    let (finer, infrastructure) = (finer?, infrastructure?);
    steps.begin("ties")?;
    let ties = evidence::tied_accounts(facts, &classification, &weights, &linkage.members);
    let tied = graph::WeightedGraph::from_pairs(facts.graph.account_count(), &ties.pairs)?;
    let proposals = community::leiden_partition(&tied, None, &search)?;
    steps.begin("members")?;
    let corroborator = evidence::Corroborator::new(facts, &classification, &weights, &ties, &linkage.members);
    let graph_communities = [&communities.partition, &finer];
    let proposals = evidence::Proposals { tied: &proposals, communities: &graph_communities };
    let mut candidates = corroborator.candidates(&proposals);
    steps.begin("population")?;
    let null = evidence::SharingNull::of(facts);
    let population = evidence::behaviour::Population::new(&facts, &config.behaviour);
    let gate = Gate { facts, population: &population, config, without };
    steps.begin("turns")?;
    let mut turns = corroborator.taking_turns(&candidates);
    turns.groups = gate.dealt(turns.groups);
    candidates = corroborator.with_turns(candidates, &turns);
    // After the turns, which are evidence of their own: who shares one prompt is loosely alike, too.
    steps.begin("loose")?;
    let loose = corroborator.loosely_alike(&candidates, &graph_communities);
    let (loose, told) = gate.loose(loose);
    candidates = corroborator.with_loose(candidates, &loose);
    steps.begin("wholes")?;
    let nulls = Nulls { sharing: &null, population: &population, templates_asked: candidates.templates_asked };
    let score = |of: &[&Candidate]| score_candidates(facts, &corroborator, of, nulls, config, without);
    let mut scored = Scored { known: AHashMap::new(), score: &score };
    let threshold = linkage.score.threshold_bits;
    let fragments = corroborator.fragments(&candidates);
    candidates = made_whole(&corroborator, candidates, fragments, &mut scored, (threshold, 0.0));
    // Of those that are loosely alike, and do what stories bring, only the whole case tells.
    candidates = made_whole(&corroborator, candidates, told, &mut scored, (threshold, threshold));
    // Of a pool that few candidates hold the most, the communities still may.
    let flagged = |cards: &[ScoreCard]| cards.iter().map(|card| card.score_bits >= threshold).collect::<Vec<bool>>();
    let found = flagged(&scored.cards_of(&candidates.networks));
    let fragments = corroborator.fragments_of(&communities.partition, &candidates, &found);
    candidates = made_whole(&corroborator, candidates, fragments, &mut scored, (threshold, 0.0));
    steps.begin("infrastructure")?;
    let whole = &communities.partition;
    let proposed = corroborator.on_infrastructure(&candidates, (infrastructure.as_ref().unwrap_or(whole), whole));
    candidates = corroborator.beside(candidates, &gate.alike(proposed));
    steps.begin("behaviour")?;
    let mut cards = scored.cards_of(&candidates.networks);
    if let Some(joined) = corroborator.joined(&candidates, &flagged(&cards)) {
        cards = scored.cards_of(&joined.networks);
        candidates = joined;
    }
    only_cores(&corroborator, &mut candidates.networks, &mut cards, &mut scored);
    let handed_on = corroborator.handed_on(&candidates.networks, &flagged(&cards), config.behaviour.hand_off_window);
    let handed_on = gate.queued(handed_on);
    if !handed_on.is_empty() {
        candidates.networks = corroborator.with_handed_on(std::mem::take(&mut candidates.networks), handed_on);
        cards = scored.cards_of(&candidates.networks);
    }
    if !without.contains(&SignalName::OneQueue) {
        let is_flagged = |whole: &Candidate| scored.cards_of([whole]).iter().all(|card| card.score_bits >= threshold);
        let served = corroborator.served(&candidates.networks, &flagged(&cards), &config.behaviour, is_flagged);
        if !served.is_empty() {
            candidates.networks = corroborator.with_served(&candidates.networks, served);
            cards = scored.cards_of(&candidates.networks);
        }
    }
    if let Some(listed) = corroborator.as_listed(&candidates.networks) {
        cards = scored.cards_of(&listed);
        candidates.networks = listed;
    }
    // What only infrastructure or a queue proposed stands on its behaviour or not at all.
    let stands = |(network, card): &(Candidate, ScoreCard)| {
        let cases = evidence::cases_of(&card.signals, &linkage.score);
        let content = cases.content.is_some() || is_unasked(facts, &cases, &linkage.score);
        !network.stands_on_behaviour() || (cases.timing.is_some() && content)
    };
    let networks = std::mem::take(&mut candidates.networks);
    (candidates.networks, cards) = networks.into_iter().zip(cards).filter(stands).unzip();
    Ok(Chain { classification, weights, components, communities, candidates, cards })
}

/// Scores one group of accounts by the same rules as [`find_candidates`], whatever proposed it. `accounts`: ascending, without
/// repeats, none of them known-good. Returns the classes as well, and the accounts that neither their own evidence nor turns in one
/// queue tie.
pub(crate) fn score_given(
    facts: evidence::Facts<'_>,
    config: &DetectConfig,
    accounts: &[u32],
) -> (Classification, Candidate, ScoreCard, Vec<u32>) {
    let linkage = &config.linkage;
    let classification = evidence::classify_identifiers(facts, &linkage.classify);
    let weights = evidence::weigh_sightings(facts, &classification, &linkage.weigh);
    let ties = evidence::Ties::of_rule(facts, &classification, &weights, &linkage.members);
    let corroborator = evidence::Corroborator::new(facts, &classification, &weights, &ties, &linkage.members);
    let (mut candidate, mut untied) = corroborator.given(accounts);
    corroborator.in_turn(&mut candidate, &mut untied, &config.behaviour);
    let null = evidence::SharingNull::of(facts);
    let population = evidence::behaviour::Population::new(&facts, &config.behaviour);
    let nulls = Nulls { sharing: &null, population: &population, templates_asked: 0 };
    let card = score_candidates(facts, &corroborator, &[&candidate], nulls, config, &[]).remove(0);
    (classification, candidate, card, untied)
}

/// Score cards of candidates, each made once.
struct Scored<'a> {
    /// By accounts, ambiguous ones too: the candidates that list these, and their cards.
    known: AHashMap<Vec<u32>, Vec<(Candidate, ScoreCard)>>,
    score: &'a dyn Fn(&[&Candidate]) -> Vec<ScoreCard>,
}

impl Scored<'_> {
    fn cards_of<'c>(&mut self, networks: impl IntoIterator<Item = &'c Candidate>) -> Vec<ScoreCard> {
        let networks: Vec<(&Candidate, Vec<u32>)> = networks.into_iter().map(|network| (network, listed(network))).collect();
        let known: Vec<Option<ScoreCard>> = networks.iter().map(|(network, listed)| self.known(network, listed)).collect();
        let anew: Vec<&(&Candidate, Vec<u32>)> =
            networks.iter().zip(&known).filter(|(_, card)| card.is_none()).map(|(network, _)| network).collect();
        let made = (self.score)(&anew.iter().map(|(network, _)| *network).collect::<Vec<_>>());
        for ((network, listed), card) in anew.into_iter().zip(&made) {
            self.known.entry(listed.clone()).or_default().push(((*network).clone(), card.clone()));
        }
        let mut made = made.into_iter();
        known.into_iter().filter_map(|card| card.or_else(|| made.next())).collect()
    }

    fn known(&self, network: &Candidate, listed: &[u32]) -> Option<ScoreCard> {
        let alike = self.known.get(listed)?;
        alike.iter().find(|(known, _)| known == network).map(|(_, card)| card.clone())
    }
}

/// The accounts that a candidate lists, ascending.
fn listed(network: &Candidate) -> Vec<u32> {
    network.members.iter().map(|member| member.account).collect()
}

/// The candidates, with wholes in place of their fragments where these score no less than the least of the candidates in them that
/// are flagged; where none is, no less than the best, and than `least`.
fn made_whole(
    corroborator: &evidence::Corroborator<'_>,
    candidates: evidence::Candidates,
    mut wholes: Vec<Vec<u32>>,
    scored: &mut Scored<'_>,
    (threshold, least): (f64, f64),
) -> evidence::Candidates {
    if wholes.is_empty() {
        return candidates;
    }
    let cards = scored.cards_of(&candidates.networks);
    let tried = corroborator.with_wholes(&candidates, &wholes);
    let tried_cards = scored.cards_of(&tried.networks);
    let proposed = wholes.len();
    wholes.retain(|accounts| {
        let held = |networks: &[Candidate]| -> Vec<usize> {
            networks
                .iter()
                .map(|network| network.accounts().filter(|account| accounts.binary_search(account).is_ok()).count())
                .collect()
        };
        let fragments = candidates.networks.iter().zip(held(&candidates.networks)).zip(&cards);
        let fragments = fragments.filter(|((network, held), _)| 2 * held > network.accounts().count());
        let scores: Vec<f64> = fragments.map(|(_, card)| card.score_bits).collect();
        let flagged = scores.iter().copied().filter(|&bits| bits >= threshold).reduce(f64::min);
        let needed = flagged.unwrap_or_else(|| scores.iter().copied().fold(least, f64::max));
        let is_whole = |(held, card): (usize, &ScoreCard)| 2 * held > accounts.len() && card.score_bits >= needed;
        held(&tried.networks).into_iter().zip(&tried_cards).any(is_whole)
    });
    match wholes.len() {
        0 => candidates,
        kept if kept == proposed => tried,
        _ => corroborator.with_wholes(&candidates, &wholes),
    }
}

/// Leaves the cores of those candidates that are a case by themselves, and a better one than with the others, by [`CORE_BITS`], or
/// where with the others there is none.
fn only_cores(
    corroborator: &evidence::Corroborator<'_>,
    networks: &mut [Candidate],
    cards: &mut [ScoreCard],
    scored: &mut Scored<'_>,
) {
    let cores: Vec<(usize, Candidate)> =
        (0..networks.len()).filter_map(|at| Some((at, corroborator.core_of(&networks[at])?))).collect();
    let of_cores = scored.cards_of(cores.iter().map(|(_, core)| core));
    for ((at, core), card) in cores.into_iter().zip(of_cores) {
        let whole = cards[at].score_bits;
        if card.score_bits >= whole.max(0.0) + CORE_BITS || (card.score_bits >= CORE_BITS && whole < CORE_BITS) {
            (networks[at], cards[at]) = (core, card);
        }
    }
}

/// What candidates are compared with.
#[derive(Clone, Copy)]
struct Nulls<'a> {
    sharing: &'a evidence::SharingNull,
    population: &'a evidence::behaviour::Population,
    /// As [`evidence::Candidates::templates_asked`].
    templates_asked: usize,
}

/// Measures and scores every candidate, in parallel.
fn score_candidates(
    facts: evidence::Facts<'_>,
    corroborator: &evidence::Corroborator<'_>,
    candidates: &[&Candidate],
    nulls: Nulls<'_>,
    config: &DetectConfig,
    without: &[SignalName],
) -> Vec<ScoreCard> {
    candidates
        .par_iter()
        // The largest come first, each thousands of times the work of the last.
        .with_max_len(1)
        .map(|candidate| {
            let accounts: Vec<u32> = candidate.accounts().collect();
            let members: Vec<AccountId> = accounts.iter().copied().map(AccountId).collect();
            let mut behaviour = evidence::behaviour::measure(&facts, nulls.population, &members, &config.behaviour);
            let mut linked = corroborator.cross_linked(&accounts);
            if candidate.origin == Origin::Queue {
                // Accounts that only their turns brought together are no parts that something shared did, and where a queue
                // goes round in half a day each has hours of its own, which aren't what brings it back (module `rounds`).
                (linked, behaviour.own_hours) = (None, None);
            }
            let mut signals = named_signals(&behaviour, candidate.is_of_infrastructure(), without);
            let linked_share = linked.as_ref().map(|signal| signal.value);
            signals.push(NamedSignal::new(SignalName::CrossLinked, linked));
            let turns = corroborator.turns(candidate, nulls.templates_asked);
            signals.extend(turns.map(|turns| NamedSignal::new(SignalName::Turns, Some(turns))));
            let benign = &config.linkage.benign;
            let structure = evidence::measure_structure(facts, candidate, linked_share, benign);
            let verdict =
                evidence::explain_benign(&evidence::Structure { own_hours: behaviour.own_hours, ..structure }, benign);
            evidence::score_network(candidate, &verdict, nulls.sharing, &signals, &config.linkage.score)
        })
        .collect()
}

/// Bits that the times, and what is asked, of accounts that no tie proposed must have for these to become a candidate. Strangers
/// among them, whom no profile has put out yet, can hide a network from one bit, hardly from both tests.
const LEAST_BITS: f64 = 1.0;

/// Whether nobody knows of any account what it asks, and these do what no harmless story brings, by as many bits as a network
/// needs: that they are alike in time could be any carrier's customers.
fn is_unasked(facts: evidence::Facts<'_>, cases: &evidence::Cases, score: &evidence::ScoreConfig) -> bool {
    !facts.tell_content() && cases.no_story_brings >= score.threshold_bits
}

/// Tells by their behaviour which of the groups that no tie proposed may be one operator's.
#[derive(Clone, Copy)]
struct Gate<'a> {
    facts: evidence::Facts<'a>,
    population: &'a evidence::behaviour::Population,
    config: &'a DetectConfig,
    without: &'a [SignalName],
}

impl Gate<'_> {
    fn passing(self, groups: Vec<Vec<u32>>, may_be: impl Fn(&[AccountId]) -> bool + Sync) -> Vec<Vec<u32>> {
        let passes = |accounts: &Vec<u32>| may_be(&ids(accounts));
        groups.into_par_iter().with_max_len(1).filter(passes).collect()
    }

    fn cases(self, signals: &evidence::behaviour::BehaviourSignals) -> evidence::Cases {
        evidence::cases_of(&named_signals(signals, true, self.without), &self.config.linkage.score)
    }

    fn timing(self, members: &[AccountId]) -> evidence::Cases {
        let signals = evidence::behaviour::measure_timing(&self.facts, self.population, members, &self.config.behaviour);
        self.cases(&signals)
    }

    /// Whether these are alike in content; those on one infrastructure without what reaches them first ([`named_signals`]).
    fn in_content(self, members: &[AccountId], by_infrastructure: bool) -> bool {
        let Gate { facts, population, config, without } = self;
        let signals = evidence::behaviour::measure_content(&facts, population, members, &config.behaviour);
        let signals = named_signals(&signals, by_infrastructure, without);
        evidence::cases_of(&signals, &config.linkage.score).content >= Some(LEAST_BITS)
    }

    /// Those on one infrastructure that are alike in time and in content.
    fn alike(self, groups: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
        let Gate { facts, config, .. } = self;
        let is_known = facts.tell_content();
        self.passing(groups, |members| {
            // What most groups fail is also the cheaper to measure.
            if is_known && !self.in_content(members, true) {
                return false;
            }
            let cases = self.timing(members);
            cases.timing >= Some(LEAST_BITS) && (is_known || is_unasked(facts, &cases, &config.linkage.score))
        })
    }

    /// Those taking turns at one prompt that are alike in time, and in content or by what no story brings: one prompt has little
    /// to spread.
    fn dealt(self, groups: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
        let Gate { facts, population, config, .. } = self;
        self.passing(groups, |members| {
            let cases = self.cases(&evidence::behaviour::measure(&facts, population, members, &config.behaviour));
            let elsewhere = cases.not_of_one_place(&config.linkage.score);
            elsewhere >= Some(LEAST_BITS) && cases.timing >= Some(LEAST_BITS)
        })
    }

    /// Those a little alike that do what no harmless story brings, by as many bits as a network needs; and of the others those that
    /// are alike in time and in content, of which the whole case has to tell.
    fn loose(self, groups: Vec<Vec<u32>>) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        let (of_no_story, others): (Vec<Vec<u32>>, Vec<Vec<u32>>) =
            groups.into_par_iter().with_max_len(1).partition(|accounts| self.is_of_no_story(&ids(accounts)));
        (of_no_story, self.passing(others, |members| self.is_alike(members)))
    }

    /// Whether these are alike in content, also in what reaches them first, and in time.
    fn is_alike(self, members: &[AccountId]) -> bool {
        self.in_content(members, false) && self.timing(members).timing >= Some(LEAST_BITS)
    }

    /// Of the candidates that hand-offs proposed the same.
    fn queued(self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let passes = |candidate: &Candidate| self.is_of_no_story(&candidate.accounts().map(AccountId).collect::<Vec<_>>());
        candidates.into_par_iter().with_max_len(1).filter(passes).collect()
    }

    fn is_of_no_story(self, members: &[AccountId]) -> bool {
        self.timing(members).no_story_brings >= self.config.linkage.score.threshold_bits
    }
}

fn ids(accounts: &[u32]) -> Vec<AccountId> {
    accounts.iter().copied().map(AccountId).collect()
}

/// The behavioural signals by name, those `without` as missing; a missing one stays on the card as missing.
fn named_signals(
    behaviour: &evidence::behaviour::BehaviourSignals,
    by_infrastructure: bool,
    without: &[SignalName],
) -> Vec<NamedSignal> {
    // Work in common would have proposed a candidate: what spreads through one of infrastructure is a part's.
    let missing = |name| without.contains(&name) || (by_infrastructure && name == SignalName::TemplateFanOut);
    let named = behaviour.all().into_iter().map(|(name, signal)| NamedSignal {
        name,
        signal: signal.clone().filter(|_| !missing(name)),
        tests: behaviour.tests_of(name).map(|(name, test)| (name, test.clone())).collect(),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use evidence::candidate::Fragility;
    use evidence::{BenignHypothesis, BenignLikelihood, Member, Role};

    use super::*;

    fn candidate(accounts: &[u32]) -> Candidate {
        let member = |&account: &u32| Member { account, role: Role::Core, bits: 8.0, confidence: 0.99 };
        Candidate {
            members: accounts.iter().map(member).collect(),
            identifiers: Vec::new(),
            suppressed: 0,
            fragility: Fragility { identifier: None, lost: 0 },
            origin: Origin::Common,
        }
    }

    #[test]
    fn candidates_that_begin_with_one_account_have_cards_of_their_own_made_once() {
        let made = Cell::new(0);
        let card = |network: &&Candidate| ScoreCard {
            signals: Vec::new(),
            benign: BenignLikelihood { hypothesis: BenignHypothesis::Campus, bits: 0.0 },
            evidence_bits: 0.0,
            score_bits: network.members.len() as f64,
            why: Vec::new(),
        };
        let score = |of: &[&Candidate]| {
            made.set(made.get() + of.len());
            of.iter().map(card).collect()
        };
        let mut scored = Scored { known: AHashMap::new(), score: &score };
        let mut bits =
            |networks: &[Candidate]| -> Vec<f64> { scored.cards_of(networks).iter().map(|card| card.score_bits).collect() };
        let (two, three, four) = (candidate(&[1, 2]), candidate(&[1, 2, 3]), candidate(&[1, 2, 3, 4]));
        assert_eq!(bits(&[two.clone(), three.clone()]), [2.0, 3.0]);
        assert_eq!(bits(&[four, three, two]), [4.0, 3.0, 2.0]);
        assert_eq!(made.get(), 3);
    }
}
