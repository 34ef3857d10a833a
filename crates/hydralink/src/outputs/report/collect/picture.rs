//! The picture: each network laid out by itself, and what lies between networks put between them.

use std::collections::BTreeMap;

use super::super::{NO_NETWORK, NodeKind, ReportGraph};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::export::ExportGraph;
use crate::export::view::{ExportEdge, ExportNode, GROUP_KINDS};
use crate::observe::Observer;
use crate::roles::AccountRole;

/// Radius of the most widely shared node, in that of an identifier of one account; an account's is 2.
const LARGEST: f32 = 8.0;
/// In radians: the turn between neighbours on a sunflower's spiral.
const GOLDEN_ANGLE: f32 = 2.399_963;

/// Gives each identifier the network that more than half of its drawn accounts belong to, so that its colour says whose it is.
pub(super) fn own_networks(drawn: &mut ExportGraph<'_>) {
    // (identifier, network of an account seen with it), in order.
    let mut held: Vec<(u32, u32)> =
        drawn.edges.iter().filter_map(|edge| Some((edge.target, drawn.nodes[edge.source as usize].network?))).collect();
    held.sort_unstable();
    for of_one in held.chunk_by(|a, b| a.0 == b.0) {
        let most = of_one.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).unwrap_or_default();
        let node = &mut drawn.nodes[of_one[0].0 as usize];
        if 2 * most.len() > node.degree_shown as usize {
            node.network = Some(most[0].1);
        }
    }
}

/// Lays each network out by itself: an edge between two networks is drawn, but pulls nothing, or a few shared identifiers would
/// draw everything into one knot. What has only such edges takes no part in the layout and is put between its accounts.
pub(super) fn place_apart(drawn: &mut ExportGraph<'_>, observer: &dyn Observer) -> Result<(), Error> {
    let edges = std::mem::take(&mut drawn.edges);
    let network = |node: u32| drawn.nodes[node as usize].network;
    let inner: Vec<ExportEdge> = edges.iter().filter(|edge| network(edge.source) == network(edge.target)).copied().collect();
    let mut between = vec![false; drawn.nodes.len()];
    edges.iter().for_each(|edge| between[edge.target as usize] = true);
    inner.iter().for_each(|edge| between[edge.target as usize] = false);
    // The layout's node of each that takes part.
    let taking_part = between.iter().scan(0, |count, &left_out| {
        *count += u32::from(!left_out);
        Some(count.saturating_sub(1))
    });
    let place: Vec<u32> = taking_part.collect();
    let renamed =
        |edge: ExportEdge| ExportEdge { source: place[edge.source as usize], target: place[edge.target as usize], ..edge };
    drawn.edges = inner.into_iter().map(renamed).collect();
    let (left_out, taking_part): (Vec<_>, Vec<_>) =
        std::mem::take(&mut drawn.nodes).into_iter().zip(&between).partition(|(_, between)| **between);
    drawn.nodes = taking_part.into_iter().map(|(node, _)| node).collect();
    crate::place_drawn(drawn, observer)?;
    let (mut placed, mut left_out) = (std::mem::take(&mut drawn.nodes).into_iter(), left_out.into_iter().map(|(node, _)| node));
    drawn.nodes = between.iter().filter_map(|&between| if between { left_out.next() } else { placed.next() }).collect();
    drawn.edges = edges;
    put_between(drawn, &between);
    Ok(())
}

/// Puts each marked identifier at the mean of its accounts' places. Those of one spot are laid on a sunflower's spiral around
/// it, in order.
fn put_between(drawn: &mut ExportGraph<'_>, between: &[bool]) {
    let mut sums = vec![([0f32; 2], 0f32); drawn.nodes.len()];
    for edge in drawn.edges.iter().filter(|edge| between[edge.target as usize]) {
        let (place, (sum, weight)) = (place_of(&drawn.nodes[edge.source as usize]), &mut sums[edge.target as usize]);
        (0..2).for_each(|axis| sum[axis] += place[axis]);
        *weight += 1.0;
    }
    let step =
        4.0 * unit_radius(drawn.nodes.iter().zip(between).filter(|(_, between)| !**between).map(|(node, _)| place_of(node)));
    let mut on_spot: BTreeMap<[i64; 2], u32> = BTreeMap::new();
    for (node, (sum, weight)) in drawn.nodes.iter_mut().zip(sums).filter(|(_, (_, weight))| *weight > 0.0) {
        let mean = sum.map(|sum| sum / weight);
        let nth = on_spot.entry(mean.map(|axis| (axis / (4.0 * step)).floor() as i64)).or_default();
        let (radius, angle) = (step * (*nth as f32).sqrt(), *nth as f32 * GOLDEN_ANGLE);
        *nth += 1;
        node.position = Some([mean[0] + radius * angle.cos(), mean[1] + radius * angle.sin()]);
    }
}

