//! Exact propagation of the linear states.
//!
//! Drug amounts obey `x' = A x + b` with `A` and `b` constant between events and independent of all
//! other states. They are not integrated: over a piece of length `L` every amount is known as a
//! Chebyshev series in time,
//!
//! ```text
//! x_i(t) = sum_k c_ik T_k(2 t/L - 1),    c_i = M_i (x(0), 1)
//! ```
//!
//! whose matrices `M_i` depend on `A`, `b` and `L` only and are made once per regimen and problem. They
//! come from `exp(A t)` by uniformisation: with `P = I + A/q`, `q` the largest rate,
//! `exp(A t) = sum_k exp(-q t) (q t)^k/k! P^k`, a sum of positive terms for compartments.
//!
//! A piece is at most [`LONGEST`]`/q` long, for which [`TERMS`] terms leave less than 1e-10 of the
//! amounts (measured in the tests). Longer stretches are cut into equal pieces.

/// Terms of a series.
pub(super) const TERMS: usize = 22;

/// Longest piece, in units of the fastest time constant.
pub(super) const LONGEST: f64 = 16.0;

/// Tables kept per lane.
const KEPT: usize = 32;

/// A linear system `x' = A x + b` by its entries that are not 0; `b` is the last column.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Matrix {
    /// Number of states.
    pub size: usize,
    /// Row, column, value.
    pub entries: Vec<(usize, usize, f64)>,
}

impl Matrix {
    /// Largest rate.
    pub fn fastest(&self) -> f64 {
        let diagonal = self.entries.iter().filter(|(i, j, _)| i == j);
        diagonal.map(|(_, _, a)| a.abs()).fold(0.0, f64::max)
    }
}

/// Series of all states over a piece, as functions of the state at its start.
#[derive(Debug, Clone)]
pub(super) struct Table {
    matrix: Matrix,
    length: f64,
    /// M_i: for each state, one row of `TERMS` coefficients per state at the start and one for 1.
    series: Vec<[f64; TERMS]>,
    /// Sums of those rows: the values at the end of the piece.
    ends: Vec<f64>,
}

impl Table {
    fn new(matrix: &Matrix, length: f64) -> Self {
        let m = matrix.size;
        let wide = m + 1;
        let q = matrix.fastest().max(1e-3 / length);
        let z = q * length;
        let iterates = (z + 7.0 * z.sqrt() + 16.0) as usize;
        // Weights of the iterates in each coefficient: Chebyshev transform of Poisson weights.
        let mut weights = vec![0.0; TERMS * iterates];
        let mut poisson = vec![0.0; iterates];
        for node in 0..TERMS {
            let angle = std::f64::consts::PI * (node as f64 + 0.5) / TERMS as f64;
            let at = 0.5 * z * (1.0 + libm::cos(angle));
            poisson[0] = libm::exp(-at);
            for k in 1..iterates {
                poisson[k] = poisson[k - 1] * at / k as f64;
            }
            for term in 0..TERMS {
                let norm = if term == 0 { 1.0 } else { 2.0 } / TERMS as f64;
                let weight = norm * libm::cos(term as f64 * angle);
                for k in 0..iterates {
                    weights[k * TERMS + term] += weight * poisson[k];
                }
            }
        }
        let mut series = vec![[0.0; TERMS]; m * wide];
        let mut row = vec![0.0; wide];
        let mut next = vec![0.0; wide];
        for state in 0..m {
            row.fill(0.0);
            row[state] = 1.0;
            for k in 0..iterates {
                let weights = &weights[k * TERMS..(k + 1) * TERMS];
                for (terms, value) in series[state * wide..].iter_mut().zip(&row) {
                    if f64::abs(*value) > 0.0 {
                        for (to, weight) in terms.iter_mut().zip(weights) {
                            *to += weight * value;
                        }
                    }
                }
                next.copy_from_slice(&row);
                for (i, j, a) in &matrix.entries {
                    next[*j] += row[*i] * a / q;
                }
                std::mem::swap(&mut row, &mut next);
            }
        }
        Self {
            matrix: matrix.clone(),
            length,
            ends: series.iter().map(|terms| terms.iter().sum()).collect(),
            series,
        }
    }

    fn fits(&self, matrix: &Matrix, length: f64) -> bool {
        (self.length - length).abs() <= 1e-9 * length && self.matrix == *matrix
    }

    /// Coefficients of a state from the states at the start.
    pub fn coefficients(&self, state: usize, start: &[f64]) -> [f64; TERMS] {
        let m = self.matrix.size;
        let rows = &self.series[state * (m + 1)..(state + 1) * (m + 1)];
        let mut out = rows[m];
        for (terms, x) in rows.iter().zip(start) {
            for (to, term) in out.iter_mut().zip(terms) {
                *to += term * x;
            }
        }
        out
    }

    /// The states at the end of the piece, in place of those at its start.
    pub fn finish(&self, states: &mut [f64]) {
        let start = states.to_vec();
        for (value, row) in states
            .iter_mut()
            .zip(self.ends.chunks(self.matrix.size + 1))
        {
            *value =
                row[self.matrix.size] + row.iter().zip(&start).map(|(a, x)| a * x).sum::<f64>();
        }
    }
}

/// The tables of one lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    kept: Vec<Table>,
    current: usize,
}

impl Tables {
    /// Chooses the table of a piece, making it if need be.
    pub fn choose(&mut self, matrix: &Matrix, length: f64) {
        if let Some(found) = self.kept.iter().position(|t| t.fits(matrix, length)) {
            self.current = found;
            return;
        }
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.push(Table::new(matrix, length));
        self.current = self.kept.len() - 1;
    }

    /// The chosen table.
    pub fn current(&self) -> Option<&Table> {
        self.kept.get(self.current)
    }
}

/// The series at `place` between -1 and 1 (Clenshaw).
pub(super) fn series(coefficients: &[f64; TERMS], place: f64) -> f64 {
    let twice = 2.0 * place;
    let (mut a, mut b) = (0.0, 0.0);
    for c in coefficients[1..].iter().rev() {
        (a, b) = (c + twice * a - b, a);
    }
    coefficients[0] + place * a - b
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of three compartments with a loop and an infusion, against the matrix exponential.
    #[test]
    fn amounts_of_a_loop_with_infusion() {
        let rates = [
            (0, 0, -2.5),
            (1, 0, 2.5),
            (1, 1, -0.4),
            (2, 1, 0.2),
            (2, 2, -0.8),
            (1, 2, 0.8),
            (1, 3, 7.0),
        ];
        let matrix = Matrix {
            size: 3,
            entries: rates.to_vec(),
        };
        let start = [240.0, 10.0, 3.0];
        for length in [0.5, 6.0, LONGEST / 2.5] {
            let table = Table::new(&matrix, length);
            for part in [0.0, 0.1, 0.37, 0.8, 1.0] {
                let mut full = nalgebra::SMatrix::<f64, 4, 4>::zeros();
                for (i, j, a) in rates {
                    full[(i, j)] = a * part * length;
                }
                let exact = full.exp() * nalgebra::SVector::<f64, 4>::new(240.0, 10.0, 3.0, 1.0);
                for i in 0..3 {
                    let value = series(&table.coefficients(i, &start), 2.0 * part - 1.0);
                    assert!(
                        (value - exact[i]).abs() < 240.0 * 1e-10,
                        "{length} {part} {i}: {value} {}",
                        exact[i]
                    );
                }
            }
        }
    }
}
