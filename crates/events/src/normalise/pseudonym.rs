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
//! f                       = one bit of keyed BLAKE3 over the whole bytes before bit i, chosen by the bits of its byte before
//! it
//! ```
//!
//! One hash of a prefix of whole bytes gives the 255 bits of the tree below it: 4 hashes an IPv4 address, 8 an IPv6 /64. A
//! pseudonymous address is written `v4-57.0c.a1.ff` or `v6-3a9c.0001.beef.1234/64`, which nothing mistakes for an address that
//! could be blocked.
//!
//! *Rotation.* A pseudonym can't be turned back, so a store's key is changed by pseudonyms of pseudonyms: under keys `k1`, then
//! `k2`, the pseudonym of a value is `P(k2, P(k1, value))`, which needs both keys to be tried. So that the holder of `k2` alone
//! can go on reading logs and asking by value, `k1` is kept sealed under `k2` ([`SealedKey`]): XOR with
//! `BLAKE3.derive_key(context, k2 || id of k1)`, which is used for nothing else. Prefixes of addresses stay prefixes.
//!
//! What this does not hide: who holds the key can compute the pseudonym of every IPv4 address, and whoever knows the traffic of
//! some addresses learns the prefixes of their neighbours.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::hex::{hex, of_hex};

/// Context of the keys of the kinds; never changes.
const KIND: &str = "hydralink 2026 pseudonyms of one kind v1";
/// Context of the key's id.
const ID: &str = "hydralink 2026 key id v1";
/// Context of what seals an earlier key.
const SEAL: &str = "hydralink 2026 earlier key under a later one v1";
/// Context of the key of event ids after a rotation.
const EVENT_IDS: &str = "hydralink 2026 event ids after a rotation v1";
/// Hex digits of a pseudonym: 96 bits; two of 10^9 values collide with probability 10^-11.
const DIGITS: usize = 24;

/// A keyed transform of accounts and identifiers.
#[derive(Clone)]
pub struct Pseudonyms {
    /// The keys that were left behind, oldest first.
    earlier: Vec<[u8; 32]>,
    master: [u8; 32],
}

/// A key that was left behind, readable under the key that followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// Its id.
    pub id: String,
    /// The key itself, sealed; hex.
    pub sealed: String,
}

impl Pseudonyms {
    /// Pseudonyms under this master key.
    pub fn new(master: [u8; 32]) -> Self {
        Pseudonyms { earlier: Vec::new(), master }
    }

    /// The same after a rotation: pseudonyms of these pseudonyms under a later key.
    #[must_use]
    pub fn rotated(mut self, later: &Pseudonyms) -> Self {
        self.earlier.push(self.master);
        self.earlier.extend(&later.earlier);
        self.master = later.master;
        self
    }

    /// The earlier keys, sealed under the present one, oldest first.
    pub fn sealed(&self) -> Vec<SealedKey> {
        let seal = |earlier: &[u8; 32]| {
            let id = id_of(earlier);
            SealedKey { sealed: hex(&self.sealed_or_opened(&id, earlier)), id }
        };
        self.earlier.iter().map(seal).collect()
    }

    /// The pseudonyms of a store whose earlier keys were sealed under this one; `None` if they weren't.
    pub fn unsealed(mut self, keys: &[SealedKey]) -> Option<Self> {
        let open = |key: &SealedKey| {
            let opened = self.sealed_or_opened(&key.id, &of_hex(&key.sealed)?);
            (id_of(&opened) == key.id).then_some(opened)
        };
        self.earlier = keys.iter().map(open).collect::<Option<_>>()?;
        Some(self)
    }

    fn sealed_or_opened(&self, id: &str, key: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(SEAL);
        hasher.update(&self.master).update(id.as_bytes());
        let pad = *hasher.finalize().as_bytes();
        std::array::from_fn(|at| key[at] ^ pad[at])
    }

    /// Names the key without saying anything of it: 16 hex digits.
    pub fn key_id(&self) -> String {
        id_of(&self.master)
    }

    /// The pseudonym of a canonical value of a kind; accounts have the kind `account`.
    pub fn of(&self, kind: &str, value: &str) -> String {
        self.forms(kind, value).last().unwrap_or_default()
    }

    /// The pseudonyms that a canonical value has had: under the first key, under that and the next, and so on.
    pub fn forms(&self, kind: &str, value: &str) -> impl Iterator<Item = String> {
        let mut keys = self.earlier.iter().chain([&self.master]);
        let first = keys.next().map(|master| first(master, kind, value));
        std::iter::successors(first, move |pseudonym| Some(again(keys.next()?, kind, pseudonym)))
    }

    /// The pseudonym under the present key of a pseudonym under the keys before it.
    pub fn again(&self, kind: &str, pseudonym: &str) -> String {
        again(&self.master, kind, pseudonym)
    }

    /// The secret of the hashes of event ids, which stays that of the first key: hashes can't be made again.
    pub(crate) fn event_secret(&self) -> String {
        first(self.earlier.first().unwrap_or(&self.master), "event_id", "key")
    }

