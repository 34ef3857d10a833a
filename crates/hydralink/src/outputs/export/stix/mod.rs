//! A STIX 2.1 bundle: what a threat-intelligence platform takes.
//!
//! | object | stands for |
//! |---|---|
//! | identity | who shares |
//! | marking-definition | TLP 2.0, as OASIS publishes it |
//! | extension-definition | the metrics on networks and indicators; the observable of kinds that STIX has no word for |
//! | infrastructure, grouping | a network, and all that belongs to it |
//! | user-account | an account, under a pseudonym |
//! | ipv4-addr, ipv6-addr, domain-name, autonomous-system, x-hydralink-identifier | an identifier |
//! | indicator, sighting | an identifier worth acting on, and how often it was seen |
//! | relationship | infrastructure consists-of observable; indicator indicates infrastructure |
//!
//! An identifier with benign users is an observable and never an indicator, unless forced (see [`super::share`]). Ids are
//! version 5 UUIDs: of the id-contributing properties for observables (STIX 2.1, section 2.9), of who shares and what for the
//! rest, so a second export of one store updates the objects of the first.
//!
//! *Times.* An export has no clock and no memory of the exports before it, so what it says comes from the store alone. `created` of an id
//! never changes: of a network, and of all that is said of it, it is the day of the last event of the data of the detection that found
//! the network first, which the store keeps through updates, retention and erasure. An indicator is therefore one of a network: if its value goes over
//! to another, that is another indicator. What isn't of a network (a hub that is forced to be one) is as old as the first detection; who
//! shares and the extensions are as old as this form of the bundle. `modified` is the last event of the data where anything that an object
//! says can change, and `created` where nothing can: relationships, who shares, and the extensions. Where no event has a time, when a
//! detection ran, which the store keeps too, stands for the last event of its data: an indicator then holds from the last one on.
//!
//! A `user_id` is never the platform's own, and each `user-account` says so in our extension (`user_id_is`), for a consumer
//! can't see it. With a key it is the pseudonym that other exports with that key have, so that the object stays the
//! account's over all exports. Without, it is the network's id, the day up to which the data goes and a number, strongest
//! evidence first, from which nothing can be computed back: accounts of two days are never merged, though they may be the
//! same ones.
//!
//! Streamed object by object; accounts and identifiers in `observables`. Reference: <https://docs.oasis-open.org/cti/stix/v2.1/stix-v2.1.html>.

mod observables;

use std::collections::HashSet;
use std::io::{self, Write};

use graph::Seconds;
use serde_json::{Value, json};
use uuid::Uuid;

use super::columns::rfc3339;
use super::share::{Sharing, Tlp, percent, shared};
use super::view::ExportGraph;
use crate::privacy::ExportKey;
use crate::results::Network;
use crate::review::Belief;

/// The extension by which OASIS defines TLP 2.0, and the time its markings were made.
const TLP_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
const TLP_CREATED: &str = "2022-10-01T00:00:00.000Z";
/// When who shares and the extensions were first described as they are here.
const DESCRIBED: &str = "2026-01-01T00:00:00.000Z";

/// Writes the bundle. `key` makes the pseudonyms of accounts.
///
/// # Errors
/// Whatever `out` returns.
pub fn write(graph: &ExportGraph<'_>, sharing: &Sharing, key: Option<&ExportKey>, out: &mut impl Write) -> io::Result<()> {
    let names = Ids::new(graph, sharing);
    let mut bundle = Bundle { out, names: &names, first: true };
    write!(bundle.out, "{{\"type\":\"bundle\",\"id\":\"{}\",\"objects\":[", names.of("bundle", &graph.about.selection))?;
    bundle.head(sharing)?;
    let identifiers = shared(graph, sharing);
    let mut observables = HashSet::new();
    let mut belongings: Vec<Vec<String>> = vec![Vec::new(); graph.networks.len()];
    for (((network, belief), at), belonging) in graph.believed().zip(0..).zip(&mut belongings) {
        bundle.network(graph, network, belief, graph.since_of(at), belonging)?;
    }
    bundle.accounts(graph, key, &mut belongings)?;
    for identifier in &identifiers {
        bundle.identifier(graph, identifier, &mut observables, &mut belongings)?;
    }
    for (((network, belief), at), belonging) in graph.believed().zip(0..).zip(&belongings) {
        bundle.grouping(network, belief, graph.since_of(at), belonging)?;
    }
    bundle.out.write_all(b"\n]}\n")
}

