//! From a recorded system to lists of instructions on rows of lanes.
//!
//! A [`System`] has four programs: the rates; the rates with part of their Jacobian; the rates with the factors of
//! the linear system; and the solution of a linear system. Each is a list of operations on rows, a row holding one value per
//! lane. What is known before a step (parameters, inputs) is computed once per problem and event, by
//! [`System::prepare`] and [`System::refresh`], in ordinary numbers.

use super::differentiate::{Jacobian, jacobian};
use super::factor::{correct, factor};
use super::linear::{Matrix, TERMS};
use super::native::Native;
use super::radau::NODES;
#[cfg(test)]
use super::symbol::Symbol;
use super::symbol::{self, Graph, Id, Level, Node};
use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

/// Index of a row.
pub(super) type Row = u32;

/// Stages of Rodas5P.
pub(super) const STAGES: usize = 8;

/// Coefficients of an interpolant beside the values at the ends.
pub(in crate::simulate) const COEFFICIENTS: usize = NODES - 1;

/// What an instruction computes from rows `a`, `b`, `c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// a
    Copy,
    /// a + b
    Add,
    /// a b
    Mul,
    /// a b + c
    MulAdd,
    /// c - a b
    MulSub,
    /// 1/a
    Inverse,
    /// 1/a where positive, else 0
    SafeInverse,
    /// ln a
    Ln,
    /// exp a
    Exp,
    /// 1/(1 + exp(-a))
    Logistic,
    /// square root of a
    Sqrt,
    /// a where positive, else 0
    Positive,
    /// 1 where a is positive, else 0
    Step,
}

/// One operation on rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instruction {
    pub operation: Operation,
    pub to: Row,
    pub a: Row,
    pub b: Row,
    pub c: Row,
}

/// Where things stand in the rows of a machine: first rows of groups.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layout {
    /// Rates and watched values at each node of the collocation, or the increments of all stages of the
    /// one-step method followed by their watched values.
    pub increments: usize,
    /// Coefficients of the interpolant, per state:
    /// `y + x (rise + (1-x) (e_1 + x (e_2 + (1-x) (e_3 + x (e_4 + ...)))))`.
    pub dense: usize,
    /// Absolute tolerance over relative tolerance, per state.
    pub weights: usize,
    /// States at the end of the step.
    pub after: usize,
    /// Series of the drives over the piece, term by term.
    pub series: usize,
    /// Values of the drives at the stages.
    pub courses: usize,
    /// Increments of the states in the basis of the eigenvectors.
    pub spectrum: usize,
    /// By pair of eigenvalues, `2 + 2 n` rows: real and imaginary part of `1/(h lambda)`, and those of the right-hand
    /// sides of Newton's systems, in whose places their solutions come.
    pub changes: usize,
    /// Last two Legendre coefficients of the slopes, per state.
    pub curves: usize,
    /// From here on, what is used all the time.
    pub hot: usize,
    /// States.
    pub states: usize,
    /// States at the start of the step.
    pub before: usize,
    /// Shift of the linear systems.
    pub shift: usize,
    /// Right-hand side of a linear system.
    pub load: usize,
    /// One of the groups of `changes`, where the rows that the corrections use are counted from.
    pub pair: usize,
    /// Rates, and after them the watched values.
    pub rates: usize,
    /// Partial derivatives of the rates by time.
    pub tilt: usize,
    /// Entries of the Jacobian that the collocation uses.
    pub partials: usize,
    /// Linear states that the others follow, and their rates.
    pub drives: usize,
    pub tempo: usize,
    /// Lengths of the steps.
    pub step: usize,
    /// Where the steps start in their pieces: the variable of the series is `-1 + pace (time + s h)`.
    pub time: usize,
    pub pace: usize,
    /// Relative tolerance.
    pub rtol: usize,
    /// Greater than 0 in the lanes whose next step starts where the last one ended.
    pub taken: usize,
    /// Smallest value of each watched value within the step, then the largest of each.
    pub ranges: usize,
    /// How far a watched value goes to both sides of 0 within the step.
    pub bend: usize,
    /// Errors over tolerance, of the collocation the changes of the last sweep; not a number where a stage left the
    /// domain.
    pub error: usize,
    /// Factors from this step to the next.
    pub factor: usize,
    /// Size of the last Legendre coefficients.
    pub curve: usize,
    /// Watched values at the start of the collocation's step, not numbers where they are not known.
    pub start: usize,
    /// What is known before a step.
    pub fixed: usize,
    /// Values in between.
    pub temporaries: usize,
    /// All rows.
    pub rows: usize,
}

