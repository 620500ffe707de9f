//! The right-hand side as a graph of operations.
//!
//! [`Symbol`] is a [`Number`] that records instead of computing. Running the one generic source of
//! the equations over it gives a [`Graph`], from which the lanes' instructions and the exact
//! Jacobian are made. Equal operations are recorded once.
//!
//! Every node has a [`Level`]: constants and parameters are known before a run, inputs change at
//! events, only the rest moves with the state. The graph gathers what is known early: `(x p) q`
//! becomes `x (p q)`, `(x + p) + q` becomes `x + (p + q)`, `x / p` becomes `x (1/p)`, and the
//! logarithm of `x p` becomes `ln x + ln p`, so that Hill functions of one concentration share its
//! logarithm. These identities hold to rounding.
//!
//! Conventions at the edge of the domain: `ln x` is [`LN_OF_NOTHING`] for `x <= 0`, which makes any
//! positive power of nothing 0, and its derivative there counts as 0.

use crate::model::Number;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Logarithm of a number that is not positive.
pub(super) const LN_OF_NOTHING: f64 = -1e10;

/// Arguments below which the derivative of a logarithm counts as 0.
pub(super) const SMALLEST_DIVISOR: f64 = 1e-150;

/// Index of a node.
pub(super) type Id = u32;

/// A recorded operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// A constant, as bits.
    Constant(u64),
    /// A parameter, by its position.
    Parameter(u32),
    /// An input, by its position.
    Input(u32),
    /// A state, by its position.
    State(u32),
    /// The shift on the diagonal of the linear systems: `1/(h gamma)`, of the collocation the real part of
    /// `1/(h lambda)`; and the imaginary part of that.
    Shift,
    Twist,
    /// An entry of the right-hand side of a linear system.
    Load(u32),
    /// The rate of a state that is propagated exactly.
    Tempo(u32),
    /// Sum.
    Add(Id, Id),
    /// Product.
    Mul(Id, Id),
    /// Reciprocal.
    Inverse(Id),
    /// Reciprocal, 0 where the argument is not positive.
    SafeInverse(Id),
    /// Natural logarithm.
    Ln(Id),
    /// Exponential.
    Exp(Id),
    /// 1/(1 + exp(-x)).
    Logistic(Id),
    /// Square root.
    Sqrt(Id),
    /// The argument where positive, else 0.
    Positive(Id),
    /// 1 where the argument is positive, else 0.
    Step(Id),
}

impl Node {
    /// The nodes that this one is computed from.
    pub fn arguments(self) -> impl Iterator<Item = Id> {
        let (a, b) = match self {
            Self::Constant(_)
            | Self::Parameter(_)
            | Self::Input(_)
            | Self::State(_)
            | Self::Shift
            | Self::Twist
            | Self::Load(_)
            | Self::Tempo(_) => (None, None),
            Self::Add(a, b) | Self::Mul(a, b) => (Some(a), Some(b)),
            Self::Inverse(a)
            | Self::SafeInverse(a)
            | Self::Ln(a)
            | Self::Exp(a)
            | Self::Logistic(a)
            | Self::Sqrt(a)
            | Self::Positive(a)
            | Self::Step(a) => (Some(a), None),
        };
        a.into_iter().chain(b)
    }
}

/// When a node is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Always.
    Constant,
    /// Before the run.
    Parameter,
    /// From one event to the next.
    Input,
    /// At a state only.
    State,
}

/// Nodes in an order in which each follows its arguments.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    levels: Vec<Level>,
    known: HashMap<Node, Id>,
    /// Factors that were taken out of a logarithm and must not be negative.
    factors: Vec<Id>,
}

impl Graph {
    /// A node by index.
    pub fn node(&self, id: Id) -> Node {
        self.nodes[id as usize]
    }

    /// When a node is known.
    pub fn level(&self, id: Id) -> Level {
        self.levels[id as usize]
    }

