//! The side tables that an update reads again, without what they say of accounts and identifiers that are gone.

use std::borrow::Cow;
use std::collections::BTreeSet;

use csv::ByteRecord;
use events::{ACCOUNT_COLUMNS, Pseudonyms, schema};
use graph::AccountId;

use super::Kept;
use crate::build;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::store::StoreWriter;

/// Columns that hold free text.
const TEXTS: [&str; 2] = ["label", "reason"];

/// About what rows of the side tables go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Accounts that go. What somebody holds of an identifier is known of it before it is seen, and after.
    Accounts,
    /// And identifiers that go with them.
    Either,
}

/// Rows of side tables that go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowsGone {
    /// Of the account table.
    pub(crate) accounts: u64,
    /// Of the allow list.
    pub(crate) allowed: u64,
}

impl Kept {
    /// Puts the side tables into a store: no row about what goes, no label and no reason that names it.
    pub(crate) fn put_side_tables(&self, writer: &mut StoreWriter, dataset: &Dataset, about: About) -> Result<(), Error> {
        put_each(writer, dataset, |bytes| self.side_table(dataset, bytes, about))
    }

    /// How many rows of the side tables of a store go.
    pub(crate) fn side_rows_gone(&self, dataset: &Dataset, about: About) -> Result<RowsGone, Error> {
        let count = |section: &str| -> Result<u64, Error> {
            let mut gone = 0;
            each_row(dataset, section, |row| gone += u64::from(self.is_about_gone(dataset, row, about)))?;
            Ok(gone)
        };
        Ok(RowsGone { accounts: count(build::ACCOUNTS)?, allowed: count(build::ALLOW)? })
    }

    fn side_table(&self, dataset: &Dataset, bytes: &[u8], about: About) -> Result<Vec<u8>, String> {
        let failed = |error: csv::Error| error.to_string();
        let mut rows = csv::ReaderBuilder::new().from_reader(bytes);
        let header = rows.byte_headers().map_err(failed)?.clone();
        let mut kept = csv::Writer::from_writer(Vec::new());
        kept.write_byte_record(&header).map_err(failed)?;
        for row in rows.byte_records() {
            let row = row.map_err(failed)?;
            if !self.is_about_gone(dataset, (&header, &row), about) {
                kept.write_byte_record(&self.unnaming(dataset, &header, &row)).map_err(failed)?;
            }
        }
        kept.into_inner().map_err(|error| error.to_string())
    }

    /// Whether a row is about what goes.
    fn is_about_gone(&self, dataset: &Dataset, (header, row): (&ByteRecord, &ByteRecord), about: About) -> bool {
        let identifier = || {
            let kind = field(header, row, "kind").map(|kind| schema::kind_name(&kind))?;
            dataset.identifier(dataset.kind(&kind).ok()?, &field(header, row, "value")?)
        };
        about == About::Either && identifier().is_some_and(|identifier| !self.has_identifier(identifier))
            || accounts_of(header, row).any(|account| self.is_gone(dataset, &account))
    }

    fn is_gone(&self, dataset: &Dataset, account: &str) -> bool {
        let all = 0..dataset.graph().account_count() as u32;
        let number = dataset.account_names().find(all, account);
        self.unnumbered.contains(account) || number.is_some_and(|account| !self.has_account(AccountId(account)))
    }

    /// A row without texts that name who goes.
    fn unnaming(&self, dataset: &Dataset, header: &ByteRecord, row: &ByteRecord) -> ByteRecord {
        let is_text = |column: &[u8]| TEXTS.iter().any(|text| text.as_bytes() == column);
        let named = |field: &[u8]| !field.is_empty() && self.gone(dataset).named_in(&text(field));
        header.iter().zip(row).map(|(column, field)| if is_text(column) && named(field) { b"" } else { field }).collect()
    }
}

/// Puts the side tables of a store of pseudonyms into one under a later key.
pub(crate) fn put_renamed(writer: &mut StoreWriter, dataset: &Dataset, later: &Pseudonyms) -> Result<(), Error> {
    put_each(writer, dataset, |bytes| renamed(bytes, later).map_err(|error| error.to_string()))
}

