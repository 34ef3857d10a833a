//! Numbers of things in words.

/// A whole number in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things that a word with an `s` means several of: 1 network, 2,000 networks.
pub fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A share of one, to two figures or whole percents; what isn't all is never 100%.
pub(crate) fn percent(share: f64) -> String {
    let percents = share * 100.0;
    match percents.abs() {
        size if size > 99.0 && size < 100.0 => {
            // Not rounded up.
            format!("{}%", (percents * 100.0).trunc() / 100.0)
        }
        size if size == 0.0 || size >= 9.95 => format!("{percents:.0}%"),
        size => {
            let decimals = (1 - size.log10().floor() as i32).clamp(1, 6) as usize;
            format!("{percents:.decimals$}%")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            (counted(1, "account"), counted(84_926, "exchange")),
            ("1 account".to_owned(), "84,926 exchanges".to_owned())
        );
    }

    #[test]
    fn not_all_is_never_all() {
        let shown = [1.0, 0.9975, 0.999_999_9, 0.99, 0.5, 0.0996, 0.0123, 0.0].map(percent);
        assert_eq!(shown, ["100%", "99.75%", "99.99%", "99%", "50%", "10%", "1.2%", "0%"]);
    }
}
