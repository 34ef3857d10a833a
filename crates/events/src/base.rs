//! What an earlier ingest left, as the start of the next one: reading more files onto it gives what reading all at once would
//! have.
//!
//! Sightings and events go back to where those of a chunk go (`gather`), names back into the interner. Merging is associative
//! and commutative and the final numbering depends on names alone, so batches in any order and one big ingest end in the same
//! bytes. The one thing that can't be continued is mining: masked prompts aren't kept, so prompts can't come in two batches.
//!
//! Cost: O(sightings + events) of the base, in one pass.

use std::collections::BTreeMap;

use graph::build::LONG_STATUS;
use graph::{AccountId, Activity, BipartiteGraph, NO_TIME, NONE_U16, NONE_U32, Sighting};

use crate::error::{EventError, Numbered};
use crate::gather::{Event, Part, Present, Seen};
use crate::ingest::{Before, Fold};
use crate::ingested::{FileRead, Template, UnreadField};
use crate::labels::Labels;
use crate::manners::{self, Manner, Recent, TOO_MANY};
use crate::names::NamesRef;
use crate::normalise::Reason;
use crate::session::{MOST_KINDS, Session};
use crate::tables::SideTables;

/// Items of a part that is made from the base.
const PART: usize = 1 << 20;

/// An earlier [`crate::Ingested`], borrowed from wherever it is kept.
#[derive(Clone, Debug)]
pub struct Base<'a> {
    /// Accounts in byte order.
    pub account_names: NamesRef<'a>,
    /// Kinds in byte order.
    pub kind_names: &'a [String],
    /// Identifiers by kind, in byte order within a kind.
    pub identifier_names: NamesRef<'a>,
    /// Who touches what.
    pub graph: &'a BipartiteGraph,
    /// Who did what when.
    pub activity: &'a Activity,
    /// Which events came from long rows; empty if none did.
    pub long_events: &'a [u8],
    /// Models.
    pub models: &'a [String],
    /// Capability classes.
    pub capabilities: &'a [String],
    /// The pathway that events gave each account, as an index into `event_pathways`; empty if they gave none.
    pub event_pathway: &'a [u16],
    /// Pathways that events gave.
    pub event_pathways: &'a [String],
    /// Events with an id that were counted: hashes of id and content by turns.
    pub event_ids: &'a [u64],
    /// Rows that were left out because they had been read.
    pub duplicate_events: u64,
    /// Mined templates.
    pub templates: Vec<Template>,
    /// The side tables, as [`crate::Ingested`] gave them to be kept. Those that are given stand over them.
    pub side_tables: SideTables,
    /// Files that were read.
    pub files: Vec<FileRead>,
    /// Rows that were rejected, by the name of the reason.
    pub rejected: BTreeMap<String, u64>,
    /// Rows that were kept without a field.
    pub kept_rows: u64,
    /// Those fields.
    pub unread: Vec<UnreadField>,
}

