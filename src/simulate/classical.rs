//! Classical test problems: equations, start and reference together, for every method of the program.
//!
//! References: the stiff problems from the test set for IVP solvers of Bari (Mazzia & Magherini 2008, release 2.4; made
//! there at 1e-12 or better); the Arenstorf orbit from Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I
//! (1993), II.0, a closed orbit, so that its end is its start. The others have exact solutions.

use super::ensemble::plain::{self, Rates, Way};
use super::integrator::Work;
use crate::model::Number;
use ode_solvers::dop_shared::{OutputType, System};
use ode_solvers::{DVector, Dop853, Dopri5};

/// A problem with a known end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classical {
    /// Robertson's chemical kinetics: three states, rates from 0.04 to 3e7; to t = 40.
    Robertson,
    /// Van der Pol's oscillator with epsilon 1e-6; to t = 2.
    VanDerPol,
    /// Photomorphogenesis in plants (HIRES): eight states; to t = 321.8122.
    Hires,
    /// The Oregonator of the Belousov-Zhabotinskii reaction; to t = 360.
    Oregonator,
    /// A satellite in the plane of earth and moon (not stiff); one period.
    Arenstorf,
    /// Prothero & Robinson: a slow solution to which everything relaxes a thousand times as fast; to t = 4.
    ProtheroRobinson,
    /// Lotka & Volterra's animals (not stiff): x - 3 ln x + y - 1.5 ln y stays what it is; to t = 60.
    LotkaVolterra,
    /// The circle, u' = v, v' = -u; from (1, 0) to t = 10.
    Circle,
}

/// A method of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solver {
    /// Dormand & Prince 5(4), of single runs.
    Dopri5,
    /// Dormand & Prince 8(5,3), of single runs.
    Dop853,
    /// Rodas5P in this many lanes: 4, 8 or 32.
    Rodas5P(usize),
    /// Collocation by Radau IIA in this many lanes: 4, 8 or 32.
    RadauIia(usize),
}

impl Classical {
    /// The stiff ones.
    pub const STIFF: [Self; 4] = [
        Self::Robertson,
        Self::VanDerPol,
        Self::Hires,
        Self::Oregonator,
    ];

