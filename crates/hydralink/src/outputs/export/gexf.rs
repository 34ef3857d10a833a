//! GEXF 1.3 with intervals: the same graph as GraphML, with a timeline in Gephi.
//!
//! - `mode="dynamic"`, `timerepresentation="interval"`, times as RFC 3339 in UTC: a node or edge exists from its first to its
//!   last sighting; one without times exists always.
//! - Looks are `viz:color`, `viz:position`, `viz:size`; a label is always given, for Gephi doesn't fall back to the id.
//! - Everything else is an attribute under the name it has in GraphML. Edge weights are above 0: Gephi drops edges of weight 0.
//!
//! The time format is `date`, though times have their time of day: networkx (3.6) knows no `datetime` and reads these as text,
//! and Gephi's importer reads either by one parser of ISO 8601, the time of day with it. There the format says only how times are
//! shown: as days, until another is chosen in the timeline's settings.
//!
//! The official schema rejects files that Gephi itself writes (it knows `color` only without the `viz` prefix), so it is no
//! gate. Streamed. Reference: <https://gexf.net/schema.html>.

use std::io::{self, Write};

use graph::{NO_TIME, Seconds};

use super::columns::{Cell, EDGE_COLUMNS, NODE_COLUMNS, Named, Type, edge_cells, node_cells, rfc3339};
use super::look::{ColorBy, Looks, label};
use super::view::{ExportEdge, ExportGraph, ExportNode};
use super::{about, xml};

/// Writes the graph.
///
/// # Errors
/// Whatever `out` returns.
pub fn write(graph: &ExportGraph<'_>, colors: ColorBy, out: &mut impl Write) -> io::Result<()> {
    out.write_all(
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gexf xmlns=\"http://gexf.net/1.3\" \
          xmlns:viz=\"http://gexf.net/1.3/viz\" version=\"1.3\">\n<meta",
    )?;
    if graph.about.as_of != NO_TIME {
        write!(out, " lastmodifieddate=\"{}\"", rfc3339(graph.about.as_of).strftime("%Y-%m-%d"))?;
    }
    out.write_all(b">\n<creator>")?;
    xml::text(out, &graph.about.tool)?;
    out.write_all(b"</creator>\n<description>")?;
    xml::text(out, &about::text(graph))?;
    out.write_all(
        b"</description>\n</meta>\n<graph defaultedgetype=\"undirected\" idtype=\"string\" mode=\"dynamic\" \
          timeformat=\"date\" timerepresentation=\"interval\" timezone=\"UTC\">\n",
    )?;
    attributes(out, "node", &NODE_COLUMNS)?;
    attributes(out, "edge", &EDGE_COLUMNS)?;
    let looks = Looks::of(graph, colors);
    out.write_all(b"<nodes>\n")?;
    for node in &graph.nodes {
        write_node(graph, &looks, node, out)?;
    }
    out.write_all(b"</nodes>\n<edges>\n")?;
    for (at, edge) in graph.edges.iter().enumerate() {
        write_edge(graph, at, edge, out)?;
    }
    out.write_all(b"</edges>\n</graph>\n</gexf>\n")
}

/// A column that GEXF has a place of its own for: the edge's weight is an XML attribute.
fn is_built_in(column: &Named) -> bool {
    column.name == "weight"
}

fn attributes(out: &mut impl Write, class: &str, columns: &[Named]) -> io::Result<()> {
    writeln!(out, "<attributes class=\"{class}\" mode=\"static\">")?;
    for column in columns.iter().filter(|column| !is_built_in(column)) {
        let kind = match column.kind {
            Type::Text | Type::Time => "string",
            Type::Flag => "boolean",
            Type::Whole => "long",
            Type::Real => "double",
        };
        writeln!(out, "<attribute id=\"{0}\" title=\"{0}\" type=\"{kind}\"/>", column.name)?;
    }
    out.write_all(b"</attributes>\n")
}

fn write_node(graph: &ExportGraph<'_>, looks: &Looks, node: &ExportNode<'_>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"<node id=\"")?;
    xml::node_id(out, graph.kind_name(node), &node.value)?;
    out.write_all(b"\" label=\"")?;
    xml::attribute(out, &label(graph, node))?;
    out.write_all(b"\"")?;
    interval(out, node.first_seen, node.last_seen)?;
    write!(out, "><viz:size value=\"{}\"/>", looks.size(node))?;
    if let Some([x, y]) = looks.place(node) {
        write!(out, "<viz:position x=\"{x}\" y=\"{y}\" z=\"0\"/>")?;
    }
    let [red, green, blue] = looks.color(node);
    write!(out, "<viz:color r=\"{red}\" g=\"{green}\" b=\"{blue}\" a=\"1\"/>")?;
    values(out, &NODE_COLUMNS, &node_cells(graph, node))?;
    out.write_all(b"</node>\n")
}

