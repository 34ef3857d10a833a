//! Parquet and JSON as warehouses write them: damaged pages.

use std::path::{Path, PathBuf};

use events::{EventError, IngestConfig, Ingested, Unobserved, ingest};

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read_by(config: &IngestConfig, path: &Path) -> Result<Ingested, EventError> {
    ingest(&[path.to_path_buf()], config, &Unobserved)
}

/// Written by pyarrow with `write_page_checksum`: nothing here writes checksums.
#[test]
fn a_page_whose_checksum_is_wrong_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = include_bytes!("checksums.parquet").to_vec();
    let read = |bytes: &[u8]| read_by(&IngestConfig::default(), &write(folder.path(), "e.parquet", bytes));
    let got = read(&bytes).unwrap();
    assert_eq!((got.rows, got.account_names.len()), (20, 7));
    let at = bytes.windows(6).position(|text| text == b"acct_3").unwrap();
    bytes[at + 5] = b'9';
    let error = read(&bytes).unwrap_err().to_string();
    assert!(error.contains("e.parquet: a page of the Parquet file is damaged: its checksum is wrong"), "{error}");
}
