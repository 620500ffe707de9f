//! Stiff test problems with published ends, in every number of lanes; a closed orbit for the methods of single runs.

use super::program::failure;
use super::{Bound, Check, Program, largest};
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::{Classical, Solver};

const GROUP: &str = "classical";

/// Lanes that are tried.
const WIDTHS: [usize; 3] = [4, 8, 32];

/// Relative tolerance of the runs in lanes.
const RTOL: f64 = 1e-7;

pub fn checks(program: &dyn Program, _: &Library) -> Vec<Check> {
    let mut checks = Vec::new();
    let error = |problem: Classical, solver, rtol| -> Result<f64> {
        let (end, _) = program.classical(problem, solver, rtol)?;
        Ok(problem.error(&end))
    };
    let mut add = |problem: Classical, method: &str, measured, most| {
        let what = format!("{}, {method}", problem.name());
        let bound = Bound::AtMost(most);
        checks.push(Check::new(
            GROUP,
            what,
            "relative error at the end",
            measured,
            bound,
        ));
    };
    for problem in Classical::STIFF {
        let most = match problem {
            Classical::Oregonator => 1e-5,
            _ => 1e-6,
        };
        let measured = error(problem, Solver::Rodas5P(8), RTOL);
        add(problem, "Rodas5P", measured, most);
    }
    let relaxed = Classical::ProtheroRobinson;
    let measured = error(relaxed, Solver::RadauIia(8), 1e-8);
    add(relaxed, "Radau IIA", measured, 1e-7);
    let orbit = Classical::Arenstorf;
    for (method, solver) in [
        ("Dopri5", Solver::Dopri5),
        ("Dop853", Solver::Dop853),
        ("Rodas5P", Solver::Rodas5P(8)),
    ] {
        // The orbit passes the moon so closely that an error grows a thousandfold.
        add(orbit, method, error(orbit, solver, 1e-11), 1e-5);
    }
    let hires = Classical::Hires;
    for (method, solver) in [("Dopri5", Solver::Dopri5), ("Dop853", Solver::Dop853)] {
        add(hires, method, error(hires, solver, 1e-9), 1e-6);
    }
    checks.push(widths(program));
    checks
}

/// The ends in 4, 8 and 32 lanes are the same to the bit: machine code and interpreted steps, narrow and wide.
fn widths(program: &dyn Program) -> Check {
    let ends = |solver: fn(usize) -> Solver, problem: Classical| -> Result<f64> {
        let end = |width| program.classical(problem, solver(width), RTOL);
        let (first, _) = end(WIDTHS[0])?;
        let mut worst = 0.0f64;
        for width in &WIDTHS[1..] {
            let (other, _) = end(*width)?;
            if other.len() != first.len() {
                return Err(failure(problem.name(), "another number of states"));
            }
            let pairs = first.iter().zip(&other);
            worst = largest([worst, largest(pairs.map(|(a, b)| (a - b).abs()))]);
        }
        Ok(worst)
    };
    let measured = Classical::STIFF
        .into_iter()
        .map(|problem| ends(Solver::Rodas5P, problem))
        .chain([
            ends(Solver::RadauIia, Classical::LotkaVolterra),
            ends(Solver::RadauIia, Classical::ProtheroRobinson),
        ])
        .collect::<Result<Vec<f64>>>()
        .map(largest);
    let what = "all of them in 4, 8 and 32 lanes";
    Check::new(GROUP, what, "difference", measured, Bound::AtMost(0.0))
}
