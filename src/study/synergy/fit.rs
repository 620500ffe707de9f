//! Hill curves and surfaces by least squares (Levenberg-Marquardt).

use super::nulls::{Curve, Surface};
use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::storage::Owned;
use nalgebra::{DMatrix, DVector, Dyn, Matrix3, Vector3};

/// `E = start + (top - start) x^h / (1 + x^h)`, x the dose over the half-effective one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hill {
    /// Effect without this drug.
    pub start: f64,
    /// Effect at the highest doses.
    pub top: f64,
    /// Half-effective dose.
    pub half: f64,
    /// Exponent.
    pub exponent: f64,
}

impl Hill {
    /// Effect of a dose.
    pub fn effect(&self, dose: f64) -> f64 {
        if dose <= 0.0 {
            return self.start;
        }
        let x = libm::pow(dose / self.half, self.exponent);
        self.start + (self.top - self.start) * x / (1.0 + x)
    }
}

/// A residual function of parameters, for the fitter.
struct Residuals<F> {
    parameters: DVector<f64>,
    of: F,
}

impl<F: Fn(&DVector<f64>) -> DVector<f64>> LeastSquaresProblem<f64, Dyn, Dyn> for Residuals<F> {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn>;

    fn set_params(&mut self, parameters: &DVector<f64>) {
        self.parameters.copy_from(parameters);
    }

    fn params(&self) -> DVector<f64> {
        self.parameters.clone()
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        let residuals = (self.of)(&self.parameters);
        residuals.iter().all(|r| r.is_finite()).then_some(residuals)
    }

    /// By central differences: the parameters are logarithms and fractions of order one.
    fn jacobian(&self) -> Option<DMatrix<f64>> {
        const STEP: f64 = 1e-6;
        let rows = (self.of)(&self.parameters).len();
        let mut jacobian = DMatrix::zeros(rows, self.parameters.len());
        for column in 0..self.parameters.len() {
            let at = |step: f64| {
                let mut moved = self.parameters.clone();
                moved[column] += step;
                (self.of)(&moved)
            };
            let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            jacobian.set_column(column, &slope);
        }
        jacobian.iter().all(|r| r.is_finite()).then_some(jacobian)
    }
}

