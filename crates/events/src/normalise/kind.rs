//! What a map declares of a kind: how its values are written alike, and how long a sighting links.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::{SpanRelativeTo, Unit};
use serde::{Deserialize, Serialize};

use super::{Reason, ip};

/// How the values of a kind are written alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Normaliser {
    /// In lower case.
    Lowercase,
    /// Digits alone: telephone numbers.
    Digits,
    /// What stands behind the last `@`, in lower case: e-mail addresses.
    Domain,
    /// Yes or no, however it is written.
    YesNo,
    /// The network of an address: bits of an IPv4 and of an IPv6 prefix. Prefixes stand for ISPs' customers and sites
    /// (Li and Freeman, IMC 2020, doi:10.1145/3419394.3423640).
    Subnet(u8, u8),
}

/// The prefixes of `subnet` without numbers.
const SUBNET: (u8, u8) = (24, 56);

impl Normaliser {
    /// The common form of a value; empty where it has none and so links nobody.
    ///
    /// # Errors
    /// [`Reason::BadIp`] for a subnet of what is no address.
    pub fn apply<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, Reason> {
        Ok(match self {
            Normaliser::Lowercase if !text.chars().any(char::is_uppercase) => Cow::Borrowed(text),
            Normaliser::Lowercase => Cow::Owned(text.to_lowercase()),
            Normaliser::Digits if text.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Borrowed(text),
            Normaliser::Digits => Cow::Owned(text.chars().filter(char::is_ascii_digit).collect()),
            Normaliser::Domain => Cow::Owned(text.rsplit('@').next().unwrap_or_default().trim_end_matches('.').to_lowercase()),
            Normaliser::YesNo => Cow::Borrowed(match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "y" | "t" => "yes",
                "0" | "false" | "no" | "n" | "f" => "no",
                _ => text,
            }),
            Normaliser::Subnet(four, six) => Cow::Owned(subnet(text, *four, *six)?),
        })
    }
}

/// A value as ingest writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canonical<'t> {
    /// In this form.
    Value(Cow<'t, str>),
    /// An address that says nothing about who is behind it.
    Unroutable,
    /// Nothing is left of it.
    Empty,
}

/// The form of a value of a kind: by the normaliser that was declared for the kind, else as kinds known by name are written.
///
/// # Errors
/// As [`Normaliser::apply`] and [`ip::parse`].
pub fn canonical<'t>(kind: &str, declared: Option<Normaliser>, text: &'t str) -> Result<Canonical<'t>, Reason> {
    let usual = match kind {
        "virtual" => Some(Normaliser::YesNo),
        "email_domain" => Some(Normaliser::Domain),
        _ => None,
    };
    let value = match (declared.or(usual), kind) {
        (Some(normaliser), _) => match normaliser.apply(text)? {
            common if !common.is_empty() => common,
            _ if matches!(normaliser, Normaliser::Subnet(..)) => return Ok(Canonical::Unroutable),
            _ => return Ok(Canonical::Empty),
        },
        (None, "ip") => match ip::parse(text)? {
            ip::Address::Unroutable => return Ok(Canonical::Unroutable),
            // Whatever is read as an IPv4 address without a port is written as one.
            ip::Address::V4(_) if !text.contains(':') => Cow::Borrowed(text),
            ip::Address::V6Prefix(address) => Cow::Owned(ip::prefix_text(address)),
            address => Cow::Owned(address.to_string()),
        },
        (None, _) => Cow::Borrowed(text),
    };
    Ok(Canonical::Value(value))
}

/// A prefix that was written before is its own.
fn subnet(text: &str, four: u8, six: u8) -> Result<String, Reason> {
    let address = match text.rsplit_once('/') {
        Some((address, length)) if length.parse() == Ok(four) || length.parse() == Ok(six) => address,
        _ => text,
    };
    Ok(match ip::parse(address)? {
        ip::Address::V4(address) => {
            let kept = address.to_bits() & (u32::MAX << (32 - u32::from(four)));
            format!("{}/{four}", std::net::Ipv4Addr::from_bits(kept))
        }
        ip::Address::V6Prefix(address) => {
            let kept = address.to_bits() & (u128::MAX << (128 - u32::from(six)));
            format!("{}/{six}", std::net::Ipv6Addr::from_bits(kept))
        }
        ip::Address::Unroutable => String::new(),
    })
}

