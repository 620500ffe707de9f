//! The runs that the targets of a calibration need, side by side.

use super::reading::{Formula, Reading, Refusal};
use crate::error::{Error, Result};
use crate::interchange::background::Background;
use crate::interchange::equations::{Equations, Parameter};
use crate::interchange::events::{Jump, jumps};
use crate::interchange::symbol::Symbol;
use crate::parameters::Library;
use crate::regimen::Change;
use crate::simulate::{Problem, Scenario};
use crate::study::calibrate::Calibration;
use std::collections::{BTreeMap, BTreeSet};

/// A run with its equations.
pub struct Run {
    /// What is run.
    pub scenario: Scenario,
    /// The run at the nominal values.
    pub problem: Problem,
    /// Its equations, doses with the law of absorption.
    pub equations: Equations,
    /// Its events.
    pub jumps: Vec<Jump>,
    /// What is known of it.
    pub background: Background,
}

impl Run {
    /// Whether the exported run has a state, signal or parameter of this name.
    pub fn has(&self, id: &str) -> bool {
        let states = self.equations.states.iter().map(|state| &state.quantity);
        let signals = self.equations.signals.iter().map(|signal| &signal.quantity);
        states.chain(signals).any(|quantity| quantity.id == id)
    }

    /// The rate of change of a state.
    pub fn rate(&self, id: &str) -> Option<Symbol> {
        let states = &self.equations.states;
        let state = states.iter().find(|state| state.quantity.id == id)?;
        Some(state.symbol)
    }

    /// A parameter by identifier.
    pub fn parameter(&self, id: &str) -> Option<&Parameter> {
        let parameters = &self.equations.parameters;
        parameters
            .iter()
            .find(|parameter| parameter.quantity.id == id)
    }

    /// Whether the run has a value of its own for a path.
    pub fn overrides(&self, path: &str) -> bool {
        self.scenario.overrides.iter().any(|(own, _)| own == path)
    }
}

/// All runs and readings of a calibration.
pub struct Runs<'a> {
    library: &'a Library,
    calibration: &'a Calibration,
    /// Values of the estimated parameters, in the units of the files.
    nominal: &'a [f64],
    /// The runs.
    pub list: Vec<Run>,
    /// The readings.
    pub readings: Vec<Reading>,
    /// Numbers of the readings that events take; the others are quantities at the time of a measurement.
    pub events: BTreeSet<usize>,
    numbers: BTreeMap<String, usize>,
}

