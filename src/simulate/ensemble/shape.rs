//! The model as a system of equations for the lanes.
//!
//! Problems share a [`Shape`] when their equations are the same up to the values of parameters:
//! environment, forms of the kinetics, kinds of partner action, clamps, drugs that are given at all,
//! and parameters that are exactly 0 or 1, which drop out. States that never move are left out too.

use super::program::{Fixed, Scheme, System};
use super::symbol::{self, Graph, Id, Symbol};
use crate::model::exposure::SorafenibKinetics;
use crate::model::partner::{NODES, Nodes, PartnerAction, PartnerKinetics};
use crate::model::{Environment, Inputs, Model, Number, PARTNER_SLOTS, STATES, State};
use crate::regimen::Totals;
use crate::simulate::Problem;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Inputs beside those of the partners: medium, infusion, gallbladder release, pO2 of the medium.
const OWN_INPUTS: usize = 4;

/// Inputs of a partner: held level, infusion, nodes.
const PARTNER_INPUTS: usize = 2 + NODES;

/// First input that holds a state which does not move.
const STILL_STATES: usize = OWN_INPUTS + PARTNER_SLOTS * PARTNER_INPUTS;

/// What problems of one shape have in common, as bytes.
pub(super) type Key = Vec<u8>;

/// A compiled system with the states that move.
pub(super) struct Shape {
    /// Equations.
    pub system: System,
    /// Indices of the states that move.
    pub moving: Vec<usize>,
}

/// Parameters in the order of [`Model::map`].
pub(super) fn parameters(model: &Model<f64>) -> Vec<f64> {
    let mut values = Vec::with_capacity(320);
    let _ = model.map(|value| {
        values.push(value);
        value
    });
    values
}

/// The shape of a problem and its parameters.
pub(super) fn key(problem: &Problem, totals: &Totals) -> (Key, Vec<f64>) {
    let model = &problem.model;
    let mut key = vec![
        u8::from(matches!(model.environment, Environment::Culture)),
        match model.kinetics {
            SorafenibKinetics::Medium => 0,
            SorafenibKinetics::OneCompartment(..) => 1,
            SorafenibKinetics::Enterohepatic(..) => 2,
        },
        u8::from(model.clamp.oxygen.is_some()),
        u8::from(model.clamp.switch_index),
        u8::from(totals.infused),
    ];
    key.extend(totals.drugs.map(|drug| u8::from(drug.used)));
    for partner in &model.partners {
        key.push(partner.as_ref().map_or(0, |partner| {
            let kinetics = u8::from(matches!(partner.kinetics, PartnerKinetics::Held));
            let action = u8::from(matches!(partner.action, PartnerAction::Imposed(_)));
            1 + kinetics + 2 * action
        }));
    }
    let parameters = parameters(model);
    key.extend(parameters.iter().map(|value| special(*value)));
    (key, parameters)
}

/// 1 for zero, 2 for one, 0 for any other number.
fn special(value: f64) -> u8 {
    if value.abs() < f64::MIN_POSITIVE {
        1
    } else {
        2 * u8::from(value.to_bits() == 1f64.to_bits())
    }
}

/// The end of a key: a flag per parameter.
pub(super) fn flags<'a>(key: &'a Key, problem: &Problem) -> &'a [u8] {
    &key[key.len() - parameters(&problem.model).len()..]
}

/// Gives problems of which fewer than `enough` share a shape a wider one: that of all of them with the same
/// structure, in which only those parameters drop out that are 0 (or 1) in every one.
pub(super) fn pool(keyed: &mut [(Key, Vec<f64>)], enough: usize) {
    let mut count: HashMap<Key, usize> = HashMap::new();
    for (key, _) in keyed.iter() {
        *count.entry(key.clone()).or_default() += 1;
    }
    let mut wider: HashMap<Vec<u8>, Key> = HashMap::new();
    let structure = |key: &Key, parameters: &[f64]| key[..key.len() - parameters.len()].to_vec();
    let few: Vec<usize> = (0..keyed.len())
        .filter(|index| count[&keyed[*index].0] < enough)
        .collect();
    for index in &few {
        let (key, parameters) = &keyed[*index];
        wider
            .entry(structure(key, parameters))
            .and_modify(|common| {
                for (flag, other) in common.iter_mut().zip(key) {
                    if *flag != *other {
                        *flag = 0;
                    }
                }
            })
            .or_insert_with(|| key.clone());
    }
    for index in few {
        let (key, parameters) = &keyed[index];
        let common = wider[&structure(key, parameters)].clone();
        keyed[index].0 = common;
    }
}

