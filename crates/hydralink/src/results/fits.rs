//! Whether labels, and the numbers of nodes and networks, are those of the store that is asked: an update gives the numbers of
//! accounts and identifiers to others, and an answer by old ones would name people who have nothing to do with it.

use crate::counted::counted;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::{Labelling, Network};
use crate::store::quoted;

impl Labelling {
    /// Refuses what isn't about these facts: numbers of accounts and identifiers would be those of others.
    pub(crate) fn check_of(&self, dataset: &Dataset) -> Result<(), Error> {
        match self.facts.is_none_or(|facts| facts == dataset.facts_mark()) {
            true => Ok(()),
            false => Err(Error::Usage(format!(
                "the labels aren't those of {}: they are of another store, or of it before an update; take Dataset::labelling of the \
                 same dataset",
                quoted(dataset.path())
            ))),
        }
    }

    /// Refuses a number that no network has, and labels of other facts.
    pub(crate) fn check_network(&self, dataset: &Dataset, network: usize) -> Result<(), Error> {
        self.check_of(dataset)?;
        self.check_number(network)
    }

    /// Refuses a network that isn't the one of its place, and labels of other facts.
    pub(crate) fn check_card(&self, dataset: &Dataset, network: &Network) -> Result<(), Error> {
        self.check_of(dataset)?;
        let Network { id, accounts, .. } = network;
        let own = self.heads.get(network.index()).is_some_and(|head| head.id == *id && head.accounts == *accounts);
        own.then_some(()).ok_or_else(|| {
            Error::Usage(format!(
                "{id} isn't as these labels have it: it is of another detection; take Labelling::network of them"
            ))
        })
    }

    /// Refuses a number that no network has.
    pub(super) fn check_number(&self, network: usize) -> Result<(), Error> {
        let hint = match self.heads.len() {
            found if network < found => return Ok(()),
            0 => "; the detection found none".to_owned(),
            found => format!("; the detection found {}, numbered from 0", counted(found as u64, "network")),
        };
        Err(Error::Unknown { what: format!("network number {network}"), hint, nearest: Vec::new() })
    }
}

impl Dataset {
    /// Refuses labels of other facts, and nodes that the store doesn't have.
    pub(crate) fn check(&self, labels: Option<&Labelling>, nodes: impl IntoIterator<Item = Node>) -> Result<(), Error> {
        labels.map_or(Ok(()), |labels| labels.check_of(self))?;
        nodes.into_iter().try_for_each(|node| self.check_node(node))
    }

