//! Rows about which nothing is out of the ordinary, column by column.
//!
//! A row of wide events without an event id, with an account, and with no value that is rejected, means what
//! [`Yield::push`] says, but needs no look at each cell: its codes stand in arrays already. [`Plain::take`] takes some rows if
//! all of them are such; if not it takes none, and the caller goes through them cell by cell.
//!
//! Cost: a few instructions a row and column.

use std::ops::Range;

use graph::{NO_TIME, NONE_U16, NONE_U32};

use crate::block::{Block, Row};
use crate::cells::Cell;
use crate::gather::Event;
use crate::manners::{self, Manner};
use crate::normalise::forwarded::is_list;
use crate::rows::{Place, Yield};
use crate::schema::{Layout, TEMPLATE_KIND, Use};
use crate::session::{ABSENT, EMPTY, SHORT, Session, UNROUTABLE, is_refused, is_value};
use crate::values::Resolved;

/// No time, in milliseconds.
const NEVER: i64 = i64::MIN;

/// What an identifier's column says of the template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Template {
    No,
    /// It is the template.
    Hash,
    /// It is, if there is none yet.
    Prompt,
}

/// Some rows of a batch.
pub(crate) struct Slice<'b> {
    /// The batch's columns.
    pub(crate) columns: &'b [Resolved],
    /// The codes of these rows, by column; empty where a column has none.
    pub(crate) codes: &'b [Vec<u32>],
    /// The rows, in the batch.
    pub(crate) rows: Range<usize>,
    /// The first one's number in the row group.
    pub(crate) first: u64,
}

/// The columns of a file of wide events by what they are used for, and room for some rows.
pub(crate) struct Plain {
    account: usize,
    identifiers: Vec<(usize, Template)>,
    labels: [Option<usize>; 3],
    time: Option<usize>,
    status: Option<usize>,
    requests: Option<usize>,
    tokens: Option<usize>,
    millis: Vec<i64>,
    templates: Vec<u32>,
    statuses: Vec<u16>,
    counts: Vec<u32>,
    /// Tokens by row; empty where no column has them.
    token_counts: Vec<u32>,
    absent: Vec<u32>,
    order: Vec<u32>,
}

impl Plain {
    /// Nothing for events of which each row has to be looked at.
    pub(crate) fn new(layout: &Layout) -> Option<Plain> {
        if layout.long || layout.event_id.is_some() {
            return None;
        }
        let position = |usage: &Use| layout.columns.iter().position(|column| column.usage == *usage);
        let identifiers = layout.columns.iter().enumerate().filter_map(|(at, column)| match &column.usage {
            Use::Identifier(kind) if kind == TEMPLATE_KIND => Some((at, Template::Hash)),
            Use::Identifier(_) => Some((at, Template::No)),
            Use::Prompt => Some((at, Template::Prompt)),
            _ => None,
        });
        Some(Plain {
            account: position(&Use::Account)?,
            identifiers: identifiers.collect(),
            labels: [Use::Model, Use::Capability, Use::Pathway].map(|usage| position(&usage)),
            time: position(&Use::Time),
            status: position(&Use::Status),
            requests: position(&Use::Requests),
            tokens: position(&Use::Tokens),
            millis: Vec::new(),
            templates: Vec::new(),
            statuses: Vec::new(),
            counts: Vec::new(),
            token_counts: Vec::new(),
            absent: Vec::new(),
            order: Vec::new(),
        })
    }

