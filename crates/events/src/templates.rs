//! Which prompts were made from one template?
//!
//! 1. [`mask`]: NFKC, white space collapsed, e-mail addresses, URLs, UUIDs, hexadecimal and decimal numbers replaced by
//!    `<...>`. Below 8 tokens a text is *short* and links nobody.
//! 2. *Drain* (He et al., ICWS 2017, doi:10.1109/ICWS.2017.13): a prefix tree of fixed depth over token count and first tokens
//!    leads to a few groups; the most similar one with at least half of its tokens equal takes the text, and positions that
//!    differ become `<*>`.
//! 3. *MinHash* (Broder 1997, doi:10.1109/SEQUEN.1997.666900): skeletons of different length are compared by their sets of
//!    five-word shingles; 128 permutations in 32 bands of 4 rows propose pairs, and a pair with an exact Jaccard index of at
//!    least 0.8 is merged.
//!
//! Mining runs over the sorted distinct masked texts, so neither row order nor threads leave a trace. The texts are dropped;
//! skeletons stay. Cost: O(texts x (tokens + groups in a leaf)).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

/// Fewest tokens of a text that can link accounts (ING-5).
pub const MIN_TOKENS: usize = 8;
/// Leading tokens the prefix tree looks at.
pub const DEPTH: usize = 3;
/// Least share of equal tokens within a group; Drain's own default is 0.5.
pub const SIMILARITY: f64 = 0.5;
/// Children of a tree node before the rest share `<*>`.
const MAX_CHILDREN: usize = 100;
/// Words a shingle.
pub const SHINGLE: usize = 5;
/// Least Jaccard index of merged skeletons.
pub const JACCARD: f64 = 0.8;
const BANDS: usize = 32;
const ROWS: usize = 4;
/// Longest prompt that is read, in bytes; templates show in their beginning.
const MAX_PROMPT: usize = 16 << 10;
const ANY: &str = "<*>";

static MASKS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"(?i)\b(?:https?|ftp)://[^\s<>]+|\bwww\.[^\s<>]+", "<url>"),
        (r"(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+\b", "<email>"),
        (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"(?i)\b0x[0-9a-f]+\b|\b(?:[0-9]+[a-f]|[a-f]+[0-9])[0-9a-f]*\b", "<hex>"),
        (r"\d+(?:[.,:/-]\d+)*", "<num>"),
    ]
    .into_iter()
    .filter_map(|(pattern, mask)| Some((Regex::new(pattern).ok()?, mask)))
    .collect()
});

/// A text with everything particular masked; nothing if it is too short to link anyone.
pub fn mask(text: &str) -> Option<String> {
    let mut end = text.len().min(MAX_PROMPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let normal: String = text[..end].nfkc().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let mut masked = normal;
    for (pattern, mask) in MASKS.iter() {
        if let std::borrow::Cow::Owned(changed) = pattern.replace_all(&masked, |found: &regex::Captures<'_>| {
            // "3d" is a word, "deadbeef01" isn't.
            if *mask == "<hex>" && found[0].len() < 8 { found[0].to_string() } else { (*mask).to_string() }
        }) {
            masked = changed;
        }
    }
    let tokens: Vec<&str> = masked.split_whitespace().collect();
    (tokens.len() >= MIN_TOKENS).then(|| tokens.join(" "))
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) hash: String,
    pub(crate) skeleton: String,
    pub(crate) variants: u32,
}

/// Templates, and the template of each text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mined {
    pub(crate) templates: Vec<Template>,
    pub(crate) of_text: Vec<u32>,
}

/// Mines sorted distinct masked texts.
pub(crate) fn mine(texts: &[&str]) -> Mined {
    let (groups, group_of) = drain(texts);
    let parent = merge(&groups);
    let mut members = vec![0u32; groups.len()];
    for &group in &group_of {
        members[parent[group as usize] as usize] += 1;
    }
    let mut index_of = vec![0u32; groups.len()];
    let mut templates: Vec<Template> = Vec::new();
    for (group, tokens) in groups.iter().enumerate() {
        if parent[group] as usize == group {
            index_of[group] = templates.len() as u32;
            let skeleton = tokens.join(" ");
            let hash = format!("mined-{:032x}", xxh3_128(skeleton.as_bytes()));
            templates.push(Template { hash, skeleton, variants: members[group] });
        }
    }
    let of_text = group_of.iter().map(|&group| index_of[parent[group as usize] as usize]).collect();
    Mined { templates, of_text }
}