/// A node's place; the origin before the layout.
fn place_of(node: &ExportNode<'_>) -> [f32; 2] {
    node.position.unwrap_or_default()
}

/// The picture as columns. A node's radius is such that nodes of the middle degree cover a few percent of the drawing.
pub(super) fn picture(dataset: &Dataset, drawn: &ExportGraph<'_>) -> ReportGraph {
    let accounts = dataset.graph().account_count().max(1) as f32;
    let unit = unit_radius(drawn.nodes.iter().map(place_of));
    let mut picture = ReportGraph {
        kinds: drawn
            .kinds
            .iter()
            .enumerate()
            .map(|(kind, name)| NodeKind { name: name.clone(), is_account: kind < GROUP_KINDS.len() })
            .collect(),
        roles: AccountRole::ALL.map(|role| role.name().to_owned()).to_vec(),
        ..ReportGraph::default()
    };
    for node in &drawn.nodes {
        let links = if node.is_identifier() { node.degree_shown } else { 4 * node.accounts };
        picture.label.push(node.value.clone().into_owned());
        let [x, y] = place_of(node);
        picture.x.push(x);
        picture.y.push(y);
        picture.size.push(unit * (links.max(1) as f32).sqrt().min(LARGEST));
        picture.score.push(node.evidence_bits.unwrap_or_else(|| (accounts / node.degree.max(1) as f32).log2()));
        picture.kind.push(node.kind as u8);
        picture.network.push(node.network.unwrap_or(NO_NETWORK));
        picture.membership.push(node.membership.map_or(0, |how| 1 + how.code()));
        picture.role.push(node.role.map_or(0, AccountRole::code));
        picture.known_good.push(u8::from(node.known_good && !node.is_identifier()));
        picture.degree.push(node.degree.min(u64::from(u32::MAX)) as u32);
    }
    for edge in &drawn.edges {
        picture.source.push(edge.source);
        picture.target.push(edge.target);
        picture.weight.push(edge.weight);
    }
    picture
}

/// A tenth of the distance between places, were they spread evenly over the drawing.
fn unit_radius(places: impl Iterator<Item = [f32; 2]>) -> f32 {
    let (mut least, mut most, mut count) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2], 0usize);
    for place in places {
        for axis in 0..2 {
            least[axis] = least[axis].min(place[axis]);
            most[axis] = most[axis].max(place[axis]);
        }
        count += 1;
    }
    let area = (most[0] - least[0]).max(1.0) * (most[1] - least[1]).max(1.0);
    if count == 0 { 1.0 } else { 0.1 * (area / count as f32).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;
    use crate::export::view::ExportNode;
    use crate::observe::Unobserved;

    /// Two networks of twelve accounts with a card each, and an address that three of either used.
    fn two_networks() -> ExportGraph<'static> {
        let mut drawn = testing::empty();
        let account = |at: u32| ExportNode { network: Some(at / 12), ..ExportNode::new(0, format!("a{at:02}")) };
        drawn.nodes.extend((0..24).map(account));
        for (at, card) in ["one's", "other's"].into_iter().enumerate() {
            drawn.nodes.push(ExportNode { network: Some(at as u32), degree_shown: 12, ..ExportNode::new(4, card) });
        }
        drawn.nodes.push(ExportNode { degree_shown: 6, ..ExportNode::new(3, "198.51.100.7") });
        let edge = |source: u32, target: u32| ExportEdge { source, target, weight: 5.0, count: 1, first_seen: 0, last_seen: 0 };
        drawn.edges = (0..24).map(|at| edge(at, 24 + at / 12)).chain([0, 1, 2, 12, 13, 14].map(|at| edge(at, 26))).collect();
        drawn.edges.sort_unstable_by_key(|edge| (edge.source, edge.target));
        own_networks(&mut drawn);
        drawn
    }

    #[test]
    fn an_identifier_of_two_networks_lies_between_their_accounts() {
        let mut drawn = two_networks();
        let shared = drawn.nodes.len() - 1;
        let ends: Vec<u32> = drawn.edges.iter().filter(|edge| edge.target as usize == shared).map(|edge| edge.source).collect();
        assert_eq!(drawn.nodes[shared].network, None);
        place_apart(&mut drawn, &Unobserved).unwrap();
        let place = place_of(&drawn.nodes[shared]);
        for axis in 0..2 {
            let of = |&end: &u32| place_of(&drawn.nodes[end as usize])[axis];
            let (least, most) =
                (ends.iter().map(of).fold(f32::INFINITY, f32::min), ends.iter().map(of).fold(f32::NEG_INFINITY, f32::max));
            assert!((least..=most).contains(&place[axis]), "{place:?} outside {least}..{most}");
        }
        assert_eq!(drawn.edges, two_networks().edges);
        let names = |graph: &ExportGraph<'_>| graph.nodes.iter().map(|node| node.value.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&drawn), names(&two_networks()));
    }
}