    /// Takes some rows, all or none; whether it did.
    pub(crate) fn take(&mut self, out: &mut Yield, place: &Place<'_>, some: &Slice<'_>) -> bool {
        let (session, codes) = (place.session, some.codes);
        let accounts = &codes[self.account];
        if !accounts.iter().all(|&code| is_value(code))
            || self.named().any(|at| codes[at].iter().any(|&code| is_refused(code)))
            || !self.read_times(out, session, some)
            || !self.read_counts(some)
            || !self.read_tokens(some)
            || !self.read_statuses(some)
        {
            return false;
        }
        self.choose_templates(some);
        self.absent.resize(accounts.len(), EMPTY);
        for &(at, _) in &self.identifiers {
            out.unroutable += codes[at].iter().filter(|&&code| code == UNROUTABLE).count() as u64;
            out.absent += codes[at].iter().filter(|&&code| code == ABSENT).count() as u64;
            out.short += codes[at].iter().filter(|&&code| code == SHORT).count() as u64;
        }
        for &(at, _) in self.identifiers.iter().filter(|&&(at, _)| some.columns[at].has_lists()) {
            let rows = some.rows.clone().zip(&codes[at]).filter(|&(_, &code)| code != EMPTY);
            out.forwarded += rows.filter(|&(row, _)| is_list(some.columns[at].raw(row))).count() as u64;
        }
        for at in self.named().chain([self.account]) {
            let filled = &mut out.filled[at];
            codes[at].iter().for_each(|&code| filled.note(code));
        }
        let counted = |column: Option<usize>, rows: usize, out: &mut Yield| {
            column.into_iter().for_each(|at| out.filled[at].rows += rows as u64);
        };
        counted(self.time, self.millis.iter().filter(|&&millis| millis != NEVER).count(), out);
        counted(self.requests, self.counts.len(), out);
        if let Some(at) = self.status {
            let known = self.statuses.iter().filter(|&&status| status != NONE_U16);
            known.for_each(|&status| out.filled[at].note_number(u32::from(status)));
        }
        if let Some(at) = self.tokens {
            self.token_counts.iter().for_each(|&tokens| out.filled[at].note_number(tokens));
        }
        let late = |&&millis: &&i64| millis != NEVER && millis < session.watermark;
        out.late += self.millis.iter().filter(late).count() as u64;
        out.without_time += self.millis.iter().filter(|&&millis| millis == NEVER).count() as u64;
        out.rows += accounts.len() as u64;

        let identifiers: Vec<&[u32]> = self.identifiers.iter().map(|&(at, _)| &codes[at][..]).collect();
        let [models, capabilities, pathways] = self.labels.map(|at| at.map_or(&self.absent[..], |at| &codes[at][..]));
        Block::order(accounts, &mut self.order);
        for &at in &self.order {
            let (at, account) = (at as usize, accounts[at as usize]);
            let (seconds, millis) = match self.millis[at] {
                NEVER => (NO_TIME, 0),
                millis => ((millis / 1000) as u32, (millis % 1000) as u16),
            };
            // The code of an empty label is that of none.
            let manner = Manner { model: models[at], capability: capabilities[at], status: self.statuses[at] };
            let manner = if seconds == NO_TIME { 0 } else { out.manner(&session.manners, manner) };
            let event = Event::new(seconds, millis, self.templates[at], manner);
            let tokens = self.token_counts.get(at).copied().unwrap_or(0);
            let (beyond, pathway) = (manners::beyond(manner), pathways[at]);
            let row = Row { account, event, beyond, requests: self.counts[at], tokens, pathway };
            out.block.push(&row, identifiers.iter().map(|codes| codes[at]).filter(|&code| is_value(code)));
        }
        true
    }

    /// The columns of identifiers and labels.
    fn named(&self) -> impl Iterator<Item = usize> {
        self.identifiers.iter().map(|&(at, _)| at).chain(self.labels.into_iter().flatten())
    }

    fn read_times(&mut self, out: &mut Yield, session: &Session<'_>, some: &Slice<'_>) -> bool {
        self.millis.clear();
        let Some(Resolved::Times(values)) = self.time.map(|at| &some.columns[at]) else {
            self.millis.resize(some.rows.len(), NEVER);
            return true;
        };
        for (row, at) in (some.first..).zip(some.rows.clone()) {
            match values.time(at, session.config.zone()) {
                Ok(None) => self.millis.push(NEVER),
                Ok(Some((millis, unit))) if millis <= session.latest_millis && out.unit.is_none_or(|known| known == unit) => {
                    out.units.note(unit, row);
                    self.millis.push(millis);
                }
                _ => return false,
            }
        }
        true
    }

    fn read_counts(&mut self, some: &Slice<'_>) -> bool {
        self.counts.clear();
        let Some(Resolved::Counts(values)) = self.requests.map(|at| &some.columns[at]) else {
            self.counts.resize(some.rows.len(), 1);
            return true;
        };
        for at in some.rows.clone() {
            let Cell::Number(count) = values.count(at) else { return false };
            self.counts.push(count);
        }
        true
    }

    fn read_tokens(&mut self, some: &Slice<'_>) -> bool {
        self.token_counts.clear();
        let Some(Resolved::Tokens(values)) = self.tokens.map(|at| &some.columns[at]) else { return true };
        for at in some.rows.clone() {
            let Cell::Number(tokens) = values.tokens(at) else { return false };
            self.token_counts.push(tokens);
        }
        true
    }

    fn read_statuses(&mut self, some: &Slice<'_>) -> bool {
        self.statuses.clear();
        let Some(Resolved::Statuses(values)) = self.status.map(|at| &some.columns[at]) else {
            self.statuses.resize(some.rows.len(), NONE_U16);
            return true;
        };
        for at in some.rows.clone() {
            self.statuses.push(match values.status(at) {
                Cell::Number(status) => status.min(u32::from(NONE_U16)) as u16,
                Cell::Code(EMPTY) => NONE_U16,
                _ => return false,
            });
        }
        true
    }

