//! Is what stands between two quotes one field, or rows that a stray quote swallowed?
//!
//! RFC 4180 lets a quoted field go over lines, and a raw prompt does. But not everybody who writes logs quotes, and what a
//! client says of itself may begin with a quote: then everything up to the next quote looks like one field. A record of several
//! lines is one only if its quotes close where a field ends and it has as many fields as the header. Else its first line is
//! read without quotes, and reading goes on at the next: nothing of a file hides behind a quote that isn't closed. A quote that
//! closes after more than 8 MiB doesn't close.
//!
//! Where all closes and a field that links accounts goes over lines, nobody can say whether the writer quoted it or two clients
//! chose their values for it. Such a field would say nothing, so its lines are bad: each that would be a row without the quotes,
//! for having as many fields, counts as one, and where none would the record does. Neither are others' rows swallowed in silence
//! nor is what one client wrote read as rows of others.
//!
//! Where a file ends inside quotes, all up to there as it should be, the record is told apart: the file may be cut.
//!
//! Clients choose where quotes stand, so a line must not be able to make much be read again. From a line whose quotes don't
//! close no more fields are looked at than the header has, and every line after it that opens a quote as well closes one of
//! them: no byte is looked at from more than so many lines, O(bytes x fields).

use std::ops::Range;

use crate::chunks::MAX_RECORD;
use crate::schema::{Layout, Use};

/// How the fields of a file are written, and what they may hold.
#[derive(Clone, Debug)]
pub(crate) struct Quoting {
    pub(crate) delimiter: u8,
    /// Whether the text of a field may go over lines, by its place in the header.
    pub(crate) has_lines: Vec<bool>,
}

/// A record that isn't one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// Lines in a field that can't have any.
    Swallowed(Range<usize>),
    /// The first line of a record whose quotes don't close.
    Unclosed(Range<usize>),
    /// A record at the end of a text that no newline ends, as it should be but for its last quote, which doesn't close.
    Open(Range<usize>),
}

/// What a record is, and its end with the line end.
enum Extent {
    Row(usize),
    Swallowed(usize),
    Unclosed(usize),
    /// All bytes.
    Open,
}

impl Quoting {
    pub(crate) fn new(delimiter: u8, layout: &Layout) -> Self {
        let unread = |field: usize| layout.columns.iter().all(|column| column.index != field || column.usage == Use::Prompt);
        Quoting { delimiter, has_lines: (0..layout.width).map(unread).collect() }
    }

    /// The next odd one of whole records, the first of which begins at `at`.
    pub(crate) fn next_odd(&self, bytes: &[u8], mut at: usize) -> Option<Odd> {
        while let Some(start) = quoted_record(bytes, at) {
            match self.extent(bytes, start, true)? {
                Extent::Row(end) => at = end,
                Extent::Swallowed(end) => return Some(Odd::Swallowed(start..end)),
                Extent::Unclosed(end) => return Some(Odd::Unclosed(start..end)),
                Extent::Open => return Some(Odd::Open(start..bytes.len())),
            }
        }
        None
    }

    /// The end of the last record that is whole whatever follows.
    pub(crate) fn last_end(&self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(start) = quoted_record(bytes, at) {
            match self.extent(bytes, start, false) {
                Some(Extent::Row(end) | Extent::Swallowed(end) | Extent::Unclosed(end)) => at = end,
                Some(Extent::Open) | None => return start,
            }
        }
        memchr::memrchr(b'\n', &bytes[at..]).map_or(at, |newline| at + newline + 1)
    }

    /// The end of the record at `start` if that is one of its line, as nearly all are: fields needn't be counted then.
    fn line_end(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let mut at = start;
        loop {
            let here = at + memchr::memchr3(b'"', b'\n', b'\r', &bytes[at..])?;
            at = here + 1;
            match bytes[here] {
                b'"' if here == start || bytes[here - 1] == self.delimiter => {
                    let (Some(close), None) = close_of(bytes, here) else { return None };
                    at = close + 1;
                }
                b'"' => {}
                b'\n' => return Some(at),
                _ => return bytes.get(at).map(|&next| at + usize::from(next == b'\n')),
            }
        }
    }