impl Base<'_> {
    /// Time of the last sighting, in milliseconds; `i64::MIN` if none has a time.
    pub(crate) fn watermark(&self) -> i64 {
        let last = self.graph.columns().last_seen.iter().copied().filter(|&time| time != NO_TIME).max();
        last.map_or(i64::MIN, |last| i64::from(last) * 1000)
    }

    /// Puts everything where a chunk's yield goes.
    pub(crate) fn seed(&self, session: &Session<'_>, fold: &mut Fold<'_>) -> Result<(), EventError> {
        let too_many = EventError::TooMany { what: Numbered::Names, bound: u64::from(u32::MAX) };
        let accounts: Option<Vec<u32>> = (0..self.account_names.len() as u32)
            .map(|account| session.accounts.intern(self.account_names.name(account)))
            .collect();
        let Some(accounts) = accounts else { return Err(too_many) };
        let mut identifiers = Vec::with_capacity(self.identifier_names.len());
        for (kind, range) in self.kind_names.iter().zip(self.graph.columns().kind_starts.windows(2)) {
            let Some(kind) = session.kind(kind) else {
                return Err(EventError::TooMany { what: Numbered::Kinds, bound: u64::from(MOST_KINDS) });
            };
            identifiers.extend(
                (range[0]..range[1]).map(|identifier| session.intern_identifier(kind, self.identifier_names.name(identifier))),
            );
        }
        let labels = |names: &[String], of: &Labels| -> Vec<u32> { names.iter().map(|name| of.intern(name)).collect() };
        let models = labels(self.models, &session.models);
        let capabilities = labels(self.capabilities, &session.capabilities);
        let pathways = labels(self.event_pathways, &session.pathways);

        let label = |new_of: &[u32], column: &[u16], at: usize| {
            column.get(at).and_then(|&old| new_of.get(usize::from(old))).copied().unwrap_or(NONE_U32)
        };
        let (mut part, mut present, mut start) = (Part::default(), Present::default(), 0);
        let mut recent = Recent::default();
        for (old, &account) in accounts.iter().enumerate() {
            let old = AccountId(old as u32);
            part.sightings.extend(self.graph.sightings_of(old).map(|sighting| {
                let Sighting { count, first_seen, last_seen, .. } = sighting;
                Seen { identifier: identifiers[sighting.identifier.index()], count, first_seen, last_seen }
            }));
            let events = self.activity.of(old);
            for (at, &millis) in events.time.iter().enumerate() {
                let long = self.long_events.get(start + at).is_some_and(|&flag| flag != 0);
                let template = events.template.get(at).and_then(|&template| identifiers.get(template as usize));
                let manner = Manner {
                    model: label(&models, events.model, at),
                    capability: label(&capabilities, events.capability, at),
                    status: if long { LONG_STATUS } else { events.status.get(at).copied().unwrap_or(NONE_U16) },
                };
                let manner = recent.number(&session.manners, manner);
                if manner == TOO_MANY {
                    return Err(EventError::TooMany { what: Numbered::Manners, bound: u64::from(TOO_MANY) });
                }
                let template = template.copied().unwrap_or(NONE_U32);
                let event = Event::new((millis / 1000) as u32, (millis % 1000) as u16, template, manner);
                let (requests, tokens) =
                    (events.requests.get(at).copied().unwrap_or(1), events.tokens.get(at).copied().unwrap_or(0));
                present.note(&event, requests, tokens);
                part.add_event(event, requests, tokens, manners::beyond(manner));
            }
            start += events.time.len();
            part.end_run(account);
            if part.events.len() + part.sightings.len() > PART {
                session.keep_any(&std::mem::take(&mut part), present)?;
            }
        }
        session.keep_any(&part, present)?;
        recent.finish(&session.manners);
        for (&account, &pathway) in accounts.iter().zip(self.event_pathway) {
            if let Some(&pathway) = pathways.get(usize::from(pathway)) {
                fold.pathways.add(account, pathway);
            }
        }
        for (name, &count) in &self.rejected {
            if let Some(reason) = Reason::of_name(name) {
                fold.rejected.insert(reason, count);
            }
        }
        fold.kept_rows = self.kept_rows;
        for unread in &self.unread {
            if let Some(reason) = Reason::of_name(&unread.reason) {
                fold.unread.insert((unread.field.clone(), reason), unread.rows);
            }
        }
        session.counted.seed(self.event_ids);
        fold.duplicates = self.duplicate_events;
        fold.files.clone_from(&self.files);
        fold.rows = self.files.iter().map(|file| file.rows).sum();
        let rejected = fold.rejected.values().sum();
        fold.before = Before { rows: fold.rows, rejected, kept_rows: fold.kept_rows, duplicates: fold.duplicates };
        Ok(())
    }

    /// Mined templates of the base, by their hash: (hash, skeleton, variants).
    pub(crate) fn mined(&self) -> Vec<(String, String, u32)> {
        let hash = |template: &Template| self.identifier_names.text(template.identifier).to_string();
        self.templates.iter().map(|template| (hash(template), template.skeleton.clone(), template.variants)).collect()
    }
}
