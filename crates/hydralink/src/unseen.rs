//! Which characters does nobody see? Names are written by adversaries: one that holds such a character looks like another.
//!
//! One table, Unicode's of version 16, for the command line, the labels of exported graphs and the report's script, so that a
//! name that is told from another in one is told from it in all.

/// Whether a character has no look of its own: those that format text (Unicode's Cf), separate lines and paragraphs (Zl, Zp) or are
/// left out where a font doesn't know them (`Default_Ignorable_Code_Point`).
pub fn is_unseen(character: char) -> bool {
    let at = u32::from(character);
    let found = UNSEEN.partition_point(|&(_, last)| last < at);
    UNSEEN.get(found).is_some_and(|&(first, _)| first <= at)
}

/// First and last of each range of such characters, by Unicode 16.
pub const UNSEEN: [(u32, u32); 26] = [
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
    fn ranges_ascend_and_are_found() {
        assert!(UNSEEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
        let unseen = "\u{ad}\u{34f}\u{115f}\u{1160}\u{180b}\u{200d}\u{2800}\u{3164}\u{fe0f}\u{ffa0}\u{e0041}";
        assert!(unseen.chars().all(is_unseen));
        assert!(!"Ünïcode 名前 الاسم 😀 e\u{301}".chars().any(is_unseen));
    }
}
