//! Whose network is an address in?
//!
//! Three sorts of files answer:
//! - MaxMind's format (`.mmdb`): autonomous systems, connection types and anonymity flags, whichever the file has;
//! - a list of prefixes (text, one a line, `#` begins a comment; or MISP's warning lists, JSON with a `list`), all of one type,
//!   which comes before the file's name (`vpn=list.txt`) or is a word in it;
//! - a table (CSV) with a column `prefix` (`network`, `cidr`, `ip`) and `asn` or `type`.
//!
//! Within a file the longest prefix that holds an address counts; of several files the first that knows. An IPv6 address is
//! kept as its /64, so prefixes longer than that aren't found. Cost of a lookup: one walk of at most 128 bits a file.

use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use graph::NetworkType;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use maxminddb::Reader;
use prefix_trie::PrefixMap;
use serde::Deserialize;

use crate::error::EventError;

use crate::source;

/// A file that says whose networks addresses are in: `FILE`, or `TYPE=FILE` for a list of prefixes of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrichmentFile {
    /// The type of everything it lists, if that was said.
    pub network_type: Option<NetworkType>,
    /// Where it is.
    pub path: PathBuf,
}

impl FromStr for EnrichmentFile {
    type Err = String;

    /// What stands before the first `=` is a type if it is one; else it belongs to the file's name, if there is such a file.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let typed = text.split_once('=').and_then(|(name, path)| Some((NetworkType::of_name(name)?, path)));
        if let (None, Some((name, _))) = (typed, text.split_once('='))
            && !std::path::Path::new(text).exists()
        {
            return Err(format!("{name} is no type of networks: {TYPES} were expected before ="));
        }
        Ok(match typed {
            Some((network_type, path)) => EnrichmentFile { network_type: Some(network_type), path: path.into() },
            None => EnrichmentFile { network_type: None, path: text.into() },
        })
    }
}

/// What is known of an address's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressNetwork {
    /// What it is for.
    pub network_type: Option<NetworkType>,
    /// The number of its autonomous system; never 0.
    pub asn: Option<u32>,
}

impl AddressNetwork {
    /// What is known here, and where nothing is, there.
    pub fn or(self, other: Self) -> Self {
        AddressNetwork { network_type: self.network_type.or(other.network_type), asn: self.asn.or(other.asn) }
    }
}

enum Table {
    MaxMind(Reader<Vec<u8>>),
    Prefixes(Box<Prefixes>),
}

struct Prefixes {
    four: PrefixMap<Ipv4Net, AddressNetwork>,
    six: PrefixMap<Ipv6Net, AddressNetwork>,
}

/// Opened enrichment files.
#[derive(Default)]
pub struct Enrichment {
    tables: Vec<Table>,
}

/// The fields of MaxMind's files that tell something of a network; none is in all of them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Record {
    autonomous_system_number: Option<u32>,
    connection_type: Option<String>,
    is_anonymous_vpn: bool,
    is_hosting_provider: bool,
    is_public_proxy: bool,
    is_residential_proxy: bool,
    is_tor_exit_node: bool,
}

impl Record {
    fn network(&self) -> AddressNetwork {
        let connection = || match self.connection_type.as_deref()? {
            "Cellular" => Some(NetworkType::Mobile),
            "Corporate" => Some(NetworkType::Corp),
            "Cable/DSL" | "Dialup" | "Satellite" => Some(NetworkType::Residential),
            _ => None,
        };
        let network_type = if self.is_anonymous_vpn {
            Some(NetworkType::Vpn)
        } else if self.is_public_proxy || self.is_residential_proxy || self.is_tor_exit_node {
            Some(NetworkType::Proxy)
        } else if self.is_hosting_provider {
            Some(NetworkType::Hosting)
        } else {
            connection()
        };
        AddressNetwork { network_type, asn: self.autonomous_system_number.filter(|&asn| asn != 0) }
    }
}

const TYPES: &str = "residential, mobile, hosting, vpn, proxy, cgnat, edu or corp";

