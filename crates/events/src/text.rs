//! CSV, TSV and JSON Lines: one piece of text to one yield. Numbers are never read as floats: an id stays what was written.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use crate::cells::{Cell, requests, status, tokens};
use crate::chunks::{MAX_RECORD, Piece};
use crate::config::SchemaMode;
use crate::error::EventError;
use crate::fields::Fields;
use crate::json::{KeysSeen, Values, marked, object, without_nan};
use crate::normalise::Reason;
use crate::normalise::time::{self, FirstUnits};
use crate::quotes::{Odd, Quoting};
use crate::rows::{Place, Yield, roles};
use crate::schema::{Layout, LayoutColumn, Use};
use crate::session::{EMPTY, LONGEST, Memo, Role, Session, rejected};

/// How a text file is written.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    Delimited(Quoting),
    JsonLines(Fields),
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
                (Use::Time, _) => out.time(session, time::parse(raw, session.config.zone()), row),
                (Use::Requests, _) => requests(raw),
                (Use::Tokens, _) => tokens(raw),
                (Use::Status, _) => status(raw),
                (Use::Value, _) => Cell::Code(match kind {
                    Some(kind) => by_kind
                        .entry(kind)
                        .or_insert_with(Memo::new)
                        .code(raw, |raw| session.resolve(Role::Identifier(kind), raw)),
                    None => EMPTY,
                }),
                (_, Some(Role::Prompt)) => Cell::Code(memos[at].code(raw, |raw| session.resolve(Role::Prompt, raw))),
                // Remembered isn't what is too long.
                (_, Some(role)) if raw.len() > LONGEST => Cell::Code(session.resolve(role, raw)),
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
    let place = Place { file, row_group: None, session };
    let mut out = Yield::new(&place, layout);
    for &line in &piece.dropped {
        out.rows += 1;
        out.reject(line, "line", Reason::TooLong, b"");
    }
    match format {
        Format::Delimited(quoting) => delimited(session, layout, quoting, &place, piece, &mut out),
        Format::JsonLines(fields) => json_lines(session, layout, fields, &place, piece, &mut out),
    }
    name_cut(layout, format, piece, &mut out);
    out.finished(session)
}

/// Names what is wrong with a last line that no newline ends and that isn't whole: the file wasn't written or copied to its end.
/// Only the last piece of a file can end without a newline.
fn name_cut(layout: &Layout, format: &Format, piece: &Piece, out: &mut Yield) {
    let start = memchr::memrchr2(b'\n', b'\r', &piece.bytes).map_or(0, |newline| newline + 1);
    let line = &piece.bytes[start..];
    // Of every other piece nothing is read twice.
    let Some((row, reason)) = out.rejections.last_left_out().filter(|_| !line.is_empty()) else { return };
    let number = piece.first_line + memchr::memchr_iter(b'\n', &piece.bytes[..start]).count() as u64;
    let is_cut = match (reason, format) {
        (Reason::FieldCount, Format::Delimited(quoting)) => {
            memchr::memchr_iter(quoting.delimiter, line).count() + 1 < layout.width
        }
        (Reason::BadJson | Reason::InvalidUtf8, Format::JsonLines(_)) => line.trim_ascii_start().starts_with(b"{"),
        _ => false,
    };
    if is_cut && row == number {
        out.rejections.name_last(Reason::LastLineCut);
    }
}

