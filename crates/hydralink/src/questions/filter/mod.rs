//! Which records does an expression like `degree > 50 and first_seen >= 2026-02-01` let through?
//!
//! Expressions are written in the Common Expression Language (<https://cel.dev>) and evaluated by the crate `cel`, with three
//! comforts: `and`, `or`, `not` and a single `=` for `&&`, `||`, `!` and `==`; and dates and times without quotes. A record's
//! fields are the variables, under the names that its JSON has, and `degree` for the accounts of an identifier. Times are RFC
//! 3339 text in UTC, which orders as it reads, so a date alone means its first moment.
//!
//! * comparisons `== != < <= > >=`, `in ["a", "b"]`, arithmetic, `? :`, parentheses
//! * text: `"single or double quotes"`, `.startsWith("x")`, `.endsWith("x")`, `.contains("x")`
//! * a field without a value is `null` and equals nothing else: `network == null`, and `network != "PN-1"` lets it through too
//!   (`network != null and network != "PN-1"` doesn't); `<` and its like let nothing through that has no value
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::filter::{Filter, TOP_FIELDS};
//! use hydralink::top::{By, top};
//! use hydralink::Dataset;
//!
//! let dataset = Dataset::open(&store)?;
//! let labels = dataset.labelling()?;
//! let filter = Filter::parse("degree > 5 and first_seen >= 2026-01-01", TOP_FIELDS)?;
//! let most_telling = top(&dataset, Some(&labels), By::Bits, Some("payment_instrument"))?;
//! let passing = most_telling.filter(|card| filter.matches(card).unwrap_or(false));
//! assert!(passing.take(3).all(|card| card.degree > 5));
//! # Ok::<(), hydralink::Error>(())
//! ```

use std::collections::HashMap;

use cel::{Context, Program, Value};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::names::distance;
use crate::options::WHERE;
use crate::time::{rfc3339, seconds_of};
use fields::TIME_FIELDS;

mod fields;

pub use fields::{HUB_FIELDS, LISTS, MEMBER_FIELDS, NEIGHBOR_FIELDS, NETWORK_FIELDS, TOP_FIELDS, example, help, markdown};

/// Names under which a field is also known.
const ALIASES: &[(&str, &str)] = &[("degree", "accounts"), ("accounts", "degree")];

/// Bytes of the longest expression. The parser's time grows with their square, and it can't say where in a longer line it failed.
const LONGEST: usize = 32 << 10;
/// Operators of an expression, at most: reading it and asking it go as deep as these can nest, and the stack ends.
const MOST_OPERATORS: usize = 250;

/// A parsed expression.
#[derive(Debug)]
pub struct Filter {
    text: String,
    program: Program,
    /// The fields that the expression reads.
    fields: Vec<String>,
}

impl Filter {
    /// Parses an expression over records of these fields.
    ///
    /// # Errors
    /// [`Error::Usage`] if it doesn't parse, or for a field that records don't have, with those they have.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, Error> {
        let wrong = |what: String| {
            let text = events::shortened(text);
            Error::Usage(format!("{WHERE} '{text}': {what}; write it like '{}'", example(known)))
        };
        if text.len() > LONGEST {
            return Err(wrong(format!("{} bytes, {LONGEST} can be read", text.len())));
        }
        let plain = plain(text).map_err(&wrong)?;
        let operators = operators(&plain);
        if operators > MOST_OPERATORS {
            return Err(wrong(format!(
                "{operators} operators, {MOST_OPERATORS} can be read; a list says it shorter: id in [...]"
            )));
        }
        let program = Program::compile(&plain).map_err(|error| wrong(not_read(&error.to_string())))?;
        let mut fields: Vec<String> = program.references().variables().into_iter().map(str::to_owned).collect();
        // What a macro such as `exists(x, ...)` calls an element is no field.
        let own = macro_variables(text);
        fields.retain(|field| known.contains(&field.as_str()) || !own.contains(field));
        fields.sort_unstable();
        if let Some(unknown) = fields.iter().find(|field| !known.contains(&field.as_str())) {
            let nearest = known.iter().min_by_key(|known| distance(known, unknown));
            let meant = nearest.filter(|near| distance(near, unknown) <= 1 + unknown.len() / 3);
            let meant = meant.map_or(".".to_owned(), |near| format!("; did you mean {near}?"));
            return Err(Error::Usage(format!("{WHERE}: there is no field {unknown}{meant} There are {}.", known.join(", "))));
        }
        Ok(Filter { text: text.to_owned(), program, fields })
    }

    /// Whether a record passes.
    ///
    /// # Errors
    /// [`Error::Usage`] if the expression compares what can't be compared, or isn't a yes or no.
    pub fn matches<T: Serialize>(&self, record: &T) -> Result<bool, Error> {
        // By way of the text, of which only what is asked for is read: a number of 32 bits is what is printed of it, and not the
        // nearest of 64 bits.
        let text = serde_json::to_string(record).unwrap_or_default();
        let json: HashMap<&str, &RawValue> = serde_json::from_str(&text).unwrap_or_default();
        let read = |raw: &&RawValue| value_of(&serde_json::from_str(raw.get()).unwrap_or_default());
        let mut context = Context::default();
        let mut without_value = false;
        for field in &self.fields {
            let alias = ALIASES.iter().find(|(alias, _)| alias == field).and_then(|(_, of)| json.get(of));
            let value = json.get(field.as_str()).or(alias).map_or(Value::Null, read);
            without_value |= value == Value::Null;
            context.add_variable_from_value(field.as_str(), value);
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(passes)) => Ok(passes),
            Ok(_) => Err(Error::Usage(format!("{WHERE} '{}' is not a yes or no: compare it with something", self.text))),
            Err(_) if without_value => Ok(false),
            Err(error) => Err(Error::Usage(format!("{WHERE} '{}': {error}", self.text))),
        }
    }
}