/// Product of fastest relaxation and mean time between events up to which collocation costs less
/// (measured; see docs/PERFORMANCE.md).
const CLOSE: f64 = 35.0;

impl Shape {
    /// The method for a problem whose fastest relaxation is `fastest`: collocation where events follow one another so
    /// closely that the way from one to the next is a step or two.
    pub fn scheme(problem: &Problem, totals: &Totals, fastest: f64) -> Scheme {
        let mean = problem.timeline.duration / totals.moments.max(1) as f64;
        if fastest * mean <= CLOSE {
            Scheme::Collocation
        } else {
            Scheme::OneStep
        }
    }

    /// Fastest relaxation at the baseline, 1/h.
    pub fn fastest(&self, problem: &Problem, parameters: &[f64]) -> f64 {
        let full = problem.baseline.to_array();
        let mut inputs = Vec::new();
        input_values(&problem.model, &problem.timeline.before, &full, &mut inputs);
        let mut fixed = Fixed::default();
        self.system.prepare(parameters, &inputs, &mut fixed);
        let state: Vec<f64> = self.moving.iter().map(|i| full[*i]).collect();
        self.system.fastest(&fixed, &state)
    }
}

/// Shapes kept; studies that meet more of them compile some again.
const KEPT: usize = 64;

/// Shapes compiled lately.
static SHAPES: LazyLock<Mutex<HashMap<Key, Arc<Shape>>>> = LazyLock::new(Mutex::default);

/// The compiled shape of a problem; compiled once per process where there are not very many.
pub(super) fn shape(problem: &Problem, key: &Key) -> Arc<Shape> {
    let shapes = || SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shape) = shapes().get(key) {
        return Arc::clone(shape);
    }
    let shape = Arc::new(compile(problem, flags(key, problem)));
    let mut kept = shapes();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(key.clone(), Arc::clone(&shape));
    shape
}

/// Runs the equations over symbols, given what stands for each state.
fn rates(problem: &Problem, flags: &[u8], states: &State<Symbol>) -> [Symbol; STATES] {
    let mut position = 0;
    let mut model: Model<Symbol> = problem.model.map(|_| {
        position += 1;
        match flags[position - 1] {
            1 => Symbol::constant(0.0),
            2 => Symbol::constant(1.0),
            _ => Symbol::parameter(position - 1),
        }
    });
    let totals = problem.timeline.totals();
    let (given, infused) = (totals.drugs.map(|drug| drug.used), totals.infused);
    let input = |position: usize, used: bool| {
        if used {
            Symbol::input(position)
        } else {
            Symbol::constant(0.0)
        }
    };
    // What opens and closes is an input that is 0 when closed.
    if let SorafenibKinetics::Enterohepatic(kinetics, _) = &mut model.kinetics {
        kinetics.gallbladder_release = Symbol::input(GALLBLADDER);
    }
    let mut inputs = problem.timeline.before.map(Symbol::constant);
    inputs.sorafenib.medium = input(0, matches!(model.kinetics, SorafenibKinetics::Medium));
    inputs.sorafenib.infusion = input(1, infused && given[0]);
    inputs.sorafenib.gallbladder_open = true;
    inputs.medium_oxygen = Symbol::input(3);
    for (slot, partner) in model.partners.iter_mut().enumerate() {
        let first = OWN_INPUTS + slot * PARTNER_INPUTS;
        inputs.partners[slot].held = Symbol::input(first);
        inputs.partners[slot].infusion = input(first + 1, infused && given[1 + slot]);
        inputs.partners[slot].given = true;
        if let Some(partner) = partner
            && let PartnerAction::Imposed(nodes) = &mut partner.action
        {
            let mut node = first + 2;
            *nodes = Nodes::from_values(nodes.values().map(|value| {
                node += 1;
                if value.is_zero() {
                    value
                } else {
                    Symbol::input(node - 1)
                }
            }));
        }
    }
    model.derivatives(&inputs, states).to_array()
}

