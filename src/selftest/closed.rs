//! Closed forms of the drug amounts, written down apart from the engine.
//!
//! With one dose of amount `D` at time 0, absorption `ka`, elimination `k = CL/V`, rate of infusion `R` over a time `T`,
//! interval `tau`:
//!
//! ```text
//! bolus          D e^(-k t)
//! by mouth       D ka/(ka-k) [e^(-k t) - e^(-ka t)]                                       (Bateman)
//! infusion       R/k (1 - e^(-k min(t,T))) e^(-k max(t-T,0))
//! steady state   each exponential e^(-r t) of a dose becomes e^(-r t)/(1 - e^(-r tau))
//! five stages    D (ka/d)^5 e^(-k t) P(5, d t),  d = ka - k                                (gamma density folded with e^(-k t))
//! recirculation  exponentials of the matrices with the gallbladder open and closed
//! ```

use crate::model::exposure::Enterohepatic;
use nalgebra::SMatrix;

/// Amount in the central compartment at `t` h after an oral dose of `dose` mg.
pub fn bateman(dose: f64, ka: f64, k: f64, t: f64) -> f64 {
    if t <= 0.0 {
        return 0.0;
    }
    dose * ka / (ka - k) * ((-k * t).exp() - (-ka * t).exp())
}

/// Amount in the central compartment at `t` h after the start of an infusion of `rate` mg/h.
pub fn infused(rate: f64, length: f64, k: f64, t: f64) -> f64 {
    if t <= 0.0 {
        return 0.0;
    }
    rate / k * (1.0 - (-k * t.min(length)).exp()) * (-k * (t - length).max(0.0)).exp()
}

/// What `e^(-rate t)` of one dose becomes when the doses have come every `interval` for ever.
pub fn repeated(rate: f64, interval: f64, t: f64) -> f64 {
    (-rate * t).exp() / (1.0 - (-rate * interval).exp())
}

/// Amount in the central compartment behind five stages of rate `ka` without recirculation, with the regularised
/// incomplete gamma function P.
pub fn behind_five_stages(dose: f64, ka: f64, k: f64, t: f64) -> f64 {
    if t <= 0.0 {
        return 0.0;
    }
    let d = ka - k;
    // P(5, x) = e^-x (x^5/5! + x^6/6! + ...), without cancellation at small x.
    let x = d * t;
    let mut term = x.powi(5) / 120.0;
    let mut sum = 0.0;
    let mut n = 5.0;
    while term > 1e-18 * sum {
        sum += term;
        n += 1.0;
        term *= x / n;
    }
    dose * (ka / d).powi(5) * (-k * t - x).exp() * sum
}

/// Depot, four transits, central, gallbladder.
pub type Chain = SMatrix<f64, 7, 7>;

/// The linear equations of man with the gallbladder open or closed.
pub fn chain(p: &Enterohepatic<f64>, weight: f64, open: bool) -> Chain {
    let ka = 5.0 / p.mean_absorption_time;
    let out = p.clearance / (p.volume * weight);
    let mut matrix = Chain::zeros();
    for stage in 0..5 {
        matrix[(stage, stage)] = -ka;
        matrix[(stage + 1, stage)] = ka;
    }
    matrix[(5, 5)] = -out;
    matrix[(6, 5)] = p.enterohepatic_fraction * out;
    if open {
        matrix[(6, 6)] = -p.gallbladder_release;
        matrix[(4, 6)] = p.gallbladder_release;
    }
    matrix
}
