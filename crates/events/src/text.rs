//! CSV, TSV and JSON Lines: one piece of text to one yield. Numbers are never read as floats: an id stays what was written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::chunks::{MAX_RECORD, Piece};
use crate::config::SchemaMode;
use crate::error::EventError;
use crate::normalise::{MAX_VALUE_BYTES, Reason, time};
use crate::rows::{Cell, Place, Yield, requests, roles, status};
use crate::schema::{Layout, Use, fold};
use crate::session::{EMPTY, Memo, Role, Session, rejected};

/// How a text file is written.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    Delimited(u8),
    JsonLines(BTreeMap<String, usize>),
}

/// Turns fields into cells.
struct Cells<'s, 'c> {
    session: &'s Session<'c>,
    layout: &'s Layout,
    roles: Vec<Option<Role>>,
    memos: Vec<Memo>,
    by_kind: BTreeMap<u8, Memo>,
    cells: Vec<Cell>,
}

impl<'s, 'c> Cells<'s, 'c> {
    fn new(session: &'s Session<'c>, layout: &'s Layout) -> Self {
        let memos = layout.columns.iter().map(|_| Memo::new()).collect();
        Cells { session, layout, roles: roles(session, layout), memos, by_kind: BTreeMap::new(), cells: Vec::new() }
    }

    fn fill<'r>(&mut self, out: &mut Yield, row: u64, field: impl Fn(usize) -> &'r [u8]) {
        let Cells { session, layout, roles, memos, by_kind, cells } = self;
        cells.clear();
        let mut kind = None;
        for (at, column) in layout.columns.iter().enumerate() {
            let raw = field(at);
            let cell = match (&column.usage, roles[at]) {
                (Use::Time, _) => out.time(session, time::parse(raw, &session.config.zone), row),
                (Use::Requests, _) => requests(raw),
                (Use::Status, _) => status(raw),
                (Use::Value, _) => Cell::Code(match kind {
                    Some(kind) => by_kind
                        .entry(kind)
                        .or_insert_with(Memo::new)
                        .code(raw, |raw| session.resolve(Role::Identifier(kind), raw)),
                    None => EMPTY,
                }),
                (_, Some(Role::Prompt)) => Cell::Code(memos[at].code(raw, |raw| session.resolve(Role::Prompt, raw))),
                (_, Some(_)) if raw.len() > 4 * MAX_VALUE_BYTES => Cell::Code(rejected(Reason::TooLong)),
                (_, Some(role)) => Cell::Code(memos[at].code(raw, |raw| session.resolve(role, raw))),
                (_, None) => Cell::Code(EMPTY),
            };
            if let (Use::Kind, Cell::Code(code)) = (&column.usage, cell) {
                kind = u8::try_from(code).ok();
            }
            cells.push(cell);
        }
    }
}

/// Parses one piece.
pub(crate) fn parse(
    session: &Session<'_>,
    layout: &Layout,
    format: &Format,
    file: &str,
    piece: &Piece,
) -> Result<Yield, EventError> {
    let mut out = Yield::new(session);
    let place =
        Place { file, row_group: None, counted: &session.counted, manners: &session.manners, watermark: session.watermark };
    for &line in &piece.dropped {
        out.rows += 1;
        out.reject(&place, line, "line", Reason::TooLong, b"");
    }
    match format {
        Format::Delimited(delimiter) => delimited(session, layout, *delimiter, &place, piece, &mut out),
        Format::JsonLines(slots) => json_lines(session, layout, slots, &place, piece, &mut out),
    }
    out.finished(session)
}

fn template_kind(session: &Session<'_>, layout: &Layout) -> Option<u8> {
    if layout.long { session.kind("prompt_template_hash") } else { None }
}

fn delimited(session: &Session<'_>, layout: &Layout, delimiter: u8, place: &Place<'_>, piece: &Piece, out: &mut Yield) {
    let template = template_kind(session, layout);
    let mut cells = Cells::new(session, layout);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(&piece.bytes[..]);
    let mut record = csv::ByteRecord::new();
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let start = record.position().cloned().unwrap_or_else(csv::Position::new);
        let row = piece.first_line + start.line() - 1;
        if reader.position().byte() - start.byte() > MAX_RECORD as u64 {
            out.rows += 1;
            out.reject(place, row, "line", Reason::TooLong, b"");
        } else if record.len() != layout.width {
            out.rows += 1;
            out.reject(place, row, "line", Reason::FieldCount, b"");
        } else {
            let field = |at: usize| record.get(layout.columns[at].index).unwrap_or_default();
            cells.fill(out, row, field);
            out.push(template, layout, place, row, &cells.cells, field);
        }
    }
}

