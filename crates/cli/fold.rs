//! Text for people, broken into the lines of their terminal.
//!
//! 1. Words without end are cut short ([`bounded`]).
//! 2. Lines with tabs are rows of cells, set as columns ([`columns`]). A name that is too long for its column stands whole on a
//!    line of its own, above its row, so that it can be copied: identifiers are often hashes of 64 digits.
//! 3. Other lines are prose, broken between words, or rows whose columns were set already ([`folded`]).
//!
//! Widths are those of a terminal: a Chinese character takes two columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Characters of a word in text for people; of a longer one, which no log needs to name anything, the beginning is shown.
const LONGEST_WORD: usize = 256;

/// Columns of a terminal that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The width of a text's longest word.
pub(crate) fn longest_word(text: &str) -> usize {
    text.split_whitespace().map(width).max().unwrap_or(0)
}

/// Text without the ends of words that are longer than any has to be, and with their lengths.
pub(crate) fn bounded(text: &str) -> String {
    let is_end = |character: char| matches!(character, ' ' | '\n' | '\t');
    let word = |part: &str| {
        let word = part.trim_end_matches(is_end);
        match word.chars().count() {
            size if size <= LONGEST_WORD => part.to_owned(),
            size => {
                let begin: String = word.chars().take(LONGEST_WORD).collect();
                format!("{begin}... ({} characters){}", crate::output::grouped(size as u64), &part[word.len()..])
            }
        }
    };
    text.split_inclusive(is_end).map(word).collect()
}

/// Text with lines of at most so many columns, as far as words are no longer: rows of cells become columns, prose is broken
/// between words, those in a last column that begins in the left two fifths stay in it, and other rows of columns stay
/// rows, which move together.
pub(crate) fn folded(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let blocks = lines.chunk_by(|a, b| sort_of(a) == sort_of(b)).flat_map(|block| match sort_of(block[0]) {
        Sort::Cells => columns(block, line),
        Sort::Columns => closed_up(block, line).iter().map(|row| fold(row, line)).collect(),
        Sort::Prose => block.iter().map(|one| fold(one, line)).collect(),
    });
    blocks.collect::<Vec<String>>().join("\n")
}

/// What a line is.
#[derive(PartialEq)]
enum Sort {
    /// Cells, with tabs between them.
    Cells,
    /// Columns, with gaps between them.
    Columns,
    Prose,
}

fn sort_of(line: &str) -> Sort {
    match line {
        line if line.contains('\t') => Sort::Cells,
        line if line.trim_start_matches(' ').contains("  ") => Sort::Columns,
        _ => Sort::Prose,
    }
}

/// Columns between the cells of a row.
const GAP: usize = 2;

