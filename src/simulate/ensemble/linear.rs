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

use super::lanes::{Operate, dispatch, fma};
use super::radau::{NODES, PLACES};
use std::sync::LazyLock;

/// Terms of a series.
pub(super) const TERMS: usize = 22;

/// Longest piece, in units of the fastest time constant.
pub(super) const LONGEST: f64 = 16.0;

/// Tables kept per problem.
const KEPT: usize = 32;

/// A linear system `x' = A x + b` by its entries that are not 0; `b` is the last column.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Matrix {
    /// Number of states.
    pub size: usize,
    /// Row and column of each entry.
    pub entries: Vec<(usize, usize)>,
    /// Its value.
    pub values: Vec<f64>,
    /// Entries that events can change.
    pub changing: Vec<usize>,
}

impl Matrix {
    /// Largest rate.
    pub fn fastest(&self) -> f64 {
        let diagonal = self.triples().filter(|(i, j, _)| i == j);
        diagonal.map(|(_, _, a)| a.abs()).fold(0.0, f64::max)
    }

    /// Row, column and value of the entries.
    pub fn triples(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        self.entries
            .iter()
            .zip(&self.values)
            .map(|((i, j), a)| (*i, *j, *a))
    }
}

/// One row of `TERMS` coefficients per state at the start of a piece and one for 1.
type Rows = Vec<[f64; TERMS]>;

/// Series of states over a piece, as functions of the state at its start.
#[derive(Debug, Clone)]
pub(super) struct Table {
    matrix: Matrix,
    length: f64,
    /// Largest rate, and the weights of the iterates in each coefficient.
    fastest: f64,
    weights: Vec<[f64; TERMS]>,
    /// M_i of the states that are followed all the time, and of all once someone has looked.
    followed: Vec<Rows>,
    all: Vec<Rows>,
    /// The states at the end of the piece, a row of factors per state.
    ends: Vec<f64>,
    /// The followed states at the nodes of the collocation in equal parts of the piece.
    courses: Vec<Course>,
}

/// Followed states at the nodes of one of several equal parts of a piece.
#[derive(Debug, Clone)]
struct Course {
    parts: usize,
    part: usize,
    /// By followed state and by state at the start of the piece, last for 1.
    factors: Vec<[f64; NODES]>,
}

/// cos(k pi (n + 1/2)/TERMS) by node and term.
static COSINES: LazyLock<[[f64; TERMS]; TERMS]> = LazyLock::new(|| {
    std::array::from_fn(|node| {
        let angle = std::f64::consts::PI * (node as f64 + 0.5) / TERMS as f64;
        std::array::from_fn(|term| libm::cos(term as f64 * angle))
    })
});

impl Table {
    fn new(matrix: &Matrix, length: f64, followed: &[usize]) -> Self {
        let fastest = matrix.fastest().max(1e-3 / length);
        let z = fastest * length;
        let iterates = (z + 7.0 * z.sqrt() + 16.0) as usize;
        let mut weights = vec![[0.0; TERMS]; iterates];
        dispatch(Weigh {
            z,
            weights: &mut weights,
        });
        let mut table = Self {
            matrix: matrix.clone(),
            length,
            fastest,
            weights,
            followed: Vec::new(),
            all: Vec::new(),
            ends: vec![0.0; matrix.size * (matrix.size + 1)],
            courses: Vec::new(),
        };
        table.followed = followed.iter().map(|state| table.rows(*state)).collect();
        let steps = table.steps();
        dispatch(Ends {
            steps: &steps,
            weights: &table.weights,
            size: matrix.size,
            ends: &mut table.ends,
        });
        table
    }

    /// Entries of the matrix over its largest rate.
    fn steps(&self) -> Vec<(usize, usize, f64)> {
        let triples = self.matrix.triples();
        triples.map(|(i, j, a)| (i, j, a / self.fastest)).collect()
    }

