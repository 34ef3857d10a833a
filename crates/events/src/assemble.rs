//! From provisional to canonical: accounts by name, identifiers by kind and value, labels by text; then the graph.
//!
//! Only names that a good row used are kept, so that a rejected row leaves no trace. Masked prompts become templates here.

use std::sync::atomic::{AtomicBool, Ordering};

use graph::build::{Moment, activity_from_shards, columns_from_shards, long_flags, merge_row, order_row};
use graph::shards::Shard;
use graph::{BipartiteGraph, IdentifierId, NONE_U16, NONE_U32, Sighting};
use rayon::prelude::*;

use crate::error::EventError;
use crate::event_ids::EventIds;
use crate::ingest::{Fold, Ingested, Template};
use crate::intern::{Interner, SHARDS};
use crate::names::Names;
use crate::session::{PROMPT_KIND, Session};
use crate::tables::{self, AccountAttributes};
use crate::templates;

pub(crate) fn assemble(session: &Session<'_>, mut fold: Fold<'_>) -> Result<Ingested, EventError> {
    let used_accounts = flags(session.accounts.bound());
    let used_identifiers = flags(session.identifiers.bound());
    fold.sightings.par_iter().flatten().flatten().for_each(|sighting| {
        mark(&used_accounts, sighting.account.index());
        mark(&used_identifiers, sighting.identifier.index());
    });
    fold.moments.par_iter().flatten().flatten().for_each(|moment| mark(&used_accounts, moment.account as usize));
    fold.bare.iter().for_each(|&account| mark(&used_accounts, account as usize));
    let used_accounts: Vec<bool> = used_accounts.into_iter().map(AtomicBool::into_inner).collect();
    let mut used_identifiers: Vec<bool> = used_identifiers.into_iter().map(AtomicBool::into_inner).collect();
    let mined = mine(session, &used_identifiers);
    if mined.is_some() && !fold.mined_before.is_empty() {
        return Err(EventError::PromptsAgain);
    }
    if let Some(mined) = &mined {
        used_identifiers.resize(session.identifiers.bound(), false);
        for &(prompt, template) in &mined.of_prompt {
            used_identifiers[prompt as usize] = false;
            used_identifiers[template as usize] = true;
        }
    }
    let (account_names, new_account) = number(&session.accounts, &used_accounts, |name| (0, name));
    let kinds = session.kind_names();
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    order.sort_unstable_by_key(|&kind| &kinds[kind]);
    let mut rank_of = vec![0u8; 256];
    for (rank, &kind) in order.iter().enumerate() {
        rank_of[kind] = rank as u8;
    }
    let ranked = |name: &[u8]| rank_of[usize::from(name[0])];
    let (keyed_names, mut new_identifier) = number(&session.identifiers, &used_identifiers, |name| (ranked(name), &name[1..]));
    let mut counts = vec![0u32; kinds.len()];
    let mut identifier_names = Names::default();
    for id in 0..keyed_names.len() as u32 {
        let name = keyed_names.name(id);
        counts[usize::from(ranked(name))] += 1;
        identifier_names.push(&name[1..]);
    }
    drop(keyed_names);
    // Kinds without identifiers are dropped; the others keep their order.
    let (mut kind_names, mut kind_starts) = (Vec::new(), vec![0u32]);
    for (rank, &kind) in order.iter().enumerate() {
        if counts[rank] > 0 {
            kind_names.push(kinds[kind].clone());
            kind_starts.push(kind_starts[kind_starts.len() - 1] + counts[rank]);
        }
    }

    for &(prompt, template) in mined.iter().flat_map(|mined| &mined.of_prompt) {
        new_identifier[prompt as usize] = new_identifier[template as usize];
    }

    let accounts_known = account_names.len();
    let locals = |shard: usize| -> Vec<u32> { new_account.iter().skip(shard).step_by(SHARDS).copied().collect() };
    let local_of = |account: u32| account as usize / SHARDS;
    let shards: Vec<Shard<Sighting>> = std::mem::take(&mut fold.sightings)
        .into_par_iter()
        .enumerate()
        .map(|(shard, parts)| {
            Shard::gather(
                parts,
                &locals(shard),
                |sighting| local_of(sighting.account.0),
                |row| {
                    for sighting in row.iter_mut() {
                        sighting.identifier = IdentifierId(new_identifier[sighting.identifier.index()]);
                    }
                    merge_row(row)
                },
            )
        })
        .collect();
    let graph = BipartiteGraph::from_columns(columns_from_shards(&shards, accounts_known, kind_starts.clone())?)?;
    drop(shards);

    let (models, new_model) = session.models.sorted();
    let (capabilities, new_capability) = session.capabilities.sorted();
    let (pathways, new_pathway) = session.pathways.sorted();
    let label = |new_of: &[u16], old: u16| if old == NONE_U16 { old } else { new_of[usize::from(old)] };
    let shards: Vec<Shard<Moment>> = std::mem::take(&mut fold.moments)
        .into_par_iter()
        .enumerate()
        .map(|(shard, parts)| {
            Shard::gather(
                parts,
                &locals(shard),
                |moment| local_of(moment.account),
                |row| {
                    for moment in row.iter_mut() {
                        moment.model = label(&new_model, moment.model);
                        moment.capability = label(&new_capability, moment.capability);
                        if moment.template != NONE_U32 {
                            moment.template = new_identifier[moment.template as usize];
                        }
                    }
                    order_row(row)
                },
            )
        })
        .collect();
    let activity = activity_from_shards(&shards, accounts_known)?;
    let long_events = long_flags(&shards, accounts_known);
    drop(shards);

    let config = session.config;
    let mut accounts = match &config.accounts {
        Some(path) => tables::accounts(session, path, &account_names)?,
        None => AccountAttributes::default(),
    };
    let mut event_pathway = vec![NONE_U16; if fold.pathways.is_empty() { 0 } else { accounts_known }];
    for &(account, pathway) in &fold.pathways {
        let slot = &mut event_pathway[new_account[account as usize] as usize];
        *slot = new_pathway[usize::from(pathway)].min(*slot);
    }
    if accounts.pathway.is_empty() && !event_pathway.is_empty() {
        accounts.pathway.clone_from(&event_pathway);
        accounts.pathways.clone_from(&pathways);
    }
    let mut releases = Vec::new();
    if let Some(path) = &config.releases {
        for (model, time) in tables::releases(path)? {
            if let Ok(index) = models.binary_search(&model) {
                releases.push((index as u16, time));
            }
        }
    }
    let (mut allowed_accounts, mut allowed_identifiers) = (Vec::new(), Vec::new());
    let find = |kind: &str, value: &str| {
        let kind = kind_names.iter().position(|known| known == kind)?;
        identifier_names.find_in(kind_starts[kind]..kind_starts[kind + 1], value.as_bytes())
    };
    for (kind, value, reason) in
        config.allow.as_deref().map_or_else(|| Ok(Vec::new()), |path| tables::allowed(session, path))?
    {
        if kind == "account" {
            allowed_accounts.extend(account_names.find(value.as_bytes()).map(|id| (id, reason)));
        } else {
            allowed_identifiers.extend(find(&kind, &value).map(|id| (id, reason)));
        }
    }
    allowed_accounts.sort();
    allowed_identifiers.sort();
    let mut mined_templates: Vec<Template> = mined
        .iter()
        .flat_map(|mined| &mined.templates)
        .chain(&fold.mined_before)
        .filter_map(|(hash, skeleton, variants)| {
            let identifier = find("prompt_template_hash", hash)?;
            Some(Template { identifier, skeleton: skeleton.clone(), variants: *variants })
        })
        .collect();
    mined_templates.sort_by_key(|template| template.identifier);
    Ok(Ingested {
        graph,
        activity,
        long_events,
        event_pathway,
        event_pathways: pathways,
        accounts,
        models,
        capabilities,
        releases,
        allowed_identifiers,
        allowed_accounts,
        templates: mined_templates,
        declared_kinds: session.map.kinds.clone(),
        files: fold.files,
        rows: fold.rows,
        rejected: fold.rejected.into_iter().collect(),
        examples: fold.examples,
        unroutable: fold.unroutable,
        short_prompts: fold.short,
        event_ids: EventIds { pairs: session.counted.sorted(), duplicates: fold.duplicates },
        account_names,
        kind_names,
        identifier_names,
    })
}