/// The published id of a TLP 2.0 marking.
fn marking(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::Clear => "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
        Tlp::Green => "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        Tlp::Amber => "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        Tlp::AmberStrict => "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        Tlp::Red => "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
    }
}

/// Ids and what every object repeats.
struct Ids {
    namespace: Uuid,
    identity: String,
    metrics: String,
    observable: String,
    marking: &'static str,
    now: Seconds,
}

impl Ids {
    fn new(graph: &ExportGraph<'_>, sharing: &Sharing) -> Self {
        let root = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"hydralink:stix");
        let namespace = Uuid::new_v5(&root, sharing.identity.as_bytes());
        let of = |root: &Uuid, kind: &str, name: &str| format!("{kind}--{}", Uuid::new_v5(root, name.as_bytes()));
        Ids {
            namespace,
            identity: of(&namespace, "identity", "identity"),
            metrics: of(&namespace, "extension-definition", "metrics 1.0.0"),
            observable: of(&namespace, "extension-definition", "identifier 1.0.0"),
            marking: marking(sharing.tlp),
            now: graph.about.now(),
        }
    }

    /// The id of an object that is told from others of its type by a name.
    fn of(&self, kind: &str, name: &str) -> String {
        format!("{kind}--{}", Uuid::new_v5(&self.namespace, format!("{kind}|{name}").as_bytes()))
    }
}

/// The bundle in the making.
struct Bundle<'w, W> {
    out: &'w mut W,
    names: &'w Ids,
    first: bool,
}

