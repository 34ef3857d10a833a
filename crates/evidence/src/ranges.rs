//! What can a setting be?
//!
//! Each configuration declares, beside its defaults, the [`Range`] of every number in it; its `validate` names the first that
//! lies outside, in the order of the settings' names. Whole numbers of the linkage chain may be anything: 0 switches off what
//! they bound. But there is no spread of no accounts.

use std::fmt;

/// What a number may be; all of them are finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Range {
    /// Anything.
    Finite,
    /// 0 or more.
    NotNegative,
    /// More than 0.
    Positive,
    /// From 0 to 1.
    Share,
    /// 1 or more.
    Count,
}

impl Range {
    /// Whether a number lies within.
    ///
    /// # Errors
    /// [`OutOfRange`] that names the setting.
    pub fn check(self, setting: &str, number: f64) -> Result<(), OutOfRange> {
        let (holds, wanted) = match self {
            _ if !number.is_finite() => (false, "a finite number"),
            Range::Finite => (true, "a finite number"),
            Range::NotNegative => (number >= 0.0, "a number of at least 0"),
            Range::Positive => (number > 0.0, "a number over 0"),
            Range::Share => ((0.0..=1.0).contains(&number), "a share from 0 to 1"),
            Range::Count => (number >= 1.0, "a number of at least 1"),
        };
        if holds { Ok(()) } else { Err(OutOfRange { setting: setting.to_owned(), found: number, wanted }) }
    }
}

/// A number that can't be meant.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutOfRange {
    /// The setting, by its path in the configuration.
    pub setting: String,
    /// What was found.
    pub found: f64,
    /// What was expected, in words.
    pub wanted: &'static str,
}

impl OutOfRange {
    /// The same of a setting that lies in a table of this name.
    pub fn within(self, table: &str) -> Self {
        OutOfRange { setting: format!("{table}.{}", self.setting), ..self }
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = {}: {} was expected", self.setting, self.found, self.wanted)
    }
}

impl std::error::Error for OutOfRange {}

/// The numbers of one configuration: name, value, range.
pub(crate) type Settings<'a> = &'a mut [(&'static str, f64, Range)];

/// Checks numbers in the order of their names.
pub(crate) fn check_all(settings: Settings<'_>) -> Result<(), OutOfRange> {
    settings.sort_by_key(|&(name, _, _)| name);
    settings.iter().try_for_each(|&(name, number, range)| range.check(name, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_ends_where_it_says() {
        let holds = |range: Range| [-1.0, 0.0, 0.5, 1.0, 2.0].map(|number| range.check("x", number).is_ok());
        assert_eq!(holds(Range::Finite), [true; 5]);
        assert_eq!(holds(Range::NotNegative), [false, true, true, true, true]);
        assert_eq!(holds(Range::Positive), [false, false, true, true, true]);
        assert_eq!(holds(Range::Share), [false, true, true, true, false]);
        assert_eq!(holds(Range::Count), [false, false, false, true, true]);
        let error = Range::Finite.check("bits", f64::NAN).unwrap_err().within("score");
        assert_eq!(error.to_string(), "score.bits = NaN: a finite number was expected");
    }

    #[test]
    fn the_first_by_name_is_told() {
        let mut settings = [("b", 2.0, Range::Share), ("c", 0.5, Range::Share), ("a", -1.0, Range::NotNegative)];
        assert_eq!(check_all(&mut settings).unwrap_err().setting, "a");
    }
}