/// Macros of CEL whose first argument names an element.
const MACROS: [&str; 5] = [".all(", ".exists(", ".exists_one(", ".map(", ".filter("];

/// The names that the macros of an expression give to elements.
fn macro_variables(text: &str) -> Vec<String> {
    let name = |(at, found): (usize, &str)| {
        let rest = text[at + found.len()..].trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        rest[end..].trim_start().starts_with(',').then(|| rest[..end].to_owned())
    };
    MACROS.iter().flat_map(|found| text.match_indices(found)).filter_map(name).collect()
}

/// What of an expression can't be read: the parser's message without its place, which is one in plain CEL, and without the list
/// of all that it would have taken.
fn not_read(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let what = first.split_once("Syntax error: ").map_or(first, |(_, what)| what);
    let what = what.split(" expecting ").next().unwrap_or_default();
    let quoted = what.split_once(": '").or_else(|| what.split_once(" '")).map_or("", |(_, quoted)| quoted);
    match quoted.strip_suffix('\'').unwrap_or(quoted) {
        "<EOF>" => "it ends too early".to_owned(),
        "" => what.to_owned(),
        token => format!("{token} can't stand where it does"),
    }
}

/// How many rows are wanted at most, where 0 means all.
pub fn at_most(top: usize) -> usize {
    if top == 0 { usize::MAX } else { top }
}

/// The first `top` rows (0: all) that an expression lets through; all of them where there is none.
///
/// # Errors
/// As [`Filter::parse`] and [`Filter::matches`].
pub fn first_passing<T: Serialize>(
    rows: impl Iterator<Item = T>,
    expression: Option<&str>,
    fields: &[&str],
    top: usize,
) -> Result<Vec<T>, Error> {
    let top = at_most(top);
    let Some(expression) = expression else { return Ok(rows.take(top).collect()) };
    let filter = Filter::parse(expression, fields)?;
    let passing = rows.filter_map(|row| filter.matches(&row).map(|passes| passes.then_some(row)).transpose());
    passing.take(top).collect()
}

/// JSON as the evaluator's values.
fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
        }
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(values) => Value::from(values.iter().map(value_of).collect::<Vec<Value>>()),
        serde_json::Value::Object(fields) => {
            let fields: std::collections::HashMap<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), value_of(value))).collect();
            Value::from(fields)
        }
    }
}

/// What may nest in an expression of CEL: its operators, brackets and calls, outside of quoted texts. Commas don't.
fn operators(plain: &str) -> usize {
    let (mut rest, mut count, mut last) = (plain, 0, ' ');
    while let Some(first) = rest.chars().next() {
        let length = if matches!(first, '"' | '\'') { quoted_length(rest, first) } else { first.len_utf8() };
        let doubled = matches!(first, '=' | '&' | '|') && matches!(last, '=' | '&' | '|' | '<' | '>' | '!');
        let in_number = first == '.' && last.is_ascii_digit();
        count += usize::from("+-*/%<>=!&|?.[({".contains(first) && !doubled && !in_number);
        count += usize::from(first == 'i' && rest.starts_with("in ") && !(last.is_alphanumeric() || last == '_'));
        (last, rest) = (first, &rest[length..]);
    }
    count
}

