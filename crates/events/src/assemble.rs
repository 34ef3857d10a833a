//! From provisional to canonical: accounts by name, identifiers by kind and value, labels by text; then the graph.
//!
//! 1. Only names and labels that a good row used are kept, so that a rejected row leaves no trace. Masked prompts become templates
//!    here.
//! 2. Names in order, and the new number of everything provisional ([`Numbers`]).
//! 3. Range by range of accounts, the runs of all parts are renumbered, merged and put in order ([`Columns::of`]), and each
//!    column's piece goes to its keeper.
//! 4. The reverse side of the graph, range by range of identifiers.

use std::ops::Range;

use graph::build::{Moment, Reverse, merge_row, order_row};
use graph::{
    AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, Column, IdentifierId, NONE_U16, NONE_U32, Seconds,
    Sighting,
};
use rayon::prelude::*;

use crate::behaviour::Behaviour;
use crate::error::EventError;
use crate::event_ids::EventIds;
use crate::gather::Present;
use crate::ingest::Fold;
use crate::ingested::{AlikeAccounts, Ingested, Template, UnreadField};
use crate::keep::{Element, Growing, Keeper};
use crate::labels::Chosen;
use crate::manners::{self, Settled};
use crate::names::Names;
use crate::runs::Runs;
use crate::schema::TEMPLATE_KIND;
use crate::session::{PROMPT_KIND, Session};
use crate::tables::{self, AccountAttributes, SideTables, TableRead};
use crate::templates;
use crate::waiting::{Flags, Stock};

pub(crate) fn assemble<K: Keeper>(
    session: &Session<'_>,
    fold: Fold<'_>,
    behaviour: Behaviour,
    keeper: &K,
) -> Result<Ingested, EventError> {
    let phase = |name| fold.observer.phase(name);
    phase("settling");
    let mut stock = session.waiting.take()?;
    let mined = mine(session, &stock.used_identifiers);
    if mined.is_some() && !fold.mined_before.is_empty() {
        return Err(EventError::PromptsAgain);
    }
    let of_prompt: &[(u32, u32)] = mined.as_ref().map_or(&[], |mined| &mined.of_prompt);
    for &(prompt, template) in of_prompt {
        stock.used_identifiers.set(prompt, false);
        stock.used_identifiers.set(template, true);
    }
    phase("naming");
    let (names, new_account, mut new_identifier) = Canonical::take(session, &stock);
    for &(prompt, template) in of_prompt {
        new_identifier[prompt as usize] = new_identifier[template as usize];
    }
    let Behaviour { manners, models, capabilities, pathways, .. } = behaviour;
    manners::note(&manners, &mut stock.present);
    let numbers = Numbers { new_account, new_identifier, manners };
    phase("ordering");
    let starts = session.waiting.ranges.starts(&numbers.new_account);
    let (forward, activity, long_events) = forward(stock, &numbers, &starts, keeper)?;
    let new_account = numbers.new_account;
    phase("reversing");
    let graph = reverse(forward, names.kind_starts.clone(), keeper)?;

    phase("tables");
    let (event_pathway, event_pathways) = event_pathways(&fold, &names, &new_account, pathways);
    let Tables { mut accounts, releases, allowed: (allowed_accounts, allowed_identifiers), fits, kept } =
        Tables::read(session, &fold.tables_before, &names, &models)?;
    if accounts.pathway.is_empty() && !event_pathway.is_empty() {
        accounts.pathway.clone_from(&event_pathway);
        accounts.pathways.clone_from(&event_pathways);
    }
    let mined_now = mined.iter().flat_map(|mined| &mined.templates);
    let templates = names.templates(mined_now.chain(&fold.mined_before));
    Ok(Ingested {
        graph,
        activity,
        long_events,
        event_pathway,
        event_pathways,
        accounts,
        releases,
        models,
        capabilities,
        allowed_identifiers,
        allowed_accounts,
        templates,
        declared_kinds: session.map.kinds.clone(),
        tables: fits,
        side_tables: kept,
        alike: AlikeAccounts::of(session, &names.accounts),
        repeats: session.seen.as_ref().map(|seen| {
            let files = fold.files.iter().map(|file| (file.file.clone(), file.rows));
            seen.found(&files.collect::<Vec<_>>())
        }),
        files: fold.files,
        left_out: fold.left_out,
        without_rows: fold.without_rows,
        notes: fold.notes,
        too_many_bad: None,
        rows: fold.rows,
        new_rows: fold.rows - fold.before.rows,
        new_duplicates: fold.duplicates - fold.before.duplicates,
        forgotten_rows: fold.forgotten,
        rejected: fold.rejected.into_iter().collect(),
        kept_rows: fold.kept_rows,
        unread: (fold.unread.into_iter())
            .map(|((field, reason), rows)| UnreadField { field, reason: reason.name().to_string(), rows })
            .collect(),
        examples: fold.examples,
        unroutable: fold.unroutable,
        absent: fold.absent,
        forwarded: fold.forwarded,
        short_prompts: fold.short,
        crowded_prompts: mined.as_ref().map_or(0, |mined| mined.crowded),
        late_events: fold.late,
        rows_without_time: fold.without_time,
        event_ids: EventIds { pairs: session.counted.sorted(), duplicates: fold.duplicates },
        account_names: names.accounts,
        kind_names: names.kinds,
        identifier_names: names.identifiers,
    })
}

