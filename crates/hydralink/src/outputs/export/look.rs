//! How a node looks: colour, size, label and place.
//!
//! Colours come from Okabe and Ito's palette, which people with any of the usual colour vision deficiencies can tell apart
//! (Wong 2011, DOI 10.1038/nmeth.1618); from the eighth network on it repeats in darker and lighter shades. Accounts carry
//! their network's colour, identifiers their kind's, from Tol's muted scheme; with [`ColorBy::Kind`] accounts share one colour.
//!
//! Size grows with the square root of the degree in this graph (area with the degree) and spans exactly 4..100, which Gephi's
//! automatic scaling leaves as it is; so do places within ±5000.

use super::view::{ACCOUNT, ExportGraph, ExportNode};
use super::xml;
use crate::results::Membership;
use crate::unseen::is_unseen;

/// What colours mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorBy {
    /// Accounts by network, identifiers by kind.
    #[default]
    Network,
    /// Every node by kind.
    Kind,
}

/// Smallest and largest node.
const SIZES: (f32, f32) = (4.0, 100.0);
/// Size of all nodes when their degrees don't differ.
const EQUAL_SIZE: f32 = 10.0;
/// Places beyond this are drawn in.
const REACH: f32 = 5000.0;
/// Labels are cut after this many characters; the whole value is in its own column.
const LABEL_LENGTH: usize = 120;

/// Okabe and Ito's qualitative palette without black.
const NETWORK_COLORS: [[u8; 3]; 7] =
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]];
/// Tol's muted scheme.
const KIND_COLORS: [[u8; 3]; 9] = [
    [51, 34, 136],
    [136, 34, 85],
    [17, 119, 51],
    [153, 153, 51],
    [136, 204, 238],
    [204, 102, 119],
    [68, 170, 153],
    [170, 68, 153],
    [221, 204, 119],
];
/// Shares of white (above 0) or black (below 0) mixed in, each time the palette starts again.
const SHADES: [f32; 5] = [0.0, -0.35, 0.45, -0.6, 0.7];
/// An account without a network.
const NO_NETWORK: [u8; 3] = [153, 153, 153];
/// An account, where colours tell kinds.
const ACCOUNT_COLOR: [u8; 3] = [68, 68, 68];
/// White mixed into the colour of an account whose membership is undecided.
const AMBIGUOUS_SHADE: f32 = 0.6;

/// The measures of a graph that the looks of its nodes are relative to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    colors: ColorBy,
    least: f32,
    most: f32,
    shrink: f32,
}

impl Looks {
    /// One pass over the nodes.
    pub(crate) fn of(graph: &ExportGraph<'_>, colors: ColorBy) -> Self {
        let (mut least, mut most, mut reach) = (f32::INFINITY, 0f32, 0f32);
        for node in &graph.nodes {
            least = least.min(root(node));
            most = most.max(root(node));
            for coordinate in node.position.iter().flatten() {
                if coordinate.is_finite() {
                    reach = reach.max(coordinate.abs());
                }
            }
        }
        // A little inside, so that rounding stays within the reach.
        let shrink = if reach > REACH { REACH * 0.9999 / reach } else { 1.0 };
        Looks { colors, least, most, shrink }
    }

    /// Size of a node, 4..100.
    pub(crate) fn size(&self, node: &ExportNode<'_>) -> f32 {
        if self.most <= self.least {
            return EQUAL_SIZE;
        }
        let share = (root(node) - self.least) / (self.most - self.least);
        SIZES.0 + share * (SIZES.1 - SIZES.0)
    }

    /// Place of a node, if there was a layout; the origin where that gave no number.
    pub(crate) fn place(&self, node: &ExportNode<'_>) -> Option<[f32; 2]> {
        let fit = |coordinate: f32| if coordinate.is_finite() { coordinate * self.shrink } else { 0.0 };
        node.position.map(|place| place.map(fit))
    }

    /// Colour of a node.
    pub(crate) fn color(&self, node: &ExportNode<'_>) -> [u8; 3] {
        if node.is_identifier() {
            return cycle(&KIND_COLORS, node.kind as usize - super::view::GROUP_KINDS.len());
        }
        match (self.colors, node.network) {
            (ColorBy::Kind, _) => ACCOUNT_COLOR,
            (ColorBy::Network, None) => NO_NETWORK,
            (ColorBy::Network, Some(network)) => {
                let color = cycle(&NETWORK_COLORS, network as usize);
                if node.shown_membership() == Some(Membership::Ambiguous) { shade(color, AMBIGUOUS_SHADE) } else { color }
            }
        }
    }
}