    /// Calls `see` with the iterates of a row of the identity and their weights.
    fn iterate(&self, state: usize, mut see: impl FnMut(&[f64], &[f64; TERMS])) {
        let wide = self.matrix.size + 1;
        let mut row = vec![0.0; wide];
        row[state] = 1.0;
        let mut next = row.clone();
        let steps = self.steps();
        for weights in &self.weights {
            see(&row, weights);
            next.copy_from_slice(&row);
            for (i, j, a) in &steps {
                next[*j] += row[*i] * a;
            }
            std::mem::swap(&mut row, &mut next);
        }
    }

    fn rows(&self, state: usize) -> Rows {
        let mut rows = vec![[0.0; TERMS]; self.matrix.size + 1];
        self.iterate(state, |row, weights| {
            for (terms, value) in rows.iter_mut().zip(row) {
                if f64::abs(*value) > 0.0 {
                    for (to, weight) in terms.iter_mut().zip(weights) {
                        *to += weight * value;
                    }
                }
            }
        });
        rows
    }

    /// Whether this is the table of a piece of the same problem.
    fn fits(&self, matrix: &Matrix, length: f64) -> bool {
        let mut changing = matrix.changing.iter();
        (self.length - length).abs() <= 1e-9 * length
            && changing.all(|at| self.matrix.values[*at].to_bits() == matrix.values[*at].to_bits())
    }

    /// Coefficients of a followed state, by its place among them, from the states at the start.
    pub fn follow(&self, place: usize, start: &[f64]) -> [f64; TERMS] {
        coefficients(&self.followed[place], start)
    }

    /// A followed state at the nodes of a part of the piece, from the states at its start.
    pub fn course(
        &mut self,
        part: usize,
        parts: usize,
        place: usize,
        start: &[f64],
    ) -> [f64; NODES] {
        let known = |course: &Course| course.part == part && course.parts == parts;
        let at = self.courses.iter().position(known).unwrap_or_else(|| {
            let factors = self.followed.iter().flatten().map(|terms| {
                PLACES.map(|node| series(terms, 2.0 * (part as f64 + node) / parts as f64 - 1.0))
            });
            let factors = factors.collect();
            self.courses.push(Course {
                parts,
                part,
                factors,
            });
            self.courses.len() - 1
        });
        let wide = start.len() + 1;
        let factors = &self.courses[at].factors[place * wide..(place + 1) * wide];
        let mut values = factors[wide - 1];
        for (factors, x) in factors.iter().zip(start) {
            for (value, factor) in values.iter_mut().zip(factors) {
                *value += factor * x;
            }
        }
        values
    }

    /// Coefficients of all states from those at the start.
    pub fn look(&mut self, start: &[f64], into: &mut Vec<[f64; TERMS]>) {
        if self.all.is_empty() {
            self.all = (0..self.matrix.size).map(|i| self.rows(i)).collect();
        }
        into.extend(self.all.iter().map(|rows| coefficients(rows, start)));
    }

    /// The states at the end of the piece from those at its start.
    fn finish(&self, start: &[f64], states: &mut [f64]) {
        let m = self.matrix.size;
        for (value, row) in states.iter_mut().zip(self.ends.chunks(m + 1)) {
            *value = row[m] + row.iter().zip(start).map(|(a, x)| a * x).sum::<f64>();
        }
    }
}

/// Weights of the iterates in each coefficient: the Chebyshev transform of Poisson weights.
struct Weigh<'a> {
    z: f64,
    weights: &'a mut [[f64; TERMS]],
}

impl Operate for Weigh<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        for cosines in COSINES.iter() {
            let at = 0.5 * self.z * (1.0 + cosines[1]);
            let mut poisson = libm::exp(-at);
            for (k, weights) in self.weights.iter_mut().enumerate() {
                if k > 0 {
                    poisson *= at / k as f64;
                }
                for (weight, cosine) in weights.iter_mut().zip(cosines) {
                    *weight = fma::<FUSED>(*cosine, poisson, *weight);
                }
            }
        }
        for weights in self.weights {
            for (term, weight) in weights.iter_mut().enumerate() {
                *weight *= if term == 0 { 1.0 } else { 2.0 } / TERMS as f64;
            }
        }
    }
}

