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
//! skeletons stay.
//!
//! Clients choose the texts. A text is compared only with groups that have one of its rarer tokens in its place, which leaves
//! out none that is near enough. Somebody may make texts of few words in all their combinations, so it is compared with 1,000
//! groups at most, as a skeleton is with 32 in a bucket. Texts for which that was too few are counted: they may have a template
//! of their own where they have another's. Cost: O(tokens).

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use graph::DisjointSets;
use rayon::prelude::*;
use regex::Regex;
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

/// Fewest tokens of a text that can link accounts.
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
/// Most groups of a leaf that a text is compared with.
const MOST_GROUPS: usize = 1000;
/// Most skeletons of a bucket that one is compared with.
const MOST_SKELETONS: usize = 32;
/// Longest prompt that is read, in bytes, also after NFKC, of which some letters become eleven; templates show in their beginning.
const MAX_PROMPT: usize = 16 << 10;
/// Most bytes that are kept of a masked text: every distinct one stays in memory until all are mined.
const MAX_MASKED: usize = 4 << 10;
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
    let mut masked = String::with_capacity(end);
    for letter in text[..end].nfkc() {
        if masked.len() + letter.len_utf8() > MAX_PROMPT {
            break;
        }
        masked.push(if letter.is_control() { ' ' } else { letter });
    }
    for (pattern, mask) in MASKS.iter() {
        if let std::borrow::Cow::Owned(changed) = pattern.replace_all(&masked, |found: &regex::Captures<'_>| {
            // "3d" is a word, "deadbeef01" isn't.
            if *mask == "<hex>" && found[0].len() < 8 { found[0].to_string() } else { (*mask).to_string() }
        }) {
            masked = changed;
        }
    }
    let mut kept = String::new();
    let mut tokens = 0;
    for token in masked.split_whitespace() {
        if tokens >= MIN_TOKENS && kept.len() + 1 + token.len() > MAX_MASKED {
            break;
        }
        kept.extend((tokens > 0).then_some(' '));
        kept.push_str(token);
        tokens += 1;
    }
    (tokens >= MIN_TOKENS).then_some(kept)
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
    /// Texts that would have had to be compared with more groups.
    pub(crate) crowded: u64,
}

/// Mines sorted distinct masked texts.
pub(crate) fn mine(texts: &[&str]) -> Mined {
    let groups = drain(texts);
    let Merged { parent, crowded } = merge(&groups);
    let mut mined = Mined { of_text: vec![0; texts.len()], ..Mined::default() };
    let mut index_of = vec![0u32; groups.len()];
    // What those of its groups have in common that are as long as the first.
    let mut skeletons: Vec<Vec<&str>> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let first = parent[at] as usize;
        if first == at {
            index_of[at] = mined.templates.len() as u32;
            // By its first group alone: what is common to all may be common to others, too.
            let hash = format!("mined-{:032x}", xxh3_128(group.tokens.join(" ").as_bytes()));
            mined.templates.push(Template { hash, skeleton: String::new(), variants: 0 });
            skeletons.push(group.tokens.clone());
        }
        let index = index_of[first];
        let skeleton = &mut skeletons[index as usize];
        if skeleton.len() == group.tokens.len() {
            skeleton.iter_mut().zip(&group.tokens).filter(|(mine, theirs)| mine != theirs).for_each(|(mine, _)| *mine = ANY);
        }
        mined.templates[index as usize].variants += group.texts.len() as u32;
        group.texts.iter().for_each(|&text| mined.of_text[text as usize] = index);
        mined.crowded += if crowded[at] { group.texts.len() as u64 } else { group.crowded };
    }
    for (template, skeleton) in mined.templates.iter_mut().zip(skeletons) {
        template.skeleton = skeleton.join(" ");
    }
    mined
}

/// Texts of one skeleton, ascending. `Token`: a word, or the number that stands for it.
struct Group<Token> {
    tokens: Vec<Token>,
    texts: Vec<u32>,
    /// Those of them that would have had to be compared with more groups.
    crowded: u64,
}

/// Drain: groups by their first texts.
fn drain<'t>(texts: &[&'t str]) -> Vec<Group<&'t str>> {
    let mut groups: Vec<Group<&'t str>> = leaves(texts).par_iter().flat_map_iter(|leaf| groups_of(texts, leaf)).collect();
    groups.sort_unstable_by_key(|group| group.texts[0]);
    groups
}

