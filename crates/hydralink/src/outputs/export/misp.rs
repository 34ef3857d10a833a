//! A MISP event: a tag for who may see it, and an attribute an identifier.
//!
//! `to_ids` is true only for what may be blocked ([`super::share`]): shared addresses, popular templates and suppressed hubs
//! are there as context, with `to_ids: false` and their benign prevalence in the comment. Accounts are counted, not named.
//!
//! Ids are version 5 UUIDs of who shares and what: of the event which networks were chosen, or which kind of them is exported,
//! whatever was found, so that the next night's export is a later version of it; of an attribute the event and what it names.
//! `date` is the day up to which the data of the first detection on record went, and stays; `timestamp`, by which MISP tells a
//! later version from an earlier one, is the last event. Where no event has a time, when the first and the last detection ran
//! stand for them. Reference: <https://www.misp-standard.org/rfc/misp-standard-core.html>.

use std::io::{self, Write};

use graph::{NO_TIME, Seconds};
use serde_json::{Value, json};
use uuid::Uuid;

use super::columns::rfc3339;
use super::share::{Observable, Shared, Sharing, confidence, percent, shared};
use super::view::ExportGraph;
use crate::results::Network;
use crate::review::Belief;

/// Writes the event.
///
/// # Errors
/// Whatever `out` returns.
pub fn write(graph: &ExportGraph<'_>, sharing: &Sharing, out: &mut impl Write) -> io::Result<()> {
    let root = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"hydralink:misp");
    let namespace = Uuid::new_v5(&root, sharing.identity.as_bytes());
    let now = graph.about.now().to_string();
    let id = |name: &str| Uuid::new_v5(&namespace, name.as_bytes()).to_string();
    let identifiers = shared(graph, sharing);
    let selection = format!("event|{}", graph.about.selection_id);
    let event = json!({
        "uuid": id(&selection),
        "info": format!("hydralink: {}", graph.about.selection),
        "date": rfc3339(graph.about.since).strftime("%Y-%m-%d").to_string(),
        "timestamp": now,
        "published": false, "analysis": "1", "threat_level_id": "2", "distribution": "0",
        "Orgc": {"uuid": id("organisation"), "name": sharing.identity},
        "Tag": [{"name": format!("tlp:{}", sharing.tlp.name())}],
    });
    // The event's fields come first, then the attributes one by one.
    let head = event.to_string();
    out.write_all(b"{\"Event\":")?;
    out.write_all(&head.as_bytes()[..head.len() - 1])?;
    out.write_all(b",\"Attribute\":[")?;
    let mut first = true;
    let mut attribute = |object: Value| -> io::Result<()> {
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        serde_json::to_writer(&mut *out, &object).map_err(io::Error::from)
    };
    for (network, belief) in graph.believed() {
        attribute(json!({
            "uuid": id(&format!("{selection}|network|{}", network.id)), "type": "text", "category": "Internal reference",
            "value": network.id, "to_ids": false, "disable_correlation": false, "distribution": "5",
            "timestamp": now, "comment": describe(network, belief),
        }))?;
    }
    for identifier in &identifiers {
        attribute(attribute_of(graph, identifier, id(&format!("{selection}|{}|{}", identifier.kind, identifier.value))))?;
    }
    out.write_all(b"\n]}}\n")
}

fn attribute_of(graph: &ExportGraph<'_>, identifier: &Shared<'_>, id: String) -> Value {
    let (kind, category, value) = match identifier.observable() {
        Observable::Ipv4(value) | Observable::Ipv6(value) => ("ip-src", "Network activity", value.into_owned()),
        Observable::Domain(value) => ("domain", "Network activity", value.to_owned()),
        Observable::System(number) => ("AS", "Network activity", format!("AS{number}")),
        Observable::Other => ("text", "Other", format!("{}:{}", identifier.kind, identifier.value)),
    };
    // Free text matches nothing in a sensor, so it is never marked for one.
    let to_ids = identifier.blockable && kind != "text";
    let mut object = json!({
        "uuid": id, "type": kind, "category": category, "value": value, "to_ids": to_ids,
        "disable_correlation": identifier.hub, "distribution": "5", "timestamp": graph.about.now().to_string(),
        "comment": comment(graph, identifier),
    });
    if !identifier.hub && identifier.first_seen != NO_TIME {
        object["first_seen"] = json!(micros(identifier.first_seen));
        object["last_seen"] = json!(micros(identifier.last_seen));
    }
    object
}