/// Everything that has a name, in canonical order.
struct Canonical {
    accounts: Names,
    /// By kind, then by value.
    identifiers: Names,
    /// Kinds that have identifiers.
    kinds: Vec<String>,
    /// By kind its first identifier, and one more.
    kind_starts: Vec<u32>,
}

impl Canonical {
    /// Puts the names in use in order, and takes them from the session; also the new number of each provisional account and
    /// identifier.
    fn take(session: &Session<'_>, stock: &Stock) -> (Self, Vec<u32>, Vec<u32>) {
        let ids = session.accounts.sorted(|id, _| stock.used_accounts.has(id), |name| (0, name));
        let accounts = session.accounts.names(&ids, 0);
        let new_account = positions(&ids, session.accounts.bound());
        session.accounts.clear();
        let all_kinds = session.kind_names();
        let mut order: Vec<usize> = (0..all_kinds.len()).collect();
        order.sort_unstable_by_key(|&kind| &all_kinds[kind]);
        let mut rank_of = vec![0u8; 256];
        for (rank, &kind) in order.iter().enumerate() {
            rank_of[kind] = rank as u8;
        }
        let ranked = |name: &[u8]| rank_of[usize::from(name[0])];
        let ids = session.identifiers.sorted(|id, _| stock.used_identifiers.has(id), |name| (ranked(name), &name[1..]));
        let identifiers = session.identifiers.names(&ids, 1);
        let new_identifier = positions(&ids, session.identifiers.bound());
        // Kinds without identifiers are dropped; the others keep their order.
        let (mut kinds, mut kind_starts) = (Vec::new(), vec![0u32]);
        for (rank, &kind) in order.iter().enumerate() {
            let end = ids.partition_point(|&id| usize::from(ranked(&session.identifiers.name(id))) <= rank) as u32;
            if end > kind_starts[kind_starts.len() - 1] {
                kinds.push(all_kinds[kind].clone());
                kind_starts.push(end);
            }
        }
        session.identifiers.clear();
        (Canonical { accounts, identifiers, kinds, kind_starts }, new_account, new_identifier)
    }

    /// The number of an identifier.
    fn find(&self, kind: &str, value: &str) -> Option<u32> {
        let kind = self.kinds.iter().position(|known| known == kind)?;
        self.identifiers.find_in(self.kind_starts[kind]..self.kind_starts[kind + 1], value.as_bytes())
    }

    /// Of mined templates, (hash, skeleton, variants), those that are identifiers, in their order.
    fn templates<'m>(&self, mined: impl Iterator<Item = &'m (String, String, u32)>) -> Vec<Template> {
        let mut templates: Vec<Template> = mined
            .filter_map(|(hash, skeleton, variants)| {
                let identifier = self.find(TEMPLATE_KIND, hash)?;
                Some(Template { identifier, skeleton: skeleton.clone(), variants: *variants })
            })
            .collect();
        templates.sort_by_key(|template| template.identifier);
        templates
    }
}

