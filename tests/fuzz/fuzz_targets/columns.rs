//! Parquet as anybody may damage it: rows or an error that says so, the same on any number of threads.

#![no_main]

use hydralink_fuzz::{file, ingested, said, settings};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The decoder's panics are caught; others still end the run, without a word until it is repeated with the usual hook.
static QUIET: LazyLock<()> = LazyLock::new(|| std::panic::set_hook(Box::new(|_| {})));

fuzz_target!(|input: &[u8]| {
    LazyLock::force(&QUIET);
    let config = settings();
    let path = [file("events.parquet", input)];
    let one = said(&ingested(&path[..], &config, false), true);
    let many = said(&ingested(&path[..], &config, true), true);
    // Which of several damaged columns is named first depends on who comes first.
    let failed = |text: &str| text.contains("events.parquet");
    assert!(one == many || failed(&one) && failed(&many), "{one}\n\nand on three threads\n{many}");
});
