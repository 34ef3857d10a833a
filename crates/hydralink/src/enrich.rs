//! Whose network is each address of a store in?
//!
//! Looked up once, at `build` and `update`, for every identifier of kind `ip`, and kept as two columns: the type's code and the
//! number of the autonomous system. An address that an update doesn't find keeps what the store knew. A store of pseudonyms has
//! no addresses to look up: asked to, it is refused.
//!
//! Cost: O(addresses) lookups, in parallel.

use events::{AddressNetwork, Enrichment, IngestConfig, Ingested};
use graph::{IdentifierId, NetworkType};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::options::ENRICH;
use crate::store::StoreWriter;

pub(crate) const NETWORK_TYPES: &str = "identifiers.network_type";
pub(crate) const ASNS: &str = "identifiers.asn";

/// The kind whose values are addresses.
const ADDRESSES: &str = "ip";

/// Opens the files that a build or an update was given, before anything else is read.
pub(crate) fn open(config: &IngestConfig) -> Result<Enrichment, Error> {
    if !config.enrich.is_empty() && config.pseudonym.is_some() {
        return Err(Error::Usage(format!(
            "addresses of a store of pseudonyms can't be looked up: leave out {ENRICH}, or give the number of the autonomous system \
             in a column asn"
        )));
    }
    Ok(Enrichment::open(&config.enrich)?)
}

/// Looks up every address that was ingested and puts what is known into the store. Returns how many are known.
pub(crate) fn put(
    writer: &mut StoreWriter,
    ingested: &Ingested,
    enrichment: &Enrichment,
    earlier: Option<&Dataset>,
) -> Result<u64, Error> {
    let earlier = earlier.filter(|dataset| !dataset.network_types().is_empty());
    let kind = ingested.kind_names.iter().position(|kind| kind == ADDRESSES);
    let Some(kind) = kind.filter(|_| !enrichment.is_empty() || earlier.is_some()) else { return Ok(0) };
    let starts = &ingested.graph.columns().kind_starts;
    // What the store knew of an address: names are as it wrote them, and one that it doesn't have is asked for no further.
    let addresses = earlier.and_then(|dataset| Some((dataset, dataset.kind_called(ADDRESSES)?)));
    let known = |name: &str| {
        let network = addresses.and_then(|(dataset, kind)| Some(dataset.network_of_address(dataset.identifier(kind, name)?)));
        network.unwrap_or_default()
    };
    let look_up = |identifier: u32| -> Result<AddressNetwork, Error> {
        let name = String::from_utf8_lossy(ingested.identifier_names.name(identifier));
        let found = enrichment.lookup(&name)?;
        let is_whole = found.network_type.is_some() && found.asn.is_some();
        Ok(if is_whole { found } else { found.or(known(&name)) })
    };
    let found: Vec<AddressNetwork> = (starts[kind]..starts[kind + 1]).into_par_iter().map(look_up).collect::<Result<_, _>>()?;
    let count = ingested.graph.identifier_count();
    let (mut types, mut asns) = (vec![0u8; count], vec![0u32; count]);
    for (at, network) in (starts[kind] as usize..).zip(&found) {
        types[at] = network.network_type.map_or(0, NetworkType::code);
        asns[at] = network.asn.unwrap_or(0);
    }
    writer.put(NETWORK_TYPES, &types)?;
    writer.put(ASNS, &asns)?;
    Ok(found.iter().filter(|network| **network != AddressNetwork::default()).count() as u64)
}

impl Dataset {
    /// Whose network an address is in, as far as `--enrich` told.
    pub fn network_of_address(&self, identifier: IdentifierId) -> AddressNetwork {
        AddressNetwork {
            network_type: self.network_types().get(identifier.index()).and_then(|&code| NetworkType::of_code(code)),
            asn: self.asns().get(identifier.index()).copied().filter(|&asn| asn != 0),
        }
    }
}