/// Rows of cells as columns: numbers to the right, the rest to the left, and the whole block as far in as its first cells
/// are. If a line is too narrow, names that don't fit are taken out of their column, of the widest column first, and stand
/// on lines of their own; then words of the last column are broken.
fn columns(block: &[&str], line: usize) -> Vec<String> {
    let indent = |row: &str| row.len() - row.trim_start_matches(' ').len();
    let mut rows: Vec<(usize, Vec<&str>)> =
        block.iter().map(|row| (indent(row), row.trim_start_matches(' ').split('\t').collect())).collect();
    let count = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
    let last = count.saturating_sub(1);
    let cell_width = |(indent, cells): &(usize, Vec<&str>), at: usize| {
        cells.get(at).map_or(0, |cell| width(cell) + if at == 0 { *indent } else { 0 })
    };
    let widths = |rows: &[(usize, Vec<&str>)]| -> Vec<usize> {
        (0..count).map(|at| rows.iter().map(|row| cell_width(row, at)).max().unwrap_or(0)).collect()
    };
    // A first row may be the headings.
    let of_numbers = |at: usize| {
        let mut cells = rows.iter().skip(usize::from(rows.len() > 1)).filter_map(|(_, cells)| cells.get(at));
        at > 0 && cells.all(|cell| is_number(cell)) && (at < last || rows.iter().all(|(_, cells)| !has_prose(cells.get(at))))
    };
    let right: Vec<bool> = (0..count).map(of_numbers).collect();
    let mut aside: Vec<Vec<String>> = vec![Vec::new(); rows.len()];
    let mut moved = vec![false; count];
    loop {
        let wanted = widths(&rows);
        // The last column is prose and can be broken, unless there is no other.
        let last_needs = rows.iter().filter_map(|(_, cells)| cells.get(last)).map(|cell| longest_word(cell)).max().unwrap_or(0);
        let needs: usize = wanted[..last].iter().map(|width| width + GAP).sum::<usize>() + last_needs;
        let names = (0..last).filter(|&at| !right[at] && !moved[at]);
        let Some(at) = names.min_by_key(|&at| std::cmp::Reverse(wanted[at])).filter(|_| needs > line) else { break };
        let room = line.saturating_sub(needs - wanted[at]);
        for (row, aside) in rows.iter_mut().zip(&mut aside).filter(|(row, _)| cell_width(row, at) > room) {
            aside.push(format!("{}{}", " ".repeat(row.0), std::mem::take(&mut row.1[at])));
        }
        moved[at] = true;
    }
    let widths = widths(&rows);
    let set = |(row, aside): (&(usize, Vec<&str>), Vec<String>)| {
        let (indent, cells) = row;
        let mut set = " ".repeat(*indent);
        for (at, cell) in cells.iter().enumerate() {
            let pad = " ".repeat(widths[at].saturating_sub(cell_width(row, at)));
            if at > 0 {
                set.push_str(&" ".repeat(GAP));
            }
            let parts = if right[at] { [pad.as_str(), cell] } else { [cell, pad.as_str()] };
            set.extend(parts);
        }
        let set = set.trim_end();
        // What stood alone in its row needs no row beside the line that it has.
        let row = (!set.is_empty() || aside.is_empty()).then(|| {
            let begin = widths[..last].iter().map(|width| width + GAP).sum();
            if cells.len() > last && width(set) > line { broken(set, begin, begin, line) } else { set.to_owned() }
        });
        aside.into_iter().chain(row).collect::<Vec<String>>()
    };
    rows.iter().zip(aside).flat_map(set).collect()
}

/// Whether a cell begins with a number, or is empty.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    cell.is_empty() || digits.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether a cell is more than a number of something.
fn has_prose(cell: Option<&&str>) -> bool {
    cell.is_some_and(|cell| cell.split(' ').count() > 2)
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

/// Rows of which one is too wide with the gaps that all of them have narrowed to two spaces, from the left, as many as it
/// takes.
fn closed_up(rows: &[&str], line: usize) -> Vec<String> {
    let fits = |row: &&str| width(row) <= line || fold(row, line).split('\n').all(|part| width(part) <= line);
    let mut excess = rows.iter().filter(|row| !fits(row)).map(|row| width(row) - line).max().unwrap_or(0);
    if excess == 0 {
        return owned(rows);
    }
    let rows: Vec<Vec<String>> = rows.iter().map(|row| by_column(row)).collect();
    let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let is_blank = |at: usize| rows.iter().all(|row| row.get(at).is_none_or(|part| part == " "));
    let mut stays = vec![true; widest];
    // Of a gap, the characters after the second; what stands before all columns is no gap.
    let mut gap = 0;
    for at in (0..widest).skip_while(|&at| is_blank(at)) {
        gap = if is_blank(at) { gap + 1 } else { 0 };
        if gap > 2 && excess > 0 {
            (stays[at], excess) = (false, excess - 1);
        }
    }
    rows.iter()
        .map(|row| row.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(part, _)| part.as_str()).collect())
        .collect()
}

/// What stands in each column of a line: of a character that takes two, nothing in the second, and one that takes none
/// beside that before it.
fn by_column(line: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for character in line.chars() {
        match (character.width().unwrap_or(0), parts.last_mut()) {
            (0, Some(before)) => before.push(character),
            (taken, _) => {
                parts.push(character.to_string());
                parts.extend((1..taken).map(|_| String::new()));
            }
        }
    }
    parts
}

