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
//! come from `exp(A t)` by uniformisation: with `P = I + A/q`, `q` no less than the largest rate,
//! `exp(A t) = sum_k exp(-q t) (q t)^k/k! P^k`, a sum of positive terms for compartments. `q L` is one of
//! [`Uniform::LENGTHS`], so that the weights of the sums are common to all problems.
//!
//! At the ends of pieces, and at the nodes of a step that goes through a whole piece, the sum is taken itself.
//!
//! A piece is at most [`LONGEST`] over the largest rate long, for which [`TERMS`] terms leave less than 1e-10 of the
//! amounts (measured in the tests), of a compartment behind five stages of that rate 8e-8. Longer stretches are cut into equal pieces.

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

/// Weights of the iterates `P^k` in the sums over a piece whose length times the rate of uniformisation is given.
#[derive(Debug)]
struct Uniform {
    /// That product.
    length: f64,
    /// Of each iterate in each coefficient: the Chebyshev transform of Poisson weights.
    terms: Vec<[f64; TERMS]>,
    /// At the nodes of the collocation over the whole piece, the last of which is its end.
    nodes: Vec<[f64; NODES]>,
}

static UNIFORMS: LazyLock<[Uniform; 5]> = LazyLock::new(|| Uniform::LENGTHS.map(Uniform::new));

impl Uniform {
    const LENGTHS: [f64; 5] = [1.0, 2.0, 4.0, 8.0, LONGEST];

    fn new(length: f64) -> Self {
        let iterates = (length + 7.0 * length.sqrt() + 16.0) as usize;
        let mut terms = vec![[0.0; TERMS]; iterates];
        for at in 0..TERMS {
            let angle = std::f64::consts::PI * (at as f64 + 0.5) / TERMS as f64;
            let place = 0.5 * (1.0 + libm::cos(angle));
            for (weights, poisson) in terms.iter_mut().zip(poisson(length * place)) {
                for (term, weight) in weights.iter_mut().enumerate() {
                    let share = if term == 0 { 1.0 } else { 2.0 } / TERMS as f64;
                    *weight += share * libm::cos(term as f64 * angle) * poisson;
                }
            }
        }
        let mut nodes = vec![[0.0; NODES]; iterates];
        for (node, place) in PLACES.into_iter().enumerate() {
            for (weights, poisson) in nodes.iter_mut().zip(poisson(length * place)) {
                weights[node] = poisson;
            }
        }
        Self {
            length,
            terms,
            nodes,
        }
    }

    /// The shortest that a piece of a length with a largest rate fits into.
    fn of(fastest: f64, length: f64) -> &'static Self {
        let least = fastest * length * (1.0 - 1e-9);
        let [.., last] = &*UNIFORMS;
        UNIFORMS.iter().find(|u| u.length >= least).unwrap_or(last)
    }
}

/// `exp(-x) x^k/k!` for `k` from 0 on.
fn poisson(x: f64) -> impl Iterator<Item = f64> {
    let mut weight = libm::exp(-x);
    (1..).map(move |k| {
        let now = weight;
        weight *= x / f64::from(k);
        now
    })
}

/// Series of states over a piece, as functions of the state at its start.
#[derive(Debug, Clone)]
pub(super) struct Table {
    matrix: Matrix,
    length: f64,
    uniform: &'static Uniform,
    /// Entries of the matrix over the rate of uniformisation.
    steps: Vec<(usize, usize, f64)>,
    /// The states that are followed all the time.
    followed: Vec<usize>,
    /// M_i of those, and of all, once someone has asked for them.
    followed_rows: Vec<Rows>,
    all: Vec<Rows>,
    /// The states at the end of the piece by those at its start, the last for 1: factors of [`TOGETHER`] states side by side.
    ends: Vec<[f64; TOGETHER]>,
    /// Factors of the followed states at the nodes of the collocation in equal parts of the piece, by number of parts and by part; empty
    /// where not needed so far.
    courses: Vec<Vec<Factors>>,
}

/// By followed state and by state at the start of the piece, last for 1.
type Factors = Vec<[f64; NODES]>;

/// Parts of a piece for which factors are kept.
const MOST_PARTS: usize = 32;

impl Table {
    fn new(matrix: &Matrix, length: f64, followed: &[usize]) -> Self {
        let uniform = Uniform::of(matrix.fastest(), length);
        let over_rate = length / uniform.length;
        let triples = matrix.triples();
        let steps: Vec<_> = triples.map(|(i, j, a)| (i, j, a * over_rate)).collect();
        let wide = matrix.size + 1;
        let mut ends = vec![[0.0; TOGETHER]; matrix.size.div_ceil(TOGETHER) * wide];
        let mut whole = vec![[0.0; NODES]; followed.len() * wide];
        dispatch(Sums {
            steps: &steps,
            nodes: &uniform.nodes,
            size: matrix.size,
            followed,
            ends: &mut ends,
            whole: &mut whole,
        });
        Self {
            matrix: matrix.clone(),
            length,
            uniform,
            steps,
            followed: followed.to_vec(),
            followed_rows: Vec::new(),
            all: Vec::new(),
            ends,
            courses: vec![Vec::new(), vec![whole]],
        }
    }

    fn rows(&self, state: usize) -> Rows {
        let wide = self.matrix.size + 1;
        let mut rows = vec![[0.0; TERMS]; wide];
        let mut row = vec![0.0; wide];
        row[state] = 1.0;
        let mut next = row.clone();
        for weights in &self.uniform.terms {
            for (terms, value) in rows.iter_mut().zip(&row) {
                if f64::abs(*value) > 0.0 {
                    for (to, weight) in terms.iter_mut().zip(weights) {
                        *to += weight * value;
                    }
                }
            }
            next.copy_from_slice(&row);
            for (i, j, a) in &self.steps {
                next[*j] += row[*i] * a;
            }
            std::mem::swap(&mut row, &mut next);
        }
        rows
    }

