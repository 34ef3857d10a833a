//! What was bad in one piece of the input: how often, the first of each sort, and, if all are to be written, each of them.
//!
//! Of lines that hold two bytes a piece has millions, so a bad row costs no memory of its own, or, where rejects are written, 16
//! bytes and what of its value is repeated until the piece is folded.

use crate::normalise::Reason;
use crate::rejection::Rejection;

/// Rejections kept as examples.
pub(crate) const EXAMPLES: usize = 20;

/// The bad rows of a piece.
#[derive(Debug, Default)]
pub(crate) struct Rejections {
    file: String,
    row_group: Option<u64>,
    sorts: Vec<Sort>,
    examples: Vec<Rejection>,
    /// The last one, of which may be found out yet what it is.
    last: Option<(Noted, String)>,
    /// All of them, and the values that are repeated, one after the other; nothing if nobody asks for them.
    all: Option<(Vec<Noted>, String)>,
}

/// What is bad in the same way.
#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) field: String,
    pub(crate) reason: Reason,
    /// Whether the rows were kept, without the field.
    pub(crate) kept: bool,
    pub(crate) count: u64,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Noted {
    row: u64,
    /// Bytes of its value.
    length: u32,
    sort: u16,
    is_open: bool,
}

impl Rejections {
    /// None yet, of a file or of a row group in it. `all`: whether each is asked for in the end.
    pub(crate) fn new(file: &str, row_group: Option<u64>, all: bool) -> Self {
        Rejections { file: file.to_owned(), row_group, all: all.then(Default::default), ..Rejections::default() }
    }

    /// Notes a bad row, or a field that its row is kept without.
    pub(crate) fn note(&mut self, row: u64, field: &str, reason: Reason, raw: &[u8], kept: bool) {
        self.settle();
        let open = Rejection::open_value(field, raw);
        let length = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        let noted = Noted { row, length, sort: self.sort(field, reason, kept), is_open: open.is_some() };
        self.last = Some((noted, open.unwrap_or_default().to_owned()));
    }

    /// The row and the reason of the last one, if its row was left out.
    pub(crate) fn last_left_out(&self) -> Option<(u64, Reason)> {
        let (last, _) = self.last.as_ref()?;
        let sort = &self.sorts[usize::from(last.sort)];
        (!sort.kept).then_some((last.row, sort.reason))
    }

    /// Says why the last one really is bad.
    pub(crate) fn name_last(&mut self, reason: Reason) {
        let Some((last, value)) = self.last.take() else { return };
        let Sort { field, kept, .. } = &self.sorts[usize::from(last.sort)];
        let sort = self.sort(&field.clone(), reason, *kept);
        self.last = Some((Noted { sort, ..last }, value));
    }

    /// To be called when no more are noted.
    pub(crate) fn settle(&mut self) {
        let Some((last, value)) = self.last.take() else { return };
        let sort = &mut self.sorts[usize::from(last.sort)];
        sort.count += 1;
        if self.examples.len() < EXAMPLES || sort.count == 1 {
            self.examples.push(self.rejection(last, &value));
        }
        if let Some((all, values)) = &mut self.all {
            all.push(last);
            values.push_str(&value);
        }
    }

    /// What was bad, counted.
    pub(crate) fn sorts(&self) -> impl Iterator<Item = &Sort> {
        self.sorts.iter().filter(|sort| sort.count > 0)
    }

    /// The first [`EXAMPLES`], and the first of each sort, in their order.
    pub(crate) fn examples(&self) -> &[Rejection] {
        &self.examples
    }

    /// All, in their order, if they were to be kept.
    pub(crate) fn all(&self) -> impl Iterator<Item = Rejection> {
        let (all, mut values) = self.all.as_ref().map_or((&[][..], ""), |(all, values)| (&all[..], &values[..]));
        all.iter().map(move |&noted| {
            let (value, rest) = values.split_at(if noted.is_open { noted.length as usize } else { 0 });
            values = rest;
            self.rejection(noted, value)
        })
    }

    fn sort(&mut self, field: &str, reason: Reason, kept: bool) -> u16 {
        let is_it = |sort: &Sort| sort.reason == reason && sort.kept == kept && sort.field == field;
        // Columns by reasons: a few.
        let at = self.sorts.iter().position(is_it).unwrap_or_else(|| {
            self.sorts.push(Sort { field: field.to_owned(), reason, kept, count: 0 });
            self.sorts.len() - 1
        });
        at as u16
    }

    fn rejection(&self, noted: Noted, value: &str) -> Rejection {
        let Noted { row, length, sort, is_open } = noted;
        let Sort { field, reason, kept, .. } = &self.sorts[usize::from(sort)];
        let value = match length {
            _ if is_open => value.to_owned(),
            0 => String::new(),
            length => format!("({length} bytes)"),
        };
        let (file, row_group) = (self.file.clone(), self.row_group);
        Rejection { file, row_group, row, field: field.clone(), reason: *reason, value, kept: *kept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_bad_rows_are_counted_and_a_few_are_kept() {
        let mut found = Rejections::new("f", None, false);
        for row in 0..100_000 {
            found.note(row, "line", Reason::FieldCount, b"", false);
        }
        found.note(100_000, "ip", Reason::BadIp, b"x", true);
        found.settle();
        let counts: Vec<(&str, bool, u64)> = found.sorts().map(|sort| (&*sort.field, sort.kept, sort.count)).collect();
        assert_eq!(counts, [("line", false, 100_000), ("ip", true, 1)]);
        let rows: Vec<u64> = found.examples().iter().map(|one| one.row).collect();
        assert_eq!(rows, (0..EXAMPLES as u64).chain([100_000]).collect::<Vec<_>>());
        assert_eq!(found.all().count(), 0);
    }

    #[test]
    fn all_are_kept_where_they_are_asked_for() {
        let mut found = Rejections::new("f", Some(3), true);
        for row in 0..50 {
            found.note(row, "timestamp", Reason::BadTime, format!("{row}.13.").as_bytes(), false);
            found.note(row, "account_id", Reason::TooLong, b"somebody", true);
        }
        found.note(50, "line", Reason::FieldCount, b"", false);
        assert_eq!(found.last_left_out(), Some((50, Reason::FieldCount)));
        found.name_last(Reason::LastLineCut);
        found.settle();
        let said: Vec<String> = found.all().map(|one| format!("{} {} {}", one.row, one.value, one.reason.name())).collect();
        let expected = (0..50).flat_map(|row| [format!("{row} {row}.13. bad_time"), format!("{row} (8 bytes) too_long")]);
        assert_eq!(said, expected.chain(["50  last_line_cut".to_owned()]).collect::<Vec<_>>());
        assert_eq!(found.sorts().count(), 3);
        assert_eq!(found.examples()[EXAMPLES..].iter().map(|one| one.row).collect::<Vec<_>>(), [50]);
    }
}
