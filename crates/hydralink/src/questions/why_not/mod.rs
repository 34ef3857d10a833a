//! Why are two accounts not held to be one operator's, and what is missing?
//!
//! Three questions, each with the bits there are and the bits it would take by the rule of detection ([`crate::ties`]):
//!
//! 1. *the pair*: would what they share tie the two alone?
//! 2. *the networks*: does either's evidence suffice for the network of the other?
//! 3. *the chain*: of the strongest chains of accounts from one to the other ([`crate::paths`]), the one whose weakest step
//!    carries most; the chain is broken at that step.
//!
//! Of an account and a network: [`why_not_member`].
//!
//! Cost: the rows of the two, the sightings of their networks, and the search for [`CHAINS`] chains.

mod network;

use std::collections::BTreeSet;

use graph::AccountId;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::links::{Shared, are_two, common, kind_of};
use crate::node::Node;
use crate::paths::{EvidencePath, Hop, paths};
use crate::questions::of_both::{GroupOfBoth, Held, held};
use crate::results::Labelling;
use crate::ties::Ties;

pub use network::{Missing, WhyNotMember, names_network, why_not_member};

/// Chains that are compared.
pub const CHAINS: usize = 3;

/// What keeps two accounts apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WhyNot {
    /// The first account.
    pub first: String,
    /// The second.
    pub second: String,
    /// The answer in a sentence.
    pub answer: String,
    /// Whether they are held to be one operator's after all, as [`crate::links::Why::held`] says.
    pub together: bool,
    /// Bits of what they share.
    pub bits: f64,
    /// Bits that would tie them.
    pub needed: f64,
    /// Kinds of identifiers that both have but don't share: where the missing bits could come from.
    pub kinds_not_shared: Vec<String>,
    /// What either lacks for the network of the other.
    pub networks: Vec<NetworkGap>,
    /// The strongest chain between them, if there is any.
    pub chain: Vec<Step>,
    /// The step at which the chain is weakest, from 0.
    pub weakest_step: Option<usize>,
    /// What they share, strongest first.
    pub shared: Vec<Shared>,
}

/// What an account lacks for a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NetworkGap {
    /// The account.
    pub account: String,
    /// The network of the other account.
    pub network: String,
    /// Bits of its identifiers for the network, less what an outsider pays for joining.
    pub bits: f64,
    /// Bits needed.
    pub needed: f64,
    /// Whether two kinds of identifiers speak for it.
    pub corroborated: bool,
}

/// Two accounts that follow each other on a chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The one account.
    pub first: String,
    /// The other.
    pub second: String,
    /// The identifier that the chain goes through.
    pub by: String,
    /// Bits of all that the two share.
    pub bits: f64,
    /// Bits that would tie them.
    pub needed: f64,
}

/// Explains what keeps two accounts apart.
///
/// # Errors
/// [`Error::Usage`] if the two are one; as [`Ties::of`].
pub fn why_not(dataset: &Dataset, results: &Labelling, first: AccountId, second: AccountId) -> Result<WhyNot, Error> {
    let ties = Ties::of(dataset, results)?;
    are_two(dataset, Some(&ties), Node::Account(first), Node::Account(second))?;
    let chain = chain(dataset, &ties, first, second)?;
    let weakest_step = (0..chain.len()).min_by(|&a, &b| gap(&chain[b]).total_cmp(&gap(&chain[a])).then(a.cmp(&b)));
    let tie = ties.between(first, second);
    let needed = ties.needed_by_pair(&tie);
    let shared = common(dataset, Some(&ties), first, second)?;
    let group = GroupOfBoth::of(dataset, results, [first, second])?;
    let together = held(dataset, group.as_ref(), [first, second], tie.bits >= needed)? == Held::OneOperator;
    let mut networks = Vec::new();
    for (account, other) in [(first, second), (second, first)] {
        if let Some((network, _)) = results.flagged_network_of(other).filter(|_| group.is_none()) {
            let index = dataset.network_index(results, &network.id)?;
            let group = ties.group(index);
            let found = ties.to_group(account, &group, None);
            networks.push(NetworkGap {
                account: dataset.shown_account(account).into_owned(),
                network: network.id.clone(),
                bits: found.tie.bits,
                needed: found.needed,
                corroborated: found.tie.corroborated,
            });
        }
    }
    let missing = || answer(tie.bits, needed, &networks, weakest_step.map(|step| &chain[step]));
    let answer = match group.as_ref().map(|group| group.text(results.run.threshold)) {
        Some(of_group) if together => format!("they are: {of_group}; see `why`"),
        Some(of_group) => format!("{of_group}; {}", missing()),
        None => missing(),
    };
    Ok(WhyNot {
        first: dataset.label_of(Node::Account(first)),
        second: dataset.label_of(Node::Account(second)),
        answer,
        together,
        bits: tie.bits,
        needed,
        kinds_not_shared: kinds_not_shared(dataset, first, second, &shared),
        networks,
        chain,
        weakest_step,
        shared,
    })
}

