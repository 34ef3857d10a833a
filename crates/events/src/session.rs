//! What all threads of one ingest share: the string tables, and how a raw value becomes a code.
//!
//! A value is resolved once per distinct value and chunk ([`Memo`]) or dictionary; the answer is a `u32`: a provisional id, or
//! one of the codes at the top of the range (empty, a word for nothing, unroutable, a reason for rejection).

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError, RwLock};

use ahash::RandomState;
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::block::Block;
use crate::config::{IngestConfig, SchemaMode};
use crate::error::EventError;
use crate::event_ids::Counted;
use crate::gather::{Part, Present};
use crate::intern::Interner;
use crate::labels::Labels;
use crate::manners::Manners;
use crate::normalise::kind::{Canonical, canonical};
use crate::normalise::{self, MAX_VALUE_BYTES, Reason, forwarded, payment};
use crate::repeats::{self, Seen};
use crate::schema::{self, Layout, Map, TEMPLATE_KIND, Use};
use crate::templates;
use crate::waiting::Waiting;

pub(crate) const EMPTY: u32 = u32::MAX;
pub(crate) const UNROUTABLE: u32 = u32::MAX - 1;
pub(crate) const SHORT: u32 = u32::MAX - 2;
pub(crate) const ABSENT: u32 = u32::MAX - 3;
pub(crate) const OVERFLOW: u32 = u32::MAX - 4;
pub(crate) const CARD: u32 = u32::MAX - 5;
/// An account whose rows are left out.
pub(crate) const FORGOTTEN: u32 = u32::MAX - 6;
const REJECT: u32 = u32::MAX - 64;

/// The reason a code stands for, if it is a rejection.
pub(crate) fn rejection(code: u32) -> Option<Reason> {
    (REJECT..CARD - 16).contains(&code).then(|| Reason::of_code(code - REJECT))
}

pub(crate) fn rejected(reason: Reason) -> u32 {
    REJECT + reason.code()
}

/// Whether a code is the provisional id of a value.
#[inline]
pub(crate) fn is_value(code: u32) -> bool {
    code < REJECT
}

/// Whether a code makes its row, or the whole run, fail.
#[inline]
pub(crate) fn is_refused(code: u32) -> bool {
    (REJECT..=OVERFLOW).contains(&code)
}

/// Bytes of a value up to which all of it is looked at, so that one with spaces around it is trimmed.
pub(crate) const LONGEST: usize = 4 * MAX_VALUE_BYTES;

/// The kind number of masked prompts, which aren't identifiers yet.
pub(crate) const PROMPT_KIND: u8 = 255;

/// Kinds of identifiers.
pub(crate) const MOST_KINDS: u8 = 250;

/// Names of one sort: what an [`Interner`] numbers, for a value with the others.
pub(crate) const MOST_NAMES: u64 = u32::MAX as u64 - 1024;

/// What a resolved column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Account,
    Identifier(u8),
    Prompt,
    Model,
    Capability,
    Pathway,
    Kind,
}

pub(crate) struct Session<'c> {
    pub(crate) config: &'c IngestConfig,
    pub(crate) map: Map,
    pub(crate) latest_millis: i64,
    /// Time of the base's last sighting, in milliseconds.
    pub(crate) watermark: i64,
    pub(crate) accounts: Interner,
    pub(crate) identifiers: Interner,
    pub(crate) models: Labels,
    pub(crate) capabilities: Labels,
    pub(crate) pathways: Labels,
    pub(crate) manners: Manners,
    pub(crate) waiting: Waiting,
    pub(crate) counted: Counted,
    /// What rows said, if repetitions are looked for.
    pub(crate) seen: Option<Seen>,
    kinds: RwLock<Vec<String>>,
    blocks: Mutex<Vec<Block>>,
}

impl<'c> Session<'c> {
    pub(crate) fn new(config: &'c IngestConfig, map: Map) -> Self {
        let now = config.now.map_or_else(|| jiff::Timestamp::now().as_millisecond(), |now| i64::from(now) * 1000);
        Session {
            config,
            map,
            latest_millis: now + 86_400_000,
            watermark: i64::MIN,
            accounts: Interner::new(),
            identifiers: Interner::new(),
            models: Labels::new(),
            capabilities: Labels::new(),
            pathways: Labels::new(),
            manners: Manners::default(),
            waiting: Waiting::new(config),
            counted: Counted::new(config.pseudonym.as_ref()),
            seen: config.repeats.then(|| Seen::new(repeats::MOST)),
            kinds: RwLock::default(),
            blocks: Mutex::default(),
        }
    }

