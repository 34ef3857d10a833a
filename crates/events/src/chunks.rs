//! A stream of text in pieces that end where a record ends, so that pieces can be parsed in parallel.
//!
//! Pieces are short, so that a small file is work for several threads too; where no record ends in one it gets longer.
//!
//! A newline inside quotes doesn't end a record, if they close (`quotes`). A line of more than 8 MiB is dropped and reported: a
//! file that is one endless line needs no more memory than any other.

use std::io::Read;

use crate::quotes::Quoting;

/// Bytes of a piece, if a record ends in them.
#[cfg(not(fuzzing))]
fn piece_bytes() -> usize {
    PIECE
}

/// The same for the fuzz targets, which ask whether it matters where pieces end.
#[cfg(fuzzing)]
fn piece_bytes() -> usize {
    crate::fuzzing::PIECE.load(std::sync::atomic::Ordering::Relaxed)
}

pub(crate) const PIECE: usize = 2 << 20;

/// Longest record.
#[cfg(not(fuzzing))]
pub(crate) const MAX_RECORD: usize = 8 << 20;

/// So short that fuzz targets have longer ones.
#[cfg(fuzzing)]
pub(crate) const MAX_RECORD: usize = 512;

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
    quoting: Option<Quoting>,
    line: u64,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    /// `start` is what was read already.
    pub(crate) fn new(reader: R, start: Vec<u8>, first_line: u64, quoting: Option<Quoting>) -> Self {
        Pieces { reader, carry: start, quoting, line: first_line, ended: false }
    }

    /// The next piece; nothing at the end.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<Piece>> {
        let mut piece = Piece::default();
        // In more than the longest record only what is too long has no end.
        let longest = piece_bytes() + MAX_RECORD;
        let mut length = piece_bytes();
        loop {
            let wanted = length.saturating_sub(self.carry.len());
            if !self.ended && wanted > 0 {
                self.ended = self.reader.by_ref().take(wanted as u64).read_to_end(&mut self.carry)? < wanted;
            }
            if self.carry.is_empty() {
                piece.first_line = self.line;
                return Ok(if piece.dropped.is_empty() { None } else { Some(piece) });
            }
            let window = length.min(self.carry.len());
            let end = if self.ended && window == self.carry.len() { window } else { self.last_end(window) };
            if end > 0 {
                let rest = self.carry.split_off(end);
                piece.bytes = std::mem::replace(&mut self.carry, rest);
                piece.first_line = self.line;
                self.line += memchr::memchr_iter(b'\n', &piece.bytes).count() as u64;
                return Ok(Some(piece));
            }
            if length < longest {
                length = longest.min(2 * length);
                continue;
            }
            piece.dropped.push(self.line);
            self.drop_line()?;
            length = piece_bytes();
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
            if self.reader.by_ref().take(piece_bytes() as u64).read_to_end(&mut self.carry)? == 0 {
                self.ended = true;
                return Ok(());
            }
        }
    }

    /// The end of the last whole record in the first bytes of what was read.
    fn last_end(&self, window: usize) -> usize {
        let bytes = &self.carry[..window];
        match &self.quoting {
            Some(quoting) => quoting.last_end(bytes),
            None => memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoting() -> Option<Quoting> {
        Some(Quoting { delimiter: b',', has_lines: vec![true; 2] })
    }

    fn all<R: Read>(reader: R, quoting: Option<Quoting>) -> Vec<Piece> {
        let mut pieces = Pieces::new(reader, Vec::new(), 1, quoting);
        std::iter::from_fn(|| pieces.next().unwrap()).collect()
    }

    #[test]
    fn an_endless_line_is_dropped_in_bounded_memory() {
        let endless = std::io::repeat(b'x').take(64 << 20).chain(&b"\na,b\n"[..]);
        let mut pieces = Pieces::new(endless, Vec::new(), 1, quoting());
        let piece = pieces.next().unwrap().unwrap();
        assert_eq!((piece.bytes.as_slice(), piece.first_line, piece.dropped), (&b"a,b\n"[..], 2, vec![1]));
        assert!(pieces.carry.capacity() < 32 << 20);
        assert_eq!(pieces.next().unwrap(), None);
    }

    #[test]
    fn a_small_file_is_several_pieces_however_it_was_begun() {
        let bytes = b"a,b\n".repeat(5 << 18);
        for begun in [0, 4 << 20, bytes.len()] {
            let mut pieces = Pieces::new(&bytes[begun..], bytes[..begun].to_vec(), 1, quoting());
            let pieces: Vec<Piece> = std::iter::from_fn(|| pieces.next().unwrap()).collect();
            assert_eq!(pieces.iter().map(|piece| piece.bytes.len()).collect::<Vec<_>>(), [PIECE, PIECE, 1 << 20], "{begun}");
            assert_eq!(pieces[2].first_line, 1 + (1 << 20));
        }
    }

    #[test]
    fn a_long_record_is_kept_wherever_it_lies() {
        let line = |length: usize| [&vec![b'x'; length - 1][..], b"\n"].concat();
        let quoted = [b"a,\"", &line(3 << 20)[..], &line(3 << 20)[..], b"\"\n"].concat();
        for (record, quoting) in [(line(6 << 20), None), (quoted, quoting()), (line(MAX_RECORD), quoting())] {
            for before in (0..=PIECE + MAX_RECORD).step_by(1 << 20) {
                let bytes = [&line(1 << 10).repeat(before >> 10)[..], &record, &line(PIECE)].concat();
                let pieces = all(&bytes[..], quoting.clone());
                assert!(pieces.iter().all(|piece| piece.dropped.is_empty()), "{before} bytes before it");
                assert!(pieces.iter().any(|piece| memchr::memmem::find(&piece.bytes, &record).is_some()), "{before}");
                assert_eq!(pieces.into_iter().flat_map(|piece| piece.bytes).collect::<Vec<_>>(), bytes);
            }
        }
    }

    #[test]
    fn quotes_that_do_not_close_hold_nothing_up() {
        let bytes = b"u1\"x,\"d1\n".repeat(4 << 20);
        let pieces = all(&bytes[..], quoting());
        assert!(pieces.len() <= bytes.len() / PIECE + 1 && pieces.iter().all(|piece| piece.dropped.is_empty()));
        assert_eq!(pieces.into_iter().flat_map(|piece| piece.bytes).collect::<Vec<_>>(), bytes);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(bytes in prop::collection::vec(prop::sample::select(b"a,\"\n\r".to_vec()), 0..300)) {
            let bytes_of = |piece: Piece| piece.bytes;
            prop_assert_eq!(all(&bytes[..], quoting()).into_iter().flat_map(bytes_of).collect::<Vec<_>>(), bytes);
        }
    }
}
