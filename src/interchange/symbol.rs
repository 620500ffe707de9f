//! Symbolic numbers: the equations of the model as a graph.
//!
//! [`Symbol`] is a [`Number`]. Evaluating `Model<Symbol>` writes every operation into a [`Graph`]
//! in which equal expressions are one node, so that a part that has a name is recognised wherever
//! it is used. Constants are folded; `x + 0`, `1 x`, `0 x` and `1 - (1 - x)` are simplified.

use crate::model::Number;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// An expression of the graph that is being recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

/// A node: an operation on other nodes, a number, or a quantity with a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node {
    /// A number, by its bits.
    Constant(u64),
    /// A parameter, state or input: its position among the leaves.
    Leaf(usize),
    /// a + b
    Add(Symbol, Symbol),
    /// a - b
    Sub(Symbol, Symbol),
    /// a b
    Mul(Symbol, Symbol),
    /// a / b
    Div(Symbol, Symbol),
    /// -a
    Neg(Symbol),
    /// ln a
    Ln(Symbol),
    /// exp a
    Exp(Symbol),
    /// square root of a
    Sqrt(Symbol),
    /// a to the power b; 0 for a of 0
    Power(Symbol, Symbol),
    /// max(a, 0)
    PositivePart(Symbol),
}

impl Node {
    /// The nodes that this one is made of.
    pub fn operands(&self) -> impl Iterator<Item = Symbol> {
        let (first, second) = match *self {
            Self::Constant(_) | Self::Leaf(_) => (None, None),
            Self::Neg(a) | Self::Ln(a) | Self::Exp(a) | Self::Sqrt(a) | Self::PositivePart(a) => {
                (Some(a), None)
            }
            Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mul(a, b)
            | Self::Div(a, b)
            | Self::Power(a, b) => (Some(a), Some(b)),
        };
        first.into_iter().chain(second)
    }
}

/// A quantity with a name: parameter, state, input or conversion factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Identifier.
    pub id: String,
    /// Unit.
    pub unit: String,
}

/// Expressions, each once; operands stand before what is made of them.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
    known: HashMap<Node, Symbol>,
}

thread_local! {
    static GRAPH: RefCell<Graph> = RefCell::default();
}

/// Identifier of the conversion from mass to molar concentration.
pub const NANOMOLAR_PER_MASS: &str = "nanomolar_per_mass";
/// Its unit.
pub const NANOMOLAR_PER_MASS_UNIT: &str = "nM*g*L/mol/mg";

impl Graph {
    /// Runs `f` and returns with its result the graph of all symbols that it made.
    pub fn record<R>(f: impl FnOnce() -> R) -> (R, Self) {
        let outer = GRAPH.take();
        let result = f();
        (result, GRAPH.replace(outer))
    }

    /// The node of a symbol.
    pub fn node(&self, symbol: Symbol) -> Node {
        self.nodes[symbol.0 as usize]
    }

    /// The name of a leaf.
    pub fn leaf(&self, position: usize) -> &Leaf {
        &self.leaves[position]
    }