/// The comforts, as plain CEL: words for operators, quotes around dates, times in UTC. Text in quotes stays as it is, but for a
/// time that a field of times is compared with. What is wrong with a date that is none is the error.
fn plain(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let length = quoted_length(rest, first);
                let inside = rest[..length].trim_matches(first);
                if is_compared_with_a_time(&out) && !rest[..length].contains('\\') {
                    out.push_str(&format!("\"{}\"", time(inside)?));
                    rest = &rest[length..];
                    continue;
                }
                length
            }
            digit if digit.is_ascii_digit() => {
                let word = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+')))
                    .unwrap_or(rest.len());
                // A number ends where its digits end; only a date runs on over hyphens and colons.
                if is_date(&rest[..word]) || is_compared_with_a_time(&out) {
                    out.push_str(&format!("\"{}\"", time(&rest[..word])?));
                    rest = &rest[word..];
                    continue;
                }
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(rest.len())
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let operator = match &rest[..word] {
                    "and" => "&&",
                    "or" => "||",
                    "not" => "!",
                    other => other,
                };
                out.push_str(operator);
                rest = &rest[word..];
                continue;
            }
            '=' if !rest.starts_with("==") => {
                // The second character of `<=`, `>=`, `!=`, or a single `=`.
                out.push_str(if out.ends_with(['<', '>', '!']) { "=" } else { "==" });
                rest = &rest[1..];
                continue;
            }
            '=' => 2,
            other => other.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Ok(out)
}

/// Whether what comes after this much of an expression is compared with a field of times.
fn is_compared_with_a_time(before: &str) -> bool {
    let field = before.trim_end();
    let compared = field.trim_end_matches(['=', '<', '>', '!']);
    let ends_with = |name: &str| {
        let word = compared.trim_end().strip_suffix(name);
        word.is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.')))
    };
    compared.len() < field.len() && TIME_FIELDS.iter().any(|name| ends_with(name))
}

/// A time as records have theirs, in UTC; of a day its first moment.
fn time(word: &str) -> Result<String, String> {
    let (first, _) = seconds_of(word).map_err(|error| error.to_string())?;
    Ok(rfc3339(first).unwrap_or_else(|| word.to_owned()))
}

