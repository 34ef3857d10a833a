//! Which address space belongs to whom: countries, their access providers, and hosting companies.
//!
//! Each provider holds some IPv4 blocks of 2^18 addresses and an IPv6 /32, disjoint from every other's. First octets that are
//! special (private, shared, link-local, documentation, benchmarking, multicast) are left out, and those of hosting companies
//! are kept apart.

use rand::RngExt;

use crate::event::Address;
use crate::random::{Domain, Streams, shuffle};

/// A country of the population.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Country {
    pub(crate) code: &'static str,
    /// Share of accounts, in any unit.
    pub(crate) weight: f64,
    /// Local time ahead of UTC, in minutes.
    pub(crate) offset: i16,
    /// Whether most homes sit behind a carrier's address translation.
    pub(crate) carrier_nat: bool,
}

const fn country(code: &'static str, weight: f64, offset: i16, carrier_nat: bool) -> Country {
    Country { code, weight, offset, carrier_nat }
}

#[rustfmt::skip]
/// Sixty countries, heavy-tailed; a quarter of the weight where carriers translate most homes' addresses.
pub(crate) const COUNTRIES: [Country; 60] = [
    country("US", 140.0, -360, false), country("IN", 110.0, 330, true), country("BR", 50.0, -180, false),
    country("ID", 42.0, 420, true), country("JP", 44.0, 540, false), country("GB", 40.0, 0, false),
    country("DE", 40.0, 60, false), country("FR", 33.0, 60, false), country("PH", 20.0, 480, true),
    country("CA", 26.0, -300, false), country("KR", 26.0, 540, false), country("MX", 22.0, -360, false),
    country("ES", 20.0, 60, false), country("IT", 20.0, 60, false), country("VN", 18.0, 420, true),
    country("TR", 16.0, 180, false), country("AU", 18.0, 600, false), country("NL", 14.0, 60, false),
    country("PL", 14.0, 60, false), country("NG", 13.0, 60, true), country("PK", 13.0, 300, true),
    country("BD", 10.0, 360, true), country("EG", 10.0, 120, true), country("TH", 11.0, 420, false),
    country("AR", 11.0, -180, false), country("CO", 10.0, -300, false), country("SG", 10.0, 480, false),
    country("HK", 9.0, 480, false), country("TW", 12.0, 480, false), country("MY", 9.0, 480, false),
    country("SE", 8.0, 60, false), country("CH", 8.0, 60, false), country("BE", 7.0, 60, false),
    country("AT", 6.0, 60, false), country("NO", 6.0, 60, false), country("DK", 6.0, 60, false),
    country("FI", 5.0, 120, false), country("IE", 6.0, 0, false), country("PT", 6.0, 0, false),
    country("CZ", 6.0, 60, false), country("RO", 6.0, 120, false), country("HU", 5.0, 60, false),
    country("GR", 5.0, 120, false), country("UA", 6.0, 120, false), country("IL", 8.0, 120, false),
    country("AE", 6.0, 240, false), country("SA", 6.0, 180, false), country("ZA", 6.0, 120, false),
    country("KE", 6.0, 180, true), country("MA", 5.0, 60, true), country("CL", 5.0, -240, false),
    country("PE", 5.0, -300, false), country("NZ", 4.0, 720, false), country("GH", 3.0, 0, true),
    country("LK", 3.0, 330, true), country("NP", 3.0, 345, true), country("UZ", 3.0, 300, false),
    country("KZ", 3.0, 300, false), country("EC", 3.0, -300, false), country("DO", 2.0, -240, false),
];

const BLOCK_BITS: u32 = 18;
const BLOCKS_PER_PROVIDER: usize = 6;
const HOSTING_OCTETS: [u32; 10] = [45, 51, 104, 138, 139, 143, 157, 159, 165, 167];
const SPECIAL_OCTETS: [u32; 9] = [0, 10, 100, 127, 169, 172, 192, 198, 203];

/// An access provider.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    blocks: [u32; BLOCKS_PER_PROVIDER],
    v6: u64,
    /// Hands out a new address every day (8% of providers).
    pub(crate) renumbers_daily: bool,
}

/// The address plan of a world.
#[derive(Clone, Debug)]
pub(crate) struct Geography {
    cumulative: Vec<f64>,
    first_provider: Vec<u32>,
    providers: Vec<Provider>,
}

