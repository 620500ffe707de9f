//! LU factors of the shifted Jacobian on its pattern, as operations of the graph.
//!
//! For the one-step method [`factor`] with a real shift, solved for several right-hand sides; for the collocation
//! [`correct`] with a complex one, solved at once.
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

/// Products that eliminating a state among those that are left takes, and its entries.
fn cost<T>(rows: &[BTreeMap<usize, T>], left: &[usize], k: usize) -> (usize, usize, usize) {
    let others = || left.iter().filter(|i| **i != k);
    let below = others().filter(|i| rows[**i].contains_key(&k)).count();
    let beside = others().filter(|j| rows[k].contains_key(j)).count();
    (below * beside, below + beside, k)
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
        let Some(pivot) = left.iter().copied().min_by_key(|k| cost(&rows, &left, *k)) else {
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

/// `this + a b` or `this - a b`, of which nothing stands for 0.
fn with_product(graph: &mut Graph, this: Option<Id>, a: Id, b: Id, sign: Sign) -> Id {
    match (sign, this) {
        (Sign::Minus, _) => reduce(graph, this, a, b),
        (Sign::Plus, None) => graph.push(Node::Mul(a, b)),
        (Sign::Plus, Some(this)) => {
            let product = graph.push(Node::Mul(a, b));
            graph.push(Node::Add(this, product))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Plus,
    Minus,
}

impl Sign {
    fn opposite(self) -> Self {
        match self {
            Self::Plus => Self::Minus,
            Self::Minus => Self::Plus,
        }
    }
}

/// A complex number whose imaginary part may be known to be 0.
#[derive(Debug, Clone, Copy)]
struct Complex {
    real: Id,
    imaginary: Option<Id>,
}

impl Complex {
    /// `this + a b` or `this - a b`, of which nothing stands for 0.
    fn with_product(graph: &mut Graph, this: Option<Self>, a: Self, b: Self, sign: Sign) -> Self {
        let mut real = with_product(graph, this.map(|x| x.real), a.real, b.real, sign);
        if let (Some(p), Some(q)) = (a.imaginary, b.imaginary) {
            real = with_product(graph, Some(real), p, q, sign.opposite());
        }
        let mut imaginary = this.and_then(|x| x.imaginary);
        for (p, q) in [(a.real, b.imaginary), (b.real, a.imaginary)] {
            if let Some(q) = q {
                imaginary = Some(with_product(graph, imaginary, p, q, sign));
            }
        }
        Self { real, imaginary }
    }

    fn times(self, graph: &mut Graph, other: Self) -> Self {
        Self::with_product(graph, None, self, other, Sign::Plus)
    }

    fn inverse(self, graph: &mut Graph) -> Self {
        let Some(imaginary) = self.imaginary else {
            let real = graph.push(Node::Inverse(self.real));
            return Self { real, ..self };
        };
        let square = graph.push(Node::Mul(self.real, self.real));
        let square = with_product(graph, Some(square), imaginary, imaginary, Sign::Plus);
        let inverse = graph.push(Node::Inverse(square));
        let minus = graph.constant(-1.0);
        let opposite = graph.push(Node::Mul(inverse, minus));
        Self {
            real: graph.push(Node::Mul(self.real, inverse)),
            imaginary: Some(graph.push(Node::Mul(imaginary, opposite))),
        }
    }
}

/// Solution of `(s I - J) x = b` for `n` states: real parts, then imaginary parts. `s` is [`Node::Shift`] and
/// [`Node::Twist`]; `b` is [`Node::Load`], 0 to `n - 1` its real parts and the next `n` its imaginary parts.
pub(super) fn correct(graph: &mut Graph, jacobian: &Jacobian, n: usize) -> [Vec<Id>; 2] {
    let shift = graph.push(Node::Shift);
    let twist = graph.push(Node::Twist);
    let one = graph.constant(1.0);
    // Pivots are those of s I - J, other entries those of J.
    let mut pivots: Vec<Complex> = Vec::new();
    let mut rows: Vec<BTreeMap<usize, Complex>> = vec![BTreeMap::new(); n];
    for i in 0..n {
        let own = jacobian.get(&(i, i));
        pivots.push(Complex {
            real: own.map_or(shift, |own| reduce(graph, Some(shift), *own, one)),
            imaginary: Some(twist),
        });
    }
    for ((row, column), id) in jacobian {
        if row != column {
            let entry = Complex {
                real: *id,
                imaginary: None,
            };
            rows[*row].insert(*column, entry);
        }
    }

    let mut values: Vec<Complex> = (0..n as u32)
        .map(|i| Complex {
            real: graph.push(Node::Load(i)),
            imaginary: Some(graph.push(Node::Load(n as u32 + i))),
        })
        .collect();
    let mut left: Vec<usize> = (0..n).collect();
    let mut behind: Vec<(usize, Vec<(usize, Complex)>)> = Vec::new();
    while let Some(pivot) = left.iter().copied().min_by_key(|k| cost(&rows, &left, *k)) {
        left.retain(|k| *k != pivot);
        let inverse = pivots[pivot].inverse(graph);
        values[pivot] = values[pivot].times(graph, inverse);
        let beside: Vec<(usize, Complex)> = left
            .iter()
            .filter_map(|j| Some((*j, rows[pivot].get(j)?.times(graph, inverse))))
            .collect();
        for i in &left {
            let Some(entry) = rows[*i].remove(&pivot) else {
                continue;
            };
            let value = Some(values[*i]);
            values[*i] = Complex::with_product(graph, value, entry, values[pivot], Sign::Plus);
            for (j, u) in &beside {
                if i == j {
                    let own = Some(pivots[*i]);
                    pivots[*i] = Complex::with_product(graph, own, entry, *u, Sign::Minus);
                } else {
                    let before = rows[*i].get(j).copied();
                    let after = Complex::with_product(graph, before, entry, *u, Sign::Plus);
                    rows[*i].insert(*j, after);
                }
            }
        }
        behind.push((pivot, beside));
    }
    for (pivot, beside) in behind.iter().rev() {
        for (j, u) in beside {
            let value = Some(values[*pivot]);
            values[*pivot] = Complex::with_product(graph, value, *u, values[*j], Sign::Plus);
        }
    }
    let real = values.iter().map(|value| value.real).collect();
    let imaginary = values
        .iter()
        .map(|value| value.imaginary.unwrap_or(value.real))
        .collect();
    [real, imaginary]
}
