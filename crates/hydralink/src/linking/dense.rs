//! Where are the densest blocks of accounts and identifiers, whatever was detected?
//!
//! FRAUDAR ([`crate::baselines::fraudar`], where the definition stands) on the graph that links: identifiers count for less the
//! more accounts have them, and a block's density is its weight over its nodes. Each block comes with a *certificate*: the
//! bound beside it, which no block of what was left can exceed. Blocks are found one after the other, each in what those before
//! it left.
//!
//! Known-good accounts and identifiers (`--allow`, rejected cases) aren't left out: the block says which network most of it
//! belongs to, and the analyst decides. Cost: O(sightings log vertices) a block, and memory for the vertices.

use graph::AccountId;
use serde::Serialize;

use crate::baselines::fraudar;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::query::flagged_share;
use crate::results::Labelling;

/// A dense block.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DenseBlock {
    /// 1 for the first that was found.
    pub rank: u64,
    /// Its accounts.
    pub accounts: u64,
    /// Its identifiers.
    pub identifiers: u64,
    /// Weight of the sightings inside it over its nodes.
    pub density: f64,
    /// No block of what was left can be denser than this; at most twice the density.
    pub bound: f64,
    /// The flagged network that most of its accounts belong to.
    pub network: Option<String>,
    /// The share of its accounts that belong to that.
    pub network_share: f64,
    /// Its accounts, ascending.
    #[serde(skip)]
    pub members: Vec<AccountId>,
}

/// The first `count` blocks; fewer if nothing is left.
///
/// # Errors
/// [`Error::Usage`] if the labels are of another store, or of it before an update.
pub fn dense_blocks(dataset: &Dataset, results: Option<&Labelling>, count: usize) -> Result<Vec<DenseBlock>, Error> {
    dataset.check(results, [])?;
    let blocks = fraudar::blocks(dataset.linking_graph(), count).into_iter().zip(1u64..);
    let described = blocks.map(|(block, rank)| {
        let (network, network_share) = flagged_share(results, &block.accounts);
        DenseBlock {
            rank,
            accounts: block.accounts.len() as u64,
            identifiers: block.identifiers.len() as u64,
            density: block.density,
            bound: block.bound,
            network,
            network_share,
            members: block.accounts.into_iter().map(AccountId).collect(),
        }
    });
    Ok(described.collect())
}
