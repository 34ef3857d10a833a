//! A stream of text in pieces that end where a record ends, so that pieces can be parsed in parallel.
//!
//! A quote opens a field only at its start (RFC 4180), and a newline inside quotes doesn't end a record. A record of more than
//! 8 MiB is dropped, up to its next newline, and reported: a file that is one endless line needs no more memory than any other.

use std::io::Read;

/// Bytes a piece aims at.
const PIECE: usize = 4 << 20;

/// Longest record.
pub(crate) const MAX_RECORD: usize = 8 << 20;

/// Whole records, and the line number of the first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    pub(crate) first_line: u64,
    pub(crate) dropped: Vec<u64>,
}

/// Cuts a stream into pieces.
pub(crate) struct Pieces<R> {
    reader: R,
    carry: Vec<u8>,
    delimiter: Option<u8>,
    line: u64,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    /// `delimiter` turns quoting on. `start` is what was read already.
    pub(crate) fn new(reader: R, start: Vec<u8>, first_line: u64, delimiter: Option<u8>) -> Self {
        Pieces { reader, carry: start, delimiter, line: first_line, ended: false }
    }

    /// The next piece; nothing at the end.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<Piece>> {
        let mut piece = Piece::default();
        loop {
            while !self.ended && self.carry.len() < PIECE {
                let wanted = (PIECE + MAX_RECORD - self.carry.len()) as u64;
                self.ended = self.reader.by_ref().take(wanted).read_to_end(&mut self.carry)? == 0;
            }
            if self.carry.is_empty() {
                piece.first_line = self.line;
                return Ok(if piece.dropped.is_empty() { None } else { Some(piece) });
            }
            let end = if self.ended { self.carry.len() } else { last_end(&self.carry, self.delimiter) };
            if end > 0 {
                let rest = self.carry.split_off(end);
                piece.bytes = std::mem::replace(&mut self.carry, rest);
                piece.first_line = self.line;
                self.line += memchr::memchr_iter(b'\n', &piece.bytes).count() as u64;
                return Ok(Some(piece));
            }
            piece.dropped.push(self.line);
            self.drop_line()?;
        }
    }

    fn drop_line(&mut self) -> std::io::Result<()> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.carry) {
                self.carry.drain(..=at);
                self.line += 1;
                return Ok(());
            }
            self.carry.clear();
            if self.reader.by_ref().take(PIECE as u64).read_to_end(&mut self.carry)? == 0 {
                self.ended = true;
                return Ok(());
            }
        }
    }
}

/// The end of the last whole record.
fn last_end(bytes: &[u8], delimiter: Option<u8>) -> usize {
    let quoting = delimiter.filter(|_| memchr::memchr(b'"', bytes).is_some());
    let Some(delimiter) = quoting else {
        return memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
    };
    let (mut end, mut at, mut quoted) = (0, 0, false);
    while let Some(step) = memchr::memchr2(b'"', b'\n', &bytes[at..]) {
        let here = at + step;
        at = here + 1;
        if bytes[here] == b'\n' {
            if !quoted {
                end = at;
            }
        } else if quoted && bytes.get(at) == Some(&b'"') {
            at += 1;
        } else if quoted {
            quoted = false;
        } else {
            quoted = here == 0 || [delimiter, b'\n', b'\r'].contains(&bytes[here - 1]);
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quoted_newline_ends_nothing() {
        assert_eq!(last_end(b"a,\"b\nc\"\nd,\"e\n", Some(b',')), 8);
        assert_eq!(last_end(b"a,\"b\"\"\n\"\nx", Some(b',')), 9);
        assert_eq!(last_end(b"a,b\"c\nx", Some(b',')), 6);
    }

    #[test]
    fn an_endless_line_is_dropped_in_bounded_memory() {
        let endless = std::io::repeat(b'x').take(64 << 20).chain(&b"\na,b\n"[..]);
        let mut pieces = Pieces::new(endless, Vec::new(), 1, Some(b','));
        let piece = pieces.next().unwrap().unwrap();
        assert_eq!((piece.bytes.as_slice(), piece.first_line, piece.dropped), (&b"a,b\n"[..], 2, vec![1]));
        assert!(pieces.carry.capacity() < 32 << 20);
        assert_eq!(pieces.next().unwrap(), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(bytes in prop::collection::vec(prop::sample::select(b"a,\"\n\r".to_vec()), 0..300)) {
            let mut pieces = Pieces::new(&bytes[..], Vec::new(), 1, Some(b','));
            let mut all = Vec::new();
            while let Some(piece) = pieces.next().unwrap() {
                all.extend(piece.bytes);
            }
            prop_assert_eq!(all, bytes);
        }
    }
}