/// `#rrggbb`.
pub(crate) fn hex(color: [u8; 3]) -> String {
    format!("#{:02x}{:02x}{:02x}", color[0], color[1], color[2])
}

/// A node's label: its value, what nobody sees shown by its code point (`⟨U+200B⟩`), or with its kind before it where a reader would lose the bare value (blank) or take it for a
/// number.
pub(crate) fn label(graph: &ExportGraph<'_>, node: &ExportNode<'_>) -> String {
    let kind = graph.kind_name(node);
    let mut legal = node.value.chars().filter(|&character| xml::is_legal(character));
    let mut shown = String::new();
    for character in legal.by_ref().take(LABEL_LENGTH) {
        if character.is_control() || is_unseen(character) {
            shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    if legal.next().is_some() {
        shown.push('…');
    }
    if shown.trim().is_empty() {
        format!("{kind} (blank)")
    } else if shown.trim().parse::<f64>().is_ok() {
        format!("{kind} {shown}")
    } else if node.kind != ACCOUNT && !node.is_identifier() {
        format!("{shown} ({} accounts)", node.accounts)
    } else {
        shown
    }
}

fn root(node: &ExportNode<'_>) -> f32 {
    // A group is as large as its accounts are many.
    let degree = if node.is_identifier() || node.kind == ACCOUNT { node.degree_shown } else { node.accounts };
    (degree as f32).sqrt()
}

fn cycle<const N: usize>(palette: &[[u8; 3]; N], index: usize) -> [u8; 3] {
    shade(palette[index % N], SHADES[index / N % SHADES.len()])
}

fn shade(color: [u8; 3], share: f32) -> [u8; 3] {
    let end = if share >= 0.0 { 255.0 } else { 0.0 };
    color.map(|channel| (f32::from(channel) + (end - f32::from(channel)) * share.abs()).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn star() -> ExportGraph<'static> {
        let mut graph = ExportGraph {
            kinds: vec!["account".into(), "network".into(), "community".into(), "ip".into()],
            ..Default::default()
        };
        for (kind, value, degree) in [(0, "a", 1), (0, "7", 1), (3, "192.0.2.1", 4), (3, " ", 16)] {
            let mut node = ExportNode::new(kind, value);
            node.degree_shown = degree;
            node.position = Some([degree as f32 * 1000.0, f32::NAN]);
            graph.nodes.push(node);
        }
        graph
    }

    #[test]
    fn sizes_span_4_to_100_and_grow_with_the_root() {
        let graph = star();
        let looks = Looks::of(&graph, ColorBy::Network);
        let sizes: Vec<f32> = graph.nodes.iter().map(|node| looks.size(node)).collect();
        assert_eq!(sizes, [4.0, 4.0, 36.0, 100.0]);
    }

    #[test]
    fn places_stay_within_reach_and_are_finite() {
        let graph = star();
        let looks = Looks::of(&graph, ColorBy::Network);
        let [x, y] = looks.place(&graph.nodes[3]).unwrap();
        assert!(x > 4900.0 && x <= 5000.0 && y == 0.0);
    }

    #[test]
    fn labels_are_never_blank_nor_numbers() {
        let graph = star();
        let labels: Vec<String> = graph.nodes.iter().map(|node| label(&graph, node)).collect();
        assert_eq!(labels, ["a", "account 7", "192.0.2.1", "ip (blank)"]);
        let disguised = ExportNode::new(ACCOUNT, "a\u{200b}\u{ad}\u{3164}\u{e0041}b\n");
        assert_eq!(label(&graph, &disguised), "a⟨U+200B⟩⟨U+00AD⟩⟨U+3164⟩⟨U+E0041⟩b⟨U+000A⟩");
    }

    #[test]
    fn the_first_35_networks_look_different() {
        let colors: std::collections::HashSet<[u8; 3]> = (0..35).map(|network| cycle(&NETWORK_COLORS, network)).collect();
        assert_eq!(colors.len(), 35);
        assert_eq!(hex([1, 160, 255]), "#01a0ff");
    }
}