/// An autonomous system of equations, compiled.
pub(super) struct System {
    /// Number of states that are integrated.
    pub states: usize,
    /// Which of all states they are.
    pub integrated: Vec<usize>,
    /// Which of all states are propagated exactly.
    pub linear: Vec<usize>,
    /// Which of the linear ones the others follow.
    pub drives: Vec<usize>,
    /// Entries of the linear system.
    matrix: Vec<(usize, usize, Id)>,
    /// Those that a change of inputs can change.
    changing_entries: Vec<usize>,
    /// Where things stand.
    pub layout: Layout,
    /// Rates.
    pub rates: Vec<Instruction>,
    /// Rates and the entries of the Jacobian that the collocation uses.
    pub newton: Vec<Instruction>,
    /// Newton's correction for a pair of eigenvalues, in place of the right-hand side.
    pub correction: Vec<Instruction>,
    /// Rows of the partial derivatives of the rates by their own states; nothing where they are 0.
    pub own: Vec<Option<usize>>,
    /// Rates and factors.
    pub factor: Vec<Instruction>,
    /// Solutions, per stage.
    pub solve: Vec<Vec<Instruction>>,
    /// Number of watched values: the arguments of `[x]+`, at whose change of sign the rates have a bend.
    pub watched: usize,
    /// Sums of states that must stay positive.
    pub positive: Vec<Vec<usize>>,
    /// The steps in machine code, per method.
    native: [OnceLock<Option<Native>>; 2],
    /// Fixed rows that a change of inputs can change.
    changing: Vec<(usize, Id)>,
    scalar: Scalar,
    /// Diagonal of the Jacobian.
    diagonal: Vec<Id>,
    /// Nodes in the fixed rows.
    fixed: Vec<Id>,
}
/// Methods of integration in lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scheme {
    /// Rodas5P ([`super::rodas`]).
    OneStep,
    /// Radau IIA in sweeps ([`super::collocation`]).
    Collocation,
}

/// Values of the fixed nodes of one problem.
#[derive(Debug, Clone, Default)]
pub(super) struct Fixed {
    values: Vec<f64>,
}

impl Fixed {
    /// The value of a fixed node.
    pub fn value(&self, id: Id) -> f64 {
        self.values[id as usize]
    }
}

impl System {
    /// Compiles the system whose rates `source` computes from symbols of `states` states. `positive`
    /// lists sums of states that must stay positive.
    #[cfg(test)]
    pub fn new(
        states: usize,
        positive: Vec<Vec<usize>>,
        source: impl FnOnce(&[Symbol]) -> Vec<Symbol>,
    ) -> Self {
        let (graph, rates) = symbol::record(|| {
            let symbols: Vec<Symbol> = (0..states).map(Symbol::state).collect();
            source(&symbols)
        });
        let rates: Vec<Id> = rates.into_iter().map(|s| s.0).collect();
        Self::compile(graph, &rates, positive, &[])
    }