    /// M_i of the followed states.
    fn follow_rows(&mut self) -> &[Rows] {
        if self.followed_rows.is_empty() {
            self.followed_rows = self
                .followed
                .iter()
                .map(|state| self.rows(*state))
                .collect();
        }
        &self.followed_rows
    }

    /// Whether this is the table of a piece of the same problem.
    fn fits(&self, matrix: &Matrix, length: f64) -> bool {
        let mut changing = matrix.changing.iter();
        (self.length - length).abs() <= 1e-9 * length
            && changing.all(|at| self.matrix.values[*at].to_bits() == matrix.values[*at].to_bits())
    }

    /// Coefficients of a followed state, by its place among them, from the states at the start.
    pub fn follow(&mut self, place: usize, start: &[f64]) -> [f64; TERMS] {
        coefficients(&self.follow_rows()[place], start)
    }

    /// A followed state at the nodes of a part of the piece, from the states at its start.
    pub fn course(
        &mut self,
        part: usize,
        parts: usize,
        place: usize,
        start: &[f64],
    ) -> [f64; NODES] {
        let at = |node: f64| 2.0 * (part as f64 + node) / parts as f64 - 1.0;
        if parts > MOST_PARTS {
            let terms = self.follow(place, start);
            return PLACES.map(|node| series(&terms, at(node)));
        }
        if self.courses.len() <= parts {
            self.courses.resize_with(parts + 1, Vec::new);
        }
        self.courses[parts].resize_with(parts, Vec::new);
        if self.courses[parts][part].is_empty() {
            let rows = self.follow_rows().iter().flatten();
            let at_nodes = rows.map(|terms| PLACES.map(|node| series(terms, at(node))));
            self.courses[parts][part] = at_nodes.collect();
        }
        let wide = start.len() + 1;
        let factors = &self.courses[parts][part][place * wide..(place + 1) * wide];
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
        let wide = self.matrix.size + 1;
        let blocks = self.ends.chunks_exact(wide);
        for (states, factors) in states.chunks_mut(TOGETHER).zip(blocks) {
            let mut sums = factors[wide - 1];
            for (factors, x) in factors.iter().zip(start) {
                for (sum, factor) in sums.iter_mut().zip(factors) {
                    *sum += factor * x;
                }
            }
            for (state, sum) in states.iter_mut().zip(sums) {
                *state = sum;
            }
        }
    }
}

/// Factors of the states at the start in those at the end, and in the followed ones at the nodes.
struct Sums<'a> {
    steps: &'a [(usize, usize, f64)],
    nodes: &'a [[f64; NODES]],
    size: usize,
    followed: &'a [usize],
    ends: &'a mut [[f64; TOGETHER]],
    whole: &'a mut [[f64; NODES]],
}

/// States whose iterates are computed together.
const TOGETHER: usize = 8;

impl Operate for Sums<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let wide = self.size + 1;
        let mut now = vec![[0.0; TOGETHER]; wide];
        let mut next = now.clone();
        let firsts = (0..self.size).step_by(TOGETHER);
        for (first, sums) in firsts.zip(self.ends.chunks_exact_mut(wide)) {
            for (j, column) in now.iter_mut().enumerate() {
                *column = std::array::from_fn(|k| if first + k == j { 1.0 } else { 0.0 });
            }
            for weights in self.nodes {
                let end = weights[NODES - 1];
                for (sum, column) in sums.iter_mut().zip(&now) {
                    for (sum, x) in sum.iter_mut().zip(column) {
                        *sum = fma::<FUSED>(end, *x, *sum);
                    }
                }
                for (state, factors) in self.followed.iter().zip(self.whole.chunks_mut(wide)) {
                    let Some(at) = state.checked_sub(first).filter(|at| *at < TOGETHER) else {
                        continue;
                    };
                    for (factors, column) in factors.iter_mut().zip(&now) {
                        for (factor, weight) in factors.iter_mut().zip(weights) {
                            *factor = fma::<FUSED>(*weight, column[at], *factor);
                        }
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
    /// How often all were dropped.
    dropped: u32,
    start: Vec<f64>,
}

/// A table that was chosen for the pieces of a stretch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chosen {
    table: usize,
    dropped: u32,
    /// How many pieces; 0 where none was chosen.
    pub pieces: usize,
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
            self.dropped += 1;
        }
        self.kept.push(Table::new(matrix, length, followed));
        self.current = self.kept.len() - 1;
    }

    /// The chosen table.
    pub fn current(&mut self) -> Option<&mut Table> {
        self.kept.get_mut(self.current)
    }

    /// The chosen table, for a stretch of so many pieces.
    pub fn chosen(&self, pieces: usize) -> Chosen {
        Chosen {
            table: self.current,
            dropped: self.dropped,
            pieces,
        }
    }

    /// The states at the end of a piece, in place of those at its start, by the table that was chosen for it; whether it is
    /// still there.
    pub fn pass(&mut self, chosen: Chosen, states: &mut [f64]) -> bool {
        let known = chosen.dropped == self.dropped;
        let Some(table) = self.kept.get(chosen.table).filter(|_| known) else {
            return false;
        };
        self.start.clear();
        self.start.extend_from_slice(states);
        table.finish(&self.start, states);
        true
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
                    assert!(part < 1.0 || (end[i] - exact[i]).abs() < 240.0 * 1e-13);
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