    /// What the record at `start` is, as a reader of CSV goes over it. `all`: whether nothing follows the bytes; else nothing
    /// is said of a record that what follows can change.
    fn extent(&self, bytes: &[u8], start: usize, all: bool) -> Option<Extent> {
        let window = &bytes[..bytes.len().min(start + MAX_RECORD)];
        if let Some(end) = self.line_end(window, start) {
            return Some(Extent::Row(end));
        }
        let ends_field = |at: usize| window.get(at).is_none_or(|byte| [self.delimiter, b'\n', b'\r'].contains(byte));
        let (mut at, mut fields) = (start, 1);
        // Where the first line ends if quotes go over its end; whether they all close where a field ends.
        let (mut first_line, mut sound, mut swallowed) = (None, true, false);
        loop {
            if window.get(at) == Some(&b'"') {
                let (close, newline) = close_of(window, at);
                if let Some(newline) = newline {
                    first_line = first_line.or(Some(newline + 1));
                    swallowed |= self.has_lines.get(fields - 1) == Some(&false);
                }
                at = close.map_or(window.len(), |close| close + 1);
                let ends_here = all && window.len() == bytes.len() && !bytes.ends_with(b"\n") && !bytes.ends_with(b"\r");
                if close.is_none() && ends_here && sound && fields <= self.has_lines.len() {
                    return Some(Extent::Open);
                }
                sound &= close.is_some() && ends_field(at);
            }
            if !ends_field(at) {
                at += memchr::memchr3(self.delimiter, b'\n', b'\r', &window[at..]).unwrap_or(window.len() - at);
            }
            match (window.get(at), first_line) {
                (None, _) if window.len() < bytes.len() => {
                    return memchr::memchr(b'\n', &bytes[start..]).map(|newline| Extent::Unclosed(start + newline + 1));
                }
                (None | Some(b'\r'), _) if !all && at + 1 >= bytes.len() => return None,
                (_, Some(line)) if !sound || fields > self.has_lines.len() => return Some(Extent::Unclosed(line)),
                (Some(&byte), _) if byte == self.delimiter => (at, fields) = (at + 1, fields + 1),
                (next, first_line) => {
                    let end = at + if window[at..].starts_with(b"\r\n") { 2 } else { usize::from(next.is_some()) };
                    return Some(match first_line {
                        Some(line) if fields != self.has_lines.len() => Extent::Unclosed(line),
                        Some(_) if swallowed => Extent::Swallowed(end),
                        _ => Extent::Row(end),
                    });
                }
            }
        }
    }
}

/// Where the next record with quotes begins, from the beginning of one on.
fn quoted_record(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = at + memchr::memchr(b'"', &bytes[at..])?;
    Some(memchr::memrchr2(b'\n', b'\r', &bytes[at..quote]).map_or(at, |end| at + end + 1))
}

/// The quote that closes the one at `open`, and the first newline before it.
fn close_of(bytes: &[u8], open: usize) -> (Option<usize>, Option<usize>) {
    let found = looked_for(bytes, open);
    #[cfg(test)]
    LOOKED_AT.set(LOOKED_AT.get() + found.0.unwrap_or(bytes.len()) - open);
    found
}

