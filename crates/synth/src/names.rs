//! How things are spelled in files: opaque tokens that reveal neither order nor kind.
//!
//! Every token is a keyed bijection of a number, so that two never collide and none tells who made it.

use std::io::Write as _;

use crate::calendar::START_MILLIS;
use crate::event::{Address, NO_CARD};
use crate::random::Domain;
use crate::world::World;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn push_hex(out: &mut Vec<u8>, value: u64) {
    for shift in (0..16).rev() {
        out.push(DIGITS[(value >> (shift * 4) & 15) as usize]);
    }
}

/// The number behind an account's name.
pub(crate) fn account_token(world: &World, account: u32) -> u64 {
    world.streams.token(Domain::AccountToken, u64::from(account))
}

/// `acct_` and sixteen digits.
pub(crate) fn push_account(out: &mut Vec<u8>, world: &World, account: u32) {
    out.extend_from_slice(b"acct_");
    push_hex(out, account_token(world, account));
}

/// `pm_` and sixteen digits, or nothing.
pub(crate) fn push_card(out: &mut Vec<u8>, world: &World, card: u32) {
    if card != NO_CARD {
        out.extend_from_slice(b"pm_");
        push_hex(out, world.streams.token(Domain::CardToken, u64::from(card)));
    }
}

/// Sixteen digits.
pub(crate) fn push_template(out: &mut Vec<u8>, world: &World, template: u64) {
    push_hex(out, world.streams.token(Domain::TemplateToken, template));
}

/// `org_` and sixteen digits.
pub(crate) fn push_org(out: &mut Vec<u8>, world: &World, org: u32) {
    out.extend_from_slice(b"org_");
    push_hex(out, world.streams.token(Domain::OrgToken, u64::from(org)));
}

/// The address in its usual spelling.
pub(crate) fn push_address(out: &mut Vec<u8>, address: Address) {
    // Writing to a Vec cannot fail.
    match address.as_v4() {
        Some(v4) => {
            let [a, b, c, d] = v4.octets();
            for (at, part) in [a, b, c, d].into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                if part >= 100 {
                    out.push(b'0' + part / 100);
                }
                if part >= 10 {
                    out.push(b'0' + part / 10 % 10);
                }
                out.push(b'0' + part % 10);
            }
        }
        None => {
            let _ = write!(out, "{}", address.as_v6());
        }
    }
}

/// RFC 3339 in UTC with milliseconds, from milliseconds after the start.
pub(crate) fn push_time(out: &mut Vec<u8>, millis: i64) {
    let unix = START_MILLIS + millis;
    let (days, rest) = (unix.div_euclid(86_400_000), unix.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    let mut digits = |value: i64, width: u32| {
        for place in (0..width).rev() {
            out.push(b'0' + (value / 10_i64.pow(place) % 10) as u8);
        }
    };
    digits(year, 4);
    for (mark, value) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
        out.push(mark);
        out.push(b'0' + (value / 10) as u8);
        out.push(b'0' + (value % 10) as u8);
    }
    out.push(b'.');
    let fraction = rest % 1_000;
    out.extend([fraction / 100, fraction / 10 % 10, fraction % 10].map(|digit| b'0' + digit as u8));
    out.push(b'Z');
}

/// Year, month and day of a count of days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_part = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_part + 2) / 5 + 1;
    let month = if month_part < 10 { month_part + 3 } else { month_part - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_addresses_are_spelled_as_usual() {
        let time = |millis| {
            let mut out = Vec::new();
            push_time(&mut out, millis);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(time(0), "2026-03-02T00:00:00.000Z");
        assert_eq!(time(-1), "2026-03-01T23:59:59.999Z");
        assert_eq!(time(60 * 86_400_000 + 3_723_004), "2026-05-01T01:02:03.004Z");
        assert_eq!(time(-737 * 86_400_000), "2024-02-24T00:00:00.000Z");
        let mut out = Vec::new();
        for bits in [0x0102_03ff, 0x6409_0a00] {
            push_address(&mut out, Address::v4(bits));
            out.push(b' ');
        }
        push_address(&mut out, Address::v6(0x2400_0007_0000_0001, 9));
        assert_eq!(out, b"1.2.3.255 100.9.10.0 2400:7:0:1::9");
    }
}
