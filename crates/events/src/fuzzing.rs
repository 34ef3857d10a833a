//! What fuzz targets turn and nobody else: compiled with `--cfg fuzzing` only, which cargo-fuzz gives.

use std::sync::atomic::AtomicUsize;

/// Bytes of a text that are read beside those of the longest record.
pub static PIECE: AtomicUsize = AtomicUsize::new(crate::chunks::PIECE);