    /// All leaves, in the order in which they were named.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All symbols, operands first.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> {
        (0..self.nodes.len() as u32).map(Symbol)
    }

    /// The number behind a constant.
    pub fn constant(&self, symbol: Symbol) -> Option<f64> {
        match self.node(symbol) {
            Node::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// The values of all symbols for a value of each leaf, by position.
    pub fn evaluate(&self, leaves: &[f64]) -> Vec<f64> {
        let mut values: Vec<f64> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let of = |symbol: Symbol| values[symbol.0 as usize];
            let value = match *node {
                Node::Constant(bits) => f64::from_bits(bits),
                Node::Leaf(position) => leaves[position],
                Node::Add(a, b) => of(a) + of(b),
                Node::Sub(a, b) => of(a) - of(b),
                Node::Mul(a, b) => of(a) * of(b),
                Node::Div(a, b) => of(a) / of(b),
                Node::Neg(a) => -of(a),
                Node::Ln(a) => Number::ln(of(a)),
                Node::Exp(a) => Number::exp(of(a)),
                Node::Sqrt(a) => Number::sqrt(of(a)),
                Node::Power(a, b) => of(a).power(of(b)),
                Node::PositivePart(a) => of(a).positive_part(),
            };
            values.push(value);
        }
        values
    }

    /// The value of a symbol among those of [`evaluate`](Self::evaluate).
    pub fn value(&self, values: &[f64], symbol: Symbol) -> f64 {
        values[symbol.0 as usize]
    }

    fn add(&mut self, node: Node) -> Symbol {
        if let Some(symbol) = self.known.get(&node) {
            return *symbol;
        }
        let symbol = Symbol(self.nodes.len() as u32);
        self.nodes.push(node);
        self.known.insert(node, symbol);
        symbol
    }

    fn number(&mut self, value: f64) -> Symbol {
        // One zero, so that -0 and 0 are one constant.
        let value = if value == 0.0 { 0.0 } else { value };
        self.add(Node::Constant(value.to_bits()))
    }

    fn named(&mut self, id: &str, unit: &str) -> Symbol {
        let position = self
            .leaves
            .iter()
            .position(|leaf| leaf.id == id)
            .unwrap_or(self.leaves.len());
        if position == self.leaves.len() {
            self.leaves.push(Leaf {
                id: id.to_owned(),
                unit: unit.to_owned(),
            });
        }
        self.add(Node::Leaf(position))
    }

    /// A constant without a fraction.
    fn whole(&self, symbol: Symbol) -> Option<f64> {
        self.constant(symbol)
            .filter(|value| value.fract().abs() < f64::MIN_POSITIVE)
    }

    /// The simplest node for an operation whose operands are in the graph.
    fn simplify(&mut self, node: Node) -> Symbol {
        let number = |graph: &Self, symbol| graph.constant(symbol);
        let is = |graph: &Self, symbol, value: f64| {
            graph
                .constant(symbol)
                .is_some_and(|constant| constant.to_bits() == value.to_bits())
        };
        let folded = {
            let operands: Vec<Option<f64>> = node.operands().map(|s| number(self, s)).collect();
            match (node, operands.as_slice()) {
                (Node::Add(..), [Some(a), Some(b)]) => Some(a + b),
                (Node::Sub(..), [Some(a), Some(b)]) => Some(a - b),
                (Node::Mul(..), [Some(a), Some(b)]) => Some(a * b),
                (Node::Div(..), [Some(a), Some(b)]) => Some(a / b),
                (Node::Power(..), [Some(a), Some(b)]) => Some(a.power(*b)),
                (Node::Neg(_), [Some(a)]) => Some(-a),
                (Node::Ln(_), [Some(a)]) => Some(Number::ln(*a)),
                (Node::Exp(_), [Some(a)]) => Some(Number::exp(*a)),
                (Node::Sqrt(_), [Some(a)]) => Some(Number::sqrt(*a)),
                (Node::PositivePart(_), [Some(a)]) => Some(a.positive_part()),
                _ => None,
            }
        };
        if let Some(value) = folded {
            return self.number(value);
        }
        match node {
            Node::Add(a, b) | Node::Sub(a, b) if is(self, b, 0.0) => a,
            Node::Add(a, b) if is(self, a, 0.0) => b,
            Node::Sub(a, b) if is(self, a, 0.0) => self.simplify(Node::Neg(b)),
            Node::Mul(a, b) if is(self, a, 0.0) || is(self, b, 0.0) => self.number(0.0),
            Node::Mul(a, b) | Node::Div(a, b) if is(self, b, 1.0) => a,
            Node::Mul(a, b) if is(self, a, 1.0) => b,
            Node::Div(a, _) if is(self, a, 0.0) => self.number(0.0),
            Node::Neg(a) => match self.node(a) {
                Node::Neg(inner) => inner,
                _ => self.add(node),
            },
            Node::Add(a, b) => match (self.node(a), self.node(b)) {
                (Node::Neg(x), _) => self.simplify(Node::Sub(b, x)),
                (_, Node::Neg(x)) => self.simplify(Node::Sub(a, x)),
                _ => self.add(node),
            },
            Node::Sub(one, b) => match self.node(b) {
                Node::Sub(inner, x) if inner == one => x,
                Node::Neg(x) => self.simplify(Node::Add(one, x)),
                _ => self.add(node),
            },
            Node::Mul(a, b) if matches!(self.node(b), Node::Div(one, _) if is(self, one, 1.0)) => {
                match self.node(b) {
                    Node::Div(_, divisor) => self.simplify(Node::Div(a, divisor)),
                    _ => self.add(node),
                }
            }
            // (x^2)^2 is x^4.
            Node::Power(a, b) => match (self.node(a), self.whole(b)) {
                (Node::Power(base, inner), Some(outer)) => match self.whole(inner) {
                    Some(inner) => {
                        let exponent = self.number(inner * outer);
                        self.simplify(Node::Power(base, exponent))
                    }
                    None => self.add(node),
                },
                _ => self.add(node),
            },
            // Numbers stand before names in a product.
            Node::Mul(a, b) if number(self, b).is_some() => self.add(Node::Mul(b, a)),
            _ => self.add(node),
        }
    }
}

