//! In which network does an address lie, by its text?
//!
//! IPv4: the first 16 bits. IPv6: the first 32, the least that a registry gives a provider (RIPE-738, section 5.1.1). Neither says
//! who has the network, but the addresses of one place come from one of them or a few, and exits that are rented around the world
//! from dozens. A key that keeps prefixes keeps this, too.

use std::net::IpAddr;

use evidence::AddressNetworks;
use graph::IdentifierId;

use super::Dataset;

impl AddressNetworks for Dataset {
    fn network_of(&self, identifier: IdentifierId) -> Option<u64> {
        network_of_text(self.identifier_name(identifier).1)
    }
}

/// Networks that were looked up, by identifier; [`NO_NETWORK`] for none.
#[derive(Debug)]
pub(crate) struct Networks(Vec<u64>);

const NO_NETWORK: u64 = u64::MAX;

impl Networks {
    /// Those of some identifiers of a dataset, in their order.
    pub(crate) fn of(dataset: &Dataset, identifiers: impl Iterator<Item = IdentifierId>) -> Self {
        Networks(identifiers.map(|identifier| dataset.network_of(identifier).unwrap_or(NO_NETWORK)).collect())
    }
}

impl AddressNetworks for Networks {
    fn network_of(&self, identifier: IdentifierId) -> Option<u64> {
        self.0.get(identifier.index()).copied().filter(|&network| network != NO_NETWORK)
    }
}

/// Of an address, or of its pseudonym.
fn network_of_text(text: &str) -> Option<u64> {
    let prefix = |digits: &str, bits: u32| {
        let mut parts = digits.split('.').map(|part| u64::from_str_radix(part, 16).ok());
        Some(parts.next()?? << bits | parts.next()??)
    };
    match (text.strip_prefix("v4-"), text.strip_prefix("v6-")) {
        (Some(digits), _) => prefix(digits, 8),
        (_, Some(digits)) => prefix(digits, 16).map(of_v6),
        _ => match text.strip_suffix("/64").unwrap_or(text).parse().ok()? {
            IpAddr::V4(address) => Some(u64::from(address.to_bits() >> 16)),
            IpAddr::V6(address) => Some(of_v6((address.to_bits() >> 96) as u64)),
        },
    }
}

/// Apart from the numbers of IPv4.
fn of_v6(prefix: u64) -> u64 {
    prefix | 1 << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_of_one_network_and_names_of_none() {
        let same = |one: &str, other: &str| network_of_text(one).unwrap() == network_of_text(other).unwrap();
        assert!(same("198.51.100.7", "198.51.3.200") && !same("198.51.100.7", "198.52.100.7"));
        assert!(same("2001:db8:1:2::/64", "2001:db8:ffff::/64") && !same("2001:db8:1::/64", "2001:db9:1::/64"));
        assert!(!same("0.32.1.1", "0:20::/64"));
        assert!(same("v4-57.0c.a1.ff", "v4-57.0c.00.01") && !same("v4-57.0c.a1.ff", "v4-57.0d.a1.ff"));
        assert!(same("v6-3a9c.0001.beef.1234/64", "v6-3a9c.0001.0000.0000/64"));
        assert!(!same("v6-3a9c.0001.beef.1234/64", "v6-3a9c.0002.beef.1234/64"));
        assert_eq!(["card-17", "", "198.51", "host.example/64"].map(network_of_text), [None; 4]);
    }
}
