//! How is a text file written? Its first bytes say: of which format it is, what its columns are, and in what its times are.

use std::collections::BTreeSet;
use std::path::Path;

use super::EXPECTED;
use crate::chunks::{MAX_RECORD, Pieces};
use crate::error::EventError;
use crate::fields::{Fields, MOST_KEYS, with_paths};
use crate::header::no_header;
use crate::json;
use crate::normalise::time::Unit;
use crate::quotes::Quoting;
use crate::schema::Layout;
use crate::session::Session;
use crate::source;
use crate::text::{self, Format};

/// A text file of which the beginning was read.
pub(super) struct Begun {
    pub(super) layout: Layout,
    pub(super) format: Format,
    /// The paths of what its first objects have in objects.
    pub(super) within: Vec<String>,
    pub(super) pieces: Pieces<source::Bytes>,
}

/// Bytes of a text file that say how it is written.
const BEGINNING: usize = 4 << 20;

/// Finds out how a text file is written, from its beginning; nothing where it has nothing but blank lines.
pub(super) fn begin(session: &Session<'_>, path: &Path, mut reader: source::Bytes) -> Result<Option<Begun>, EventError> {
    use std::io::Read;
    let mut start = Vec::new();
    let mut read_to = |length: usize, start: &mut Vec<u8>| {
        let read = reader.by_ref().take((length - start.len()) as u64).read_to_end(start);
        read.map_err(|error| {
            EventError::input(path, format!("can't be read: {error}"), "the file is damaged or truncated; copy it again")
        })
    };
    read_to(BEGINNING, &mut start)?;
    let is_all = start.len() < BEGINNING;
    if !is_all && is_long_line(&start) {
        // The longest line, and its end.
        read_to(BEGINNING + MAX_RECORD, &mut start)?;
    }
    source::refuse_utf_16(path, &start)?;
    if start.starts_with(b"\xef\xbb\xbf") {
        start.drain(..3);
    }
    if start.trim_ascii().is_empty() {
        return if is_all { Ok(None) } else { Err(EventError::input(path, "it begins with 4 MiB of blank lines", EXPECTED)) };
    }
    if start.starts_with(b"PAR1") {
        return Err(EventError::input(path, "Parquet inside a stream", "give the uncompressed Parquet file by its path"));
    }
    let text = start.trim_ascii_start();
    if text.first() == Some(&b'[') && text[1..].trim_ascii_start().first() == Some(&b'{') {
        let hint = "one object a line is read (JSON Lines): jq -c '.[]' writes them";
        return Err(EventError::input(path, "a JSON array", hint));
    }
    if text.starts_with(b"{") {
        let lines = || start.split(|&byte| byte == b'\n').take(1000);
        let keys_of = |entered: &Fields| -> Vec<String> {
            let mut found = BTreeSet::new();
            lines().for_each(|line| json::add_keys(line, entered, &mut found));
            found.into_iter().collect()
        };
        let within = || -> Vec<String> {
            let mut found = BTreeSet::new();
            // Of objects in objects, which few have, there is a second brace.
            for line in lines().filter(|line| memchr::memchr_iter(b'{', line).nth(1).is_some()) {
                json::add_keys(line, &Fields::all(), &mut found);
                found.retain(|path| path.contains('.'));
                if found.len() >= MOST_KEYS {
                    break;
                }
            }
            found.into_iter().take(MOST_KEYS).collect()
        };
        let keys = keys_of(&session.map.paths());
        if keys.is_empty() {
            let hint = "one object a line is read (JSON Lines): jq -c . writes them";
            return Err(EventError::input(path, "JSON, but no line is an object", hint));
        }
        let read = session.map.fields(&keys, path);
        let (mut layout, fields) = read.map_err(|error| with_paths(error, || keys_of(&Fields::all())))?;
        let format = Format::JsonLines(fields);
        (layout.unit, layout.days) = units_of(session, &layout, &format, &start);
        let within = within();
        return Ok(Some(Begun { layout, format, within, pieces: pieces(reader, start, 1, None) }));
    }
    let skipped = start.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    let end = memchr::memchr(b'\n', &start[skipped..]).map_or(start.len(), |at| skipped + at + 1);
    let header = &start[skipped..end];
    if header.contains(&0) || std::str::from_utf8(header).is_err() || header.len() > MAX_RECORD {
        let problem = "the first line is no header: not text, or longer than 8 MiB";
        return Err(EventError::input(
            path,
            problem,
            "CSV, TSV, JSON Lines (UTF-8) or Parquet was expected; gzip and zstd are undone",
        ));
    }
    let delimiter = source::delimiter_of(header);
    let mut record = csv::StringRecord::new();
    let mut parser = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(header);
    parser.read_record(&mut record).map_err(|error| EventError::input(path, error, "a header line was expected"))?;
    if (parser.position().byte() as usize) < header.trim_ascii_end().len() {
        // All up to the first newline would be taken for the header.
        let hint = "lines end in a newline: tr '\\r' '\\n' writes them";
        return Err(EventError::input(path, "its lines end in a carriage return alone", hint));
    }
    let names: Vec<String> = record.iter().map(|name| name.trim().to_string()).collect();
    let mut layout = session.map.layout(&names, path).map_err(|error| no_header(error, path, &names))?;
    let first_line = 1 + memchr::memchr_iter(b'\n', &start[..end]).count() as u64;
    start.drain(..end);
    let quoting = Quoting::new(delimiter, &layout);
    let format = Format::Delimited(quoting.clone());
    (layout.unit, layout.days) = units_of(session, &layout, &format, &start);
    let within = Vec::new();
    Ok(Some(Begun { layout, format, within, pieces: pieces(reader, start, first_line, Some(quoting)) }))
}