/// By account the pathway of its events, and the names of pathways; nothing where no event says one.
fn event_pathways(fold: &Fold<'_>, names: &Canonical, new_account: &[u32], pathways: Chosen) -> (Vec<u16>, Vec<String>) {
    let mut of_account: Vec<u16> = Vec::new();
    for (account, pathway) in fold.pathways.chosen() {
        of_account.resize(names.accounts.len(), NONE_U16);
        of_account[new_account[account as usize] as usize] = pathways.new_of(pathway);
    }
    (of_account, pathways.names)
}

/// An account or identifier that must not be acted upon, and why.
type Allowed = (u32, String);

/// What the side tables say of the events.
struct Tables {
    accounts: AccountAttributes,
    /// When models that events name were released, in order of time.
    releases: Vec<(u16, Seconds)>,
    /// The accounts and the identifiers of the known-good list that are in use, ascending.
    allowed: (Vec<Allowed>, Vec<Allowed>),
    fits: Vec<TableRead>,
    kept: SideTables,
}

impl Tables {
    /// Reads those that are given, over those that the store kept.
    fn read(session: &Session<'_>, before: &SideTables, names: &Canonical, models: &[String]) -> Result<Self, EventError> {
        let config = session.config;
        let accounts = tables::accounts(session, config.accounts.as_deref(), before.accounts.as_deref(), &names.accounts)?;
        let releases = tables::releases(config.releases.as_deref(), before.releases.as_deref(), models)?;
        let find = |kind: &str, value: &str| match kind {
            "account" => names.accounts.find(value.as_bytes()),
            kind => names.find(kind, value),
        };
        let is_there = |kind: &str, value: &str| find(kind, value).is_some();
        let allowed = tables::allowed(session, config.allow.as_deref(), before.allow.as_deref(), is_there)?;
        let known = |(model, time)| Some((models.binary_search(&model).ok()? as u16, time));
        let (mut accounts_allowed, mut identifiers_allowed) = (Vec::new(), Vec::new());
        for (kind, value, reason) in allowed.what {
            let of_kind = if kind == "account" { &mut accounts_allowed } else { &mut identifiers_allowed };
            of_kind.extend(find(&kind, &value).map(|id| (id, reason)));
        }
        accounts_allowed.sort();
        identifiers_allowed.sort();
        Ok(Tables {
            accounts: accounts.what,
            releases: releases.what.into_iter().filter_map(known).collect(),
            allowed: (accounts_allowed, identifiers_allowed),
            fits: [accounts.fit, releases.fit, allowed.fit].into_iter().flatten().collect(),
            kept: SideTables { accounts: accounts.kept, releases: releases.kept, allow: allowed.kept },
        })
    }
}

/// The new number of everything provisional.
struct Numbers {
    new_account: Vec<u32>,
    new_identifier: Vec<u32>,
    /// By provisional number.
    manners: Vec<Settled>,
}

/// The columns of a range of accounts.
struct Columns {
    sightings_of: Vec<u32>,
    identifiers: Vec<u32>,
    counts: Vec<u32>,
    first_seen: Vec<u32>,
    last_seen: Vec<u32>,
    events_of: Vec<u32>,
    time: Vec<i64>,
    model: Vec<u16>,
    capability: Vec<u16>,
    status: Vec<u16>,
    template: Vec<u32>,
    requests: Vec<u32>,
    tokens: Vec<u32>,
    long: Vec<u8>,
}

