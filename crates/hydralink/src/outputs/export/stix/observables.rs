//! How are accounts and identifiers told: as observables, and what of them as indicators that were seen?

use std::collections::HashSet;
use std::io::{self, Write};

use graph::NO_TIME;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::ExportNode;
use super::super::columns::rfc3339;
use super::super::naming::pseudonym;
use super::super::share::{Observable, Shared, confidence_in};
use super::super::view::{ACCOUNT, ExportGraph};
use super::{Bundle, finite, timestamp, without_nulls};
use crate::privacy::ExportKey;
use crate::results::Membership;
use crate::roles::AccountRole;

/// The namespace of observables' ids, fixed by the specification.
const OBSERVABLES: Uuid = Uuid::from_u128(0x00abedb4_aa42_466c_9c01_fed23315a9b7);
/// The largest count that a sighting can state.
const MOST_SIGHTINGS: u64 = 999_999_999;
/// What a user id was made of.
pub(super) const KEYED: &str = "a keyed pseudonym, the same in every export with this key";
pub(super) const NUMBERED: &str = "made up for this export: the network, the day up to which the data goes, and a number";
/// The type of identifiers that STIX has no word for.
const IDENTIFIER: &str = "x-hydralink-identifier";

impl<W: Write> Bundle<'_, W> {
    pub(super) fn accounts(
        &mut self,
        graph: &ExportGraph<'_>,
        key: Option<&ExportKey>,
        belongings: &mut [Vec<String>],
    ) -> io::Result<()> {
        // An account that people found harmless is nobody's to be told of.
        let accounts = graph.nodes.iter().filter(|node| node.kind == ACCOUNT && node.membership.is_some() && !node.known_good);
        let mut order: Vec<_> = accounts.filter_map(|node| Some((node.network?, node))).collect();
        // Stable: accounts with the same evidence keep the order of the graph.
        order.sort_by(|(a, left), (b, right)| {
            let bits = |node: &ExportNode<'_>| node.evidence_bits.unwrap_or(f32::NEG_INFINITY);
            a.cmp(b).then_with(|| bits(right).total_cmp(&bits(left)))
        });
        let user_id_is = if key.is_some() { KEYED } else { NUMBERED };
        let day = match graph.about.now() {
            NO_TIME => String::new(),
            seconds => format!("-{}", &rfc3339(seconds).to_string()[..10]),
        };
        let mut number = 0;
        for (at, &(network, node)) in order.iter().enumerate() {
            number = if at > 0 && order[at - 1].0 == network { number + 1 } else { 1 };
            let Some(found) = graph.networks.get(network as usize) else { continue };
            let user = match key {
                Some(_) if graph.about.redacted => node.value.clone().into_owned(),
                Some(key) => pseudonym(key, "account", &node.value),
                None => format!("{}{day}-{number:05}", found.id),
            };
            let id = observable_id("user-account", &json!({"user_id": user}));
            let mut object = json!({
                "type": "user-account", "spec_version": "2.1", "id": id, "user_id": user,
                "object_marking_refs": [self.names.marking],
                "extensions": {&self.names.metrics: {
                    "extension_type": "property-extension",
                    "user_id_is": user_id_is,
                    "membership": node.shown_membership().map(Membership::name),
                    "role": node.shown_role().map(AccountRole::name),
                    "membership_confidence": node.confidence.and_then(|value| finite(f64::from(value))),
                    "evidence_bits": node.evidence_bits.and_then(|value| finite(f64::from(value))),
                }},
            });
            if node.shown_banned {
                object["is_disabled"] = json!(true);
            }
            without_nulls(&mut object);
            self.object(&object)?;
            self.consists_of(network, graph.since_of(network), &id, belongings)?;
        }
        Ok(())
    }

    pub(super) fn identifier(
        &mut self,
        graph: &ExportGraph<'_>,
        identifier: &Shared<'_>,
        written: &mut HashSet<String>,
        belongings: &mut [Vec<String>],
    ) -> io::Result<()> {
        if identifier.hub && !identifier.blockable {
            return Ok(());
        }
        let (id, object, pattern) = self.observable(identifier);
        if written.insert(id.clone()) {
            self.object(&object)?;
        }
        // Two kinds may have one value, and two values one meaning.
        if let Some(network) = identifier.network.filter(|network| written.insert(format!("{network} {id}"))) {
            self.consists_of(network, graph.since_of(network), &id, belongings)?;
        }
        if !identifier.blockable {
            return Ok(());
        }
        let network = identifier.network.and_then(|network| graph.networks.get(network as usize));
        let from = if identifier.first_seen == NO_TIME { identifier.known_at } else { identifier.first_seen };
        // Of a network: what it says is of that one, and as old.
        let since = identifier.network.map_or(graph.about.since, |network| graph.since_of(network));
        let of = network.map_or("", |network| network.id.as_str());
        let name = format!("{}|{}|{of}", identifier.kind, identifier.value);
        let mut object = json!({
            "name": format!("{} {}", identifier.kind, identifier.value),
            "description": format!(
                "{} accounts seen with it are members{}",
                identifier.members_of_accounts(),
                network.map_or(String::new(), |network| format!(" of {}", network.id))
            ),
            "indicator_types": [if network.is_some_and(|network| network.flagged) { "anonymization" } else { "unknown" }],
            "pattern": pattern, "pattern_type": "stix",
            "valid_from": timestamp(from), "valid_until": timestamp(identifier.valid_until()),
            "confidence": confidence_in(graph, identifier),
            "extensions": {&self.names.metrics: {
                "extension_type": "property-extension",
                "class": identifier.class, "members": identifier.members_told.then_some(identifier.members),
                "accounts": identifier.accounts, "benign_prevalence": identifier.shown_prevalence(), "shared_hub": identifier.hub,
            }},
        });
        without_nulls(&mut object);
        let indicator = self.domain_object("indicator", &name, since, object)?;
        if identifier.count > 0 {
            let mut sighting = json!({"sighting_of_ref": indicator});
            if let Some(count) = graph.told(identifier.count) {
                sighting["count"] = json!(count.min(MOST_SIGHTINGS));
            }
            if identifier.first_seen != NO_TIME {
                sighting["first_seen"] = json!(timestamp(identifier.first_seen));
                sighting["last_seen"] = json!(timestamp(identifier.last_seen));
            }
            sighting["where_sighted_refs"] = json!([self.names.identity]);
            self.domain_object("sighting", &name, since, sighting)?;
        }
        if let Some(network) = identifier.network {
            let infrastructure = belongings[network as usize][0].clone();
            self.relationship(&indicator, "indicates", &infrastructure, since)?;
            belongings[network as usize].push(indicator);
        }
        Ok(())
    }

    /// Id, object and indicator pattern of an identifier.
    fn observable(&self, identifier: &Shared<'_>) -> (String, Value, String) {
        let (kind, contributing) = match identifier.observable() {
            Observable::Ipv4(value) => ("ipv4-addr", json!({"value": value})),
            Observable::Ipv6(value) => ("ipv6-addr", json!({"value": value})),
            Observable::Domain(value) => ("domain-name", json!({"value": value})),
            Observable::System(number) => ("autonomous-system", json!({"number": number})),
            Observable::Other => (IDENTIFIER, json!({"kind": identifier.kind, "value": identifier.value})),
        };
        let pattern = match identifier.observable() {
            Observable::System(number) => format!("[autonomous-system:number = {number}]"),
            Observable::Other => {
                format!(
                    "[{IDENTIFIER}:kind = {} AND {IDENTIFIER}:value = {}]",
                    quoted(identifier.kind),
                    quoted(identifier.value)
                )
            }
            Observable::Ipv4(_) | Observable::Ipv6(_) if identifier.value.contains('/') => {
                format!("[{kind}:value ISSUBSET {}]", quoted(identifier.value))
            }
            _ => format!("[{kind}:value = {}]", quoted(identifier.value)),
        };
        let id = observable_id(kind, &contributing);
        let mut object = contributing;
        object["type"] = json!(kind);
        object["spec_version"] = json!("2.1");
        object["id"] = json!(id);
        object["object_marking_refs"] = json!([self.names.marking]);
        if kind == IDENTIFIER {
            object["extensions"] = json!({&self.names.observable: {"extension_type": "new-sco"}});
        }
        (id, object, pattern)
    }
}

/// A version 5 UUID of the id-contributing properties as canonical JSON; they are listed in ascending order of their names.
fn observable_id(kind: &str, contributing: &Value) -> String {
    format!("{kind}--{}", Uuid::new_v5(&OBSERVABLES, contributing.to_string().as_bytes()))
}

/// A string in a STIX pattern.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observables_have_the_ids_that_the_specification_computes() {
        // As the OASIS library computes them (the ids in the examples of the specification are not computed).
        let expected = "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4";
        assert_eq!(observable_id("ipv4-addr", &json!({"value": "198.51.100.3"})), expected);
    }
}