/// A line, broken if it is too long.
fn fold(text: &str, line: usize) -> String {
    if width(text) <= line {
        return text.to_owned();
    }
    let indent = text.len() - text.trim_start_matches(' ').len();
    // Where the text after the last gap of two spaces begins, if there is one.
    let column = text[indent..].rfind("  ").map(|at| indent + at + 2);
    match column.map(|at| (at, width(&text[..at]))) {
        None => broken(text, indent, indent + 2, line),
        Some((_, at)) if 5 * at > 2 * line => text.to_owned(),
        Some((begin, hang)) => broken(text, begin, hang, line),
    }
}

/// A line whose words from the byte `begin` on are broken into lines that hang so far in; less far before a word that would
/// be too long there.
fn broken(text: &str, begin: usize, hang: usize, line: usize) -> String {
    let begin = begin.min(text.len());
    let (mut out, mut at) = (text[..begin].to_owned(), width(&text[..begin]));
    for (number, word) in text[begin..].split(' ').enumerate() {
        let size = width(word);
        if number > 0 && at + 1 + size > line {
            let hang = hang.min(line.saturating_sub(size).max(2));
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', hang));
            at = hang;
        } else if number > 0 {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += size;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_prose_are_broken_between_words_and_columns_stay() {
        assert_eq!(
            folded("one two three\n\n  four five six\nshort\n", 9),
            "one two\n  three\n\n  four\n    five\n    six\nshort\n"
        );
        assert_eq!(folded("seen  one two three four", 16), "seen  one two\n      three four");
        let row = "identifier          12  shared address";
        assert_eq!(folded(row, 30), "identifier  12  shared address");
        // Rows move together, as far as the widest leaves them room.
        let rows = "a                12  shared\nidentifiér        3  address";
        assert_eq!(folded(rows, 24), "a            12  shared\nidentifiér    3  address");
        assert_eq!(folded(rows, 10), "a           12  shared\nidentifiér   3  address");
        assert_eq!(folded("a_name_that_is_longer_than_a_line is", 20), "a_name_that_is_longer_than_a_line\n  is");
    }

    #[test]
    fn of_a_word_without_end_the_beginning_is_shown() {
        let long = "ü".repeat(900);
        let told = bounded(&format!("ban  card:{long}  7 exchanges\n\nip:9.9.9.9\n"));
        assert_eq!(told, format!("ban  card:{}... (905 characters)  7 exchanges\n\nip:9.9.9.9\n", "ü".repeat(251)));
    }

    #[test]
    fn names_too_long_for_their_column_stand_whole_on_lines_of_their_own() {
        let hash = "0123456789abcdef".repeat(2);
        let rows = format!("  ip:192.0.2.1\t6.7 bits\t3 accounts\tshared\n  t:{hash}\t12.1 bits\t30 accounts\tshared");
        assert_eq!(
            folded(&rows, 80),
            format!(
                "  ip:192.0.2.1{}   6.7 bits   3 accounts  shared\n  t:{hash}  12.1 bits  30 accounts  shared",
                " ".repeat(22)
            )
        );
        assert_eq!(
            folded(&rows, 50),
            format!(
                "  ip:192.0.2.1   6.7 bits   3 accounts  shared\n  t:{hash}\n{}12.1 bits  30 accounts  shared",
                " ".repeat(16)
            )
        );
        // Two columns each, and a name that has spaces stays whole as well.
        assert_eq!(folded("名前\t1\nx\t2", 80), "名前  1\nx     2");
        assert_eq!(folded("  one name of many words\t", 10), "  one name of many words");
        // What comes last is prose.
        assert_eq!(folded("a\tone two three\nb\tfour", 10), "a  one two\n   three\nb  four");
    }

    #[test]
    fn a_long_word_hangs_no_farther_in_than_it_fits() {
        let hash = "0123456789".repeat(2);
        assert_eq!(folded(&format!("joined  by {hash} and"), 24), format!("joined  by\n    {hash}\n        and"));
        assert_eq!(width("名前é"), 5);
        assert_eq!(folded("名前 名前 名前", 10), "名前 名前\n  名前");
    }
}
