//! From a dataset to files.
//!
//! 1. The format, from the name of the file or as asked.
//! 2. What is drawn; only GraphML and GEXF have a limit of nodes, the other formats hold the whole selection.
//! 3. Places, for the formats that have them.
//! 4. The file, or the four files of a table format: beside each other as `FILE.csv`, `FILE.edges.csv` ..., or in a directory
//!    as `nodes.csv`, `edges.csv` ....

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::graph::{NO_TIME, WeightedGraph};
use serde::Serialize;

use super::about::{Fidelity, fidelity};
use super::layout::place;
use super::sink::{Compression, STDOUT, is_stream, write_file};
use super::tables::{Table, write_csv};
use super::{ExportConfig, ExportGraph, LeftOut, Places, actions, gexf, graphml, misp, parquet, stix};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::observe::{Observer, Steps};
use crate::options::FORMAT;
use crate::results::Labelling;
use crate::store;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// For Gephi, networkx, igraph: `.graphml`.
    GraphMl,
    /// For Gephi's timeline: `.gexf`.
    Gexf,
    /// Four tables: `.csv`, or a directory.
    Csv,
    /// Four tables: `.parquet`, or a directory.
    Parquet,
    /// Proposed actions, a JSON object a line: `.jsonl`.
    #[serde(rename = "jsonl")]
    Actions,
    /// A STIX 2.1 bundle: `.stix` or `.stix.json`.
    Stix,
    /// A MISP event: `.misp` or `.misp.json`.
    Misp,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 7] =
        [Format::GraphMl, Format::Gexf, Format::Csv, Format::Parquet, Format::Actions, Format::Stix, Format::Misp];

    /// The name, as `--format` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Format::GraphMl => "graphml",
            Format::Gexf => "gexf",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Actions => "jsonl",
            Format::Stix => "stix",
            Format::Misp => "misp",
        }
    }

    /// The format that a file name asks for, compressed or not; a directory means CSV.
    ///
    /// # Errors
    /// [`Error::Usage`] with the suffixes that there are.
    pub fn of_name(path: &Path) -> Result<Format, Error> {
        let (_, inner) = Compression::of_name(path);
        let suffix = |path: &Path| path.extension().and_then(|suffix| suffix.to_str()).map(str::to_ascii_lowercase);
        let last = suffix(&inner);
        let asked = if last.as_deref() == Some("json") { suffix(&inner.with_extension("")) } else { last };
        if let Some(format) = Format::ALL.into_iter().find(|format| asked.as_deref() == Some(format.name())) {
            return Ok(format);
        }
        if is_directory(path) {
            return Ok(Format::Csv);
        }
        Err(Error::Usage(format!(
            "{} does not say which format: end it in .graphml, .gexf, .csv, .parquet, .jsonl, .stix.json or .misp.json \
             (with .gz or .zst, if you like), or give {FORMAT}",
            path.display()
        )))
    }

    /// Whether the format is a picture: it needs places, and too many nodes make it useless.
    fn is_drawn(self) -> bool {
        matches!(self, Format::GraphMl | Format::Gexf)
    }
}

/// What was written and what wasn't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportSummary {
    /// The format.
    pub format: Format,
    /// The files, the main one first.
    pub files: Vec<WrittenFile>,
    /// Networks and candidates of the selection.
    pub networks: u64,
    /// Those of them below the threshold.
    pub candidates: u64,
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Whether a node stands for each group of accounts because there are too many.
    pub collapsed: bool,
    /// What the data holds and the file doesn't.
    pub left_out: LeftOut,
    /// Values that XML can't hold or Gephi changes; zero in formats that hold everything.
    pub fidelity: Fidelity,
    /// Networks of the selection that people rejected, drawn because they were named: nothing is proposed against them.
    pub rejected: u64,
    /// Accounts that actions skip because they are banned already.
    pub already_banned: u64,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WrittenFile {
    /// Its path.
    pub path: PathBuf,
    /// Its size in bytes, compressed.
    pub bytes: u64,
}

