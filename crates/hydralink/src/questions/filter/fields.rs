//! What can be asked of a row: the fields of each list, and the language. Help and documents are written from here.

/// Fields of a row of `hubs` and `top`, beside `degree`.
pub const HUB_FIELDS: &[&str] = &[
    "identifier",
    "kind",
    "accounts",
    "exchanges",
    "class",
    "policy",
    "reason",
    "spread_days",
    "first_seen",
    "last_seen",
    "degree",
];
/// Fields of a row of `members`.
pub const MEMBER_FIELDS: &[&str] = &[
    "account_id",
    "component",
    "community",
    "network",
    "membership",
    "confidence",
    "evidence_bits",
    "candidate",
    "consensus",
    "role",
    "label",
];
/// Fields of a row of `networks`.
pub const NETWORK_FIELDS: &[&str] = &[
    "id",
    "rank",
    "accounts",
    "core",
    "fringe",
    "ambiguous",
    "identifiers_by_kind",
    "events",
    "first_seen",
    "last_seen",
    "score",
    "q_value",
    "q_harmless",
    "stability",
    "flagged",
    "benign_hypothesis",
    "benign_bits",
    "why",
    "signals",
    "suppressed_sightings",
    "fragility",
    "state",
    "confirmed",
];
/// Fields of a row of `neighbors`.
pub const NEIGHBOR_FIELDS: &[&str] =
    &["of", "node", "exchanges", "first_seen", "last_seen", "degree", "bits", "class", "network"];
/// Fields of a row of `top`.
pub const TOP_FIELDS: &[&str] =
    &["node", "kind", "degree", "accounts", "exchanges", "bits", "class", "network", "first_seen", "last_seen"];

/// The commands that take an expression, and the fields of their rows.
pub const LISTS: &[(&str, &[&str])] = &[
    ("networks", NETWORK_FIELDS),
    ("members", MEMBER_FIELDS),
    ("neighbors", NEIGHBOR_FIELDS),
    ("hubs", HUB_FIELDS),
    ("top", TOP_FIELDS),
];

/// Fields that are times.
pub(super) const TIME_FIELDS: [&str; 2] = ["first_seen", "last_seen"];

/// What an expression is made of: what, and how it is written.
const LANGUAGE: &[(&str, &str)] = &[
    ("compare", "== (or =) != < <= > >=, in [\"a\", \"b\"]"),
    ("combine", "and or not (&& || !), parentheses, CONDITION ? ONE : OTHER"),
    ("count", "+ - * / %, size(LIST)"),
    ("text", "\"a\" or 'a', .startsWith(\"a\") .endsWith(\"a\") .contains(\"a\")"),
    ("time", "2026-02-01 (its first moment, UTC) or 2026-02-01T12:00:00Z, without quotes"),
    ("no value", "FIELD == null; < and its like let nothing through that has no value"),
    ("within", "signals.synchrony.bits, identifiers_by_kind.ip, stability.similarity"),
];

/// An expression over these fields, as help and errors show it.
pub fn example(fields: &[&str]) -> &'static str {
    match fields {
        _ if fields.contains(&"degree") => "degree > 50 and first_seen >= 2026-02-01",
        _ if fields.contains(&"confidence") => "membership = \"core\" and confidence > 0.9",
        _ => "accounts > 50 and first_seen >= 2026-02-01",
    }
}

/// What the help of a command says of an expression over these fields.
pub fn help(fields: &[&str]) -> String {
    let rows = LANGUAGE.iter().map(|(what, how)| format!("  {what}: {how}"));
    format!("Fields: {}\n\n{}", fields.join(", "), rows.collect::<Vec<String>>().join("\n"))
}

/// The same of all lists, as Markdown for the documents.
pub fn markdown() -> String {
    let cell = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    let list = |(command, fields): &(&str, &[&str])| {
        format!("| {} | {} |\n", cell(command), fields.iter().map(|field| cell(field)).collect::<Vec<String>>().join(", "))
    };
    let row = |(what, how): &(&str, &str)| format!("| {what} | {how} |\n", how = how.replace('|', "\\|"));
    format!(
        "| command | fields |\n|---|---|\n{}\n| to | write |\n|---|---|\n{}",
        LISTS.iter().map(list).collect::<String>(),
        LANGUAGE.iter().map(row).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::*;

    #[test]
    fn the_tour_has_the_fields_and_the_language() {
        let tour = include_str!("../../../docs/investigate.md");
        assert!(tour.contains(&markdown()), "docs/investigate.md lacks:\n\n{}", markdown());
    }

    #[test]
    fn what_the_help_says_can_be_asked() {
        for (_, fields) in LISTS {
            fields.iter().for_each(|field| drop(Filter::parse(&format!("{field} != null"), fields).unwrap()));
            assert!(help(fields).contains(fields[0]));
            Filter::parse(example(fields), fields).unwrap();
        }
        for text in ["size(signals) > 1 ? true : false", "signals.synchrony.bits > 1 and not (id in [\"a\"])"] {
            Filter::parse(text, NETWORK_FIELDS).unwrap();
        }
    }
}
