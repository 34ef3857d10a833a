//! The grammar of rules.
//!
//! ```text
//! rule  = part { "and" part }
//! part  = share | number "of" "{" share { "," share } "}"
//! share = kind [ "(" expression ")" ] [ "within" length ]
//! ```
//!
//! A share is held by two accounts that were both seen with one identifier of the kind for which the expression holds; the
//! expression is that of `hubs --where` ([`crate::filter`]), over the fields of an identifier: `card(accounts <= 10 and class
//! != "shared")`. `card`, `template` and `address` are other words for `payment_instrument`, `prompt_template_hash` and `ip`
//! ([`Dataset::kind`](crate::Dataset::kind)). `ip within 30m` holds only if they had it at the same time, give or take half an
//! hour: the times from the first sighting to the last of either overlap, or lie no further apart.
//!
//! A file of rules is TOML, a name and a text each:
//!
//! ```toml
//! [rules]
//! card_and_two = "card(accounts <= 10) and 2 of {ip, device, template}"
//! ```

use std::path::Path;

use graph::Seconds;
use serde::Deserialize;

use crate::error::Error;
use crate::time::length_of;

/// What two accounts must share to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// All of these.
    pub parts: Vec<Part>,
}

/// So many of some things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many of the shares.
    pub needed: usize,
    /// The things.
    pub shares: Vec<Shares>,
}

/// An identifier of a kind, in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The kind, or another word for it.
    pub kind: String,
    /// What has to hold of it.
    pub filter: Option<String>,
    /// Seconds that may lie between the times at which either had it; nothing where time doesn't matter.
    pub within: Option<Seconds>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: toml::Table,
}

impl Rule {
    /// Reads a file of rules, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Io`] if it can't be read, [`Error::Usage`] naming the rule that doesn't parse.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        Rule::read_in(&text, &path.display().to_string())
    }

    /// The same of a file's text; messages call the file `of`.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the rule that doesn't parse.
    pub fn read_in(text: &str, of: &str) -> Result<Vec<Self>, Error> {
        let wrong = |what: String| Error::Usage(format!("{of}: {what}"));
        let file: File = toml::from_str(text).map_err(|error| wrong(events::in_one_line(text, &error)))?;
        let rules = file.rules.iter().map(|(name, text)| match text.as_str() {
            Some(text) => Rule::parse(name, text).map_err(|error| wrong(error.to_string())),
            None => Err(wrong(format!("rule {name} is no text, as in {EXAMPLE}"))),
        });
        rules.collect()
    }

    /// Reads one rule.
    ///
    /// # Errors
    /// [`Error::Usage`] naming what stands in the wrong place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let mut rest = Rest { name, text, at: 0 };
        let mut parts = vec![rest.part()?];
        while rest.takes_word("and") {
            parts.push(rest.part()?);
        }
        if rest.left().is_empty() { Ok(Rule { name: name.to_owned(), parts }) } else { Err(rest.wrong("and, or the end")) }
    }
}

const EXAMPLE: &str = "'card(accounts <= 10) and 2 of {ip, device, template}'";