    /// Compiles recorded rates. `slow` states hardly change within a step, so that their corrections need not be known to
    /// those that come before them.
    pub fn compile(
        mut graph: Graph,
        all_rates: &[Id],
        positive: Vec<Vec<usize>>,
        slow: &[usize],
    ) -> Self {
        let states = all_rates.len();
        let all_entries = jacobian(&mut graph, all_rates);
        let linear = linear_states(&graph, states, &all_entries);
        let integrated: Vec<usize> = (0..states).filter(|i| !linear.contains(i)).collect();
        let rates: Vec<Id> = integrated.iter().map(|i| all_rates[*i]).collect();
        let place = |list: &[usize], state: usize| list.iter().position(|i| *i == state);

        let mut matrix: Vec<(usize, usize, Id)> = Vec::new();
        let mut entries = Jacobian::new();
        // Rate of each integrated state that follows from the motion of the linear ones.
        let mut tilt: Vec<Id> = vec![graph.constant(0.0); integrated.len()];
        let mut drives: Vec<usize> = Vec::new();
        for ((row, column), id) in &all_entries {
            match (place(&integrated, *row), place(&integrated, *column)) {
                (Some(i), Some(j)) => {
                    entries.insert((i, j), *id);
                }
                (Some(i), None) => {
                    let drive = place(&drives, *column).unwrap_or_else(|| {
                        drives.push(*column);
                        drives.len() - 1
                    });
                    let tempo = graph.push(Node::Tempo(drive as u32));
                    let product = graph.mul(*id, tempo);
                    tilt[i] = graph.add(tilt[i], product);
                }
                (None, _) => {
                    if let (Some(i), Some(j)) = (place(&linear, *row), place(&linear, *column)) {
                        matrix.push((i, j, *id));
                    }
                }
            }
        }
        for (i, state) in linear.iter().enumerate() {
            let constant = graph.without_states(all_rates[*state]);
            if graph.value(constant).is_none_or(|value| value.abs() > 0.0) {
                matrix.push((i, linear.len(), constant));
            }
        }
        let jacobian = entries;
        let positive = positive
            .into_iter()
            .map(|group| {
                group
                    .into_iter()
                    .filter_map(|i| place(&integrated, i))
                    .collect()
            })
            .filter(|group: &Vec<usize>| !group.is_empty())
            .collect();
        let states = integrated.len();
        let factors = factor(&mut graph, &jacobian, states);
        // What slow states do to those before them is left to the next sweep.
        let slow: Vec<usize> = slow.iter().filter_map(|i| place(&integrated, *i)).collect();
        let kept: Jacobian = jacobian
            .iter()
            .filter(|((i, j), _)| j <= i || !slow.contains(j))
            .map(|(place, id)| (*place, *id))
            .collect();
        let corrections = correct(&mut graph, &kept, states);

        let watched = bends(&graph, &rates);
        let mut layout = Layout::default();
        let mut at = 0usize;
        let mut take = |count: usize| {
            let first = at;
            at += count;
            first
        };
        layout.increments = take(NODES * (states + watched.len()));
        layout.dense = take(COEFFICIENTS * states);
        layout.weights = take(states);
        layout.after = take(states);
        layout.series = take(drives.len() * TERMS);
        layout.courses = take(drives.len() * NODES);
        layout.spectrum = take(NODES * states);
        let pair = 2 + 2 * states;
        layout.changes = take(NODES / 2 * pair);
        layout.curves = take(2 * states);
        layout.hot = take(0);
        layout.states = take(states);
        layout.before = take(states);
        layout.shift = take(1);
        layout.load = take(states);
        layout.pair = take(pair);
        layout.rates = take(states + watched.len());
        layout.tilt = take(states);
        layout.drives = take(drives.len());
        layout.tempo = take(drives.len());
        layout.step = take(1);
        layout.time = take(1);
        layout.pace = take(1);
        layout.rtol = take(1);
        layout.taken = take(1);
        layout.ranges = take(2 * watched.len());
        layout.bend = take(1);
        layout.error = take(1);
        layout.factor = take(1);
        layout.curve = take(1);
        layout.start = take(watched.len());
        let partials: Vec<Id> = kept.values().copied().collect();
        layout.partials = take(partials.len());
        let moving: Vec<Id> = factors
            .entries
            .iter()
            .copied()
            .filter(|id| !graph.is_fixed(*id))
            .collect();
        let held = take(moving.len());

        // Every fixed node that a moving one uses, and fixed targets.
        let mut fixed: BTreeSet<Id> = BTreeSet::new();
        let targets = rates
            .iter()
            .chain(&tilt)
            .chain(&moving)
            .chain(&factors.solution)
            .chain(&partials)
            .chain(corrections.iter().flatten())
            .copied();
        let mut open: Vec<Id> = targets.collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if graph.is_fixed(id) {
                fixed.insert(id);
            } else {
                open.extend(graph.node(id).arguments());
            }
        }
        let fixed: Vec<Id> = fixed.into_iter().collect();
        layout.fixed = take(fixed.len());
        layout.temporaries = take(0);

