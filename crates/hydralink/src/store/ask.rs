//! Is it the store's fault that a question can't be answered?
//!
//! Sections over [`super::SMALL_SECTION`] bytes aren't read when a store is opened, and so neither are their checksums compared;
//! a number in one that was altered may lead a question to a place that there isn't, and it panics. Checking every number where it
//! is read would cost every question; checking after a panic costs nobody else anything. Checksums
//! that agree prove nothing of a store that somebody else made, so whether sightings are in order is checked after them.
//!
//! The command line and the Python library ask all their questions so. Who calls this library does where a panic is worse than
//! reading the store once; or asks [`super::Store::verify`] first.
//!
//! What this can't tell: an altered number that leads to another place that there is gives another answer, and
//! [`super::Store::verify`] finds it; one that is taken for a size may ask for more memory than there is, or for a loop without
//! an end, and a file that is cut short under an open store ends the process.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use super::Store;
use crate::dataset::Dataset;
use crate::error::Error;

/// Asks a question of the stores at these paths. If it panics, the checksums of all their sections are compared, which reads
/// the stores once; the panic goes on if nothing is damaged. Whatever the question changes has to bear that it ends anywhere.
/// What comes as an iterator has to be read within the question.
///
/// ```
/// # let (_folder, path) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
/// use hydralink::{Dataset, how, store};
///
/// let answer = store::ask(&[&path], || {
///     let dataset = Dataset::open(&path)?;
///     how::how(&dataset, &dataset.labelling()?, 0)
/// })??;
/// assert!(answer.accounts > 1);
/// # Ok::<(), hydralink::Error>(())
/// ```
///
/// # Errors
/// [`Error::StoreDamaged`] names the damaged section that it panicked over, [`Error::Graph`] the column of a store whose checksums
/// agree and whose sightings are in no order.
pub fn ask<T>(stores: &[impl AsRef<Path>], question: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(question)).or_else(|panic| {
        for store in stores {
            if let Err(damage @ (Error::StoreDamaged { .. } | Error::Graph(_))) = look_over(store.as_ref()) {
                return Err(damage);
            }
        }
        resume_unwind(panic)
    })
}