/// What is still to be read of a rule.
struct Rest<'a> {
    name: &'a str,
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn left(&mut self) -> &'a str {
        let left = self.text[self.at..].trim_start();
        self.at = self.text.len() - left.len();
        left
    }

    fn wrong(&mut self, expected: &str) -> Error {
        let (name, found) = (self.name, self.left().to_owned());
        let found = if found.is_empty() { "nothing".to_owned() } else { format!("'{found}'") };
        Error::Usage(format!("rule {name}: expected {expected}, found {found}; write it like {EXAMPLE}"))
    }

    fn takes(&mut self, mark: char) -> bool {
        let takes = self.left().starts_with(mark);
        self.at += if takes { mark.len_utf8() } else { 0 };
        takes
    }

    fn word(&mut self) -> &'a str {
        let left = self.left();
        let end = left.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(left.len());
        &left[..end]
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let takes = self.word().eq_ignore_ascii_case(word);
        self.at += if takes { word.len() } else { 0 };
        takes
    }

    fn part(&mut self) -> Result<Part, Error> {
        // `>= 2 of` is what `2 of` means.
        let at = self.at;
        if !(self.takes('>') && self.takes('=')) {
            self.at = at;
        }
        let Ok(needed) = self.word().parse::<usize>() else {
            return Ok(Part { needed: 1, shares: vec![self.share()?] });
        };
        self.at += self.word().len();
        if !self.takes_word("of") || !self.takes('{') {
            return Err(self.wrong("of {...}"));
        }
        let mut shares = vec![self.share()?];
        while self.takes(',') {
            shares.push(self.share()?);
        }
        if !self.takes('}') {
            return Err(self.wrong("} or a comma"));
        }
        if !(1..=shares.len()).contains(&needed) {
            let (name, of) = (self.name, shares.len());
            return Err(Error::Usage(format!("rule {name}: {needed} of {of} can't be: write it like {EXAMPLE}")));
        }
        Ok(Part { needed, shares })
    }

    fn share(&mut self) -> Result<Shares, Error> {
        let word = self.word();
        if word.is_empty() {
            return Err(self.wrong("a kind of identifier"));
        }
        self.at += word.len();
        let filter = if self.takes('(') { Some(self.expression()?) } else { None };
        let within = if self.takes_word("within") { Some(self.length()?) } else { None };
        Ok(Shares { kind: word.to_owned(), filter, within })
    }

    fn length(&mut self) -> Result<Seconds, Error> {
        let word = self.word();
        let length = length_of(word).map_err(|_| self.wrong("a length of time such as 30m or 2d"))?;
        self.at += word.len();
        Ok(length)
    }

    /// The expression up to the parenthesis that closes it; those in quotes and in pairs are its own.
    fn expression(&mut self) -> Result<String, Error> {
        let left = self.left();
        let (mut depth, mut quote) = (1, None);
        for (at, character) in left.char_indices() {
            match (quote, character) {
                (Some(open), close) if open == close => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.at += at + 1;
                return Ok(left[..at].trim().to_owned());
            }
        }
        self.at = self.text.len();
        Err(self.wrong("a closing parenthesis"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(kind: &str, filter: Option<&str>) -> Shares {
        Shares { kind: kind.to_owned(), filter: filter.map(str::to_owned), within: None }
    }

    #[test]
    fn the_rule_of_the_book_is_read() {
        let rule =
            Rule::parse("r", "card(accounts <= 10 and class != \")\") and 2 of {ip, device, template(degree<(5))}").unwrap();
        let first = Part { needed: 1, shares: vec![shares("card", Some("accounts <= 10 and class != \")\""))] };
        let three = vec![shares("ip", None), shares("device", None), shares("template", Some("degree<(5)"))];
        assert_eq!(rule.parts, [first, Part { needed: 2, shares: three }]);
    }

    #[test]
    fn a_share_may_have_to_be_of_one_time() {
        let rule = Rule::parse("r", "card and 1 of {ip(accounts <= 20) within 30m, device WITHIN 2d}").unwrap();
        let [card, of] = &rule.parts[..] else { panic!("two parts") };
        assert_eq!((card.shares[0].within, of.shares[0].within, of.shares[1].within), (None, Some(1_800), Some(172_800)));
        assert_eq!(of.shares[0].filter.as_deref(), Some("accounts <= 20"));
        let wrong = Rule::parse("r", "ip within the hour").unwrap_err().to_string();
        assert!(wrong.contains("a length of time such as 30m") && wrong.contains("'the hour'"), "{wrong}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| Rule::parse("r", text).unwrap_err().to_string();
        assert!(wrong("").contains("a kind of identifier, found nothing"));
        assert!(wrong("card or ip").contains("'or ip'"), "{}", wrong("card or ip"));
        assert!(wrong("card(accounts <= 10").contains("closing"));
        assert!(wrong("3 of {ip, device}").contains("3 of 2"));
        assert!(wrong("0 of {ip}").contains("0 of 1"));
        assert!(wrong("2 of ip").contains("of {...}"));
        assert!(wrong("2 of {ip device}").contains("comma"));
    }
}