/// Length of the quoted text that `rest` starts with, escapes skipped.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `YYYY-MM-DD`, with or without a time.
fn is_date(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 10
        && bytes[..10]
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() })
        && (bytes.len() == 10 || bytes[10] == b'T')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parser panicked where it had to say that something was wrong beyond the 65,535th letter of a line.
    #[test]
    fn a_long_expression_is_refused() {
        let refused = |text: &str| Filter::parse(text, TOP_FIELDS).unwrap_err().to_string();
        for text in ["(".repeat(100_000) + "degree", "degree > 1 && ".repeat(10_000) + "degree > 1", "!".repeat(70_000)] {
            let error = refused(&text);
            assert!(error.contains("can be read") && error.len() < 1000, "{error}");
        }
        let deep = refused(&("(".repeat(10_000) + "degree" + &")".repeat(10_000)));
        assert!(deep.len() < 1000, "{deep}");
    }

    const FIELDS: &[&str] = &["accounts", "score", "kind", "first_seen", "network", "degree", "signals"];

    fn passes(text: &str) -> bool {
        let record = serde_json::json!({
            "accounts": 60, "score": 10.5, "kind": "ip", "first_seen": "2026-02-03T00:00:00Z", "network": null,
            "signals": {"synchrony": {"bits": 4.5}},
        });
        Filter::parse(text, FIELDS).expect(text).matches(&record).expect(text)
    }

    /// A number of 32 bits was compared as the nearest one of 64, which isn't what was printed: 0.9 was more than 0.9.
    #[test]
    fn a_number_is_what_is_printed_of_it() {
        #[derive(Serialize)]
        struct Record {
            score: f32,
        }
        for expression in ["score >= 0.9", "score = 0.9", "score <= 0.9"] {
            assert!(Filter::parse(expression, FIELDS).unwrap().matches(&Record { score: 0.9 }).unwrap(), "{expression}");
        }
    }

    #[test]
    fn comforts_become_plain_cel() {
        let plain = |text: &str| plain(text).unwrap();
        assert_eq!(plain("a = 1 and not b >= 2026-02-01"), "a == 1 && ! b >= \"2026-02-01T00:00:00Z\"");
        assert_eq!(plain("x != 'and = 2026-02-01' or y == 3-2"), "x != 'and = 2026-02-01' || y == 3-2");
        assert_eq!(plain("t<2026-02-01T10:00:00Z"), "t<\"2026-02-01T10:00:00Z\"");
        // Times are compared as text, which orders in UTC alone.
        assert_eq!(plain("t < 2026-02-01T10:00:00+02:00"), "t < \"2026-02-01T08:00:00Z\"");
        assert_eq!(plain("last_seen>='2026-02-01'"), "last_seen>=\"2026-02-01T00:00:00Z\"");
    }

    #[test]
    fn a_date_that_is_none_is_named() {
        let texts = ["first_seen >= 2026-13-45", "2026-13-45 <= first_seen", "first_seen >= '2026-13-45'", "kind = 2026-13-45"];
        for text in texts {
            let error = Filter::parse(text, FIELDS).expect_err(text).to_string();
            assert!(error.contains("2026-13-45 is no time: give a day (2026-03-03"), "{error}");
        }
        for text in
            ["first_seen > 2026", "first_seen == 'yesterday'", "first_seen < 2026-2-1", "first_seen > 2026-02-01T25:00:00Z"]
        {
            assert!(Filter::parse(text, FIELDS).is_err_and(|error| error.to_string().contains("is no time")), "{text}");
        }
        // Where no time is asked for, a text is a text.
        assert!(!passes("kind == '2026-13-45'") && passes("first_seen != null and kind.startsWith('i')"));
        // A day is its first moment, which this record is of.
        assert!(passes("first_seen == 2026-02-03 and first_seen <= 2026-02-03") && !passes("first_seen > 2026-02-03"));
        assert!(passes("first_seen > 2026-02-03T00:30:00+01:00") && !passes("first_seen > 2026-02-03T00:30:00-01:00"));
    }

    #[test]
    fn records_pass_or_do_not() {
        assert!(passes("accounts > 50 and first_seen >= 2026-02-01"));
        assert!(!passes("accounts > 50 and first_seen >= 2026-02-04"));
        assert!(passes("degree = 60 and score > 10 and kind in ['ip', 'device']"));
        assert!(passes("network == null") && !passes("network == 'PN-1'") && !passes("network < 'a'"));
        assert!(passes("signals.synchrony.bits > 4"));
        assert!(passes("['ip', 'device'].exists(one, one == kind)") && !passes("[1, 2].all(n, n > accounts)"));
        assert!(Filter::parse("[1].exists(one, other == 1)", FIELDS).is_err());
        assert!(passes("kind.startsWith('i') && !(score < 10.0)"));
    }

    #[test]
    fn what_nests_deeper_than_the_stack_is_refused_and_a_long_list_is_not() {
        let of_terms = |terms: usize| format!("{} > 0", vec!["degree"; terms].join(" + "));
        assert!(Filter::parse(&of_terms(MOST_OPERATORS), FIELDS).is_ok());
        for deep in [of_terms(1_500), format!("{}(degree > 0)", "!".repeat(20_000)), vec!["degree > 0"; 2_000].join(" or ")] {
            let refused = Filter::parse(&deep, FIELDS).expect_err("too deep").to_string();
            assert!(refused.contains("operators, 250 can be read"), "{refused}");
        }
        let listed = format!("degree in [{}]", (0..2_000).map(|id| id.to_string()).collect::<Vec<_>>().join(", "));
        assert!(Filter::parse(&listed, FIELDS).is_ok());
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        let unknown = Filter::parse("degre > 3", FIELDS).expect_err("unknown").to_string();
        assert!(unknown.contains("field degre") && unknown.contains("did you mean degree?"), "{unknown}");
        assert!(
            unknown.ends_with("degree? There are accounts, score, kind, first_seen, network, degree, signals."),
            "{unknown}"
        );
        let unknown = Filter::parse("foo > 3", FIELDS).expect_err("unknown").to_string();
        assert!(unknown.contains("there is no field foo. There are accounts"), "{unknown}");
        let broken = Filter::parse("degree >", FIELDS).expect_err("broken").to_string();
        assert!(broken.contains("`filter` 'degree >': it ends too early; write it like"), "{broken}");
        let told = |text: &str| Filter::parse(text, FIELDS).expect_err("broken").to_string();
        assert!(told("degree > > 3").contains("': > can't stand where it does; "), "{}", told("degree > > 3"));
        assert!(told("accounts 5").contains("': 5 can't stand where it does; "), "{}", told("accounts 5"));
        assert!(told("kind = 'ip").contains("'ip can't stand where it does; "), "{}", told("kind = 'ip"));
        let record = serde_json::json!({"accounts": 3, "kind": "ip"});
        let number = Filter::parse("accounts + 1", FIELDS).expect("parses").matches(&record).expect_err("no yes or no");
        assert!(number.to_string().contains("yes or no"));
        assert!(Filter::parse("accounts > 'a'", FIELDS).expect("parses").matches(&record).is_err());
    }
}
