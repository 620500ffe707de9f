//! LU factors of the shifted Jacobian on its pattern, as operations of the graph.
//!
//! Factors `J - s I` with the shift `s = 1/(h gamma)` and without pivoting: the shift dominates the
//! diagonal at the steps that the tolerance allows. The order of elimination is fixed per pattern
//! (fewest products first), so that the factorisation is a straight list of operations.

use super::differentiate::Jacobian;
use super::symbol::{Graph, Id, Node};
use std::collections::BTreeMap;

/// Factors, and the solution of one system with them.
pub(super) struct Factors {
    /// Nodes of the factors that [`solution`](Self::solution) uses.
    pub entries: Vec<Id>,
    /// Solution by state, for the right-hand side [`Node::Load`].
    pub solution: Vec<Id>,
}

/// `a - b c`, without the reordering of the graph's own operations: factors keep their nodes.
fn reduce(graph: &mut Graph, a: Option<Id>, b: Id, c: Id) -> Id {
    let product = graph.push(Node::Mul(b, c));
    let minus = graph.constant(-1.0);
    let negative = graph.push(Node::Mul(product, minus));
    match a {
        Some(a) => graph.push(Node::Add(a, negative)),
        None => negative,
    }
}

/// A pivot: its state, its inverse, the multipliers of later rows, the rest of its own row.
type Elimination = (usize, Id, Vec<(usize, Id)>, Vec<(usize, Id)>);

/// Factors `J - s I` for `n` states.
pub(super) fn factor(graph: &mut Graph, jacobian: &Jacobian, n: usize) -> Factors {
    let shift = graph.push(Node::Shift);
    let minus = graph.constant(-1.0);
    let shift = graph.push(Node::Mul(shift, minus));
    let mut rows: Vec<BTreeMap<usize, Id>> = vec![BTreeMap::new(); n];
    for ((row, column), id) in jacobian {
        rows[*row].insert(*column, *id);
    }
    for (i, row) in rows.iter_mut().enumerate() {
        let diagonal = match row.get(&i) {
            Some(id) => graph.push(Node::Add(shift, *id)),
            None => shift,
        };
        row.insert(i, diagonal);
    }

    let mut left: Vec<usize> = (0..n).collect();
    let mut order = Vec::new();
    let mut steps: Vec<Elimination> = Vec::new();
    while !left.is_empty() {
        let cost = |k: usize| {
            let below = left
                .iter()
                .filter(|i| **i != k && rows[**i].contains_key(&k))
                .count();
            let beside = rows[k]
                .keys()
                .filter(|j| **j != k && left.contains(j))
                .count();
            (below * beside, below + beside, k)
        };
        let Some(pivot) = left.iter().copied().min_by_key(|k| cost(*k)) else {
            break;
        };
        left.retain(|k| *k != pivot);
        order.push(pivot);
        let inverse = graph.push(Node::Inverse(rows[pivot][&pivot]));
        let beside: Vec<(usize, Id)> = rows[pivot]
            .iter()
            .filter(|(j, _)| left.contains(j))
            .map(|(j, id)| (*j, *id))
            .collect();
        let mut below = Vec::new();
        for i in &left {
            let Some(entry) = rows[*i].remove(&pivot) else {
                continue;
            };
            let multiplier = graph.push(Node::Mul(entry, inverse));
            below.push((*i, multiplier));
            for (j, u) in &beside {
                let before = rows[*i].get(j).copied();
                let after = reduce(graph, before, multiplier, *u);
                rows[*i].insert(*j, after);
            }
        }
        steps.push((pivot, inverse, below, beside));
    }

    let mut entries = Vec::new();
    let mut solution: Vec<Id> = (0..n).map(|i| graph.push(Node::Load(i as u32))).collect();
    for (pivot, inverse, below, beside) in &steps {
        entries.push(*inverse);
        entries.extend(below.iter().chain(beside).map(|(_, id)| *id));
        for (i, multiplier) in below {
            solution[*i] = reduce(graph, Some(solution[*i]), *multiplier, solution[*pivot]);
        }
    }
    for (pivot, inverse, _, beside) in steps.iter().rev() {
        let mut value = solution[*pivot];
        for (j, u) in beside {
            value = reduce(graph, Some(value), *u, solution[*j]);
        }
        solution[*pivot] = graph.push(Node::Mul(value, *inverse));
    }
    entries.sort_unstable();
    entries.dedup();
    Factors { entries, solution }
}
