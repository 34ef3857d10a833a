//! From resolved cells to sightings and moments: what one row means.
//!
//! A wide row is one sighting for each identifier it holds, and one moment if it has a time. A long row is one sighting; its
//! moments are merged per (account, time) when everything has been read. A row whose account or time can't be read, and a long row
//! whose kind or value can't, gives nothing but a rejection. Any other field that can't be read is left out, and the rest of its row
//! counts: a client that can spoil one field of its requests hides none of the others. What was left out is counted and reported.

use graph::build::LONG_STATUS;
use graph::{NO_TIME, NONE_U16, NONE_U32};

use crate::block::{BLOCK, Block, Row};
use crate::cells::{Cell, is_nothing};
use crate::error::{EventError, Numbered};
use crate::event_ids::Told;
use crate::fields::Keys;
use crate::gather::Event;
use crate::manners::{self, Manner, Manners, Recent, TOO_MANY};
use crate::normalise::Reason;
use crate::normalise::forwarded::is_list;
use crate::normalise::time::{Unit, UnitsSeen};
use crate::rejections::Rejections;
use crate::schema::{Layout, LayoutColumn, TEMPLATE_KIND, Use};
use crate::session::{
    ABSENT, CARD, EMPTY, FORGOTTEN, MOST_KINDS, MOST_NAMES, OVERFLOW, Role, SHORT, Session, UNROUTABLE, is_value, rejected,
    rejection,
};

/// What came out of one chunk.
#[derive(Default)]
pub(crate) struct Yield {
    pub(crate) rows: u64,
    pub(crate) block: Block,
    identifiers: Vec<u32>,
    /// What a row says, where repetitions are looked for.
    said: Vec<u8>,
    /// Columns of a row that can't be read and are left out of it.
    unread: Vec<(usize, Reason)>,
    recent: Recent,
    pub(crate) pathways: Vec<(u32, u32)>,
    pub(crate) rejections: Rejections,
    /// What times have to be in.
    pub(crate) unit: Option<Unit>,
    pub(crate) units: UnitsSeen,
    pub(crate) unroutable: u64,
    pub(crate) short: u64,
    pub(crate) absent: u64,
    /// Addresses that were lists of hops.
    pub(crate) forwarded: u64,
    /// Rows that were kept without a field.
    pub(crate) kept_rows: u64,
    pub(crate) duplicates: u64,
    /// Rows of accounts that were forgotten.
    pub(crate) forgotten: u64,
    pub(crate) late: u64,
    /// Rows without a time, which are sightings and no events.
    pub(crate) without_time: u64,
    /// By column what it holds.
    pub(crate) filled: Vec<Filled>,
    /// The names of fields, in JSON Lines.
    pub(crate) keys: Keys,
    pub(crate) card: Option<(u64, String)>,
    /// What there is too much of to be numbered, and how many there can be.
    pub(crate) overflow: Option<(Numbered, u64)>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    /// Rows that have a value in it.
    pub(crate) rows: u64,
    /// The least and the greatest code of a value, where values have codes: one value, if they are equal.
    pub(crate) codes: (u32, u32),
}

impl Default for Filled {
    fn default() -> Self {
        Filled { rows: 0, codes: (u32::MAX, 0) }
    }
}

impl Filled {
    /// Adds a value.
    #[inline]
    pub(crate) fn note(&mut self, code: u32) {
        // A column of statuses that are words has none.
        self.rows += u64::from(code != EMPTY && code != ABSENT && code != rejected(Reason::BadStatus));
        let (least, most) = if is_value(code) { (code, code) } else { (u32::MAX, 0) };
        self.codes = (self.codes.0.min(least), self.codes.1.max(most));
    }

    /// Adds a cell.
    fn note_cell(&mut self, cell: Cell) {
        match cell {
            Cell::Code(code) => self.note(code),
            Cell::Time(_) => self.rows += 1,
            Cell::Number(number) => self.note_number(number),
        }
    }

    /// Adds a number. None of 0 says anything: tokens that aren't known, and a status that nobody answered with.
    #[inline]
    pub(crate) fn note_number(&mut self, number: u32) {
        self.rows += u64::from(number > 0);
    }