        let mut given: HashMap<Id, Row> = HashMap::new();
        for (i, id) in fixed.iter().enumerate() {
            given.insert(*id, (layout.fixed + i) as Row);
        }
        for id in 0..graph.len() as Id {
            match graph.node(id) {
                Node::State(i) => place(&integrated, i as usize)
                    .map(|i| layout.states + i)
                    .or_else(|| place(&drives, i as usize).map(|i| layout.drives + i))
                    .and_then(|row| given.insert(id, row as Row)),
                Node::Tempo(i) => given.insert(id, (layout.tempo + i as usize) as Row),
                Node::Load(i) => given.insert(id, (layout.load + i as usize) as Row),
                Node::Shift => given.insert(id, layout.shift as Row),
                _ => None,
            };
        }
        let watched_targets = watched
            .iter()
            .enumerate()
            .map(|(i, id)| (*id, (layout.rates + states + i) as Row));
        let rate_targets: Vec<(Id, Row)> = rates
            .iter()
            .enumerate()
            .map(|(i, id)| (*id, (layout.rates + i) as Row))
            .chain(watched_targets)
            .collect();
        let held_targets: Vec<(Id, Row)> = moving
            .iter()
            .enumerate()
            .map(|(i, id)| (*id, (held + i) as Row))
            .collect();
        let compiler = Compiler {
            graph: &graph,
            temporaries: layout.temporaries as Row,
        };
        let (rates_program, used_a) = compiler.compile(&rate_targets, &given);
        let row = |at: usize, id: Id| match given.get(&id) {
            Some(row) if graph.is_fixed(id) => *row,
            _ => (layout.partials + at) as Row,
        };
        let partial_rows: HashMap<Id, Row> = partials
            .iter()
            .enumerate()
            .map(|(at, id)| (*id, row(at, *id)))
            .collect();
        let own = (0..states)
            .map(|i| Some(partial_rows[kept.get(&(i, i))?] as usize))
            .collect();
        let moving_partials = partial_rows.iter().filter(|(id, _)| !graph.is_fixed(**id));
        let mut moving_partials: Vec<(Id, Row)> =
            moving_partials.map(|(id, row)| (*id, *row)).collect();
        moving_partials.sort_unstable();
        let rates_and_partials: Vec<(Id, Row)> = rate_targets
            .iter()
            .copied()
            .chain(moving_partials)
            .collect();
        let (newton, used_n) = compiler.compile(&rates_and_partials, &given);
        let mut paired = given.clone();
        paired.extend(&partial_rows);
        let loads = layout.pair + 2;
        for id in 0..graph.len() as Id {
            match graph.node(id) {
                Node::Shift => paired.insert(id, layout.pair as Row),
                Node::Twist => paired.insert(id, (layout.pair + 1) as Row),
                Node::Load(i) => paired.insert(id, (loads + i as usize) as Row),
                _ => None,
            };
        }
        let targets = corrections.iter().flatten().enumerate();
        let targets: Vec<(Id, Row)> = targets.map(|(at, id)| (*id, (loads + at) as Row)).collect();
        let (correction, used_p) = compiler.compile(&targets, &paired);
        let tilt_targets = tilt
            .iter()
            .enumerate()
            .map(|(i, id)| (*id, (layout.tilt + i) as Row));
        let both: Vec<(Id, Row)> = rate_targets
            .iter()
            .chain(&held_targets)
            .copied()
            .chain(tilt_targets)
            .collect();
        let (factor_program, used_b) = compiler.compile(&both, &given);
        given.extend(held_targets);
        let mut used = used_a.max(used_b).max(used_n).max(used_p);
        let solve: Vec<Vec<Instruction>> = (0..STAGES)
            .map(|stage| {
                let first = layout.increments + stage * states;
                let targets: Vec<(Id, Row)> = factors
                    .solution
                    .iter()
                    .enumerate()
                    .map(|(i, id)| (*id, (first + i) as Row))
                    .collect();
                let (program, used_c) = compiler.compile(&targets, &given);
                used = used.max(used_c);
                program
            })
            .collect();
        layout.rows = used as usize;