impl<'a> Runs<'a> {
    /// None yet.
    pub fn new(library: &'a Library, calibration: &'a Calibration, nominal: &'a [f64]) -> Self {
        Self {
            library,
            calibration,
            nominal,
            list: Vec::new(),
            readings: Vec::new(),
            events: BTreeSet::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// The formula of a reading, which is remembered.
    pub fn read(&mut self, reading: Reading) -> Formula {
        let known = self.readings.iter().position(|known| *known == reading);
        Formula::Reading(known.unwrap_or_else(|| {
            self.readings.push(reading);
            self.readings.len() - 1
        }))
    }

    /// The scenario with the calibration's variant and these values of its parameters.
    fn at(&self, scenario: &Scenario, values: &[f64]) -> Scenario {
        let axes = self.calibration.space.axes.iter().zip(values);
        Scenario {
            variant: self.calibration.variant.clone(),
            background: axes
                .map(|(axis, value)| (axis.path.clone(), format!("{value:e} {}", axis.unit)))
                .collect(),
            ..scenario.clone()
        }
    }

    /// The number of the run of a scenario, which is prepared when it is new.
    ///
    /// # Errors
    /// A scenario that the export cannot write, or that cannot be prepared.
    pub fn number(&mut self, scenario: &Scenario) -> std::result::Result<usize, Refusal> {
        let key = format!("{scenario:?}");
        if let Some(number) = self.numbers.get(&key) {
            return Ok(*number);
        }
        let refuse = |why: &str| Err(Refusal::Inexpressible(why.to_owned()));
        if scenario.hold.is_some() {
            return refuse("a quantity is held in place");
        }
        if !scenario.interventions.is_empty() {
            return refuse("parameters change when the run starts");
        }
        let nominal = self.at(scenario, self.nominal);
        if nominal.pretreated_fraction(self.library)?.is_some() {
            return refuse("the phenotype begins with a pre-treatment");
        }
        let problem = nominal.prepare(self.library)?;
        let paths: Vec<&str> = self.calibration.paths();
        let own = |scenario: &Scenario| -> Vec<bool> {
            let overrides = |path: &&str| scenario.overrides.iter().any(|(own, _)| own == path);
            paths.iter().map(overrides).collect()
        };
        // The dose of an arm without the drug changes nothing.
        let same = self.list.iter().position(|run| {
            run.problem.model == problem.model
                && run.problem.timeline == problem.timeline
                && run.problem.baseline == problem.baseline
                && own(&run.scenario) == own(scenario)
        });
        if let Some(number) = same {
            self.numbers.insert(key, number);
            return Ok(number);
        }
        self.check_start(scenario, &problem)?;
        let background = Background::of(&nominal, self.library)?;
        let equations = Equations::with_absorption(&problem, &background.burden_unit)?;
        let run = Run {
            jumps: jumps(&problem.timeline, &scenario.arm.partners, &equations),
            equations,
            scenario: scenario.clone(),
            background,
            problem,
        };
        self.numbers.insert(key, self.list.len());
        self.list.push(run);
        Ok(self.list.len() - 1)
    }

    /// Times and sizes of events and the burden at the start are numbers in the export: no estimated
    /// parameter may move them, but for the absorption of doses.
    fn check_start(&self, scenario: &Scenario, problem: &Problem) -> Result<()> {
        let fixed = fixed_numbers(problem);
        for (index, axis) in self.calibration.space.axes.iter().enumerate() {
            let mut values = self.nominal.to_vec();
            // A step into the range.
            let middle = axis.at(0.5);
            values[index] += 0.01 * (middle - values[index]) + 0.001 * (axis.at(0.6) - middle);
            let moved = self.at(scenario, &values).prepare(self.library)?;
            let same = fixed_numbers(&moved);
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * a.abs().max(1e-9);
            if fixed.len() != same.len() || !fixed.iter().zip(&same).all(close) {
                return Err(Error::input(
                    format!("calibration {}", self.calibration.name),
                    format!(
                        "`{}` moves events or the burden at the start, which the export writes as numbers",
                        axis.path
                    ),
                    "name other parameters with --parameter, or in a file of params/calibrations",
                ));
            }
        }
        Ok(())
    }

    /// The time of the last reading of a run, h.
    pub fn end(&self, number: usize) -> f64 {
        let duration = self.list[number].problem.timeline.duration;
        let own = self.readings.iter().filter(|reading| reading.run == number);
        own.map(|reading| reading.complete(duration))
            .fold(0.0, f64::max)
    }

    /// Identifiers of parameters that mean the same in all runs and have one value.
    pub fn shared(&self) -> BTreeSet<String> {
        let mut values: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        for run in &self.list {
            for parameter in &run.equations.parameters {
                let bits = parameter.value.to_bits();
                let known = values.entry(&parameter.quantity.id).or_insert(Some(bits));
                if *known != Some(bits) || parameter.path.starts_with("partner") {
                    *known = None;
                }
            }
        }
        let estimated = |id: &str| self.path(id).is_some();
        let shared = values.iter().filter(|(_, value)| value.is_some());
        shared
            .map(|(id, _)| (*id).to_owned())
            .filter(|id| !estimated(id))
            .collect()
    }

    /// The path of an estimated parameter by its identifier.
    fn path(&self, id: &str) -> Option<&str> {
        let run = self.list.iter().find_map(|run| run.parameter(id))?;
        let axes = &self.calibration.space.axes;
        let axis = axes.iter().find(|axis| axis.path == run.path)?;
        Some(&axis.path)
    }

    /// The name of a quantity of a run in the whole model.
    pub fn name(&self, shared: &BTreeSet<String>, number: usize, id: &str) -> String {
        let run = &self.list[number];
        let common = shared.contains(id)
            || self
                .path(id)
                .is_some_and(|path| run.parameter(id).is_some() && !run.overrides(path));
        if common {
            id.to_owned()
        } else {
            format!("{id}_run{}", number + 1)
        }
    }
}

/// Everything of a run that the export writes as a number.
fn fixed_numbers(problem: &Problem) -> Vec<f64> {
    let tumour = &problem.baseline.tumour;
    let mut numbers = vec![tumour.burden(), tumour.resistant_fraction()];
    for event in &problem.timeline.events {
        numbers.push(event.time);
        numbers.extend(match event.change {
            Change::Dose { given, .. } => [given, 0.0],
            Change::Infusion { rate, .. } => [rate, 0.0],
            Change::Medium(level) | Change::MediumOxygen(level) | Change::Resection(level) => {
                [level, 0.0]
            }
            Change::Held(slot, level) => [slot as f64, level],
            Change::Given(slot, on) => [slot as f64, f64::from(on)],
            Change::Gallbladder(open) => [f64::from(open), 0.0],
        });
    }
    numbers
}
