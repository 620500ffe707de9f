//! Amounts of a drug at the steady state of a repeated dose: the fixed point of the period map.
//!
//! The kinetics are linear between events, so the amounts `x` just before a dose obey
//! `x = M x + c`, with `M` and `c` from exponentials of the matrix of the kinetics over the pieces of
//! a period (infusions on or off, gallbladder closed or open). The equation is solved directly, and
//! the residual must stay below [`TOLERANCE`] of the largest amount.

use crate::model::exposure::{SorafenibAmounts, SorafenibInput};
use crate::model::partner::{PartnerAmounts, PartnerInput};
use crate::model::{Model, exposure::SorafenibKinetics};
use crate::regimen::{Drug, RecordedDose};
use nalgebra::{DMatrix, DVector};

/// Largest change over a period that counts as a steady state, relative to the largest amount.
pub const TOLERANCE: f64 = 1e-12;

/// Amounts of a drug at a steady state, in the order of its states without the eliminated amount.
pub type Amounts = Vec<f64>;

/// The steady state right after `dose` (mg `absorbed` of each dose at once), with the gallbladder as
/// given where the dose does not move it; `None` where amounts grow without bound.
pub fn steady_state(
    model: &Model<f64>,
    dose: &RecordedDose,
    absorbed: f64,
    gallbladder_open: bool,
) -> Option<Amounts> {
    let system = Linear {
        model,
        drug: dose.compartment.drug,
    };
    let size = system.size();
    let central = system.central();
    let target = if dose.compartment.central { central } else { 0 };
    let length = dose.length();
    if dose.rate > 0.0 && dose.interval <= 0.0 {
        return constant_infusion(&system, dose.rate, gallbladder_open);
    }

    let mut map = DMatrix::identity(size + 1, size + 1);
    if dose.rate <= 0.0 {
        map[(target, size)] += absorbed;
    }
    for piece in pieces(model, dose, length, gallbladder_open) {
        map = system.step(&piece) * map;
    }
    let before = fixed_point(&map)?;
    let mut amounts: Amounts = before.iter().copied().collect();
    if dose.rate <= 0.0 {
        amounts[target] += absorbed;
    }
    Some(amounts)
}

/// A stretch of a period with everything constant.
struct Piece {
    length: f64,
    rate: f64,
    gallbladder_open: bool,
}

/// The stretches of one period, from a dose on.
fn pieces(
    model: &Model<f64>,
    dose: &RecordedDose,
    length: f64,
    gallbladder_open: bool,
) -> Vec<Piece> {
    let interval = dose.interval;
    // Infusions that outlast the interval run on top of each other.
    let always = (length / interval).floor();
    let rest = length - always * interval;
    let oral_sorafenib = dose.compartment.drug == Drug::Sorafenib && !dose.compartment.central;
    let onset = match &model.kinetics {
        SorafenibKinetics::Enterohepatic(p, _) if oral_sorafenib => Some(p.gallbladder_onset),
        _ => None,
    };
    let mut edges = vec![0.0, rest, interval];
    edges.extend(onset.filter(|onset| *onset < interval));
    edges.sort_by(f64::total_cmp);
    edges
        .windows(2)
        .filter(|edge| edge[1] > edge[0])
        .map(|edge| Piece {
            length: edge[1] - edge[0],
            rate: dose.rate * (always + f64::from(u8::from(edge[0] < rest))),
            gallbladder_open: onset.map_or(gallbladder_open, |onset| edge[0] >= onset),
        })
        .collect()
}

/// The linear kinetics of one drug.
struct Linear<'a> {
    model: &'a Model<f64>,
    drug: Drug,
}