impl Enrichment {
    /// Reads the files, wholly into memory.
    ///
    /// # Errors
    /// [`EventError::Input`] for a file that can't be read, isn't of one of the three sorts, or whose type isn't known; it
    /// names the line.
    pub fn open(files: &[EnrichmentFile]) -> Result<Self, EventError> {
        Ok(Enrichment { tables: files.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Whether there is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// What is known of a canonical address (an IPv4 address, or an IPv6 /64).
    ///
    /// # Errors
    /// [`EventError::Input`] where a MaxMind file is damaged.
    pub fn lookup(&self, canonical: &str) -> Result<AddressNetwork, EventError> {
        let Ok(address) = canonical.strip_suffix("/64").unwrap_or(canonical).parse::<IpAddr>() else {
            return Ok(AddressNetwork::default());
        };
        let mut known = AddressNetwork::default();
        for table in &self.tables {
            known = known.or(match table {
                Table::MaxMind(reader) => ask(reader, address)?,
                Table::Prefixes(prefixes) => match address {
                    IpAddr::V4(address) => {
                        prefixes.four.get_lpm(&address.into()).map_or_else(Default::default, |(_, &found)| found)
                    }
                    IpAddr::V6(address) => {
                        let unit = Ipv6Net::new_assert(address, 64);
                        prefixes.six.get_lpm(&unit).map_or_else(Default::default, |(_, &found)| found)
                    }
                },
            });
        }
        Ok(known)
    }
}

fn ask(reader: &Reader<Vec<u8>>, address: IpAddr) -> Result<AddressNetwork, EventError> {
    // A file of IPv4 addresses knows none of the others.
    if address.is_ipv6() && reader.metadata().ip_version == 4 {
        return Ok(AddressNetwork::default());
    }
    let found = reader.lookup(address).and_then(|found| found.decode::<Record>());
    let name = || PathBuf::from(&reader.metadata().database_type);
    let record = found.map_err(|error| EventError::input(&name(), error, "the file is damaged; fetch it again"))?;
    Ok(record.map(|record| record.network()).unwrap_or_default())
}

fn read(file: &EnrichmentFile) -> Result<Table, EventError> {
    let path = &file.path;
    let mut bytes = Vec::new();
    let damaged = |error| EventError::input(path, error, "the file is damaged or truncated; fetch it again");
    source::open(path)?.read_to_end(&mut bytes).map_err(damaged)?;
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    if name.ends_with(".mmdb") {
        return maxmind(path, bytes);
    }
    source::refuse_utf_16(path, &bytes)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| EventError::input(path, error, "expected .mmdb, or a list or table as text"))?;
    let mut networks = Vec::new();
    if name.ends_with(".csv") {
        read_table(path, &text, &mut networks)?;
    } else {
        let network_type = file.network_type.or_else(|| type_in(name)).ok_or_else(|| {
            EventError::input(
                path,
                "a list of prefixes without a type",
                format!("write TYPE=FILE, with {TYPES} before the file's name"),
            )
        })?;
        let known = AddressNetwork { network_type: Some(network_type), asn: None };
        read_list(path, &text, name.ends_with(".json"), known, &mut networks)?;
    }
    if networks.is_empty() {
        return Err(EventError::input(path, "no prefixes", "expected one a line, such as 198.51.100.0/24"));
    }
    let (mut four, mut six) = (PrefixMap::new(), PrefixMap::new());
    for (network, known) in networks {
        match network {
            IpNet::V4(network) => add(&mut four, network.trunc(), known),
            // A v4-mapped prefix holds IPv4 addresses, which are kept as such.
            IpNet::V6(network) => match mapped(network) {
                Some(network) => add(&mut four, network, known),
                None => add(&mut six, network.trunc(), known),
            },
        }
    }
    Ok(Table::Prefixes(Box::new(Prefixes { four, six })))
}

/// Adds to what earlier lines of the file say of the same prefix.
fn add<P: prefix_trie::Prefix>(map: &mut PrefixMap<P, AddressNetwork>, prefix: P, known: AddressNetwork) {
    let known = map.get(&prefix).copied().unwrap_or_default().or(known);
    map.insert(prefix, known);
}

fn mapped(network: Ipv6Net) -> Option<Ipv4Net> {
    let address = network.network().to_ipv4_mapped()?;
    Ipv4Net::new(address, network.prefix_len().checked_sub(96)?).ok()
}

fn maxmind(path: &Path, bytes: Vec<u8>) -> Result<Table, EventError> {
    let hint = "expected a MaxMind file; fetch it again";
    let reader = Reader::from_source(bytes).map_err(|error| EventError::input(path, error, hint))?;
    let kind = reader.metadata().database_type.clone();
    if ["ASN", "ISP", "Connection-Type", "Anonymous-IP", "Enterprise"].iter().any(|known| kind.contains(known)) {
        return Ok(Table::MaxMind(reader));
    }
    let problem = format!("{kind} says nothing of whose network an address is in");
    Err(EventError::input(path, problem, "use one with autonomous systems, connection types or anonymity flags"))
}

/// The type that is a word of a file's name.
fn type_in(name: &str) -> Option<NetworkType> {
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(|word| match word {
        "datacenter" | "datacenters" | "datacentre" | "aws" | "cloud" => Some(NetworkType::Hosting),
        word => NetworkType::of_name(word),
    })
}

fn prefix(path: &Path, place: impl std::fmt::Display, text: &str) -> Result<IpNet, EventError> {
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    parsed.map_err(|_| {
        EventError::input(path, format!("{place}: no address and no prefix"), "write it as 198.51.100.0/24 or 2001:db8::/32")
    })
}

type Networks = Vec<(IpNet, AddressNetwork)>;

fn read_list(path: &Path, text: &str, json: bool, known: AddressNetwork, networks: &mut Networks) -> Result<(), EventError> {
    #[derive(Deserialize)]
    struct WarningList {
        list: Vec<String>,
    }
    if json {
        let list: WarningList = serde_json::from_str(text).map_err(|error| {
            EventError::input(path, error, "expected a warning list: {\"list\": [\"198.51.100.0/24\", ...]}")
        })?;
        for (at, entry) in list.list.iter().enumerate() {
            networks.push((prefix(path, format_args!("entry {}", at + 1), entry.trim())?, known));
        }
        return Ok(());
    }
    for (at, line) in text.lines().enumerate() {
        let entry = line.split(['#', ';']).next().unwrap_or_default().trim().trim_start_matches('\u{feff}');
        if !entry.is_empty() {
            networks.push((prefix(path, format_args!("line {}", at + 1), entry)?, known));
        }
    }
    Ok(())
}

/// Names of the column that says whom a row is about, a prefix or a single address.
const PREFIX: [&str; 4] = ["prefix", "network", "cidr", "ip"];

fn read_table(path: &Path, text: &str, networks: &mut Networks) -> Result<(), EventError> {
    let hint = "write the file as UTF-8 CSV";
    let delimiter = source::delimiter_of(text.lines().next().unwrap_or_default().as_bytes());
    let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = rows.headers().map_err(|error| EventError::input(path, error, hint))?;
    let header: Vec<String> = header.iter().map(|name| name.trim_start_matches('\u{feff}').to_lowercase()).collect();
    let column = |names: &[&str]| header.iter().position(|known| names.contains(&known.as_str()));
    let key = column(&PREFIX).ok_or_else(|| EventError::no_column(path, &PREFIX, &header))?;
    let types = column(&["type", "network_type"]);
    let numbers = column(&["asn", "autonomous_system_number"]);
    if types.is_none() && numbers.is_none() {
        return Err(EventError::input(path, "neither a column type nor asn", "one of them has to say something of the prefix"));
    }
    for (at, row) in rows.records().enumerate() {
        let line = at + 2;
        let row = row.map_err(|error| EventError::input(path, error, hint))?;
        let field = |column: Option<usize>| column.and_then(|column| row.get(column)).filter(|field| !field.is_empty());
        let network_type = field(types).map(|name| {
            NetworkType::of_name(&name.to_lowercase())
                .ok_or_else(|| EventError::input(path, format!("line {line}: unknown type {name:?}"), format!("write {TYPES}")))
        });
        let asn = field(numbers).map(|number| {
            let digits = number.trim_start_matches(['A', 'S', 'a', 's']);
            digits
                .parse::<u32>()
                .map_err(|error| EventError::input(path, format!("line {line}: asn: {error}"), "write it as 64500 or AS64500"))
        });
        let known = AddressNetwork { network_type: network_type.transpose()?, asn: asn.transpose()?.filter(|&asn| asn != 0) };
        networks.push((prefix(path, format_args!("line {line}"), row.get(key).unwrap_or_default())?, known));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(name: &str, text: &str, typed: Option<NetworkType>) -> Result<Enrichment, EventError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Enrichment::open(&[EnrichmentFile { network_type: typed, path }])
    }

    fn of(network_type: Option<NetworkType>, asn: Option<u32>) -> AddressNetwork {
        AddressNetwork { network_type, asn }
    }

    #[test]
    fn the_longest_prefix_of_a_table_counts() {
        let table = "prefix,asn,type\n198.51.0.0/16,AS64500,residential\n198.51.100.0/24,,vpn\n2001:db8::/32,64501,edu\n";
        let opened = opened("networks.csv", table, None).unwrap();
        assert_eq!(opened.lookup("198.51.1.1").unwrap(), of(Some(NetworkType::Residential), Some(64500)));
        assert_eq!(opened.lookup("198.51.100.7").unwrap(), of(Some(NetworkType::Vpn), None));
        assert_eq!(opened.lookup("2001:db8:1:2::/64").unwrap(), of(Some(NetworkType::Edu), Some(64501)));
        assert_eq!(opened.lookup("203.0.113.1").unwrap(), AddressNetwork::default());
        assert_eq!(opened.lookup("no address").unwrap(), AddressNetwork::default());
    }

    #[test]
    fn a_list_takes_its_type_from_its_name_or_from_the_caller() {
        let list = "# exits\n198.51.100.0/24\n203.0.113.9 # one\n::ffff:192.0.2.0/120\n";
        for (name, typed) in [("x4b_vpn_ipv4.txt", None), ("exits.txt", Some(NetworkType::Vpn))] {
            let opened = opened(name, list, typed).unwrap();
            for address in ["198.51.100.255", "203.0.113.9", "192.0.2.200"] {
                assert_eq!(opened.lookup(address).unwrap().network_type, Some(NetworkType::Vpn), "{address}");
            }
            assert_eq!(opened.lookup("203.0.113.10").unwrap(), AddressNetwork::default());
        }
        let json = "{\"list\": [\"198.51.100.0/24\"]}";
        let opened = opened("misp_vpn-ipv4.json", json, None).unwrap();
        assert_eq!(opened.lookup("198.51.100.1").unwrap().network_type, Some(NetworkType::Vpn));
    }

    #[test]
    fn the_first_file_that_knows_is_believed_field_by_field() {
        let folder = tempfile::tempdir().unwrap();
        let (exits, systems) = (folder.path().join("exits"), folder.path().join("systems.csv"));
        std::fs::write(&exits, "198.51.100.0/24\n").unwrap();
        std::fs::write(&systems, "cidr,asn,type\n198.51.0.0/16,64500,residential\n").unwrap();
        let files = [format!("proxy={}", exits.display()), systems.display().to_string()].map(|file| file.parse().unwrap());
        let opened = Enrichment::open(&files).unwrap();
        assert_eq!(opened.lookup("198.51.100.1").unwrap(), of(Some(NetworkType::Proxy), Some(64500)));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (name, text, expected) in [
            ("exits.txt", "198.51.100.0/24\n", "write TYPE=FILE"),
            ("vpn.txt", "198.51.100.0/24\nnonsense\n", "line 2: no address"),
            ("vpn.txt", "# nothing\n", "no prefixes"),
            ("t.csv", "prefix,type\n198.51.100.0/24,home\n", "line 2: unknown type \"home\""),
            ("t.csv", "prefix,asn\n198.51.100.0/24,x1\n", "line 2: asn"),
            (
                "t.csv",
                "net,asn\n198.51.100.0/24,1\n",
                "no column prefix; call the column that holds it so (or network, cidr, ip); among net, asn",
            ),
            ("t.csv", "prefix,owner\n198.51.100.0/24,1\n", "neither a column type nor asn"),
            ("t.mmdb", "nonsense", "expected a MaxMind file"),
            ("vpn.json", "[]", "expected a warning list"),
        ] {
            let error = opened(name, text, None).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn flags_of_anonymity_count_before_the_kind_of_connection() {
        let record = |flag: bool, connection: &str| {
            Record { is_anonymous_vpn: flag, connection_type: Some(connection.to_owned()), ..Record::default() }.network()
        };
        assert_eq!(record(true, "Cellular").network_type, Some(NetworkType::Vpn));
        assert_eq!(record(false, "Cellular").network_type, Some(NetworkType::Mobile));
        assert_eq!(record(false, "Avian").network_type, None);
    }
}
