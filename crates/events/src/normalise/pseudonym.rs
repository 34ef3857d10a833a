//! What stands in the store instead of a value, when only the holder of a key may know the value?
//!
//! Every kind has a key of its own, derived from the master key: `k = BLAKE3.derive_key(context, master || kind)`. The
//! pseudonym of a value is the first 96 bits of keyed BLAKE3 under `k`, in hex: equal values of a kind stay equal, equal values
//! of two kinds don't, and without the key a value can be neither computed nor tried.
//!
//! Addresses keep their prefixes (Xu, Fan, Ammar & Moon 2002, doi:10.1109/ICNP.2002.1181415, "Crypto-PAn"): two addresses share
//! their first n bits exactly if their pseudonyms do, so that a /24 stays a /24.
//!
//! ```text
//! bit[i] of the pseudonym = bit[i] of the address XOR f(i, bits 0..i)
//! f                       = one bit of keyed BLAKE3 over the whole bytes before bit i, chosen by the bits of its byte before it
//! ```
//!
//! One hash of a prefix of whole bytes gives the 255 bits of the tree below it: 4 hashes an IPv4 address, 8 an IPv6 /64. A
//! pseudonymous address is written `v4-57.0c.a1.ff` or `v6-3a9c.0001.beef.1234/64`, which nothing mistakes for an address that
//! could be blocked.
//!
//! What this does not hide: who holds the key can compute the pseudonym of every IPv4 address, and whoever knows the traffic of
//! some addresses learns the prefixes of their neighbours.

use std::net::IpAddr;

/// Context of the keys of the kinds; never changes.
const KIND: &str = "hydralink 2026 pseudonyms of one kind v1";
/// Context of the key's id.
const ID: &str = "hydralink 2026 key id v1";
/// Hex digits of a pseudonym: 96 bits; two of 10^9 values collide with probability 10^-11.
const DIGITS: usize = 24;

/// A keyed transform of accounts and identifiers.
#[derive(Clone)]
pub struct Pseudonyms {
    master: [u8; 32],
}

impl Pseudonyms {
    /// Pseudonyms under this master key.
    pub fn new(master: [u8; 32]) -> Self {
        Pseudonyms { master }
    }

    /// Names the key without saying anything of it: 16 hex digits.
    pub fn key_id(&self) -> String {
        blake3::Hash::from(blake3::derive_key(ID, &self.master)).to_hex()[..16].to_owned()
    }

    /// The pseudonym of a canonical value of a kind; accounts have the kind `account`.
    pub fn of(&self, kind: &str, value: &str) -> String {
        let key = self.key_of(kind);
        match (kind, value.strip_suffix("/64").unwrap_or(value).parse()) {
            ("ip", Ok(IpAddr::V4(address))) => {
                let [a, b, c, d] = prefix_preserving(&key, 4, address.octets());
                format!("v4-{a:02x}.{b:02x}.{c:02x}.{d:02x}")
            }
            ("ip", Ok(IpAddr::V6(address))) => {
                let mut network = [0; 8];
                network.copy_from_slice(&address.octets()[..8]);
                let [a, b, c, d, e, f, g, h] = prefix_preserving(&key, 6, network);
                format!("v6-{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}.{g:02x}{h:02x}/64")
            }
            _ => blake3::keyed_hash(&key, value.as_bytes()).to_hex()[..DIGITS].to_owned(),
        }
    }