/// Whether a store's bytes are those that were written, and its sightings in order.
fn look_over(store: &Path) -> Result<(), Error> {
    Store::open(store)?.verify()?;
    Ok(Dataset::open(store)?.graph().validate()?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;

    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::super::{StoreWriter, with_large_sections};
    use super::*;
    use crate::arrow::{Opened, sightings};
    use crate::bans::{self, PlanConfig};
    use crate::layers::{LayersConfig, layers};
    use crate::results::Membership;
    use crate::ties::Ties;
    use crate::top::{By, top};
    use crate::{self as hydralink, AccountId, Labelling, Node};
    use crate::{CalibrateConfig, ConsensusConfig, DetectConfig, IngestConfig, Unobserved};
    use crate::{appeal, cohesion, dense, dossier, expand, how, lineage, linkage, links, paths, query, why_not};

    #[test]
    fn a_panic_over_a_whole_store_goes_on() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        assert_eq!(ask(&[&store], || 7).unwrap(), 7);
        let panic = catch_unwind(|| ask(&[&store], || panic!("a broken invariant")));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"a broken invariant"));
    }

    /// Every question about a network, its members and some nodes; what they answer is of no interest here.
    fn ask_all(dataset: &Dataset, labels: &Labelling, network: usize, nodes: &[Node]) -> Result<(), Error> {
        let ties = Ties::of(dataset, labels)?;
        for &node in nodes {
            query::show(dataset, Some(labels), node)?;
            query::neighbors(dataset, Some(labels), node)?;
            links::ego(dataset, Some(labels), node, 2, 50, 500)?;
            if let Node::Identifier(identifier) = node {
                query::hub(dataset, labels, identifier);
            }
        }
        query::members(dataset, labels, None)?.for_each(drop);
        query::hubs(dataset, labels, None)?.take(2000).for_each(drop);
        for by in [By::Degree, By::Events, By::Bits] {
            top(dataset, Some(labels), by, None)?.take(2000).for_each(drop);
        }
        let accounts: Vec<AccountId> = nodes
            .iter()
            .filter_map(|node| match node {
                Node::Account(account) => Some(*account),
                Node::Identifier(_) => None,
            })
            .collect();
        for pair in accounts.windows(2).filter(|pair| pair[0] != pair[1]) {
            let [first, second] = [pair[0], pair[1]];
            links::why(dataset, labels, first, second)?;
            links::common(dataset, Some(&ties), first, second)?;
            why_not::why_not(dataset, labels, first, second)?;
            why_not::why_not_member(dataset, labels, first, &labels.head(network).id)?;
            paths::paths(dataset, Some(&ties), Node::Account(first), Node::Account(second), 3)?;
            appeal::appeal(dataset, labels, first)?;
        }
        expand::expand(dataset, labels, &accounts, &[])?;
        let card = labels.network(dataset, network)?;
        dossier::dossier(dataset, labels, &card)?;
        how::how(dataset, labels, network)?;
        cohesion::cohesion(dataset, labels, network, 2, 2)?;
        bans::plan_bans(
            dataset,
            labels,
            &card,
            &PlanConfig { benign_budget: 2.0, identifier_actions: true, as_if_unbanned: true, allow_unflagged: true },
        )?;
        bans::impact(dataset, labels, nodes, true)?;
        links::overlap(dataset, labels, network, network + 1)?;
        lineage::lineages(dataset, Some(labels))?;
        lineage::lineage(dataset, Some(labels), &labels.head(network).id)?;
        linkage::components(dataset, &linkage::ComponentFilter::default())?;
        linkage::degree_sweep(dataset, &[])?;
        dense::dense_blocks(dataset, Some(labels), 2)?;
        layers(dataset, &dataset.results()?, &LayersConfig::default())?;
        Ok(())
    }

    /// Bytes of one section after the other are altered under an open store, as if each were too large to be checked when it was
    /// opened.
    #[test]
    fn no_altered_section_makes_a_question_panic() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let sections = Store::open(&store).unwrap().manifest().sections.clone();
        let mut caught = 0;
        for section in sections.iter().filter(|section| section.bytes > 0) {
            let path: PathBuf = store.join(&section.file);
            let whole = fs::read(&path).unwrap();
            let stretch = whole.len().min(4096);
            for damage in 0..4 {
                let mut altered = whole.clone();
                let from = random.next_u64() as usize % (whole.len() - stretch + 1);
                match damage {
                    0 => altered[from..from + stretch].fill(0),
                    1 => altered[from..from + stretch].fill(0xff),
                    2 => random.fill_bytes(&mut altered[from..from + stretch]),
                    _ => {
                        (0..16).for_each(|_| altered[random.next_u64() as usize % whole.len()] ^= 1 << (random.next_u64() % 8))
                    }
                }
                let (dataset, nodes, network, labels) = asked_of(&store);
                // In place: what is mapped changes with it.
                fs::write(&path, &altered).unwrap();
                let asked = ask(&[&store], || {
                    drop(Dataset::open(&store).and_then(|dataset| dataset.labelling()));
                    ask_all(&dataset, &labels, network, &nodes)
                });
                match asked {
                    Err(Error::StoreDamaged { section: named, .. }) => {
                        assert_eq!(named, section.name);
                        caught += 1;
                    }
                    Err(other) => panic!("{}: {other}", section.name),
                    Ok(_) => {}
                }
                fs::write(&path, &whole).unwrap();
            }
        }
        assert!(caught > 20, "{caught} questions were led astray");
        let (dataset, nodes, network, labels) = asked_of(&store);
        ask_all(&dataset, &labels, network, &nodes).unwrap();
    }

    /// What is computed from damaged sections would get checksums that agree with it, and replace what it was computed from.
    #[test]
    fn no_damage_is_written_anew() {
        let (folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let of = |name: &str| Store::open(&store).unwrap().file_of(name).unwrap();
        let (counts, more) = (of("graph.counts"), folder.path().join("more.csv"));
        fs::write(&more, "timestamp,account_id,ip\n2026-06-01T00:00:00Z,newcomer,8.8.8.8\n").unwrap();
        let whole = fs::read(&counts).unwrap();
        let mut altered = whole.clone();
        altered[0] ^= 1;
        fs::write(&counts, &altered).unwrap();
        let listed = || {
            let mut names: Vec<PathBuf> = fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.sort();
            names.into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
        };
        let (before, later) = (listed(), folder.path().join("later"));
        let refuses = |change: &dyn Fn() -> Result<(), Error>| {
            let refused = with_large_sections(change).unwrap_err();
            assert!(matches!(&refused, Error::StoreDamaged { section, .. } if section == "graph.counts"), "{refused}");
            assert!(listed() == before && !later.exists(), "{refused}, and something was written");
        };
        let update = || hydralink::update(std::slice::from_ref(&more), &store, &IngestConfig::default(), &Unobserved).map(drop);
        refuses(&update);
        refuses(&|| hydralink::as_of(&store, u32::MAX - 1, &later, &Unobserved).map(drop));
        refuses(&|| hydralink::calibrate(&store, &CalibrateConfig { copies: 1, seed: 1 }, &Unobserved).map(drop));
        refuses(&|| hydralink::consensus(&store, &ConsensusConfig { runs: 1, left_out: 0.1, seed: 1 }, &Unobserved));
        refuses(&|| hydralink::detect(&store, &DetectConfig::default(), &Unobserved).map(drop));
        fs::write(&counts, &whole).unwrap();
        update().unwrap();
    }

    /// Whoever makes a store can make its checksums.
    #[test]
    fn sections_that_do_not_fit_together_are_told_though_their_checksums_agree() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let mut offsets = Store::open(&store).unwrap().column::<u64>("graph.account_offsets").unwrap().to_vec();
        let middle = offsets.len() / 2;
        offsets[middle] = u64::MAX;
        let mut writer = StoreWriter::amend(&store).unwrap();
        writer.put("graph.account_offsets", &offsets).unwrap();
        writer.commit().unwrap();
        let dataset = Dataset::open(&store).unwrap();
        let node = Node::Account(AccountId(middle as u32 - 1));
        let told = ask(&[&store], || drop(query::show(&dataset, None, node).unwrap())).unwrap_err().to_string();
        assert!(told.contains("account_offsets"), "{told}");
    }

    /// A table is written by a thread of its own, and outside of any question.
    #[test]
    fn a_table_that_ends_early_names_the_damage() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let file = Store::open(&store).unwrap().file_of("graph.account_offsets").unwrap();
        let reading = Arc::new(Opened::of(Dataset::open(&store).unwrap()).unwrap());
        let mut altered = fs::read(&file).unwrap();
        let middle = altered.len() / 2;
        altered[middle..middle + 64].fill(0xff);
        fs::write(&file, &altered).unwrap();
        let damage = sightings(&reading, None).unwrap().find_map(Result::err).unwrap().to_string();
        assert!(damage.contains("graph.account_offsets"), "{damage}");
    }

    /// A store, and what it is asked about: the strongest network, some of its members, of everybody and of the identifiers.
    fn asked_of(store: &Path) -> (Dataset, Vec<Node>, usize, Labelling) {
        let dataset = Dataset::open(store).unwrap();
        let labels = dataset.labelling().unwrap();
        let members = labels.members_of(0).into_iter().filter(|(_, how)| *how == Membership::Core).take(3);
        let others = (0..dataset.graph().account_count() as u32).step_by(300).map(AccountId).take(3);
        let identifiers = (0..dataset.graph().identifier_count() as u32).step_by(500).map(Node::identifier).take(6);
        let nodes = members.map(|(account, _)| account).chain(others).map(Node::Account).chain(identifiers).collect();
        (dataset, nodes, 0, labels)
    }
}
