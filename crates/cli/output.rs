//! Three printers: a table for people, JSON and JSON Lines and CSV for machines.
//!
//! Values come from logs that an adversary wrote: in tables control characters and those that nobody sees are made visible, so
//! that a name can't move the cursor, recolour the terminal, reverse the text after it or look like another one.

use std::borrow::Borrow;
use std::io::{self, BufWriter, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::Table;
pub(crate) use hydralink::counted::{counted, grouped};
use hydralink::filter::at_most;
use serde::Serialize;

use crate::Found;
use crate::args::Shared;
use crate::cells;
use crate::ending::Told;
use crate::fold::{bounded, folded};
use crate::table;
use crate::visible::visible_lines;

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
    /// Markdown, for `network`, `assess` and `appeal`.
    #[value(hide = true)]
    Markdown,
    /// GraphML, for `export`.
    #[value(hide = true)]
    Graphml,
    /// GEXF, for `export`.
    #[value(hide = true)]
    Gexf,
    /// Parquet, for `export`.
    #[value(hide = true)]
    Parquet,
    /// STIX 2.1, for `export`.
    #[value(hide = true)]
    Stix,
    /// MISP event, for `export`.
    #[value(hide = true)]
    Misp,
}

impl Format {
    /// Whether records can be printed in it; the others are files that `export` writes.
    pub(crate) fn prints_records(self) -> bool {
        matches!(self, Format::Table | Format::Json | Format::Jsonl | Format::Csv)
    }
}

/// A column of a record: in tables a heading and how to print it; in CSV a field of the record's JSON, as [`cells`] has it.
pub(crate) struct Field<T> {
    pub(crate) heading: &'static str,
    /// The field, with a dot before each name that is inside another.
    pub(crate) json: &'static str,
    pub(crate) cell: fn(&T) -> String,
    pub(crate) number: bool,
    /// Whether a value is a name, to be copied whole.
    pub(crate) whole: bool,
    pub(crate) in_table: bool,
    /// Where a line is too narrow for all columns, those with the highest number go first; 0 for those that stay.
    pub(crate) spare: u8,
}

impl<T> Field<T> {
    const fn new(heading: &'static str, cell: fn(&T) -> String) -> Self {
        Field { heading, json: heading, cell, number: false, whole: false, in_table: true, spare: 0 }
    }

    /// A column of names: in tables none is broken.
    pub(crate) const fn name(heading: &'static str, cell: fn(&T) -> String) -> Self {
        let mut column = Field::new(heading, cell);
        column.whole = true;
        column
    }

    /// A column of words.
    pub(crate) const fn text(heading: &'static str, cell: fn(&T) -> String) -> Self {
        Field::new(heading, cell)
    }

    /// A column of numbers.
    pub(crate) const fn number(heading: &'static str, cell: fn(&T) -> String) -> Self {
        let mut column = Field::new(heading, cell);
        (column.number, column.whole) = (true, true);
        column
    }

    /// A column that is left out of tables on lines too narrow for all, those of a higher order first.
    pub(crate) const fn spare(order: u8, column: Self) -> Self {
        let mut column = column;
        column.spare = order;
        column
    }

    /// A column in CSV only, where tables have no room.
    pub(crate) const fn csv(json: &'static str) -> Self {
        let mut column = Field::new(json, |_| String::new());
        column.in_table = false;
        column
    }

    /// A column of a field that is called otherwise than the heading.
    pub(crate) const fn of(json: &'static str, column: Self) -> Self {
        let mut column = column;
        column.json = json;
        column
    }
}

/// Locked, buffered stdout and the chosen format.
pub(crate) struct Output {
    format: Option<Format>,
    out: BufWriter<StandardOutput>,
    quiet: bool,
    width: Option<u16>,
    /// Whether anything was said on stderr.
    spoken: bool,
}

/// Standard output, whose errors say that it is it: what was asked for may be done by then.
struct StandardOutput(io::Stdout);

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    match error.kind() {
        // These are asked about, not told.
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => error,
        kind => io::Error::new(kind, format!("cannot write to standard output: {error}")),
    }
}