fn record(node: Node) -> Symbol {
    GRAPH.with_borrow_mut(|graph| graph.simplify(node))
}

impl Symbol {
    /// The symbol of a quantity with a name; one name is one symbol.
    pub fn named(id: &str, unit: &str) -> Self {
        GRAPH.with_borrow_mut(|graph| graph.named(id, unit))
    }
}

macro_rules! operators {
    ($($operation:ident $method:ident),+) => { $(
        impl $operation for Symbol {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                record(Node::$operation(self, other))
            }
        }
        impl $operation<f64> for Symbol {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                record(Node::$operation(self, Self::constant(other)))
            }
        }
    )+ };
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl Neg for Symbol {
    type Output = Self;
    fn neg(self) -> Self {
        record(Node::Neg(self))
    }
}

impl Number for Symbol {
    fn constant(value: f64) -> Self {
        GRAPH.with_borrow_mut(|graph| graph.number(value))
    }
    fn ln(self) -> Self {
        record(Node::Ln(self))
    }
    fn exp(self) -> Self {
        record(Node::Exp(self))
    }
    fn sqrt(self) -> Self {
        record(Node::Sqrt(self))
    }
    fn power(self, exponent: Self) -> Self {
        record(Node::Power(self, exponent))
    }
    fn positive_part(self) -> Self {
        record(Node::PositivePart(self))
    }
    fn nanomolar_per_mass() -> Self {
        Self::named(NANOMOLAR_PER_MASS, NANOMOLAR_PER_MASS_UNIT)
    }
    fn squared(self) -> Self {
        self.power(Self::constant(2.0))
    }
    fn cubed(self) -> Self {
        self.power(Self::constant(3.0))
    }
    fn complement(self) -> Self {
        Self::constant(1.0) - self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_expressions_are_one_and_constants_fold() {
        let ((one, other, folded), graph) = Graph::record(|| {
            let x = Symbol::named("x", "1");
            let y = Symbol::named("y", "1");
            let sum = (x * y + 1.0) * (x * y + 1.0);
            let again = Symbol::named("x", "1") * y + 1.0;
            (sum, again * again, x.complement().complement() * 1.0 + 0.0)
        });
        assert_eq!(one, other);
        assert_eq!(graph.node(folded), Node::Leaf(0));
        let values = graph.evaluate(&[3.0, 5.0]);
        assert!((values[one.0 as usize] - 256.0).abs() < 1e-12);
    }

    #[test]
    fn recordings_do_not_mix() {
        let (inner, outer) = Graph::record(|| {
            let _ = Symbol::named("a", "1");
            Graph::record(|| Symbol::named("b", "1")).1
        });
        assert_eq!(inner.leaves()[0].id, "b");
        assert_eq!(outer.leaves()[0].id, "a");
        assert_eq!(outer.leaves().len(), 1);
    }
}