fn compile(problem: &Problem, flags: &[u8]) -> Shape {
    let (moving, graph, rates) = record(problem, flags);
    let fields = State::fields();
    let position = |name: &str| moving.iter().position(|index| fields[*index].name == name);
    let positive = [vec!["pO2_mmHg"], vec!["sensitive", "resistant"]]
        .into_iter()
        .map(|group| group.into_iter().filter_map(position).collect())
        .collect();
    // Cells are born and die over days.
    let slow = ["sensitive", "resistant", "dying_early", "dying_late"];
    let slow: Vec<usize> = slow.into_iter().filter_map(position).collect();
    let system = System::compile(graph, &rates, positive, &slow);
    Shape { system, moving }
}

/// The states of a problem that move, and their recorded rates.
///
/// `flags` tell which parameters drop out: the end of a key.
pub(super) fn record(problem: &Problem, flags: &[u8]) -> (Vec<usize>, Graph, Vec<Id>) {
    let fields = State::fields();
    let given = problem.timeline.totals().drugs.map(|drug| drug.used);
    // Amounts of a drug that is not given are 0 throughout.
    let absent = |index: usize| {
        let name = fields[index].name;
        name.starts_with("sorafenib") && !given[0]
            || name.starts_with("partner1") && !given[1]
            || name.starts_with("partner2") && !given[2]
    };
    let (_, moving) = symbol::record(|| {
        let states: [Symbol; STATES] = std::array::from_fn(|i| {
            if absent(i) {
                Symbol::constant(0.0)
            } else {
                Symbol::state(i)
            }
        });
        let rates = rates(problem, flags, &State::from_array(&states));
        (0..STATES)
            .filter(|i| !absent(*i) && !rates[*i].is_zero())
            .collect::<Vec<usize>>()
    });
    let (graph, rates) = symbol::record(|| {
        let states: [Symbol; STATES] = std::array::from_fn(|i| {
            if absent(i) {
                Symbol::constant(0.0)
            } else {
                match moving.iter().position(|index| *index == i) {
                    Some(position) => Symbol::state(position),
                    None => Symbol::input(STILL_STATES + i),
                }
            }
        });
        let rates = rates(problem, flags, &State::from_array(&states));
        moving.iter().map(|index| rates[*index].0).collect()
    });
    (moving, graph, rates)
}

/// The input that releases bile.
pub(super) const GALLBLADDER: usize = 2;

/// Its value.
pub(super) fn gallbladder(model: &Model<f64>, inputs: &Inputs) -> f64 {
    match &model.kinetics {
        SorafenibKinetics::Enterohepatic(kinetics, _) if inputs.sorafenib.gallbladder_open => {
            kinetics.gallbladder_release
        }
        _ => 0.0,
    }
}