/// What the times at the beginning of a file are in.
pub(crate) fn first_units(session: &Session<'_>, layout: &Layout, format: &Format, start: &[u8]) -> FirstUnits {
    let mut units = FirstUnits::default();
    let Some(column) = layout.time() else { return units };
    let mut note = |raw: &[u8]| units.note_text(raw, session.config.zone());
    let of_folder = column.of_folder.as_deref();
    match format {
        Format::Delimited(_) if of_folder.is_some() => note(of_folder.unwrap_or_default()),
        Format::Delimited(quoting) => {
            let mut left = FirstUnits::ROWS;
            records(session, layout, quoting, start, 1, &mut |record| {
                if let Record::Row { fields, .. } = record
                    && fields.len() == layout.width
                {
                    note(&fields[column.index]);
                }
                left -= 1;
                left > 0
            });
        }
        Format::JsonLines(fields) => {
            let (mut keys, mut spare) = (KeysSeen::default(), Vec::new());
            for line in start.split(|&byte| byte == b'\n').take(FirstUnits::ROWS) {
                let line = marked(line);
                let readable = without_nan(&line, &mut spare);
                let Ok(Values { values, .. }) = object(readable, fields, &mut keys, false) else { continue };
                let value = fields.columns[column.index].iter().find_map(|&slot| values[slot].as_ref());
                note(value.map_or(of_folder.unwrap_or_default(), |value| value.text.as_bytes()));
            }
        }
    }
    units
}

fn delimited(session: &Session<'_>, layout: &Layout, quoting: &Quoting, place: &Place<'_>, piece: &Piece, out: &mut Yield) {
    let template = session.template_kind(layout);
    let mut cells = Cells::new(session, layout);
    let reject = |out: &mut Yield, row: u64, reason: Reason| {
        out.rows += 1;
        out.reject(row, "line", reason, b"");
    };
    records(session, layout, quoting, &piece.bytes, piece.first_line, &mut |record| {
        match record {
            Record::Swallowed { line } => reject(out, line, Reason::QuotedLines),
            Record::Cut { line } => reject(out, line, Reason::LastLineCut),
            Record::Row { line, length, .. } if length > MAX_RECORD => reject(out, line, Reason::TooLong),
            Record::Row { line, fields, .. } if fields.len() != layout.width => reject(out, line, Reason::FieldCount),
            Record::Row { line, fields, .. } => {
                let field = |at: usize| {
                    let LayoutColumn { index, of_folder, .. } = &layout.columns[at];
                    fields.get(*index).or(of_folder.as_deref()).unwrap_or_default()
                };
                cells.fill(out, line, field);
                out.push(template, layout, place, line, &cells.cells, field);
            }
        }
        true
    });
}

/// A record of delimited text.
enum Record<'r> {
    /// A row of any number of fields, `length` bytes long.
    Row { line: u64, fields: &'r csv::ByteRecord, length: usize },
    /// A line that stands between quotes where none may.
    Swallowed { line: u64 },
    /// The text ends inside its quotes.
    Cut { line: u64 },
}

/// Whether a line has as many fields as the header, read without quotes.
fn has_fields(layout: &Layout, delimiter: u8, line: &[u8]) -> bool {
    memchr::memchr_iter(delimiter, line).count() + 1 >= layout.width
}

/// Whether a line could be a row, read without quotes: it has as many fields, and a time where times are.
fn could_be_row(session: &Session<'_>, layout: &Layout, delimiter: u8, line: &[u8]) -> bool {
    let has_time = |column: &LayoutColumn| {
        let raw = line.split(|&byte| byte == delimiter).nth(column.index).unwrap_or_default();
        column.of_folder.is_some() || matches!(time::parse(raw, session.config.zone()), Ok(Some(_)))
    };
    has_fields(layout, delimiter, line) && layout.time().is_none_or(has_time)
}