/// Puts each side table of a store into another: those that name accounts and identifiers as `rewritten` makes them.
fn put_each(
    writer: &mut StoreWriter,
    dataset: &Dataset,
    rewritten: impl Fn(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<(), Error> {
    for section in build::SIDE_TABLES.into_iter().filter(|section| dataset.store().has(section)) {
        let bytes = dataset.store().column::<u8>(section)?;
        if section == build::ACCOUNTS || section == build::ALLOW {
            writer.put(section, &rewritten(&bytes).map_err(|error| dataset.store().damaged(section, &error))?)?;
        } else {
            writer.put(section, &bytes)?;
        }
    }
    Ok(())
}

/// A side table in pseudonyms as one under a later key, in its order.
fn renamed(bytes: &[u8], later: &Pseudonyms) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::ReaderBuilder::new().from_reader(bytes);
    let header = table.byte_headers()?.clone();
    let again = |row: ByteRecord| -> ByteRecord {
        let kind = field(&header, &row, "kind");
        let name = |(column, old): (&[u8], &[u8])| match (column, &kind) {
            (_, _) if old.is_empty() => Vec::new(),
            (b"account_id", _) => later.again("account", &text(old)).into_bytes(),
            (b"org", _) => later.again("org", &text(old)).into_bytes(),
            (b"value", Some(kind)) => later.again(kind, &text(old)).into_bytes(),
            _ => old.to_vec(),
        };
        header.iter().zip(&row).map(name).collect()
    };
    let mut rows = table.byte_records().map(|row| Ok(again(row?))).collect::<Result<Vec<_>, csv::Error>>()?;
    rows.sort_unstable_by(|one, other| one.iter().cmp(other.iter()));
    let mut writer = csv::Writer::from_writer(Vec::new());
    std::iter::once(&header).chain(&rows).try_for_each(|row| writer.write_byte_record(row))?;
    Ok(writer.into_inner().expect("nothing is left to be written"))
}

/// Which of these accounts the account table or the allow list of a store has a row about.
pub(crate) fn accounts_in_side_tables(dataset: &Dataset, sought: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    let mut found = BTreeSet::new();
    for section in [build::ACCOUNTS, build::ALLOW] {
        each_row(dataset, section, |(header, row)| {
            found.extend(accounts_of(header, row).filter_map(|account| sought.get(&*account).cloned()));
        })?;
    }
    Ok(found)
}

/// Calls back with the header and each row of a side table of a store; with none where it hasn't got it.
fn each_row(dataset: &Dataset, section: &str, mut take: impl FnMut((&ByteRecord, &ByteRecord))) -> Result<(), Error> {
    if !dataset.store().has(section) {
        return Ok(());
    }
    let bytes = dataset.store().column::<u8>(section)?;
    let damaged = |error: csv::Error| dataset.store().damaged(section, &error.to_string());
    let mut rows = csv::ReaderBuilder::new().from_reader(&bytes[..]);
    let header = rows.byte_headers().map_err(damaged)?.clone();
    rows.byte_records().try_for_each(|row| row.map(|row| take((&header, &row)))).map_err(damaged)
}

/// The accounts that a row is about.
fn accounts_of<'r>(header: &'r ByteRecord, row: &'r ByteRecord) -> impl Iterator<Item = Cow<'r, str>> {
    let kind = field(header, row, "kind").map(|kind| schema::kind_name(&kind));
    let listed = matches!(kind.as_deref(), Some("account" | "account_id")).then(|| field(header, row, "value"));
    let own = ACCOUNT_COLUMNS.iter().find_map(|column| field(header, row, column));
    listed.flatten().into_iter().chain(own)
}

fn field<'r>(header: &'r ByteRecord, row: &'r ByteRecord, name: &str) -> Option<Cow<'r, str>> {
    header.iter().zip(row).find(|(column, _)| *column == name.as_bytes()).map(|(_, field)| text(field))
}

fn text(field: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(field.trim_ascii())
}
