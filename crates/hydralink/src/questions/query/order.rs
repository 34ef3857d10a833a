//! In which order do lists stand?
//!
//! Nodes are numbered in the order of their names, so what stands equal by its measure stands in the order of names wherever numbers
//! break ties. In a list of pseudonyms that would tell which is whose: there, ties stand in the order of what is shown.

use crate::dataset::Dataset;
use crate::node::Node;

/// A number that orders as the float does.
pub(crate) fn ordered(float: f64) -> u64 {
    let bits = float.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// Puts rows that stand equal by `key` into the order of what is shown of their nodes, unless names are shown as they are.
pub(crate) fn ties_as_shown<T, K: PartialEq>(
    dataset: &Dataset,
    rows: &mut [T],
    key: impl Fn(&T) -> K,
    node: impl Fn(&T) -> Node,
) {
    if dataset.naming().is_full() {
        return;
    }
    rows.chunk_by_mut(|a, b| key(a) == key(b)).filter(|equal| equal.len() > 1).for_each(|equal| {
        equal.sort_by_cached_key(|row| dataset.label_of(node(row)));
    });
}

/// The same of nodes as they come, in the order of their keys: a run of equal ones is read before its first is given.
pub(crate) fn nodes_as_shown<'a, K: PartialEq + 'a>(
    dataset: &'a Dataset,
    nodes: impl Iterator<Item = Node> + 'a,
    key: impl Fn(Node) -> K + 'a,
) -> impl Iterator<Item = Node> + 'a {
    let is_full = dataset.naming().is_full();
    let mut nodes = nodes.peekable();
    let mut run = Vec::new().into_iter();
    std::iter::from_fn(move || {
        if is_full {
            return nodes.next();
        }
        run.next().or_else(|| {
            let first = nodes.next()?;
            let mut equal = vec![first];
            let key_of_first = key(first);
            while let Some(next) = nodes.next_if(|&next| key(next) == key_of_first) {
                equal.push(next);
            }
            ties_as_shown(dataset, &mut equal, |_| (), |&node| node);
            run = equal.into_iter();
            run.next()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_ordered_as_numbers() {
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, f64::MIN_POSITIVE, 2.0, f64::INFINITY];
        assert!(floats.windows(2).all(|pair| ordered(pair[0]) < ordered(pair[1])));
    }
}
