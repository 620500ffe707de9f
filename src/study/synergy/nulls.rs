//! Nulls that need no fit.

use super::fit::{Hill, fit_conditional, fit_hill};

/// The effect of a single drug over its dose, as computed: between doses linear over the dose up to the
/// first, over its logarithm from there on.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Doses, rising, from 0.
    pub doses: Vec<f64>,
    /// Effects.
    pub effects: Vec<f64>,
}

impl Curve {
    /// A curve through doses and effects; doses rise from 0.
    pub fn new(doses: Vec<f64>, effects: Vec<f64>) -> Self {
        Self { doses, effects }
    }

    /// Place of a dose between two neighbours.
    fn part(from: f64, to: f64, dose: f64) -> f64 {
        if from > 0.0 {
            libm::log(dose / from) / libm::log(to / from)
        } else {
            dose / to
        }
    }

    /// Effect of a dose; beyond the last dose that of the last.
    pub fn effect(&self, dose: f64) -> f64 {
        let after = self.doses.partition_point(|d| *d <= dose);
        if after == 0 || after == self.doses.len() {
            return self.effects[after.saturating_sub(1)];
        }
        let part = Self::part(self.doses[after - 1], self.doses[after], dose);
        self.effects[after - 1] + part * (self.effects[after] - self.effects[after - 1])
    }

    /// Smallest dose with an effect; `None` where no dose has it.
    pub fn dose(&self, effect: f64) -> Option<f64> {
        if self.effects[0] >= effect {
            return Some(self.doses[0]);
        }
        let after = self.effects.iter().position(|e| *e >= effect)?;
        let (from, to) = (self.doses[after - 1], self.doses[after]);
        let part =
            (effect - self.effects[after - 1]) / (self.effects[after] - self.effects[after - 1]);
        Some(if from > 0.0 {
            from * libm::pow(to / from, part)
        } else {
            part * to
        })
    }

    /// Largest effect of any dose.
    pub fn largest(&self) -> f64 {
        self.effects
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Effects on a grid of doses of two drugs.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// Doses of the first drug, rising, from 0.
    pub first: Vec<f64>,
    /// Doses of the second drug, rising, from 0.
    pub second: Vec<f64>,
    /// Effects, a row per dose of the first drug.
    pub effects: Vec<Vec<f64>>,
    /// The first drug alone, finely.
    pub first_alone: Curve,
    /// The second drug alone, finely.
    pub second_alone: Curve,
}

/// What the nulls say of a surface; grids as its effects. Excess is observed minus expected effect:
/// above 0 synergy.
#[derive(Debug, Clone, PartialEq)]
pub struct Nulls {
    /// Excess over the better drug.
    pub hsa: Vec<Vec<f64>>,
    /// Excess over independence.
    pub bliss: Vec<Vec<f64>>,
    /// Excess over dose additivity.
    pub loewe: Vec<Vec<f64>>,
    /// Combination index; not a number at a dose of 0, or where neither drug reaches the effect alone.
    pub index: Vec<Vec<f64>>,
    /// ZIP's delta; not a number where a curve cannot be fitted.
    pub zip: Vec<Vec<f64>>,
    /// Fitted single curves.
    pub hills: Option<(Hill, Hill)>,
}

impl Nulls {
    /// Mean over all points with both drugs, without those that are no number.
    pub fn mean(grid: &[Vec<f64>]) -> f64 {
        let inner = grid.iter().skip(1).flat_map(|row| row.iter().skip(1));
        let finite: Vec<f64> = inner.copied().filter(|v| v.is_finite()).collect();
        finite.iter().sum::<f64>() / finite.len() as f64
    }

    /// Value at the highest doses.
    pub fn top(grid: &[Vec<f64>]) -> f64 {
        grid.last()
            .and_then(|row| row.last())
            .copied()
            .unwrap_or(f64::NAN)
    }
}

impl Surface {
    fn map(&self, f: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
        (0..self.first.len())
            .map(|i| (0..self.second.len()).map(|j| f(i, j)).collect())
            .collect()
    }

    /// All nulls of the surface but MuSyC, whose fit takes longer than all others: see [`fit_musyc`](super::fit_musyc).
    pub fn nulls(&self) -> Nulls {
        let alone = |i: usize, j: usize| (self.effects[i][0], self.effects[0][j]);
        let hills = fit_hill(&self.first_alone).zip(fit_hill(&self.second_alone));
        Nulls {
            hsa: self.map(|i, j| {
                let (a, b) = alone(i, j);
                self.effects[i][j] - a.max(b)
            }),
            bliss: self.map(|i, j| {
                let (a, b) = alone(i, j);
                self.effects[i][j] - (a + b - a * b)
            }),
            loewe: self.map(|i, j| self.effects[i][j] - self.loewe(self.first[i], self.second[j])),
            index: self.map(|i, j| self.combination_index(i, j)),
            zip: self.zip(hills),
            hills,
        }
    }