/// The best parameters over several starts, with the sum of squares.
fn fit(
    starts: &[Vec<f64>],
    of: impl Fn(&DVector<f64>) -> DVector<f64> + Copy,
) -> Option<(DVector<f64>, f64)> {
    starts
        .iter()
        .filter_map(|start| {
            let problem = Residuals {
                parameters: DVector::from_vec(start.clone()),
                of,
            };
            let (problem, _) = LevenbergMarquardt::new()
                .with_patience(200)
                .minimize(problem);
            let squares = (problem.of)(&problem.parameters).norm_squared();
            squares.is_finite().then_some((problem.parameters, squares))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Largest exponent that a fit may take.
const STEEPEST: f64 = 8.0;

fn exponent(raw: f64) -> f64 {
    STEEPEST / (1.0 + libm::exp(-raw))
}

fn raw_exponent(exponent: f64) -> f64 {
    -libm::log(STEEPEST / exponent - 1.0)
}

/// An effect from its free parameter: f = 1 - E stays above 0, so that no fit runs to effects that
/// cannot be.
fn effect(raw: f64) -> f64 {
    1.0 - libm::exp(raw)
}

fn raw_effect(effect: f64) -> f64 {
    libm::log((1.0 - effect).max(1e-3))
}

fn hill_of(start: f64, p: &DVector<f64>) -> Hill {
    Hill {
        start,
        top: effect(p[0]),
        half: libm::exp(p[1]),
        exponent: exponent(p[2]),
    }
}

/// Fits doses and effects with the start given.
fn fit_from(start: f64, doses: &[f64], effects: &[f64]) -> Option<Hill> {
    let points: Vec<(f64, f64)> = doses
        .iter()
        .zip(effects)
        .filter(|(dose, effect)| **dose > 0.0 && effect.is_finite())
        .map(|(dose, effect)| (*dose, *effect))
        .collect();
    if points.len() < 3 {
        return None;
    }
    let last = points[points.len() - 1];
    let logs: Vec<f64> = points.iter().map(|(dose, _)| libm::log(*dose)).collect();
    let (low, high) = (logs[0], logs[logs.len() - 1]);
    let starts: Vec<Vec<f64>> = [0.2, 0.5, 0.8]
        .iter()
        .flat_map(|part| {
            [1.0, 2.5].map(|h| {
                vec![
                    raw_effect(last.1),
                    low + part * (high - low),
                    raw_exponent(h),
                ]
            })
        })
        .collect();
    let of = |p: &DVector<f64>| {
        let hill = hill_of(start, p);
        DVector::from_iterator(
            points.len(),
            points.iter().map(|(d, e)| hill.effect(*d) - e),
        )
    };
    fit(&starts, of).map(|(p, _)| hill_of(start, &p))
}

/// A Hill curve through a single drug's effects, from the effect without drug.
pub fn fit_hill(curve: &Curve) -> Option<Hill> {
    fit_from(curve.effects[0], &curve.doses, &curve.effects)
}

/// A conditional curve of ZIP: it starts from the fitted effect of the other drug's dose; `alone` gives
/// the parameters where there is nothing left to fit.
pub(super) fn fit_conditional(
    doses: &[f64],
    effects: &[f64],
    start: f64,
    alone: &Hill,
) -> Option<Hill> {
    fit_from(start, doses, effects).or(Some(Hill { start, ..*alone }))
}

/// A fitted Hill surface of four states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Musyc {
    /// Effect of no drug, the first, the second, and both at the highest doses.
    pub effects: [f64; 4],
    /// Half-effective doses of both drugs alone.
    pub halves: [f64; 2],
    /// Exponents of both drugs.
    pub exponents: [f64; 2],
    /// What the first drug does to the potency of the second, and the second to that of the first; above
    /// 1: more potent.
    pub alphas: [f64; 2],
    /// Synergistic efficacy: gain of both over the better drug, over the effect of the better drug.
    pub beta: f64,
    /// Part of the variance of the effects that the fit explains.
    pub r2: f64,
}

impl Musyc {
    fn of(p: &DVector<f64>) -> Self {
        let effects = [0.0, effect(p[0]), effect(p[1]), effect(p[2])];
        let better = effects[1].max(effects[2]);
        Self {
            effects,
            halves: [libm::exp(p[3]), libm::exp(p[4])],
            exponents: [exponent(p[5]), exponent(p[6])],
            alphas: [libm::exp(p[7]), libm::exp(p[8])],
            beta: (effects[3] - better) / better,
            r2: f64::NAN,
        }
    }

    /// Effect of both doses: the steady state of untouched, either and both, with forward rates
    /// `(d/C)^h`, the potency of the second step times alpha, and backward rates of 1.
    pub fn effect(&self, first: f64, second: f64) -> f64 {
        let rate = |dose: f64, drug: usize, alpha: f64| {
            libm::pow(alpha * dose / self.halves[drug], self.exponents[drug])
        };
        let (a, b) = (rate(first, 0, 1.0), rate(second, 1, 1.0));
        let (after_second, after_first) = (
            rate(first, 0, self.alphas[1]),
            rate(second, 1, self.alphas[0]),
        );
        // Rows: balance of untouched, of the first alone, of the second alone, with both = 1 - the rest.
        let matrix = Matrix3::new(
            -(a + b),
            1.0,
            1.0,
            a - 1.0,
            -(1.0 + after_first) - 1.0,
            -1.0,
            b - 1.0,
            -1.0,
            -(1.0 + after_second) - 1.0,
        );
        let Some(parts) = matrix.lu().solve(&Vector3::new(0.0, -1.0, -1.0)) else {
            return f64::NAN;
        };
        let both = 1.0 - parts.sum();
        self.effects[0] * parts[0]
            + self.effects[1] * parts[1]
            + self.effects[2] * parts[2]
            + self.effects[3] * both
    }
}

/// Fits a surface of four states; `None` for less than three doses of either drug.
pub fn fit_musyc(surface: &Surface) -> Option<Musyc> {
    let (first, second) = (
        fit_hill(&surface.first_alone)?,
        fit_hill(&surface.second_alone)?,
    );
    let mut points: Vec<(f64, f64, f64)> = Vec::new();
    for (i, a) in surface.first.iter().enumerate() {
        for (j, b) in surface.second.iter().enumerate() {
            points.push((*a, *b, surface.effects[i][j]));
        }
    }
    points.retain(|point| point.2.is_finite());
    let top = points.iter().map(|p| p.2).fold(f64::NEG_INFINITY, f64::max);
    let halves = [libm::log(first.half), libm::log(second.half)];
    let exponents = [first.exponent, second.exponent].map(|h| raw_exponent(h.clamp(0.2, 7.0)));
    let starts: Vec<Vec<f64>> = [(0.0, 0.0), (1.0, 1.0), (-1.0, -1.0), (2.0, 0.0), (0.0, 2.0)]
        .map(|(one, other)| {
            vec![
                raw_effect(first.top),
                raw_effect(second.top),
                raw_effect(top),
                halves[0],
                halves[1],
                exponents[0],
                exponents[1],
                one,
                other,
            ]
        })
        .to_vec();
    let of = |p: &DVector<f64>| {
        let musyc = Musyc::of(p);
        let residuals = points.iter().map(|(a, b, e)| musyc.effect(*a, *b) - e);
        DVector::from_iterator(points.len(), residuals)
    };
    let (p, squares) = fit(&starts, of)?;
    let mean = points.iter().map(|p| p.2).sum::<f64>() / points.len() as f64;
    let total: f64 = points.iter().map(|p| (p.2 - mean) * (p.2 - mean)).sum();
    Some(Musyc {
        r2: 1.0 - squares / total,
        ..Musyc::of(&p)
    })
}
