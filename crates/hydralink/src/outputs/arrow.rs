//! The same answers as Arrow record batches, for notebooks and for whatever else speaks Arrow.
//!
//! Columns have the names that the records' JSON has; what JSON nests stands in tables of its own ([`evidence()`]). Numbers of
//! things are `int64`, evidence is `float64` in bits, times are UTC timestamps in milliseconds (whole seconds), and what isn't
//! known is null.
//!
//! Tables of everything ([`members`], [`sightings`], [`hubs`]) are written by a thread of their own, a batch of 65,536 rows
//! ahead of whoever reads them: memory is some batches, however large the store. Nothing is read before the first batch is
//! asked for. Where a damaged section ends a table early, the last batch is an error that names it.
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use std::sync::Arc;
//! use hydralink::{Dataset, arrow};
//!
//! let reading = Arc::new(arrow::Opened::of(Dataset::open(&store)?)?);
//! let accounts: usize = arrow::members(&reading, None)?.map(|batch| batch.expect("a batch").num_rows()).sum();
//! assert_eq!(accounts, reading.dataset.graph().account_count());
//! # Ok::<(), hydralink::Error>(())
//! ```

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use graph::Sighting;

use crate::cases::{self, CasedNetwork, Cases, Label, Labelled};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::export::columns::{Cell, Named, Type};
use crate::export::parquet::{BATCH, Builder, batch, schema_of};
use crate::export::tables::{self, Table, named, time_of_text};
use crate::node::Node;
use crate::query::{self, Hub};
use crate::results::{Labelling, Network};
use crate::roles::AccountRole;

/// Batches that wait for their reader.
const AHEAD: usize = 2;

/// An open store with its labels and decisions, to be shared with the threads that write tables.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The store.
    pub dataset: Dataset,
    /// What the last detection says.
    pub labelling: Labelling,
    /// What people decided.
    pub cases: Cases,
}

impl Opened {
    /// Reads the labels and decisions of an open store.
    ///
    /// # Errors
    /// As [`Dataset::labelling`] and [`Dataset::cases`].
    pub fn of(dataset: Dataset) -> Result<Self, Error> {
        let (labelling, cases) = (dataset.labelling()?, dataset.cases()?);
        Ok(Opened { dataset, labelling, cases })
    }
}

type Writing = Box<dyn FnOnce(&mut Writer) + Send>;

/// Record batches, written while they are read.
pub struct RecordStream {
    schema: SchemaRef,
    state: State,
    /// The store that is read meanwhile, and may be damaged.
    reading: Option<Arc<Opened>>,
}

enum State {
    /// Nobody has asked for a batch yet.
    Waiting(Vec<Named>, Writing),
    Written(Receiver<Result<RecordBatch, ArrowError>>, JoinHandle<()>),
    Ended,
}

impl RecordStream {
    fn new(columns: Vec<Named>, writing: impl FnOnce(&mut Writer) + Send + 'static) -> Self {
        RecordStream { schema: schema_of(&columns), state: State::Waiting(columns, Box::new(writing)), reading: None }
    }

    /// A table that is read from a store while it is written.
    fn of(reading: &Arc<Opened>, columns: Vec<Named>, writing: impl FnOnce(&Opened, &mut Writer) + Send + 'static) -> Self {
        let read = Arc::clone(reading);
        let stream = RecordStream::new(columns, move |writer| writing(&read, writer));
        RecordStream { reading: Some(Arc::clone(reading)), ..stream }
    }
}

impl std::fmt::Debug for RecordStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RecordStream").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Iterator for RecordStream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::Waiting(..))
            && let State::Waiting(columns, writing) = std::mem::replace(&mut self.state, State::Ended)
        {
            let (sender, receiver) = sync_channel(AHEAD);
            let mut writer = Writer::new(self.schema.clone(), &columns, sender);
            let begun = std::thread::Builder::new().name("hydralink-table".to_owned()).spawn(move || {
                writing(&mut writer);
                writer.send();
            });
            match begun {
                Ok(thread) => self.state = State::Written(receiver, thread),
                Err(error) => return Some(Err(ArrowError::from(error))),
            }
        }
        let State::Written(receiver, _) = &self.state else { return None };
        if let Ok(batch) = receiver.recv() {
            return Some(batch);
        }
        // A table that ends because its thread failed is not a whole one.
        let State::Written(_, thread) = std::mem::replace(&mut self.state, State::Ended) else { return None };
        thread.join().err().map(|_| Err(self.failure()))
    }
}