/// Bits that a step lacks; below 0 if it has more than enough.
fn gap(step: &Step) -> f64 {
    step.needed - step.bits
}

fn answer(bits: f64, needed: f64, networks: &[NetworkGap], weakest: Option<&Step>) -> String {
    let mut text = if bits >= needed {
        format!("what they share would tie the two alone ({bits:.1} bits of {needed:.1})")
    } else {
        format!("what they share is {:.1} bits short of a tie ({bits:.1} of {needed:.1})", needed - bits)
    };
    for network in networks {
        let NetworkGap { account, network, bits, needed, .. } = network;
        text.push_str(&match bits >= needed {
            true => format!(
                "; {account} shows enough for {network} ({bits:.1} bits of {needed:.1}) but was not found in its community"
            ),
            false => format!("; {account} is {:.1} bits short of {network} ({bits:.1} of {needed:.1})", needed - bits),
        });
    }
    match weakest {
        None => text.push_str("; no chain of shared identifiers joins them"),
        Some(step) if gap(step) > 0.0 => text.push_str(&format!(
            "; the strongest chain breaks between {} and {}, {:.1} bits short",
            step.first,
            step.second,
            gap(step)
        )),
        Some(_) => text.push_str("; every step of the strongest chain would tie its two"),
    }
    text
}

/// The chain whose weakest step lacks least, as its steps.
fn chain(dataset: &Dataset, ties: &Ties<'_>, first: AccountId, second: AccountId) -> Result<Vec<Step>, Error> {
    let found = paths(dataset, Some(ties), Node::Account(first), Node::Account(second), CHAINS)?;
    // A chain alternates accounts and identifiers and ends in accounts.
    let step = |hops: &[Hop]| match hops {
        [Hop { at: Node::Account(one), .. }, by, Hop { at: Node::Account(other), .. }] => {
            let tie = ties.between(*one, *other);
            let needed = ties.needed_by_pair(&tie);
            let name = |account: AccountId| dataset.shown_account(account).into_owned();
            Some(Step { first: name(*one), second: name(*other), by: by.node.clone(), bits: tie.bits, needed })
        }
        _ => None,
    };
    let steps_of = |path: &EvidencePath| path.hops.windows(3).step_by(2).filter_map(step).collect();
    let mut chains: Vec<Vec<Step>> = found.iter().map(steps_of).collect();
    let worst = |chain: &[Step]| chain.iter().map(gap).fold(f64::NEG_INFINITY, f64::max);
    // Of equals the cheapest chain, which stands first.
    let best = (0..chains.len()).min_by(|&a, &b| worst(&chains[a]).total_cmp(&worst(&chains[b])).then(a.cmp(&b)));
    Ok(best.map(|best| chains.swap_remove(best)).unwrap_or_default())
}

/// Kinds that both accounts have identifiers of, but none in common.
fn kinds_not_shared(dataset: &Dataset, first: AccountId, second: AccountId, shared: &[Shared]) -> Vec<String> {
    let graph = dataset.graph();
    let kinds = |account| -> BTreeSet<&str> {
        graph.sightings_of(account).map(|sighting| dataset.kind_name(graph.kind_of(sighting.identifier))).collect()
    };
    let common: BTreeSet<&str> = shared.iter().map(|shared| kind_of(&shared.identifier)).collect();
    kinds(first).intersection(&kinds(second)).filter(|kind| !common.contains(*kind)).map(|&kind| kind.to_owned()).collect()
}
