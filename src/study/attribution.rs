//! What a combination gains, decomposed over mechanisms.
//!
//! A mechanism is a set of parameters that are changed when treatment starts (`params/attribution.toml`),
//! with which it no longer responds; the untreated tumour is the same. With the mechanisms S working and
//! the others off, the gain is `v(S) = log10 burden(without) - log10 burden(with)` at the main evaluation.
//! Switching off one mechanism tells `v(all) - v(all but it)`. Shapley's value is the mean of what a
//! mechanism adds over all orders in which they could be switched on; the values add up to
//! `v(all) - v(none)`, and what the combination gains with all of them off is left as the rest.
//!
//! Limitations: what a mechanism is, is a choice; off is an extreme state, not the state without the
//! partner. All 2^k sets are run, so that k is bounded ([`MECHANISMS`]).

use super::plan::{Field, Outline, Rows, Simulated, tally};
use super::runs::{Probe, Probed, Tally};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::parameters::bounds::MECHANISMS;
use crate::regimen::Arm;
use crate::simulate::{Hold, Problem, Scenario, Template};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A mechanism that can be switched off.
#[derive(Debug, Clone, PartialEq)]
pub struct Mechanism {
    /// Name.
    pub name: String,
    /// Name in full.
    pub title: String,
    /// Parameters with the quantities that switch it off.
    pub off: Vec<(String, String)>,
    /// Whether pO2 is held as untreated when it is off.
    pub hold_oxygen: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: String,
    #[serde(default)]
    off: BTreeMap<String, String>,
    #[serde(default)]
    hold_oxygen: bool,
}

/// The mechanisms of `params/attribution.toml`.
///
/// # Errors
/// A file that is not valid; too many mechanisms.
pub fn mechanisms(library: &Library) -> Result<Vec<Mechanism>> {
    let document = library.document("", "attribution", "params")?;
    let raw: BTreeMap<String, Raw> = toml::from_str(&document.text)
        .map_err(|error| crate::parameters::toml_error(&document.origin, &document.text, &error))?;
    MECHANISMS.count(raw.len(), &document.origin)?;
    let mechanisms = raw.into_iter().map(|(name, raw)| Mechanism {
        name,
        title: raw.title,
        off: raw.off.into_iter().collect(),
        hold_oxygen: raw.hold_oxygen,
    });
    Ok(mechanisms.collect())
}

/// A study of what an arm gains over another, ready to run: a row per set of working mechanisms.
#[derive(Debug, Clone)]
pub struct AttributionPlan {
    /// The arm.
    pub arm: Arm,
    /// What it is compared with.
    pub against: Arm,
    /// Mechanisms; mechanism i works in the sets whose bit i is 1.
    pub mechanisms: Vec<Mechanism>,
    /// Setting.
    pub setting: String,
    /// Time of the evaluation, h.
    pub time: f64,
    /// Both arms, per set.
    templates: Vec<[Template; 2]>,
}

impl AttributionPlan {
    /// Reads both arms for all sets of mechanisms.
    ///
    /// # Errors
    /// As [`Template::read`]; a mechanism with a path that the setting does not have.
    pub fn new(
        library: &Library,
        scenario: &Scenario,
        against: &Arm,
        mechanisms: Vec<Mechanism>,
    ) -> Result<Self> {
        let read = |set: usize, arm: &Arm| {
            let mut scenario = scenario.with_arm(arm.clone());
            for (place, mechanism) in mechanisms.iter().enumerate() {
                if set >> place & 1 == 0 {
                    scenario.interventions.extend(mechanism.off.iter().cloned());
                    if mechanism.hold_oxygen {
                        scenario.hold = Some(Hold::UntreatedOxygen);
                    }
                }
            }
            Template::read(library, &scenario)
        };
        let sets = 0..1usize << mechanisms.len();
        let templates: Vec<[Template; 2]> = sets
            .map(|set| Ok([read(set, against)?, read(set, &scenario.arm)?]))
            .collect::<Result<_>>()?;
        let regimen = &templates[0][0].regimen;
        let main = regimen.evaluations.first().copied();
        Ok(Self {
            arm: scenario.arm.clone(),
            against: against.clone(),
            setting: scenario.setting.clone(),
            time: main
                .filter(|t| *t <= regimen.duration)
                .unwrap_or(regimen.duration),
            mechanisms,
            templates,
        })
    }