impl<W: Write> Bundle<'_, W> {
    /// Writes one object.
    fn object(&mut self, object: &Value) -> io::Result<()> {
        self.out.write_all(if self.first { b"\n" } else { b",\n" })?;
        self.first = false;
        serde_json::to_writer(&mut *self.out, object).map_err(io::Error::from)
    }

    /// Writes a domain or relationship object: `object` and what all of them share.
    fn domain_object(&mut self, kind: &str, name: &str, since: Seconds, mut object: Value) -> io::Result<String> {
        let id = self.names.of(kind, name);
        object["type"] = json!(kind);
        object["spec_version"] = json!("2.1");
        object["id"] = json!(id);
        object["created"] = json!(timestamp(since));
        // What a relationship says is in its id. Whoever was forgotten may have been the last of whom anything was seen.
        let modified = if kind == "relationship" { since } else { self.names.now.max(since) };
        object["modified"] = json!(timestamp(modified));
        object["created_by_ref"] = json!(self.names.identity);
        object["object_marking_refs"] = json!([self.names.marking]);
        self.object(&object)?;
        Ok(id)
    }

    fn head(&mut self, sharing: &Sharing) -> io::Result<()> {
        let names = self.names;
        self.object(&json!({
            "type": "marking-definition", "spec_version": "2.1", "id": names.marking, "created": TLP_CREATED,
            "name": format!("TLP:{}", sharing.tlp.name().to_uppercase()),
            "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": sharing.tlp.name()}},
        }))?;
        self.object(&json!({
            "type": "identity", "spec_version": "2.1", "id": names.identity, "created": DESCRIBED, "modified": DESCRIBED,
            "name": sharing.identity, "identity_class": "organization", "object_marking_refs": [names.marking],
        }))?;
        let mut definition = |id: &str, name: &str, what: &str, schema: Value, kind: &str| {
            self.object(&json!({
                "type": "extension-definition", "spec_version": "2.1", "id": id, "created": DESCRIBED, "modified": DESCRIBED,
                "created_by_ref": names.identity, "name": name, "description": what, "schema": schema.to_string(),
                "version": "1.0.0", "extension_types": [kind], "object_marking_refs": [names.marking],
            }))
        };
        let value = json!({"type": ["number", "string", "boolean"]});
        definition(
            &names.metrics,
            "hydralink metrics",
            "Evidence for a network in bits and its benign explanation; members, accounts and benign prevalence of an indicator; \
             role: as what an account belongs to a network, of which only operator_owned is held to be the operator's own; \
             user_id_is: what the user_id of a user-account was made of, which is never the id that its platform knows it by",
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": value}),
            "property-extension",
        )?;
        definition(
            &names.observable,
            "hydralink identifier",
            "An identifier that accounts share and that STIX has no type for: its kind and its value",
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["kind", "value"]}),
            "new-sco",
        )
    }

    fn network(
        &mut self,
        graph: &ExportGraph<'_>,
        network: &Network,
        belief: Belief,
        since: Seconds,
        belonging: &mut Vec<String>,
    ) -> io::Result<()> {
        let mut object = json!({
            "name": format!("{} {}", title(network, belief), network.id),
            "description": describe(network, belief),
            "infrastructure_types": [if network.flagged { "anonymization" } else { "unknown" }],
            "confidence": percent(belief.chance),
            "extensions": {&self.names.metrics: {
                "extension_type": "property-extension",
                "rank": network.rank, "accounts": graph.told(network.accounts), "core": graph.told(network.core),
                "fringe": graph.told(network.fringe), "ambiguous": graph.told(network.ambiguous),
                "exchanges": graph.told(network.events), "score_bits": finite(network.score),
                "benign_hypothesis": network.benign_hypothesis, "benign_bits": finite(network.benign_bits),
                "q_value": network.q_value, "fragility": finite(network.fragility),
            }},
        });
        without_nulls(&mut object);
        for (field, time) in [("first_seen", &network.first_seen), ("last_seen", &network.last_seen)] {
            if let Some(time) = time.as_ref().and_then(|time| time.parse::<jiff::Timestamp>().ok()) {
                object[field] = json!(format!("{time:.3}"));
            }
        }
        belonging.push(self.domain_object("infrastructure", &network.id, since, object)?);
        Ok(())
    }

    fn consists_of(&mut self, network: u32, since: Seconds, object: &str, belongings: &mut [Vec<String>]) -> io::Result<()> {
        let belonging = &mut belongings[network as usize];
        belonging.push(object.to_owned());
        let infrastructure = belonging[0].clone();
        self.relationship(&infrastructure, "consists-of", object, since)
    }

    fn relationship(&mut self, source: &str, kind: &str, target: &str, since: Seconds) -> io::Result<()> {
        let object = json!({"relationship_type": kind, "source_ref": source, "target_ref": target});
        self.domain_object("relationship", &format!("{source}|{kind}|{target}"), since, object).map(|_| ())
    }

    fn grouping(&mut self, network: &Network, belief: Belief, since: Seconds, belonging: &[String]) -> io::Result<()> {
        let object = json!({
            "name": format!("{} {}", title(network, belief), network.id), "description": describe(network, belief),
            "context": "suspicious-activity", "confidence": percent(belief.chance), "object_refs": belonging,
        });
        self.domain_object("grouping", &network.id, since, object).map(|_| ())
    }
}

/// What a network is called by others' tools: one that nothing is held of isn't called a proxy network.
fn title(network: &Network, belief: Belief) -> &'static str {
    match (network.flagged, belief.verdict) {
        (_, Some(false)) => "Harmless group",
        (_, Some(true)) | (true, None) => "Proxy network",
        (false, None) => "Candidate below the threshold",
    }
}

fn describe(network: &Network, belief: Belief) -> String {
    if belief.is_rejected() {
        return format!("{} accounts that people found harmless", network.accounts);
    }
    let held = match (network.flagged, belief.verdict) {
        (_, Some(true)) => "confirmed by people to be run by one operator,",
        (true, _) => "held to be run by one operator,",
        (false, _) => "of a candidate below the threshold, which nothing is held of,",
    };
    let counted = format!("{} accounts {held} with {:.1} bits of evidence", network.accounts, network.score);
    if network.why.is_empty() { counted } else { format!("{counted}: {}", network.why) }
}

