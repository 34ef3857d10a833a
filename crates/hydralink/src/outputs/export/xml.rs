//! How text becomes XML 1.0 that every reader takes, and how a name becomes an id.
//!
//! XML 1.0 has no way to write most control characters, U+FFFE or U+FFFF, escaped or not: a file with one is refused whole.
//! They are dropped, and [`illegal_in`] counts them so that the caller can say so. `\r` is written as a character reference,
//! because a parser turns a raw one into `\n`; in attributes the same holds for tab and newline.

use std::io::{self, Write};

/// Whether XML 1.0 can hold a character.
pub(crate) fn is_legal(character: char) -> bool {
    !matches!(character, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

/// How many characters of a text XML can't hold.
pub(crate) fn illegal_in(text: &str) -> u64 {
    text.chars().filter(|&character| !is_legal(character)).count() as u64
}

/// Writes text between tags.
pub(crate) fn text(out: &mut impl Write, text: &str) -> io::Result<()> {
    escape(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

/// Writes an attribute's value, without the quotes.
pub(crate) fn attribute(out: &mut impl Write, text: &str) -> io::Result<()> {
    escape(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&apos;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

/// Writes text inside a comment: `--` may not stand there, nor `-` at the end.
pub(crate) fn comment(out: &mut impl Write, text: &str) -> io::Result<()> {
    let mut buffer = [0; 4];
    let mut dash = false;
    for character in text.chars().filter(|&character| is_legal(character)) {
        if dash && character == '-' {
            out.write_all(b" ")?;
        }
        dash = character == '-';
        out.write_all(character.encode_utf8(&mut buffer).as_bytes())?;
    }
    if dash { out.write_all(b" ") } else { Ok(()) }
}

/// Writes the id of a node: `kind:value`, every character outside `[A-Za-z0-9._:-]` as `_xHEX_`.
///
/// Two different pairs never get one id: `_` is itself escaped where an `x` follows, and so is `:` in a kind.
pub(crate) fn node_id(out: &mut impl Write, kind: &str, value: &str) -> io::Result<()> {
    id_part(out, kind, false)?;
    out.write_all(b":")?;
    id_part(out, value, true)
}

fn id_part(out: &mut impl Write, part: &str, colon: bool) -> io::Result<()> {
    let bytes = part.as_bytes();
    let mut done = 0;
    for (at, character) in part.char_indices() {
        let plain = match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' => true,
            '_' => bytes.get(at + 1) != Some(&b'x'),
            ':' => colon,
            _ => false,
        };
        if !plain {
            out.write_all(&bytes[done..at])?;
            write!(out, "_x{:X}_", character as u32)?;
            done = at + character.len_utf8();
        }
    }
    out.write_all(&bytes[done..])
}

/// Copies stretches that need nothing, so that plain text costs one pass and one write.
fn escape(out: &mut impl Write, text: &str, reference: impl Fn(u8) -> Option<&'static str>) -> io::Result<()> {
    let bytes = text.as_bytes();
    let mut done = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        // The bytes EF BF BE and EF BF BF are U+FFFE and U+FFFF.
        let dropped = match byte {
            b'\t' | b'\n' | b'\r' => 0,
            0..0x20 => 1,
            0xEF if bytes[at + 1] == 0xBF && bytes[at + 2] >= 0xBE => 3,
            _ => 0,
        };
        let replacement = if dropped > 0 { Some("") } else { reference(byte) };
        let length = dropped.max(1);
        if let Some(replacement) = replacement {
            out.write_all(&bytes[done..at])?;
            out.write_all(replacement.as_bytes())?;
            done = at + length;
        }
        at += length;
    }
    out.write_all(&bytes[done..])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_xml_cannot_hold_is_dropped_and_counted() {
        let dirty = "a\0b\u{1}c\u{fffe}d\u{ffff}e\tf\r\n<&>\"'\u{fffd}\u{10ffff}";
        assert_eq!(illegal_in(dirty), 4);
        assert_eq!(written(|out| text(out, dirty)), "abcde\tf&#13;\n&lt;&amp;&gt;\"'\u{fffd}\u{10ffff}");
        assert_eq!(written(|out| attribute(out, "\t\n\r\"'<")), "&#9;&#10;&#13;&quot;&apos;&lt;");
        assert_eq!(written(|out| comment(out, "a -- b --- c-")), "a - - b - - - c- ");
    }

    #[test]
    fn ids_are_names_and_tell_lookalikes_apart() {
        let id = |kind: &str, value: &str| written(|out| node_id(out, kind, value));
        assert_eq!(id("ip", "2001:db8::/64"), "ip:2001:db8::_x2F_64");
        assert_eq!(id("account", "a b_x20_"), "account:a_x20_b_x5F_x20_");
        assert_ne!(id("a", "b:c"), id("a:b", "c"));
        assert_eq!(id("ip", ""), "ip:");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn different_nodes_have_different_ids(pairs in prop::collection::vec(("[a_x:0-9 é\0]{0,6}", "[a_x:0-9 é\0]{0,6}"), 2..40)) {
            let mut seen: HashMap<String, (String, String)> = HashMap::new();
            for (kind, value) in pairs {
                let id = written(|out| node_id(out, &kind, &value));
                prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte)));
                let first = seen.entry(id).or_insert_with(|| (kind.clone(), value.clone()));
                prop_assert_eq!((&first.0, &first.1), (&kind, &value));
            }
        }

        #[test]
        fn comments_never_end_early(body in any::<String>()) {
            let comment = written(|out| comment(out, &body));
            prop_assert!(!comment.contains("--") && !comment.ends_with('-'));
        }
    }
}