        let diagonal: Vec<Id> = (0..states)
            .filter_map(|i| jacobian.get(&(i, i)).copied())
            .collect();
        let mut scalar: Vec<Id> = diagonal.clone();
        let mut seen = BTreeSet::new();
        let mut used_there = Vec::new();
        while let Some(id) = scalar.pop() {
            if graph.is_fixed(id) {
                used_there.push(id);
            } else if seen.insert(id) {
                scalar.extend(graph.node(id).arguments());
            }
        }
        let matrix_nodes = matrix.iter().map(|(_, _, id)| *id);
        let known: Vec<Id> = fixed
            .iter()
            .copied()
            .chain(matrix_nodes)
            .chain(used_there)
            .collect();
        let drives = drives.iter().filter_map(|i| place(&linear, *i)).collect();
        let by_inputs = |at: &usize| graph.level(matrix[*at].2) == Level::Input;
        let changing_entries = (0..matrix.len()).filter(by_inputs).collect();
        let changing = fixed
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, id)| graph.level(*id) == Level::Input)
            .collect();
        Self {
            states,
            integrated,
            linear,
            drives,
            matrix,
            changing_entries,
            layout,
            rates: rates_program,
            newton,
            correction,
            own,
            factor: factor_program,
            solve,
            watched: watched.len(),
            positive,
            native: Default::default(),
            changing,
            diagonal,
            scalar: Scalar::new(graph, &known),
            fixed,
        }
    }

    /// A step in machine code, where the machine can run it; compiled once.
    pub fn native(&self, scheme: Scheme) -> Option<&Native> {
        let compiled = &self.native[usize::from(scheme == Scheme::Collocation)];
        compiled.get_or_init(|| Native::new(self, scheme)).as_ref()
    }

    /// Computes what follows from parameters and inputs; whether the graph holds for them.
    pub fn prepare(&self, parameters: &[f64], inputs: &[f64], into: &mut Fixed) -> bool {
        self.scalar.prepare(parameters, inputs, into)
    }

    /// Computes again what follows from the inputs.
    pub fn refresh(&self, parameters: &[f64], inputs: &[f64], into: &mut Fixed) {
        self.scalar
            .evaluate(&self.scalar.again, parameters, inputs, into);
    }

    /// The values of the fixed rows, in order.
    pub fn fixed_rows<'a>(&'a self, fixed: &'a Fixed) -> impl Iterator<Item = f64> + 'a {
        self.fixed.iter().map(|id| fixed.values[*id as usize])
    }

    /// Rows that a change of inputs can change, with their values.
    pub fn changed_rows<'a>(&'a self, fixed: &'a Fixed) -> impl Iterator<Item = (usize, f64)> + 'a {
        let changing = self.changing.iter();
        changing.map(|(i, id)| (*i, fixed.values[*id as usize]))
    }

    /// The linear system of one problem.
    pub fn linear_system(&self, fixed: &Fixed) -> Matrix {
        let mut matrix = Matrix {
            size: self.linear.len(),
            entries: self.matrix.iter().map(|(i, j, _)| (*i, *j)).collect(),
            values: vec![0.0; self.matrix.len()],
            changing: self.changing_entries.clone(),
        };
        for (value, (_, _, id)) in matrix.values.iter_mut().zip(&self.matrix) {
            *value = fixed.values[*id as usize];
        }
        matrix
    }

    /// Puts the values of new inputs into the linear system of a problem.
    pub fn update_linear_system(&self, fixed: &Fixed, matrix: &mut Matrix) {
        for at in &self.changing_entries {
            matrix.values[*at] = fixed.values[self.matrix[*at].2 as usize];
        }
    }

    /// Fastest relaxation of an integrated state on its own: the largest diagonal entry of the
    /// Jacobian.
    pub fn fastest(&self, fixed: &Fixed, state: &[f64]) -> f64 {
        let mut values = vec![f64::NAN; self.scalar.graph.len()];
        let diagonal = self.diagonal.iter();
        diagonal
            .map(|id| self.value(*id, fixed, state, &mut values).abs())
            .fold(0.0, f64::max)
    }

    fn value(&self, id: Id, fixed: &Fixed, state: &[f64], values: &mut [f64]) -> f64 {
        if self.scalar.graph.is_fixed(id) {
            return fixed.values[id as usize];
        }
        if values[id as usize].is_nan() {
            let node = self.scalar.graph.node(id);
            values[id as usize] = match node {
                Node::State(i) => state[i as usize],
                _ => {
                    let mut arguments = [0.0; 2];
                    for (value, a) in arguments.iter_mut().zip(node.arguments()) {
                        *value = self.value(a, fixed, state, values);
                    }
                    symbol::evaluate(node, |i| arguments[i])
                }
            };
        }
        values[id as usize]
    }
}

/// States whose rates are linear in one another, with fixed coefficients, and follow no other state.
fn linear_states(graph: &Graph, states: usize, entries: &Jacobian) -> Vec<usize> {
    let mut linear: Vec<usize> = (0..states).collect();
    loop {
        let before = linear.len();
        let closed = |row: usize| {
            entries
                .iter()
                .filter(|((i, _), _)| *i == row)
                .all(|((_, j), id)| graph.is_fixed(*id) && linear.contains(j))
        };
        let kept: Vec<usize> = linear.iter().copied().filter(|i| closed(*i)).collect();
        linear = kept;
        if linear.len() == before {
            return linear;
        }
    }
}

/// Arguments of `[x]+` that move with the state, below `targets`.
fn bends(graph: &Graph, targets: &[Id]) -> Vec<Id> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = targets.to_vec();
    while let Some(id) = open.pop() {
        if graph.is_fixed(id) || !seen.insert(id) {
            continue;
        }
        if let Node::Positive(argument) = graph.node(id) {
            found.insert(argument);
        }
        open.extend(graph.node(id).arguments());
    }
    found.into_iter().collect()
}

/// What is known before a step, to be computed in ordinary numbers.
pub(super) struct Scalar {
    graph: Graph,
    /// Nodes to compute once per problem, and at each change of inputs.
    once: Vec<Id>,
    again: Vec<Id>,
}

impl Scalar {
    /// The computation of some fixed nodes of a graph.
    pub fn new(graph: Graph, nodes: &[Id]) -> Self {
        let (once, again) = schedule(&graph, nodes.iter().copied());
        Self { graph, once, again }
    }

