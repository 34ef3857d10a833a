//! Names as adversaries write them, made visible: control characters, and those that reorder text or that nobody sees.

/// A string with its control characters, and those that reorder text or that nobody sees, made visible.
pub(crate) fn visible(text: &str) -> String {
    text.chars().flat_map(|character| escape(character, false)).collect()
}

/// As [`visible`], but lines stay lines.
pub(crate) fn visible_lines(text: &str) -> String {
    text.chars().flat_map(|character| escape(character, true)).collect()
}

fn escape(character: char, keep_newlines: bool) -> impl Iterator<Item = char> {
    let control = character.is_control() && !(keep_newlines && matches!(character, '\n' | '\t'));
    let hidden = control || is_unseen(character);
    let (plain, escaped) = if hidden { (None, Some(character.escape_unicode())) } else { (Some(character), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// Whether a character has no look of its own: those that format text (Unicode's Cf), separate lines and paragraphs (Zl, Zp) or are
/// left out where a font doesn't know them (`Default_Ignorable_Code_Point`).
fn is_unseen(character: char) -> bool {
    let at = u32::from(character);
    let found = UNSEEN.partition_point(|&(_, last)| last < at);
    UNSEEN.get(found).is_some_and(|&(first, _)| first <= at)
}

/// First and last of each range of such characters, by Unicode 16.
const UNSEEN: [(u32, u32); 26] = [
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x600, 0x605),
    (0x61C, 0x61C),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_drive_the_terminal() {
        assert_eq!(visible("a\u{1b}[31mb\u{202e}c\n"), "a\\u{1b}[31mb\\u{202e}c\\u{a}");
        assert_eq!(visible_lines("a\nb"), "a\nb");
        // Nor look like another, or end a line for programs that know more ends than we.
        assert_eq!(
            visible_lines("ad\u{200b}min\u{feff}\u{2028}\u{ad}\u{e0041}"),
            "ad\\u{200b}min\\u{feff}\\u{2028}\\u{ad}\\u{e0041}"
        );
        assert_eq!(visible("Ünïcode 名前 الاسم 😀 e\u{301}"), "Ünïcode 名前 الاسم 😀 e\u{301}");
        assert!(UNSEEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
