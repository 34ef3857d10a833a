//! Which sort of network is an address in? The vocabulary that whoever looks addresses up and whoever judges them share.

/// What a network is for, as address registries and lists tell it. An operator can rent any of them, but can't relabel one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkType {
    /// Homes behind a fixed line.
    Residential,
    /// A mobile carrier.
    Mobile,
    /// Data centres and clouds.
    Hosting,
    /// Exits of a virtual private network.
    Vpn,
    /// Open or residential proxies, exits of Tor.
    Proxy,
    /// A carrier's shared address.
    Cgnat,
    /// A school or university.
    Edu,
    /// A company.
    Corp,
}

impl NetworkType {
    /// All types, in the order of their codes, which begin at 1.
    pub const ALL: [NetworkType; 8] = [
        NetworkType::Residential,
        NetworkType::Mobile,
        NetworkType::Hosting,
        NetworkType::Vpn,
        NetworkType::Proxy,
        NetworkType::Cgnat,
        NetworkType::Edu,
        NetworkType::Corp,
    ];

    /// The word used in every input and output.
    pub fn name(self) -> &'static str {
        match self {
            NetworkType::Residential => "residential",
            NetworkType::Mobile => "mobile",
            NetworkType::Hosting => "hosting",
            NetworkType::Vpn => "vpn",
            NetworkType::Proxy => "proxy",
            NetworkType::Cgnat => "cgnat",
            NetworkType::Edu => "edu",
            NetworkType::Corp => "corp",
        }
    }

    /// The type with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        NetworkType::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The number that stands for it in a column; 0 stands for none.
    pub fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The type that a number stands for.
    pub fn of_code(code: u8) -> Option<Self> {
        NetworkType::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// Whether unrelated people share its addresses by design: a crowd there is no operator's, however fast it came.
    pub fn is_shared_by_design(self) -> bool {
        matches!(self, NetworkType::Mobile | NetworkType::Cgnat | NetworkType::Edu | NetworkType::Corp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back() {
        for known in NetworkType::ALL {
            assert_eq!(NetworkType::of_name(known.name()), Some(known));
            assert_eq!(NetworkType::of_code(known.code()), Some(known));
        }
        assert_eq!((NetworkType::of_code(0), NetworkType::of_code(9), NetworkType::of_name("")), (None, None, None));
    }
}
