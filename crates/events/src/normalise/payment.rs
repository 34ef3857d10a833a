//! Is this a raw card number? Then it must go no further.
//!
//! A primary account number has 13 to 19 digits and a check digit by ISO/IEC 7812-1 annex B (Luhn's formula); spaces and dashes
//! between digits don't count. One opaque all-digit token in ten passes by chance: tokens should not be all digits.

/// Whether card numbers may stand among the values of a kind, by its name and the role that it was declared with. Among others
/// long numbers are anything.
pub(crate) fn is_of_cards(kind: &str, role: Option<&str>) -> bool {
    let kind = kind.to_lowercase();
    let about_cards = |word: &str| {
        word.contains("card")
            || matches!(word, "payment" | "payments" | "pan" | "bin" | "credit" | "debit")
            || matches!(word, "cc" | "ccn" | "ccno" | "ccnum" | "ccnumber")
    };
    role == Some("payment") || kind.split(|letter: char| !letter.is_alphanumeric()).any(about_cards)
}

/// Whether a value of a kind of cards holds a card number among its words, as [`holds_card_number`]. Words that have letters are
/// opaque: of hashes one in 250 has as many digits in a row that pass by chance.
pub(crate) fn shows_card_number(text: &str) -> bool {
    // Most tokens have no room for one.
    if text.bytes().filter(u8::is_ascii_digit).count() < FEWEST_DIGITS {
        return false;
    }
    let is_of_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let mut words = String::with_capacity(text.len());
    for word in text.split_inclusive(|letter: char| !is_of_word(letter)) {
        words.push_str(if word.contains(char::is_alphabetic) { "x" } else { word });
    }
    holds_card_number(&words)
}

/// Digits of the shortest card numbers.
const FEWEST_DIGITS: usize = 13;

/// Whether a value is shaped like a card number.
pub fn is_card_number(text: &str) -> bool {
    let mut digits = [0u8; 19];
    let mut count = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if count < digits.len() => {
                digits[count] = byte - b'0';
                count += 1;
            }
            b' ' | b'-' => {}
            _ => return false,
        }
    }
    count >= FEWEST_DIGITS && luhn(&digits[..count])
}

/// How the digits of card numbers are set apart.
const CARD_GROUPS: [&[usize]; 3] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// Whether a text holds what is shaped like a card number: all digits between two words, or, whatever else stands beside them (a date
/// of expiry, a check number), digits in a row or in the groups that cards have.
pub fn holds_card_number(text: &str) -> bool {
    let runs = |between: &'static str| text.split(move |letter: char| !(letter.is_ascii_digit() || between.contains(letter)));
    let beside_others = |run: &str| {
        let digits: Vec<&str> = run.split(|letter: char| !letter.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
        let in_groups = |groups: &&[usize]| {
            let is_so = |window: &&[&str]| window.iter().zip(*groups).all(|(digits, &count)| digits.len() == count);
            digits.windows(groups.len()).filter(is_so).any(|window| is_card_number(&window.concat()))
        };
        digits.iter().any(|group| is_card_number(group)) || CARD_GROUPS.iter().any(in_groups)
    };
    runs(" -").map(str::trim).any(is_card_number) || runs(" -._/").any(beside_others)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| {
            let doubled = u32::from(digit) * if at % 2 == 1 { 2 } else { 1 };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_numbers_of_the_schemes_are_recognised() {
        for text in ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005", "4222222222222"] {
            assert!(is_card_number(text));
        }
    }

    #[test]
    fn tokens_pass() {
        for text in ["4111111111111112", "tok_4111111111111111", "411111111111", "", "12345678901234567890", "-- --"] {
            assert!(!is_card_number(text));
        }
    }

    #[test]
    fn kinds_of_cards_are_told_by_their_names() {
        for kind in ["payment_instrument", "creditcard", "CardNo", "cc_number", "ccnum", "credit-line", "bin"] {
            assert!(is_of_cards(kind, None), "{kind}");
        }
        assert!(is_of_cards("wallet", Some("payment")));
        for kind in ["account", "accountnumber", "span_id", "company", "success", "ip", "device"] {
            assert!(!is_of_cards(kind, None), "{kind}");
        }
    }

    #[test]
    fn values_of_cards_show_their_numbers_and_hashes_are_none() {
        for text in [
            "4111111111111111",
            "4111.1111.1111.1111",
            "4111_1111_1111_1111",
            "4111111111111111 12/27",
            "4111111111111111|12|27|123",
            "VISA 4111 1111 1111 1111",
            "4111-1111-1111-1111 exp 12/27",
            "pan:4111111111111111",
        ] {
            assert!(shows_card_number(text), "{text}");
        }
        for text in [
            "fp_9f3a",
            "tok_4111111111111111",
            "a4111111111111111b",
            "9c4111111111111111ee41111111111111110f",
            "41111111-1111-4111-9bcd-0123456789ab",
            "41111111-1111-4111-8111-411111111111",
            "card-4111111111111111-x",
            "2026-01-30 12:30",
            "41111111111111111111111111111111",
            "4111111111111112",
        ] {
            assert!(!shows_card_number(text), "{text}");
        }
    }

    #[test]
    fn card_numbers_are_seen_in_the_midst_of_words() {
        assert!(holds_card_number("paid with 4111 1111 1111 1111, see ticket 7"));
        // The number beside it hid it.
        for text in [
            "card 4111111111111111 12/27",
            "4111 1111 1111 1111 123",
            "2026-01-30 4111111111111111",
            "4111111111111111 - 123",
            "4111.1111.1111.1111",
            "3782 822463 10005 12/27",
            "41111 11111 111111",
        ] {
            assert!(holds_card_number(text), "{text}");
        }
        assert!(!holds_card_number("2026-01-30 12:30 and 2026-02-01, 198.51.100.7, +1 415 555 0132"));
        assert!(!holds_card_number("ticket 4111, tok_4f2a, 2026-03-01"));
    }
}