fn json_lines(
    session: &Session<'_>,
    layout: &Layout,
    slots: &BTreeMap<String, usize>,
    place: &Place<'_>,
    piece: &Piece,
    out: &mut Yield,
) {
    let template = template_kind(session, layout);
    let mut cells = Cells::new(session, layout);
    let width = slots.values().max().map_or(0, |&last| last + 1);
    for (at, line) in piece.bytes.split(|&byte| byte == b'\n').enumerate() {
        let row = piece.first_line + at as u64;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let bad = if line.len() > MAX_RECORD {
            Some(Reason::TooLong)
        } else if std::str::from_utf8(line).is_err() {
            Some(Reason::InvalidUtf8)
        } else {
            None
        };
        let fields = match bad {
            Some(reason) => Err((reason, None)),
            None => object(line, slots, width, session.config.schema == SchemaMode::Strict),
        };
        match fields {
            Err((reason, slot)) => {
                let column = slot.and_then(|slot| layout.columns.iter().find(|column| column.index == slot));
                out.rows += 1;
                out.reject(place, row, column.map_or("line", |column| &column.ours), reason, line);
            }
            Ok(fields) => {
                let field = |at: usize| fields[layout.columns[at].index].as_bytes();
                cells.fill(out, row, field);
                out.push(template, layout, place, row, &cells.cells, field);
            }
        }
    }
}

/// The values of a flat JSON object by slot, empty where missing or null; the first of several aliases stays. `strict` refuses
/// fields that have no slot. What is wrong comes with the slot where it is, if it is in one.
fn object<'l>(
    line: &'l [u8],
    slots: &BTreeMap<String, usize>,
    width: usize,
    strict: bool,
) -> Result<Vec<Cow<'l, str>>, (Reason, Option<usize>)> {
    let mut fields = vec![Cow::Borrowed(""); width];
    let (mut nested, mut unknown) = (None, false);
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let read = deserializer.deserialize_map(Entries(|key: &str, value: &'l str| {
        let slot = slots.get(key).or_else(|| slots.get(&fold(key)));
        unknown |= slot.is_none();
        let Some((&at, slot)) = slot.map(|at| (at, &mut fields[*at])).filter(|(_, slot)| slot.is_empty()) else { return };
        match value.as_bytes().first() {
            Some(b'"') if !value.contains('\\') => *slot = Cow::Borrowed(&value[1..value.len() - 1]),
            Some(b'"') => *slot = Cow::Owned(serde_json::from_str(value).unwrap_or_default()),
            Some(b'{' | b'[') => nested = nested.or(Some(at)),
            _ if value == "null" => {}
            _ => *slot = Cow::Borrowed(value),
        }
    }));
    if read.is_err() || deserializer.end().is_err() {
        return Err((Reason::BadJson, None));
    }
    match (nested, unknown && strict) {
        (Some(_), _) => Err((Reason::NestedValue, nested)),
        (_, true) => Err((Reason::UnknownField, None)),
        _ => Ok(fields),
    }
}

/// The keys of a JSON object, for finding out what a file holds.
pub(crate) fn keys(line: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    deserializer.deserialize_map(Entries(|key: &str, _: &str| found.push(key.to_string()))).ok().map(|()| found)
}

struct Entries<F>(F);

impl<'l, F: FnMut(&str, &'l str)> Visitor<'l> for Entries<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flat JSON object")
    }

    fn visit_map<A: MapAccess<'l>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<Key<'l>, &'l RawValue>()? {
            (self.0)(&key.0, value.get());
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Key<'l>(#[serde(borrow)] Cow<'l, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::IngestConfig;
    use crate::schema::Map;

    #[test]
    fn numbers_keep_their_digits() {
        let slots = BTreeMap::from([("a".to_string(), 0), ("b".to_string(), 1)]);
        let fields = object(br#"{"a": 12345678901234567890123, "B": "x\u0041\"", "c": [1]}"#, &slots, 2, false).unwrap();
        assert_eq!(fields, ["12345678901234567890123", "xA\""]);
        assert_eq!(object(br#"{"a": 1, "c": 2}"#, &slots, 2, true), Err((Reason::UnknownField, None)));
        assert_eq!(object(br#"{"a": 1, "b": {}}"#, &slots, 2, false), Err((Reason::NestedValue, Some(1))));
        assert_eq!(object(br#"{"a": 1"#, &slots, 2, true), Err((Reason::BadJson, None)));
    }

    proptest! {
        #[test]
        fn any_bytes_give_rows_or_rejections(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let config = IngestConfig::default();
            let session = Session::new(&config, Map::default());
            let header: Vec<String> = ["timestamp", "account_id", "ip"].map(String::from).to_vec();
            let path = std::path::Path::new("f");
            let layout = session.map.layout(&header, path).unwrap();
            let piece = Piece { bytes, first_line: 2, dropped: Vec::new() };
            let _ = parse(&session, &layout, &Format::Delimited(b','), "f", &piece).unwrap();
            let (layout, slots) = session.map.fields(&header, path).unwrap();
            let _ = parse(&session, &layout, &Format::JsonLines(slots), "f", &piece).unwrap();
        }
    }
}
