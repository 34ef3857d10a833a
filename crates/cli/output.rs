//! Three printers: a table for people, JSON and JSON Lines and CSV for machines.
//!
//! Values come from logs that an adversary wrote: in tables control characters and those that nobody sees are made visible, so
//! that a name can't move the cursor, recolour the terminal, reverse the text after it or look like another one.

use std::io::{self, BufWriter, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use serde::Serialize;

use crate::Found;
use crate::args::Shared;
use crate::fold::{bounded, folded, longest_word, width};

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

/// A column of a record: its heading, how to print it, and whether it is a number.
pub(crate) struct Field<T> {
    heading: &'static str,
    cell: fn(&T) -> String,
    number: bool,
    /// Whether a value is a name, to be copied whole.
    whole: bool,
    in_table: bool,
    /// Where a line is too narrow for all columns, those with the highest number go first; 0 for those that stay.
    spare: u8,
}

impl<T> Field<T> {
    /// A column of names: in tables none is broken.
    pub(crate) const fn name(heading: &'static str, cell: fn(&T) -> String) -> Self {
        Field { heading, cell, number: false, whole: true, in_table: true, spare: 0 }
    }

    /// A column of words, in tables and CSV.
    pub(crate) const fn text(heading: &'static str, cell: fn(&T) -> String) -> Self {
        Field { heading, cell, number: false, whole: false, in_table: true, spare: 0 }
    }

    /// A column of numbers, in tables and CSV.
    pub(crate) const fn number(heading: &'static str, cell: fn(&T) -> String) -> Self {
        Field { heading, cell, number: true, whole: true, in_table: true, spare: 0 }
    }

    /// A column that is left out of tables on lines too narrow for all, those of a higher order first.
    pub(crate) const fn spare(order: u8, column: Self) -> Self {
        let mut column = column;
        column.spare = order;
        column
    }

    /// A column in CSV only, where tables have no room.
    pub(crate) const fn csv(heading: &'static str, cell: fn(&T) -> String) -> Self {
        Field { heading, cell, number: false, whole: false, in_table: false, spare: 0 }
    }
}

/// A number of things that a word with an `s` means several of: 1 network, 2 networks.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Locked, buffered stdout and the chosen format.
pub(crate) struct Output {
    format: Option<Format>,
    out: BufWriter<io::Stdout>,
    quiet: bool,
    width: Option<u16>,
    /// Whether anything was said on stderr.
    spoken: bool,
}

impl Output {
    pub(crate) fn new(shared: &Shared) -> Self {
        let width = if io::stdout().is_terminal() { None } else { Some(100) };
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).or(width);
        Output { format: shared.format, out: BufWriter::new(io::stdout()), quiet: shared.quiet, width, spoken: false }
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
            _ => self.csv(records, fields)?,
        }
        Ok(if records.is_empty() { Found::Nothing } else { Found::Something })
    }

    /// Prints records one by one as they come; as JSON they still form one array. Not for tables, whose columns need all rows.
    pub(crate) fn stream<T: Serialize>(&mut self, records: impl Iterator<Item = T>, fields: &[Field<T>]) -> io::Result<Found> {
        let mut count = 0u64;
        match self.format() {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(&mut self.out);
                writer.write_record(fields.iter().map(|field| field.heading)).map_err(unwrapped)?;
                for record in records {
                    writer.write_record(fields.iter().map(|field| (field.cell)(&record))).map_err(unwrapped)?;
                    count += 1;
                }
                writer.flush()?;
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

    /// Says something on stderr, unless asked to be quiet.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        self.out.flush()?;
        self.spoken = true;
        if !self.quiet {
            let (mut err, text) = (io::stderr(), visible_lines(text));
            // Whoever reads it from a file looks for sentences.
            let line = if err.is_terminal() { self.line_width() } else { usize::MAX };
            writeln!(err, "{}", folded(&text, line))?;
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
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = self.width {
            table.set_width(width);
        }
        let mut shown: Vec<&Field<T>> = fields.iter().filter(|field| field.in_table).collect();
        let cell = |record: &T, field: &&Field<T>| visible(&(field.cell)(record));
        let mut rows: Vec<Vec<String>> =
            records.iter().map(|record| shown.iter().map(|field| cell(record, field)).collect()).collect();
        let line = self.line_width();
        drop_spare(&mut shown, &mut rows, line);
        let (widths, aside) = set_aside(&shown, &mut rows, line);
        table.set_header(shown.iter().map(|field| field.heading));
        for row in &rows {
            table.add_row(row);
        }
        for (at, (field, width)) in shown.iter().zip(widths).enumerate() {
            if let Some(column) = table.column_mut(at) {
                column.set_padding(if at == 0 { (0, 1) } else { (1, 1) });
                let width = u16::try_from(width + padding(at)).unwrap_or(u16::MAX);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
                if field.number {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        let mut aside = aside.into_iter();
        for line in table.lines() {
            if line.contains(ASIDE) {
                for name in aside.next().into_iter().flatten() {
                    writeln!(self.out, "{name}")?;
                }
            }
            writeln!(self.out, "{}", line.replace(ASIDE, " ").trim_end())?;
        }
        Ok(())
    }

    fn csv<T>(&mut self, records: &[T], fields: &[Field<T>]) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(fields.iter().map(|field| field.heading)).map_err(unwrapped)?;
        for record in records {
            writer.write_record(fields.iter().map(|field| (field.cell)(record))).map_err(unwrapped)?;
        }
        writer.flush()
    }
}

/// Stands in the cell of a name that stands on a line of its own. No other cell has it: a control character, it would be
/// escaped.
const ASIDE: char = '\u{1}';

/// Spaces around a column's values.
fn padding(at: usize) -> usize {
    if at == 0 { 1 } else { 2 }
}

/// The room that a column needs for its names and its longest word.
fn needs<T>(fields: &[&Field<T>], rows: &[Vec<String>], at: usize) -> usize {
    let values = rows.iter().map(|row| if fields[at].whole { width(&row[at]) } else { longest_word(&row[at]) });
    values.max().unwrap_or(0).max(longest_word(fields[at].heading))
}

/// Leaves out spare columns where a line is too narrow for all of them: as few as will do, the most spare first. If they can't make
/// room for all names in their rows, as few as will do where names stand on lines of their own.
fn drop_spare<T>(fields: &mut Vec<&Field<T>>, rows: &mut [Vec<String>], line: usize) {
    let whole: Vec<usize> = (0..fields.len()).map(|at| needs(fields, rows, at)).collect();
    let aside = |at: usize| if fields[at].whole && !fields[at].number { longest_word(fields[at].heading) } else { whole[at] };
    let aside: Vec<usize> = (0..fields.len()).map(aside).collect();
    let Some(stays) = [&whole, &aside].into_iter().find_map(|widths| spared(fields, widths, line)) else { return };
    let mut kept = stays.iter();
    fields.retain(|_| *kept.next().expect("one for each column"));
    for row in rows {
        let mut kept = stays.iter();
        row.retain(|_| *kept.next().expect("one for each column"));
    }
}

/// The columns that stay so that all of these widths fit; `None` where leaving out all spare ones isn't enough.
fn spared<T>(fields: &[&Field<T>], widths: &[usize], line: usize) -> Option<Vec<bool>> {
    let fits = |stays: &[bool]| {
        let widths = widths.iter().zip(stays).filter(|(_, stays)| **stays).enumerate();
        widths.map(|(at, (width, _))| width + padding(at)).sum::<usize>() <= line
    };
    let mut order: Vec<usize> = (0..fields.len()).filter(|&at| fields[at].spare > 0).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(fields[at].spare));
    let mut stays = vec![true; fields.len()];
    for at in order.iter().copied() {
        if fits(&stays) {
            break;
        }
        stays[at] = false;
    }
    if !fits(&stays) {
        return None;
    }
    // A wide column may have made the others' going needless.
    for at in order.into_iter().rev() {
        let gone = !std::mem::replace(&mut stays[at], true);
        if gone && !fits(&stays) {
            stays[at] = false;
        }
    }
    Some(stays)
}

/// Gives every column the room that its names and its longest word need. Where a line is too narrow for that, the names that
/// don't fit are taken out of their column, that of the longest first, and returned row by row, for lines of their own above
/// the row: so that every name can be copied, however narrow the terminal. Widths of columns, without what is around them, come
/// with them.
fn set_aside<T>(fields: &[&Field<T>], rows: &mut [Vec<String>], line: usize) -> (Vec<usize>, Vec<Vec<String>>) {
    let mut widths: Vec<usize> = (0..fields.len()).map(|at| needs(fields, rows, at)).collect();
    let mut aside: Vec<Vec<(usize, String)>> = vec![Vec::new(); rows.len()];
    let mut moved: Vec<usize> = Vec::new();
    loop {
        let wanted: usize = widths.iter().enumerate().map(|(at, width)| width + padding(at)).sum();
        let names = (0..fields.len()).filter(|at| fields[*at].whole && !fields[*at].number && !moved.contains(at));
        // Of equally long ones the first.
        let Some(at) = names.min_by_key(|&at| std::cmp::Reverse(widths[at])).filter(|_| wanted > line) else { break };
        let room = line.saturating_sub(wanted - widths[at]).max(longest_word(fields[at].heading));
        for (row, aside) in rows.iter_mut().zip(&mut aside).filter(|(row, _)| width(&row[at]) > room) {
            let name = std::mem::replace(&mut row[at], ASIDE.to_string());
            aside.push((at, name));
        }
        widths[at] = needs(fields, rows, at);
        moved.push(at);
    }
    // The first column is what the row is about.
    let first = moved.iter().min().copied();
    let named = |(at, name): (usize, String)| if Some(at) == first { name } else { format!("{} {name}", fields[at].heading) };
    let aside = aside.into_iter().filter(|names| !names.is_empty());
    let aside = aside.map(|names| names.into_iter().map(named).collect()).collect();
    (widths, aside)
}

/// The I/O error inside a CSV error, so that a closed pipe is known as one.
fn unwrapped(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A string with its control characters, and those that reorder text or that nobody sees, made visible.
pub(crate) fn visible(text: &str) -> String {
    text.chars().flat_map(|character| escape(character, false)).collect()
}

/// As [`visible`], but lines stay lines.
pub(crate) fn visible_lines(text: &str) -> String {
    text.chars().flat_map(|character| escape(character, true)).collect()
}

fn escape(character: char, keep_newlines: bool) -> impl Iterator<Item = char> {
    let control = character.is_control() && !(keep_newlines && matches!(character, '\n' | '\t'));
    let hidden = control || is_unseen(character);
    let (plain, escaped) = if hidden { (None, Some(character.escape_unicode())) } else { (Some(character), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// Whether a character has no look of its own: those that format text (Unicode's Cf), separate lines and paragraphs (Zl, Zp) or are
/// left out where a font doesn't know them (`Default_Ignorable_Code_Point`).
fn is_unseen(character: char) -> bool {
    let at = u32::from(character);
    let found = UNSEEN.partition_point(|&(_, last)| last < at);
    UNSEEN.get(found).is_some_and(|&(first, _)| first <= at)
}

/// First and last of each range of such characters, by Unicode 16.
const UNSEEN: [(u32, u32); 26] = [
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x600, 0x605),
    (0x61C, 0x61C),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
];

/// A whole number in groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn names_that_do_not_fit_stand_on_lines_of_their_own() {
        let field = [Field::name("node", |row: &(String, String)| row.0.clone()), Field::text("why", |row| row.1.clone())];
        let row = |name: &str, why: &str| vec![name.to_owned(), why.to_owned()];
        let fields: Vec<&Field<(String, String)>> = field.iter().collect();
        let rows = || vec![row("ip:192.0.2.1", "a b"), row("template:0123456789abcdef", "seen often")];
        // Room for all: nothing moves, and words may still wrap.
        let mut wide = rows();
        assert_eq!(set_aside(&fields, &mut wide, 40), (vec![25, 5], vec![]));
        let mut narrow = rows();
        let (widths, aside) = set_aside(&fields, &mut narrow, 24);
        assert_eq!((widths, aside), (vec![12, 5], vec![vec!["template:0123456789abcdef".to_owned()]]));
        assert_eq!(narrow, [row("ip:192.0.2.1", "a b"), row("\u{1}", "seen often")]);
    }

    #[test]
    fn spare_columns_go_before_names_stand_alone() {
        type Row = [&'static str; 4];
        let field = [
            Field::name("node", |row: &Row| row[0].to_owned()),
            Field::number("bits", |row| row[1].to_owned()),
            Field::spare(1, Field::text("class", |row| row[2].to_owned())),
            Field::spare(2, Field::number("seen", |row| row[3].to_owned())),
        ];
        // 13 + 6 + 8 + 6 columns.
        let at = |line: usize| {
            let mut fields: Vec<&Field<Row>> = field.iter().collect();
            let mut rows = vec![["ip:192.0.2.1", "3.5", "shared", "7"].map(str::to_owned).to_vec()];
            drop_spare(&mut fields, &mut rows, line);
            let headings: Vec<&str> = fields.iter().map(|field| field.heading).collect();
            assert_eq!(headings.len(), rows[0].len());
            headings.join(" ")
        };
        assert_eq!((at(33), at(32)), ("node bits class seen".to_owned(), "node bits class".to_owned()));
        // Without the class there is room for the other again.
        assert_eq!((at(26), at(24)), ("node bits seen".to_owned(), "node bits".to_owned()));
        // Where no leaving out makes room for the name, it does beside a name that stands alone.
        assert_eq!((at(18), at(10)), ("node bits seen".to_owned(), "node bits class seen".to_owned()));
    }

    #[test]
    fn names_cannot_drive_the_terminal() {
        assert_eq!(visible("a\u{1b}[31mb\u{202e}c\n"), "a\\u{1b}[31mb\\u{202e}c\\u{a}");
        assert_eq!(visible_lines("a\nb"), "a\nb");
        // Nor look like another, or end a line for programs that know more ends than we.
        assert_eq!(
            visible_lines("ad\u{200b}min\u{feff}\u{2028}\u{ad}\u{e0041}"),
            "ad\\u{200b}min\\u{feff}\\u{2028}\\u{ad}\\u{e0041}"
        );
        assert_eq!(visible("Ünïcode 名前 الاسم 😀 e\u{301}"), "Ünïcode 名前 الاسم 😀 e\u{301}");
        assert!(UNSEEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