    /// Adds what was found elsewhere in the column.
    pub(crate) fn merge(&mut self, other: Filled) {
        self.rows += other.rows;
        self.codes = (self.codes.0.min(other.codes.0), self.codes.1.max(other.codes.1));
    }
}

/// Where a row stands.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) row_group: Option<u64>,
    pub(crate) session: &'a Session<'a>,
}

/// The role of each column, kinds numbered.
pub(crate) fn roles(session: &Session<'_>, layout: &Layout) -> Vec<Option<Role>> {
    let role = |usage: &Use| match usage {
        Use::Account => Some(Role::Account),
        Use::Identifier(kind) => session.kind(kind).map(Role::Identifier),
        Use::Prompt => Some(Role::Prompt),
        Use::Model => Some(Role::Model),
        Use::Capability => Some(Role::Capability),
        Use::Pathway => Some(Role::Pathway),
        Use::Kind => Some(Role::Kind),
        Use::Time | Use::EventId | Use::Status | Use::Requests | Use::Tokens | Use::Value => None,
    };
    layout.columns.iter().map(|column| role(&column.usage)).collect()
}

impl Yield {
    /// Nothing yet. Rows go on filling a block that an earlier chunk left.
    pub(crate) fn new(place: &Place<'_>, layout: &Layout) -> Self {
        let Place { file, row_group, session } = place;
        let filled = vec![Filled::default(); layout.columns.len()];
        let rejections = Rejections::new(file, *row_group, session.config.rejects.is_some());
        Yield { block: session.take_block(), unit: layout.unit, filled, rejections, ..Yield::default() }
    }

    /// Notes a bad row.
    pub(crate) fn reject(&mut self, row: u64, field: &str, reason: Reason, raw: &[u8]) {
        self.rejections.note(row, field, reason, raw, false);
    }

    /// The cell of a time.
    pub(crate) fn time(&mut self, session: &Session<'_>, time: Result<Option<(i64, Unit)>, Reason>, row: u64) -> Cell {
        match time {
            Ok(None) => Cell::Code(EMPTY),
            Ok(Some((_, unit))) if self.unit.is_some_and(|known| known != unit) => Cell::Code(rejected(Reason::OtherTimeUnit)),
            Ok(Some((millis, unit))) => {
                self.units.note(unit, row);
                if millis > session.latest_millis { Cell::Code(rejected(Reason::FutureTime)) } else { Cell::Time(millis) }
            }
            Err(reason) => Cell::Code(rejected(reason)),
        }
    }

    /// The number of a manner of an event that counts.
    #[inline]
    pub(crate) fn manner(&mut self, manners: &Manners, manner: Manner) -> u32 {
        let number = self.recent.number(manners, manner);
        if number == TOO_MANY {
            self.overflow = Some((Numbered::Manners, u64::from(TOO_MANY)));
        }
        number
    }