    /// Name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Robertson => "Robertson",
            Self::VanDerPol => "van der Pol",
            Self::Hires => "HIRES",
            Self::Oregonator => "Oregonator",
            Self::Arenstorf => "Arenstorf orbit",
            Self::ProtheroRobinson => "Prothero and Robinson",
            Self::LotkaVolterra => "Lotka and Volterra",
            Self::Circle => "circle",
        }
    }

    /// State at time 0.
    pub fn start(self) -> Vec<f64> {
        match self {
            Self::Robertson => vec![1.0, 0.0, 0.0],
            Self::VanDerPol => vec![2.0, 0.0],
            Self::Hires => vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057],
            Self::Oregonator => vec![1.0, 2.0, 3.0],
            Self::Arenstorf => vec![0.994, 0.0, 0.0, -2.001_585_106_379_082_5],
            Self::ProtheroRobinson => vec![0.0, 1.0],
            Self::LotkaVolterra => vec![1.0, 1.0],
            Self::Circle => vec![1.0, 0.0],
        }
    }

    /// End of the run.
    pub fn length(self) -> f64 {
        match self {
            Self::Robertson => 40.0,
            Self::VanDerPol => 2.0,
            Self::Hires => 321.8122,
            Self::Oregonator => 360.0,
            Self::Arenstorf => 17.065_216_560_157_964,
            Self::ProtheroRobinson => 4.0,
            Self::LotkaVolterra => 60.0,
            Self::Circle => 10.0,
        }
    }

    /// State at the end; of Lotka and Volterra's animals any state with the same invariant.
    pub fn reference(self) -> Vec<f64> {
        match self {
            Self::Robertson => vec![0.715_827_068_7, 0.918_553_476_5e-5, 0.284_163_745_7],
            Self::VanDerPol => vec![1.706_167_732_170_483, -0.892_809_701_024_797_5],
            Self::Hires => vec![
                0.737_131_257_332_566_8e-3,
                0.144_248_572_631_618_5e-3,
                0.588_872_974_096_757_5e-4,
                0.117_565_134_328_314_9e-2,
                0.238_635_619_883_133_1e-2,
                0.623_896_825_274_279_6e-2,
                0.284_999_839_518_576_9e-2,
                0.285_000_160_481_423_1e-2,
            ],
            Self::Oregonator => vec![
                1.000_814_870_318_523,
                1_228.178_521_549_917,
                132.055_494_284_670_6,
            ],
            Self::Arenstorf | Self::LotkaVolterra => self.start(),
            Self::ProtheroRobinson => vec![4.0, (-4f64).exp()],
            Self::Circle => vec![10f64.cos(), -10f64.sin()],
        }
    }

    /// Absolute over relative tolerance of each state.
    fn weights(self) -> Vec<f64> {
        match self {
            Self::Robertson => vec![1.0, 1e-6, 1.0],
            Self::Hires => vec![1e-4; 8],
            _ => vec![1.0; self.start().len()],
        }
    }

    /// Largest difference of an end from the reference, relative to the state (for the orbit, whose states pass 0, to 1; of
    /// the animals that of the invariant).
    pub fn error(self, end: &[f64]) -> f64 {
        let reference = self.reference();
        if let (Self::LotkaVolterra, [x, y]) = (self, end) {
            let invariant = |x: f64, y: f64| x - 3.0 * x.ln() + y - 1.5 * y.ln();
            return (invariant(*x, *y) / invariant(1.0, 1.0) - 1.0).abs();
        }
        let size = |value: f64| match self {
            Self::Arenstorf | Self::Circle => 1.0,
            _ => value.abs(),
        };
        let pairs = end.iter().zip(&reference);
        let largest = pairs.map(|(e, r)| (e - r).abs() / size(*r));
        if end.len() == reference.len() && end.iter().all(|value| value.is_finite()) {
            largest.fold(0.0, f64::max)
        } else {
            f64::NAN
        }
    }

    /// The end at a relative tolerance, with the work.
    ///
    /// # Errors
    /// What the method says when it gives up.
    pub fn solve(self, solver: Solver, rtol: f64) -> Result<(Vec<f64>, Work), String> {
        let in_lanes = |collocation, width| {
            let way = Way {
                collocation,
                rtol,
                width,
            };
            plain::solve(&self, &self.start(), &self.weights(), self.length(), way)
        };
        match solver {
            Solver::Rodas5P(width) => in_lanes(false, width),
            Solver::RadauIia(width) => in_lanes(true, width),
            Solver::Dopri5 | Solver::Dop853 => {
                let steps = Steps {
                    rtol,
                    first: 0.0,
                    largest: self.length(),
                };
                self.explicit(solver == Solver::Dop853, steps)
            }
        }
    }

    /// The end by a method of single runs in so many equal steps.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    pub fn solve_in(self, eighth_order: bool, steps: u32) -> Result<Vec<f64>, String> {
        let step = self.length() / f64::from(steps);
        // A tolerance that every step meets, so that none is shortened.
        let equal = Steps {
            rtol: 1e6,
            first: step,
            largest: step,
        };
        self.explicit(eighth_order, equal).map(|(end, _)| end)
    }

    fn explicit(self, eighth_order: bool, steps: Steps) -> Result<(Vec<f64>, Work), String> {
        let Steps {
            rtol,
            first,
            largest,
        } = steps;
        let length = self.length();
        let start = DVector::from_vec(self.start());
        let atol = rtol * self.weights().into_iter().fold(f64::INFINITY, f64::min);
        macro_rules! run {
            ($solver:ident, $beta:literal, $shrink:literal, $grow:literal) => {{
                let mut solver = $solver::from_param(
                    self,
                    0.0,
                    length,
                    length,
                    start,
                    rtol,
                    atol,
                    0.9,
                    $beta,
                    $shrink,
                    $grow,
                    largest,
                    first,
                    1_000_000,
                    u32::MAX,
                    OutputType::Sparse,
                );
                let stats = solver.integrate().map_err(|error| error.to_string())?;
                let end = solver.y_out().last().map(|y| y.iter().copied().collect());
                (end.unwrap_or_default(), stats)
            }};
        }
        let (end, stats) = if eighth_order {
            run!(Dop853, 0.0, 0.333, 6.0)
        } else {
            run!(Dopri5, 0.04, 0.2, 10.0)
        };
        let mut work = Work::default();
        work.add(&stats);
        Ok((end, work))
    }
}

/// Tolerance and lengths of steps; a first step of 0 is chosen by the method.
struct Steps {
    rtol: f64,
    first: f64,
    largest: f64,
}

impl System<f64, DVector<f64>> for Classical {
    fn system(&self, _time: f64, y: &DVector<f64>, dy: &mut DVector<f64>) {
        dy.copy_from_slice(&self.rates(y.as_slice()));
    }
}

