//! From a store and its results to what the report shows.
//!
//! Every figure is looked up or counted here, none estimated: the run from the manifest, networks from their dossiers, the
//! picture from the export's selection, laid out by ForceAtlas2. No clock is read: the run's name is a digest of the store's
//! sections, so that the same store makes the same page.
//!
//! Cost: O(accounts + identifiers), the sightings of the chosen networks' accounts, and the layout, which dominates.

mod networks;
mod picture;
mod run;

use super::{NetworkSection, ReportData};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::export::{Crowd, ExportConfig, ExportGraph, Networks};
use crate::observe::{Observer, Steps};
use crate::results::Results;
use networks::Collected;

/// What goes into a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportConfig {
    /// Which networks.
    pub networks: Networks,
    /// Above this many nodes identifiers that tie few accounts are left out of the picture, then groups stand for their
    /// accounts.
    pub max_nodes: usize,
}

impl Default for ReportConfig {
    /// Flagged networks and 50,000 nodes: a network of 20,000 accounts is drawn whole, and a browser still draws it within a
    /// second.
    fn default() -> Self {
        ReportConfig { networks: Networks::Flagged, max_nodes: 50_000 }
    }
}

impl Dataset {
    /// Puts together what [`super::write_report`] shows, at the level of the dataset ([`Dataset::at_level`]).
    ///
    /// # Errors
    /// [`Error::Usage`] for a network that isn't there; [`Error::Io`] if decisions can't be read; [`Error::Interrupted`].
    pub fn report_data(&self, results: &Results, config: &ReportConfig, observer: &dyn Observer) -> Result<ReportData, Error> {
        let steps = Steps::of(observer);
        steps.begin("choosing")?;
        let mut selection = ExportConfig::default();
        selection.selection.networks = config.networks.clone();
        selection.selection.max_nodes = config.max_nodes;
        selection.selection.crowd = Crowd::Thin;
        (selection.selection.level, selection.key) = self.naming().parts();
        let mut drawn = ExportGraph::from_dataset(self, &results.labelling, &selection)?;
        picture::own_networks(&mut drawn);
        steps.begin("drawing")?;
        picture::place_apart(&mut drawn, observer)?;
        steps.begin("describing")?;
        let chosen: Vec<usize> = drawn
            .networks
            .iter()
            .filter_map(|shown| results.networks.iter().position(|network| network.id == shown.id))
            .collect();
        let mut collected = Collected::new(self, results)?;
        let networks: Vec<NetworkSection> =
            chosen.iter().map(|&network| collected.network(network)).collect::<Result<_, _>>()?;
        let hubs = collected.hubs();
        collected.left_out(&drawn.left_out, drawn.about.collapsed);
        let key_numbers = run::key_numbers(self, results)?;
        collected.shows("Networks", networks.len(), key_numbers.networks);
        Ok(ReportData {
            run: run::run_header(self, results),
            key_numbers,
            networks,
            hubs,
            capped: collected.capped,
            limits: run::limits(self, results),
            component_sizes: run::component_sizes(self, results),
            degree_histograms: run::degree_histograms(self, results),
            graph: picture::picture(self, &drawn),
        })
    }
}
