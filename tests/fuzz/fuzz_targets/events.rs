//! CSV, TSV and JSON Lines as anybody may write them: the same bytes give the same sightings, rejects and counts however they
//! are cut, on any number of threads, compressed or not, with little memory; and the same rows in another format do too.

#![no_main]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use events::fuzzing::PIECE;
use events::{Batches, IngestConfig};
use hydralink::arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, StringArray};
use hydralink_fuzz::{file, ingested, said, settings};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::atomic::Ordering::Relaxed;

const WHOLE: usize = 4 << 20;

fuzz_target!(|input: &[u8]| -> Corpus {
    // A text that begins with a NUL is refused at once.
    if input.len() < 4 {
        return Corpus::Reject;
    }
    let config = settings();
    PIECE.store(WHOLE, Relaxed);
    let path = [file("events", input)];
    let whole = ingested(&path[..], &config, false);
    let expected = said(&whole, true);
    let same = |how: &str, path: &[PathBuf], config: &IngestConfig, many: bool| {
        let found = said(&ingested(path, config, many), true);
        assert!(found == expected, "{how}:\n{found}\n\nand not\n{expected}");
    };
    for piece in [1, 64, 700] {
        PIECE.store(piece, Relaxed);
        same("in pieces", &path, &config, piece == 64);
    }
    // One layer of compression is undone, and Parquet isn't read from a stream.
    let is_bare = ![&b"\x1f\x8b"[..], b"\x28\xb5\x2f\xfd", b"PAR1"].iter().any(|magic| input.starts_with(magic));
    if is_bare {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(input).expect("memory");
        file("events", &gzip.finish().expect("memory"));
        same("compressed", &path, &config, true);
        file("events", input);
    }
    if input.len() % 4 == 0 {
        let little = IngestConfig { memory_limit: Some(1), ..config.clone() };
        same("with little memory", &path, &little, true);
    }
    PIECE.store(WHOLE, Relaxed);
    if whole.is_err() || input.contains(&b'"') || input.contains(&b'\r') || input.starts_with(b"{") {
        return Corpus::Keep;
    }
    otherwise(input, &config, &said(&whole, false));
    Corpus::Keep
});

/// The rows of a text without quotes as JSON Lines and as Arrow. Where the text has a row of another width, a line that is no
/// text, or a column twice, it has no equal.
fn otherwise(input: &[u8], config: &IngestConfig, expected: &str) {
    let Ok(text) = std::str::from_utf8(input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input)) else { return };
    let text = text.trim_start_matches('\n');
    let mut lines = text.lines();
    let Some(header) = lines.next() else { return };
    let delimiter = ['\t', ';', '|', ',']
        .into_iter()
        .max_by_key(|&delimiter| (header.matches(delimiter).count(), delimiter == ','))
        .expect("four of them");
    let names: Vec<&str> = header.split(delimiter).map(str::trim).collect();
    let lower: std::collections::BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let rows: Vec<Vec<&str>> = lines.filter(|line| !line.is_empty()).map(|line| line.split(delimiter).collect()).collect();
    let plain = |row: &Vec<&str>| row.len() == names.len() && !row.iter().any(|cell| cell.starts_with('\u{feff}'));
    if rows.is_empty() || lower.len() != names.len() || names.iter().any(|name| name.is_empty()) || !rows.iter().all(plain) {
        return;
    }
    let columns = names.iter().enumerate().map(|(at, name)| {
        let cells = rows.iter().map(|row| Some(row[at]).filter(|cell| !cell.is_empty()));
        (*name, Arc::new(cells.collect::<StringArray>()) as ArrayRef, true)
    });
    let Ok(batch) = RecordBatch::try_from_iter_with_nullable(columns) else { return };
    for many in [false, true] {
        let reader = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
        let found = said(&ingested(Batches::new("batches", reader), config, many), false);
        assert!(found == expected, "as Arrow:\n{found}\n\nand not\n{expected}");
    }
}
