//! Whose address is it, where a log has a list of hops?
//!
//! `X-Forwarded-For: client, proxy1, proxy2` and `Forwarded: for=client;proto=https, for=proxy1` (RFC 7239, section 4) grow at
//! the right: each proxy appends the address that it saw. What stands at the left is what the client sent, and a client can
//! send anything. So hops are read from the right, as nginx (`real_ip_recursive`), Express (`trust proxy`), Rails (`RemoteIp`)
//! and Django REST framework (`NUM_PROXIES`) do: the address is the first hop that isn't a proxy of ours, for a proxy of ours
//! saw it. If all hops are ours it is the left-most.
//!
//! Nothing to the left of that hop is looked at: a client that sends rubbish, or a kilobyte of it, changes nothing. A hop that
//! is no address ends the walk, for nobody knows who stands behind it; the value then has no address.
//!
//! Cost: one look for a comma a value, and one parsed address a trusted hop.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::{MAX_VALUE_BYTES, ip};

/// Which hops are proxies of ours, and so tell the truth about the hop before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrustedProxies {
    /// Those whose addresses aren't routed on the internet: nobody comes from there but through a proxy of ours.
    #[default]
    Private,
    /// So many, from the right: of one proxy the last entry is the client.
    Count(usize),
    /// Those in these networks, and those of [`TrustedProxies::Private`].
    Networks(Vec<IpNet>),
}

/// Proxies that can be counted; so many hops are never longer than [`MAX_VALUE_BYTES`].
const MOST: usize = 16;

/// The word for [`TrustedProxies::Private`].
const PRIVATE: &str = "private";

impl FromStr for TrustedProxies {
    type Err = String;

    /// A number, or networks and addresses with commas between them; `private` for none but [`TrustedProxies::Private`].
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == PRIVATE {
            return Ok(TrustedProxies::Private);
        }
        if let Ok(count) = text.trim().parse::<usize>() {
            return if (1..=MOST).contains(&count) {
                Ok(TrustedProxies::Count(count))
            } else {
                Err(format!("{count} proxies: from 1 (the last entry is the client's) to {MOST} can be counted"))
            };
        }
        let network = |text: &str| {
            let text = text.trim();
            let address = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
                format!("{text:?} is neither a number of proxies nor a network such as 203.0.113.0/24; write 2, or networks with commas")
            })
        };
        text.split(',').map(network).collect::<Result<_, _>>().map(TrustedProxies::Networks)
    }
}

impl fmt::Display for TrustedProxies {
    /// As it is read.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrustedProxies::Private => out.write_str(PRIVATE),
            TrustedProxies::Count(count) => write!(out, "{count}"),
            TrustedProxies::Networks(networks) => {
                let networks: Vec<String> = networks.iter().map(IpNet::to_string).collect();
                out.write_str(&networks.join(","))
            }
        }
    }
}

impl TrustedProxies {
    fn trusts(&self, hop: &[u8]) -> bool {
        let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| ip::read(hop).ok()) else { return false };
        !ip::is_routable(address)
            || matches!(self, TrustedProxies::Networks(networks) if networks.iter().any(|network| network.contains(&address)))
    }

    /// The hop whose address counts, as it is written; nothing where a value is no list of hops. Empty where no hop says
    /// anything.
    pub fn client<'r>(&self, raw: &'r [u8]) -> Option<&'r [u8]> {
        if !is_list(raw) {
            return None;
        }
        let mut hops = raw.rsplit(|&byte| byte == b',').map(hop).filter(|hop| !hop.is_empty());
        let mut left_most = &b""[..];
        if let TrustedProxies::Count(count) = self {
            return Some(hops.take(*count).last().unwrap_or(left_most));
        }
        let seen = hops.find(|&hop| {
            left_most = hop;
            !self.trusts(hop)
        });
        Some(seen.unwrap_or(left_most))
    }
}

/// Whether a value names several hops, or one with its parameters.
pub(crate) fn is_list(raw: &[u8]) -> bool {
    memchr::memchr2(b',', b'=', raw).is_some()
}