/// The prefix tree: the texts of each leaf, ascending.
fn leaves(texts: &[&str]) -> Vec<Vec<u32>> {
    let mut leaves: HashMap<(usize, Vec<&str>), Vec<u32>> = HashMap::new();
    let mut children: HashMap<(usize, Vec<&str>), BTreeSet<&str>> = HashMap::new();
    for (at, text) in texts.iter().enumerate() {
        let length = text.split(' ').count();
        let mut path = Vec::with_capacity(DEPTH);
        for token in text.split(' ').take(DEPTH) {
            let known = children.entry((length, path.clone())).or_default();
            let wild = token.contains('<') || (known.len() >= MAX_CHILDREN && !known.contains(token));
            let step = if wild { ANY } else { token };
            known.insert(step);
            path.push(step);
        }
        leaves.entry((length, path)).or_default().push(at as u32);
    }
    leaves.into_values().collect()
}

/// The groups of a leaf's texts.
///
/// Of two texts of n tokens that have m in common, in their places, the rarest common one is among the n - m + 1 rarest of
/// either: a text is compared only with the groups that began with a text that shares one of these, or have `<*>` where it has.
/// No other group is near enough.
fn groups_of<'t>(texts: &[&'t str], leaf: &[u32]) -> Vec<Group<&'t str>> {
    let Numbered { words, length, tokens: all } = Numbered::new(leaf.iter().map(|&text| texts[text as usize]));
    let key = |at: usize, token: u32| (at as u64) << 32 | u64::from(token);
    let mut keys: Vec<u64> = all.iter().enumerate().map(|(at, &token)| key(at % length, token)).collect();
    keys.par_sort_unstable();
    let repeated: HashMap<u64, usize> =
        keys.chunk_by(|one, other| one == other).filter(|run| run.len() > 1).map(|run| (run[0], run.len())).collect();
    drop(keys);
    let least = (SIMILARITY * length as f64).ceil() as usize;
    let mut groups: Vec<Group<u32>> = Vec::new();
    let mut groups_with: HashMap<u64, Vec<u32>> = HashMap::new();
    let mut compared_with: Vec<Option<u32>> = Vec::new();
    for (&text, tokens) in leaf.iter().zip(all.chunks_exact(length)) {
        let keyed = tokens.iter().enumerate().map(|(at, &token)| (token, key(at, token)));
        let mut rarest: Vec<(bool, Option<usize>, u64)> =
            keyed.map(|(token, key)| (token != WILD, repeated.get(&key).copied(), key)).collect();
        rarest.sort_unstable();
        rarest.truncate(length - least + 1);
        let mut best: Option<(usize, Reverse<u32>)> = None;
        let (mut compared, mut crowded) = (0, 0);
        for &group in rarest.iter().filter_map(|(_, _, key)| groups_with.get(key)).flatten() {
            if compared_with[group as usize].replace(text) != Some(text) {
                if compared == MOST_GROUPS {
                    crowded = 1;
                    break;
                }
                compared += 1;
                let same =
                    groups[group as usize].tokens.iter().zip(tokens).map(|(one, other)| u32::from(one == other)).sum::<u32>();
                best = best.max(Some((same as usize, Reverse(group))));
            }
        }
        match best.filter(|&(same, _)| same >= least) {
            Some((_, Reverse(group))) => {
                let joined = &mut groups[group as usize];
                joined.texts.push(text);
                joined.crowded += crowded;
                for (at, (mine, theirs)) in joined.tokens.iter_mut().zip(tokens).enumerate() {
                    if mine != theirs && *mine != WILD {
                        *mine = WILD;
                        groups_with.entry(key(at, WILD)).or_default().push(group);
                    }
                }
            }
            None => {
                let shared = rarest.into_iter().filter(|(_, repeated, _)| repeated.is_some());
                shared.for_each(|(_, _, key)| groups_with.entry(key).or_default().push(groups.len() as u32));
                groups.push(Group { tokens: tokens.to_vec(), texts: vec![text], crowded });
                compared_with.push(None);
            }
        }
    }
    let spelled = |Group { tokens, texts, crowded }: Group<u32>| Group {
        tokens: tokens.into_iter().map(|token| words[token as usize]).collect(),
        texts,
        crowded,
    };
    groups.into_iter().map(spelled).collect()
}

/// The number of [`ANY`] among a leaf's tokens.
const WILD: u32 = 0;

/// The tokens of a leaf's texts as numbers, in the order in which they come: comparing two texts of 16 KiB is comparing 8,000
/// numbers.
struct Numbered<'t> {
    words: Vec<&'t str>,
    /// Tokens of a text.
    length: usize,
    /// Of one text after the other.
    tokens: Vec<u32>,
}

