//! Why do we believe it?
//!
//! Pure functions of the graph, the activity and a partition: identifiers are classified and weighted, communities become
//! candidate networks with members and roles, behavioural tests compare each candidate with its null, and a score card adds
//! the evidence up in bits. Every number has a null model or a stated definition; a signal whose input is missing is
//! [`None`], never 0.

#![deny(missing_docs)]

#[cfg(test)]
pub(crate) mod toy;

pub mod behaviour;
pub mod facts;
pub mod names;
pub mod signal;

pub mod config;
mod ranges;

mod aliases;
pub mod classify;
pub mod weigh;

mod beta_binomial;
mod cores;
mod cross_linked;
mod crossing;
mod dealt;
mod described;
mod equal_shares;
mod fixed_point;
mod fragments;
mod handed_on;
mod holdings;
mod interlock;
mod keys;
mod listed;
mod loose;
mod needs;
mod nested;
mod pieces;
mod profile;
mod served;
mod standing;
mod starts;
mod strangers;
pub mod terms;
mod ties;

pub mod candidate;
pub mod members;
pub mod perturb;
pub mod structure;

pub mod benign;
pub mod bicm;
pub mod score;
pub mod sharing;
mod stories;

pub use benign::{BenignHypothesis, BenignLikelihood, BenignVerdict, explain_benign};
pub use candidate::{Candidate, Member, Origin, Role};
pub use classify::{Classification, IdentifierClass, Policy, classify_identifiers};
pub use config::{BenignConfig, ClassifyConfig, LinkageConfig, MemberConfig, ScoreConfig, WeighConfig, WeightScheme};
pub use dealt::TakingTurns;
pub use facts::{AccountTable, AddressNetworks, Facts, KindLimit, KindRole};
pub use members::{Candidates, Corroborator, Proposals, Ties, tied_accounts};
pub use names::{SignalFamily, SignalName, TestName, UnknownName};
pub use needs::why_not_measured;
pub use ranges::{OutOfRange, Range};
pub use score::{
    Breakdown, Cases, NamedSignal, Reason, ScoreCard, broken_down, cases_left, cases_of, rank_networks, score_against,
    score_network,
};
pub use served::Whole;
pub use sharing::SharingNull;
pub use signal::Signal;
pub use standing::Candidacy;
pub use structure::{Structure, measure_structure};
pub use terms::{Tie, TieTerms};
pub use weigh::{Weights, infrastructure_graph, weigh_sightings, weighted_graph};
