//! What does a line of JSON hold? Its fields by our columns, those in objects by their paths; each name is looked up once a piece.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::{Fields, Key, Keys, MOST_KEYS};
use crate::normalise::Reason;
use crate::session::LONGEST;
use crate::values::joined;

/// What stands for bytes that are no UTF-8 in the values of a line that was [`marked`]: no text of ours may have it.
const MARK: u8 = 1;

/// A line whose bytes that are no UTF-8 are an escaped [`MARK`], so that they spoil the values they lie in and not the line.
pub(crate) fn marked(line: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(line).is_ok() {
        return Cow::Borrowed(line);
    }
    let mut marked = Vec::with_capacity(line.len() + 64);
    for chunk in line.utf8_chunks() {
        marked.extend_from_slice(chunk.valid().as_bytes());
        if chunk.invalid().is_empty() {
            continue;
        }
        // A backslash that escapes nothing yet would escape ours.
        let backslashes = marked.iter().rev().take_while(|&&byte| byte == b'\\').count();
        let escape = br"\u0001";
        marked.extend_from_slice(&escape[backslashes % 2..]);
    }
    Cow::Owned(marked)
}

/// The text of a JSON string. Halves of surrogate pairs that stand alone, which no text can hold, are U+FFFD, as bytes that are no
/// UTF-8 are in a prompt: who ends a prompt in one takes no more than that from it.
fn text_of(value: &str) -> String {
    let text = serde_json::from_str(value).or_else(|_| serde_json::from_str(&without_halves(value)));
    text.unwrap_or_default()
}

/// What a value says: the text of a string, nothing of `null`, and of others how they are written.
fn text_in(value: &str) -> Cow<'_, str> {
    match value.as_bytes().first() {
        Some(b'"') if !value.contains('\\') => Cow::Borrowed(&value[1..value.len() - 1]),
        Some(b'"') => Cow::Owned(text_of(value)),
        _ if value == "null" => Cow::Borrowed(""),
        _ => Cow::Borrowed(value),
    }
}

