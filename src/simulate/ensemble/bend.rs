//! Where the rates have a kink: the arguments of `[x]+` are watched, and a step over a change of their sign ends there.

use super::collocation;
use super::driver::Control;
use super::machine::Machine;
use super::program::{STAGES, Scheme, System};
use super::radau::{NODES, PLACES};
use super::rodas;

/// How far a watched value may go beyond 0 within a step, as a multiple of the relative tolerance. All of them are of the
/// order of 1, so that what a step loses over the bend stays below as much.
pub(super) const BEND: f64 = 0.01;

/// Cuts of one step after which it is taken as it is.
pub(super) const MAX_CUTS: u32 = 8;

/// Steps that are not cut further, h.
const SHORTEST: f64 = 1e-7;

/// The part of the step before the first bend: where a watched value crosses 0 by the polynomial through its values at
/// the nodes or stages, and at the start where the method has none there.
pub(super) fn first_bend<const W: usize>(
    system: &System,
    control: &Control,
    machine: &Machine<W>,
    lane: usize,
    step: f64,
) -> Option<f64> {
    let (n, watched) = (system.states, system.watched);
    let (seen, nodes, first, stride): (&[usize], &[f64], _, _) = match control.scheme {
        Scheme::Collocation => (&collocation::SEEN, &PLACES, n, n + watched),
        Scheme::OneStep => (&rodas::SEEN, &rodas::NODES, STAGES * n, watched),
    };
    // The start of a collocation's step; not a number where it is not known.
    let start = |k: usize| match control.scheme {
        Scheme::Collocation => machine.rows[system.layout.start + k].0[lane],
        Scheme::OneStep => f64::NAN,
    };
    let (mut places, mut all) = ([0.0; 1 + NODES], [0.0; 1 + NODES]);
    for (place, stage) in places[1..].iter_mut().zip(seen) {
        *place = nodes[*stage];
    }
    let mut part = f64::INFINITY;
    for k in 0..watched {
        let row = |stage: usize| system.layout.increments + first + stage * stride + k;
        all[0] = start(k);
        for (value, stage) in all[1..].iter_mut().zip(seen) {
            *value = machine.rows[row(*stage)].0[lane];
        }
        let known = usize::from(all[0].is_nan())..1 + seen.len();
        let (at, values) = (&places[known.clone()], &all[known]);
        let looks = at.len();
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        if high.min(-low) <= BEND * control.rtol {
            continue;
        }
        let crossing = (1..looks)
            .filter(|i| values[i - 1] * values[*i] < 0.0)
            .map(|i| root(at, values, i))
            .find(|crossing| crossing * step > SHORTEST);
        part = part.min(crossing.unwrap_or(f64::INFINITY));
    }
    ((1.0 - part) * step > SHORTEST).then_some(part)
}

/// Root of the polynomial through all points between the points `i-1` and `i`, whose values differ in sign.
fn root(at: &[f64], values: &[f64], i: usize) -> f64 {
    let looks = at.len();
    let mut differences = [0.0; 1 + NODES];
    let differences = &mut differences[..looks];
    differences.copy_from_slice(values);
    for order in 1..looks {
        for k in (order..looks).rev() {
            differences[k] = (differences[k] - differences[k - 1]) / (at[k] - at[k - order]);
        }
    }
    let value = |x: f64| {
        let terms = differences.iter().zip(at).rev();
        terms.fold(0.0, |sum, (d, node)| sum * (x - node) + d)
    };
    let (mut low, mut high) = (at[i - 1], at[i]);
    for _ in 0..48 {
        let middle = 0.5 * (low + high);
        if value(middle) * values[i - 1] > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