/// What the times of a file are in, if that can be told, and whether they are days.
fn units_of(session: &Session<'_>, layout: &Layout, format: &Format, start: &[u8]) -> (Option<Unit>, bool) {
    let units = text::first_units(session, layout, format, start);
    (units.most(), units.are_days())
}

/// Whether a file begins with a line, be it a header or a JSON object, that goes on at the end of this.
fn is_long_line(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    !text.is_empty() && memchr::memchr(b'\n', text).is_none()
}

/// The pieces of a text whose beginning was read already.
fn pieces(reader: source::Bytes, start: Vec<u8>, first_line: u64, quoting: Option<Quoting>) -> Pieces<source::Bytes> {
    // What a fuzz target has would all be in the first piece.
    #[cfg(fuzzing)]
    let (reader, start): (source::Bytes, Vec<u8>) =
        (Box::new(std::io::Read::chain(std::io::Cursor::new(start), reader)), Vec::new());
    Pieces::new(reader, start, first_line, quoting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IngestConfig;
    use crate::schema::Map;

    /// Of a header of more than 4 MiB the rest became a row.
    #[test]
    fn a_header_is_read_to_its_end_or_refused() {
        let config = IngestConfig::default();
        let session = Session::new(&config, Map::default());
        let begun = |length: usize| {
            let text = format!("account_id,{},ip\na,b,198.51.100.7\n", "x".repeat(length));
            begin(&session, Path::new("f"), Box::new(std::io::Cursor::new(text.into_bytes())))
        };
        for length in [1, BEGINNING - 16, BEGINNING, 7 << 20] {
            let mut begun = begun(length).unwrap().unwrap();
            let piece = begun.pieces.next().unwrap().unwrap();
            assert_eq!((begun.layout.width, piece.bytes.len(), piece.first_line), (3, 17, 2), "{length}");
        }
        for length in [MAX_RECORD, 2 * MAX_RECORD, 3 * MAX_RECORD] {
            let error = begun(length).map(drop).unwrap_err().to_string();
            assert!(error.contains("longer than 8 MiB"), "{length}: {error}");
        }
    }
}
