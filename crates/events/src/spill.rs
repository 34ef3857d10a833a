//! Parts on disk: what no longer fits into the memory limit, sorted by the names of accounts, so that it is read once, in
//! order.
//!
//! A spill is one unnamed temporary file (the system removes it whatever happens) of frames. A frame is a small [`Part`]: its
//! runs, sightings, and what its events have, as they lie in memory. The order of names doesn't change when more names come,
//! so the frames of every spill ascend in the final numbering too, which isn't known yet when they are written.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use zerocopy::{FromBytes, IntoBytes};

use crate::error::EventError;
use crate::gather::Part;

/// Lengths of a frame's lists, and its first account.
struct Frame {
    account: u32,
    runs: usize,
    sightings: usize,
    events: usize,
    requests: usize,
    tokens: usize,
    beyond: usize,
}

/// A file of frames.
pub(crate) struct Spill {
    folder: PathBuf,
    file: BufWriter<File>,
    frames: VecDeque<Frame>,
}

impl Spill {
    /// An empty spill on the disk of `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self, EventError> {
        let file = tempfile::tempfile_in(folder).map_err(|error| full(folder, error))?;
        Ok(Spill { folder: folder.to_owned(), file: BufWriter::with_capacity(1 << 20, file), frames: VecDeque::new() })
    }

    /// Appends a frame.
    pub(crate) fn write(&mut self, part: &Part) -> Result<(), EventError> {
        let Some(first) = part.runs.first() else { return Ok(()) };
        self.frames.push_back(Frame {
            account: first.account,
            runs: part.runs.len(),
            sightings: part.sightings.len(),
            events: part.events.len(),
            requests: part.requests.len(),
            tokens: part.tokens.len(),
            beyond: part.beyond.len(),
        });
        let columns = [part.events.as_bytes(), part.requests.as_bytes(), part.tokens.as_bytes(), part.beyond.as_bytes()];
        let mut lists = [part.runs.as_bytes(), part.sightings.as_bytes()].into_iter().chain(columns);
        lists.try_for_each(|list| self.file.write_all(list)).map_err(|error| full(&self.folder, error))
    }

    /// To be called between writing and reading.
    pub(crate) fn rewind(&mut self) -> Result<(), EventError> {
        self.file.flush().and_then(|()| self.file.get_mut().rewind()).map_err(|error| full(&self.folder, error))
    }

    /// The first account of the next frame.
    pub(crate) fn next_account(&self) -> Option<u32> {
        self.frames.front().map(|frame| frame.account)
    }

    /// The next frame.
    pub(crate) fn read(&mut self) -> Result<Part, EventError> {
        let Some(frame) = self.frames.pop_front() else { return Ok(Part::default()) };
        let file = self.file.get_mut();
        let mut part = || -> std::io::Result<Part> {
            Ok(Part {
                runs: list(file, frame.runs)?,
                sightings: list(file, frame.sightings)?,
                events: list(file, frame.events)?,
                requests: list(file, frame.requests)?,
                tokens: list(file, frame.tokens)?,
                beyond: list(file, frame.beyond)?,
            })
        };
        part().map_err(|error| EventError::Spill {
            folder: self.folder.display().to_string(),
            action: "read back",
            source: error,
        })
    }
}

fn list<T: FromBytes + IntoBytes + Clone>(file: &mut File, length: usize) -> std::io::Result<Vec<T>> {
    let mut list = vec![T::new_zeroed(); length];
    file.read_exact(list.as_mut_bytes())?;
    Ok(list)
}

fn full(folder: &Path, source: std::io::Error) -> EventError {
    EventError::Spill { folder: folder.display().to_string(), action: "write", source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gather::{Event, Run, Seen};

    #[test]
    fn frames_come_back_as_they_went() {
        let part = |account: u32| Part {
            runs: vec![Run { account, sightings: 1, events: 2 }],
            sightings: vec![Seen { identifier: 7, count: 2, first_seen: 3, last_seen: 4 }],
            events: vec![Event::new(account, 2, 1, 3); 2],
            requests: if account == 1 { vec![1, 9] } else { Vec::new() },
            tokens: if account == 1 { Vec::new() } else { vec![500, 0] },
            beyond: if account == 1 { Vec::new() } else { vec![0, 3] },
        };
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path()).unwrap();
        spill.write(&part(1)).unwrap();
        spill.write(&Part::default()).unwrap();
        spill.write(&part(2)).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        spill.rewind().unwrap();
        assert_eq!(spill.next_account(), Some(1));
        assert_eq!(spill.read().unwrap(), part(1));
        assert_eq!(spill.read().unwrap(), part(2));
        assert_eq!(spill.next_account(), None);
    }
}
