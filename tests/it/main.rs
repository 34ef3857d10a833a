//! End-to-end tests: they drive the real binary and read as scripts.
//!
//! | file | what it shows |
//! |---|---|
//! | `architecture` | arrows between the crates point one way |
//! | `journey` | from events to ranked networks, members, queries, exports |
//! | `investigate` | what joins, what holds together, what is missing, and dossiers that can be checked |
//! | `bad_input` | every kind of bad input gets its message and exit code, and loses nothing |
//! | `deliveries` | empty, cut and wholly bad files among good ones, quiet days, and tables that lost a column |
//! | `columns` | which columns are read, and what is said of the others |
//! | `report` | the page holds what the store holds, and says what it leaves out |
//! | `store` | a damaged, truncated, newer, foreign or busy store is refused by name |
//! | `act` | decisions and what follows from them, ban plans, indicators, the store as of an earlier time |
//! | `plans` | a plan against what isn't flagged has to be asked for, and hubs are watched and not acted on |
//! | `piped` | lists and files come through stdin, and one bad line stops nothing |
//! | `privacy` | pseudonyms, levels, k-anonymity, erasure, retention, sharing |
//! | `hanging` | cohesion, dense blocks, lockstep, rules and lists, known-good seeds, and hours of review |
//! | `judge` | calibration, baselines, ablation, layers and the attacker's budget |
//! | `memory` | a build within a memory limit gives the same bytes, and a full disk leaves nothing behind |
//! | `enrich` | whose networks addresses are in is read, kept, shown and used |
//! | `kinds` | what a map declares of kinds is read, kept, and bounds what they say |
//! | `update` | batches in any order give what one build gives |
//! | `lineage` | networks keep their ids through updates and bans, and what happened is on record |
//! | `nightly` | a job that nobody watches is stopped where it is told to, and says why in its exit code |
//! | `handed_on` | who was forgotten stays out, exports keep their dates, events say why, rebuilds and retentions tell what they cost |
//! | `documents` | every command line of the README and the documents is one that the binary takes |
//! | `options` | messages of the libraries name no flags, and every option that they name is there |
//! | `cells` | CSV has the fields of the JSON, under their names and in the same digits |
//! | `said` | what is printed is what is so: counts, estimates, refusals, sentences, and where files go |
//! | `plain_worlds` | worlds written without this project: operators found whole, look-alikes left alone |
//! | `determinism` | the same bytes at any thread count and in any row order |

#![allow(missing_docs)]

mod act;
mod architecture;
mod bad_input;
mod cells;
mod columns;
mod deliveries;
mod determinism;
mod documents;
mod enrich;
mod handed_on;
mod hanging;
mod investigate;
mod journey;
mod judge;
mod kinds;
mod lineage;
mod memory;
mod nightly;
mod options;
mod piped;
mod plain_worlds;
mod plans;
mod privacy;
mod project;
mod report;
mod rows;
mod said;
mod store;
mod support;
mod update;
mod written;