/// JSON in which halves of surrogate pairs that stand alone are U+FFFD.
fn without_halves(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(br"\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    if memchr::memmem::find(bytes, br"\u").is_none() {
        return Cow::Borrowed(json);
    }
    let (mut whole, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(escape) = memchr::memchr(b'\\', &bytes[at..]).map(|found| at + found) {
        whole.extend_from_slice(&bytes[at..escape]);
        let (taken, is_half) = match (unit(escape), unit(escape + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (12, false),
            (Some(0xd800..0xe000), _) => (6, true),
            _ => (2, false),
        };
        at = (escape + taken).min(bytes.len());
        whole.extend_from_slice(if is_half { br"\ufffd" } else { &bytes[escape..at] });
    }
    whole.extend_from_slice(&bytes[at..]);
    Cow::Owned(String::from_utf8_lossy(&whole).into_owned())
}

/// A line whose `NaN` and `Infinity`, which JSON doesn't have and Python's `json.dumps` writes, are `null`, in `spare` if there are any.
pub(crate) fn without_nan<'l>(line: &'l [u8], spare: &'l mut Vec<u8>) -> &'l [u8] {
    const WORDS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
    if memchr::memmem::find(line, b"NaN").is_none() && memchr::memmem::find(line, b"Infinity").is_none() {
        return line;
    }
    spare.clear();
    let (mut at, mut in_text) = (0, false);
    while let Some(&byte) = line.get(at) {
        let word = WORDS.iter().find(|word| !in_text && line[at..].starts_with(word));
        if let Some(word) = word {
            spare.extend_from_slice(b"null");
            at += word.len();
            continue;
        }
        let taken = if in_text && byte == b'\\' { 2 } else { 1 };
        in_text ^= byte == b'"';
        spare.extend_from_slice(&line[at..(at + taken).min(line.len())]);
        at += taken;
    }
    spare
}

/// The names of fields that a piece's objects had, each looked up once.
#[derive(Default)]
pub(crate) struct KeysSeen {
    number_of: HashMap<String, usize, ahash::RandomState>,
    found: Vec<Key>,
}

impl KeysSeen {
    /// The number of a name, if it is remembered, and what it stands for.
    fn key(&mut self, path: &str, fields: &Fields) -> (Option<usize>, Key) {
        if let Some(&number) = self.number_of.get(path) {
            return (Some(number), self.found[number]);
        }
        // Nothing of ours is called by as much.
        if path.len() > LONGEST {
            return (None, Key::default());
        }
        let (number, key) = (self.found.len(), fields.key(path));
        if number >= MOST_KEYS && !key.exact {
            return (None, key);
        }
        self.number_of.insert(path.to_owned(), number);
        self.found.push(key);
        (Some(number), key)
    }

    /// Notes a row of which a name was read.
    pub(crate) fn note(&mut self, number: Option<usize>) {
        if let Some(number) = number {
            self.found[number].rows += 1;
        }
    }

    pub(crate) fn into_found(self) -> Keys {
        self.number_of.into_iter().map(|(name, number)| (name, self.found[number])).collect()
    }
}

/// The values of a JSON object by slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Values<'l> {
    pub(crate) values: Vec<Option<Value<'l>>>,
    /// Slots whose values are objects or lists.
    pub(crate) nested: Vec<usize>,
    /// Slots for which one name has two values.
    pub(crate) twice: Vec<usize>,
}

impl Values<'_> {
    /// Makes texts of lists of texts where these are addresses, as a header has them.
    pub(crate) fn join_hops(&mut self, of_addresses: &HashSet<usize>) {
        let Values { values, nested, .. } = self;
        nested.retain(|&slot| {
            let Some(value) = values[slot].as_mut().filter(|_| of_addresses.contains(&slot)) else { return true };
            let hops = {
                let list = without_halves(&value.text);
                let hops = serde_json::from_str::<Vec<Option<Cow<'_, str>>>>(&list);
                hops.map(|hops| joined(hops.iter().map(|hop| hop.as_deref().map(str::as_bytes))))
            };
            let Ok(hops) = hops else { return true };
            value.text = Cow::Owned(String::from_utf8(hops).expect("texts joined are text"));
            false
        });
    }

    /// Of a line that was [`marked`], by slot the values in which there are marks, as bytes that are no UTF-8 either.
    pub(crate) fn not_utf8(&self) -> Vec<(usize, Vec<u8>)> {
        let bytes = |(slot, value): (usize, &Option<Value<'_>>)| {
            let text = value.as_ref()?.text.as_bytes();
            let bytes = || text.iter().map(|&byte| if byte == MARK { 0xff } else { byte }).collect();
            text.contains(&MARK).then(|| (slot, bytes()))
        };
        self.values.iter().enumerate().filter_map(bytes).collect()
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value<'l> {
    /// Empty if null.
    pub(crate) text: Cow<'l, str>,
    /// The number of the name it came under.
    pub(crate) key: Option<usize>,
    exact: bool,
}

/// The values of a JSON object; of several fields that differ in case and separators only, the one that is written as we write
/// it, or the first. One name that has two values in an object says neither: readers differ in which they take, and so would we and
/// whoever wrote the line. Objects are entered where the map names a field in them. `strict` refuses fields that mean nothing.
pub(crate) fn object<'l>(line: &'l [u8], fields: &Fields, keys: &mut KeysSeen, strict: bool) -> Result<Values<'l>, Reason> {
    let mut found = Values { values: vec![None; fields.width()], nested: Vec::new(), twice: Vec::new() };
    let mut unknown = false;
    walk(line, fields, &mut String::new(), &mut |path, value| {
        let (key, Key { slot, exact, .. }) = keys.key(path, fields);
        unknown |= slot.is_none();
        let Some(slot) = slot else { return };
        if let Some(known) = &found.values[slot] {
            let is_same = key.is_some() && known.key == key && !known.text.is_empty();
            let says_else = |text: &str| !text.is_empty() && *text != *known.text;
            if is_same && says_else(&text_in(value)) {
                found.twice.push(slot);
            }
            if (known.exact || !exact) && !(known.text.is_empty() && known.key == key) {
                return;
            }
        }
        // What another spelling had there says nothing any more.
        found.nested.retain(|&known| known != slot);
        found.twice.retain(|&known| known != slot);
        if matches!(value.as_bytes().first(), Some(b'{' | b'[')) {
            found.nested.push(slot);
        }
        let text = text_in(value);
        found.values[slot] = Some(Value { text, key, exact });
    })?;
    if unknown && strict { Err(Reason::UnknownField) } else { Ok(found) }
}

/// Objects in objects that are entered, the line itself among them: each costs stack, and one more reading of what is in it.
pub(crate) const DEEPEST: usize = 32;

/// Calls back with the path and the text of every value of an object, and of those objects in it that fields are mapped in, up to
/// [`DEEPEST`]; one that lies deeper is a value.
fn walk<'l>(text: &'l [u8], fields: &Fields, path: &mut String, take: &mut dyn FnMut(&str, &'l str)) -> Result<(), Reason> {
    walk_in(text, fields, DEEPEST - 1, path, take)
}