/// Factors of the states at the start in those at the end.
struct Ends<'a> {
    steps: &'a [(usize, usize, f64)],
    weights: &'a [[f64; TERMS]],
    size: usize,
    ends: &'a mut [f64],
}

/// States whose iterates are computed together.
const TOGETHER: usize = 8;

impl Operate for Ends<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let wide = self.size + 1;
        let mut now = vec![[0.0; TOGETHER]; wide];
        let mut next = now.clone();
        let mut sums = now.clone();
        for first in (0..self.size).step_by(TOGETHER) {
            for (j, column) in now.iter_mut().enumerate() {
                sums[j] = [0.0; TOGETHER];
                *column = std::array::from_fn(|k| if first + k == j { 1.0 } else { 0.0 });
            }
            for weights in self.weights {
                let weight: f64 = weights.iter().sum();
                for (sum, column) in sums.iter_mut().zip(&now) {
                    for (sum, x) in sum.iter_mut().zip(column) {
                        *sum = fma::<FUSED>(weight, *x, *sum);
                    }
                }
                next.copy_from_slice(&now);
                for (i, j, a) in self.steps {
                    let from = now[*i];
                    for (to, x) in next[*j].iter_mut().zip(from) {
                        *to = fma::<FUSED>(*a, x, *to);
                    }
                }
                std::mem::swap(&mut now, &mut next);
            }
            for (k, end) in self
                .ends
                .chunks_mut(wide)
                .skip(first)
                .take(TOGETHER)
                .enumerate()
            {
                for (to, sum) in end.iter_mut().zip(&sums) {
                    *to = sum[k];
                }
            }
        }
    }
}

fn coefficients(rows: &Rows, start: &[f64]) -> [f64; TERMS] {
    let mut out = rows[start.len()];
    for (terms, x) in rows.iter().zip(start) {
        for (to, term) in out.iter_mut().zip(terms) {
            *to += term * x;
        }
    }
    out
}

/// The tables of one problem.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    kept: Vec<Table>,
    current: usize,
    start: Vec<f64>,
}

impl Tables {
    /// Chooses the table of a piece, making it if need be.
    pub fn choose(&mut self, matrix: &Matrix, length: f64, followed: &[usize]) {
        // Stretches of two kinds mostly alternate.
        for ahead in 0..self.kept.len() {
            let at = (self.current + 1 + ahead) % self.kept.len();
            if self.kept[at].fits(matrix, length) {
                self.current = at;
                return;
            }
        }
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        self.kept.push(Table::new(matrix, length, followed));
        self.current = self.kept.len() - 1;
    }

    /// The chosen table.
    pub fn current(&mut self) -> Option<&mut Table> {
        self.kept.get_mut(self.current)
    }

    /// The states at the end of the piece, in place of those at its start.
    pub fn finish(&mut self, states: &mut [f64]) {
        if let Some(table) = self.kept.get(self.current) {
            self.start.clear();
            self.start.extend_from_slice(states);
            table.finish(&self.start, states);
        }
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
            entries: rates.map(|(i, j, _)| (i, j)).to_vec(),
            values: rates.map(|(_, _, a)| a).to_vec(),
            changing: Vec::new(),
        };
        let start = [240.0, 10.0, 3.0];
        for length in [0.5, 6.0, LONGEST / 2.5] {
            let mut table = Table::new(&matrix, length, &[1]);
            let mut all = Vec::new();
            table.look(&start, &mut all);
            let followed = table.follow(0, &start).map(f64::to_bits);
            assert_eq!(followed, all[1].map(f64::to_bits));
            let mut end = start;
            table.finish(&start, &mut end);
            for part in [0.0, 0.1, 0.37, 0.8, 1.0] {
                let mut full = nalgebra::SMatrix::<f64, 4, 4>::zeros();
                for (i, j, a) in rates {
                    full[(i, j)] = a * part * length;
                }
                let exact = full.exp() * nalgebra::SVector::<f64, 4>::new(240.0, 10.0, 3.0, 1.0);
                for i in 0..3 {
                    let value = series(&all[i], 2.0 * part - 1.0);
                    assert!(part < 1.0 || (value - end[i]).abs() < 240.0 * 1e-12);
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