    /// What the rows say.
    ///
    /// # Errors
    /// A set whose run failed: every set is needed; rows that cannot be read.
    pub fn analyse(&self, rows: &dyn Rows) -> Result<Attribution> {
        let tally = tally(self, rows);
        if tally.failed > 0 {
            return Err(Error::Run {
                run: format!("attribution of {}", self.arm),
                state: "a set of mechanisms".to_owned(),
                time_h: 0.0,
                cause: tally.words(),
                remedy: "leave out the mechanism with which the run fails".to_owned(),
            });
        }
        let (without, with) = (rows.column(0)?, rows.column(1)?);
        let gains: Vec<f64> = without.iter().zip(&with).map(|(w, b)| w - b).collect();
        let all = gains.len() - 1;
        Ok(Attribution {
            shapley: shapley(&gains),
            alone_off: (0..self.mechanisms.len())
                .map(|i| gains[all] - gains[all & !(1 << i)])
                .collect(),
            total: gains[all],
            rest: gains[0],
            plan: self.clone(),
            tally,
        })
    }
}

/// Shapley values of a game from the values of all sets; player i is in the sets whose bit i is 1.
pub fn shapley(values: &[f64]) -> Vec<f64> {
    let players = values.len().ilog2() as usize;
    // Part of the orders in which exactly a given set of `size` others stands before a player.
    let weight = |size: usize| {
        let mut weight = 1.0 / players as f64;
        for i in 0..size {
            weight *= (i + 1) as f64 / (players - 1 - i) as f64;
        }
        weight
    };
    (0..players)
        .map(|player| {
            let without = (0..values.len()).filter(|set| set >> player & 1 == 0);
            without
                .map(|set| {
                    let size = set.count_ones() as usize;
                    weight(size) * (values[set | 1 << player] - values[set])
                })
                .sum()
        })
        .collect()
}

impl Outline for AttributionPlan {
    fn rows(&self) -> usize {
        self.templates.len()
    }

    fn runs_per_row(&self) -> usize {
        2
    }

    fn hours(&self) -> f64 {
        self.templates[0][0].regimen.duration
    }

    fn sizes(&self) -> String {
        format!("all sets of {} mechanisms", self.mechanisms.len())
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            Field::new("log10_burden_without", "1"),
            Field::new("log10_burden_with", "1"),
        ]
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        let states = self.mechanisms.iter().enumerate();
        (
            format!("set {row}"),
            states
                .map(|(i, mechanism)| (mechanism.name.clone(), (row >> i & 1) as f64))
                .collect(),
        )
    }

    fn identity(&self) -> String {
        format!(
            "{:?} {} {:?}",
            self.templates[0][1].scenario, self.against, self.mechanisms
        )
    }
}

impl Simulated for AttributionPlan {
    fn probe(&self) -> Probe {
        Probe {
            times: vec![self.time],
            endpoints: false,
        }
    }

    fn problem(&self, row: usize, run: usize) -> Result<Problem> {
        self.templates[row][run].problem(&[])
    }

    fn reduce(&self, _row: usize, runs: Vec<Probed>) -> Result<Vec<f64>> {
        let burdens = runs.iter().map(|run| run.trajectory.signals[0].burden);
        Ok(burdens.map(libm::log10).collect())
    }
}

/// A finished attribution, in units of log10 burden.
#[derive(Debug, Clone)]
pub struct Attribution {
    /// What was done.
    pub plan: AttributionPlan,
    /// Shapley values, per mechanism.
    pub shapley: Vec<f64>,
    /// Loss of the gain when only this mechanism is off, per mechanism.
    pub alone_off: Vec<f64>,
    /// Gain with all mechanisms working.
    pub total: f64,
    /// Gain with all of them off.
    pub rest: f64,
    /// Requested, ok, failed.
    pub tally: Tally,
}