impl Columns {
    fn of(range: &Range<u32>, runs: &Runs<'_>, numbers: &Numbers, present: Present) -> Columns {
        // One thing at a time for all accounts, because each account's is somewhere else in memory.
        let runs = runs.within(range);
        let mut sightings = Vec::with_capacity(runs.iter().map(|(_, run)| run.sightings.len()).sum());
        for (account, run) in &runs {
            sightings.extend(run.sightings.iter().map(|seen| Sighting {
                account: AccountId(*account),
                identifier: IdentifierId(seen.identifier),
                count: seen.count,
                first_seen: seen.first_seen,
                last_seen: seen.last_seen,
            }));
        }
        let mut moments = Vec::with_capacity(runs.iter().map(|(_, run)| run.events.len()).sum());
        for (_, run) in &runs {
            moments.extend(run.events.iter().enumerate().map(|(at, event)| {
                let beyond = run.beyond.get(at).copied().unwrap_or(0);
                let Settled { model, capability, status } = numbers.manners[event.manner(beyond) as usize];
                let (seconds, millis, template) = (event.seconds, event.millis(), event.template);
                let requests = run.requests.get(at).copied().unwrap_or(1);
                let tokens = run.tokens.get(at).copied().unwrap_or(0);
                Moment { seconds, millis, model, capability, status, template, requests, tokens }
            }));
        }
        let new = |old: u32| numbers.new_identifier.get(old as usize).copied().unwrap_or(NONE_U32);
        sightings.iter_mut().for_each(|sighting| sighting.identifier = IdentifierId(new(sighting.identifier.0)));
        moments.iter_mut().for_each(|moment| moment.template = new(moment.template));

        let (mut sightings_of, mut events_of) = (Vec::new(), Vec::new());
        let (mut start, mut all_kept) = ((0, 0), (0, 0));
        for runs in runs.chunk_by(|one, other| one.0 == other.0) {
            let end = runs.iter().fold(start, |end, (_, run)| (end.0 + run.sightings.len(), end.1 + run.events.len()));
            let kept = merge_row(&mut sightings[start.0..end.0]);
            sightings.copy_within(start.0..start.0 + kept, all_kept.0);
            sightings_of.push(kept as u32);
            all_kept.0 += kept;
            let kept = order_row(&mut moments[start.1..end.1]);
            if start.1 > all_kept.1 {
                moments.copy_within(start.1..start.1 + kept, all_kept.1);
            }
            events_of.push(kept as u32);
            all_kept.1 += kept;
            start = end;
        }
        let (sightings, moments) = (&sightings[..all_kept.0], &moments[..all_kept.1]);
        Columns {
            sightings_of,
            identifiers: sightings.iter().map(|sighting| sighting.identifier.0).collect(),
            counts: sightings.iter().map(|sighting| sighting.count).collect(),
            first_seen: sightings.iter().map(|sighting| sighting.first_seen).collect(),
            last_seen: sightings.iter().map(|sighting| sighting.last_seen).collect(),
            events_of,
            time: moments.iter().map(Moment::time).collect(),
            model: said(present.model, moments, |moment| moment.model),
            capability: said(present.capability, moments, |moment| moment.capability),
            status: said(present.status, moments, Moment::shown_status),
            template: said(present.template, moments, |moment| moment.template),
            requests: said(present.requests, moments, |moment| moment.requests),
            tokens: said(present.tokens, moments, |moment| moment.tokens),
            long: said(present.long, moments, |moment| u8::from(moment.is_long())),
        }
    }
}

/// A column of events; empty if it says nothing.
fn said<T>(present: bool, moments: &[Moment], value: impl Fn(&Moment) -> T) -> Vec<T> {
    if present { moments.iter().map(value).collect() } else { Vec::new() }
}

/// A column that is growing, and the first thing that went wrong with it.
struct Kept<T, G> {
    name: &'static str,
    column: std::io::Result<G>,
    element: std::marker::PhantomData<fn(T)>,
}

impl<T: Element, G: Growing<T>> Kept<T, G> {
    fn begin<K: Keeper<Growing<T> = G>>(keeper: &K, name: &'static str) -> Self {
        Kept { name, column: keeper.begin::<T>(name), element: std::marker::PhantomData }
    }

