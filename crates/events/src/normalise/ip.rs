//! Which network address is this, and can it link anyone?
//!
//! Accepts IPv4 and IPv6, in brackets, with a port, v4-mapped (`::ffff:1.2.3.4` is IPv4) and with a zone id. IPv4 stays whole;
//! IPv6 becomes its /64, the unit that is given to a household (Li and Freeman, IMC 2020, doi:10.1145/3419394.3423640).
//! Addresses that are not globally routed (RFC 6890: private, shared, loopback, link-local, multicast, reserved) link nobody.
//! Documentation prefixes are kept, for they stand in examples and in synthetic worlds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Reason;

/// What an address is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// IPv4, whole.
    V4(Ipv4Addr),
    /// IPv6, the first 64 bits.
    V6Prefix(Ipv6Addr),
    /// An address that says nothing about who is behind it.
    Unroutable,
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::V4(address) => write!(formatter, "{address}"),
            Address::V6Prefix(address) => write!(formatter, "{address}/64"),
            Address::Unroutable => write!(formatter, "unroutable"),
        }
    }
}

/// How the first 64 bits of an IPv6 address are written: as its `Display` and `/64`, but several times as fast.
pub(super) fn prefix_text(address: Ipv6Addr) -> String {
    let groups = &address.segments()[..4];
    let mut text = String::with_capacity("0000:0000:0000:0000::/64".len());
    // The last four groups are zeros: no run of zeros is longer than theirs.
    let kept = groups.iter().rposition(|&group| group != 0).map_or(0, |last| last + 1);
    for (at, group) in groups[..kept].iter().enumerate() {
        if at > 0 {
            text.push(':');
        }
        let digits = (u16::BITS - group.leading_zeros()).div_ceil(4).max(1);
        text.extend((0..digits).rev().map(|digit| char::from(b"0123456789abcdef"[usize::from(group >> (4 * digit) & 15)])));
    }
    text.push_str("::/64");
    text
}

/// Reads an address.
///
/// # Errors
/// [`Reason::BadIp`].
pub fn parse(text: &str) -> Result<Address, Reason> {
    Ok(match read(text)? {
        address if !is_routable(address) => Address::Unroutable,
        IpAddr::V4(address) => Address::V4(address),
        IpAddr::V6(address) => Address::V6Prefix(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    })
}

/// The address itself, whole; IPv4 where it is mapped into IPv6.
pub(super) fn read(text: &str) -> Result<IpAddr, Reason> {
    let address = match plain(text.as_bytes()) {
        Some(address) => address,
        None => careful(text)?,
    };
    Ok(address.to_canonical())
}

/// Whether an address is routed on the internet.
pub(super) fn is_routable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => routable_v4(address),
        IpAddr::V6(address) => routable_v6(address),
    }
}

/// An address as most are written, digits and dots or groups and colons alone; nothing where it takes a closer look.
fn plain(text: &[u8]) -> Option<IpAddr> {
    let (mut groups, mut group, mut digits) = ([0u16; 8], 0u32, 0);
    let (mut count, mut gap) = (0, None);
    if text.iter().take(4).any(|&byte| byte == b'.') {
        for &byte in text {
            match byte {
                // A leading zero might mean octal.
                b'0'..=b'9' if digits < 3 && (digits == 0 || group > 0) => {
                    group = group * 10 + u32::from(byte - b'0');
                    digits += 1;
                }
                b'.' if digits > 0 && group < 256 && count < 3 => {
                    groups[count] = group as u16;
                    (count, group, digits) = (count + 1, 0, 0);
                }
                _ => return None,
            }
        }
        let [first, second, third, ..] = groups.map(|group| group as u8);
        return (count == 3 && digits > 0 && group < 256).then(|| Ipv4Addr::new(first, second, third, group as u8).into());
    }
    if text.starts_with(b":") && !text.starts_with(b"::") {
        return None;
    }
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b':' if digits > 0 && count < 7 => {
                groups[count] = group as u16;
                (count, group, digits) = (count + 1, 0, 0);
            }
            b':' if gap.is_none() && (at == 1 || count > 0) && text[..at].ends_with(b":") => gap = Some(count),
            b':' if at == 0 => {}
            _ if digits < 4 => {
                group = group << 4 | char::from(byte).to_digit(16)?;
                digits += 1;
            }
            _ => return None,
        }
    }
    if digits > 0 {
        groups[count] = group as u16;
        count += 1;
    } else if gap != Some(count) {
        return None;
    }
    match gap {
        None if count == 8 => {}
        Some(gap) if count < 8 => groups[gap..].rotate_right(8 - count),
        _ => return None,
    }
    Some(Ipv6Addr::from(groups).into())
}