impl FromStr for Normaliser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let (name, lengths) = (parts.next().unwrap_or_default(), parts.collect::<Vec<_>>());
        let length = |at: usize, default: u8, most: u8| match lengths.get(at) {
            None => Some(default),
            Some(text) => text.parse().ok().filter(|length| (8..=most).contains(length)),
        };
        let subnet = (length(0, SUBNET.0, 32), length(1, SUBNET.1, 64));
        match (name, lengths.len(), subnet) {
            ("lowercase", 0, _) => Ok(Normaliser::Lowercase),
            ("digits", 0, _) => Ok(Normaliser::Digits),
            ("domain", 0, _) => Ok(Normaliser::Domain),
            ("yesno", 0, _) => Ok(Normaliser::YesNo),
            ("subnet", 0..=2, (Some(four), Some(six))) => Ok(Normaliser::Subnet(four, six)),
            _ => Err(format!(
                "unknown normaliser {text:?}: there are lowercase, digits, domain, yesno, and subnet or subnet/24/56, \
                 with 8 to 32 bits of IPv4 and 8 to 64 of IPv6"
            )),
        }
    }
}

impl fmt::Display for Normaliser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Normaliser::Lowercase => write!(formatter, "lowercase"),
            Normaliser::Digits => write!(formatter, "digits"),
            Normaliser::Domain => write!(formatter, "domain"),
            Normaliser::YesNo => write!(formatter, "yesno"),
            Normaliser::Subnet(four, six) => write!(formatter, "subnet/{four}/{six}"),
        }
    }
}

impl TryFrom<String> for Normaliser {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Normaliser> for String {
    fn from(normaliser: Normaliser) -> String {
        normaliser.to_string()
    }
}

/// A length of time in seconds, such as how long a sighting links; written as a number and a unit (`90d`, `12 hours`), a day
/// being 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(pub u32);

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let seconds = text
            .parse::<jiff::Span>()
            .and_then(|span| span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())))
            .map_err(|error| format!("{text:?} is no length of time such as 90d or 12h: {error}"))?;
        let whole = (1.0..=f64::from(u32::MAX)).contains(&seconds);
        if whole { Ok(Length(seconds as u32)) } else { Err(format!("{text:?} is not between a second and a century")) }
    }
}

impl From<Length> for String {
    fn from(length: Length) -> String {
        format!("{}s", length.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(normaliser: &str, text: &str) -> String {
        let normaliser: Normaliser = normaliser.parse().unwrap();
        assert_eq!(normaliser.to_string().parse(), Ok(normaliser));
        let once = normaliser.apply(text).unwrap().into_owned();
        assert_eq!(normaliser.apply(&once).unwrap(), once, "a common form is its own");
        once
    }

    #[test]
    fn values_are_written_alike() {
        assert_eq!(apply("lowercase", "ÄB-c"), "äb-c");
        assert_eq!(apply("digits", "+49 (30) 1234"), "49301234");
        assert_eq!(apply("domain", "a@b@Example.COM."), "example.com");
        assert_eq!((apply("yesno", "TRUE"), apply("yesno", "0"), apply("yesno", "?")), ("yes".into(), "no".into(), "?".into()));
        assert_eq!(apply("subnet", "198.51.100.77:443"), "198.51.100.0/24");
        assert_eq!(apply("subnet/16/48", "2001:db8:1:2:3::4"), "2001:db8:1::/48");
        assert_eq!(apply("subnet/32/64", "2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(Normaliser::Subnet(24, 56).apply("10.0.0.1").unwrap(), "");
        assert_eq!(Normaliser::Subnet(24, 56).apply("host"), Err(Reason::BadIp));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for text in ["upper", "lowercase/3", "subnet/33", "subnet/24/7", "subnet/1/2/3", ""] {
            assert!(text.parse::<Normaliser>().is_err(), "{text}");
        }
        assert_eq!(Length::try_from("90d".to_owned()), Ok(Length(90 * 86_400)));
        assert_eq!(Length::try_from("12 hours".to_owned()), Ok(Length(43_200)));
        for text in ["", "90", "-1d", "0s", "1 month"] {
            assert!(Length::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