    /// Takes one row; `cells` in the order of the layout's columns.
    pub(crate) fn push<'r>(
        &mut self,
        template_kind: Option<u8>,
        layout: &Layout,
        place: &Place<'_>,
        row: u64,
        cells: &[Cell],
        raw: impl Fn(usize) -> &'r [u8],
    ) {
        self.rows += 1;
        let id = layout.event_id.and_then(|at| {
            let id = raw(at).trim_ascii();
            let is_id = !is_nothing(id);
            self.filled[at].rows += u64::from(is_id);
            is_id.then_some(id)
        });
        let fields = match self.fields(template_kind, layout, place, row, cells, &raw) {
            Ok(fields) => fields,
            Err((at, reason)) => {
                // What a column holds is asked of all rows, also of those that are rejected for another.
                let rest = self.filled.iter_mut().zip(cells).skip(at + 1);
                rest.for_each(|(filled, &cell)| filled.note_cell(cell));
                return self.reject(row, &layout.columns[at].ours, reason, raw(at));
            }
        };
        if fields.account == FORGOTTEN {
            self.forgotten += 1;
            return;
        }
        if !is_new(place.session, layout, cells, &raw, id, fields.millis, &mut self.said) {
            self.duplicates += 1;
            return;
        }
        self.kept_rows += u64::from(self.unread.iter().any(|&(_, reason)| !reason.is_only_told()));
        for (at, reason) in std::mem::take(&mut self.unread) {
            self.rejections.note(row, &layout.columns[at].ours, reason, raw(at), true);
        }
        if self.overflow.is_some() {
            // The run fails; what has no id must not wait.
            return;
        }
        let Fields { account, millis, mut manner, requests, tokens, pathway, template } = fields;
        self.late += u64::from(millis.is_some_and(|millis| millis < place.session.watermark));
        let seconds = millis.map_or(NO_TIME, |millis| (millis / 1000) as u32);
        if layout.long {
            manner.status = LONG_STATUS;
        }
        self.without_time += u64::from(millis.is_none());
        let millis = millis.map_or(0, |millis| (millis % 1000) as u16);
        // What has no time is no event.
        let manner = if seconds == NO_TIME { 0 } else { self.manner(&place.session.manners, manner) };
        let event = Event::new(seconds, millis, template, manner);
        let beyond = manners::beyond(manner);
        self.block.push(&Row { account, event, beyond, requests, tokens, pathway }, self.identifiers.iter().copied());
    }

    /// What the cells of a row say, its identifiers and the fields that it goes without aside; or the column for which the row is
    /// rejected, and why.
    #[inline]
    fn fields<'r>(
        &mut self,
        template_kind: Option<u8>,
        layout: &Layout,
        place: &Place<'_>,
        row: u64,
        cells: &[Cell],
        raw: &impl Fn(usize) -> &'r [u8],
    ) -> Result<Fields, (usize, Reason)> {
        let mut fields = Fields {
            account: EMPTY,
            millis: None,
            manner: Manner::NONE,
            requests: 1,
            tokens: 0,
            pathway: NONE_U32,
            template: NONE_U32,
        };
        let mut kind = None;
        self.identifiers.clear();
        self.unread.clear();
        for (at, (column, &cell)) in layout.columns.iter().zip(cells).enumerate() {
            let code = match cell {
                Cell::Time(time) => {
                    self.filled[at].rows += 1;
                    fields.millis = Some(time);
                    continue;
                }
                Cell::Number(number) => {
                    self.filled[at].note_number(number);
                    match column.usage {
                        Use::Status => fields.manner.status = number.min(u32::from(NONE_U16)) as u16,
                        Use::Tokens => fields.tokens = number,
                        _ => fields.requests = number,
                    }
                    continue;
                }
                Cell::Code(code) => code,
            };
            self.filled[at].note(code);
            if let Some(reason) = rejection(code) {
                if place.session.goes_without(&column.usage) {
                    self.unread.push((at, reason));
                    continue;
                }
                return Err((at, reason));
            }
            if code == CARD {
                self.card.get_or_insert((row, column.ours.clone()));
                return Err((at, Reason::ControlCharacter));
            }
            if code == OVERFLOW {
                self.overflow = Some(match &column.usage {
                    Use::Account => (Numbered::Accounts, MOST_NAMES),
                    Use::Kind => (Numbered::Kinds, u64::from(MOST_KINDS)),
                    Use::Model | Use::Capability | Use::Pathway => (Numbered::Labels, MOST_NAMES),
                    _ => (Numbered::Identifiers, MOST_NAMES),
                });
            }
            match &column.usage {
                Use::Account if code == EMPTY => return Err((at, Reason::MissingAccount)),
                Use::Kind if code == EMPTY => return Err((at, Reason::MissingKind)),
                Use::Account => fields.account = code,
                Use::Model => fields.manner.model = code,
                Use::Capability => fields.manner.capability = code,
                Use::Pathway => fields.pathway = code,
                Use::Kind => kind = Some(code as u8),
                Use::Identifier(_) | Use::Prompt | Use::Value => {
                    self.forwarded += u64::from(code != EMPTY && has_hops(place.session, column, kind, raw(at)));
                    let is_template = || match &column.usage {
                        Use::Identifier(name) => name == TEMPLATE_KIND,
                        Use::Value => kind.is_some() && kind == template_kind,
                        _ => fields.template == NONE_U32,
                    };
                    if self.identify(code) && is_template() {
                        fields.template = code;
                    }
                }
                Use::Time | Use::EventId | Use::Status | Use::Requests | Use::Tokens => {}
            }
        }
        Ok(fields)
    }

    /// Notes an identifier of the row; whether the code is one.
    #[inline]
    fn identify(&mut self, code: u32) -> bool {
        match code {
            EMPTY | OVERFLOW => {}
            UNROUTABLE => self.unroutable += 1,
            SHORT => self.short += 1,
            ABSENT => self.absent += 1,
            identifier => {
                self.identifiers.push(identifier);
                return true;
            }
        }
        false
    }
}

