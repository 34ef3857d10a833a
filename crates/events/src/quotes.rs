//! Is what stands between two quotes one field, or rows that a stray quote swallowed?
//!
//! RFC 4180 lets a quoted field go over lines, and a raw prompt does. But not everybody who writes logs quotes, and what a
//! client says of itself may begin with a quote: then everything up to the next quote looks like one field. A record of several
//! lines is one only if its quotes close where a field ends and it has as many fields as the header. Else its first line is
//! read without quotes, and reading goes on at the next: nothing of a file hides behind a quote that isn't closed.
//!
//! Where all closes and a field that links accounts goes over lines, nobody can say whether the writer quoted it or two clients
//! chose their values for it. Such a field would say nothing, so all the lines are bad rows, and counted: neither are others'
//! rows swallowed in silence nor is what one client wrote read as rows of others.

use std::ops::Range;

/// What a record of several lines is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// One row with text that has lines.
    OneRow,
    /// So many lines in a field that can't have any.
    Swallowed(u64),
    /// The first line of the record, whose quotes don't close, in bytes of it.
    Unclosed(Range<usize>),
}

/// Looks at the bytes of a record as a reader of CSV took them, with its line end and blank lines before it. `width`: fields of
/// the header; `has_lines`: whether the text of a field, by its place, may go over lines. O(bytes).
pub(crate) fn lines_of(record: &[u8], delimiter: u8, width: usize, has_lines: impl Fn(usize) -> bool) -> Lines {
    let blank = record.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    let body = &record[blank..];
    let Some(first) = memchr::memchr(b'\n', body).filter(|at| at + 1 < body.len()) else { return Lines::OneRow };
    let unclosed = Lines::Unclosed(blank..blank + first + 1);
    let (mut at, mut fields, mut swallowed) = (0, 1, false);
    loop {
        let ends = if body.get(at) == Some(&b'"') {
            let Some(close) = close_of(body, at) else { return unclosed };
            swallowed |= memchr::memchr(b'\n', &body[at..close]).is_some() && !has_lines(fields - 1);
            close + 1
        } else {
            at + memchr::memchr2(delimiter, b'\n', &body[at..]).unwrap_or(body.len() - at)
        };
        match body.get(ends) {
            Some(byte) if *byte == delimiter => (at, fields) = (ends + 1, fields + 1),
            None | Some(b'\r' | b'\n') => break,
            Some(_) => return unclosed,
        }
    }
    let lines = memchr::memchr_iter(b'\n', body).count() + usize::from(!body.ends_with(b"\n"));
    match (fields == width, swallowed) {
        (false, _) => unclosed,
        (true, true) => Lines::Swallowed(lines as u64),
        (true, false) => Lines::OneRow,
    }
}

/// The quote that closes the one at `open`.
fn close_of(body: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let quote = at + memchr::memchr(b'"', body.get(at..)?)?;
        if body.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_have_lines_and_what_links_may_not() {
        let last = |field| field == 2;
        assert_eq!(lines_of(b"a,b,\"x\ny\"\n", b',', 3, last), Lines::OneRow);
        assert_eq!(lines_of(b"\r\n\na,b,c\n", b',', 3, last), Lines::OneRow);
        assert_eq!(lines_of(b"a,\"b\"\"\n1,2,3\n\",c\n", b',', 3, last), Lines::Swallowed(3));
        assert_eq!(lines_of(b"a,\"b\n1\",c", b',', 3, last), Lines::Swallowed(2));
    }

    #[test]
    fn a_quote_that_does_not_close_ends_with_its_line() {
        for record in [
            // Up to the end, up to the quote of another row, and with another number of fields.
            &b"a,b,\"x\nc,d,e\nf,g,h\n"[..],
            b"a,b,\"x\nc,d,\"e\n",
            b"a,\"x\nc,d,e\"\n",
        ] {
            let first = memchr::memchr(b'\n', record).unwrap() + 1;
            assert_eq!(lines_of(record, b',', 3, |_| true), Lines::Unclosed(0..first), "{}", String::from_utf8_lossy(record));
        }
        assert_eq!(lines_of(b"\n\na,\"x\nb", b',', 2, |_| true), Lines::Unclosed(2..7));
    }
}