impl Linear<'_> {
    fn size(&self) -> usize {
        match self.drug {
            Drug::Sorafenib => SorafenibAmounts::LEN - 1,
            Drug::Partner(_) => PartnerAmounts::LEN - 1,
        }
    }

    /// Position of the central compartment.
    fn central(&self) -> usize {
        let fields = match self.drug {
            Drug::Sorafenib => SorafenibAmounts::FIELDS,
            Drug::Partner(_) => PartnerAmounts::FIELDS,
        };
        let found = fields
            .iter()
            .position(|field| field.name.ends_with("central_mg"));
        found.unwrap_or_default()
    }

    /// Rates of change of `amounts` (the eliminated one last) without infusion.
    fn rates(&self, amounts: &[f64], gallbladder_open: bool) -> Vec<f64> {
        let mut values = amounts.iter().copied();
        let mut next = || values.next().unwrap_or_default();
        let mut rates = Vec::with_capacity(amounts.len());
        let mut put = |rate| rates.push(rate);
        match self.drug {
            Drug::Sorafenib => {
                let input = SorafenibInput {
                    gallbladder_open,
                    ..SorafenibInput::default()
                };
                let amounts = SorafenibAmounts::take(&mut next);
                let kinetics = &self.model.kinetics;
                kinetics.derivatives(&amounts, &input).give(&mut put);
            }
            Drug::Partner(slot) => {
                let amounts = PartnerAmounts::take(&mut next);
                if let Some(partner) = &self.model.partners[slot] {
                    let rates = partner.derivatives(&amounts, &PartnerInput::default());
                    rates.give(&mut put);
                }
            }
        }
        rates.resize(self.size() + 1, 0.0);
        rates
    }

    /// Matrix of the kinetics with the infusion as a last column.
    fn matrix(&self, rate: f64, gallbladder_open: bool) -> DMatrix<f64> {
        let size = self.size();
        let mut matrix = DMatrix::zeros(size + 1, size + 1);
        for column in 0..size {
            let mut unit = vec![0.0; size + 1];
            unit[column] = 1.0;
            let rates = self.rates(&unit, gallbladder_open);
            for (row, rate) in rates.iter().take(size).enumerate() {
                matrix[(row, column)] = *rate;
            }
        }
        matrix[(self.central(), size)] = rate;
        matrix
    }

    /// The map of (amounts, 1) over a piece.
    fn step(&self, piece: &Piece) -> DMatrix<f64> {
        (self.matrix(piece.rate, piece.gallbladder_open) * piece.length).exp()
    }
}

/// Compartments that the drug can be in at all: the others stay empty and have no equation.
fn reached(map: &DMatrix<f64>) -> Vec<usize> {
    let size = map.nrows() - 1;
    let mut reached: Vec<usize> = (0..size).filter(|i| map[(*i, size)].abs() > 0.0).collect();
    loop {
        let more = (0..size)
            .find(|i| !reached.contains(i) && reached.iter().any(|j| map[(*i, *j)].abs() > 0.0));
        match more {
            Some(i) => reached.push(i),
            None => break,
        }
    }
    reached.sort_unstable();
    reached
}

/// x = M x + c of an affine map.
fn fixed_point(map: &DMatrix<f64>) -> Option<DVector<f64>> {
    let size = map.nrows() - 1;
    let active = reached(map);
    let of = |i: usize, j: usize| map[(active[i], active[j])];
    let n = active.len();
    let matrix = DMatrix::from_fn(n, n, |i, j| f64::from(u8::from(i == j)) - of(i, j));
    let constant = DVector::from_fn(n, |i, _| map[(active[i], size)]);
    // A compartment that only fills leaves a row of rounding errors.
    let diagonal = (0..n).map(|i| matrix[(i, i)]);
    if diagonal.fold(f64::INFINITY, f64::min) < TOLERANCE {
        return None;
    }
    let solution = matrix.lu().solve(&constant)?;
    let mut amounts = DVector::zeros(size);
    for (i, position) in active.iter().enumerate() {
        amounts[*position] = solution[i];
    }
    let after = map.view((0, 0), (size, size)) * &amounts + map.view((0, size), (size, 1));
    let change = (after - &amounts).amax();
    let usable = amounts
        .iter()
        .all(|amount| amount.is_finite() && *amount >= -TOLERANCE);
    (usable && change <= TOLERANCE * amounts.amax()).then_some(amounts)
}

/// The steady state of an infusion without end: 0 = A x + b.
fn constant_infusion(system: &Linear<'_>, rate: f64, gallbladder_open: bool) -> Option<Amounts> {
    let size = system.size();
    let matrix = system.matrix(rate, gallbladder_open);
    // As a map: x = x + A x + b, with the same test of the residual.
    let map = DMatrix::identity(size + 1, size + 1) + matrix;
    let amounts = fixed_point(&map)?;
    Some(amounts.iter().copied().collect())
}
