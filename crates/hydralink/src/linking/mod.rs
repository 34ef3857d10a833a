//! Who is one, or stands close together, without a score.

pub mod dense;
pub mod linkage;
pub mod lockstep;
pub mod rules;
