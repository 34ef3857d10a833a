//! With which models, capabilities and pathways do events and accounts go on, and how many go without? ([`crate::labels`])
//!
//! Asked once, when everything has been read and before anything is written: how many rows go without one decides whether the run
//! fails.

use crate::gather::Pathways;
use crate::labels::Chosen;
use crate::manners::{Manner, Settled};
use crate::session::Session;

/// What events and accounts say of behaviour, with the labels that stay.
pub(crate) struct Behaviour {
    /// By provisional number.
    pub(crate) manners: Vec<Settled>,
    pub(crate) models: Vec<String>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) pathways: Chosen,
    /// Events whose model goes, whose capability does, and those of which either does.
    pub(crate) lost_models: u64,
    pub(crate) lost_capabilities: u64,
    pub(crate) lost_either: u64,
    /// Accounts whose pathway goes.
    pub(crate) lost_pathways: u64,
}

impl Behaviour {
    /// Of all that was read. The words of rows that were left out stay with them. Each account is left one pathway, of several the
    /// first by name.
    pub(crate) fn of(session: &Session<'_>, pathways_of: &mut Pathways) -> Self {
        let manners = session.manners.all();
        let models = session.models.chosen(manners.iter().map(|(manner, events)| (manner.model, *events)));
        let capabilities = session.capabilities.chosen(manners.iter().map(|(manner, events)| (manner.capability, *events)));
        pathways_of.choose(&session.pathways.ranks());
        let pathways = session.pathways.chosen(pathways_of.chosen().map(|(_, pathway)| (pathway, 1)));
        let lost = |goes: &dyn Fn(&Manner) -> bool| -> u64 {
            manners.iter().filter(|(manner, _)| goes(manner)).map(|(_, events)| events).sum()
        };
        let model_goes = |manner: &Manner| models.lacks(manner.model);
        let capability_goes = |manner: &Manner| capabilities.lacks(manner.capability);
        Behaviour {
            lost_models: lost(&model_goes),
            lost_capabilities: lost(&capability_goes),
            lost_either: lost(&|manner| model_goes(manner) || capability_goes(manner)),
            lost_pathways: pathways_of.chosen().filter(|&(_, pathway)| pathways.lacks(pathway)).count() as u64,
            manners: manners.iter().map(|(manner, _)| Settled::of(manner, &models, &capabilities)).collect(),
            models: models.names,
            capabilities: capabilities.names,
            pathways,
        }
    }
}
