//! Names as adversaries write them, made visible: control characters, and those that reorder text or that nobody sees.

use hydralink::unseen::is_unseen;

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
    }
}