fn comment(graph: &ExportGraph<'_>, identifier: &Shared<'_>) -> String {
    let class = identifier.class.map_or(String::new(), |class| format!("{class}; "));
    let network = identifier.network.and_then(|network| graph.networks.get(network as usize));
    let network = network
        .map_or(String::new(), |network| format!("{} (confidence {}); ", network.id, confidence(graph, identifier.network)));
    let end = if identifier.hub {
        String::new()
    } else {
        format!("; valid until {}", rfc3339(identifier.valid_until()).strftime("%Y-%m-%d"))
    };
    let prevalence = identifier.shown_prevalence().map_or(String::new(), |share| format!(", benign prevalence {share:.3}"));
    format!("{network}{class}{} accounts are members{prevalence}{end}", identifier.members_of_accounts())
}

fn describe(network: &Network, belief: Belief) -> String {
    if belief.is_rejected() {
        return format!("{} accounts that people found harmless", network.accounts);
    }
    let why = if network.why.is_empty() { String::new() } else { format!(": {}", network.why) };
    format!("{} accounts, {:.1} bits, confidence {}{why}", network.accounts, network.score, percent(belief.chance))
}

fn micros(seconds: Seconds) -> String {
    rfc3339(seconds).strftime("%Y-%m-%dT%H:%M:%S.000000+00:00").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    fn attributes(sharing: &Sharing) -> Vec<Value> {
        let mut out = Vec::new();
        write(&testing::toy(), sharing, &mut out).unwrap();
        let event: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(event["Event"]["Tag"][0]["name"], "tlp:amber");
        event["Event"]["Attribute"].as_array().unwrap().clone()
    }

    #[test]
    fn shared_addresses_are_context() {
        let marked = |attributes: &[Value]| -> Vec<(String, bool)> {
            let mark = |attribute: &Value| (attribute["value"].as_str().unwrap().to_owned(), attribute["to_ids"] == true);
            attributes.iter().filter(|attribute| attribute["type"] == "ip-src").map(mark).collect()
        };
        let hub = |to_ids| ("192.0.2.1".to_owned(), to_ids);
        let polite = marked(&attributes(&Sharing::default()));
        assert_eq!(polite, [("198.51.100.7".to_owned(), true), ("2001:db8:1:2::/64".to_owned(), true), hub(false)]);
        assert_eq!(marked(&attributes(&Sharing { force_hub: true, ..Sharing::default() }))[2], hub(true));
    }

    #[test]
    fn an_event_keeps_its_date() {
        let event = |as_of: Seconds| {
            let (mut graph, mut out) = (testing::toy(), Vec::new());
            graph.about.as_of = as_of;
            write(&graph, &Sharing::default(), &mut out).unwrap();
            let event: Value = serde_json::from_slice(&out).unwrap();
            ["uuid", "date", "timestamp"].map(|field| event["Event"][field].as_str().unwrap().to_owned())
        };
        let [first, later] = [1, 40].map(|day| event(testing::JANUARY + day * 86_400));
        assert_eq!((&first[..2], first[1].as_str()), (&later[..2], "2026-01-03"));
        assert_ne!(first[2], later[2]);
    }

    /// Two networks were two versions of one event, and one selection another event whenever a count in it changed.
    #[test]
    fn a_selection_is_one_event_and_no_other_s() {
        let ids = |selection: &str, words: &str| {
            let (mut graph, mut out) = (testing::toy(), Vec::new());
            (graph.about.selection_id, graph.about.selection) = (selection.to_owned(), words.to_owned());
            write(&graph, &Sharing::default(), &mut out).unwrap();
            let event: Value = serde_json::from_slice(&out).unwrap();
            let attributes = event["Event"]["Attribute"].as_array().unwrap().clone();
            let ids = attributes.iter().map(|attribute| attribute["uuid"].to_string());
            std::iter::once(event["Event"]["uuid"].to_string()).chain(ids).collect::<Vec<String>>()
        };
        let [one, other] = ["chosen networks PN-1", "chosen networks PN-2"].map(|selection| ids(selection, "1 network"));
        assert!(one.iter().all(|id| !other.contains(id)));
        assert_eq!(ids("flagged networks", "flagged networks: 3"), ids("flagged networks", "flagged networks: 4"));
    }

    #[test]
    fn no_account_is_named_and_no_id_is_used_twice() {
        let attributes = attributes(&Sharing::default());
        let ids: std::collections::HashSet<&str> = attributes.iter().map(|object| object["uuid"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), attributes.len());
        assert!(!serde_json::to_string(&attributes).unwrap().contains("acc-1"));
    }
}
