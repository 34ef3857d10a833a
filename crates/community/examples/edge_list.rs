//! Components and communities of an edge list: what `benches/peers/run.py graphs` runs beside other libraries.
//!
//! ```text
//! edge_list FILE components|leiden|louvain [--converge] [--seed N] [--threads N] [--repeat N] [--labels FILE]
//! ```
//! A line is `source target [weight]`, vertices being numbers; a first line `# vertices N [left L]` says how many there are,
//! and how many of them are the left side. Prints one JSON object: the best time of the repetitions, and what was found.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::time::Instant;

use community::{Communities, Effort, LeidenConfig, LouvainConfig, leiden, louvain};
use graph::{WeightedGraph, connected_components, verify_components};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let usage = "edge_list FILE components|leiden|louvain [--converge] [--seed N] [--threads N] [--repeat N] [--labels FILE]";
    let (file, algorithm) = (words.next().ok_or(usage)?, words.next().ok_or(usage)?);
    let (mut effort, mut seed, mut threads, mut repeat, mut out) = (Effort::Fast, 0, 0, 1, None);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--converge" => effort = Effort::Converge,
            "--seed" => seed = value()?.parse()?,
            "--threads" => threads = value()?.parse()?,
            "--repeat" => repeat = value()?.parse()?,
            "--labels" => out = Some(value()?),
            _ => return Err(format!("{word} is not known; {usage}").into()),
        }
    }
    let graph = read(&file)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (vertices, edges) = (graph.vertex_count(), graph.entry_count().div_ceil(2));
    let labels = pool.install(|| -> Result<Vec<u32>, Failure> {
        let find = || match algorithm.as_str() {
            "leiden" => Ok(leiden(&graph, None, &LeidenConfig { effort, seed, ..Default::default() })?),
            "louvain" => Ok(louvain(&graph, None, &LouvainConfig { effort, seed, ..Default::default() })?),
            _ => Err(Failure::from(format!("{algorithm} is not an algorithm; {usage}"))),
        };
        if algorithm == "components" {
            let (seconds, partition) = timed(repeat, || connected_components(&graph));
            verify_components(&graph, &partition)?;
            let count = partition.group_count();
            println!(
                "{{\"seconds\":{seconds:.4},\"vertices\":{vertices},\"edges\":{edges},\"components\":{count},\"verified\":true}}"
            );
            return Ok(partition.labels().to_vec());
        }
        let (seconds, found) = timed(repeat, find);
        let Communities { partition, quality, iterations, audit, .. } = found?;
        let (count, disconnected) = (partition.group_count(), audit.disconnected);
        println!(
            "{{\"seconds\":{seconds:.4},\"vertices\":{vertices},\"edges\":{edges},\"modularity\":{quality:.6},\"communities\":{count},\
             \"disconnected\":{disconnected},\"iterations\":{iterations}}}"
        );
        Ok(partition.labels().to_vec())
    })?;
    if let Some(out) = out {
        let mut out = std::io::BufWriter::new(std::fs::File::create(out)?);
        labels.iter().try_for_each(|label| writeln!(out, "{label}"))?;
        out.flush()?;
    }
    Ok(())
}

/// The least time of `repeat` runs, and the result of the last.
fn timed<T>(repeat: usize, run: impl Fn() -> T) -> (f64, T) {
    let once = || {
        let started = Instant::now();
        let result = run();
        (started.elapsed().as_secs_f64(), result)
    };
    (1..repeat).fold(once(), |best, _| {
        let (seconds, result) = once();
        (seconds.min(best.0), result)
    })
}

fn read(file: &str) -> Result<WeightedGraph, Failure> {
    let mut reader = BufReader::with_capacity(1 << 20, std::fs::File::open(file).map_err(|error| format!("{file}: {error}"))?);
    let (mut line, mut number, mut edges) = (String::new(), 0, Vec::new());
    let (mut vertex_count, mut left) = (0, None);
    while reader.read_line(&mut line)? > 0 {
        number += 1;
        let wrong =
            || format!("{file}, line {number}: expected `source target [weight]` in numbers, found {:?}", line.trim_end());
        let mut words = line.split_ascii_whitespace();
        if line.starts_with('#') {
            while let Some(word) = words.next() {
                match word {
                    "vertices" => vertex_count = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?,
                    "left" => left = Some(words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?),
                    _ => {}
                }
            }
        } else if let Some(source) = words.next() {
            let source: u32 = source.parse().map_err(|_| wrong())?;
            let target: u32 = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
            let weight: f32 = words.next().map_or(Ok(1.0), str::parse).map_err(|_| wrong())?;
            vertex_count = vertex_count.max(source.max(target) as usize + 1);
            edges.push((source, target, weight));
        }
        line.clear();
    }
    let graph = WeightedGraph::from_edges(vertex_count, &edges)?;
    let (offsets, targets, weights) = (graph.offsets().to_vec(), graph.targets().to_vec(), graph.weights().to_vec());
    Ok(WeightedGraph::from_rows(offsets, targets, weights, left)?)
}
