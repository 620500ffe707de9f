//! The exact sparse Jacobian of a recorded right-hand side.
//!
//! The graph is linearised: every operation has edges to its arguments, weighted with its partial
//! derivatives. Eliminating the operations between states and rates one by one multiplies the
//! weights along the paths; taking the one with the fewest products first (Markowitz) keeps the
//! number of multiplications near its least (Griewank & Walther 2008, chapter 9).

use super::symbol::{Graph, Id, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of the Jacobian by (rate, state), those that are always 0 left out.
pub(super) type Jacobian = BTreeMap<(usize, usize), Id>;

/// A vertex of the linearised graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Vertex {
    State(usize),
    Operation(Id),
    Rate(usize),
}

#[derive(Default)]
struct Linearised {
    /// Arguments of each vertex with weights.
    arguments: BTreeMap<Vertex, BTreeMap<Vertex, Id>>,
    /// Users of each vertex.
    users: BTreeMap<Vertex, BTreeSet<Vertex>>,
}

impl Linearised {
    fn connect(&mut self, graph: &mut Graph, user: Vertex, argument: Vertex, weight: Id) {
        let edges = self.arguments.entry(user).or_default();
        let sum = match edges.get(&argument) {
            Some(before) => graph.add(*before, weight),
            None => weight,
        };
        edges.insert(argument, sum);
        self.users.entry(argument).or_default().insert(user);
    }

    /// Products that an elimination costs.
    fn cost(&self, vertex: Vertex) -> usize {
        let arguments = self.arguments.get(&vertex).map_or(0, BTreeMap::len);
        arguments * self.users.get(&vertex).map_or(0, BTreeSet::len)
    }

    fn eliminate(&mut self, graph: &mut Graph, vertex: Vertex) {
        let arguments = self.arguments.remove(&vertex).unwrap_or_default();
        let users = self.users.remove(&vertex).unwrap_or_default();
        for argument in arguments.keys() {
            if let Some(users) = self.users.get_mut(argument) {
                users.remove(&vertex);
            }
        }
        for user in users {
            let Some(outer) = self
                .arguments
                .get_mut(&user)
                .and_then(|e| e.remove(&vertex))
            else {
                continue;
            };
            for (argument, inner) in &arguments {
                let weight = graph.mul(outer, *inner);
                self.connect(graph, user, *argument, weight);
            }
        }
    }
}

/// Partial derivatives of an operation by its arguments.
fn partials(graph: &mut Graph, id: Id) -> Vec<(Id, Id)> {
    let one = graph.constant(1.0);
    match graph.node(id) {
        Node::Add(a, b) => vec![(a, one), (b, one)],
        Node::Mul(a, b) => vec![(a, b), (b, a)],
        Node::Inverse(a) => {
            let square = graph.mul(id, id);
            vec![(a, graph.neg(square))]
        }
        Node::Ln(a) => vec![(a, graph.function(Node::SafeInverse(a)))],
        Node::Exp(a) => vec![(a, id)],
        Node::Logistic(a) => {
            let minus = graph.neg(id);
            let rest = graph.add(minus, one);
            vec![(a, graph.mul(id, rest))]
        }
        Node::Sqrt(a) => {
            let half = graph.constant(0.5);
            let inverse = graph.inverse(id);
            vec![(a, graph.mul(inverse, half))]
        }
        Node::Positive(a) => vec![(a, graph.function(Node::Step(a)))],
        _ => Vec::new(),
    }
}

/// The Jacobian of `rates` by the states of the graph.
pub(super) fn jacobian(graph: &mut Graph, rates: &[Id]) -> Jacobian {
    let mut linear = Linearised::default();
    let vertex = |graph: &Graph, id: Id| match graph.node(id) {
        Node::State(position) => Vertex::State(position as usize),
        _ => Vertex::Operation(id),
    };
    let one = graph.constant(1.0);
    let mut open: Vec<Id> = Vec::new();
    for (row, id) in rates.iter().enumerate() {
        if graph.is_fixed(*id) {
            continue;
        }
        let argument = vertex(graph, *id);
        linear.connect(graph, Vertex::Rate(row), argument, one);
        open.push(*id);
    }
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) || matches!(vertex(graph, id), Vertex::State(_)) {
            continue;
        }
        for (argument, weight) in partials(graph, id) {
            if graph.is_fixed(argument) {
                continue;
            }
            let to = vertex(graph, argument);
            linear.connect(graph, Vertex::Operation(id), to, weight);
            open.push(argument);
        }
    }
    let mut left: BTreeSet<Vertex> = linear
        .users
        .keys()
        .copied()
        .filter(|v| matches!(v, Vertex::Operation(_)))
        .collect();
    while let Some(next) = left.iter().copied().min_by_key(|v| (linear.cost(*v), *v)) {
        left.remove(&next);
        linear.eliminate(graph, next);
    }
    let mut entries = Jacobian::new();
    for (user, edges) in &linear.arguments {
        let Vertex::Rate(row) = user else { continue };
        for (argument, weight) in edges {
            if let Vertex::State(column) = argument
                && graph.value(*weight).is_none_or(|value| value.abs() > 0.0)
            {
                entries.insert((*row, *column), *weight);
            }
        }
    }
    entries
}