    /// Computes what follows from parameters and inputs; whether the graph holds for them.
    pub fn prepare(&self, parameters: &[f64], inputs: &[f64], into: &mut Fixed) -> bool {
        into.values.clear();
        into.values.resize(self.graph.len(), 0.0);
        self.evaluate(&self.once, parameters, inputs, into);
        self.evaluate(&self.again, parameters, inputs, into);
        let negative = |id: &Id| self.graph.is_fixed(*id) && into.values[*id as usize] < 0.0;
        !self.graph.factors().iter().any(negative)
    }

    fn evaluate(&self, nodes: &[Id], parameters: &[f64], inputs: &[f64], into: &mut Fixed) {
        for id in nodes {
            let node = self.graph.node(*id);
            let value = match node {
                Node::Parameter(i) => parameters[i as usize],
                Node::Input(i) => inputs[i as usize],
                Node::Add(a, b) => into.values[a as usize] + into.values[b as usize],
                Node::Mul(a, b) => into.values[a as usize] * into.values[b as usize],
                _ => {
                    let argument = node.arguments().next().unwrap_or(*id);
                    symbol::evaluate(node, |_| into.values[argument as usize])
                }
            };
            into.values[*id as usize] = value;
        }
    }
}

/// The fixed nodes to compute, in order: those known before the run, and those known at events.
fn schedule(graph: &Graph, fixed: impl Iterator<Item = Id>) -> (Vec<Id>, Vec<Id>) {
    let mut needed: BTreeSet<Id> = BTreeSet::new();
    let mut open: Vec<Id> = fixed.collect();
    open.extend(graph.factors().iter().filter(|id| graph.is_fixed(**id)));
    while let Some(id) = open.pop() {
        if needed.insert(id) {
            open.extend(graph.node(id).arguments());
        }
    }
    needed
        .into_iter()
        .partition(|id| graph.level(*id) < Level::Input)
}

/// Makes instructions of nodes.
struct Compiler<'a> {
    graph: &'a Graph,
    /// First row for values in between.
    temporaries: Row,
}

impl Compiler<'_> {
    /// Instructions that put each target into its row, from the `given` rows; and the number of rows
    /// used.
    fn compile(&self, targets: &[(Id, Row)], given: &HashMap<Id, Row>) -> (Vec<Instruction>, Row) {
        let mut needed: BTreeSet<Id> = BTreeSet::new();
        let mut open: Vec<Id> = targets.iter().map(|(id, _)| *id).collect();
        while let Some(id) = open.pop() {
            if !given.contains_key(&id) && needed.insert(id) {
                open.extend(self.graph.node(id).arguments());
            }
        }
        let mut uses: HashMap<Id, usize> = HashMap::new();
        for id in needed
            .iter()
            .flat_map(|id| self.graph.node(*id).arguments())
            .chain(targets.iter().map(|(id, _)| *id))
        {
            *uses.entry(id).or_default() += 1;
        }
        // Products that are used once, in a sum, become part of it.
        let alone = |id: Id| !given.contains_key(&id) && uses.get(&id) == Some(&1);
        let mut absorbed: BTreeSet<Id> = BTreeSet::new();
        let mut plans: Vec<Plan> = Vec::new();
        for id in needed.iter().rev() {
            if absorbed.contains(id) {
                continue;
            }
            let plan = match self.graph.node(*id) {
                Node::Add(a, b) => self.sum(a, b, &alone, &mut absorbed),
                node => (operation(node), node.arguments().collect()),
            };
            plans.push((*id, plan.0, plan.1));
        }
        plans.reverse();
        let plans = scheduled(plans);
        self.allocate(&plans, targets, given)
    }

    fn sum(
        &self,
        a: Id,
        b: Id,
        alone: &impl Fn(Id) -> bool,
        absorbed: &mut BTreeSet<Id>,
    ) -> (Operation, Vec<Id>) {
        for (product, other) in [(b, a), (a, b)] {
            let Node::Mul(x, y) = self.graph.node(product) else {
                continue;
            };
            if a == b || !alone(product) {
                continue;
            }
            let minus = self
                .graph
                .value(y)
                .is_some_and(|v| (v + 1.0).abs() < 1e-300);
            absorbed.insert(product);
            if minus
                && let Node::Mul(p, q) = self.graph.node(x)
                && alone(x)
            {
                absorbed.insert(x);
                return (Operation::MulSub, vec![p, q, other]);
            }
            return (Operation::MulAdd, vec![x, y, other]);
        }
        (Operation::Add, vec![a, b])
    }

    fn allocate(
        &self,
        plans: &[Plan],
        targets: &[(Id, Row)],
        given: &HashMap<Id, Row>,
    ) -> (Vec<Instruction>, Row) {
        let mut last: HashMap<Id, usize> = HashMap::new();
        for (i, (_, _, arguments)) in plans.iter().enumerate() {
            for argument in arguments {
                last.insert(*argument, i);
            }
        }
        let mut rows = given.clone();
        let mut copies = Vec::new();
        let mut bound: HashMap<Id, Row> = HashMap::new();
        for (id, row) in targets {
            if given.contains_key(id) || bound.contains_key(id) {
                copies.push((*id, *row));
                last.insert(*id, plans.len());
            } else {
                bound.insert(*id, *row);
            }
        }
        // A result may stand where an argument stood, but not before that has been used for the last time.
        let read_last: HashMap<Row, usize> = given
            .iter()
            .filter_map(|(id, row)| Some((*row, *last.get(id)?)))
            .collect();
        for (i, (id, ..)) in plans.iter().enumerate() {
            if let Some(row) = bound.get(id).copied()
                && read_last.get(&row).is_some_and(|last| *last > i)
            {
                bound.remove(id);
                copies.push((*id, row));
                last.insert(*id, plans.len());
            }
        }
        let mut free: Vec<Row> = Vec::new();
        let mut next = self.temporaries;
        let mut program = Vec::with_capacity(plans.len() + copies.len());
        for (i, (id, operation, arguments)) in plans.iter().enumerate() {
            let at: Vec<Row> = arguments.iter().map(|a| rows[a]).collect();
            for argument in arguments {
                let temporary = !given.contains_key(argument) && !bound.contains_key(argument);
                if temporary && last.get(argument) == Some(&i) {
                    let row = rows[argument];
                    if !free.contains(&row) {
                        free.push(row);
                    }
                }
            }
            let to = match bound.get(id) {
                Some(row) => *row,
                None => free.pop().unwrap_or_else(|| {
                    next += 1;
                    next - 1
                }),
            };
            rows.insert(*id, to);
            let operand = |k: usize| at.get(k).copied().unwrap_or(0);
            program.push(Instruction {
                operation: *operation,
                to,
                a: operand(0),
                b: operand(1),
                c: operand(2),
            });
        }
        for (id, row) in copies {
            program.push(Instruction {
                operation: Operation::Copy,
                to: row,
                a: rows[&id],
                b: 0,
                c: 0,
            });
        }
        (program, next)
    }
}

