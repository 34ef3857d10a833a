//! What does a line of JSON hold? Its fields by our columns, those in objects by their paths; each name is looked up once a piece.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::{Fields, Key, Keys, MOST_KEYS};
use crate::normalise::Reason;
use crate::session::LONGEST;
use crate::values::joined;

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
}

impl Values<'_> {
    /// Makes texts of lists of texts where these are addresses, as a header has them.
    pub(crate) fn join_hops(&mut self, of_addresses: &HashSet<usize>) {
        let Values { values, nested } = self;
        nested.retain(|&slot| {
            let Some(value) = values[slot].as_mut().filter(|_| of_addresses.contains(&slot)) else { return true };
            let Ok(hops) = serde_json::from_str::<Vec<Option<Cow<'_, str>>>>(&value.text) else { return true };
            let hops = joined(hops.iter().map(Option::as_deref));
            value.text = Cow::Owned(hops);
            false
        });
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
/// it, or the first. Objects are entered where the map names a field in them. `strict` refuses fields that mean nothing.
pub(crate) fn object<'l>(line: &'l [u8], fields: &Fields, keys: &mut KeysSeen, strict: bool) -> Result<Values<'l>, Reason> {
    let mut found = Values { values: vec![None; fields.width()], nested: Vec::new() };
    let mut unknown = false;
    walk(line, fields, &mut String::new(), &mut |path, value| {
        let (key, Key { slot, exact, .. }) = keys.key(path, fields);
        unknown |= slot.is_none();
        let Some(slot) = slot else { return };
        if found.values[slot]
            .as_ref()
            .is_some_and(|known| (known.exact || !exact) && !(known.text.is_empty() && known.key == key))
        {
            return;
        }
        let text = match value.as_bytes().first() {
            Some(b'"') if !value.contains('\\') => Cow::Borrowed(&value[1..value.len() - 1]),
            Some(b'"') => Cow::Owned(serde_json::from_str(value).unwrap_or_default()),
            _ if value == "null" => Cow::Borrowed(""),
            first => {
                if matches!(first, Some(b'{' | b'[')) {
                    found.nested.push(slot);
                }
                Cow::Borrowed(value)
            }
        };
        found.values[slot] = Some(Value { text, key, exact });
    })?;
    if unknown && strict { Err(Reason::UnknownField) } else { Ok(found) }
}

/// Calls back with the path and the text of every value of an object, and of those objects in it that fields are mapped in.
fn walk<'l>(text: &'l [u8], fields: &Fields, path: &mut String, take: &mut dyn FnMut(&str, &'l str)) -> Result<(), Reason> {
    let mut inner = Ok(());
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = deserializer.deserialize_map(Entries(|key: &str, value: &'l str| {
        let start = path.len();
        path.push_str(key);
        if value.starts_with('{') && fields.holds(path) {
            path.push('.');
            let walked = walk(value.as_bytes(), fields, path, take);
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

/// The fields of a JSON object, for finding out what a file holds; those in objects by their paths where the map names some.
pub(crate) fn keys(line: &[u8], fields: &Fields) -> Option<Vec<String>> {
    let (mut found, mut spare) = (Vec::new(), Vec::new());
    // A long name of an object comes before the name of each of its fields: a megabyte could name a terabyte.
    let mut room = NESTED;
    walk(without_nan(line, &mut spare), fields, &mut String::new(), &mut |path, _| {
        // Nothing of ours is called by as much, and to look at all of it for each field would take as long.
        if path.len() > LONGEST {
            return;
        }
        let nested = if path.contains('.') { path.len() } else { 0 };
        if nested <= room {
            room -= nested;
            found.push(path.to_string());
        }
    })
    .ok()
    .map(|()| found)
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

    #[test]
    fn what_python_writes_for_no_number_is_nothing() {
        let read = |line: &str| String::from_utf8(without_nan(line.as_bytes(), &mut Vec::new()).to_vec()).unwrap();
        let line = r#"{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \" Infinity", "d\\": NaN}"#;
        assert_eq!(read(line), r#"{"a": null, "b": [null, null], "c": "NaN \" Infinity", "d\\": null}"#);
        assert_eq!(read(r#"{"a": "b"}"#), r#"{"a": "b"}"#);
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
        // A path goes into objects, whatever the case; another field's separators make it no path.
        let values = read(r#"{"a": 1, "cip": "no", "C": {"IP": "1.2.3.4", "port": {"x": 1}}}"#, false).unwrap();
        assert_eq!((&*text(&values, "c.ip"), values.nested.len()), ("1.2.3.4", 0));
        assert_eq!(read(r#"{"a": 1, "c": {"ip": 1, "port": 2}}"#, true), Err(Reason::UnknownField));
        assert_eq!(read(r#"{"a": 1, "c": {"ip": [1]}}"#, false).unwrap().nested, [at("c.ip")]);
        assert_eq!(
            keys(br#"{"a": 1, "c": {"ip": 1, "p": {"q": 2}}, "e": {"f": 3}}"#, &fields).unwrap(),
            ["a", "c.ip", "c.p", "e"]
        );
    }

    /// A megabyte of a name and as many bytes of fields named a terabyte.
    #[test]
    fn names_in_objects_take_no_more_room_than_their_line() {
        let inner: Vec<String> = (0..20_000).map(|at| format!("\"a{at}\":1")).collect();
        let line = format!("{{\"{}\":{{{}}},\"user\":{{\"id\":1}}}}", "k".repeat(1 << 20), inner.join(","));
        let found = keys(line.as_bytes(), &Fields::all()).unwrap();
        assert!(found.iter().map(String::len).sum::<usize>() < line.len());
        assert!(found.contains(&"user.id".to_owned()));
    }
}