    /// The number of the kind of templates, where rows name kinds.
    pub(crate) fn template_kind(&self, layout: &Layout) -> Option<u8> {
        if layout.long { self.kind(TEMPLATE_KIND) } else { None }
    }

    /// The number of a kind; nothing past [`MOST_KINDS`].
    pub(crate) fn kind(&self, name: &str) -> Option<u8> {
        let find = |kinds: &[String]| kinds.iter().position(|known| known == name).map(|at| at as u8);
        if let Some(known) = find(&self.kinds.read().unwrap_or_else(PoisonError::into_inner)) {
            return Some(known);
        }
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = find(&kinds) {
            return Some(known);
        }
        if kinds.len() >= usize::from(MOST_KINDS) {
            return None;
        }
        kinds.push(name.to_string());
        Some(kinds.len() as u8 - 1)
    }

    pub(crate) fn kind_names(&self) -> Vec<String> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The canonical, pseudonymised form of an account.
    pub(crate) fn canonical_account<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.config.pseudonym {
            Some(keyed) => Cow::Owned(keyed.of("account", text)),
            None => Cow::Borrowed(text),
        }
    }

    /// The same, or the code of an account whose rows are left out.
    fn account<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, u32> {
        if self.is_forgotten(text) { Err(FORGOTTEN) } else { Ok(self.canonical_account(text)) }
    }

    /// Whether rows of an account are left out.
    pub(crate) fn is_forgotten(&self, text: &str) -> bool {
        let Some(forgotten) = &self.config.forgotten else { return false };
        let keyed = self.config.pseudonym.as_ref();
        forgotten.has(text) || keyed.is_some_and(|keyed| keyed.forms("account", text).any(|form| forgotten.has(&form)))
    }

    /// The canonical, pseudonymised form of an identifier; a code where it has none.
    pub(crate) fn canonical_identifier<'t>(&self, kind: &str, text: &'t str) -> Result<Cow<'t, str>, u32> {
        let declared = self.map.kinds.get(kind);
        let role = declared.and_then(|entry| entry.role.as_deref());
        let is_card =
            |text: &str| !self.config.card_tokens && payment::is_of_cards(kind, role) && payment::shows_card_number(text);
        if is_card(text) {
            return Err(CARD);
        }
        let canonical = match canonical(kind, declared.and_then(|entry| entry.normaliser), text).map_err(rejected)? {
            Canonical::Value(canonical) if is_card(&canonical) => return Err(CARD),
            Canonical::Value(canonical) => canonical,
            Canonical::Unroutable => return Err(UNROUTABLE),
            Canonical::Empty => return Err(EMPTY),
        };
        Ok(match &self.config.pseudonym {
            Some(keyed) => Cow::Owned(keyed.of(kind, &canonical)),
            None => canonical,
        })
    }

    pub(crate) fn pseudonym(&self, kind: &str, text: &str) -> String {
        self.config.pseudonym.as_ref().map_or_else(|| text.to_string(), |keyed| keyed.of(kind, text))
    }

    /// What of a raw value is looked at: all of it; of a list of hops the client's; nothing of one that is far too long.
    fn part_of<'r>(&self, takes_addresses: bool, raw: &'r [u8]) -> Option<&'r [u8]> {
        let whole = if raw.len() <= LONGEST { raw } else { forwarded::end_of(raw).filter(|_| takes_addresses)? };
        let hop = if takes_addresses { self.config.trusted_proxies().client(whole) } else { None };
        Some(hop.unwrap_or(whole))
    }

    /// Whether a row counts without a field of this use that can't be read.
    pub(crate) fn goes_without(&self, usage: &Use) -> bool {
        self.config.schema == SchemaMode::Auto && !matches!(usage, Use::Account | Use::Time | Use::Kind | Use::Value)
    }

    /// Whether values of a kind may be lists of hops.
    pub(crate) fn takes_addresses(&self, kind: u8) -> bool {
        self.map.takes_addresses(&self.kind_name(kind))
    }

    /// The code of a raw value.
    pub(crate) fn resolve(&self, role: Role, raw: &[u8]) -> u32 {
        if role == Role::Prompt {
            return self.resolve_prompt(raw);
        }
        let takes_addresses = matches!(role, Role::Identifier(kind) if self.takes_addresses(kind));
        let Some(raw) = self.part_of(takes_addresses, raw) else { return rejected(Reason::TooLong) };
        let text = match normalise::text(raw) {
            Ok("") => return EMPTY,
            Ok(text) if normalise::is_absent(text) => return if let Role::Identifier(_) = role { ABSENT } else { EMPTY },
            Ok(text) => text,
            Err(reason) => return rejected(reason),
        };
        match role {
            Role::Account => match self.account(text) {
                Ok(account) => self.accounts.intern(account.as_bytes()).unwrap_or(OVERFLOW),
                Err(code) => code,
            },
            Role::Identifier(kind) => match self.canonical_identifier(&self.kind_name(kind), text) {
                Ok(canonical) => self.intern_identifier(kind, canonical.as_bytes()),
                Err(code) => code,
            },
            Role::Model => self.models.intern(text),
            Role::Capability => self.capabilities.intern(text),
            Role::Pathway => self.pathways.intern(text),
            Role::Kind => self.resolve_kind(text),
            Role::Prompt => EMPTY,
        }
    }

    /// The codes of many raw values at once: as [`Session::resolve`], faster where there are many names.
    pub(crate) fn resolve_all<'r>(&self, role: Role, values: impl ExactSizeIterator<Item = &'r [u8]>) -> Vec<u32> {
        let (interner, kind) = match role {
            Role::Account => (&self.accounts, None),
            Role::Identifier(kind) => (&self.identifiers, Some((kind, self.kind_name(kind)))),
            _ => return values.map(|raw| self.resolve(role, raw)).collect(),
        };
        let mut codes = vec![OVERFLOW; values.len()];
        let mut lookups = interner.lookups();
        let takes_addresses = kind.as_ref().is_some_and(|(_, name)| self.map.takes_addresses(name));
        let prefix = kind.as_ref().map_or(&[][..], |(kind, _)| std::slice::from_ref(kind));
        for (at, raw) in values.enumerate() {
            let text = self.part_of(takes_addresses, raw).ok_or(Reason::TooLong).and_then(normalise::text);
            let canonical = match (text, &kind) {
                (Ok(""), _) => Err(EMPTY),
                (Ok(text), kind) if normalise::is_absent(text) => Err(if kind.is_some() { ABSENT } else { EMPTY }),
                (Ok(text), None) => self.account(text),
                (Ok(text), Some((_, name))) => self.canonical_identifier(name, text),
                (Err(reason), _) => Err(rejected(reason)),
            };
            match canonical {
                Ok(canonical) => lookups.push(prefix, canonical.as_bytes(), at as u32),
                Err(code) => codes[at] = code,
            }
            if lookups.is_full() {
                lookups.look_up(|at, id| codes[at as usize] = id.unwrap_or(OVERFLOW));
            }
        }
        lookups.look_up(|at, id| codes[at as usize] = id.unwrap_or(OVERFLOW));
        codes
    }

    /// A block with room in it.
    pub(crate) fn take_block(&self) -> Block {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Leaves a block for later rows.
    pub(crate) fn leave_block(&self, block: Block) {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).push(block);
    }

    /// Groups the rows of a block by account and keeps them until the end; the block is then empty.
    pub(crate) fn settle(&self, block: &mut Block, pathway: impl FnMut(u32, u32)) -> Result<(), EventError> {
        block.settle(|accounts, found| self.waiting.ranges.of(accounts, &self.accounts, found), pathway);
        if block.is_due(self.config.memory_limit.is_some()) { self.close(block) } else { Ok(()) }
    }

    /// Keeps what blocks became until the end.
    fn close(&self, block: &mut Block) -> Result<(), EventError> {
        let parts = block.close(|part| self.waiting.ranges.merged(&[part]));
        self.keep(parts, block.present)
    }

    /// Settles all blocks that were left; calls back with pathways.
    pub(crate) fn settle_left(&self) -> Result<Vec<(u32, u32)>, EventError> {
        let blocks = std::mem::take(&mut *self.blocks.lock().unwrap_or_else(PoisonError::into_inner));
        let settled = blocks.into_par_iter().map(|mut block| {
            let (mut pathways, present) = (Vec::new(), block.present);
            self.settle(&mut block, |account, pathway| pathways.push((account, pathway)))?;
            self.keep(block.into_closed(|part| self.waiting.ranges.merged(&[part])), present)?;
            Ok(pathways)
        });
        Ok(settled.collect::<Result<Vec<_>, EventError>>()?.concat())
    }

    /// Keeps parts until the end, one for each range of names.
    fn keep(&self, parts: Vec<Part>, present: Present) -> Result<(), EventError> {
        let labels = [&self.models, &self.capabilities, &self.pathways].map(Labels::bytes).iter().sum::<usize>();
        let names = self.accounts.bytes() + self.identifiers.bytes() + labels + self.manners.bytes();
        self.waiting.add(parts, present, &self.accounts, names)
    }

    /// Keeps a part with accounts of any names until the end.
    pub(crate) fn keep_any(&self, part: &Part, present: Present) -> Result<(), EventError> {
        let accounts: Vec<u32> = part.runs.iter().map(|run| run.account).collect();
        let mut range_of = Vec::new();
        self.waiting.ranges.of(&accounts, &self.accounts, &mut range_of);
        self.keep(part.apart(&range_of), present)
    }

    fn kind_name(&self, kind: u8) -> String {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner)[usize::from(kind)].clone()
    }

    fn resolve_kind(&self, text: &str) -> u32 {
        let name = schema::kind_name(text);
        if name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            return rejected(Reason::BadKind);
        }
        if !(self.config.allow_kinds || schema::is_known_kind(&name) || self.map.kinds.contains_key(&name)) {
            return rejected(Reason::UnknownKind);
        }
        self.kind(&name).map_or(OVERFLOW, u32::from)
    }

    fn resolve_prompt(&self, raw: &[u8]) -> u32 {
        let text = String::from_utf8_lossy(raw);
        if text.trim().is_empty() {
            return EMPTY;
        }
        match templates::mask(&text) {
            Some(masked) => self.intern_identifier(PROMPT_KIND, masked.as_bytes()),
            None => SHORT,
        }
    }

    pub(crate) fn intern_identifier(&self, kind: u8, value: &[u8]) -> u32 {
        let mut key = Vec::with_capacity(value.len() + 1);
        key.push(kind);
        key.extend_from_slice(value);
        self.identifiers.intern(&key).unwrap_or(OVERFLOW)
    }
}

