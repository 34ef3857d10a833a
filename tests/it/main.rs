//! End-to-end tests: they drive the real binary and read as scripts.
//!
//! | file | what it shows |
//! |---|---|
//! | `architecture` | arrows between the crates point one way |
//! | `journey` | from events to ranked networks, members, queries, exports |
//! | `investigate` | what joins, what holds together, what is missing, and dossiers that can be checked |
//! | `bad_input` | every kind of bad input gets its message and exit code, and loses nothing |
//! | `report` | the page holds what the store holds, and says what it leaves out |
//! | `store` | a damaged, truncated, newer, foreign or busy store is refused by name |
//! | `determinism` | the same bytes at any thread count and in any row order |

#![allow(missing_docs)]

mod architecture;
mod bad_input;
mod determinism;
mod investigate;
mod journey;
mod report;
mod store;
mod support;
