//! The recorded equations as C source, to give other solvers the same model.
//!
//! The listing has everything that is known before a step as an array of constants, computed here, and
//! the rates and the exact dense Jacobian of the moving states as straight-line code: what a solver gets is
//! at least as lean as anything written by hand.

use super::differentiate::jacobian;
use super::program::{Fixed, Scalar};
use super::shape;
use super::symbol::{Graph, Id, Node};
use crate::model::Inputs;
use crate::simulate::Problem;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The equations of a problem in C.
pub struct Listing {
    /// Functions `rates(c, y, f)` and `jacobian(c, y, j)`; `j` is the dense Jacobian by columns. `c` are the
    /// constants of [`constants`](Self::constants).
    pub source: String,
    /// Indices of the states in `y`, in [`State::fields`](crate::model::State::fields).
    pub states: Vec<usize>,
    scalar: Scalar,
    constants: Vec<Id>,
}

impl Listing {
    /// Lists the equations of a problem. They hold for all problems that differ in the values of parameters only.
    pub fn new(problem: &Problem) -> Self {
        let (key, _) = shape::key(problem, &problem.timeline.totals());
        let (moving, mut graph, rates) = shape::record(problem, shape::flags(&key, problem));
        let entries = jacobian(&mut graph, &rates);
        let n = moving.len();
        let targets: Vec<Id> = rates.iter().chain(entries.values()).copied().collect();
        let constants = fixed_arguments(&graph, &targets);
        let name = |id: Id| match graph.node(id) {
            Node::State(i) => format!("y[{i}]"),
            _ => match constants.binary_search(&id) {
                Ok(at) => format!("c[{at}]"),
                Err(_) => format!("v{id}"),
            },
        };
        let mut source = String::from(HEAD);
        let _ = writeln!(
            source,
            "enum {{ STATES = {n}, CONSTANTS = {} }};\n",
            constants.len()
        );
        let rate_lines: Vec<(String, Id)> = rates
            .iter()
            .enumerate()
            .map(|(i, id)| (format!("f[{i}]"), *id))
            .collect();
        let entry_lines: Vec<(String, Id)> = entries
            .iter()
            .map(|((i, j), id)| (format!("j[{}]", j * n + i), *id))
            .collect();
        for (function, array, lines) in [("rates", "f", rate_lines), ("jacobian", "j", entry_lines)]
        {
            let _ = writeln!(
                source,
                "void {function}(const double *c, const double *y, double *{array}) {{"
            );
            let ids: Vec<Id> = lines.iter().map(|(_, id)| *id).collect();
            for id in moving_nodes(&graph, &ids) {
                let _ = writeln!(
                    source,
                    "  const double v{id} = {};",
                    expression(&graph, id, &name)
                );
            }
            for (to, id) in lines {
                let _ = writeln!(source, "  {to} = {};", name(id));
            }
            source.push_str("}\n\n");
        }
        Self {
            source,
            states: moving,
            scalar: Scalar::new(graph, &constants),
            constants,
        }
    }

    /// The constants of a problem of this shape under inputs.
    pub fn constants(&self, problem: &Problem, inputs: &Inputs) -> Vec<f64> {
        let mut values = Vec::new();
        let full = problem.baseline.to_array();
        shape::input_values(&problem.model, inputs, &full, &mut values);
        let mut fixed = Fixed::default();
        self.scalar
            .prepare(&shape::parameters(&problem.model), &values, &mut fixed);
        self.constants.iter().map(|id| fixed.value(*id)).collect()
    }
}

const HEAD: &str = "#include <math.h>\n\n\
static double lnp(double x) { return x > 0.0 ? log(x) : -1e10; }\n\
static double safe_inverse(double x) { return x > 1e-150 ? 1.0 / x : 0.0; }\n\
static double logistic(double x) { return 1.0 / (1.0 + exp(-x)); }\n\
static double positive(double x) { return x > 0.0 ? x : 0.0; }\n\
static double step(double x) { return x > 0.0 ? 1.0 : 0.0; }\n\n";

/// Nodes that move with the state, below `targets`, in order.
fn moving_nodes(graph: &Graph, targets: &[Id]) -> BTreeSet<Id> {
    let mut seen = BTreeSet::new();
    let mut open = targets.to_vec();
    while let Some(id) = open.pop() {
        let state = matches!(graph.node(id), Node::State(_));
        if !graph.is_fixed(id) && !state && seen.insert(id) {
            open.extend(graph.node(id).arguments());
        }
    }
    seen
}

/// Fixed nodes that moving ones use or that are targets themselves, in order.
fn fixed_arguments(graph: &Graph, targets: &[Id]) -> Vec<Id> {
    let moving = moving_nodes(graph, targets);
    let arguments = moving.iter().flat_map(|id| graph.node(*id).arguments());
    let used: BTreeSet<Id> = arguments
        .chain(targets.iter().copied())
        .filter(|id| graph.is_fixed(*id))
        .collect();
    used.into_iter().collect()
}

fn expression(graph: &Graph, id: Id, name: &impl Fn(Id) -> String) -> String {
    let node = graph.node(id);
    let arguments: Vec<String> = node.arguments().map(name).collect();
    let one = arguments.first().cloned().unwrap_or_default();
    let call = |function: &str| format!("{function}({one})");
    match node {
        Node::Add(..) => arguments.join(" + "),
        Node::Mul(..) => arguments.join(" * "),
        Node::Inverse(_) => format!("1.0 / {one}"),
        Node::SafeInverse(_) => call("safe_inverse"),
        Node::Ln(_) => call("lnp"),
        Node::Exp(_) => call("exp"),
        Node::Logistic(_) => call("logistic"),
        Node::Sqrt(_) => call("sqrt"),
        Node::Positive(_) => call("positive"),
        Node::Step(_) => call("step"),
        _ => name(id),
    }
}