/// Writes what a dataset and its results hold of a selection. `positions` lays a graph out (see [`super::layout`]); it is asked
/// only for the formats that have places, and only if [`ExportConfig::places`] says so. The observer is asked between choosing,
/// drawing and writing.
///
/// # Errors
/// [`Error::Interrupted`] and those of the layout; [`Error::Usage`] for a name or level that can't be, [`Error::Io`] if writing fails; a path then holds what it held before.
pub fn export(
    dataset: &Dataset,
    results: &Labelling,
    config: &ExportConfig,
    positions: impl Fn(&WeightedGraph) -> Result<Vec<[f32; 2]>, Error>,
    path: &Path,
    observer: &dyn Observer,
) -> Result<ExportSummary, Error> {
    let steps = Steps::of(observer);
    let format = format_of(config, path)?;
    if config.selection.pair_budget.is_some()
        && !matches!(format, Format::GraphMl | Format::Gexf | Format::Csv | Format::Parquet)
    {
        return Err(Error::Usage(format!(
            "a projection has no identifiers for {}: write graphml, gexf, csv or parquet",
            format.name()
        )));
    }
    let mut config = config.clone();
    if !format.is_drawn() {
        config.selection.max_nodes = usize::MAX;
    }
    steps.begin("choosing")?;
    let mut graph = ExportGraph::from_dataset(dataset, results, &config)?;
    if format.is_drawn() && config.places == Places::LaidOut {
        steps.begin("drawing")?;
        place(&mut graph, positions)?;
    }
    steps.begin("writing")?;
    write_graph(&graph, &config, path)
}

/// Writes a graph, whatever it was made from.
///
/// # Errors
/// As [`export`]; [`Error::Usage`] for STIX and MISP of a graph without any time.
pub fn write_graph(graph: &ExportGraph<'_>, config: &ExportConfig, path: &Path) -> Result<ExportSummary, Error> {
    let format = format_of(config, path)?;
    if matches!(format, Format::Stix | Format::Misp) && graph.about.now() == NO_TIME {
        return Err(Error::Usage(format!(
            "{} dates everything that it says, and neither has an event of this store a time nor is it known when its networks were \
             found: detect again (hydralink detect), or build it from events with a timestamp",
            format.name()
        )));
    }
    let (compression, inner) = Compression::of_name(path);
    let mut already_banned = 0;
    let mut files = Vec::new();
    let mut file = |path: PathBuf, bytes: u64| files.push(WrittenFile { path, bytes });
    match format {
        Format::Csv | Format::Parquet => {
            if is_stream(path) {
                return Err(Error::Usage(format!(
                    "{} is four tables, which {} can't take: write to a file or a folder",
                    format.name(),
                    if path == Path::new(STDOUT) { "stdout".to_owned() } else { path.display().to_string() }
                )));
            }
            if format == Format::Parquet && compression != Compression::None {
                return Err(Error::Usage("Parquet is compressed inside; leave .gz or .zst away".to_owned()));
            }
            for (table, path) in Table::ALL.into_iter().zip(table_paths(path, &inner, compression, format)?) {
                let bytes = write_file(&path, compression, |out| match format {
                    Format::Csv => write_csv(graph, table, out),
                    _ => parquet::write(graph, table, out),
                })?;
                file(path, bytes);
            }
        }
        _ => {
            let bytes = write_file(path, compression, |out| {
                match format {
                    Format::GraphMl => graphml::write(graph, config.colors, config.metadata, out)?,
                    Format::Gexf => gexf::write(graph, config.colors, out)?,
                    Format::Stix => stix::write(graph, &config.sharing, config.key.as_ref(), out)?,
                    Format::Misp => misp::write(graph, &config.sharing, out)?,
                    Format::Actions => already_banned = actions::write(graph, &config.sharing, out)?,
                    Format::Csv | Format::Parquet => unreachable!("tables are written above"),
                }
                out.flush()
            })?;
            file(path.to_owned(), bytes);
        }
    }
    Ok(ExportSummary {
        format,
        files,
        networks: graph.networks.len() as u64,
        candidates: graph.networks.iter().filter(|network| !network.flagged).count() as u64,
        rejected: graph.beliefs.iter().filter(|belief| belief.is_rejected()).count() as u64,
        nodes: graph.nodes.len() as u64,
        edges: graph.edges.len() as u64,
        collapsed: graph.about.collapsed,
        left_out: graph.left_out,
        fidelity: if format.is_drawn() { fidelity(graph) } else { Fidelity::default() },
        already_banned,
    })
}

fn format_of(config: &ExportConfig, path: &Path) -> Result<Format, Error> {
    config.format.map_or_else(|| Format::of_name(path), Ok)
}

/// An existing directory, or a name that can only be meant as one.
fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte as char))
}

