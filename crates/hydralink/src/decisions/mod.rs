//! What people do about it.

pub mod bans;
pub mod cases;
pub mod review;
