//! The four tables that CSV and Parquet hold.
//!
//! | table | a row |
//! |---|---|
//! | nodes | an account or identifier, under the names of GraphML, with `id`, `x` and `y` |
//! | edges | a sighting with evidence: `source`, `target` (ids of nodes), and the edge columns |
//! | memberships | an account of a network |
//! | evidence | what speaks for a network: an identifier that ties it, or a signal of its score card |

use std::io;
use std::io::Write;

use jiff::Timestamp;

use super::columns::{Cell, EDGE_COLUMNS, NODE_COLUMNS, Named, Type, edge_cells, known_good, node_cells, rfc3339};
use super::view::{ExportGraph, ExportNode};
use super::xml;
use crate::results::{Membership, Network};
use crate::roles::AccountRole;

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Table {
    /// Accounts and identifiers.
    Nodes,
    /// Sightings with evidence.
    Edges,
    /// Accounts of networks.
    Memberships,
    /// What speaks for each network.
    Evidence,
}

pub(crate) const fn named(name: &'static str, kind: Type) -> Named {
    Named { name, kind }
}

const MEMBERSHIP_COLUMNS: [Named; 9] = [
    named("account", Type::Text),
    named("network", Type::Text),
    named("rank", Type::Whole),
    named("membership", Type::Text),
    named("confidence", Type::Real),
    named("evidence_bits", Type::Real),
    named("banned_at", Type::Time),
    named("role", Type::Text),
    named("known_good", Type::Flag),
];

pub(crate) const EVIDENCE_COLUMNS: [Named; 15] = [
    named("network", Type::Text),
    named("rank", Type::Whole),
    named("item", Type::Text),
    named("name", Type::Text),
    named("class", Type::Text),
    named("members", Type::Whole),
    named("accounts", Type::Whole),
    named("exclusivity", Type::Real),
    named("members_lost_without", Type::Whole),
    named("first_seen", Type::Time),
    named("last_seen", Type::Time),
    named("value", Type::Real),
    named("expected", Type::Real),
    named("bits", Type::Real),
    named("p_value", Type::Real),
];

impl Table {
    /// All tables; the first is the main one.
    pub const ALL: [Table; 4] = [Table::Nodes, Table::Edges, Table::Memberships, Table::Evidence];

    /// The name, also of the file.
    pub fn name(self) -> &'static str {
        match self {
            Table::Nodes => "nodes",
            Table::Edges => "edges",
            Table::Memberships => "memberships",
            Table::Evidence => "evidence",
        }
    }

    /// The columns, in order.
    pub(crate) fn columns(self) -> Vec<Named> {
        let with = |first: &[Named], rest: &[Named], last: &[Named]| [first, rest, last].concat();
        match self {
            Table::Nodes => with(&[named("id", Type::Text)], &NODE_COLUMNS, &[named("x", Type::Real), named("y", Type::Real)]),
            Table::Edges => with(&[named("source", Type::Text), named("target", Type::Text)], &EDGE_COLUMNS, &[]),
            Table::Memberships => MEMBERSHIP_COLUMNS.to_vec(),
            Table::Evidence => EVIDENCE_COLUMNS.to_vec(),
        }
    }

    /// Visits every row; a row's cells stand in the order of [`Table::columns`].
    pub(crate) fn visit(self, graph: &ExportGraph<'_>, mut visit: impl FnMut(&[Cell<'_>]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Table::Nodes => {
                let mut id = String::new();
                graph.nodes.iter().try_for_each(|node| {
                    node_id(graph, node, &mut id);
                    let place = [0, 1].map(|axis| Cell::single(node.position.map(|place| place[axis])));
                    visit(&[&[Cell::Text(&id)][..], &node_cells(graph, node), &place].concat())
                })
            }
            Table::Edges => {
                let (mut source, mut target) = (String::new(), String::new());
                graph.edges.iter().try_for_each(|edge| {
                    node_id(graph, &graph.nodes[edge.source as usize], &mut source);
                    node_id(graph, &graph.nodes[edge.target as usize], &mut target);
                    visit(&[&[Cell::Text(&source), Cell::Text(&target)][..], &edge_cells(graph, edge)].concat())
                })
            }
            Table::Memberships => memberships(graph, visit),
            Table::Evidence => evidence(graph, visit),
        }
    }
}

fn memberships(graph: &ExportGraph<'_>, mut visit: impl FnMut(&[Cell<'_>]) -> io::Result<()>) -> io::Result<()> {
    for node in graph.nodes.iter().filter(|node| node.membership.is_some()) {
        let network = graph.network_of(node);
        visit(&[
            Cell::Text(&node.value),
            Cell::text(network.map(|network| network.id.as_str())),
            Cell::whole(network.map(|network| network.rank)),
            Cell::text(node.shown_membership().map(Membership::name)),
            Cell::single(node.confidence),
            Cell::single(node.evidence_bits),
            Cell::time(node.banned_at),
            Cell::text(node.shown_role().map(AccountRole::name)),
            known_good(graph, node),
        ])?;
    }
    Ok(())
}