fn timestamp(seconds: Seconds) -> String {
    format!("{:.3}", rfc3339(seconds))
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Removes what isn't known: STIX has no null.
fn without_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, field| !field.is_null());
        fields.values_mut().for_each(without_nulls);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::observables::{KEYED, NUMBERED};
    use super::*;
    use crate::export::testing;
    use crate::roles::AccountRole;

    fn bundle(sharing: &Sharing, key: Option<&ExportKey>) -> Vec<Value> {
        let mut out = Vec::new();
        write(&testing::toy(), sharing, key, &mut out).unwrap();
        let bundle: Value = serde_json::from_slice(&out).unwrap();
        bundle["objects"].as_array().unwrap().clone()
    }

    fn of_type<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
        objects.iter().filter(|object| object["type"] == kind).collect()
    }

    #[test]
    fn hubs_are_indicators_only_when_forced() {
        let names = |objects: &[Value]| -> Vec<String> {
            of_type(objects, "indicator").iter().map(|object| object["name"].as_str().unwrap().to_owned()).collect()
        };
        let polite = bundle(&Sharing::default(), None);
        assert_eq!(names(&polite), ["ip 198.51.100.7", "ip 2001:db8:1:2::/64", "payment_instrument card & \"co\" 'x'"]);
        assert!(!polite.iter().any(|object| object["value"] == "192.0.2.1"));
        let forced = bundle(&Sharing { force_hub: true, ..Sharing::default() }, None);
        assert!(names(&forced).contains(&"ip 192.0.2.1".to_owned()));
    }

    #[test]
    fn patterns_escape_and_times_are_in_order() {
        let objects = bundle(&Sharing::default(), None);
        let indicators = of_type(&objects, "indicator");
        assert_eq!(indicators[1]["pattern"], "[ipv6-addr:value ISSUBSET '2001:db8:1:2::/64']");
        assert!(indicators[2]["pattern"].as_str().unwrap().ends_with(":value = 'card & \"co\" \\'x\\'']"));
        for indicator in indicators {
            assert!(indicator["valid_from"].as_str() < indicator["valid_until"].as_str());
        }
    }

    #[test]
    fn every_reference_is_in_the_bundle_and_ids_are_unique() {
        let objects = bundle(&Sharing::default(), Some(&ExportKey([1; 32])));
        let ids: HashSet<&str> = objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), objects.len());
        for object in &objects {
            for field in ["source_ref", "target_ref", "created_by_ref", "sighting_of_ref"] {
                assert!(object[field].as_str().is_none_or(|reference| ids.contains(reference)), "{field} of {object}");
            }
            for reference in object["object_refs"].as_array().into_iter().flatten() {
                assert!(ids.contains(reference.as_str().unwrap()));
            }
        }
    }

    #[test]
    fn accounts_are_pseudonyms_with_and_without_a_key() {
        for key in [None, Some(&ExportKey([1; 32]))] {
            let objects = bundle(&Sharing::default(), key);
            let users = of_type(&objects, "user-account");
            assert_eq!(users.len(), 4);
            let text = serde_json::to_string(&objects).unwrap();
            assert!(!text.contains("acc-1") && !text.contains("1002\""));
            // Whoever reads the bundle can't see that ids were made up, so that it says so.
            let said = if key.is_some() { KEYED } else { NUMBERED };
            let extensions = |user: &Value| user["extensions"].as_object().unwrap().values().next().unwrap().clone();
            assert!(users.iter().all(|user| extensions(user)["user_id_is"] == said), "{users:?}");
            let definitions = of_type(&objects, "extension-definition");
            assert!(definitions.iter().any(|one| one["description"].as_str().unwrap().contains("user_id_is")));
        }
        // Numbers are given anew in every detection: another day's account must not take the place of this one's.
        let ids_at = |as_of: Seconds| {
            let (mut graph, mut out) = (testing::toy(), Vec::new());
            graph.about.as_of = as_of;
            write(&graph, &Sharing::default(), None, &mut out).unwrap();
            let bundle: Value = serde_json::from_slice(&out).unwrap();
            let users = bundle["objects"].as_array().unwrap().iter().filter(|object| object["type"] == "user-account");
            users.map(|user| user["id"].as_str().unwrap().to_owned()).collect::<HashSet<String>>()
        };
        assert_eq!(ids_at(1_767_225_600), ids_at(1_767_225_601));
        assert!(ids_at(1_767_225_600).is_disjoint(&ids_at(1_767_225_600 + 86_400)));
    }

    /// It was a pseudonym of a pseudonym, so that no two files of one key said the same of an account.
    #[test]
    fn a_pseudonym_stays_the_one_that_it_is() {
        let (mut graph, mut out) = (testing::toy(), Vec::new());
        graph.about.redacted = true;
        write(&graph, &Sharing::default(), Some(&ExportKey([1; 32])), &mut out).unwrap();
        let bundle: Value = serde_json::from_slice(&out).unwrap();
        let shown: HashSet<&str> = graph.nodes.iter().map(|node| &*node.value).collect();
        let users = of_type(bundle["objects"].as_array().unwrap(), "user-account");
        assert!(!users.is_empty() && users.iter().all(|user| shown.contains(user["user_id"].as_str().unwrap())));
    }

    #[test]
    fn an_account_is_told_as_what_it_belongs() {
        let (mut graph, mut out) = (testing::toy(), Vec::new());
        graph.nodes.iter_mut().filter(|node| node.membership.is_some()).for_each(|node| {
            node.role = Some(AccountRole::PossiblyTakenOver);
        });
        write(&graph, &Sharing::default(), None, &mut out).unwrap();
        let bundle: Value = serde_json::from_slice(&out).unwrap();
        let users = of_type(bundle["objects"].as_array().unwrap(), "user-account");
        let role = |user: &Value| user["extensions"].as_object().unwrap().values().next().unwrap()["role"].clone();
        assert!(!users.is_empty() && users.iter().all(|user| role(user) == "possibly_taken_over"), "{users:?}");
    }

    #[test]
    fn an_id_is_as_old_in_every_export() {
        let of = |change: fn(&mut ExportGraph<'_>)| {
            let (mut graph, mut out) = (testing::toy(), Vec::new());
            change(&mut graph);
            write(&graph, &Sharing { force_hub: true, ..Sharing::default() }, Some(&ExportKey([1; 32])), &mut out).unwrap();
            let bundle: Value = serde_json::from_slice(&out).unwrap();
            let objects = bundle["objects"].as_array().unwrap().clone();
            let dated = objects.into_iter().filter(|object| object["modified"].is_string());
            dated.map(|object| (object["id"].as_str().unwrap().to_owned(), object)).collect::<HashMap<String, Value>>()
        };
        let first = of(|_| ());
        let later = of(|graph| {
            graph.about.as_of += 30 * 86_400;
            // A retention has cut what had begun.
            graph
                .edges
                .iter_mut()
                .for_each(|edge| (edge.first_seen, edge.last_seen) = (edge.first_seen + 86_400, edge.last_seen + 90_000));
        });
        assert_eq!(first.len(), later.len());
        for (id, object) in &first {
            assert_eq!(object["created"], later[id]["created"], "{id}");
            assert!(object["created"].as_str() <= object["modified"].as_str(), "{object}");
            let moves = ["infrastructure", "grouping", "indicator", "sighting"].contains(&object["type"].as_str().unwrap());
            assert_eq!(object["modified"] != later[id]["modified"], moves, "{id}");
            assert!(moves || *object == later[id], "{id}");
        }
        let created = |kind: &str| -> Vec<&str> {
            let of_kind = first.values().filter(|object| object["type"] == kind);
            of_kind.map(|object| object["created"].as_str().unwrap()).collect()
        };
        assert!(
            ["infrastructure", "grouping"].into_iter().flat_map(created).all(|created| created == "2026-01-06T00:00:00.000Z")
        );
        // A hub is no network's.
        assert!(created("indicator").contains(&"2026-01-03T00:00:00.000Z"));
        // What another network has is another indicator.
        let other = of(|graph| (graph.networks[0].id, graph.since[0]) = ("PN-00000001".to_owned(), testing::JANUARY));
        let of_networks = |objects: &HashMap<String, Value>| -> HashSet<String> {
            let of_network =
                |object: &&Value| object["type"] == "indicator" && !object["name"].as_str().unwrap().contains("192.0.2.1");
            objects.values().filter(of_network).map(|object| object["id"].as_str().unwrap().to_owned()).collect()
        };
        assert!(of_networks(&other).is_disjoint(&of_networks(&first)) && !of_networks(&first).is_empty());
    }

    #[test]
    fn the_same_store_gives_the_same_bundle() {
        assert_eq!(bundle(&Sharing::default(), None), bundle(&Sharing::default(), None));
        let other = Sharing { identity: "another".to_owned(), ..Sharing::default() };
        assert_ne!(
            of_type(&bundle(&other, None), "indicator")[0]["id"],
            of_type(&bundle(&Sharing::default(), None), "indicator")[0]["id"]
        );
    }
}
