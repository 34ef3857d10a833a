//! What the targets share: a bound on single allocations, files that are written over and over, and what an ingest brought as text.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::LazyLock;

use events::{IngestConfig, Ingested, Sources, Unobserved, ingest};

/// Ends the process at an allocation that no small input justifies: `-rss_limit_mb` counts pages that were touched, and memory
/// that is asked for by a number from a file often isn't.
struct Bounded;

/// The largest allocation, in bytes. Reading text asks for 12 MiB whatever the file.
const LARGEST: usize = 256 << 20;

// SAFETY: the system's allocator, which is asked for less.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn check(size: usize) {
    if size > LARGEST {
        eprintln!("an allocation of {size} bytes:\n{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }
}

#[global_allocator]
static BOUNDED: Bounded = Bounded;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("hydralink-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for files");
    folder
});

/// A file of this name with these bytes; the same path each time.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    std::fs::write(&path, bytes).expect("a file is written");
    path
}

static POOLS: LazyLock<[rayon::ThreadPool; 2]> =
    LazyLock::new(|| [1, 3].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")));

/// Work on one thread, or on three.
pub fn on<T: Send>(many: bool, work: impl FnOnce() -> T + Send) -> T {
    POOLS[usize::from(many)].install(work)
}

/// Settings under which a result depends on nothing but the input.
pub fn settings() -> IngestConfig {
    IngestConfig { now: Some(1_780_000_000), max_bad: 1.0, ..IngestConfig::default() }
}

/// What an ingest gives, and where rows went.
///
/// # Panics
/// If rows are neither read nor rejected, or the graph is none.
pub fn ingested<'a>(sources: impl Into<Sources<'a>> + Send, config: &IngestConfig, many: bool) -> Result<Ingested, String> {
    let sources = sources.into();
    let found = on(many, || ingest(sources, config, &Unobserved)).map_err(|error| error.to_string())?;
    found.graph.validate().expect("sightings in order");
    let read = found.files.iter().map(|file| file.rows).sum::<u64>();
    assert_eq!(read, found.rows, "rows of files and rows");
    assert!(found.rejected_count() + found.kept_rows <= found.rows, "{found:?}");
    assert!(found.activity.event_count() as u64 <= found.rows - found.rejected_count(), "{found:?}");
    Ok(found)
}

/// What must be the same however it is read, in text.
pub fn said(found: &Result<Ingested, String>, with_examples: bool) -> String {
    let found = match found {
        Ok(found) => found,
        Err(error) => return error.clone(),
    };
    let examples = if with_examples { format!("{:?}", found.examples) } else { String::new() };
    let names = |names: &events::Names, count: usize| (0..count as u32).map(|id| names.text(id).to_owned()).collect::<Vec<_>>();
    let graph = &found.graph;
    format!(
        "{:?}",
        (
            (names(&found.account_names, graph.account_count()), &found.kind_names),
            names(&found.identifier_names, graph.identifier_count()),
            (graph.columns(), found.activity.columns(), &found.long_events),
            (&found.event_pathway, &found.event_pathways, &found.models, &found.capabilities),
            (found.rows, found.new_rows, &found.rejected, found.kept_rows, &found.unread, examples),
            (found.unroutable, found.absent, found.forwarded, found.short_prompts, &found.event_ids),
        )
    )
}