/// An operation with its arguments.
type Plan = (Id, Operation, Vec<Id>);

/// Puts operations into an order in which the processor finds independent ones to do while long ones run: of
/// those whose arguments are there, first what the longest chain waits for. The results are the same.
fn scheduled(plans: Vec<Plan>) -> Vec<Plan> {
    let place: HashMap<Id, usize> = plans.iter().enumerate().map(|(i, p)| (p.0, i)).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); plans.len()];
    let mut missing = vec![0usize; plans.len()];
    for (i, (_, _, arguments)) in plans.iter().enumerate() {
        let mut own: Vec<usize> = arguments
            .iter()
            .filter_map(|id| place.get(id).copied())
            .collect();
        own.sort_unstable();
        own.dedup();
        missing[i] = own.len();
        for argument in own {
            users[argument].push(i);
        }
    }
    // Longest way from the start of an operation to the end of all.
    let mut height = vec![0usize; plans.len()];
    for i in (0..plans.len()).rev() {
        let after = users[i].iter().map(|j| height[*j]).max().unwrap_or(0);
        height[i] = after + latency(plans[i].1).0;
    }
    let mut start = vec![0usize; plans.len()];
    let mut ready: Vec<usize> = (0..plans.len()).filter(|i| missing[*i] == 0).collect();
    let mut order = Vec::with_capacity(plans.len());
    let mut now = 0;
    while !ready.is_empty() {
        let key = |i: usize| (start[i].max(now), std::cmp::Reverse(height[i]), i);
        let Some(at) = (0..ready.len()).min_by_key(|at| key(ready[*at])) else {
            break;
        };
        let chosen = ready.swap_remove(at);
        let (latency, slots) = latency(plans[chosen].1);
        let begun = start[chosen].max(now);
        now += slots;
        order.push(chosen);
        for user in &users[chosen] {
            start[*user] = start[*user].max(begun + latency);
            missing[*user] -= 1;
            if missing[*user] == 0 {
                ready.push(*user);
            }
        }
    }
    let mut plans: Vec<Option<Plan>> = plans.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| plans[i].take()).collect()
}

/// Cycles until the result of an operation is there, and cycles that it keeps the arithmetic busy, roughly.
fn latency(operation: Operation) -> (usize, usize) {
    match operation {
        Operation::Inverse | Operation::SafeInverse => (14, 1),
        Operation::Sqrt => (22, 1),
        Operation::Ln => (50, 18),
        Operation::Exp => (50, 14),
        Operation::Logistic => (72, 17),
        _ => (4, 1),
    }
}