    fn choose_templates(&mut self, some: &Slice<'_>) {
        self.templates.clear();
        self.templates.resize(some.rows.len(), NONE_U32);
        for &(at, rule) in self.identifiers.iter().filter(|(_, rule)| *rule != Template::No) {
            for (template, &code) in self.templates.iter_mut().zip(&some.codes[at]) {
                if is_value(code) && (rule == Template::Hash || *template == NONE_U32) {
                    *template = code;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use proptest::prelude::*;

    use crate::config::{IngestConfig, Unobserved};
    use crate::ingest::ingest;
    use crate::ingested::Ingested;

    const START: i64 = 1_700_000_000_000;

    /// A row: time past the start, account, address, template, model, status, requests, tokens.
    type Values = (Option<i64>, Option<u8>, Option<u8>, Option<u8>, Option<u8>, Option<i64>, Option<i64>, Option<i64>);

    /// One value in many is a bad one.
    fn rows() -> impl Strategy<Value = Vec<Values>> {
        let rarely = |bad: i64| prop_oneof![300 => (1i64..4).prop_map(Some), 1 => Just(Some(bad)), 50 => Just(None)];
        let account = prop_oneof![300 => (0u8..40).prop_map(Some), 1 => Just(None)];
        let address = prop_oneof![300 => (0u8..30).prop_map(Some), 20 => (200u8..206).prop_map(Some), 20 => Just(None)];
        let one = (
            prop::option::weighted(0.9, 0i64..5_000_000),
            account,
            address,
            prop::option::weighted(0.8, 0u8..20),
            prop::option::weighted(0.8, 0u8..5),
            rarely(70_000),
            rarely(0),
            rarely(-1),
        );
        prop::collection::vec(one, 1..1800)
    }

    fn address(of: u8) -> String {
        match of {
            200 => "10.0.0.1".to_string(),
            201 => "no address".to_string(),
            of if of % 3 == 0 => format!("2001:db8:0:{of}::1"),
            of => format!("198.51.100.{of}"),
        }
    }

    fn texts(rows: &[Values]) -> Vec<[Option<String>; 8]> {
        let text = |(time, account, ip, template, model, status, requests, tokens): &Values| {
            [
                time.map(|time| (START + time).to_string()),
                account.map(|account| format!("a{account}")),
                ip.map(address),
                template.map(|template| format!("t{template}")),
                model.map(|model| format!("m{model}")),
                status.map(|status| status.to_string()),
                requests.map(|requests| requests.to_string()),
                tokens.map(|tokens| tokens.to_string()),
            ]
        };
        rows.iter().map(text).collect()
    }

    const HEADER: [&str; 8] =
        ["timestamp", "account_id", "ip", "prompt_template_hash", "model", "status", "requests", "tokens"];

    fn write_csv(path: &Path, rows: &[Values]) {
        let mut writer = csv::Writer::from_path(path).unwrap();
        writer.write_record(HEADER).unwrap();
        for row in texts(rows) {
            writer.write_record(row.iter().map(|text| text.as_deref().unwrap_or_default())).unwrap();
        }
    }

    fn write_parquet(path: &Path, rows: &[Values]) {
        let texts = texts(rows);
        let words = |at: usize| -> ArrayRef { Arc::new(StringArray::from_iter(texts.iter().map(|row| row[at].as_deref()))) };
        let numbers =
            |number: fn(&Values) -> Option<i64>| -> ArrayRef { Arc::new(Int64Array::from_iter(rows.iter().map(number))) };
        let times = rows.iter().map(|row| row.0.map(|time| (START + time) * 1000));
        let columns: [ArrayRef; 8] = [
            Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC")),
            words(1),
            words(2),
            words(3),
            words(4),
            numbers(|row| row.5),
            numbers(|row| row.6),
            // As pandas writes whole numbers of which some are missing.
            Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.7.map(|tokens| tokens as f64)))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(
            HEADER.into_iter().zip(columns).map(|(name, column)| (name, column, true)),
        )
        .unwrap();
        let groups = WriterProperties::builder().set_max_row_group_row_count(Some(700)).build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn read(path: PathBuf) -> Option<Ingested> {
        let config = IngestConfig { max_bad: 1.0, ..IngestConfig::default() };
        ingest(&[path], &config, &Unobserved).ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn columns_say_what_the_same_rows_say_as_text(rows in rows()) {
            let folder = tempfile::tempdir().unwrap();
            let (csv, parquet) = (folder.path().join("e.csv"), folder.path().join("e.parquet"));
            write_csv(&csv, &rows);
            write_parquet(&parquet, &rows);
            let (csv, parquet) = (read(csv), read(parquet));
            prop_assert_eq!(csv.is_some(), parquet.is_some());
            let (Some(csv), Some(parquet)) = (csv, parquet) else { return Ok(()) };
            prop_assert_eq!(csv.rows, parquet.rows);
            prop_assert_eq!(&csv.rejected, &parquet.rejected);
            prop_assert_eq!((csv.kept_rows, &csv.unread), (parquet.kept_rows, &parquet.unread));
            prop_assert_eq!(csv.unroutable, parquet.unroutable);
            prop_assert_eq!(format!("{:?}", csv.files[0].filled), format!("{:?}", parquet.files[0].filled));
            prop_assert_eq!(&csv.account_names, &parquet.account_names);
            prop_assert_eq!(&csv.identifier_names, &parquet.identifier_names);
            prop_assert_eq!(&csv.models, &parquet.models);
            prop_assert_eq!(csv.graph.columns(), parquet.graph.columns());
            prop_assert_eq!(csv.activity.columns(), parquet.activity.columns());
        }
    }
}
