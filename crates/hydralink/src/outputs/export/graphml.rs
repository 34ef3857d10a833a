//! GraphML, in the one dialect that Gephi, networkx, igraph, graph-tool, rustworkx, NetworKit and Gephi Lite all take whole.
//!
//! - XML 1.0 in UTF-8, default namespace, no prefixes; every key before the one undirected graph, nodes before edges.
//! - A key's id is its name; an edge key whose name a node key has is `e_<name>`. Types are only int, long, double, string and boolean (`true`, `false`).
//! - `label`, `x`, `y`, `size`, `r`, `g`, `b` and `color` of nodes and `weight` of edges are what Gephi draws with; no data
//!   column has such a name.
//! - Node ids are `kind:value` with every character outside `[A-Za-z0-9._:-]` escaped; the value itself is in `value`.
//! - What the file is, and what it leaves out, stands in a comment before `<graphml>`: a graph attribute would make Gephi warn.
//! - Times are RFC 3339 text: GraphML can't carry intervals into Gephi. GEXF can.
//!
//! Known fault of a reader: Gephi (0.10.1 and its development importer) shows `Infinity` for every `INF` inside a text column.
//! It can't be escaped; the comment counts the values concerned. Labels and ids are not touched.
//!
//! Streamed: memory doesn't depend on the graph. Reference: <http://graphml.graphdrawing.org/specification.html>.

use std::io::{self, Write};

use super::columns::{Cell, EDGE_COLUMNS, NODE_COLUMNS, Type, edge_cells, node_cells, rfc3339};
use super::look::{ColorBy, Looks, hex, label};
use super::view::{ExportGraph, ExportNode};
use super::{about, xml};

/// The columns that Gephi draws nodes with.
const VISUALS: [(&str, &str); 8] = [
    ("label", "string"),
    ("x", "double"),
    ("y", "double"),
    ("size", "double"),
    ("r", "int"),
    ("g", "int"),
    ("b", "int"),
    ("color", "string"),
];

/// Where a file says what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    /// In a comment, which no reader minds.
    #[default]
    Comment,
    /// In the graph attribute `about` as well: networkx shows it as `G.graph["about"]`, Gephi warns and drops it.
    GraphAttribute,
}

/// Writes the graph.
///
/// # Errors
/// Whatever `out` returns.
pub fn write(graph: &ExportGraph<'_>, colors: ColorBy, metadata: Metadata, out: &mut impl Write) -> io::Result<()> {
    let about = about::text(graph);
    out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!--\n")?;
    // Two hyphens would end the comment.
    xml::comment(out, &about.replace("(--", "("))?;
    out.write_all(
        b"-->\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" \
          xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
          xsi:schemaLocation=\"http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd\">\n",
    )?;
    for (name, kind) in VISUALS {
        key(out, name, "node", name, kind)?;
    }
    for column in NODE_COLUMNS {
        key(out, column.name, "node", column.name, type_name(column.kind))?;
    }
    for (column, id) in EDGE_COLUMNS.iter().zip(EDGE_KEYS) {
        key(out, id, "edge", column.name, type_name(column.kind))?;
    }
    if metadata == Metadata::GraphAttribute {
        key(out, "about", "graph", "about", "string")?;
    }
    out.write_all(b"<graph id=\"G\" edgedefault=\"undirected\">\n")?;
    if metadata == Metadata::GraphAttribute {
        data(out, "about", Cell::Text(&about))?;
        out.write_all(b"\n")?;
    }
    let looks = Looks::of(graph, colors);
    for node in &graph.nodes {
        write_node(graph, &looks, node, out)?;
    }
    for (at, edge) in graph.edges.iter().enumerate() {
        write!(out, "<edge id=\"e{at}\" source=\"")?;
        write_id(graph, edge.source, out)?;
        out.write_all(b"\" target=\"")?;
        write_id(graph, edge.target, out)?;
        out.write_all(b"\">")?;
        for (id, cell) in EDGE_KEYS.into_iter().zip(edge_cells(graph, edge)) {
            data(out, id, cell)?;
        }
        out.write_all(b"</edge>\n")?;
    }
    out.write_all(b"</graph>\n</graphml>\n")
}

/// Ids of the edge keys, in the order of [`EDGE_COLUMNS`].
const EDGE_KEYS: [&str; EDGE_COLUMNS.len()] = ["relation", "weight", "count", "e_first_seen", "e_last_seen"];