fn flags(length: usize) -> Vec<AtomicBool> {
    (0..length).map(|_| AtomicBool::new(false)).collect()
}

/// Sets a flag; reading first keeps threads from writing to each other's cache lines for nothing.
fn mark(flags: &[AtomicBool], at: usize) {
    if !flags[at].load(Ordering::Relaxed) {
        flags[at].store(true, Ordering::Relaxed);
    }
}

/// Masked prompts and what they became: (provisional id of the prompt, of its template), and the templates.
struct MinedPrompts {
    of_prompt: Vec<(u32, u32)>,
    templates: Vec<(String, String, u32)>,
}

fn mine(session: &Session<'_>, used: &[bool]) -> Option<MinedPrompts> {
    let (texts, ids): (Vec<String>, Vec<u32>) = session.identifiers.with_entries(|entries| {
        let mut prompts: Vec<_> =
            entries.into_iter().filter(|(name, id)| name[0] == PROMPT_KIND && used[*id as usize]).collect();
        prompts.par_sort_unstable();
        prompts.into_iter().map(|(name, id)| (String::from_utf8_lossy(&name[1..]).into_owned(), id)).unzip()
    });
    if texts.is_empty() {
        return None;
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut mined = templates::mine(&texts);
    for template in &mut mined.templates {
        template.hash = session.pseudonym("prompt_template_hash", &template.hash);
    }
    let kind = session.kind("prompt_template_hash")?;
    let new_ids: Vec<u32> =
        mined.templates.iter().map(|template| session.intern_identifier(kind, template.hash.as_bytes())).collect();
    let of_prompt = ids.iter().zip(&mined.of_text).map(|(&id, &template)| (id, new_ids[template as usize])).collect();
    let templates = mined.templates.into_iter().map(|template| (template.hash, template.skeleton, template.variants)).collect();
    Some(MinedPrompts { of_prompt, templates })
}

/// The used names in order of (rank, bytes past the prefix), and the new id of each provisional one.
fn number(interner: &Interner, used: &[bool], key: impl Fn(&[u8]) -> (u8, &[u8]) + Sync) -> (Names, Vec<u32>) {
    interner.with_entries(|mut entries| {
        entries.retain(|&(_, id)| used[id as usize]);
        entries.par_sort_unstable_by(|one, other| key(one.0).cmp(&key(other.0)));
        let mut names = Names::default();
        let mut new_of = vec![NONE_U32; used.len()];
        for (new, (name, old)) in entries.into_iter().enumerate() {
            names.push(name);
            new_of[old as usize] = new as u32;
        }
        (names, new_of)
    })
}