impl Rates for Classical {
    fn rates<T: Number>(&self, y: &[T]) -> Vec<T> {
        let c = T::constant;
        match self {
            Self::Robertson => {
                let slow = y[0] * 0.04;
                let back = y[1] * y[2] * 1e4;
                let fast = y[1] * y[1] * 3e7;
                vec![back - slow, slow - back - fast, fast]
            }
            Self::VanDerPol => {
                let damped = (y[0] * y[0]).complement() * y[1] - y[0];
                vec![y[1], damped / 1e-6]
            }
            Self::Hires => {
                let bound = y[5] * y[7] * 280.0;
                vec![
                    y[0] * -1.71 + y[1] * 0.43 + y[2] * 8.32 + 0.0007,
                    y[0] * 1.71 - y[1] * 8.75,
                    y[2] * -10.03 + y[3] * 0.43 + y[4] * 0.035,
                    y[1] * 8.32 + y[2] * 1.71 - y[3] * 1.12,
                    y[4] * -1.745 + y[5] * 0.43 + y[6] * 0.43,
                    y[3] * 0.69 + y[4] * 1.71 - y[5] * 0.43 + y[6] * 0.69 - bound,
                    bound - y[6] * 1.81,
                    y[6] * 1.81 - bound,
                ]
            }
            Self::Oregonator => vec![
                (y[1] + y[0] * (-(y[0] * 8.375e-6) + 1.0 - y[1])) * 77.27,
                (y[2] - (y[0] + 1.0) * y[1]) / 77.27,
                (y[0] - y[2]) * 0.161,
            ],
            Self::Arenstorf => {
                const MOON: f64 = 0.012_277_471;
                const EARTH: f64 = 1.0 - MOON;
                let cubed = |x: T| {
                    let square = x * x + y[1] * y[1];
                    square * square.sqrt()
                };
                let (to_earth, to_moon) = (y[0] + MOON, y[0] - EARTH);
                let earth = c(EARTH) / cubed(to_earth);
                let moon = c(MOON) / cubed(to_moon);
                vec![
                    y[2],
                    y[3],
                    y[0] + y[3] * 2.0 - earth * to_earth - moon * to_moon,
                    y[1] - y[2] * 2.0 - (earth + moon) * y[1],
                ]
            }
            Self::ProtheroRobinson => {
                let slow = (-y[0]).exp();
                vec![c(1.0), (y[1] - slow) * -1e3 - slow]
            }
            Self::LotkaVolterra => {
                vec![y[0] * (c(1.5) - y[1]), y[1] * (y[0] - 3.0)]
            }
            Self::Circle => vec![y[1], -y[0]],
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The work to within two steps, which the rounding of other machines may add or save.
    fn pinned(problem: Classical, bound: f64, accepted: u64, rejected: u64) {
        let (end, work) = problem.solve(Solver::Rodas5P(8), 1e-7).unwrap();
        assert!(problem.error(&end) < bound, "{problem:?}: {end:?}");
        let off = work.accepted_steps.abs_diff(accepted) + work.rejected_steps.abs_diff(rejected);
        assert!(off <= 2, "{problem:?}: {work:?}");
    }

    #[test]
    fn stiff_problems_end_at_their_references_with_the_usual_work() {
        pinned(Classical::Robertson, 1e-7, 75, 29);
        pinned(Classical::VanDerPol, 1e-6, 1056, 28);
        pinned(Classical::Hires, 1e-6, 401, 7);
        pinned(Classical::Oregonator, 1e-5, 1293, 18);
    }

    /// Collocation follows the slow solution in steps of its own, and the exactly known state drives it.
    #[test]
    fn collocation_is_stable_on_a_stiff_problem() {
        let problem = Classical::ProtheroRobinson;
        let (end, work) = problem.solve(Solver::RadauIia(8), 1e-8).unwrap();
        assert!((end[0] - 4.0).abs() < 1e-12, "{end:?}");
        assert!((end[1] - (-4f64).exp()).abs() < 1e-9, "{end:?}");
        assert!(work.accepted_steps <= 4, "{work:?}");
    }

    #[test]
    fn a_width_that_there_is_not_is_refused() {
        let refused = Classical::Circle.solve(Solver::Rodas5P(5), 1e-6);
        assert!(refused.unwrap_err().contains("4, 8 or 32"));
    }

    /// The error falls with the tolerance at the rate of the order.
    #[test]
    fn errors_follow_the_tolerance() {
        // The largest error after sixty units of time: a hundred tolerances of collocation, two hundred of the one-step
        // method, which takes twelve times as many steps.
        for (solver, orders, tightest, most, loosest) in [
            (Solver::Rodas5P(8), 4.5..5.5, 1e-9, 2e-7, 1e-3),
            (Solver::RadauIia(8), 14.0..32.0, 1e-7, 1e-5, 5e-2),
        ] {
            let at = |rtol| {
                let (end, work) = Classical::LotkaVolterra.solve(solver, rtol).unwrap();
                let error = Classical::LotkaVolterra.error(&end);
                (error, work.accepted_steps as f64)
            };
            let (loose, tight) = (at(1e4 * tightest), at(tightest));
            let below = loose.0 < loosest && tight.0 < most;
            assert!(below, "{solver:?}: {loose:?} {tight:?}");
            let slope = (loose.0 / tight.0).ln() / (tight.1 / loose.1).ln();
            assert!(
                orders.contains(&slope),
                "{solver:?}: {slope} {loose:?} {tight:?}"
            );
        }
    }
}
