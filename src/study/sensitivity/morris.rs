//! Screening by elementary effects (Morris 1991, Technometrics 33:161; mu* of Campolongo et al. 2007,
//! Environ Model Softw 22:1509).
//!
//! A trajectory starts on a grid of `levels` per parameter and moves one parameter after the other, in
//! random order, by half the range; the difference over the step, in the unit of the range, is an
//! elementary effect. `mu*` is the mean of their sizes, `mu` of their values, `sigma` their standard
//! deviation: large against mu*, the parameter interacts or acts nonlinearly.

use crate::error::{Error, Result};
use crate::parameters::bounds::{LEVELS, TRAJECTORIES};
use crate::study::random::{Draws, Purpose};

/// Trajectories through the unit cube.
#[derive(Debug, Clone)]
pub struct Design {
    /// Trajectories r.
    pub trajectories: usize,
    /// Parameters k.
    pub parameters: usize,
    /// Levels of the grid, even.
    pub levels: usize,
    draws: Draws,
}

impl Design {
    /// A design of trajectories on a grid of levels.
    ///
    /// # Errors
    /// No trajectory or parameter; levels that are odd or less than four.
    pub fn new(trajectories: usize, parameters: usize, levels: usize, seed: u64) -> Result<Self> {
        TRAJECTORIES.count(trajectories, format!("--trajectories {trajectories}"))?;
        LEVELS.count(levels, format!("--levels {levels}"))?;
        if parameters == 0 {
            return Err(Error::input(
                "--parameter",
                "there is no parameter to vary",
                "give one parameter or more",
            ));
        }
        if !levels.is_multiple_of(2) {
            return Err(Error::input(
                format!("--levels {levels}"),
                "effects are even only on an even number of levels",
                "give 4, 6, 8 or so",
            ));
        }
        Ok(Self {
            trajectories,
            parameters,
            levels,
            draws: Draws::new(seed, Purpose::Screening),
        })
    }

    /// Rows, r (k + 1).
    pub fn rows(&self) -> usize {
        self.trajectories * (self.parameters + 1)
    }

    /// The step, half the range widened to whole levels.
    pub fn step(&self) -> f64 {
        let levels = self.levels as f64;
        levels / (2.0 * (levels - 1.0))
    }

    /// Order in which a trajectory moves the parameters.
    fn order(&self, trajectory: usize) -> Vec<usize> {
        self.draws
            .permutation(2 * trajectory as u64, self.parameters)
    }

    /// Start of a trajectory, per parameter: a level from which a step up or down stays inside, and
    /// whether it goes up.
    fn start(&self, trajectory: usize) -> Vec<(f64, bool)> {
        let half = self.levels / 2;
        let spacing = 1.0 / (self.levels - 1) as f64;
        let uniforms = self.draws.uniforms(2 * trajectory as u64 + 1, 0);
        uniforms
            .take(self.parameters)
            .map(|u| {
                let level = ((u * self.levels as f64) as usize).min(self.levels - 1);
                (level as f64 * spacing, level < half)
            })
            .collect()
    }

    /// The place of a row in the unit cube.
    pub fn row(&self, row: usize) -> Vec<f64> {
        let (trajectory, moved) = (row / (self.parameters + 1), row % (self.parameters + 1));
        let order = self.order(trajectory);
        let start = self.start(trajectory);
        let mut place: Vec<f64> = start.iter().map(|(level, _)| *level).collect();
        for parameter in &order[..moved] {
            let (level, up) = start[*parameter];
            let step = if up { self.step() } else { -self.step() };
            place[*parameter] = (level + step).clamp(0.0, 1.0);
        }
        place
    }
}

/// Effects of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Mean size of the elementary effects.
    pub mu_star: f64,
    /// Mean of the elementary effects.
    pub mu: f64,
    /// Their standard deviation.
    pub sigma: f64,
    /// Standard error of `mu_star`.
    pub error: f64,
    /// Effects used; the others had a failed end.
    pub used: usize,
}

/// Effects of all parameters from the values of all rows (not a number: failed). Means first, then
/// deviations from them, so that no effect is kept.
pub fn effects(design: &Design, values: &[f64]) -> Vec<Effect> {
    let mut sums = vec![Sums::default(); design.parameters];
    each_effect(design, values, |parameter, effect| {
        let sums = &mut sums[parameter];
        sums.used += 1;
        sums.sizes += effect.abs();
        sums.values += effect;
    });
    let means: Vec<(f64, f64)> = sums.iter().map(Sums::means).collect();
    let mut squares = vec![(NOTHING, NOTHING); design.parameters];
    each_effect(design, values, |parameter, effect| {
        let (size, value) = means[parameter];
        let apart = (effect.abs() - size, effect - value);
        squares[parameter].0 += apart.0 * apart.0;
        squares[parameter].1 += apart.1 * apart.1;
    });
    let parameters = sums.iter().zip(means).zip(squares);
    parameters
        .map(|((sums, (mu_star, mu)), squares)| {
            let n = sums.used as f64;
            let deviation = |squares: f64| libm::sqrt(squares / (n - 1.0));
            Effect {
                mu_star,
                mu,
                sigma: deviation(squares.1),
                error: deviation(squares.0) / libm::sqrt(n),
                used: sums.used,
            }
        })
        .collect()
}

/// Where a sum begins: with it, effects of -0 add up to -0.
const NOTHING: f64 = -0.0;

/// Sums over the effects of a parameter.
#[derive(Clone, Copy)]
struct Sums {
    used: usize,
    sizes: f64,
    values: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            used: 0,
            sizes: NOTHING,
            values: NOTHING,
        }
    }
}

impl Sums {
    /// Mean size and mean.
    fn means(&self) -> (f64, f64) {
        let n = self.used as f64;
        (self.sizes / n, self.values / n)
    }
}

/// Hands every effect with its parameter to `each`, trajectory by trajectory; those with a failed end are
/// left out.
fn each_effect(design: &Design, values: &[f64], mut each: impl FnMut(usize, f64)) {
    for (trajectory, values) in values.chunks_exact(design.parameters + 1).enumerate() {
        let start = design.start(trajectory);
        for (moved, parameter) in design.order(trajectory).into_iter().enumerate() {
            let step = if start[parameter].1 {
                design.step()
            } else {
                -design.step()
            };
            let effect = (values[moved + 1] - values[moved]) / step;
            if effect.is_finite() {
                each(parameter, effect);
            }
        }
    }
}
