//! What CSV has of a record: fields of its JSON, under their names and in the same digits.
//!
//! A field inside another one is called by both, with `_` between. What has no value is empty; of a list of values all stand there,
//! with spaces between (of a list of records that field of each which the name is of), and what is a record itself, or a list of records, stands there as JSON.

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// What the column of a field is called; `path` names the field, with a dot before each name that is inside another.
pub(crate) fn column(path: &str) -> String {
    path.replace('.', "_")
}

/// A record's values of the fields that these paths name.
pub(crate) fn row<'p, T: Serialize>(record: &T, paths: impl Iterator<Item = &'p str>) -> serde_json::Result<Vec<String>> {
    let json = serde_json::to_string(record)?;
    let fields = fields_of(&json);
    Ok(paths.map(|path| of_record(&fields, path)).collect())
}

/// The fields of an object, each with its value as it is written; of anything else, none.
fn fields_of(json: &str) -> Vec<(String, &str)> {
    let mut fields = Vec::new();
    let mut rest = json.strip_prefix('{').unwrap_or_default();
    while let Some((name, after)) = first::<String>(rest) {
        let value = after.strip_prefix(':').unwrap_or_default();
        let Some((_, after)) = first::<IgnoredAny>(value) else { break };
        fields.push((name, &value[..value.len() - after.len()]));
        rest = after.strip_prefix(',').unwrap_or_default();
    }
    fields
}

/// The values of a list, each as it is written; of anything else, none.
fn values_of(json: &str) -> Vec<&str> {
    let mut values = Vec::new();
    let mut rest = json.strip_prefix('[').unwrap_or_default();
    while let Some((_, after)) = first::<IgnoredAny>(rest) {
        values.push(&rest[..rest.len() - after.len()]);
        rest = after.strip_prefix(',').unwrap_or_default();
    }
    values
}

/// The first value of a text, and what comes after it.
fn first<T: DeserializeOwned>(text: &str) -> Option<(T, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, &text[values.byte_offset()..]))
}

/// The value that a path leads to, as a cell; empty where it leads nowhere. Through a list it leads to a value of each record.
fn at(json: &str, path: &str) -> String {
    if json.starts_with('[') {
        return joined(values_of(json).into_iter().map(|record| at(record, path)));
    }
    of_record(&fields_of(json), path)
}

/// The same of a record's fields.
fn of_record(fields: &[(String, &str)], path: &str) -> String {
    let (name, inside) = path.split_once('.').map_or((path, None), |(name, inside)| (name, Some(inside)));
    let value = fields.iter().find(|(field, _)| field == name).map_or("null", |&(_, value)| value);
    inside.map_or_else(|| cell(value), |inside| at(value, inside))
}

/// What there is of several values.
fn joined(cells: impl Iterator<Item = String>) -> String {
    cells.filter(|cell| !cell.is_empty()).collect::<Vec<String>>().join(" ")
}

/// A value as a cell.
fn cell(value: &str) -> String {
    let is_plain = |value: &str| !value.starts_with(['[', '{']);
    match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str(value).unwrap_or_default(),
        Some(b'[') => match values_of(value) {
            values if values.iter().all(|value| is_plain(value)) => joined(values.into_iter().map(cell)),
            _ => value.to_owned(),
        },
        _ if value == "null" => String::new(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Record {
        name: &'static str,
        share: f32,
        bits: f64,
        alarm: Option<Alarm>,
        none: Option<Alarm>,
        ids: Vec<&'static str>,
        times: (Option<u8>, Option<u8>),
        all: Vec<Alarm>,
        flagged: bool,
    }

    #[derive(Serialize)]
    struct Alarm {
        hours: f64,
    }

    #[test]
    fn cells_have_what_json_has() {
        let record = Record {
            name: "a, \"b\"}",
            share: 0.1,
            bits: 0.1 + 0.2,
            alarm: Some(Alarm { hours: 12.0 }),
            none: None,
            ids: vec!["PN-1", "PN-2"],
            times: (Some(3), None),
            all: vec![Alarm { hours: 1.5 }],
            flagged: true,
        };
        let paths =
            ["share", "bits", "name", "alarm.hours", "none.hours", "ids", "times", "all", "all.hours", "flagged", "nowhere"];
        let wanted =
            ["0.1", "0.30000000000000004", "a, \"b\"}", "12.0", "", "PN-1 PN-2", "3", "[{\"hours\":1.5}]", "1.5", "true", ""];
        assert_eq!(row(&record, paths.into_iter()).expect("plain data"), wanted);
        assert_eq!(column("alarm.hours"), "alarm_hours");
    }
}