    fn append<'p>(&mut self, pieces: impl IntoIterator<Item = &'p [T]>) {
        for piece in pieces {
            if let Ok(column) = &mut self.column
                && let Err(error) = column.append(piece)
            {
                self.column = Err(error);
            }
        }
    }

    fn check(&mut self) -> Result<(), EventError> {
        match std::mem::replace(&mut self.column, Err(std::io::ErrorKind::Other.into())) {
            Ok(column) => {
                self.column = Ok(column);
                Ok(())
            }
            Err(source) => Err(EventError::Keep { column: self.name, source }),
        }
    }

    fn finish(self) -> Result<Column<T>, EventError> {
        let name = self.name;
        self.column.and_then(Growing::finish).map_err(|source| EventError::Keep { column: name, source })
    }
}

/// Keeps a whole column.
fn keep<T: Element, K: Keeper>(keeper: &K, name: &'static str, values: &[T]) -> Result<Column<T>, EventError> {
    let mut kept = Kept::begin(keeper, name);
    kept.append([values]);
    kept.finish()
}

/// The forward side of the graph (the reverse columns are empty), the activity, and which events came from long rows.
fn forward<K: Keeper>(
    stock: Stock,
    numbers: &Numbers,
    starts: &[u32],
    keeper: &K,
) -> Result<(BipartiteColumns, Activity, Column<u8>), EventError> {
    let present = stock.present;
    let (mut account_offsets, mut event_offsets) = (vec![0u64], vec![0u64]);
    let mut identifiers = Kept::begin(keeper, "graph.identifiers");
    let mut counts = Kept::begin(keeper, "graph.counts");
    let mut first_seen = Kept::begin(keeper, "graph.first_seen");
    let mut last_seen = Kept::begin(keeper, "graph.last_seen");
    let mut time = Kept::begin(keeper, "activity.time");
    let mut model = Kept::begin(keeper, "activity.model");
    let mut capability = Kept::begin(keeper, "activity.capability");
    let mut status = Kept::begin(keeper, "activity.status");
    let mut template = Kept::begin(keeper, "activity.template");
    let mut requests = Kept::begin(keeper, "activity.requests");
    let mut tokens = present.tokens.then(|| Kept::begin(keeper, "activity.tokens"));
    let mut long = Kept::begin(keeper, "inputs.long_events");
    stock.waves(starts, &numbers.new_account, |wave, runs| {
        let pieces: Vec<Columns> = wave.par_iter().map(|range| Columns::of(range, runs, numbers, present)).collect();
        for piece in &pieces {
            add_up(&mut account_offsets, &piece.sightings_of);
            add_up(&mut event_offsets, &piece.events_of);
        }
        let pieces = &pieces;
        rayon::scope(|scope| {
            scope.spawn(|_| identifiers.append(pieces.iter().map(|piece| &piece.identifiers[..])));
            scope.spawn(|_| counts.append(pieces.iter().map(|piece| &piece.counts[..])));
            scope.spawn(|_| first_seen.append(pieces.iter().map(|piece| &piece.first_seen[..])));
            scope.spawn(|_| last_seen.append(pieces.iter().map(|piece| &piece.last_seen[..])));
            scope.spawn(|_| time.append(pieces.iter().map(|piece| &piece.time[..])));
            scope.spawn(|_| model.append(pieces.iter().map(|piece| &piece.model[..])));
            scope.spawn(|_| capability.append(pieces.iter().map(|piece| &piece.capability[..])));
            scope.spawn(|_| status.append(pieces.iter().map(|piece| &piece.status[..])));
            scope.spawn(|_| template.append(pieces.iter().map(|piece| &piece.template[..])));
            scope.spawn(|_| requests.append(pieces.iter().map(|piece| &piece.requests[..])));
            if let Some(tokens) = &mut tokens {
                scope.spawn(move |_| tokens.append(pieces.iter().map(|piece| &piece.tokens[..])));
            }
            scope.spawn(|_| long.append(pieces.iter().map(|piece| &piece.long[..])));
        });
        // The widest columns meet a full disk first.
        identifiers.check().and_then(|()| time.check())
    })?;
    let forward = BipartiteColumns {
        account_offsets: keep(keeper, "graph.account_offsets", &account_offsets)?,
        identifiers: identifiers.finish()?,
        counts: counts.finish()?,
        first_seen: first_seen.finish()?,
        last_seen: last_seen.finish()?,
        ..BipartiteColumns::default()
    };
    let activity = Activity::from_columns(ActivityColumns {
        offsets: keep(keeper, "activity.offsets", &event_offsets)?,
        time: time.finish()?,
        model: model.finish()?,
        capability: capability.finish()?,
        status: status.finish()?,
        template: template.finish()?,
        requests: requests.finish()?,
        tokens: tokens.map_or_else(|| Ok(Column::default()), Kept::finish)?,
    })?;
    Ok((forward, activity, long.finish()?))
}

