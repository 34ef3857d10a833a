//! Does the first line of a text file name its columns?
//!
//! Logs of web servers have no header, and some exports lose theirs. What stands in the first line is then somebody's address
//! or card, which an error that names columns must not repeat.

use std::net::IpAddr;
use std::path::Path;

use crate::error::EventError;

/// The error of a file whose columns don't serve; where its first line holds values or a comment, one that says so instead.
pub(crate) fn no_header(error: EventError, file: &Path, header: &[String]) -> EventError {
    if header.first().is_some_and(|name| name.starts_with('#')) {
        let hint = "take comments out and write the names in the first line, separated as the rows are (of a W3C log, #Fields)";
        return EventError::input(file, "the first line is a comment, where the names of columns were expected", hint);
    }
    if header.iter().any(|name| holds_value(name)) {
        let hint = "put a header line above the rows; write the log of a web server as CSV or JSON Lines first";
        return EventError::input(file, "the first line holds values, where the names of columns were expected", hint);
    }
    error
}

/// Whether a name of a column has an address, a date, a long number or a mailbox in it.
fn holds_value(name: &str) -> bool {
    let words = name.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '[' | ']' | '(' | ')' | ','));
    words.into_iter().any(|word| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let number = digits >= 4 && word.starts_with(|letter: char| letter.is_ascii_digit());
        let mailbox = word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
        number || mailbox || word.parse::<IpAddr>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_names_of_columns() {
        let values = [
            "4111111111111111",
            "4111 1111 1111 1111",
            "1.2.3.4",
            "::1",
            "2001:db8::1 - alice [02/Mar/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200",
            "2026-03-02T00:00:00Z",
            "ann@mail.example",
        ];
        assert!(values.into_iter().all(holds_value));
        let names = ["@timestamp", "client.ip", "sha256", "90d_amount", "cs(User-Agent)", "Created date (UTC)", "2fa"];
        assert!(!names.into_iter().any(holds_value));
    }
}
