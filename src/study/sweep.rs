//! One or two knobs turned over their ranges, and a knob turned up and down again.
//!
//! A **sweep** starts a run at every point of a grid. An **up-and-down** sweep is a single run in which
//! the level is held for a time, raised step by step, and lowered again: what is read at the end of each
//! step on the way up and on the way down differs where the system is slower than the steps or has two
//! stable states; the steady states of [`bifurcation`](super::bifurcation) tell which.

use super::assay::Assay;
use super::knob::{Knob, staircase, turned};
use super::plan::{Field, Outline, Rows, Simulated, tally};
use super::runs::{Probe, Probed, Tally, run_batch};
use crate::error::{Error, Result};
use crate::model::{Signals, State};
use crate::parameters::bounds::{AXIS, LEVELS_HELD};
use crate::simulate::{Accuracy, Problem, Template};

/// Values of a knob.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is turned.
    pub knob: Knob,
    /// Unit.
    pub unit: String,
    /// Values, rising.
    pub values: Vec<f64>,
    /// Whether they are spaced by their ratio.
    pub log: bool,
}

impl Axis {
    /// Reads `NAME=LOW:HIGH:COUNT`, `NAME=LOW:HIGH:COUNT:log` or `NAME=A,B,C`.
    ///
    /// # Errors
    /// A form that is none of these; an unknown knob; an empty range, a count of less than two or too
    /// large, a logarithmic range that reaches 0.
    pub fn parse(text: &str, template: &Template, option: &str) -> Result<Self> {
        let place = format!("{option} {text}");
        let bad = |problem: String, remedy: &str| Error::input(&place, problem, remedy);
        let forms = "write NAME=LOW:HIGH:COUNT, NAME=LOW:HIGH:COUNT:log or NAME=A,B,C";
        let (name, range) = text
            .split_once('=')
            .ok_or_else(|| bad("there is no `=`".to_owned(), forms))?;
        let knob = Knob::parse(name.trim(), template, &place)?;
        let number = |text: &str| {
            let value = text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            value.ok_or_else(|| bad(format!("`{text}` is no number"), forms))
        };
        let parts: Vec<&str> = range.split(':').collect();
        let (values, log) = match parts.as_slice() {
            [list] => {
                let mut values = list.split(',').map(number).collect::<Result<Vec<_>>>()?;
                values.sort_by(f64::total_cmp);
                values.dedup_by(|a, b| a.total_cmp(b).is_eq());
                let positive = values.first().is_some_and(|first| *first > 0.0);
                let wide = values.len() > 2 && values[values.len() - 1] >= 10.0 * values[0];
                (values, positive && wide)
            }
            [low, high, count] => (
                range_of(number(low)?, number(high)?, count, false, &place)?,
                false,
            ),
            [low, high, count, "log"] => (
                range_of(number(low)?, number(high)?, count, true, &place)?,
                true,
            ),
            _ => return Err(bad(format!("`{range}` is no range"), forms)),
        };
        AXIS.count(values.len(), &place)?;
        Ok(Self {
            unit: knob.unit(template),
            knob,
            values,
            log,
        })
    }

    /// Name with unit.
    pub fn label(&self) -> String {
        match self.unit.as_str() {
            "1" | "" => self.knob.name(),
            unit => format!("{} ({unit})", self.knob.name()),
        }
    }
}

fn range_of(low: f64, high: f64, count: &str, log: bool, place: &str) -> Result<Vec<f64>> {
    let count: usize = count.trim().parse().map_err(|_| {
        Error::input(
            place,
            format!("`{count}` is no count"),
            "give a whole number of values",
        )
    })?;
    AXIS.count(count, place)?;
    let problem = if low >= high {
        format!("the range from {low} to {high} is empty")
    } else if count < 2 {
        format!("{count} values are too few")
    } else if log && low <= 0.0 {
        format!("a logarithmic range cannot begin at {low}")
    } else {
        let part = |i: usize| i as f64 / (count - 1) as f64;
        return Ok((0..count)
            .map(|i| match log {
                true => low * libm::pow(high / low, part(i)),
                false => low + part(i) * (high - low),
            })
            .collect());
    };
    Err(Error::input(
        place,
        problem,
        "give a low end below the high one, 2 values or more, and a low end above 0 with log",
    ))
}

/// A sweep over one or two knobs.
#[derive(Debug, Clone)]
pub struct SweepPlan {
    /// What is measured.
    pub assay: Assay,
    /// One axis or two; the last turns fastest.
    pub axes: Vec<Axis>,
}

impl SweepPlan {
    /// Values of the knobs at a row, in the order of the axes.
    pub fn values(&self, row: usize) -> Vec<f64> {
        let mut rest = row;
        let mut values: Vec<f64> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let value = axis.values[rest % axis.values.len()];
                rest /= axis.values.len();
                value
            })
            .collect();
        values.reverse();
        values
    }

    /// What the rows say; they are read again where they are needed.
    pub fn analyse<'a>(&'a self, rows: &'a dyn Rows) -> Sweep<'a> {
        Sweep {
            plan: self,
            rows,
            tally: tally(self, rows),
        }
    }
}