fn write_node(graph: &ExportGraph<'_>, looks: &Looks, node: &ExportNode<'_>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"<node id=\"")?;
    xml::node_id(out, graph.kind_name(node), &node.value)?;
    out.write_all(b"\">")?;
    let color = looks.color(node);
    data(out, "label", Cell::Text(&label(graph, node)))?;
    if let Some([x, y]) = looks.place(node) {
        data(out, "x", Cell::Single(x))?;
        data(out, "y", Cell::Single(y))?;
    }
    data(out, "size", Cell::Single(looks.size(node)))?;
    for (name, channel) in ["r", "g", "b"].into_iter().zip(color) {
        data(out, name, Cell::Whole(u64::from(channel)))?;
    }
    data(out, "color", Cell::Text(&hex(color)))?;
    for (column, cell) in NODE_COLUMNS.iter().zip(node_cells(graph, node)) {
        data(out, column.name, cell)?;
    }
    out.write_all(b"</node>\n")
}

fn write_id(graph: &ExportGraph<'_>, node: u32, out: &mut impl Write) -> io::Result<()> {
    let node = &graph.nodes[node as usize];
    xml::node_id(out, graph.kind_name(node), &node.value)
}

fn key(out: &mut impl Write, id: &str, domain: &str, name: &str, kind: &str) -> io::Result<()> {
    writeln!(out, "<key id=\"{id}\" for=\"{domain}\" attr.name=\"{name}\" attr.type=\"{kind}\"/>")
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Text | Type::Time => "string",
        Type::Flag => "boolean",
        Type::Whole => "long",
        Type::Real => "double",
    }
}

