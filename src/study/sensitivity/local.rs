//! Elasticities at the shipped values: the relative change of an endpoint per relative change of a
//! parameter, by central differences over 1 % to either side. Of an endpoint that is a logarithm the
//! absolute change is taken.
//!
//! Row 0 is the shipped point; rows 2i + 1 and 2i + 2 have parameter i lowered and raised.

use super::space::Space;

/// Relative step to either side.
pub const STEP: f64 = 0.01;

/// Rows of a study of so many parameters.
pub fn rows(parameters: usize) -> usize {
    2 * parameters + 1
}

/// The parameter that a row moves, with its value.
pub fn moved(space: &Space, row: usize) -> Option<(&str, f64)> {
    let index = row.checked_sub(1)?;
    let axis = &space.axes[index / 2];
    let step = if index.is_multiple_of(2) { -STEP } else { STEP };
    Some((axis.path.as_str(), axis.value * (1.0 + step)))
}

/// The elasticity of every parameter; not a number where a row failed or the endpoint is 0 there.
pub fn elasticities(values: &[f64], logarithm: bool) -> Vec<f64> {
    let centre = if logarithm { 1.0 } else { values[0] };
    values[1..]
        .chunks_exact(2)
        .map(|pair| {
            let slope = (pair[1] - pair[0]) / (2.0 * STEP) / centre;
            if slope.is_finite() { slope } else { f64::NAN }
        })
        .collect()
}