/// The end of a list that is too long to be kept whole; whole hops, and more of them than are ever counted.
pub(crate) fn end_of(raw: &[u8]) -> Option<&[u8]> {
    let end = &raw[raw.len().saturating_sub(MAX_VALUE_BYTES)..];
    memchr::memchr(b',', end).map(|comma| &end[comma..])
}

/// The address in one entry: all of it, or its `for=` where it has parameters.
fn hop(entry: &[u8]) -> &[u8] {
    let entry = entry.trim_ascii();
    if !entry.contains(&b'=') {
        return entry;
    }
    let parameters = entry.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let mut value = parameters.filter_map(|parameter| {
        let (name, value) = parameter.split_at(memchr::memchr(b'=', parameter)?);
        name.trim_ascii().eq_ignore_ascii_case(b"for").then(|| value[1..].trim_ascii())
    });
    let value = value.next_back().unwrap_or_default();
    value.strip_prefix(b"\"").and_then(|inside| inside.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, value: &str) -> Option<String> {
        let trusted = if trusted.is_empty() { TrustedProxies::default() } else { trusted.parse().unwrap() };
        trusted.client(value.as_bytes()).map(|hop| String::from_utf8(hop.to_vec()).unwrap())
    }

    #[test]
    fn the_last_hop_that_is_not_ours_is_the_client() {
        let is = |trusted, value, hop: &str| assert_eq!(client(trusted, value).as_deref(), Some(hop), "{trusted} {value}");
        let forged = "8.8.8.8, 198.51.100.7, 203.0.113.9, 10.0.0.3";
        is("", forged, "203.0.113.9");
        is("203.0.113.0/24", forged, "198.51.100.7");
        is("203.0.113.9", forged, "198.51.100.7");
        is("1", forged, "10.0.0.3");
        is("3", forged, "198.51.100.7");
        is("", "[2001:db8::1]:443 , 192.168.0.1:80", "[2001:db8::1]:443");
        is("203.0.113.0/24", "203.0.113.1, ::ffff:203.0.113.9", "203.0.113.1");
        is("9", "8.8.8.8, 10.0.0.3", "8.8.8.8");
        is("", "10.1.1.1, 10.0.0.3, ", "10.1.1.1");
        is("", " , ", "");
    }

    #[test]
    fn what_is_no_address_ends_the_walk_and_nothing_left_of_the_client_is_looked_at() {
        assert_eq!(client("", "8.8.8.8, unknown, 10.0.0.3").as_deref(), Some("unknown"));
        let mut raw = b"\xff\x00 rubbish, ".to_vec();
        raw.extend_from_slice(b"198.51.100.7, 10.0.0.3");
        assert_eq!(TrustedProxies::Private.client(&raw), Some(&b"198.51.100.7"[..]));
        let long = [&b"x".repeat(5000)[..], b", 198.51.100.7, 10.0.0.3"].concat();
        assert_eq!(end_of(&long).and_then(|end| TrustedProxies::Private.client(end)), Some(&b"198.51.100.7"[..]));
        assert_eq!(end_of(&b"x".repeat(5000)), None);
    }

    #[test]
    fn forwarded_entries_are_read_by_their_for() {
        let value = "for=\"[2001:db8:cafe::17]:4711\";proto=https, For = 198.51.100.17 ; by=203.0.113.60,for=10.0.0.1";
        assert_eq!(client("", value).as_deref(), Some("198.51.100.17"));
        assert_eq!(client("198.51.100.0/24", value).as_deref(), Some("[2001:db8:cafe::17]:4711"));
        assert_eq!(client("", "proto=https;by=203.0.113.60").as_deref(), Some(""));
    }

    #[test]
    fn one_address_is_no_list() {
        for value in ["", "198.51.100.7", "[2001:db8::1]:443", "2001:db8::1%eth0", "unknown"] {
            assert_eq!(client("2", value), None, "{value}");
        }
    }

    #[test]
    fn what_names_no_proxies_is_refused() {
        for text in ["0", "17", "", "ten", "203.0.113.0/33", "203.0.113.0/24,"] {
            assert!(text.parse::<TrustedProxies>().is_err(), "{text}");
        }
    }
}