/// The same, of an object in which so many may be entered, one in the other.
fn walk_in<'l>(
    text: &'l [u8],
    fields: &Fields,
    deeper: usize,
    path: &mut String,
    take: &mut dyn FnMut(&str, &'l str),
) -> Result<(), Reason> {
    let mut inner = Ok(());
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = deserializer.deserialize_map(Entries(|key: &str, value: &'l str| {
        let start = path.len();
        path.push_str(key);
        if deeper > 0 && value.starts_with('{') && fields.holds(path) {
            path.push('.');
            let walked = walk_in(value.as_bytes(), fields, deeper - 1, path, take);
            if inner.is_ok() {
                inner = walked;
            }
        } else {
            take(path, value);
        }
        path.truncate(start);
    }));
    if read.is_err() || deserializer.end().is_err() { Err(Reason::BadJson) } else { inner }
}

/// Bytes of the paths that are named of what lies in a line's objects.
const NESTED: usize = 64 << 10;

/// Adds the fields of a JSON object, for finding out what a file holds; those in objects by their paths where the map names some.
/// Of what is no object none.
pub(crate) fn add_keys(line: &[u8], fields: &Fields, found: &mut BTreeSet<String>) {
    let (mut fresh, mut spare) = (Vec::new(), Vec::new());
    let line = marked(line);
    // A long name of an object comes before the name of each of its fields: a megabyte could name a terabyte.
    let mut room = NESTED;
    let read = walk(without_nan(&line, &mut spare), fields, &mut String::new(), &mut |path, _| {
        // Nothing of ours is called by as much, and to look at all of it for each field would take as long.
        if path.len() > LONGEST {
            return;
        }
        let nested = if path.contains('.') { path.len() } else { 0 };
        if nested <= room {
            room -= nested;
            if !found.contains(path) {
                fresh.push(path.to_string());
            }
        }
    });
    if read.is_ok() {
        found.extend(fresh);
    }
}

struct Entries<F>(F);