/// Calls back with the records of delimited text, the first of which begins on this line, until it is told to stop.
fn records(
    session: &Session<'_>,
    layout: &Layout,
    quoting: &Quoting,
    bytes: &[u8],
    first_line: u64,
    take: &mut dyn FnMut(Record<'_>) -> bool,
) {
    let newlines = |part: &[u8]| memchr::memchr_iter(b'\n', part).count() as u64;
    let mut fields = csv::ByteRecord::new();
    let (mut from, mut line) = (0, first_line);
    loop {
        // A reader leaves out a byte order mark where it begins.
        let mark = if bytes[from..].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut odd = quoting.next_odd(bytes, from + mark);
        if let Some(Odd::Open(record)) = &odd {
            // A file that is cut in a text of several lines has no rows after it; those after a quote that a client left open are
            // others'.
            let mut lines = bytes[record.clone()].split(|&byte| byte == b'\n');
            let first = lines.next().map_or(0, <[u8]>::len);
            if lines.any(|line| could_be_row(session, layout, quoting.delimiter, line)) {
                odd = Some(Odd::Unclosed(record.start..record.start + first + 1));
            }
        }
        let lines = match &odd {
            Some(Odd::Swallowed(lines) | Odd::Unclosed(lines) | Odd::Open(lines)) => lines.clone(),
            None => bytes.len()..bytes.len(),
        };
        if !even_records(quoting.delimiter, &bytes[from..lines.start], line, &mut fields, take) || odd.is_none() {
            return;
        }
        line += newlines(&bytes[from..lines.start]);
        let text = &bytes[lines.clone()];
        if let Some(Odd::Open(_)) = odd {
            take(Record::Cut { line });
            return;
        }
        if let Some(Odd::Unclosed(_)) = odd {
            let first = text.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
            fields.clear();
            first.split(|&byte| byte == quoting.delimiter).for_each(|field| fields.push_field(field));
            if !take(Record::Row { line, fields: &fields, length: text.len() }) {
                return;
            }
        } else {
            // Lines that would be rows without their quotes may be others', and each counts; of others the record is one row.
            let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n');
            let counts = |(_, text): &(u64, &[u8])| has_fields(layout, quoting.delimiter, text);
            let mut bad: Vec<u64> = (line..).zip(lines).filter(counts).map(|(row, _)| row).collect();
            if bad.is_empty() {
                bad.push(line);
            }
            if !bad.into_iter().all(|line| take(Record::Swallowed { line })) {
                return;
            }
        }
        line += newlines(text);
        from = lines.end;
    }
}

/// Calls back with all records of a text without odd ones; whether it is to go on.
fn even_records(
    delimiter: u8,
    text: &[u8],
    first_line: u64,
    fields: &mut csv::ByteRecord,
    take: &mut dyn FnMut(Record<'_>) -> bool,
) -> bool {
    if text.is_empty() {
        return true;
    }
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text);
    while let Ok(true) = reader.read_byte_record(fields) {
        let (line, start) = fields.position().map_or((1, 0), |start| (start.line(), start.byte()));
        let length = (reader.position().byte() - start) as usize;
        // The reader leaves the second half of the newline before, and lines that are empty, to the record after them.
        let skipped =
            text[start as usize..].iter().take_while(|byte| b"\r\n".contains(byte)).filter(|&&byte| byte == b'\n').count();
        if !take(Record::Row { line: first_line + line - 1 + skipped as u64, fields, length }) {
            return false;
        }
    }
    true
}

fn json_lines(session: &Session<'_>, layout: &Layout, fields: &Fields, place: &Place<'_>, piece: &Piece, out: &mut Yield) {
    let template = session.template_kind(layout);
    let mut cells = Cells::new(session, layout);
    let (mut keys, mut of_column, mut spare) = (KeysSeen::default(), Vec::new(), Vec::new());
    let addresses = layout.columns.iter().filter(|column| column.addresses);
    let of_addresses: HashSet<usize> = addresses.flat_map(|column| &fields.columns[column.index]).copied().collect();
    for (at, line) in piece.bytes.split(|&byte| byte == b'\n').enumerate() {
        let row = piece.first_line + at as u64;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let is_strict = session.config.schema == SchemaMode::Strict;
        let readable = if line.len() > MAX_RECORD { Err(Reason::TooLong) } else { Ok(marked(line)) };
        let is_marked = matches!(readable, Ok(Cow::Owned(_)));
        let values = match &readable {
            Ok(readable) => object(without_nan(readable, &mut spare), fields, &mut keys, is_strict),
            Err(reason) => Err(*reason),
        };
        match values {
            Err(reason) => {
                out.rows += 1;
                out.reject(row, "line", reason, line);
            }
            Ok(mut found) => {
                if !found.nested.is_empty() {
                    found.join_hops(&of_addresses);
                }
                let not_utf8 = if is_marked { found.not_utf8() } else { Vec::new() };
                let Values { values, nested, twice } = found;
                // An object says what it has under the first of a column's names, be it null.
                let first =
                    |column: &LayoutColumn| fields.columns[column.index].iter().copied().find(|&slot| values[slot].is_some());
                of_column.clear();
                of_column.extend(layout.columns.iter().map(first));
                of_column.iter().flatten().filter_map(|&slot| values[slot].as_ref()).for_each(|value| keys.note(value.key));
                let is_among = |slots: &[usize], at: usize| of_column[at].is_some_and(|slot| slots.contains(&slot));
                let bytes_of = |slot: usize| {
                    let bytes = not_utf8.iter().find(|(of, _)| *of == slot).map(|(_, bytes)| &bytes[..]);
                    bytes.or_else(|| values[slot].as_ref().map(|value| value.text.as_bytes()))
                };
                let field = |at: usize| match of_column[at] {
                    Some(slot) => bytes_of(slot).unwrap_or_default(),
                    None => layout.columns[at].of_folder.as_deref().unwrap_or_default(),
                };
                cells.fill(out, row, |at| if is_among(&nested, at) || is_among(&twice, at) { b"" } else { field(at) });
                for (slots, reason) in [(&nested, Reason::NestedValue), (&twice, Reason::FieldTwice)] {
                    if !slots.is_empty() {
                        let bad = cells.cells.iter_mut().enumerate().filter(|(at, _)| is_among(slots, *at));
                        bad.for_each(|(_, cell)| *cell = Cell::Code(rejected(reason)));
                    }
                }
                out.push(template, layout, place, row, &cells.cells, field);
            }
        }
    }
    out.keys = keys.into_found();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::IngestConfig;
    use crate::schema::Map;

    #[test]
    fn quotes_that_clients_leave_open_cost_no_more_than_their_lines() {
        let config = IngestConfig::default();
        let header: Vec<String> = ["timestamp", "account_id", "ip", "user_agent", "device"].map(String::from).to_vec();
        for line in crate::quotes::OPEN_LINES {
            let session = Session::new(&config, Map::default());
            let layout = session.map.layout(&header, std::path::Path::new("f")).unwrap();
            let format = Format::Delimited(Quoting::new(b',', &layout));
            let piece = Piece { bytes: line.repeat(2_000).into_bytes(), first_line: 2, dropped: Vec::new() };
            let found = parse(&session, &layout, &format, "f", &piece).unwrap();
            assert_eq!((found.rows, found.rejections.sorts().count()), (2_000, 0), "{line}");
        }
    }

    #[test]
    fn a_file_that_ends_inside_quotes_is_cut() {
        let config = IngestConfig { rejects: Some("r".into()), ..IngestConfig::default() };
        let header: Vec<String> = ["timestamp", "account_id", "ip", "prompt"].map(String::from).to_vec();
        let said = |rows: &str| -> (u64, Vec<(u64, Reason)>) {
            let session = Session::new(&config, Map::default());
            let layout = session.map.layout(&header, std::path::Path::new("f")).unwrap();
            let format = Format::Delimited(Quoting::new(b',', &layout));
            let piece = Piece { bytes: rows.as_bytes().to_vec(), first_line: 2, dropped: Vec::new() };
            let found = parse(&session, &layout, &format, "f", &piece).unwrap();
            (found.rows, found.rejections.all().map(|one| (one.row, one.reason)).collect())
        };
        let (whole, cut) = ("1779235200,a,1.2.3.4,\"one\ntwo\"\n", "1779235200,b,1.2.3.4,\"cut");
        let ends = ["", " here", "\nhere, and, so, on", "\n\n\"\"so\"\", it", ",\r\nas, 1779235200, too"];
        for end in ends {
            assert_eq!(said(&[whole, cut, end].concat()), (2, vec![(4, Reason::LastLineCut)]), "{end:?}");
        }
        assert_eq!(said(&[whole, "1779235200,b,\"1.2\n"].concat()).1, [(4, Reason::FieldCount)]);
        assert_eq!(said(&[whole, "1779235200,b,\"1.2\n.3"].concat()), (2, vec![(4, Reason::LastLineCut)]));
        // A whole line, as those are that no newline ends; and a quote that a client left open hides no row, be the last one cut.
        assert_eq!(said(&[whole, cut, "\"\"\""].concat()), (2, Vec::new()));
        assert_eq!(said(&[whole, cut, "\n", whole.trim_end()].concat()), (3, Vec::new()));
        assert_eq!(said(&[cut, "\nno row\n", "1779235200,c,1.2.3.4,x\n17792"].concat()).0, 4);
        assert_eq!(said(&[whole, cut, "\n"].concat()), (2, Vec::new()));
    }

    #[test]
    fn a_bad_row_is_named_by_its_line_however_lines_end() {
        let config = IngestConfig { rejects: Some("r".into()), ..IngestConfig::default() };
        let header: Vec<String> = ["timestamp", "account_id", "ip"].map(String::from).to_vec();
        let rows = "1779235200,a,1.2.3.4\nBAD,b\n\n1779235200,c,1.2.3.4\n\n\n1779235200,d\n17792";
        for newline in ["\n", "\r\n"] {
            let session = Session::new(&config, Map::default());
            let layout = session.map.layout(&header, std::path::Path::new("f")).unwrap();
            let format = Format::Delimited(Quoting::new(b',', &layout));
            let piece = Piece { bytes: rows.replace('\n', newline).into_bytes(), first_line: 2, dropped: Vec::new() };
            let found = parse(&session, &layout, &format, "f", &piece).unwrap();
            let said: Vec<(u64, Reason)> = found.rejections.all().map(|one| (one.row, one.reason)).collect();
            let expected = [(3, Reason::FieldCount), (8, Reason::FieldCount), (9, Reason::LastLineCut)];
            assert_eq!(said, expected, "{newline:?}");
        }
    }

    /// With what Python writes for no number in all of them no unit was found, and one odd row failed the run.
    #[test]
    fn the_unit_of_times_is_that_of_what_is_read_as_rows() {
        let config = IngestConfig::default();
        let session = Session::new(&config, Map::default());
        let header: Vec<String> = ["timestamp", "account_id", "tokens"].map(String::from).to_vec();
        let path = std::path::Path::new("f");
        let (layout, fields) = session.map.fields(&header, path).unwrap();
        let lines = r#"{"timestamp": 1772323200, "account_id": "a", "tokens": NaN}"#.to_owned() + "\n";
        let format = Format::JsonLines(fields);
        assert_eq!(first_units(&session, &layout, &format, lines.repeat(3).as_bytes()).most(), Some(time::Unit::Seconds));
        // Quotes that swallow rows don't hide their times.
        let header: Vec<String> = ["timestamp", "account_id", "device"].map(String::from).to_vec();
        let layout = session.map.layout(&header, path).unwrap();
        let format = Format::Delimited(Quoting::new(b',', &layout));
        let rows = "1772323200,a,\"open\n".to_owned() + &"1772323200,a,d\n".repeat(3) + "2026-03-01T00:00:00Z,a,d\n";
        assert_eq!(first_units(&session, &layout, &format, rows.as_bytes()).most(), Some(time::Unit::Seconds));
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
            let _ = parse(&session, &layout, &Format::Delimited(Quoting::new(b',', &layout)), "f", &piece).unwrap();
            let (layout, fields) = session.map.fields(&header, path).unwrap();
            let _ = parse(&session, &layout, &Format::JsonLines(fields), "f", &piece).unwrap();
        }
    }
}