    /// Known before a step.
    pub fn is_fixed(&self, id: Id) -> bool {
        self.level(id) < Level::State
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Factors that must not be negative for the graph to hold.
    pub fn factors(&self) -> &[Id] {
        &self.factors
    }

    /// The value of a constant node.
    pub fn value(&self, id: Id) -> Option<f64> {
        match self.node(id) {
            Node::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    fn is(&self, id: Id, value: f64) -> bool {
        // Both zeros count as 0.
        self.value(id)
            .is_some_and(|v| (v - value).abs() < f64::MIN_POSITIVE)
    }

    /// Records a node as it is.
    pub fn push(&mut self, node: Node) -> Id {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let level = match node {
            Node::Constant(_) => Level::Constant,
            Node::Parameter(_) => Level::Parameter,
            Node::Input(_) => Level::Input,
            Node::State(_) | Node::Shift | Node::Twist | Node::Load(_) | Node::Tempo(_) => {
                Level::State
            }
            _ => node
                .arguments()
                .map(|a| self.level(a))
                .max()
                .unwrap_or(Level::State),
        };
        let id = self.nodes.len() as Id;
        self.nodes.push(node);
        self.levels.push(level);
        self.known.insert(node, id);
        id
    }

    /// A constant.
    pub fn constant(&mut self, value: f64) -> Id {
        self.push(Node::Constant(value.to_bits()))
    }

    /// Folds an operation on constants.
    fn folded(&mut self, node: Node) -> Option<Id> {
        let constant = node.arguments().all(|a| self.level(a) == Level::Constant);
        let value = if constant {
            let values: Vec<f64> = node.arguments().filter_map(|a| self.value(a)).collect();
            evaluate(node, |i| values.get(i).copied().unwrap_or(0.0))
        } else {
            return None;
        };
        Some(self.constant(value))
    }

    fn unary(&mut self, node: Node) -> Id {
        match self.folded(node) {
            Some(id) => id,
            None => self.push(node),
        }
    }

    /// What is known earlier stands second, of equals the older first.
    fn ordered(&self, a: Id, b: Id) -> (Id, Id) {
        let key = |id: Id| (std::cmp::Reverse(self.level(id)), id);
        if key(b) < key(a) { (b, a) } else { (a, b) }
    }

    /// Splits `x + p` or `x p` into the moving and the fixed part.
    fn split(&self, id: Id, pair: impl Fn(Node) -> Option<(Id, Id)>) -> Option<(Id, Id)> {
        pair(self.node(id)).filter(|(x, p)| !self.is_fixed(*x) && self.is_fixed(*p))
    }

    fn sum(&self, id: Id) -> Option<(Id, Id)> {
        self.split(id, |node| match node {
            Node::Add(a, b) => Some((a, b)),
            _ => None,
        })
    }

    fn product(&self, id: Id) -> Option<(Id, Id)> {
        self.split(id, |node| match node {
            Node::Mul(a, b) => Some((a, b)),
            _ => None,
        })
    }

    /// a + b.
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = self.ordered(a, b);
        if self.is(a, 0.0) {
            return b;
        }
        if self.is(b, 0.0) {
            return a;
        }
        if let Some(id) = self.folded(Node::Add(a, b)) {
            return id;
        }
        if let Some((x, p)) = self.sum(a) {
            return if self.is_fixed(b) {
                let fixed = self.add(p, b);
                self.add(x, fixed)
            } else if let Some((y, q)) = self.sum(b) {
                let moving = self.add(x, y);
                let fixed = self.add(p, q);
                self.add(moving, fixed)
            } else {
                let moving = self.add(x, b);
                self.add(moving, p)
            };
        }
        if let Some((y, q)) = self.sum(b) {
            let moving = self.add(a, y);
            return self.add(moving, q);
        }
        self.push(Node::Add(a, b))
    }

    /// a b.
    pub fn mul(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = self.ordered(a, b);
        if self.is(a, 0.0) || self.is(b, 0.0) {
            return self.constant(0.0);
        }
        if self.is(a, 1.0) {
            return b;
        }
        if self.is(b, 1.0) {
            return a;
        }
        if let Some(id) = self.folded(Node::Mul(a, b)) {
            return id;
        }
        if let Some((x, p)) = self.product(a) {
            return if self.is_fixed(b) {
                let fixed = self.mul(p, b);
                self.mul(x, fixed)
            } else if let Some((y, q)) = self.product(b) {
                let moving = self.mul(x, y);
                let fixed = self.mul(p, q);
                self.mul(moving, fixed)
            } else {
                let moving = self.mul(x, b);
                self.mul(moving, p)
            };
        }
        if let Some((y, q)) = self.product(b) {
            let moving = self.mul(a, y);
            return self.mul(moving, q);
        }
        if self.is_fixed(b)
            && let Some((x, p)) = self.sum(a)
        {
            let moving = self.mul(x, b);
            let fixed = self.mul(p, b);
            return self.add(moving, fixed);
        }
        self.push(Node::Mul(a, b))
    }

    /// -a.
    pub fn neg(&mut self, a: Id) -> Id {
        let minus = self.constant(-1.0);
        self.mul(a, minus)
    }

    /// 1/a.
    pub fn inverse(&mut self, a: Id) -> Id {
        match self.node(a) {
            Node::Exp(u) => {
                let minus = self.neg(u);
                return self.exp(minus);
            }
            Node::Inverse(x) => return x,
            Node::Mul(x, y) if !self.is_fixed(a) => {
                let inverted = |node| matches!(node, Node::Inverse(_) | Node::Exp(_));
                if self.is_fixed(y) || inverted(self.node(x)) || inverted(self.node(y)) {
                    let (x, y) = (self.inverse(x), self.inverse(y));
                    return self.mul(x, y);
                }
            }
            _ => {}
        }
        self.unary(Node::Inverse(a))
    }

    /// ln a.
    pub fn ln(&mut self, a: Id) -> Id {
        match self.node(a) {
            Node::Positive(x) => return self.ln(x),
            Node::Exp(u) => return u,
            Node::Mul(x, p) if !self.is_fixed(x) && self.is_fixed(p) => {
                self.factors.push(p);
                let (x, p) = (self.ln(x), self.ln(p));
                return self.add(x, p);
            }
            Node::Inverse(x) => {
                let ln = self.ln(x);
                return self.neg(ln);
            }
            _ => {}
        }
        self.unary(Node::Ln(a))
    }

    /// exp a.
    pub fn exp(&mut self, a: Id) -> Id {
        self.unary(Node::Exp(a))
    }

    /// The node with 0 in place of every state; for nodes that are linear in the states.
    pub fn without_states(&mut self, id: Id) -> Id {
        if self.is_fixed(id) {
            return id;
        }
        match self.node(id) {
            Node::Add(a, b) => {
                let (a, b) = (self.without_states(a), self.without_states(b));
                self.add(a, b)
            }
            Node::Mul(a, b) => {
                let (a, b) = (self.without_states(a), self.without_states(b));
                self.mul(a, b)
            }
            _ => self.constant(0.0),
        }
    }

    /// Any other function of one argument.
    pub fn function(&mut self, node: Node) -> Id {
        self.unary(node)
    }
}

/// The value of an operation whose arguments are given in order.
pub(super) fn evaluate(node: Node, argument: impl Fn(usize) -> f64) -> f64 {
    let x = argument(0);
    match node {
        Node::Constant(bits) => f64::from_bits(bits),
        Node::Parameter(_)
        | Node::Input(_)
        | Node::State(_)
        | Node::Shift
        | Node::Twist
        | Node::Load(_)
        | Node::Tempo(_) => x,
        Node::Add(..) => x + argument(1),
        Node::Mul(..) => x * argument(1),
        Node::Inverse(_) => 1.0 / x,
        Node::SafeInverse(_) => {
            if x > SMALLEST_DIVISOR {
                1.0 / x
            } else {
                0.0
            }
        }
        Node::Ln(_) => {
            if x > 0.0 {
                libm::log(x)
            } else if x.is_nan() {
                x
            } else {
                LN_OF_NOTHING
            }
        }
        Node::Exp(_) => libm::exp(x),
        Node::Logistic(_) => 1.0 / (1.0 + libm::exp(-x)),
        Node::Sqrt(_) => libm::sqrt(x),
        Node::Positive(_) => x.max(0.0),
        Node::Step(_) => f64::from(u8::from(x > 0.0)),
    }
}

thread_local! {
    static GRAPH: RefCell<Graph> = RefCell::new(Graph::default());
}

/// Records what `source` does with symbols; gives back the graph and the result.
pub(super) fn record<R>(source: impl FnOnce() -> R) -> (Graph, R) {
    GRAPH.with(|graph| graph.replace(Graph::default()));
    let result = source();
    (GRAPH.with(RefCell::take), result)
}

/// A number that records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol(pub(super) Id);

impl Symbol {
    fn with(f: impl FnOnce(&mut Graph) -> Id) -> Self {
        Self(GRAPH.with(|graph| f(&mut graph.borrow_mut())))
    }

    /// The parameter at a position.
    pub(super) fn parameter(position: usize) -> Self {
        Self::with(|g| g.push(Node::Parameter(position as u32)))
    }

    /// The input at a position.
    pub(super) fn input(position: usize) -> Self {
        Self::with(|g| g.push(Node::Input(position as u32)))
    }

    /// The state at a position.
    pub(super) fn state(position: usize) -> Self {
        Self::with(|g| g.push(Node::State(position as u32)))
    }

    /// Whether it is the constant 0.
    pub(super) fn is_zero(self) -> bool {
        GRAPH.with(|graph| graph.borrow().is(self.0, 0.0))
    }
}

impl Add for Symbol {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::with(|g| g.add(self.0, other.0))
    }
}

impl Sub for Symbol {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::with(|g| {
            let minus = g.neg(other.0);
            g.add(self.0, minus)
        })
    }
}