impl<'l, F: FnMut(&str, &'l str)> Visitor<'l> for Entries<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flat JSON object")
    }

    fn visit_map<A: MapAccess<'l>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<Name<'l>, &'l RawValue>()? {
            (self.0)(&key.0, value.get());
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Name<'l>(#[serde(borrow)] Cow<'l, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Map;

    fn keys(line: &[u8], fields: &Fields) -> Vec<String> {
        let mut found = BTreeSet::new();
        add_keys(line, fields, &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn what_python_writes_for_no_number_is_nothing() {
        let read = |line: &str| String::from_utf8(without_nan(line.as_bytes(), &mut Vec::new()).to_vec()).unwrap();
        let line = r#"{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \" Infinity", "d\\": NaN}"#;
        assert_eq!(read(line), r#"{"a": null, "b": [null, null], "c": "NaN \" Infinity", "d\\": null}"#);
        assert_eq!(read(r#"{"a": "b"}"#), r#"{"a": "b"}"#);
    }

    #[test]
    fn bytes_that_are_no_utf8_spoil_the_value_they_lie_in() {
        assert!(matches!(marked("{\"a\": \"\u{e9}\"}".as_bytes()), Cow::Borrowed(_)));
        // In a key, in a value, after an escape, after a backslash that escapes nothing yet, and a character that is cut.
        let line = b"{\"a\xff\": \"b\xfe\xffc\", \"d\": \"\\\\\xff\", \"e\": \"\\\xff\", \"f\": \"\xe2\x82\"}";
        let expected = br#"{"a\u0001": "b\u0001\u0001c", "d": "\\\u0001", "e": "\u0001", "f": "\u0001"}"#;
        assert_eq!(marked(line).into_owned(), expected);
        let map: Map = toml::from_str("[columns]\naccount_id = \"a\"\ndevice = \"d\"").unwrap();
        let (_, fields) = map.fields(&["a".into(), "d".into()], std::path::Path::new("f")).unwrap();
        let read = marked(b"{\"a\": \"x\", \"d\": \"y\xffz\", \"e\": 1}");
        let found = object(&read, &fields, &mut KeysSeen::default(), false).unwrap();
        assert_eq!(found.not_utf8(), [(fields.key("d").slot.unwrap(), b"y\xffz".to_vec())]);
    }

    #[test]
    fn half_a_surrogate_pair_takes_nothing_else_from_a_text() {
        for (json, text) in [
            (r#""a \ud83d""#, "a \u{fffd}"),
            (r#""\udc00\ud83d\ude00\ud83d""#, "\u{fffd}\u{1f600}\u{fffd}"),
            (r#""\ud83d\u0041\ud83d\n""#, "\u{fffd}A\u{fffd}\n"),
            (r#""\\ud83d \uDCFF""#, "\\ud83d \u{fffd}"),
        ] {
            assert_eq!(text_of(json), text, "{json}");
        }
        assert_eq!(without_halves(r#"["\ud83d", "1.2.3.4"]"#), r#"["\ufffd", "1.2.3.4"]"#);
    }

    #[test]
    fn numbers_keep_their_digits_and_paths_lead_into_objects() {
        let map: Map = toml::from_str("[columns]\naccount_id = \"a\"\nip = \"c.ip\"\ndevice = \"d\"").unwrap();
        let (_, fields) = map.fields(&["a".into(), "c.ip".into(), "d".into()], std::path::Path::new("f")).unwrap();
        let at = |path: &str| fields.key(path).slot.unwrap();
        let read = |line: &'static str, strict| object(line.as_bytes(), &fields, &mut KeysSeen::default(), strict);
        let text = |values: &Values<'_>, path: &str| values.values[at(path)].as_ref().unwrap().text.to_string();
        let values = read(r#"{"a": 12345678901234567890123, "D": "x\u0041\"", "z": [1]}"#, false).unwrap();
        assert_eq!([text(&values, "a"), text(&values, "d")], ["12345678901234567890123", "xA\""]);
        assert_eq!(read(r#"{"a": 1, "z": 2}"#, true), Err(Reason::UnknownField));
        assert_eq!(read(r#"{"a": 1, "d": {}}"#, false).unwrap().nested, [at("d")]);
        assert_eq!(read(r#"{"a": 1"#, true), Err(Reason::BadJson));
        // Whichever comes first: what is written as we write it counts.
        for line in [r#"{"D": {}, "d": "x"}"#, r#"{"d": "x", "D": {}}"#] {
            let values = read(line, false).unwrap();
            assert_eq!((&*text(&values, "d"), values.nested.len()), ("x", 0), "{line}");
        }
        // A path goes into objects, whatever the case; another field's separators make it no path.
        let values = read(r#"{"a": 1, "cip": "no", "C": {"IP": "1.2.3.4", "port": {"x": 1}}}"#, false).unwrap();
        assert_eq!((&*text(&values, "c.ip"), values.nested.len()), ("1.2.3.4", 0));
        assert_eq!(read(r#"{"a": 1, "c": {"ip": 1, "port": 2}}"#, true), Err(Reason::UnknownField));
        assert_eq!(read(r#"{"a": 1, "c": {"ip": [1]}}"#, false).unwrap().nested, [at("c.ip")]);
        assert_eq!(keys(br#"{"a": 1, "c": {"ip": 1, "p": {"q": 2}}, "e": {"f": 3}}"#, &fields), ["a", "c.ip", "c.p", "e"]);
    }

    /// A line that went into itself took the stack, and the process with it.
    #[test]
    fn objects_are_entered_as_deep_as_a_path_may_lead() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let path = |names: usize| vec!["a"; names].join(".");
        for (depth, names) in [(2, 2), (DEEPEST, DEEPEST), (DEEPEST + 1, DEEPEST), (200_000, DEEPEST)] {
            assert_eq!(keys(nested(depth).as_bytes(), &Fields::all()), [path(names)], "{depth}");
        }
        let map: Map = toml::from_str(&format!("[columns]\naccount_id = \"{}\"", path(DEEPEST))).unwrap();
        let (_, fields) = map.fields(&[path(DEEPEST)], std::path::Path::new("f")).unwrap();
        let read = |depth: usize| object(nested(depth).as_bytes(), &fields, &mut KeysSeen::default(), false).unwrap().nested;
        let slot = fields.key(&path(DEEPEST)).slot.unwrap();
        assert_eq!((read(DEEPEST), read(DEEPEST + 1), read(200_000)), (vec![], vec![slot], vec![slot]));
    }

    /// A megabyte of a name and as many bytes of fields named a terabyte.
    #[test]
    fn names_in_objects_take_no_more_room_than_their_line() {
        let inner: Vec<String> = (0..20_000).map(|at| format!("\"a{at}\":1")).collect();
        let line = format!("{{\"{}\":{{{}}},\"user\":{{\"id\":1}}}}", "k".repeat(1 << 20), inner.join(","));
        let found = keys(line.as_bytes(), &Fields::all());
        assert!(found.iter().map(String::len).sum::<usize>() < line.len());
        assert!(found.contains(&"user.id".to_owned()));
    }
}