/// One `<data>`; numbers as the shortest decimal that reads back as the same number.
fn data(out: &mut impl Write, key: &str, cell: Cell<'_>) -> io::Result<()> {
    if cell == Cell::Missing {
        return Ok(());
    }
    out.write_all(b"<data key=\"")?;
    out.write_all(key.as_bytes())?;
    out.write_all(b"\">")?;
    match cell {
        Cell::Text(value) => xml::text(out, value)?,
        Cell::Whole(value) => write!(out, "{value}")?,
        Cell::Single(value) => write!(out, "{value}")?,
        Cell::Double(value) => write!(out, "{value}")?,
        Cell::Time(value) => write!(out, "{}", rfc3339(value))?,
        Cell::Flag(value) => write!(out, "{value}")?,
        Cell::Missing => {}
    }
    out.write_all(b"</data>")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;
    use crate::export::{testing, xml};

    fn written(graph: &ExportGraph<'_>) -> String {
        let mut out = Vec::new();
        write(graph, ColorBy::Network, Metadata::Comment, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    type Element = (String, BTreeMap<String, String>);

    /// Every node and edge as (attributes joined, data), by an independent parser.
    fn parsed(text: &str) -> (Vec<Element>, Vec<Element>) {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        let (mut key, mut value, mut current) = (None, String::new(), (String::new(), BTreeMap::new()));
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => match start.name().as_ref() {
                    "node" | "edge" => {
                        let attributes = start.attributes().map(|attribute| {
                            let attribute = attribute.unwrap();
                            quick_xml::escape::unescape(&attribute.value).unwrap().into_owned()
                        });
                        current = (attributes.collect::<Vec<_>>().join("|"), BTreeMap::new());
                    }
                    "data" => {
                        let attribute = start.attributes().next().unwrap().unwrap();
                        key = Some(attribute.value.into_owned());
                        value.clear();
                    }
                    _ => {}
                },
                Event::Text(part) if key.is_some() => value.push_str(&part),
                Event::GeneralRef(reference) if key.is_some() => {
                    let name: &str = &reference;
                    value.push_str(&quick_xml::escape::unescape(&format!("&{name};")).unwrap());
                }
                Event::End(end) => match end.name().as_ref() {
                    "data" => {
                        let previous = current.1.insert(key.take().unwrap(), value.clone());
                        assert_eq!(previous, None, "one value a key");
                    }
                    "node" => nodes.push(std::mem::take(&mut current)),
                    "edge" => edges.push(std::mem::take(&mut current)),
                    _ => {}
                },
                Event::Eof => return (nodes, edges),
                _ => {}
            }
        }
    }

    #[test]
    fn the_toy_is_written_to_the_letter() {
        let text = written(&testing::toy());
        assert!(text.starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!--\nhydralink 0.1.0: flagged networks - - 1\n8 nodes, 9 edges;"
        ));
        assert!(text.contains("not drawn: 1 shared identifiers are suppressed as hubs and left out\n"));
        assert!(text.contains("<key id=\"e_first_seen\" for=\"edge\" attr.name=\"first_seen\" attr.type=\"string\"/>\n"));
        let (nodes, edges) = parsed(&text);
        assert_eq!(nodes[1].0, "account:1002");
        assert_eq!(nodes[1].1["label"], "account 1002");
        assert_eq!(nodes[2].0, "account:acc_x20__x3C_3_x3E_");
        assert_eq!(nodes[2].1["value"], "acc <3>");
        assert_eq!(nodes[2].1["membership"], "fringe");
        assert_eq!((nodes[3].1["role"].as_str(), nodes[3].1["known_good"].as_str()), ("shared_infrastructure", "false"));
        assert!(!nodes[4].1.contains_key("role") && !nodes[4].1.contains_key("known_good"), "an identifier has neither");
        assert!(!nodes[0].1.contains_key("banned_at"), "what is not known is left out");
        assert_eq!(nodes[1].1["banned_at"], "2026-01-04T00:00:00Z");
        assert_eq!(nodes[6].1["value"], "card & \"co\" 'x'");
        assert_eq!(edges[6].0, "e6|account:acc_x20__x3C_3_x3E_|ip:2001:db8:1:2::_x2F_64");
        assert_eq!(edges[6].1["weight"], "0.1");
        assert_eq!(edges[6].1["relation"], "ip");
    }

    #[test]
    fn no_data_column_has_a_name_that_readers_draw_with_or_reserve() {
        let reserved = [
            "id",
            "name",
            "timeset",
            "interval",
            "weight-on-nodes",
            "nodelabel",
            "xpos",
            "ypos",
            "zpos",
            "z",
            "edgelabel",
            "weight",
        ];
        for column in NODE_COLUMNS {
            assert!(!reserved.contains(&column.name) && VISUALS.iter().all(|(visual, _)| *visual != column.name));
        }
        for (column, id) in EDGE_COLUMNS.iter().zip(EDGE_KEYS) {
            let taken = NODE_COLUMNS.iter().any(|node| node.name == column.name);
            assert_eq!(id, if taken { format!("e_{}", column.name) } else { column.name.to_owned() });
        }
    }

    #[test]
    fn the_description_is_a_graph_attribute_only_when_asked() {
        let graph = testing::toy();
        let mut out = Vec::new();
        write(&graph, ColorBy::Network, Metadata::GraphAttribute, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("<key id=\"about\" for=\"graph\" attr.name=\"about\" attr.type=\"string\"/>\n<graph "));
        assert!(text.contains("undirected\">\n<data key=\"about\">hydralink 0.1.0: flagged networks -- 1\n"));
        assert!(!written(&graph).contains("for=\"graph\""));
    }

    #[test]
    fn nothing_is_a_graph_too() {
        let (nodes, edges) = parsed(&written(&testing::empty()));
        assert!(nodes.is_empty() && edges.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_round_trips(graph in testing::any_graph()) {
            let (nodes, edges) = parsed(&written(&graph));
            prop_assert_eq!(nodes.len(), graph.nodes.len());
            prop_assert_eq!(edges.len(), graph.edges.len());
            for (node, (_, data)) in graph.nodes.iter().zip(&nodes) {
                let legal: String = node.value.chars().filter(|&character| xml::is_legal(character)).collect();
                // A parser may not tell an empty element from a missing one; nor may a raw "\n" be anything else.
                prop_assert_eq!(data.get("value").map_or("", String::as_str), legal.as_str());
                prop_assert!(!data["label"].trim().is_empty() && data["label"].trim().parse::<f64>().is_err());
            }
            let ids: std::collections::HashSet<&str> = nodes.iter().map(|(id, _)| id.as_str()).collect();
            prop_assert_eq!(ids.len(), nodes.len());
            for (edge, (_, data)) in graph.edges.iter().zip(&edges) {
                prop_assert_eq!(data["weight"].parse::<f32>().unwrap(), edge.weight);
            }
        }
    }
}