fn add_up(offsets: &mut Vec<u64>, lengths: &[u32]) {
    let mut end = offsets[offsets.len() - 1];
    offsets.extend(lengths.iter().map(|&length| {
        end += u64::from(length);
        end
    }));
}

/// Adds the reverse side.
fn reverse<K: Keeper>(forward: BipartiteColumns, kind_starts: Vec<u32>, keeper: &K) -> Result<BipartiteGraph, EventError> {
    /// Sightings that one task turns round: 8 bytes each, and the counters of its identifiers.
    const TASK: usize = 32 << 20;
    let identifier_count = kind_starts[kind_starts.len() - 1] as usize;
    let reverse = Reverse::new(&forward.account_offsets, &forward.identifiers, identifier_count)?;
    let threads = rayon::current_num_threads();
    let mut accounts = Kept::begin(keeper, "graph.accounts");
    let mut positions = Kept::begin(keeper, "graph.identifier_sightings");
    for wave in reverse.ranges(threads.max(forward.identifiers.len() / TASK)).chunks(threads) {
        let pieces: Vec<_> = wave.par_iter().map(|range| reverse.rows(range)).collect();
        rayon::join(
            || accounts.append(pieces.iter().map(|piece| &piece.accounts[..])),
            || positions.append(pieces.iter().map(|piece| &piece.sightings[..])),
        );
    }
    let identifier_offsets = keep(keeper, "graph.identifier_offsets", &reverse.identifier_offsets)?;
    drop(reverse);
    Ok(BipartiteGraph::from_columns(BipartiteColumns {
        kind_starts: kind_starts.into(),
        identifier_offsets,
        accounts: accounts.finish()?,
        identifier_sightings: positions.finish()?,
        ..forward
    })?)
}

/// Masked prompts and what they became: (provisional id of the prompt, of its template), and the templates.
struct MinedPrompts {
    of_prompt: Vec<(u32, u32)>,
    templates: Vec<(String, String, u32)>,
    crowded: u64,
}

fn mine(session: &Session<'_>, used: &Flags) -> Option<MinedPrompts> {
    let prompts = |id: u32, name: &[u8]| name[0] == PROMPT_KIND && used.has(id);
    let ids = session.identifiers.sorted(prompts, |name| (name[0], &name[1..]));
    let texts = session.identifiers.names(&ids, 1);
    let texts: Vec<&str> = (0..texts.len() as u32).map(|at| texts.text(at)).collect();
    if texts.is_empty() {
        return None;
    }
    let mut mined = templates::mine(&texts);
    for template in &mut mined.templates {
        template.hash = session.pseudonym(TEMPLATE_KIND, &template.hash);
    }
    let kind = session.kind(TEMPLATE_KIND)?;
    let new_ids: Vec<u32> =
        mined.templates.iter().map(|template| session.intern_identifier(kind, template.hash.as_bytes())).collect();
    let of_prompt = ids.iter().zip(&mined.of_text).map(|(&id, &template)| (id, new_ids[template as usize])).collect();
    let templates = mined.templates.into_iter().map(|template| (template.hash, template.skeleton, template.variants)).collect();
    Some(MinedPrompts { of_prompt, templates, crowded: mined.crowded })
}

/// Where each of `bound` ids stands in a list.
fn positions(ids: &[u32], bound: usize) -> Vec<u32> {
    let mut positions = vec![NONE_U32; bound];
    ids.iter().enumerate().for_each(|(at, &id)| positions[id as usize] = at as u32);
    positions
}