/// Drain: groups as token lists, and the group of each text.
fn drain<'t>(texts: &[&'t str]) -> (Vec<Vec<&'t str>>, Vec<u32>) {
    let mut leaves: HashMap<(usize, Vec<&'t str>), Vec<u32>> = HashMap::new();
    let mut children: HashMap<(usize, Vec<&'t str>), BTreeSet<&'t str>> = HashMap::new();
    let mut groups: Vec<Vec<&'t str>> = Vec::new();
    let mut group_of = Vec::with_capacity(texts.len());
    for text in texts {
        let tokens: Vec<&'t str> = text.split(' ').collect();
        let mut path: Vec<&'t str> = Vec::with_capacity(DEPTH);
        for &token in &tokens[..DEPTH.min(tokens.len())] {
            let known = children.entry((tokens.len(), path.clone())).or_default();
            let wild = token.contains('<') || (known.len() >= MAX_CHILDREN && !known.contains(token));
            let step = if wild { ANY } else { token };
            known.insert(step);
            path.push(step);
        }
        let leaf = leaves.entry((tokens.len(), path)).or_default();
        let mut best: Option<(usize, u32)> = None;
        for &group in leaf.iter() {
            let same = groups[group as usize].iter().zip(&tokens).filter(|(one, other)| one == other).count();
            if best.is_none_or(|(most, _)| same > most) {
                best = Some((same, group));
            }
        }
        match best.filter(|&(same, _)| same as f64 >= SIMILARITY * tokens.len() as f64) {
            Some((_, group)) => {
                for (mine, theirs) in groups[group as usize].iter_mut().zip(&tokens) {
                    if mine != theirs {
                        *mine = ANY;
                    }
                }
                group_of.push(group);
            }
            None => {
                leaf.push(groups.len() as u32);
                group_of.push(groups.len() as u32);
                groups.push(tokens);
            }
        }
    }
    (groups, group_of)
}

fn shingles(tokens: &[&str]) -> BTreeSet<u64> {
    tokens.windows(SHINGLE).map(|words| xxh3_64_with_seed(words.join(" ").as_bytes(), 0)).collect()
}

/// MinHash: the smallest group each group is merged into. Equal skeletons have equal shingles and always merge.
fn merge(groups: &[Vec<&str>]) -> Vec<u32> {
    let sets: Vec<BTreeSet<u64>> = groups.iter().map(|tokens| shingles(tokens)).collect();
    let mut parent: Vec<u32> = (0..groups.len() as u32).collect();
    let mut buckets: BTreeMap<(usize, u64), Vec<u32>> = BTreeMap::new();
    for (group, set) in sets.iter().enumerate() {
        for band in 0..BANDS {
            let mut signature = [0u8; ROWS * 8];
            for row in 0..ROWS {
                let seed = (band * ROWS + row) as u64 + 1;
                let least = set.iter().map(|shingle| xxh3_64_with_seed(&shingle.to_le_bytes(), seed)).min().unwrap_or(0);
                signature[row * 8..row * 8 + 8].copy_from_slice(&least.to_le_bytes());
            }
            buckets.entry((band, xxh3_64_with_seed(&signature, 0))).or_default().push(group as u32);
        }
    }
    for bucket in buckets.values() {
        // Each member against the bucket's representatives so far: pairs in one bucket are mostly one template.
        let mut representatives: Vec<u32> = Vec::new();
        for &group in bucket {
            let near = representatives.iter().copied().find(|&other| {
                let (one, other) = (&sets[group as usize], &sets[other as usize]);
                let shared = one.intersection(other).count();
                shared as f64 >= JACCARD * (one.len() + other.len() - shared) as f64
            });
            match near {
                Some(other) => union(&mut parent, group, other),
                None => representatives.push(group),
            }
        }
    }
    (0..groups.len() as u32).map(|group| root(&parent, group)).collect()
}

fn root(parent: &[u32], mut group: u32) -> u32 {
    while parent[group as usize] != group {
        group = parent[group as usize];
    }
    group
}

fn union(parent: &mut [u32], one: u32, other: u32) {
    let (one, other) = (root(parent, one), root(parent, other));
    parent[one.max(other) as usize] = one.min(other);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_particular_is_masked() {
        let text = "Write  to bob@example.org about https://a.b/c, order 1,234.5 of 550e8400-e29b-41d4-a716-446655440000 ref deadbeef01";
        assert_eq!(mask(text).unwrap(), "Write to <email> about <url> order <num> of <uuid> ref <hex>");
        assert_eq!(mask("only seven words are in this text"), None);
    }

    #[test]
    fn variants_of_one_template_meet_and_others_stay_apart() {
        let mut texts: Vec<String> = ["red", "green", "blue"]
            .iter()
            .map(|colour| mask(&format!("Please describe the colour {colour} in about 20 short words now")).unwrap())
            .collect();
        texts.push(mask("Translate the following legal paragraph into plain German for a child").unwrap());
        let long = "one two three four five six seven eight nine ten a b c d e f g h i j k l m n o p q r s t u v w x y z";
        texts.push(long.to_string());
        texts.push(format!("{long} end"));
        texts.sort();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mined = mine(&texts);
        let skeletons: BTreeSet<(&str, u32)> =
            mined.templates.iter().map(|template| (template.skeleton.as_str(), template.variants)).collect();
        assert!(skeletons.contains(&("Please describe the colour <*> in about <num> short words now", 3)), "{skeletons:?}");
        assert!(skeletons.contains(&(long, 2)), "{skeletons:?}");
        assert_eq!(mined.templates.len(), 3);
    }
}