/// An address however it is written.
fn careful(text: &str) -> Result<IpAddr, Reason> {
    let text = text.strip_suffix("/64").filter(|rest| rest.contains(':')).unwrap_or(text);
    Ok(match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']').ok_or(Reason::BadIp)?;
            if !port.is_empty() {
                check_port(port.strip_prefix(':').ok_or(Reason::BadIp)?)?;
            }
            parse_v6(inside)?
        }
        None if text.bytes().filter(|&byte| byte == b':').count() == 1 => {
            let (address, port) = text.split_once(':').ok_or(Reason::BadIp)?;
            check_port(port)?;
            IpAddr::V4(address.parse().map_err(|_| Reason::BadIp)?)
        }
        None if text.contains(':') => parse_v6(text)?,
        None => IpAddr::V4(text.parse().map_err(|_| Reason::BadIp)?),
    })
}

fn parse_v6(text: &str) -> Result<IpAddr, Reason> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "zone"));
    if zone.is_empty() {
        return Err(Reason::BadIp);
    }
    address.parse().map(IpAddr::V6).map_err(|_| Reason::BadIp)
}

fn check_port(text: &str) -> Result<(), Reason> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok() {
        Ok(())
    } else {
        Err(Reason::BadIp)
    }
}

fn routable_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let reserved = first == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || (first == 100 && second & 0xc0 == 64)
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && second & 0xfe == 18)
        || first >= 224;
    !reserved
}

fn routable_v6(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; all else is loopback, local, multicast or unassigned.
    address.segments()[0] & 0xe000 == 0x2000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        parse(text).map_or_else(|reason| reason.name().to_string(), |address| address.to_string())
    }

    #[test]
    fn every_spelling_of_one_address_is_one_identifier() {
        for text in ["198.51.100.7", "198.51.100.7:443", "::ffff:198.51.100.7", "[::ffff:198.51.100.7]:80"] {
            assert_eq!(canonical(text), "198.51.100.7");
        }
        for text in
            ["2001:db8:1:2:3:4:5:6", "[2001:DB8:1:2::9]", "[2001:db8:1:2::9]:443", "2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"]
        {
            assert_eq!(canonical(text), "2001:db8:1:2::/64");
        }
    }

    #[test]
    fn local_addresses_link_nobody() {
        for text in
            ["10.0.0.1", "192.168.3.4", "127.0.0.1", "100.64.0.1", "169.254.1.1", "224.0.0.1", "::1", "fe80::1%en0", "fd00::1"]
        {
            assert_eq!(canonical(text), "unroutable", "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_rejected() {
        for text in
            ["", "1.2.3", "1.2.3.04", "256.1.1.1", "1.2.3.4:99999", "1.2.3.4:", "[::1", "2001:db8::%", "host", "1.2.3.4/24"]
        {
            assert_eq!(canonical(text), "bad_ip", "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_quick_look_sees_what_a_closer_one_does(
            text in prop_oneof!["[0-9a-fA-F:.]{0,24}", "[0-9]{0,3}(\\.[0-9]{0,3}){2,4}", "(::|:)?([0-9a-f]{0,5}(::|:)){0,8}[0-9a-f]{0,4}"],
            bits: u128,
        ) {
            for text in [text, Ipv6Addr::from_bits(bits).to_string(), Ipv6Addr::from_bits(bits & !(bits << 64)).to_string()] {
                if let Some(address) = plain(text.as_bytes()) {
                    prop_assert_eq!(careful(&text), Ok(address));
                }
            }
            // Some groups of zeros.
            for zeros in [0u128, 0xffff, 0xffff_0000, 0xffff_ffff, 0xffff_ffff_0000] {
                let address = Ipv6Addr::from_bits((bits >> 64 << 64) & !(zeros << 64));
                if routable_v6(address) {
                    prop_assert_eq!(prefix_text(address), Address::V6Prefix(address).to_string());
                    prop_assert_eq!(plain(address.to_string().as_bytes()), Some(address.into()));
                }
            }
        }

        #[test]
        fn any_text_is_answered_and_canonical_forms_are_fixed_points(text in "\\PC{0,40}", bits: u128, four: u32) {
            let _ = parse(&text);
            for text in [Ipv6Addr::from_bits(bits).to_string(), Ipv4Addr::from_bits(four).to_string()] {
                let address = parse(&text).unwrap();
                if address != Address::Unroutable {
                    prop_assert_eq!(parse(&address.to_string()).unwrap(), address);
                }
            }
        }
    }
}