impl RecordStream {
    /// Why the thread that wrote the table failed: as [`crate::store::ask()`] finds it out.
    fn failure(&self) -> ArrowError {
        match self.reading.as_ref().map(|reading| reading.dataset.store().verify()) {
            Some(Err(damage)) => ArrowError::ExternalError(Box::new(damage)),
            _ => ArrowError::ComputeError("the thread that wrote the table failed".to_owned()),
        }
    }
}

impl RecordBatchReader for RecordStream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// Collects rows into batches and hands these to the reader.
struct Writer {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    sender: SyncSender<Result<RecordBatch, ArrowError>>,
    /// Whether the reader went away.
    alone: bool,
}

impl Writer {
    fn new(schema: SchemaRef, columns: &[Named], sender: SyncSender<Result<RecordBatch, ArrowError>>) -> Self {
        Writer { schema, builders: columns.iter().map(Builder::new).collect(), rows: 0, sender, alone: false }
    }

    /// Adds a row; whether anybody is there to read more.
    fn row(&mut self, cells: &[Cell<'_>]) -> bool {
        for (builder, &cell) in self.builders.iter_mut().zip(cells) {
            builder.append(cell);
        }
        self.rows += 1;
        if self.rows == BATCH {
            self.send();
        }
        !self.alone
    }

    fn send(&mut self) {
        if self.rows > 0 {
            self.rows = 0;
            self.alone |= self.sender.send(batch(&self.schema, &mut self.builders)).is_err();
        }
    }
}

const NETWORK: [Named; 21] = [
    named("rank", Type::Whole),
    named("id", Type::Text),
    named("accounts", Type::Whole),
    named("core", Type::Whole),
    named("fringe", Type::Whole),
    named("ambiguous", Type::Whole),
    named("events", Type::Whole),
    named("first_seen", Type::Time),
    named("last_seen", Type::Time),
    named("score", Type::Real),
    named("q_value", Type::Real),
    named("q_harmless", Type::Real),
    named("stability", Type::Real),
    named("flagged", Type::Flag),
    named("benign_hypothesis", Type::Text),
    named("benign_bits", Type::Real),
    named("suppressed_sightings", Type::Whole),
    named("fragility", Type::Real),
    named("state", Type::Text),
    named("confirmed", Type::Whole),
    named("why", Type::Text),
];

/// Networks, a row each; `stability` is the mean similarity that [`crate::consensus()`] found.
pub fn networks(networks: Vec<CasedNetwork>) -> RecordStream {
    RecordStream::new(NETWORK.to_vec(), move |writer| {
        networks.iter().all(|CasedNetwork { network, state, confirmed }| {
            writer.row(&[
                Cell::Whole(u64::from(network.rank)),
                Cell::Text(&network.id),
                Cell::Whole(network.accounts),
                Cell::Whole(network.core),
                Cell::Whole(network.fringe),
                Cell::Whole(network.ambiguous),
                Cell::Whole(network.events),
                time_of_text(network.first_seen.as_deref()),
                time_of_text(network.last_seen.as_deref()),
                Cell::double(Some(network.score)),
                Cell::double(network.q_value),
                Cell::double(network.q_harmless),
                Cell::double(network.stability.map(|stability| stability.similarity)),
                Cell::Flag(network.flagged),
                Cell::Text(&network.benign_hypothesis),
                Cell::double(Some(network.benign_bits)),
                Cell::Whole(network.suppressed_sightings),
                Cell::double(Some(network.fragility)),
                Cell::Text(state.name()),
                Cell::Whole(*confirmed),
                Cell::Text(&network.why),
            ])
        });
    })
}

/// What speaks for networks, a row for each identifier that ties one (`item` is `identifier`) and each signal of its score card
/// (`signal`); the columns of [`Table::Evidence`].
pub fn evidence(networks: Vec<Network>) -> RecordStream {
    RecordStream::new(Table::Evidence.columns(), move |writer| {
        let gone = || std::io::ErrorKind::BrokenPipe.into();
        // It ends early only where nobody reads any more.
        let _ = tables::evidence_of(&networks, 0, |cells| if writer.row(cells) { Ok(()) } else { Err(gone()) });
    })
}

const MEMBER: [Named; 11] = [
    named("account_id", Type::Text),
    named("component", Type::Whole),
    named("community", Type::Whole),
    named("network", Type::Text),
    named("membership", Type::Text),
    named("confidence", Type::Real),
    named("evidence_bits", Type::Real),
    named("candidate", Type::Text),
    named("consensus", Type::Real),
    named("role", Type::Text),
    named("label", Type::Text),
];

fn member_row(writer: &mut Writer, labelled: &Labelled) -> bool {
    let member = &labelled.member;
    writer.row(&[
        Cell::Text(&member.account_id),
        Cell::Whole(u64::from(member.component)),
        Cell::Whole(u64::from(member.community)),
        Cell::text(member.network.as_deref()),
        Cell::text(member.membership),
        Cell::single(member.confidence),
        Cell::single(member.evidence_bits),
        Cell::text(member.candidate.as_deref()),
        Cell::single(member.consensus),
        Cell::text(member.role.map(AccountRole::name)),
        Cell::text(labelled.label.map(Label::name)),
    ])
}

/// Every account with its labels, or those of one network (flagged or not, by its place); as [`cases::label_members`].
///
/// # Errors
/// [`Error::Unknown`] for a number that no network has.
pub fn members(reading: &Arc<Opened>, network: Option<usize>) -> Result<RecordStream, Error> {
    network.map_or(Ok(()), |network| reading.labelling.check_network(&reading.dataset, network))?;
    Ok(RecordStream::of(reading, MEMBER.to_vec(), move |reading, writer| {
        let Opened { dataset, labelling, cases } = reading;
        let mut listed = cases::label_members(dataset, labelling, cases, network, false).expect("the network was looked for");
        listed.all(|labelled| member_row(writer, &labelled));
    }))
}

/// These accounts with their labels.
pub fn members_of(labelled: Vec<Labelled>) -> RecordStream {
    RecordStream::new(MEMBER.to_vec(), move |writer| {
        labelled.iter().all(|labelled| member_row(writer, labelled));
    })
}

const HUB: [Named; 10] = [
    named("identifier", Type::Text),
    named("kind", Type::Text),
    named("accounts", Type::Whole),
    named("exchanges", Type::Whole),
    named("class", Type::Text),
    named("policy", Type::Text),
    named("reason", Type::Text),
    named("spread_days", Type::Real),
    named("first_seen", Type::Time),
    named("last_seen", Type::Time),
];

fn hub_row(writer: &mut Writer, hub: &Hub) -> bool {
    writer.row(&[
        Cell::Text(&hub.identifier),
        Cell::Text(&hub.kind),
        Cell::Whole(hub.accounts),
        Cell::Whole(hub.exchanges),
        Cell::Text(&hub.class),
        Cell::Text(&hub.policy),
        Cell::Text(&hub.reason),
        Cell::double(hub.spread_days),
        time_of_text(hub.first_seen.as_deref()),
        time_of_text(hub.last_seen.as_deref()),
    ])
}

/// Identifiers that more than one account has, most widely shared first; as [`query::hubs`].
///
/// # Errors
/// [`Error::Unknown`] for a kind that the store doesn't have.
pub fn hubs(reading: &Arc<Opened>, kind: Option<&str>) -> Result<RecordStream, Error> {
    let kind = kind.map(str::to_owned);
    kind.as_deref().map(|kind| reading.dataset.kind(kind)).transpose()?;
    Ok(RecordStream::of(reading, HUB.to_vec(), move |reading, writer| {
        let hubs = query::hubs(&reading.dataset, &reading.labelling, kind.as_deref());
        hubs.into_iter().flatten().all(|hub| hub_row(writer, &hub));
    }))
}

/// These identifiers.
pub fn hubs_of(hubs: Vec<Hub>) -> RecordStream {
    RecordStream::new(HUB.to_vec(), move |writer| {
        hubs.iter().all(|hub| hub_row(writer, hub));
    })
}

const SIGHTING: [Named; 9] = [
    named("account_id", Type::Text),
    named("kind", Type::Text),
    named("identifier", Type::Text),
    named("exchanges", Type::Whole),
    named("first_seen", Type::Time),
    named("last_seen", Type::Time),
    named("bits", Type::Real),
    named("class", Type::Text),
    named("network", Type::Text),
];

/// Every sighting, or those of one network's accounts, ordered by account: who was seen with what (`KIND:VALUE`), in how many
/// exchanges and when, how much that weighs (0 where the identifier was suppressed), and the flagged network of the account.
///
/// # Errors
/// As [`members`].
pub fn sightings(reading: &Arc<Opened>, network: Option<usize>) -> Result<RecordStream, Error> {
    let mut accounts = query::accounts_of(&reading.dataset, &reading.labelling, network)?;
    Ok(RecordStream::of(reading, SIGHTING.to_vec(), move |reading, writer| {
        let Opened { dataset, labelling, .. } = reading;
        let graph = dataset.graph();
        accounts.all(|account| {
            let name = dataset.shown_account(account);
            let flagged = labelling.flagged_network_of(account).map(|(network, _)| network.id.as_str());
            let mut row: Vec<(Sighting, usize)> = graph.sightings_of(account).zip(graph.sighting_range(account)).collect();
            let kind = |(sighting, _): &(Sighting, usize)| graph.kind_of(sighting.identifier);
            query::ties_as_shown(dataset, &mut row, kind, |(sighting, _)| Node::Identifier(sighting.identifier));
            row.into_iter().all(|(sighting, place)| {
                let identifier = sighting.identifier;
                writer.row(&[
                    Cell::Text(&name),
                    Cell::Text(dataset.kind_name(graph.kind_of(identifier))),
                    Cell::Text(&dataset.label_of(Node::Identifier(identifier))),
                    Cell::Whole(u64::from(sighting.count)),
                    Cell::time(sighting.first_seen),
                    Cell::time(sighting.last_seen),
                    Cell::single(labelling.weights.get(place).copied()),
                    Cell::text(Some(labelling.class_of(identifier))),
                    Cell::text(flagged),
                ])
            })
        });
    }))
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;

    use super::*;
    use crate::synth::{Format, Tier, WorldConfig, write_world};
    use crate::{DetectConfig, IngestConfig, Unobserved};

    fn rows(stream: RecordStream) -> usize {
        stream.map(|batch| batch.unwrap().num_rows()).sum()
    }

    #[test]
    fn tables_hold_what_the_records_hold() {
        let folder = tempfile::tempdir().unwrap();
        let (world, store) = (folder.path().join("world"), folder.path().join("store"));
        write_world(&world, &WorldConfig::new(Tier::Xs, 2), Format::Csv, &mut |_| {}).unwrap();
        crate::build(&[world.join("events.csv")], &store, &IngestConfig::default(), &Unobserved).unwrap();
        let results = crate::detect(&store, &DetectConfig::default(), &Unobserved).unwrap();
        let reading = Arc::new(Opened::of(Dataset::open(&store).unwrap()).unwrap());
        let graph = reading.dataset.graph();
        assert_eq!(rows(members(&reading, None).unwrap()), graph.account_count());
        assert_eq!(rows(sightings(&reading, None).unwrap()), graph.sighting_count());
        let shared = query::hubs(&reading.dataset, &reading.labelling, None).unwrap().count();
        assert_eq!(rows(hubs(&reading, None).unwrap()), shared);
        assert!(matches!(hubs(&reading, Some("shoe_size")), Err(Error::Unknown { .. })));
        let count = results.networks.len();
        let cased = cases::label_networks(&reading.dataset, &reading.labelling, results.networks.clone(), &reading.cases);
        let batch = networks(cased.unwrap()).next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), count);
        assert_eq!(batch["accounts"].as_primitive::<Int64Type>().value(0) as u64, results.networks[0].accounts);
        assert!(batch["flagged"].as_boolean().value(0));
        assert!(rows(evidence(results.networks.clone())) >= count);
        let first = members(&reading, Some(0)).unwrap().next().unwrap().unwrap();
        assert_eq!(first.num_rows(), reading.labelling.members_of(0).len());
    }

    #[test]
    fn whoever_stops_reading_stops_the_writing() {
        let (stopped, told) = sync_channel(1);
        let mut stream = RecordStream::new(vec![named("n", Type::Whole)], move |writer| {
            let rows = (0..).take_while(|&n| writer.row(&[Cell::Whole(n)])).count();
            stopped.send(rows).unwrap();
        });
        assert_eq!(stream.next().unwrap().unwrap().num_rows(), BATCH);
        drop(stream);
        assert!(told.recv().unwrap() < 10 * BATCH);
    }
}