impl<'t> Numbered<'t> {
    fn new(texts: impl Iterator<Item = &'t str>) -> Numbered<'t> {
        let (mut words, mut tokens, mut length) = (vec![ANY], Vec::new(), 0);
        let mut numbers = HashMap::from([(ANY, WILD)]);
        for text in texts {
            let before = tokens.len();
            tokens.extend(text.split(' ').map(|token| {
                *numbers.entry(token).or_insert_with(|| {
                    words.push(token);
                    words.len() as u32 - 1
                })
            }));
            length = tokens.len() - before;
        }
        Numbered { words, length, tokens }
    }
}

/// Ascending hashes of the shingles.
fn shingles(tokens: &[&str]) -> Vec<u64> {
    let mut hashes: Vec<u64> = tokens.windows(SHINGLE).map(|words| xxh3_64_with_seed(words.join(" ").as_bytes(), 0)).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// A hash of the least of the shingles under each of a band's permutations.
fn signature(shingles: &[u64], band: usize) -> u64 {
    let mut signature = [0u8; ROWS * 8];
    for row in 0..ROWS {
        let seed = (band * ROWS + row) as u64 + 1;
        let least = shingles.iter().map(|shingle| xxh3_64_with_seed(&shingle.to_le_bytes(), seed)).min().unwrap_or(0);
        signature[row * 8..row * 8 + 8].copy_from_slice(&least.to_le_bytes());
    }
    xxh3_64_with_seed(&signature, 0)
}

/// Whether two sets of shingles have a Jaccard index of at least [`JACCARD`].
fn near(one: &[u64], other: &[u64]) -> bool {
    let enough = |shared: usize| shared as f64 >= JACCARD * (one.len() + other.len() - shared) as f64;
    enough(one.len().min(other.len())) && enough(intersection(one, other))
}

/// How many hashes two ascending lists share.
fn intersection(one: &[u64], other: &[u64]) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < one.len() && j < other.len() {
        shared += usize::from(one[i] == other[j]);
        (i, j) = (i + usize::from(one[i] <= other[j]), j + usize::from(other[j] <= one[i]));
    }
    shared
}

struct Merged {
    /// The smallest group each group is merged into.
    parent: Vec<u32>,
    /// Groups that would have had to be compared with more others in over half of the bands: of two that are near, fewer bands
    /// propose the pair as well.
    crowded: Vec<bool>,
}

/// MinHash. Equal skeletons have equal shingles and always merge.
fn merge(groups: &[Group<&str>]) -> Merged {
    let sets: Vec<Vec<u64>> = groups.par_iter().map(|group| shingles(&group.tokens)).collect();
    let bands: Vec<Band> = (0..BANDS).into_par_iter().map(|band| compare(&sets, band)).collect();
    let mut joined = DisjointSets::new(groups.len());
    let mut crowded_bands = vec![0; groups.len()];
    for Band { near, crowded } in bands {
        near.into_iter().for_each(|(one, other)| _ = joined.join(one, other));
        crowded.into_iter().for_each(|group| crowded_bands[group as usize] += 1);
    }
    Merged { parent: joined.into_roots(), crowded: crowded_bands.into_iter().map(|bands| bands > BANDS / 2).collect() }
}

/// What a band proposes.
#[derive(Default)]
struct Band {
    /// Pairs of groups that are near.
    near: Vec<(u32, u32)>,
    /// Groups that would have had to be compared with more others.
    crowded: Vec<u32>,
}

fn compare(sets: &[Vec<u64>], band: usize) -> Band {
    let mut found = Band::default();
    // Each member against its bucket's representatives so far: pairs in one bucket are mostly one template.
    let mut buckets: HashMap<u64, Vec<u32>> = HashMap::new();
    for (group, set) in sets.iter().enumerate() {
        let representatives = buckets.entry(signature(set, band)).or_default();
        match representatives.iter().find(|&&other| near(set, &sets[other as usize])) {
            Some(&other) => found.near.push((group as u32, other)),
            None if representatives.len() == MOST_SKELETONS => found.crowded.push(group as u32),
            None => representatives.push(group as u32),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_particular_is_masked() {
        let text = "Write  to bob@example.org about https://a.b/c, order 1,234.5 of 550e8400-e29b-41d4-a716-446655440000 ref deadbeef01";
        assert_eq!(mask(text).unwrap(), "Write to <email> about <url> order <num> of <uuid> ref <hex>");
        assert_eq!(mask("only seven words are in this text"), None);
    }

    #[test]
    fn no_prompt_keeps_more_than_a_few_pages_whatever_its_letters_become() {
        // One letter of three bytes that NFKC makes eighteen of.
        let text = "\u{fdfa} ".repeat(5_000);
        let kept = mask(&text).unwrap();
        assert!(kept.len() <= MAX_MASKED && kept.len() > MAX_MASKED - 64, "{}", kept.len());
        // Eight tokens are kept of any length.
        assert_eq!(
            mask(&"x".repeat(1_000).split_at(999).0.chars().map(|x| format!("{x} ")).collect::<String>()).unwrap().len(),
            1_997
        );
        let long = vec!["y".repeat(2_000); 9].join(" ");
        assert_eq!(mask(&long).unwrap().len(), MAX_PROMPT.min(8 * 2_000 + 7));
    }

    #[test]
    fn a_skeleton_holds_what_all_of_a_template_have_in_common() {
        // Of other verbs, each in a leaf of its own, and merged for what follows; one is longer by a word.
        let tail =
            "the response of the assistant against the rubric below and answer with one line of valid json and nothing else";
        let texts: BTreeSet<String> = ["grade", "judge", "score"]
            .iter()
            .map(|verb| format!("{verb} {tail}"))
            .chain([format!("please rate {tail}")])
            .collect();
        let mined = mined(&texts);
        let [template] = &mined.templates[..] else { panic!("{:?}", mined.templates) };
        assert_eq!((template.skeleton.as_str(), template.variants), (format!("<*> {tail}").as_str(), 4));
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

    /// Drain as it is defined, each text against all groups of its leaf: their tokens and texts.
    fn drain_by_comparing<'t>(texts: &[&'t str]) -> Vec<(Vec<&'t str>, Vec<u32>)> {
        let mut leaf_of = vec![0; texts.len()];
        for (at, leaf) in leaves(texts).iter().enumerate() {
            leaf.iter().for_each(|&text| leaf_of[text as usize] = at);
        }
        let mut groups: Vec<(Vec<&'t str>, Vec<u32>)> = Vec::new();
        for (text, &leaf) in leaf_of.iter().enumerate() {
            let tokens: Vec<&'t str> = texts[text].split(' ').collect();
            let same = |group: &[&str]| group.iter().zip(&tokens).filter(|(one, other)| one == other).count();
            let of_leaf = groups.iter_mut().enumerate().filter(|(_, group)| leaf_of[group.1[0] as usize] == leaf);
            let best = of_leaf.max_by_key(|(at, group)| (same(&group.0), Reverse(*at)));
            match best.filter(|(_, group)| same(&group.0) as f64 >= SIMILARITY * tokens.len() as f64) {
                Some((_, (mine, texts))) => {
                    let changed = mine.iter_mut().zip(&tokens).filter(|(mine, theirs)| mine != theirs);
                    changed.for_each(|(mine, _)| *mine = ANY);
                    texts.push(text as u32);
                }
                None => groups.push((tokens, vec![text as u32])),
            }
        }
        groups
    }

    fn mined(texts: &BTreeSet<String>) -> Mined {
        mine(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Some word out of `words` for a place in a text.
    fn word(text: usize, at: usize, words: u64) -> String {
        format!("w{}", xxh3_64_with_seed(&text.to_le_bytes(), at as u64) % words)
    }

    proptest! {
        #[test]
        fn what_is_not_compared_is_not_near(
            texts in prop::collection::btree_set(
                prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d", ANY]), 5..8), 0..80
            )
        ) {
            let texts: Vec<String> = texts.iter().map(|tokens| format!("same leaf for {}", tokens.join(" "))).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let groups: Vec<_> = drain(&texts).into_iter().map(|group| (group.tokens, group.texts)).collect();
            prop_assert_eq!(groups, drain_by_comparing(&texts));
        }
    }

    /// Compared with each other they would be with more groups than any text is.
    #[test]
    fn prompts_without_a_template_are_hardly_compared() {
        let count = 16 * MOST_GROUPS;
        let prompt = |text| (0..7).fold("tell me about".to_owned(), |prompt, at| prompt + " " + &word(text, at, 50_000));
        let mined = mined(&(0..count).map(prompt).collect());
        assert!(mined.templates.len() > count - count / 100, "{}", mined.templates.len());
        assert_eq!(mined.crowded, 0);
    }

    #[test]
    fn texts_with_more_groups_than_they_are_compared_with_are_counted() {
        // Of few words in many combinations, none half like another: each shares some with a quarter of those before it.
        let count = MOST_GROUPS + 100;
        let prompt = |text| (0..100).fold("tell me about".to_owned(), |prompt, at| prompt + " " + &word(text, at, 4));
        let found = mined(&(0..count).map(prompt).collect());
        assert_eq!(found.templates.len(), count);
        assert!((90..=100).contains(&found.crowded), "{}", found.crowded);
        // With most of their shingles in common, in other places, and of another length.
        let prompt = |text| {
            let own = |from, to| (from..to).map(|at| word(text, at, 1 << 40)).collect::<Vec<_>>().join(" ");
            let common: Vec<String> = (0..200).map(|at| word(0, at, 1 << 40)).collect();
            format!("{} {} {}", own(300, 304 + text % 10), common.join(" "), own(400, 424))
        };
        let found = mined(&(1..400).map(prompt).collect());
        assert_eq!(found.templates.len(), 399);
        assert!(found.crowded > 100, "{}", found.crowded);
    }
}