/// What a row says beside its identifiers; in codes of the session.
struct Fields {
    account: u32,
    /// Milliseconds since 1970.
    millis: Option<i64>,
    manner: Manner,
    requests: u32,
    tokens: u32,
    pathway: u32,
    template: u32,
}

impl Yield {
    /// To be called now and then: hands on what is there, if it is much.
    pub(crate) fn settle(&mut self, session: &Session<'_>) -> Result<(), EventError> {
        if self.block.len() < BLOCK {
            return Ok(());
        }
        let Yield { block, pathways, .. } = self;
        session.settle(block, |account, pathway| pathways.push((account, pathway)))
    }

    /// To be called when the chunk has ended: what is left in the block waits for the next chunk's rows.
    pub(crate) fn finished(mut self, session: &Session<'_>) -> Result<Self, EventError> {
        self.rejections.settle();
        self.recent.finish(&session.manners);
        self.settle(session)?;
        session.leave_block(std::mem::take(&mut self.block));
        Ok(self)
    }
}

/// Whether a value is a list of hops, of which one was taken.
fn has_hops(session: &Session<'_>, column: &LayoutColumn, kind: Option<u8>, raw: &[u8]) -> bool {
    let long = column.usage == Use::Value;
    (column.addresses || long) && is_list(raw) && (!long || kind.is_some_and(|kind| session.takes_addresses(kind)))
}

/// Whether a good row is no second delivery of an event that was counted. One without an id is none, whatever it repeats; if
/// repetitions are looked for, what it says is noted, in `said`, which is room for it.
fn is_new<'r>(
    session: &Session<'_>,
    layout: &Layout,
    cells: &[Cell],
    raw: &impl Fn(usize) -> &'r [u8],
    id: Option<&[u8]>,
    millis: Option<i64>,
    said: &mut Vec<u8>,
) -> bool {
    if let Some(seen) = &session.seen {
        let account = layout.columns.iter().position(|column| column.usage == Use::Account);
        let account = account.map(|at| raw(at).trim_ascii()).unwrap_or_default();
        let choice = xxhash_rust::xxh3::xxh3_64_with_seed(account, millis.unwrap_or_default() as u64);
        if seen.is_kept(choice) {
            said.clear();
            tell(layout, cells, raw, id.unwrap_or_default(), &mut *said);
            seen.note(choice, xxhash_rust::xxh3::xxh3_64(said), id.is_some());
        }
    }
    let Some(id) = id else { return true };
    let mut event = session.counted.event();
    tell(layout, cells, raw, id, &mut event);
    session.counted.is_new(event.pair())
}

/// Tells what a row says, so that rows that say the same are told the same.
fn tell<'r>(layout: &Layout, cells: &[Cell], raw: &impl Fn(usize) -> &'r [u8], id: &[u8], told: &mut impl Told) {
    told.identify(id);
    for (at, (column, &cell)) in layout.columns.iter().zip(cells).enumerate() {
        match (&column.usage, cell) {
            (Use::EventId, _) => {}
            (Use::Kind | Use::Value, _) => told.identify(raw(at).trim_ascii()),
            (_, Cell::Time(millis)) => told.say(&column.ours, &millis.to_le_bytes()),
            // Without the column there is one request, of no known tokens.
            (Use::Requests, Cell::Number(1)) | (Use::Tokens, Cell::Number(0)) | (_, Cell::Code(EMPTY | ABSENT)) => {}
            (_, Cell::Number(number)) => told.say(&column.ours, &number.to_le_bytes()),
            (_, Cell::Code(_)) => told.say(&column.ours, raw(at).trim_ascii()),
        }
    }
}