/// Where the four tables go. A directory is made if it isn't there; a store is none, nor anything inside one.
fn table_paths(path: &Path, inner: &Path, compression: Compression, format: Format) -> Result<[PathBuf; 4], Error> {
    let suffix = compression.suffix();
    let has_suffix =
        inner.extension().and_then(|suffix| suffix.to_str()).is_some_and(|suffix| suffix.eq_ignore_ascii_case(format.name()));
    if has_suffix && !is_directory(path) {
        let stem = inner.with_extension("");
        let beside = |table: Table| PathBuf::from(format!("{}.{}.{}{suffix}", stem.display(), table.name(), format.name()));
        return Ok([path.to_owned(), beside(Table::Edges), beside(Table::Memberships), beside(Table::Evidence)]);
    }
    store::refuse_among_files(path)?;
    fs::create_dir_all(path).map_err(|error| Error::io("make the directory", path, error))?;
    Ok(Table::ALL.map(|table| path.join(format!("{}.{}", table.name(), format.name()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn a_name_tells_the_format() {
        let of = |name: &str| Format::of_name(Path::new(name)).ok();
        let names = ["a.graphml", "a.GEXF.gz", "a.csv.zst", "a.parquet", "a.jsonl", "a.stix.json.gz", "a.misp.json"];
        assert_eq!(names.map(of), Format::ALL.map(Some));
        assert_eq!(["a.json", "a", "a.xml"].map(of), [None; 3]);
        assert_eq!(of("folder/"), Some(Format::Csv));
    }

    #[test]
    fn every_format_is_written_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let graph = testing::toy();
        for (name, files) in [
            ("a.graphml", vec!["a.graphml"]),
            ("a.gexf.gz", vec!["a.gexf.gz"]),
            ("a.csv.gz", vec!["a.csv.gz", "a.edges.csv.gz", "a.memberships.csv.gz", "a.evidence.csv.gz"]),
            ("t/", vec!["t/nodes.csv", "t/edges.csv", "t/memberships.csv", "t/evidence.csv"]),
            ("a.parquet", vec!["a.parquet", "a.edges.parquet", "a.memberships.parquet", "a.evidence.parquet"]),
            ("a.jsonl", vec!["a.jsonl"]),
            ("a.stix.json", vec!["a.stix.json"]),
            ("a.misp.json.zst", vec!["a.misp.json.zst"]),
        ] {
            let summary = write_graph(&graph, &ExportConfig::default(), &folder.path().join(name)).unwrap();
            let written: Vec<PathBuf> = summary.files.iter().map(|file| file.path.clone()).collect();
            assert_eq!(written, files.iter().map(|file| folder.path().join(file)).collect::<Vec<_>>());
            assert!(summary.files.iter().all(|file| file.bytes == fs::metadata(&file.path).unwrap().len()));
            assert_eq!((summary.nodes, summary.edges, summary.left_out.hubs), (8, 9, 1));
        }
    }

    /// It was a bundle of 1970 without an indicator.
    #[test]
    fn a_graph_without_times_is_dated_by_its_detection_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut graph = testing::toy();
        (graph.about.as_of, graph.about.since) = (NO_TIME, testing::JANUARY + 86_400);
        graph.nodes.iter_mut().for_each(|node| (node.first_seen, node.last_seen) = (NO_TIME, NO_TIME));
        graph.edges.iter_mut().for_each(|edge| (edge.first_seen, edge.last_seen) = (NO_TIME, NO_TIME));
        let written = |graph: &ExportGraph<'_>, name: &str| {
            let path = folder.path().join(name);
            write_graph(graph, &ExportConfig::default(), &path).map(|_| fs::read_to_string(&path).unwrap())
        };
        let stix = written(&graph, "a.stix.json").unwrap();
        assert_eq!(stix.matches("\"type\":\"indicator\"").count(), 3, "{stix}");
        assert!(stix.contains("\"valid_from\":\"2026-01-12T00:00:00.000Z\"") && !stix.contains("1970"), "{stix}");
        let misp = written(&graph, "a.misp.json").unwrap();
        assert!(misp.contains("\"date\":\"2026-01-02\"") && misp.contains("valid until 2026-02-11"), "{misp}");
        graph.about.detected_at = NO_TIME;
        for name in ["a.stix.json", "a.misp.json"] {
            let refused = written(&graph, name).unwrap_err().to_string();
            assert!(refused.contains("hydralink detect"), "{refused}");
        }
        assert!(written(&graph, "a.graphml").is_ok());
    }

    #[test]
    fn the_same_graph_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["graphml.gz", "gexf", "parquet", "stix.json", "misp.json", "jsonl"] {
            let written = ["a", "b"].map(|stem| {
                let path = folder.path().join(stem).with_extension(name);
                write_graph(&testing::toy(), &ExportConfig::default(), &path).unwrap();
                let bytes = fs::read(&path).unwrap();
                fs::remove_file(path).unwrap();
                // A gzip header holds the file's name.
                if name.ends_with(".gz") { bytes[24..].to_vec() } else { bytes }
            });
            assert_eq!(written[0], written[1], "{name}");
        }
    }
}
