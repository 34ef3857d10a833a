//! Aligned columns for people: which stay where a line is too narrow for all, and which names stand on lines of their own.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use crate::fold::{longest_word, width};
use crate::output::Field;
use crate::visible::visible;

/// Writes records as aligned columns, on lines of so many columns; `width` where the terminal's isn't to be asked.
pub(crate) fn write<T>(
    out: &mut impl Write,
    records: &[T],
    fields: &[Field<T>],
    width: Option<u16>,
    line: usize,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    let mut shown: Vec<&Field<T>> = fields.iter().filter(|field| field.in_table).collect();
    let cell = |record: &T, field: &&Field<T>| visible(&(field.cell)(record));
    let mut rows: Vec<Vec<String>> =
        records.iter().map(|record| shown.iter().map(|field| cell(record, field)).collect()).collect();
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
                writeln!(out, "{name}")?;
            }
        }
        writeln!(out, "{}", line.replace(ASIDE, " ").trim_end())?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