impl Output {
    pub(crate) fn new(shared: &Shared) -> Self {
        let width = if io::stdout().is_terminal() { None } else { Some(100) };
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).or(width);
        Output {
            format: shared.format,
            out: BufWriter::new(StandardOutput(io::stdout())),
            quiet: shared.quiet,
            width,
            spoken: false,
        }
    }

    /// The chosen format; a table where none was.
    pub(crate) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Table)
    }

    /// Prints records; says whether there were any.
    pub(crate) fn records<T: Serialize>(&mut self, records: &[T], fields: &[Field<T>]) -> io::Result<Found> {
        match self.format() {
            Format::Table if !records.is_empty() => self.table(records, fields)?,
            Format::Table => {}
            Format::Json => self.json(&records)?,
            Format::Jsonl => {
                for record in records {
                    serde_json::to_writer(&mut self.out, record)?;
                    self.out.write_all(b"\n")?;
                }
            }
            _ => drop(self.csv(records.iter(), fields)?),
        }
        Ok(if records.is_empty() { Found::Nothing } else { Found::Something })
    }

    /// Prints the first of these records (0: all); tells on stderr where that leaves some out.
    pub(crate) fn first<T: Serialize>(&mut self, records: &[T], top: usize, fields: &[Field<T>]) -> io::Result<Found> {
        let shown = at_most(top).min(records.len());
        let found = self.records(&records[..shown], fields)?;
        self.say_shown(shown, records.len())?;
        Ok(found)
    }

    /// Tells on stderr that only so many of all are shown, where that is so.
    pub(crate) fn say_shown(&mut self, shown: usize, all: usize) -> io::Result<()> {
        if shown == all {
            return Ok(());
        }
        self.say(&format!("showing {} of {}; --top 0 shows all", grouped(shown as u64), grouped(all as u64)))
    }

    /// Prints records that come as tables of so many rows at most, one below the other, each with its headings.
    pub(crate) fn blocks<T: Serialize>(
        &mut self,
        records: impl Iterator<Item = T>,
        rows: usize,
        fields: &[Field<T>],
    ) -> io::Result<Found> {
        let (mut records, mut found) = (records.fuse(), Found::Nothing);
        loop {
            let block: Vec<T> = records.by_ref().take(rows).collect();
            if self.records(&block, fields)? == Found::Nothing {
                return Ok(found);
            }
            found = Found::Something;
        }
    }

    /// Prints records one by one as they come; as JSON they still form one array. Not for tables, whose columns need all rows.
    pub(crate) fn stream<T: Serialize>(&mut self, records: impl Iterator<Item = T>, fields: &[Field<T>]) -> io::Result<Found> {
        let mut count = 0u64;
        match self.format() {
            Format::Csv => {
                count = self.csv(records, fields)?;
            }
            format => {
                let array = format == Format::Json;
                for record in records {
                    if array {
                        self.out.write_all(if count == 0 { b"[\n" } else { b",\n" })?;
                    }
                    serde_json::to_writer(&mut self.out, &record)?;
                    if !array {
                        self.out.write_all(b"\n")?;
                    }
                    count += 1;
                }
                if array {
                    self.out.write_all(if count == 0 { b"[]\n" } else { b"\n]\n" })?;
                }
            }
        }
        Ok(if count == 0 { Found::Nothing } else { Found::Something })
    }

    /// Prints one thing: as text for people, as JSON for machines.
    pub(crate) fn one<T: Serialize>(&mut self, thing: &T, text: impl FnOnce(&T) -> String) -> io::Result<Found> {
        match self.format() {
            Format::Json => self.json(thing)?,
            Format::Jsonl => {
                serde_json::to_writer(&mut self.out, thing)?;
                self.out.write_all(b"\n")?;
            }
            _ => {
                let text = visible_lines(&text(thing));
                let text = if self.format() == Format::Table { bounded(&text) } else { text };
                let text = folded(&text, self.line_width());
                self.out.write_all(text.as_bytes())?;
            }
        }
        Ok(Found::Something)
    }

    /// Whether a table was asked for by name, and isn't what there is where nothing was.
    pub(crate) fn is_table_wanted(&self) -> bool {
        self.format == Some(Format::Table)
    }

    /// Prints one thing as JSON, whatever the format.
    pub(crate) fn object<T: Serialize>(&mut self, thing: &T) -> io::Result<()> {
        self.json(thing)
    }

    /// Prints records as JSON Lines, unless another format was asked for that any record has: what a list on stdin is answered
    /// with.
    pub(crate) fn lines<T: Serialize>(&mut self, records: &[T]) -> io::Result<Found> {
        match self.format() {
            Format::Json => self.json(&records)?,
            _ => {
                for record in records {
                    serde_json::to_writer(&mut self.out, record)?;
                    self.out.write_all(b"\n")?;
                }
            }
        }
        Ok(if records.is_empty() { Found::Nothing } else { Found::Something })
    }

    /// Prints text for people, whatever the format.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<Found> {
        self.out.write_all(visible_lines(text).as_bytes())?;
        Ok(Found::Something)
    }

    /// Prints a line of data for people, whatever the format.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", visible_lines(text))
    }

    /// Says on stderr why there is nothing about one of several things; what is left of the error is its exit code.
    pub(crate) fn say_why(&mut self, error: anyhow::Error, text: &str) -> io::Result<anyhow::Error> {
        self.say(text)?;
        Ok(if self.quiet { error } else { error.context(Told) })
    }

    /// Says something on stderr, unless asked to be quiet.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        self.out.flush()?;
        self.spoken = true;
        if !self.quiet {
            let (mut err, text) = (io::stderr(), visible_lines(text));
            // Whoever reads it from a file looks for sentences.
            let line = if err.is_terminal() { self.line_width() } else { usize::MAX };
            // Whoever closed stderr doesn't want to know, and still wants the answer.
            let _ = writeln!(err, "{}", folded(&text, line));
        }
        Ok(())
    }

    /// Tells people that there is nothing, where an empty table would show them nothing at all.
    pub(crate) fn say_nothing_found(&mut self) -> io::Result<()> {
        if self.format() == Format::Table && !self.spoken { self.say("nothing found") } else { Ok(()) }
    }

    /// Writes out what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn json<T: Serialize + ?Sized>(&mut self, thing: &T) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, thing)?;
        self.out.write_all(b"\n")
    }

    /// Columns of a line.
    fn line_width(&self) -> usize {
        self.width.or_else(|| Table::new().width()).map_or(usize::MAX, usize::from)
    }

    fn table<T>(&mut self, records: &[T], fields: &[Field<T>]) -> io::Result<()> {
        let line = self.line_width();
        table::write(&mut self.out, records, fields, self.width, line)
    }

    /// Writes records as CSV, and says how many there were.
    fn csv<R: Borrow<T>, T: Serialize>(&mut self, records: impl Iterator<Item = R>, fields: &[Field<T>]) -> io::Result<u64> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(fields.iter().map(|field| cells::column(field.json))).map_err(unwrapped)?;
        let mut count = 0;
        for record in records {
            let row = cells::row(record.borrow(), fields.iter().map(|field| field.json))?;
            writer.write_record(row).map_err(unwrapped)?;
            count += 1;
        }
        writer.flush()?;
        Ok(count)
    }
}

/// The I/O error inside a CSV error, so that a closed pipe is known as one.
fn unwrapped(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