#[cfg(test)]
thread_local! {
    /// Bytes in which closing quotes were looked for.
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Lines with quotes that are open at every line end: to the last, with a field more at each, and with a quote that opens none.
#[cfg(test)]
pub(crate) const OPEN_LINES: [&str; 3] = [
    "2026-02-01T00:00:00Z,u1,9.1.2.3,u1\"x,\"d1\n",
    "2026-02-01T00:00:00Z,u1,9.1.2.3,u1\",\"d1\n",
    "2026-02-01T00:00:00Z,u1,9.1.2.3,\"x\"\"y,d1\n",
];

fn looked_for(bytes: &[u8], open: usize) -> (Option<usize>, Option<usize>) {
    let (mut at, mut newline) = (open + 1, None);
    loop {
        let rest = &bytes[at.min(bytes.len())..];
        let step = if newline.is_none() { memchr::memchr2(b'"', b'\n', rest) } else { memchr::memchr(b'"', rest) };
        let Some(here) = step.map(|step| at + step) else { return (None, newline) };
        at = here + 1;
        if bytes[here] == b'\n' {
            newline = Some(here);
        } else if bytes.get(at) == Some(&b'"') {
            at += 1;
        } else {
            return (Some(here), newline);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Three fields, of which the last may have lines.
    fn quoting() -> Quoting {
        Quoting { delimiter: b',', has_lines: vec![false, false, true] }
    }

    #[test]
    fn no_byte_is_looked_at_from_more_lines_than_there_are_fields() {
        let quoting = Quoting { delimiter: b',', has_lines: vec![false; 5] };
        for line in OPEN_LINES {
            let bytes = line.repeat(10_000).into_bytes();
            LOOKED_AT.set(0);
            let mut at = 0;
            while let Some(Odd::Swallowed(lines) | Odd::Unclosed(lines) | Odd::Open(lines)) = quoting.next_odd(&bytes, at) {
                at = lines.end;
            }
            assert!(LOOKED_AT.get() <= quoting.has_lines.len() * bytes.len(), "{} of {}: {line}", LOOKED_AT.get(), bytes.len());
        }
    }

    fn odd(bytes: &[u8]) -> Vec<Odd> {
        let mut at = 0;
        let next = || {
            let odd = quoting().next_odd(bytes, at)?;
            let (Odd::Swallowed(range) | Odd::Unclosed(range) | Odd::Open(range)) = &odd;
            at = range.end;
            Some(odd)
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn text_may_have_lines_and_what_links_may_not() {
        assert_eq!(odd(b"a,b,\"x\ny\"\n\r\n\na,\"b\",c\n"), []);
        assert_eq!(odd(b"1,2,3\na,\"b\"\"\n1,2,3\n\",c\r\nd,\"\n\",e"), [Odd::Swallowed(6..24), Odd::Swallowed(24..31)]);
    }

    #[test]
    fn a_quote_that_does_not_close_ends_with_its_line() {
        // Up to the end, up to the quote of another row, and with another number of fields.
        assert_eq!(odd(b"a,b,\"x\nc,d,e\nf,g,h\n"), [Odd::Unclosed(0..7)]);
        assert_eq!(odd(b"a,b,\"x\nc,d,\"e\n"), [Odd::Unclosed(0..7), Odd::Unclosed(7..14)]);
        assert_eq!(odd(b"\n\na,\"x\nc,d,e\"\n"), [Odd::Unclosed(2..7)]);
    }

    #[test]
    fn a_text_that_ends_inside_quotes_is_open() {
        assert_eq!(odd(b"1,2,3\na,b,\"x\ny, z"), [Odd::Open(6..17)]);
        assert_eq!(odd(b"a,\"x\"\"\",\"y\"\""), [Odd::Open(0..12)]);
        // A newline ends it, it isn't one of a quote, and nothing else is wrong with it.
        assert_eq!(odd(b"a,b,\"x\r\n"), [Odd::Unclosed(0..8)]);
        assert_eq!((odd(b"a,b,\"x\""), odd(b"a,b,x\""), odd(b"a,b,c,\"x"), odd(b"a,\"b\"c,\"x")), Default::default());
    }

    #[test]
    fn what_follows_can_change_a_record_that_is_not_whole() {
        let end = |text: &str| quoting().last_end(text.as_bytes());
        assert_eq!(end("a,b,\"x\nc\"\nd,e,\"f\n"), 10);
        assert_eq!(end("a,b,\"c\"\"\n\"\nx"), 11);
        assert_eq!(end("a,b\"c\nx"), 6);
        // Whatever closes the quote, it isn't where a field ends, or has too many fields before it.
        assert_eq!(end("a,\"b\nc\"d,\"e\nf"), 5);
        assert_eq!(end("a,\"b\n\",\"c\",\"d\",\"e\nf"), 5);
    }

    #[test]
    fn a_line_is_judged_by_few_others() {
        let fields = quoting().has_lines.len();
        for line in ["u1\"x,\"d1\n", "u1\",\"d1\n", "\"x\"\"y\n", "a,\",b,\",c\",\"\n", "a,\"\"\"b\n"] {
            assert!(quoting().last_end(line.repeat(fields + 1).as_bytes()) >= line.len(), "{line}");
        }
    }

    /// The odd records, each found out from what a reader of CSV takes for a record.
    fn odd_by_reading(bytes: &[u8]) -> Vec<Odd> {
        let (mut odd, mut from) = (Vec::new(), 0);
        'reader: while from < bytes.len() {
            let mut builder = csv::ReaderBuilder::new();
            let mut reader = builder.has_headers(false).flexible(true).from_reader(&bytes[from..]);
            let mut record = csv::ByteRecord::new();
            while let Ok(true) = reader.read_byte_record(&mut record) {
                let start = from + record.position().map_or(0, |start| start.byte() as usize);
                let start = start + bytes[start..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
                let end = from + reader.position().byte() as usize;
                if end == bytes.len() && is_open(&bytes[start..]) {
                    odd.push(Odd::Open(start..end));
                    break 'reader;
                }
                if !record.iter().any(|field| field.contains(&b'\n')) {
                    continue;
                }
                let line = start + memchr::memchr(b'\n', &bytes[start..]).map_or(0, |newline| newline + 1);
                let sound = record.len() == 3 && is_sound(&bytes[start..end]);
                let swallowed = record.iter().take(2).any(|field| field.contains(&b'\n'));
                match (sound, swallowed) {
                    (false, _) => {
                        odd.push(Odd::Unclosed(start..line));
                        from = line;
                        continue 'reader;
                    }
                    (true, true) => {
                        let end = end + usize::from(bytes[end - 1] == b'\r' && bytes.get(end) == Some(&b'\n'));
                        odd.push(Odd::Swallowed(start..end));
                    }
                    (true, false) => {}
                }
            }
            break;
        }
        odd
    }

    /// What a field is if a quote that opens it closes where it ends.
    const FIELD: &str = r#"("([^"]|"")*"|[^",\n\r][^,\n\r]*|)"#;

    /// Whether only the last of at most three fields has a quote that doesn't close, and no newline ends it.
    fn is_open(record: &[u8]) -> bool {
        let open = format!(r#"^({FIELD},){{0,2}}"([^"]|"")*$"#);
        !matches!(record.last(), Some(b'\n' | b'\r')) && regex::bytes::Regex::new(&open).unwrap().is_match(record)
    }

    /// Whether every quote that opens a field of a record closes where one ends.
    fn is_sound(record: &[u8]) -> bool {
        let field = FIELD;
        regex::bytes::Regex::new(&format!("^{field}(,{field})*[\n\r]*$")).unwrap().is_match(record)
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(b"a,,\"\"\n\r".to_vec()), 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn records_are_those_of_a_reader(bytes in texts()) {
            prop_assert_eq!(odd(&bytes), odd_by_reading(&bytes));
        }

        #[test]
        fn a_cut_changes_nothing(bytes in texts(), at in 0..60usize) {
            let cut = quoting().last_end(&bytes[..at.min(bytes.len())]);
            let shifted = |odd| match odd {
                Odd::Swallowed(range) => Odd::Swallowed(range.start + cut..range.end + cut),
                Odd::Unclosed(range) => Odd::Unclosed(range.start + cut..range.end + cut),
                Odd::Open(range) => Odd::Open(range.start + cut..range.end + cut),
            };
            let mut parts = odd(&bytes[..cut]);
            parts.extend(odd(&bytes[cut..]).into_iter().map(shifted));
            prop_assert_eq!(parts, odd(&bytes));
        }
    }
}
