//! The three methods as one study.

use super::local;
use super::morris;
use super::sobol;
use super::space::Space;
use crate::error::Result;
use crate::parameters::Grade;
use crate::simulate::Problem;
use crate::study::assay::{Assay, Quantity};
use crate::study::plan::{Field, Outline, Rows, Simulated, tally};
use crate::study::runs::{Probe, Probed, Tally};

/// How sensitivity is measured.
#[derive(Debug, Clone)]
pub enum Method {
    /// Elasticities at the shipped values.
    Local,
    /// Elementary effects.
    Morris(Box<morris::Design>),
    /// Parts of the variance.
    Sobol(sobol::Design),
}

impl Method {
    /// Name of the method.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Morris(_) => "morris",
            Self::Sobol(_) => "sobol",
        }
    }
}

/// A study of sensitivity, ready to run.
#[derive(Debug, Clone)]
pub struct SensitivityPlan {
    /// What is measured.
    pub assay: Assay,
    /// Over which parameters.
    pub space: Space,
    /// How.
    pub method: Method,
    /// Seed of design and resampling.
    pub seed: u64,
}

impl SensitivityPlan {
    fn numbers(&self, row: usize) -> Vec<(&str, f64)> {
        match &self.method {
            Method::Local => local::moved(&self.space, row).into_iter().collect(),
            Method::Morris(design) => self.space.numbers(&design.row(row)),
            Method::Sobol(design) => self.space.numbers(&design.row(row)),
        }
    }

    /// What the rows say; the values of one quantity at a time are in memory.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn analyse(&self, rows: &dyn Rows) -> Result<Sensitivity> {
        let columns = self.assay.quantities.iter().enumerate();
        let results = columns
            .map(|(column, quantity)| Ok(self.measure(*quantity, &rows.column(column)?)))
            .collect::<Result<_>>()?;
        Ok(Sensitivity {
            plan: self.clone(),
            results,
            tally: tally(self, rows),
        })
    }

    fn measure(&self, quantity: Quantity, values: &[f64]) -> Measured {
        match &self.method {
            Method::Local => {
                let logarithm = quantity == Quantity::LogBurden;
                Measured::Local(local::elasticities(values, logarithm))
            }
            Method::Morris(design) => Measured::Morris(morris::effects(design, values)),
            Method::Sobol(design) => {
                let at = |points| sobol::indices(design, values, points, self.seed);
                let sizes = (2..=design.points.ilog2()).map(|n| 1usize << n);
                let last = sizes.rev().take(CONVERGENCE);
                let mut convergence: Vec<(usize, sobol::Indices)> = last
                    .filter_map(|points| Some((points, at(points)?)))
                    .collect();
                convergence.reverse();
                Measured::Sobol(convergence)
            }
        }
    }
}

/// Numbers of points at which convergence is shown, each half of the next.
const CONVERGENCE: usize = 6;

impl Outline for SensitivityPlan {
    fn rows(&self) -> usize {
        match &self.method {
            Method::Local => local::rows(self.space.axes.len()),
            Method::Morris(design) => design.rows(),
            Method::Sobol(design) => design.rows(),
        }
    }

    fn runs_per_row(&self) -> usize {
        self.assay.runs()
    }

    fn hours(&self) -> f64 {
        self.assay.templates[0].regimen.duration
    }

    fn sizes(&self) -> String {
        let parameters = self.space.axes.len();
        let arms = self.assay.runs();
        match &self.method {
            Method::Local => format!("{parameters} parameters in {arms} arms"),
            Method::Morris(design) => {
                format!(
                    "{} trajectories of {parameters} parameters in {arms} arms",
                    design.trajectories
                )
            }
            Method::Sobol(design) => format!(
                "{} points of {parameters} parameters in {arms} arms",
                design.points
            ),
        }
    }

    fn fields(&self) -> Vec<Field> {
        self.assay.fields()
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        let numbers = self.numbers(row).into_iter();
        (
            format!("{} row {row}", self.method.name()),
            numbers
                .map(|(path, value)| (path.to_owned(), value))
                .collect(),
        )
    }

    fn identity(&self) -> String {
        let arms: Vec<String> = self
            .assay
            .templates
            .iter()
            .map(|template| format!("{:?}", template.scenario))
            .collect();
        format!(
            "{:?} {:?} {:?} {arms:?}",
            self.method, self.space, self.assay.quantities
        )
    }
}

impl Simulated for SensitivityPlan {
    fn probe(&self) -> Probe {
        self.assay.probe()
    }

    fn problem(&self, row: usize, run: usize) -> Result<Problem> {
        self.assay.problem(run, &self.numbers(row))
    }

    fn reduce(&self, _row: usize, runs: Vec<Probed>) -> Result<Vec<f64>> {
        self.assay.reduce(&runs)
    }
}

/// What a method found for one quantity.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// Elasticity per parameter.
    Local(Vec<f64>),
    /// Effects per parameter.
    Morris(Vec<morris::Effect>),
    /// Indices at rising numbers of base points; empty without variance.
    Sobol(Vec<(usize, sobol::Indices)>),
}

impl Measured {
    /// How much each parameter counts: size of the elasticity, mu*, total index.
    pub fn weights(&self) -> Vec<f64> {
        match self {
            Self::Local(values) => values.iter().map(|v| v.abs()).collect(),
            Self::Morris(effects) => effects.iter().map(|e| e.mu_star).collect(),
            Self::Sobol(all) => all.last().map_or(Vec::new(), |(_, indices)| {
                indices.total.iter().map(|index| index.estimate).collect()
            }),
        }
    }
}

/// A finished study of sensitivity.
#[derive(Debug, Clone)]
pub struct Sensitivity {
    /// What was done.
    pub plan: SensitivityPlan,
    /// What was found, per quantity.
    pub results: Vec<Measured>,
    /// Requested, ok, failed.
    pub tally: Tally,
}

/// Part of the largest weight from which on a parameter counts as deciding.
const DECIDING: f64 = 0.1;

impl Sensitivity {
    /// Parameters by falling weight for a quantity, as indices of the axes.
    pub fn ranking(&self, quantity: usize) -> Vec<usize> {
        let weights = self.results[quantity].weights();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        let weight = |i: usize| {
            if weights[i].is_nan() {
                -1.0
            } else {
                weights[i]
            }
        };
        order.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)));
        order
    }

    /// Deciding parameters of a quantity whose shipped value has no source: those graded `assumed` with a
    /// weight of a tenth of the largest or more.
    pub fn resting_on_assumptions(&self, quantity: usize) -> Vec<&str> {
        let weights = self.results[quantity].weights();
        let largest = weights.iter().copied().fold(0.0, f64::max);
        self.ranking(quantity)
            .into_iter()
            .filter(|i| weights[*i] >= DECIDING * largest && largest > 0.0)
            .map(|i| &self.plan.space.axes[i])
            .filter(|axis| axis.grade == Grade::Assumed)
            .map(|axis| axis.path.as_str())
            .collect()
    }
}