impl Outline for SweepPlan {
    fn rows(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    fn runs_per_row(&self) -> usize {
        self.assay.runs()
    }

    fn hours(&self) -> f64 {
        self.assay.templates[0].regimen.duration
    }

    fn sizes(&self) -> String {
        let axes = self.axes.iter();
        let values: Vec<String> = axes
            .map(|axis| format!("{} values of {}", axis.values.len(), axis.knob.name()))
            .collect();
        format!("{} in {} arms", values.join(" times "), self.assay.runs())
    }

    fn fields(&self) -> Vec<Field> {
        self.assay.fields()
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        let names = self.axes.iter().map(|axis| axis.knob.name());
        (
            format!("sweep row {row}"),
            names.zip(self.values(row)).collect(),
        )
    }

    fn identity(&self) -> String {
        let scenarios: Vec<_> = self.assay.templates.iter().map(|t| &t.scenario).collect();
        format!("{:?} {:?} {scenarios:?}", self.axes, self.assay.quantities)
    }
}

impl Simulated for SweepPlan {
    fn probe(&self) -> Probe {
        self.assay.probe()
    }

    fn problem(&self, row: usize, run: usize) -> Result<Problem> {
        let values = self.values(row);
        let template = &self.assay.templates[run];
        let settings: Vec<(&Knob, f64)> = self
            .axes
            .iter()
            .map(|axis| &axis.knob)
            .zip(values)
            // Controls are what they are whatever the dose.
            .filter(|(knob, _)| **knob != Knob::Dose || template.scenario.arm.sorafenib)
            .collect();
        turned(template, &settings)
    }

    fn reduce(&self, _row: usize, runs: Vec<Probed>) -> Result<Vec<f64>> {
        self.assay.reduce(&runs)
    }
}

/// A finished sweep.
pub struct Sweep<'a> {
    /// What was done; [`SweepPlan::values`] are those of the knobs at a row.
    pub plan: &'a SweepPlan,
    /// The quantities, a column each.
    pub rows: &'a dyn Rows,
    /// Requested, ok, failed.
    pub tally: Tally,
}

/// A signal that is read during an up-and-down sweep.
#[derive(Clone, Copy)]
pub struct Signal {
    /// Name.
    pub name: &'static str,
    /// Its value.
    pub value: fn(&State<f64>, &Signals<f64>) -> f64,
}

/// Signals of the switch.
pub const SWITCH: [Signal; 4] = [
    Signal {
        name: "hif1a",
        value: |state, _| state.hif.hif1a,
    },
    Signal {
        name: "hif2a",
        value: |state, _| state.hif.hif2a,
    },
    Signal {
        name: "switch_index",
        value: |state, _| state.hif.hif2a / state.hif.hif1a,
    },
    Signal {
        name: "regulator",
        value: |state, _| state.hif.regulator,
    },
];

/// Numbers with which no resistant cells arise, so that signals move by the switch alone.
pub const FIXED_CELLS: [(&str, f64); 2] = [
    ("tumour.adaptation_rate", 0.0),
    ("tumour.initial_resistant_fraction", 0.0),
];

/// A knob turned up and down again.
#[derive(Debug, Clone, PartialEq)]
pub struct UpDown {
    /// The knob with its levels.
    pub axis: Axis,
    /// Time at each level, h.
    pub hold: f64,
    /// Signals at the end of each level on the way up, per signal of [`SWITCH`].
    pub up: Vec<Vec<f64>>,
    /// The same on the way down, in the order of the levels.
    pub down: Vec<Vec<f64>>,
}

impl UpDown {
    /// Largest distance between the ways, over the span of the signal; 0 where the signal does not move.
    pub fn gap(&self, signal: usize) -> f64 {
        let (up, down) = (&self.up[signal], &self.down[signal]);
        let all = up.iter().chain(down);
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        });
        let apart = up.iter().zip(down).map(|(u, d)| (u - d).abs());
        let widest = apart.fold(0.0, f64::max);
        if high > low {
            widest / (high - low)
        } else {
            0.0
        }
    }
}

/// Turns a knob up and down, holding each level for `hold` hours; `numbers` stand in place of the
/// template's, as [`FIXED_CELLS`] does where only the switch is to move.
///
/// # Errors
/// A knob that cannot be changed during a run; a run that fails.
pub fn up_down(
    template: &Template,
    axis: &Axis,
    hold: f64,
    numbers: &[(&str, f64)],
    accuracy: &Accuracy,
) -> Result<UpDown> {
    let count = LEVELS_HELD.count(axis.values.len(), format!("levels of {}", axis.knob.name()))?;
    let levels: Vec<f64> = axis
        .values
        .iter()
        .chain(axis.values.iter().rev().skip(1))
        .copied()
        .collect();
    let regimen = staircase(template, &axis.knob, &levels, hold)?;
    let problem = template.problem_under(&regimen, numbers)?;
    let probe = Probe {
        times: (1..=levels.len()).map(|i| i as f64 * hold).collect(),
        endpoints: false,
    };
    let mut runs = run_batch(&[problem], &probe, accuracy);
    let run = runs
        .pop()
        .unwrap_or_else(|| Err(Error::input("sweep", "nothing was run", "give levels")))?;
    let series: Vec<Vec<f64>> = SWITCH
        .iter()
        .map(|signal| run.trajectory.series(signal.value))
        .collect();
    Ok(UpDown {
        axis: axis.clone(),
        hold,
        up: series.iter().map(|s| s[..count].to_vec()).collect(),
        down: series
            .iter()
            .map(|s| s[count - 1..].iter().rev().copied().collect())
            .collect(),
    })
}