impl Geography {
    pub(crate) fn new(streams: &Streams) -> Self {
        let mut rng = streams.stream(Domain::Isp, 0);
        let excluded = |octet: &u32| !HOSTING_OCTETS.contains(octet) && !SPECIAL_OCTETS.contains(octet);
        let mut blocks: Vec<u32> =
            (1..224).filter(excluded).flat_map(|octet| (0..64).map(move |part| octet << 24 | part << BLOCK_BITS)).collect();
        shuffle(&mut blocks, &mut rng);
        let (mut cumulative, mut first_provider, mut providers) = (Vec::new(), vec![0], Vec::new());
        let mut total = 0.0;
        for country in &COUNTRIES {
            total += country.weight;
            cumulative.push(total);
            let count = 3 + (country.weight / 12.0) as usize;
            for _ in 0..count {
                let at = providers.len() * BLOCKS_PER_PROVIDER;
                let own = std::array::from_fn(|block| blocks[at + block]);
                let v6 = 0x2400_0000 + (providers.len() as u64) * 0x1_0007;
                providers.push(Provider { blocks: own, v6: v6 << 32, renumbers_daily: rng.random_bool(0.08) });
            }
            first_provider.push(providers.len() as u32);
        }
        for edge in &mut cumulative {
            *edge /= total;
        }
        Geography { cumulative, first_provider, providers }
    }

    /// The country at this quantile of the population.
    pub(crate) fn country_at(&self, uniform: f64) -> u8 {
        self.cumulative.partition_point(|&edge| edge <= uniform).min(COUNTRIES.len() - 1) as u8
    }

    /// One of a country's providers: larger ones first, each twice as likely as the next.
    pub(crate) fn provider_in(&self, country: u8, hash: u64) -> u32 {
        let (first, end) = (self.first_provider[country as usize], self.first_provider[country as usize + 1]);
        first + hash.trailing_zeros().min(end - first - 1)
    }

    pub(crate) fn provider(&self, number: u32) -> &Provider {
        &self.providers[number as usize]
    }

    /// An address of a provider: `block` chooses the block, `host` the address in it.
    pub(crate) fn v4(&self, provider: u32, block: u64, host: u64) -> Address {
        let block = self.providers[provider as usize].blocks[(block % BLOCKS_PER_PROVIDER as u64) as usize];
        Address::v4(block | host_part(host, BLOCK_BITS))
    }

    /// An IPv6 address of a provider: `subscriber` names the /64, `interface` the host in it.
    pub(crate) fn v6(&self, provider: u32, subscriber: u64, interface: u64) -> Address {
        Address::v6(self.providers[provider as usize].v6 | subscriber & 0xffff_ffff, interface)
    }
}

/// An address in a hosting company's /24.
pub(crate) fn hosting_v4(range: u64, host: u64) -> Address {
    let octet = HOSTING_OCTETS[(range % 10) as usize];
    Address::v4((octet << 24) | ((range / 10 % 65_536) as u32 * 256) | host_part(host, 8))
}

/// An IPv6 address of a hosting company's machine.
pub(crate) fn hosting_v6(machine: u64) -> Address {
    Address::v6(0x2a01_04f8_0000_0000 | machine & 0xffff_ffff, 1 + (machine >> 60))
}

/// A host number that is neither a network's nor a broadcast address of its /24.
fn host_part(hash: u64, bits: u32) -> u32 {
    let upper = (hash >> 16) as u32 & ((1 << (bits - 8)) - 1);
    upper << 8 | (1 + (hash & 0xffff) as u32 % 254)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_space_is_plausible_and_disjoint() {
        let geography = Geography::new(&Streams::new(5));
        let mut blocks: Vec<u32> = geography.providers.iter().flat_map(|provider| provider.blocks).collect();
        let count = blocks.len();
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), count, "no block has two owners");
        for at in 0..1_000 {
            let address = geography.v4(at % geography.providers.len() as u32, u64::from(at), crate::random::mix(u64::from(at)));
            let v4 = address.as_v4().expect("IPv4");
            assert!(!v4.is_private() && !v4.is_multicast() && !v4.is_loopback() && v4.octets()[3] != 0, "{v4}");
            assert!(!HOSTING_OCTETS.contains(&u32::from(v4.octets()[0])));
        }
        assert!(geography.v6(3, 7, 9).is_v6() && hosting_v6(4).is_v6());
        let shared: f64 = COUNTRIES.iter().filter(|country| country.carrier_nat).map(|country| country.weight).sum();
        let share = shared / COUNTRIES.iter().map(|country| country.weight).sum::<f64>();
        assert!((share - 0.25).abs() < 0.03, "{share}");
    }
}