fn evidence(graph: &ExportGraph<'_>, visit: impl FnMut(&[Cell<'_>]) -> io::Result<()>) -> io::Result<()> {
    evidence_of(&graph.networks, graph.about.least, visit)
}

/// Visits what speaks for networks, in the columns of [`Table::Evidence`]; counts below `least` are missing.
pub(crate) fn evidence_of(
    networks: &[Network],
    least: u64,
    mut visit: impl FnMut(&[Cell<'_>]) -> io::Result<()>,
) -> io::Result<()> {
    let told = |count: u64| Cell::count(Some(count).filter(|&count| count >= least));
    for network in networks {
        let (id, rank) = (Cell::Text(&network.id), Cell::whole(Some(network.rank)));
        for tie in &network.tied_by {
            let none = Cell::Missing;
            visit(&[
                id,
                rank,
                Cell::Text("identifier"),
                Cell::Text(&tie.identifier),
                Cell::text(Some(&tie.class)),
                told(tie.members),
                told(tie.accounts),
                Cell::double(Some(tie.exclusivity)),
                told(tie.members_lost_without),
                time_of_text(tie.first_seen.as_deref()),
                time_of_text(tie.last_seen.as_deref()),
                none,
                none,
                none,
                none,
            ])?;
        }
        for (name, line) in &network.signals {
            let name = name.to_string();
            let mut cells = [Cell::Missing; EVIDENCE_COLUMNS.len()];
            cells[..4].copy_from_slice(&[id, rank, Cell::Text("signal"), Cell::Text(&name)]);
            if let Some(line) = line {
                let values = [Some(line.value), Some(line.expected), Some(line.bits), line.p_value];
                cells[11..].copy_from_slice(&values.map(Cell::double));
            }
            visit(&cells)?;
        }
    }
    Ok(())
}

/// Writes a table as CSV (RFC 4180, UTF-8, `\n`); a missing value is an empty field.
///
/// # Errors
/// Whatever `out` returns.
pub fn write_csv(graph: &ExportGraph<'_>, table: Table, out: &mut impl Write) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().buffer_capacity(64 << 10).from_writer(out);
    csv.write_record(table.columns().iter().map(|column| column.name)).map_err(io::Error::from)?;
    let mut field = Vec::new();
    table.visit(graph, |cells| {
        for &cell in cells {
            field.clear();
            match cell {
                Cell::Text(value) => field.extend_from_slice(value.as_bytes()),
                Cell::Whole(value) => write!(field, "{value}")?,
                Cell::Single(value) => write!(field, "{value}")?,
                Cell::Double(value) => write!(field, "{value}")?,
                Cell::Time(value) => write!(field, "{}", rfc3339(value))?,
                Cell::Flag(value) => write!(field, "{value}")?,
                Cell::Missing => {}
            }
            csv.write_field(&field).map_err(io::Error::from)?;
        }
        csv.write_record(None::<&[u8]>).map_err(io::Error::from)
    })?;
    csv.flush()
}

/// The id of a node, as in GraphML.
pub(crate) fn node_id(graph: &ExportGraph<'_>, node: &ExportNode<'_>, id: &mut String) {
    let mut bytes = std::mem::take(id).into_bytes();
    bytes.clear();
    xml::node_id(&mut bytes, graph.kind_name(node), &node.value).expect("memory takes everything");
    *id = String::from_utf8(bytes).expect("ids are ASCII");
}

/// The time that the results hold as RFC 3339 text.
pub(crate) fn time_of_text(text: Option<&str>) -> Cell<'static> {
    let seconds = text.and_then(|text| text.parse::<Timestamp>().ok()).map(|time| time.as_second());
    seconds.and_then(|seconds| u32::try_from(seconds).ok()).map_or(Cell::Missing, Cell::time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::testing;

    fn read(graph: &ExportGraph<'_>, table: Table) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        write_csv(graph, table, &mut out).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&out[..]);
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn every_table_of_the_toy_has_its_rows() {
        let graph = testing::toy();
        let rows = Table::ALL.map(|table| read(&graph, table));
        assert_eq!([rows[0].len(), rows[1].len(), rows[2].len(), rows[3].len()], [9, 10, 5, 4]);
        assert_eq!(
            rows[2][2],
            ["1002", "PN-0badcafe", "1", "core", "0.79", "11.5", "2026-01-04T00:00:00Z", "operator_owned", "false"]
        );
        let evidence = rows[3][1].join("|");
        assert!(
            evidence.starts_with("PN-0badcafe|1|identifier|payment_instrument:card & \"co\" 'x'|household|3|3|1|1|2026-01-01T")
        );
        assert_eq!(rows[3][2][3..].join("|"), "synchrony||||||||0.9|0.1|7.5|0.000001");
        assert_eq!(rows[1][1][..4].join("|"), "account:acc-1|ip:198.51.100.7|ip|3.25");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_round_trips_through_csv(graph in testing::any_graph()) {
            let rows = read(&graph, Table::Nodes);
            prop_assert_eq!(rows.len(), graph.nodes.len() + 1);
            for (row, node) in rows[1..].iter().zip(&graph.nodes) {
                prop_assert_eq!(&row[2], node.value.as_ref());
            }
        }
    }
}
