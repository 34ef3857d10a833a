//! Numbers of things in words.

/// A number of things that a word with an `s` means several of: 1 network, 2 networks.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
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
    fn not_all_is_never_all() {
        let shown = [1.0, 0.9975, 0.999_999_9, 0.99, 0.5, 0.0996, 0.0123, 0.0].map(percent);
        assert_eq!(shown, ["100%", "99.75%", "99.99%", "99%", "50%", "10%", "1.2%", "0%"]);
    }
}