    /// Effect that dose additivity expects, by bisection; beyond what either drug reaches alone, the
    /// larger of both largest effects.
    pub fn loewe(&self, a: f64, b: f64) -> f64 {
        if b <= 0.0 {
            return self.first_alone.effect(a);
        }
        if a <= 0.0 {
            return self.second_alone.effect(b);
        }
        let (mut low, mut high) = (
            self.first_alone.effect(a).max(self.second_alone.effect(b)),
            self.first_alone.largest().max(self.second_alone.largest()),
        );
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.index_at(a, b, middle) > 1.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }

    /// `a/A(E) + b/B(E)`; a drug that does not reach the effect contributes 0.
    fn index_at(&self, a: f64, b: f64, effect: f64) -> f64 {
        let term = |dose: f64, curve: &Curve| curve.dose(effect).map_or(0.0, |alone| dose / alone);
        term(a, &self.first_alone) + term(b, &self.second_alone)
    }

    fn combination_index(&self, i: usize, j: usize) -> f64 {
        let effect = self.effects[i][j];
        let reached = effect <= self.first_alone.largest() || effect <= self.second_alone.largest();
        if i == 0 || j == 0 || !reached || effect <= 0.0 {
            return f64::NAN;
        }
        self.index_at(self.first[i], self.second[j], effect)
    }

    fn zip(&self, hills: Option<(Hill, Hill)>) -> Vec<Vec<f64>> {
        let Some((first, second)) = hills else {
            return self.map(|_, _| f64::NAN);
        };
        // Conditional curves: one drug over its doses at a fixed dose of the other.
        let along_second: Vec<Option<Hill>> = (0..self.first.len())
            .map(|i| {
                fit_conditional(
                    &self.second,
                    &self.effects[i],
                    first.effect(self.first[i]),
                    &second,
                )
            })
            .collect();
        let along_first: Vec<Option<Hill>> = (0..self.second.len())
            .map(|j| {
                let column: Vec<f64> = self.effects.iter().map(|row| row[j]).collect();
                fit_conditional(&self.first, &column, second.effect(self.second[j]), &first)
            })
            .collect();
        self.map(|i, j| {
            let (a, b) = (first.effect(self.first[i]), second.effect(self.second[j]));
            match (along_first[j], along_second[i]) {
                (Some(one), Some(other)) => {
                    let fitted = 0.5 * (one.effect(self.first[i]) + other.effect(self.second[j]));
                    fitted - (a + b - a * b)
                }
                _ => f64::NAN,
            }
        })
    }
}

/// Time-resolved combination indices from the volumes of control, first, second and both, over those of
/// the start: above 0 synergy.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeCourse {
    /// Times.
    pub times: Vec<f64>,
    /// `ln A + ln B - ln C - ln AB`.
    pub bliss: Vec<f64>,
    /// `ln min(A, B) - ln AB`.
    pub hsa: Vec<f64>,
    /// Response additivity, `ln(A + B - C) - ln AB`; not a number where A + B - C is not positive.
    pub additive: Vec<f64>,
    /// Growth rate of each arm from the area under ln V, `2 (area - ln V0 T) / T^2`: control, first,
    /// second, both; per time up to which it is taken.
    pub rates: Vec<[f64; 4]>,
}

/// The indices of four arms (control, first, second, both): volumes over time, the first at the start.
pub fn time_course(times: &[f64], volumes: [&[f64]; 4]) -> TimeCourse {
    let relative = |arm: usize, i: usize| volumes[arm][i] / volumes[arm][0];
    let log = |arm: usize, i: usize| libm::log(relative(arm, i));
    let later = 1..times.len();
    let over = |f: &dyn Fn(usize) -> f64| later.clone().map(f).collect::<Vec<f64>>();
    let rate = |arm: usize, i: usize| {
        let area: f64 = (1..=i)
            .map(|k| 0.5 * (log(arm, k) + log(arm, k - 1)) * (times[k] - times[k - 1]))
            .sum();
        let length = times[i] - times[0];
        2.0 * area / (length * length)
    };
    TimeCourse {
        times: times[1..].to_vec(),
        bliss: over(&|i| log(1, i) + log(2, i) - log(0, i) - log(3, i)),
        hsa: over(&|i| log(1, i).min(log(2, i)) - log(3, i)),
        additive: over(&|i| {
            let expected = relative(1, i) + relative(2, i) - relative(0, i);
            if expected > 0.0 {
                libm::log(expected) - log(3, i)
            } else {
                f64::NAN
            }
        }),
        rates: later
            .clone()
            .map(|i| [0, 1, 2, 3].map(|arm| rate(arm, i)))
            .collect(),
    }
}