fn write_edge(graph: &ExportGraph<'_>, at: usize, edge: &ExportEdge, out: &mut impl Write) -> io::Result<()> {
    write!(out, "<edge id=\"e{at}\" source=\"")?;
    let (source, target) = (&graph.nodes[edge.source as usize], &graph.nodes[edge.target as usize]);
    xml::node_id(out, graph.kind_name(source), &source.value)?;
    out.write_all(b"\" target=\"")?;
    xml::node_id(out, graph.kind_name(target), &target.value)?;
    write!(out, "\" weight=\"{}\"", edge.weight)?;
    interval(out, edge.first_seen, edge.last_seen)?;
    out.write_all(b">")?;
    values(out, &EDGE_COLUMNS, &edge_cells(graph, edge))?;
    out.write_all(b"</edge>\n")
}

fn interval(out: &mut impl Write, first: Seconds, last: Seconds) -> io::Result<()> {
    if first == NO_TIME || last < first {
        return Ok(());
    }
    write!(out, " start=\"{}\" end=\"{}\"", rfc3339(first), rfc3339(last))
}

fn values(out: &mut impl Write, columns: &[Named], cells: &[Cell<'_>]) -> io::Result<()> {
    out.write_all(b"<attvalues>")?;
    for (column, &cell) in columns.iter().zip(cells) {
        if cell == Cell::Missing || is_built_in(column) {
            continue;
        }
        out.write_all(b"<attvalue for=\"")?;
        out.write_all(column.name.as_bytes())?;
        out.write_all(b"\" value=\"")?;
        match cell {
            Cell::Text(value) => xml::attribute(out, value)?,
            Cell::Whole(value) => write!(out, "{value}")?,
            Cell::Single(value) => write!(out, "{value}")?,
            Cell::Double(value) => write!(out, "{value}")?,
            Cell::Time(value) => write!(out, "{}", rfc3339(value))?,
            Cell::Flag(value) => write!(out, "{value}")?,
            Cell::Missing => {}
        }
        out.write_all(b"\"/>")?;
    }
    out.write_all(b"</attvalues>")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::events::{BytesStart, Event};

    use super::*;
    use crate::export::{testing, xml};

    fn written(graph: &ExportGraph<'_>) -> String {
        let mut out = Vec::new();
        write(graph, ColorBy::Kind, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The attributes of an element, unescaped.
    fn attributes(start: &BytesStart<'_>) -> BTreeMap<String, String> {
        start
            .attributes()
            .map(|attribute| {
                let attribute = attribute.unwrap();
                let name = attribute.key.as_ref().to_owned();
                (name, quick_xml::escape::unescape(&attribute.value).unwrap().into_owned())
            })
            .collect()
    }

    /// Nodes and edges: attributes, and attvalues by name.
    fn parsed(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let mut reader = Reader::from_str(text);
        let mut elements: Vec<(String, BTreeMap<String, String>)> = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) if matches!(start.name().as_ref(), "node" | "edge") => {
                    elements.push((start.name().as_ref().to_owned(), attributes(&start)));
                }
                Event::Empty(start) if start.name().as_ref() == "attvalue" => {
                    let mut attribute = attributes(&start);
                    let value = attribute.remove("value").unwrap();
                    elements.last_mut().unwrap().1.insert(format!("@{}", attribute["for"]), value);
                }
                Event::Eof => return elements,
                _ => {}
            }
        }
    }

    #[test]
    fn nodes_and_edges_have_their_intervals_and_values() {
        let elements = parsed(&written(&testing::toy()));
        assert_eq!(elements.len(), 17);
        let (_, account) = &elements[2];
        assert_eq!((account["label"].as_str(), account["@membership"].as_str()), ("acc <3>", "fringe"));
        assert_eq!((account["start"].as_str(), account["end"].as_str()), ("2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"));
        let (name, edge) = &elements[14];
        assert_eq!((name.as_str(), edge["weight"].as_str(), edge["@count"].as_str()), ("edge", "0.1", "7"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn any_text_round_trips(graph in testing::any_graph()) {
            let elements = parsed(&written(&graph));
            prop_assert_eq!(elements.len(), graph.nodes.len() + graph.edges.len());
            for (node, (_, element)) in graph.nodes.iter().zip(&elements) {
                let legal: String = node.value.chars().filter(|&character| xml::is_legal(character)).collect();
                prop_assert_eq!(&element["@value"], &legal);
                prop_assert!(!element["label"].trim().is_empty());
            }
        }
    }
}