    fn key_of(&self, kind: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(KIND);
        hasher.update(&self.master).update(kind.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl std::fmt::Debug for Pseudonyms {
    /// The key's id, never the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pseudonyms").field("key_id", &self.key_id()).finish_non_exhaustive()
    }
}

/// The pseudonym of an address of one family, byte by byte.
fn prefix_preserving<const BYTES: usize>(key: &[u8; 32], family: u8, address: [u8; BYTES]) -> [u8; BYTES] {
    let mut out = [0; BYTES];
    for at in 0..BYTES {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(&[family, at as u8]).update(&address[..at]);
        let tree = *hasher.finalize().as_bytes();
        // Node 1 is the root; its children decide on the second bit, and so on: 255 nodes in 256 bits.
        let mut node = 1usize;
        for bit in (0..8).rev() {
            let (real, flip) = (address[at] >> bit & 1, tree[node / 8] >> (node % 8) & 1);
            out[at] |= (real ^ flip) << bit;
            node = 2 * node + usize::from(real);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn bits_of(pseudonym: &str) -> u128 {
        let digits: String = pseudonym[3..].trim_end_matches("/64").replace('.', "");
        u128::from_str_radix(&digits, 16).unwrap()
    }

    #[test]
    fn forms_are_fixed() {
        // Golden values: a store written today must be readable with its key for ever.
        let pseudonyms = Pseudonyms::new([7; 32]);
        let all = [
            pseudonyms.key_id(),
            pseudonyms.of("account", "u1"),
            pseudonyms.of("ip", "198.51.100.7"),
            pseudonyms.of("ip", "2001:db8:1:2::/64"),
        ];
        assert_eq!(all, GOLDEN);
    }

    const GOLDEN: [&str; 4] = ["1af5594cddcaf8eb", "6b5a8352b20a067ba0807a61", "v4-7c.4b.08.be", "v6-0454.b894.d613.1085/64"];

    #[test]
    fn kinds_and_keys_have_nothing_in_common() {
        let (one, other) = (Pseudonyms::new([1; 32]), Pseudonyms::new([2; 32]));
        let kinds = ["account", "payment_instrument", "device", "ip"];
        let all: BTreeSet<String> = [&one, &other].into_iter().flat_map(|key| kinds.map(|kind| key.of(kind, "4f2a"))).collect();
        assert_eq!(all.len(), 8);
        assert!(all.iter().all(|pseudonym| pseudonym.len() == DIGITS && !pseudonym.contains("4f2a4f2a")));
        assert!(!format!("{one:?}").contains("1, 1"));
    }

    #[test]
    fn a_network_keeps_its_size_and_moves_elsewhere() {
        let pseudonyms = Pseudonyms::new([7; 32]);
        let inside: BTreeSet<String> = (0..=255u8).map(|last| pseudonyms.of("ip", &format!("198.51.100.{last}"))).collect();
        assert_eq!(inside.len(), 256, "a bijection");
        let prefixes: BTreeSet<&str> = inside.iter().map(|pseudonym| &pseudonym[..11]).collect();
        assert_eq!(prefixes.len(), 1, "one /24 stays one");
        assert!(inside.iter().all(|pseudonym| pseudonym.parse::<IpAddr>().is_err()));
    }

    proptest! {
        /// The definition, bit by bit: as many leading bits are shared after as before.
        #[test]
        fn shared_prefixes_stay_exactly_as_long(one: u32, flip in 0u32..32, noise: u32, key: [u8; 32]) {
            let pseudonyms = Pseudonyms::new(key);
            let mask = u32::MAX.checked_shl(32 - flip).unwrap_or(0);
            let other = (one & mask) | (noise & !mask);
            let of = |bits| bits_of(&pseudonyms.of("ip", &Ipv4Addr::from_bits(bits).to_string())) as u32;
            prop_assert_eq!((of(one) ^ of(other)).leading_zeros(), (one ^ other).leading_zeros());
        }

        /// The same for the first 64 bits of IPv6.
        #[test]
        fn shared_prefixes_of_networks_too(one: u64, flip in 0u32..64) {
            let pseudonyms = Pseudonyms::new([9; 32]);
            let of = |bits: u64| {
                let address = Ipv6Addr::from_bits(u128::from(bits) << 64);
                bits_of(&pseudonyms.of("ip", &format!("{address}/64"))) as u64
            };
            let other = one ^ (1 << flip);
            prop_assert_eq!((of(one) ^ of(other)).leading_zeros(), (one ^ other).leading_zeros());
        }
    }
}
