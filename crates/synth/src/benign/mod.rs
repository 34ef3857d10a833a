//! Everyone whom no network operates: who they are, where they sit, what they do on a day.

pub(crate) mod day;
pub(crate) mod groups;
pub(crate) mod places;
pub(crate) mod population;