impl Mul for Symbol {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::with(|g| g.mul(self.0, other.0))
    }
}

impl Div for Symbol {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        Self::with(|g| {
            let inverse = g.inverse(other.0);
            g.mul(self.0, inverse)
        })
    }
}

impl Neg for Symbol {
    type Output = Self;
    fn neg(self) -> Self {
        Self::with(|g| g.neg(self.0))
    }
}

macro_rules! with_constants {
    ($($operation:ident $method:ident),+) => { $(
        impl $operation<f64> for Symbol {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                $operation::$method(self, Self::constant(other))
            }
        }
    )+ };
}

with_constants!(Add add, Sub sub, Mul mul, Div div);

impl Number for Symbol {
    fn constant(value: f64) -> Self {
        Self::with(|g| g.constant(value))
    }
    fn ln(self) -> Self {
        Self::with(|g| g.ln(self.0))
    }
    fn exp(self) -> Self {
        Self::with(|g| g.exp(self.0))
    }
    fn sqrt(self) -> Self {
        Self::with(|g| g.function(Node::Sqrt(self.0)))
    }
    fn power(self, exponent: Self) -> Self {
        Self::with(|g| {
            let ln = g.ln(self.0);
            let product = g.mul(ln, exponent.0);
            g.exp(product)
        })
    }
    fn positive_part(self) -> Self {
        Self::with(|g| g.function(Node::Positive(self.0)))
    }
    fn hill(self, half: Self, exponent: Self) -> Self {
        let ratio = self / half;
        Self::with(|g| {
            let ln = g.ln(ratio.0);
            let product = g.mul(ln, exponent.0);
            g.function(Node::Logistic(product))
        })
    }
}