    fn check_node(&self, node: Node) -> Result<(), Error> {
        let graph = self.graph();
        let (noun, number, count) = match node {
            Node::Account(account) => ("account", account.index(), graph.account_count()),
            Node::Identifier(identifier) => ("identifier", identifier.index(), graph.identifier_count()),
        };
        if number < count {
            return Ok(());
        }
        let hint = format!("; the store has {}, numbered from 0", counted(count as u64, noun));
        Err(Error::Unknown { what: format!("{noun} number {number}"), hint, nearest: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::bans::{self, PlanConfig};
    use crate::export::{ExportConfig, ExportGraph};
    use crate::top::{By, top};
    use crate::{self as hydralink, AccountId, IdentifierId, IngestConfig, Unobserved};
    use crate::{
        appeal, assess, cases, cohesion, dense, dossier, expand, history, how, layers, links, lockstep, paths, query, review,
        significance, ties, why_not,
    };

    const NO: Node = Node::Account(AccountId(u32::MAX));

    fn told<T>(answer: Result<T, Error>) -> String {
        answer.err().map_or_else(|| "an answer".to_owned(), |error| error.to_string())
    }

    #[test]
    fn labels_of_before_an_update_answer_nothing() {
        let (folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let before = Dataset::open(&store).unwrap();
        let results = before.results().unwrap();
        let (labels, card) = (results.labelling(), results.networks[0].clone());
        let more = folder.path().join("more.csv");
        // First in the order of names: all others have other numbers from here on.
        fs::write(&more, "timestamp,account_id,ip\n2026-06-01T00:00:00Z,!,8.8.8.8\n").unwrap();
        hydralink::update(&[more], &store, &IngestConfig::default(), &Unobserved).unwrap();
        let dataset = Dataset::open(&store).unwrap();
        let accounts = [AccountId(0), AccountId(1)];
        let [first, second] = accounts;
        let [node, other] = accounts.map(Node::Account);
        let ties = ties::Ties::of(&before, labels).unwrap();
        let cases = dataset.cases().unwrap();
        let answers = [
            told(query::show(&dataset, Some(labels), node)),
            told(query::neighbors(&dataset, Some(labels), node)),
            told(query::hubs(&dataset, labels, None).map(drop)),
            told(query::members(&dataset, labels, Some(0)).map(drop)),
            told(query::members(&dataset, labels, None).map(drop)),
            told(links::ego(&dataset, Some(labels), node, 1, 5, 5)),
            told(links::why(&dataset, labels, first, second)),
            told(links::common(&dataset, Some(&ties), first, second)),
            told(links::overlap(&dataset, labels, 0, 1)),
            told(paths::paths(&dataset, Some(&ties), node, other, 1)),
            told(why_not::why_not(&dataset, labels, first, second)),
            told(why_not::why_not_member(&dataset, labels, first, "1")),
            told(significance::significance(&dataset, labels, first, second)),
            told(significance::significance_in_network(&dataset, labels, first, 0)),
            told(appeal::appeal(&dataset, labels, first)),
            told(assess::assess(&dataset, labels, &accounts)),
            told(expand::expand(&dataset, labels, &accounts, &[])),
            told(top(&dataset, Some(labels), By::Degree, None).map(drop)),
            told(how::how(&dataset, labels, 0)),
            told(cohesion::cohesion(&dataset, labels, 0, 2, 2)),
            told(dense::dense_blocks(&dataset, Some(labels), 1)),
            told(lockstep::lockstep(&dataset, Some(labels), "ip", &lockstep::LockstepConfig::default())),
            told(layers::layers(&dataset, &results, &layers::LayersConfig::default())),
            told(dossier::dossier(&dataset, labels, &card)),
            told(labels.tying_identifiers(&dataset, &card)),
            told(labels.network(&dataset, 0)),
            told(bans::plan_bans(&dataset, labels, &card, &PlanConfig::default())),
            told(bans::impact(&dataset, labels, &[node], true)),
            told(review::review(&dataset, labels, &review::ReviewConfig::default())),
            told(cases::label_networks(&dataset, labels, vec![card.clone()], &cases)),
            told(cases::label_members(&dataset, labels, &cases, None, true).map(drop)),
            told(cases::list_accounts(&dataset, Some(labels), &accounts)),
            told(ExportGraph::from_dataset(&dataset, labels, &ExportConfig::default()).map(drop)),
            told(history::diff::diff((&before, &results), (&dataset, &results))),
        ];
        for (at, answer) in answers.iter().enumerate() {
            assert!(answer.contains("the labels aren't those of"), "question {at}: {answer}");
        }
        // Of the facts that they are of, they answer.
        assert_eq!(dossier::dossier(&before, labels, &card).unwrap().network.id, card.id);
    }

    #[test]
    fn a_network_of_another_detection_is_refused() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let results = Dataset::open(&store).unwrap().results().unwrap();
        let card = results.networks[0].clone();
        let dataset = Dataset::open(&store).unwrap();
        let labels = dataset.labelling().unwrap();
        let other = Network { rank: 2, ..card };
        let answer = told(dossier::dossier(&dataset, &labels, &other));
        assert!(answer.contains("of another detection"), "{answer}");
    }

    #[test]
    fn numbers_that_no_node_has_are_refused() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let dataset = Dataset::open(&store).unwrap();
        let labels = dataset.labelling().unwrap();
        let (account, none) = (AccountId(0), AccountId(u32::MAX));
        let nowhere = IdentifierId(u32::MAX);
        let answers = [
            told(query::show(&dataset, Some(&labels), NO)),
            told(query::show(&dataset, None, Node::Identifier(nowhere))),
            told(query::nearest(&dataset, None, NO, None, 1).map(drop)),
            told(links::ego(&dataset, None, NO, 1, 5, 5)),
            told(links::why(&dataset, &labels, account, none)),
            told(links::common(&dataset, None, account, none)),
            told(links::common_accounts(&dataset, IdentifierId(0), nowhere)),
            told(paths::paths(&dataset, None, Node::Account(account), NO, 1)),
            told(why_not::why_not(&dataset, &labels, account, none)),
            told(why_not::why_not_member(&dataset, &labels, none, "1")),
            told(significance::significance(&dataset, &labels, account, none)),
            told(significance::significance_in_network(&dataset, &labels, none, 0)),
            told(appeal::appeal(&dataset, &labels, none)),
            told(assess::assess(&dataset, &labels, &[account, none])),
            told(expand::expand(&dataset, &labels, &[none], &[])),
            told(bans::impact(&dataset, &labels, &[NO], true)),
            told(cases::list_accounts(&dataset, Some(&labels), &[none])),
            told(cases::list_accounts(&dataset, None, &[none])),
        ];
        for (at, answer) in answers.iter().enumerate() {
            assert!(answer.contains("number 4294967295"), "question {at}: {answer}");
        }
        assert!(told(query::members(&dataset, &labels, Some(1000)).map(drop)).contains("network number 1000"));
    }
}
