//! Accounts joined with accounts, instead of with the identifiers that they share: the projection.
//!
//! An identifier with `d` of the accounts makes `d (d - 1) / 2` pairs, and one address of a carrier more than all else
//! together; so pairs are counted before any is made, and above the budget none is. Each pair that shares something with
//! evidence is an edge: its weight are the bits of all that the two share, by the rule of detection ([`crate::ties`]), its
//! count the identifiers with evidence that they share.
//!
//! Cost: O(pairs) and for each edge both rows, on all threads; memory for the edges.

use graph::{AccountId, NO_TIME};
use rayon::prelude::*;

use super::ExportConfig;
use super::choose::Chosen;
use super::view::{ExportEdge, ExportGraph};
use crate::error::Error;
use crate::options::{K, MAX_NODES, MINIMAL, PAIR_BUDGET};
use crate::ties::Ties;

/// A projection has accounts only: no identifiers that could be left out, and edges about two accounts each.
pub(super) fn check(config: &ExportConfig, accounts: usize) -> Result<(), Error> {
    let wrong = match &config.selection {
        selection if selection.k > 1 => format!("an edge of a projection is about two accounts, so {K} can't hold"),
        selection if selection.minimal => format!("a projection draws no identifiers, so {MINIMAL} can't choose among them"),
        selection if accounts > selection.max_nodes => {
            format!("the selection has {accounts} accounts, more than {}: raise {MAX_NODES}", selection.max_nodes)
        }
        _ => return Ok(()),
    };
    Err(Error::Usage(wrong))
}

/// Fills a graph with the chosen accounts and the pairs of them that share one of the `tying` identifiers (ascending).
///
/// # Errors
/// [`Error::Usage`] if there are more than `budget` pairs; as [`Ties::of`].
pub(super) fn fill<'a>(chosen: &Chosen<'a>, graph: &mut ExportGraph<'a>, tying: &[u32], budget: u64) -> Result<(), Error> {
    let of_identifier = |&identifier: &u32| u64::from(chosen.tied_by(identifier));
    let pairs: u64 = tying.iter().map(of_identifier).map(|tied| tied * (tied - 1) / 2).sum();
    if pairs > budget {
        return Err(Error::Usage(format!(
            "the projection would join {pairs} pairs of accounts, more than {budget}: raise {PAIR_BUDGET}, or choose fewer networks"
        )));
    }
    let ties = Ties::of(chosen.dataset, chosen.results)?;
    // Accounts by identifier, as positions among the chosen ones, ascending.
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); tying.len()];
    let mut held: Vec<Vec<u32>> = Vec::with_capacity(chosen.accounts.len());
    for (at, &account) in (0u32..).zip(&chosen.accounts) {
        let mut own = Vec::new();
        chosen.each_tie(AccountId(account), |tie| {
            if let Ok(row) = tying.binary_search(&tie.target) {
                rows[row].push(at);
                own.push(row as u32);
            }
        });
        held.push(own);
    }
    let edges_of = |source: u32| {
        let beyond = |row: &u32| {
            let row = &rows[*row as usize];
            &row[row.partition_point(|&other| other <= source)..]
        };
        let mut others: Vec<u32> = held[source as usize].iter().flat_map(beyond).copied().collect();
        others.sort_unstable();
        let edge = |run: &[u32]| {
            let ends = [source, run[0]].map(|end| AccountId(chosen.accounts[end as usize]));
            let weight = ties.between(ends[0], ends[1]).bits as f32;
            let (count, target) = (run.len() as u64, run[0]);
            let edge = ExportEdge { source, target, weight, count, first_seen: NO_TIME, last_seen: NO_TIME };
            (weight > 0.0).then_some(edge)
        };
        others.chunk_by(|one, other| one == other).filter_map(edge).collect::<Vec<ExportEdge>>()
    };
    let sources = 0..chosen.accounts.len() as u32;
    graph.edges = sources.into_par_iter().map(edges_of).collect::<Vec<_>>().concat();
    graph.nodes = chosen.accounts.iter().map(|&account| chosen.account_node(AccountId(account))).collect();
    graph.about.selection.push_str("; accounts joined with accounts by what they share");
    Ok(())
}