fn operation(node: Node) -> Operation {
    match node {
        Node::Add(..) => Operation::Add,
        Node::Mul(..) => Operation::Mul,
        Node::Inverse(_) => Operation::Inverse,
        Node::SafeInverse(_) => Operation::SafeInverse,
        Node::Ln(_) => Operation::Ln,
        Node::Exp(_) => Operation::Exp,
        Node::Logistic(_) => Operation::Logistic,
        Node::Sqrt(_) => Operation::Sqrt,
        Node::Positive(_) => Operation::Positive,
        Node::Step(_) => Operation::Step,
        Node::Constant(_)
        | Node::Parameter(_)
        | Node::Input(_)
        | Node::State(_)
        | Node::Shift
        | Node::Twist
        | Node::Load(_)
        | Node::Tempo(_) => Operation::Copy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::ensemble::collocation::Pair;
    use crate::simulate::ensemble::lanes::{Lanes, Operate, dispatch, execute};
    use nalgebra::{Complex, DMatrix, DVector};

    struct Run<'a>(&'a [Instruction], &'a mut [Lanes<4>]);

    impl Operate for Run<'_> {
        fn operate<const FUSED: bool>(self) {
            execute::<FUSED, 4>(self.0, self.1);
        }
    }

    /// Newton's corrections stand where their right-hand sides stood: also those of states that follow no other, whose
    /// solution is a product of the right-hand side alone.
    #[test]
    fn corrections_solve_their_systems() {
        // By state: its own coefficient, and the states that it follows.
        let patterns: [&[(f64, &[usize])]; 3] = [
            &[(-0.5, &[]), (-2.0, &[0]), (-0.1, &[1])],
            &[(-0.5, &[]), (-2.0, &[]), (-0.1, &[])],
            &[(-0.5, &[2]), (-2.0, &[0]), (-0.1, &[1]), (-3.0, &[])],
        ];
        for pattern in patterns {
            let n = pattern.len();
            // A square keeps the states from being exactly known.
            let system = System::new(n, Vec::new(), |y| {
                let rate = |(i, (own, others)): (usize, &(f64, &[usize]))| {
                    let others = others.iter().map(|j| y[*j] * 0.7);
                    others.fold(y[i] * y[i] * *own, |sum, term| sum + term)
                };
                pattern.iter().enumerate().map(rate).collect()
            });
            let states: Vec<f64> = (0..n).map(|i| 1.0 + 0.3 * i as f64).collect();
            let mut rows = vec![Lanes::<4>::all(0.0); system.layout.rows];
            let mut fixed = Fixed::default();
            assert!(system.prepare(&[], &[], &mut fixed));
            for (i, value) in system.fixed_rows(&fixed).enumerate() {
                rows[system.layout.fixed + i] = Lanes::all(value);
            }
            for (i, value) in states.iter().enumerate() {
                rows[system.layout.states + i] = Lanes::all(*value);
            }
            dispatch(Run(&system.newton, &mut rows));
            let shift = Complex::new(3.0, 1.5);
            let mut matrix = DMatrix::<Complex<f64>>::zeros(n, n);
            for (i, (own, others)) in pattern.iter().enumerate() {
                matrix[(i, i)] = shift - 2.0 * own * states[i];
                for j in *others {
                    matrix[(i, *j)] -= Complex::new(0.7, 0.0);
                }
            }
            let load = DVector::from_fn(n, |i, _| Complex::new(1.0 + i as f64, 2.0 - i as f64));
            let pair = Pair::of(&system, 0);
            let from = |row: usize| row - pair.first + system.layout.pair;
            let [real, imaginary] = pair.shift();
            rows[from(real)] = Lanes::all(shift.re);
            rows[from(imaginary)] = Lanes::all(shift.im);
            for (i, value) in load.iter().enumerate() {
                let [real, imaginary] = pair.state(i);
                rows[from(real)] = Lanes::all(value.re);
                rows[from(imaginary)] = Lanes::all(value.im);
            }
            dispatch(Run(&system.correction, &mut rows));
            let exact = matrix
                .lu()
                .solve(&load)
                .unwrap_or_else(|| DVector::zeros(n));
            for (i, exact) in exact.iter().enumerate() {
                let [real, imaginary] = pair.state(i).map(|row| rows[from(row)].0[3]);
                let error = (Complex::new(real, imaginary) - exact).norm();
                assert!(error < 1e-14, "{n} states: {i} is off by {error:e}");
            }
        }
    }
}