/// One column's cache from raw values to codes, for one chunk.
pub(crate) struct Memo {
    table: HashTable<u32>,
    ends: Vec<u32>,
    codes: Vec<u32>,
    bytes: Vec<u8>,
    seed: RandomState,
}

impl Memo {
    pub(crate) fn new() -> Self {
        Memo { table: HashTable::new(), ends: Vec::new(), codes: Vec::new(), bytes: Vec::new(), seed: RandomState::new() }
    }

    pub(crate) fn code(&mut self, raw: &[u8], resolve: impl FnOnce(&[u8]) -> u32) -> u32 {
        if raw.is_empty() {
            return EMPTY;
        }
        let Memo { table, ends, codes, bytes, seed } = self;
        let name = |at: u32, ends: &[u32]| -> std::ops::Range<usize> {
            let start = if at == 0 { 0 } else { ends[at as usize - 1] };
            start as usize..ends[at as usize] as usize
        };
        let hash = seed.hash_one(raw);
        if let Some(&at) = table.find(hash, |&at| &bytes[name(at, ends)] == raw) {
            return codes[at as usize];
        }
        let code = resolve(raw);
        let at = codes.len() as u32;
        bytes.extend_from_slice(raw);
        ends.push(bytes.len() as u32);
        codes.push(code);
        table.insert_unique(hash, at, |&at| seed.hash_one(&bytes[name(at, ends)]));
        code
    }
}
