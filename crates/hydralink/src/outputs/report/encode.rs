//! How do values travel inside the page? Arrays as base64 of their little-endian bytes, text as JSON that no HTML parser can
//! misread.
//!
//! An HTML parser ends a script element at `</script` and changes its state at `<!--`, whatever JSON says; U+2028 and U+2029
//! end a line in old JavaScript. [`HtmlSafe`] writes `<`, `>`, `&` and these two as `\uXXXX`, which JSON reads back unchanged.
//! Arrays are encoded in blocks of 3072 bytes, so no copy of a column is made. Cost: linear, constant memory.

use std::fmt;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serializer;
use serde_json::ser::Formatter;

/// Writes a column of f32 as base64.
pub(super) fn f32s<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Column { values, bytes: |value: &f32| value.to_le_bytes() })
}

/// Writes a column of u32 as base64.
pub(super) fn u32s<S: Serializer>(values: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Column { values, bytes: |value: &u32| value.to_le_bytes() })
}

/// Writes a column of u8 as base64.
pub(super) fn u8s<S: Serializer>(values: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Column { values, bytes: |value: &u8| [*value] })
}

struct Base64Column<'a, T, F> {
    values: &'a [T],
    bytes: F,
}

impl<T, F: Fn(&T) -> [u8; N], const N: usize> fmt::Display for Base64Column<'_, T, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 3072 is a multiple of 3 (no padding inside) and of 4 (whole values).
        let mut block = Vec::with_capacity(3072);
        let mut text = String::with_capacity(4096);
        for chunk in self.values.chunks(3072 / N) {
            block.clear();
            block.extend(chunk.iter().flat_map(&self.bytes));
            text.clear();
            STANDARD.encode_string(&block, &mut text);
            formatter.write_str(&text)?;
        }
        Ok(())
    }
}

/// Compact JSON that may stand inside a script element.
pub(super) struct HtmlSafe;

impl Formatter for HtmlSafe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = special.chars();
            let character = characters.next().expect("find returned a position inside the text");
            write!(writer, "\\u{:04x}", u32::from(character))?;
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Serialize;

    #[derive(Serialize)]
    struct Columns {
        #[serde(serialize_with = "f32s")]
        f: Vec<f32>,
        #[serde(serialize_with = "u32s")]
        u: Vec<u32>,
        #[serde(serialize_with = "u8s")]
        b: Vec<u8>,
    }

    #[test]
    fn a_known_column() {
        let json = serde_json::to_string(&Columns { f: vec![1.0], u: vec![1, u32::MAX], b: b"hydra".to_vec() }).unwrap();
        assert_eq!(json, r#"{"f":"AACAPw==","u":"AQAAAP////8=","b":"aHlkcmE="}"#);
    }

    proptest! {
        #[test]
        fn columns_longer_than_a_block_come_back(
            u in prop::collection::vec(any::<u32>(), 0..3000),
            b in prop::collection::vec(any::<u8>(), 0..7000),
        ) {
            let json = serde_json::to_value(Columns { f: vec![], u: u.clone(), b: b.clone() }).unwrap();
            let bytes = STANDARD.decode(json["u"].as_str().unwrap()).unwrap();
            let back: Vec<u32> = bytes.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().unwrap())).collect();
            prop_assert_eq!(back, u);
            prop_assert_eq!(STANDARD.decode(json["b"].as_str().unwrap()).unwrap(), b);
        }

        #[test]
        fn any_text_comes_back_and_holds_no_markup(text in any::<String>(), tail in "[<>&\u{2028}\u{2029}a\"\\\\]{0,12}") {
            let text = text + &tail;
            let mut bytes = Vec::new();
            let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, HtmlSafe);
            serde::Serialize::serialize(&text, &mut serializer).unwrap();
            let json = String::from_utf8(bytes).unwrap();
            let special = ['<', '>', '&', '\u{2028}', '\u{2029}'];
            prop_assert!(!json.contains(special));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
