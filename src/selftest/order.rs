//! The order of each method, measured: how the error falls with the step.

use super::{Bound, Check, Program};
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::{Classical, Solver};

const GROUP: &str = "order";

pub fn checks(program: &dyn Program, _: &Library) -> Vec<Check> {
    let explicit = |eighth, steps| fixed(program, eighth, steps);
    let lanes = |solver, tightest| by_tolerance(program, solver, tightest);
    let check = |what: &str, measured, low, high| {
        let bound = Bound::Between(low, high);
        Check::new(GROUP, what, "measured order", measured, bound)
    };
    vec![
        check("Dopri5, order 5", explicit(false, 64), 4.8, 5.4),
        check("Dop853, order 8", explicit(true, 16), 7.7, 8.7),
        check(
            "Rodas5P, order 5",
            lanes(Solver::Rodas5P(8), 1e-9),
            4.5,
            5.5,
        ),
        // Steps chosen by the error are not equal, so that the number is rough.
        check(
            "Radau IIA, order 19",
            lanes(Solver::RadauIia(8), 1e-7),
            14.0,
            32.0,
        ),
    ]
}

/// From the errors in so many equal steps and in twice as many.
fn fixed(program: &dyn Program, eighth_order: bool, steps: u32) -> Result<f64> {
    let circle = Classical::Circle;
    let error = |steps| -> Result<f64> {
        let end = program.in_steps(circle, eighth_order, steps)?;
        Ok(circle.error(&end))
    };
    Ok((error(steps)? / error(2 * steps)?).log2())
}

/// From the errors and the steps taken at two tolerances.
fn by_tolerance(program: &dyn Program, solver: Solver, tightest: f64) -> Result<f64> {
    let animals = Classical::LotkaVolterra;
    let at = |rtol| -> Result<(f64, f64)> {
        let (end, work) = program.classical(animals, solver, rtol)?;
        Ok((animals.error(&end), work.accepted_steps as f64))
    };
    let (loose, tight) = (at(1e4 * tightest)?, at(tightest)?);
    Ok((loose.0 / tight.0).ln() / (tight.1 / loose.1).ln())
}