/// The values of the inputs, in the order in which [`rates`] numbers them.
pub(super) fn input_values(
    model: &Model<f64>,
    inputs: &Inputs,
    state: &[f64; STATES],
    values: &mut Vec<f64>,
) {
    values.clear();
    values.push(inputs.sorafenib.medium);
    values.push(inputs.sorafenib.infusion);
    values.push(gallbladder(model, inputs));
    values.push(inputs.medium_oxygen);
    for (partner, input) in model.partners.iter().zip(&inputs.partners) {
        values.push(input.held);
        values.push(input.infusion);
        match partner {
            Some(partner) => match &partner.action {
                PartnerAction::Imposed(nodes) if input.given => values.extend(nodes.values()),
                _ => values.extend([0.0; NODES]),
            },
            None => values.extend([0.0; NODES]),
        }
    }
    values.extend_from_slice(state);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::parameters::Library;
    use crate::regimen::{Arm, Mode};
    use crate::simulate::Scenario;
    use crate::simulate::ensemble::collocation::Sweep;
    use crate::simulate::ensemble::lanes::{Lanes, Operate, dispatch, execute};
    use crate::simulate::ensemble::linear::TERMS;
    use crate::simulate::ensemble::machine::Machine;
    use crate::simulate::ensemble::native::Native;
    use crate::simulate::ensemble::program::{COEFFICIENTS, Instruction, STAGES};
    use crate::simulate::ensemble::radau::NODES;
    use crate::simulate::ensemble::rodas::Advance;

    struct Run<'a>(&'a [Instruction], &'a mut [Lanes<4>]);

    impl Operate for Run<'_> {
        fn operate<const FUSED: bool>(self) {
            execute::<FUSED, 4>(self.0, self.1);
        }
    }

    /// A problem; nothing where the exposure of a partner is unknown.
    fn problem(setting: &str, arm: &str, mode: Mode) -> Option<Problem> {
        let library = Library::shipped();
        let scenario = Scenario {
            mode,
            ..Scenario::new(setting, Arm::parse(arm, &library, "test").unwrap())
        };
        match scenario.prepare(&library) {
            Err(crate::Error::Unknown { .. }) => None,
            prepared => Some(prepared.unwrap()),
        }
    }

    /// Problems of many shapes, with their names.
    fn everywhere() -> Vec<(String, Problem)> {
        let arms = [
            "vehicle",
            "sorafenib",
            "pt2385",
            "sorafenib+genistein",
            "sorafenib+belzutifan+ef24",
        ];
        let mut problems = Vec::new();
        for setting in ["culture", "xenograft", "patient"] {
            for arm in arms {
                for mode in [Mode::Mechanistic, Mode::AchievableExposure] {
                    let place = format!("{setting} {arm} {mode:?}");
                    problems.extend(problem(setting, arm, mode).map(|problem| (place, problem)));
                }
            }
        }
        assert!(problems.len() > 25, "{}", problems.len());
        problems
    }

    /// The compiled rates against the model's own, at states around the baseline and inputs of events.
    #[test]
    fn compiled_rates_are_the_rates_of_the_model() {
        for (place, problem) in everywhere() {
            let (key, parameters) = key(&problem, &problem.timeline.totals());
            let shape = shape(&problem, &key);
            let system = &shape.system;
            let mut full = problem.baseline;
            let mut inputs = problem.timeline.before;
            for event in problem.timeline.events.iter().take(4) {
                crate::simulate::run::apply(&event.change, &mut full, &mut inputs);
            }
            let mut full = full.to_array();
            for (i, index) in shape.moving.iter().enumerate() {
                full[*index] = full[*index] * (1.0 + 0.03 * (i % 5) as f64) + 0.01;
            }
            let expected = problem
                .model
                .derivatives(&inputs, &State::from_array(&full))
                .to_array();
            let mut values = Vec::new();
            input_values(&problem.model, &inputs, &full, &mut values);
            let mut fixed = Fixed::default();
            assert!(system.prepare(&parameters, &values, &mut fixed));
            let mut rows = vec![Lanes::<4>::all(0.0); system.layout.rows];
            for (i, value) in system.fixed_rows(&fixed).enumerate() {
                rows[system.layout.fixed + i] = Lanes::all(value);
            }
            for (i, at) in system.integrated.iter().enumerate() {
                rows[system.layout.states + i] = Lanes::all(full[shape.moving[*at]]);
            }
            for (i, drive) in system.drives.iter().enumerate() {
                let index = shape.moving[system.linear[*drive]];
                rows[system.layout.drives + i] = Lanes::all(full[index]);
            }
            dispatch(Run(&system.rates, &mut rows));
            let matrix = system.linear_system(&fixed);
            let mut linear = vec![0.0; matrix.size];
            for (i, j, a) in matrix.triples() {
                let x = system
                    .linear
                    .get(j)
                    .map_or(1.0, |at| full[shape.moving[*at]]);
                linear[i] += a * x;
            }
            let integrated = system.integrated.iter().enumerate();
            let compiled = integrated
                .map(|(i, at)| (*at, rows[system.layout.rates + i].0[3]))
                .chain(system.linear.iter().copied().zip(linear));
            for (at, value) in compiled {
                let index = shape.moving[at];
                let name = State::fields()[index].name;
                let error = (value - expected[index]).abs();
                assert!(
                    error <= 1e-12 * expected[index].abs().max(1.0),
                    "{place}: {name}' is {value}, not {}",
                    expected[index]
                );
            }
            for index in (0..STATES).filter(|i| !shape.moving.contains(i)) {
                assert!(expected[index].abs() < 1e-300, "{place}: {index} moves");
            }
        }
    }

    /// A step of both methods in machine code against the interpreted one: the same bits in every row that
    /// either writes.
    #[test]
    fn machine_code_gives_the_same_bits() {
        for (place, problem) in everywhere() {
            let (key, parameters) = key(&problem, &problem.timeline.totals());
            let shape = shape(&problem, &key);
            for scheme in [Scheme::OneStep, Scheme::Collocation] {
                let Some(native) = shape.system.native(scheme) else {
                    return;
                };
                let place = format!("{place}, {scheme:?}");
                same_bits(&shape, &problem, &parameters, native, scheme, &place);
            }
        }
    }

    fn same_bits(
        shape: &Shape,
        problem: &Problem,
        parameters: &[f64],
        native: &Native,
        scheme: Scheme,
        place: &str,
    ) {
        let system = &shape.system;
        let layout = &system.layout;
        let mut values = Vec::new();
        let full = problem.baseline.to_array();
        input_values(&problem.model, &problem.timeline.before, &full, &mut values);
        let mut fixed = Fixed::default();
        assert!(system.prepare(parameters, &values, &mut fixed));
        let mut machine = Machine::<8>::new(system, 1e-6);
        // Lanes differ in everything; the last has left the domain, the one before is not a number.
        let spread = |i: usize, lane: usize| 1.0 + 0.02 * ((7 * i + 3 * lane) % 11) as f64;
        let rows = &mut machine.rows;
        for lane in 0..8 {
            for (i, value) in system.fixed_rows(&fixed).enumerate() {
                rows[layout.fixed + i].0[lane] = value * spread(i, lane);
            }
            for (i, at) in system.integrated.iter().enumerate() {
                let mut value = full[shape.moving[*at]] * spread(i, lane) + 1e-3;
                if lane == 7 {
                    value = -value;
                }
                rows[layout.before + i].0[lane] = if lane == 6 { f64::NAN } else { value };
                rows[layout.after + i].0[lane] = rows[layout.before + i].0[lane] * 1.01;
                rows[layout.weights + i].0[lane] = 0.01;
            }
            for i in 0..system.drives.len() * TERMS {
                rows[layout.series + i].0[lane] =
                    spread(i, lane) / (1.0 + (i % TERMS).pow(2) as f64);
            }
            rows[layout.step].0[lane] = 0.01 * spread(lane, 1);
            rows[layout.taken].0[lane] = (lane % 3) as f64;
            for i in 0..system.watched {
                let known = lane != 2;
                rows[layout.start + i].0[lane] = if known {
                    spread(i, lane) - 1.1
                } else {
                    f64::NAN
                };
            }
            for i in 0..NODES * system.drives.len() {
                rows[layout.courses + i].0[lane] = spread(i, lane);
            }
            for i in 0..NODES * system.states {
                rows[layout.spectrum + i].0[lane] = 1e-4 * spread(i, lane);
            }
            rows[layout.time].0[lane] = 0.3 * lane as f64;
            rows[layout.pace].0[lane] = 2.0 / 6.0;
        }
        let mut compiled = machine.rows.clone();
        let machine = &mut machine;
        let dense = true;
        let collocation = scheme == Scheme::Collocation;
        if collocation {
            dispatch(Sweep {
                system,
                machine,
                dense,
            });
        } else {
            dispatch(Advance {
                system,
                machine,
                dense,
            });
        }
        let mut half = compiled.clone();
        native.step(&mut compiled, dense, false);
        native.step(&mut half, dense, true);
        let n = system.states;
        let stages = if collocation { NODES } else { STAGES };
        let groups = [
            ("slope", layout.increments, stages * (n + system.watched)),
            ("bend", layout.bend, 1),
            ("dense", layout.dense, COEFFICIENTS * n),
            ("after", layout.after, n),
            ("error", layout.error, 1),
            ("factor", layout.factor, 1),
            ("curve", layout.curve, 1),
            ("start", layout.start, system.watched),
            ("spectrum", layout.spectrum, NODES * n),
        ];
        for (name, first, count) in groups {
            for at in 0..count {
                let (a, b) = (machine.rows[first + at].0, compiled[first + at].0);
                let same = |lane: usize| half[first + at].0[lane].to_bits() == b[lane].to_bits();
                assert!((0..4).all(same), "{place}: {name} {at}, four lanes");
                for lane in 0..8 {
                    // Which of two that are not numbers comes out is not defined.
                    let same = a[lane].to_bits() == b[lane].to_bits()
                        || a[lane].is_nan() && b[lane].is_nan();
                    let (a, b) = (a[lane], b[lane]);
                    assert!(same, "{place}: {name} {at}, lane {lane}: {a:e} and {b:e}");
                }
            }
        }
        assert!(machine.rows[layout.error].0[0].is_finite());
        assert!(machine.rows[layout.error].0[7].is_nan());
    }
}