    /// The keys under which hashes of event ids were hashed again, one a rotation.
    pub(crate) fn event_keys(&self) -> Vec<[u8; 32]> {
        self.earlier.iter().chain([&self.master]).skip(1).map(|master| blake3::derive_key(EVENT_IDS, master)).collect()
    }

    /// Hashes of event ids under the keys before as hashes under the present one; see [`crate::EventIds`].
    pub fn event_ids_again(&self, pairs: &[u64]) -> Vec<u64> {
        let key = blake3::derive_key(EVENT_IDS, &self.master);
        let mut again: Vec<[u64; 2]> = pairs.as_chunks::<2>().0.iter().map(|&pair| pair_again(&key, pair)).collect();
        again.sort_unstable();
        again.into_flattened()
    }
}

/// An event's hashes under one more key. Equal ids stay equal.
pub(crate) fn pair_again(key: &[u8; 32], [id, content]: [u64; 2]) -> [u64; 2] {
    let half = |text: &[u8]| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&blake3::keyed_hash(key, text).as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    };
    let id = id.to_le_bytes();
    [half(&id), half(&[id, content.to_le_bytes()].concat())]
}

/// The pseudonym of a value under one key.
fn first(master: &[u8; 32], kind: &str, value: &str) -> String {
    let key = key_of(master, kind);
    match (kind, value.strip_suffix("/64").unwrap_or(value).parse()) {
        ("ip", Ok(IpAddr::V4(address))) => v4(prefix_preserving(&key, 4, address.octets())),
        ("ip", Ok(IpAddr::V6(address))) => {
            let mut network = [0; 8];
            network.copy_from_slice(&address.octets()[..8]);
            v6(prefix_preserving(&key, 6, network))
        }
        _ => blake3::keyed_hash(&key, value.as_bytes()).to_hex()[..DIGITS].to_owned(),
    }
}

/// The pseudonym under one key of a pseudonym.
fn again(master: &[u8; 32], kind: &str, pseudonym: &str) -> String {
    let key = key_of(master, kind);
    let digits = |text: &str| text.strip_suffix("/64").unwrap_or(text).replace('.', "");
    let address = match (kind, pseudonym.split_at_checked(3)) {
        ("ip", Some(("v4-", rest))) => of_hex(&digits(rest)).map(|address| v4(prefix_preserving(&key, 4, address))),
        ("ip", Some(("v6-", rest))) => of_hex(&digits(rest)).map(|network| v6(prefix_preserving(&key, 6, network))),
        _ => None,
    };
    address.unwrap_or_else(|| blake3::keyed_hash(&key, pseudonym.as_bytes()).to_hex()[..DIGITS].to_owned())
}

fn v4([a, b, c, d]: [u8; 4]) -> String {
    format!("v4-{a:02x}.{b:02x}.{c:02x}.{d:02x}")
}

fn v6([a, b, c, d, e, f, g, h]: [u8; 8]) -> String {
    format!("v6-{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}.{g:02x}{h:02x}/64")
}

fn key_of(master: &[u8; 32], kind: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(KIND);
    hasher.update(master).update(kind.as_bytes());
    *hasher.finalize().as_bytes()
}

fn id_of(master: &[u8; 32]) -> String {
    blake3::Hash::from(blake3::derive_key(ID, master)).to_hex()[..16].to_owned()
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

    #[test]
    fn a_rotation_needs_both_keys_and_the_later_one_opens_the_earlier() {
        let keys: Vec<Pseudonyms> = (1..=3u8).map(|byte| Pseudonyms::new([byte; 32])).collect();
        let rotated = keys[0].clone().rotated(&keys[1]).rotated(&keys[2]);
        let step = keys[0].clone().rotated(&keys[1]);
        for (kind, value) in [("account", "u1"), ("ip", "198.51.100.7"), ("ip", "2001:db8:1:2::/64"), ("device", "v4-1")] {
            let pseudonym = rotated.of(kind, value);
            assert_eq!(pseudonym, keys[2].again(kind, &step.of(kind, value)));
            assert!(keys.iter().all(|key| key.of(kind, value) != pseudonym), "{kind}");
        }
        assert_eq!(rotated.key_id(), keys[2].key_id());
        let sealed = rotated.sealed();
        assert_eq!(sealed.iter().map(|key| key.id.clone()).collect::<Vec<_>>(), [keys[0].key_id(), keys[1].key_id()]);
        let opened = keys[2].clone().unsealed(&sealed).expect("sealed under this key");
        assert_eq!(opened.of("account", "u1"), rotated.of("account", "u1"));
        assert!(keys[1].clone().unsealed(&sealed).is_none(), "another key opens nothing");
        let changed = SealedKey { sealed: sealed[0].sealed.replace(&sealed[0].sealed[..2], "zz"), ..sealed[0].clone() };
        assert!(keys[2].clone().unsealed(&[changed]).is_none());
    }

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

        /// Prefixes stay prefixes through a rotation.
        #[test]
        fn shared_prefixes_stay_through_a_rotation(one: u32, other: u32) {
            let rotated = Pseudonyms::new([7; 32]).rotated(&Pseudonyms::new([8; 32]));
            let of = |bits| bits_of(&rotated.of("ip", &Ipv4Addr::from_bits(bits).to_string())) as u32;
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
