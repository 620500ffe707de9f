//! Amounts of a drug at the steady state of a repeated dose: the fixed point of the period map.
//!
//! The kinetics are linear between events, so the amounts `x` just before a dose obey
//! `x = M x + c`, with `M` and `c` from exponentials of the matrix of the kinetics over the pieces of
//! a period (infusions on or off, gallbladder closed or open). The equation is solved directly, and
//! the residual must stay below [`TOLERANCE`] of the largest amount.

use crate::model::exposure::{SorafenibAmounts, SorafenibInput};
use crate::model::partner::{PartnerAmounts, PartnerInput};
use crate::model::{Model, exposure::SorafenibKinetics};
use crate::regimen::{Compartment, Drug, Entry, RecordedDose};
use nalgebra::{DMatrix, DVector};

/// Largest change over a period that counts as a steady state, relative to the largest amount.
pub const TOLERANCE: f64 = 1e-12;

/// Amounts of a drug at a steady state, in the order of its states without the eliminated amount.
pub type Amounts = Vec<f64>;

/// The amounts `phase` h after a dose of the steady state of `dose`, of which `entry` enters each time;
/// `None` where they grow without bound or are no numbers.
pub fn steady_state(
    model: &Model<f64>,
    dose: &RecordedDose,
    entry: Entry,
    phase: f64,
) -> Option<Amounts> {
    let system = Linear {
        model,
        compartment: dose.compartment,
    };
    let size = system.size();
    let period = Period {
        interval: dose.interval,
        entry,
        onset: gallbladder_onset(model, dose.compartment.drug),
    };
    if let Entry::Infusion { rate, length } = entry
        && length.is_infinite()
    {
        return constant_infusion(&system, rate);
    }

    let mut after_dose = DMatrix::identity(size + 1, size + 1);
    if let Entry::Bolus(amount) = entry {
        after_dose[(system.target(), size)] += amount;
    }
    let over = |until: f64| {
        period
            .pieces(until)
            .iter()
            .try_fold(after_dose.clone(), |map, piece| {
                Some(system.step(piece)? * map)
            })
    };
    let mut amounts = fixed_point(&over(dose.interval)?)?.insert_row(size, 1.0);
    amounts = over(phase)? * amounts;
    let usable = amounts.iter().all(|amount| amount.is_finite());
    usable.then(|| amounts.iter().take(size).copied().collect())
}

/// Time from a dose to the opening of the gallbladder, h, where doses of `drug` move it.
pub fn gallbladder_onset(model: &Model<f64>, drug: Drug) -> Option<f64> {
    match &model.kinetics {
        SorafenibKinetics::Enterohepatic(p, _) if drug == Drug::Sorafenib => {
            Some(p.gallbladder_onset)
        }
        _ => None,
    }
}

/// An interval between doses, from a dose on.
struct Period {
    interval: f64,
    entry: Entry,
    onset: Option<f64>,
}

/// A segment of a period with everything constant.
struct Piece {
    length: f64,
    rate: f64,
    gallbladder_open: bool,
}

impl Period {
    /// The segments of the period up to a time after the dose.
    fn pieces(&self, until: f64) -> Vec<Piece> {
        // Infusions that outlast the interval run on top of each other.
        let (rate, always, rest) = match self.entry {
            Entry::Bolus(_) => (0.0, 0.0, 0.0),
            Entry::Infusion { rate, length } => {
                let always = (length / self.interval).floor();
                (rate, always, length - always * self.interval)
            }
        };
        let mut edges = vec![0.0, rest, until];
        edges.extend(self.onset);
        edges.retain(|edge| *edge <= until);
        edges.sort_by(f64::total_cmp);
        edges
            .windows(2)
            .filter(|edge| edge[1] > edge[0])
            .map(|edge| Piece {
                length: edge[1] - edge[0],
                rate: rate * (always + f64::from(u8::from(edge[0] < rest))),
                gallbladder_open: self.onset.is_some_and(|onset| edge[0] >= onset),
            })
            .collect()
    }
}

/// The linear kinetics of one drug.
struct Linear<'a> {
    model: &'a Model<f64>,
    compartment: Compartment,
}

impl Linear<'_> {
    fn size(&self) -> usize {
        match self.compartment.drug {
            Drug::Sorafenib => SorafenibAmounts::LEN - 1,
            Drug::Partner(_) => PartnerAmounts::LEN - 1,
        }
    }

    /// Position of the compartment that is dosed.
    fn target(&self) -> usize {
        if !self.compartment.central {
            return 0;
        }
        let fields = match self.compartment.drug {
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
        match self.compartment.drug {
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
        matrix[(self.target(), size)] = rate;
        matrix
    }

    /// The map of (amounts, 1) over a piece.
    fn step(&self, piece: &Piece) -> Option<DMatrix<f64>> {
        let exponent = self.matrix(piece.rate, piece.gallbladder_open) * piece.length;
        let finite = exponent.iter().all(|entry| entry.is_finite());
        finite.then(|| exponent.exp())
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
    if !map.iter().all(|entry| entry.is_finite()) {
        return None;
    }
    let size = map.nrows() - 1;
    let active = reached(map);
    let n = active.len();
    let mut amounts = DVector::zeros(size);
    if n == 0 {
        // Nothing is left at the end of a period.
        return Some(amounts);
    }
    let of = |i: usize, j: usize| map[(active[i], active[j])];
    let matrix = DMatrix::from_fn(n, n, |i, j| f64::from(u8::from(i == j)) - of(i, j));
    let constant = DVector::from_fn(n, |i, _| map[(active[i], size)]);
    // A compartment that only fills leaves a row of rounding errors.
    let diagonal = (0..n).map(|i| matrix[(i, i)]);
    if diagonal.fold(f64::INFINITY, f64::min) < TOLERANCE {
        return None;
    }
    let solution = matrix.lu().solve(&constant)?;
    for (i, position) in active.iter().enumerate() {
        amounts[*position] = solution[i];
    }
    let after = map.view((0, 0), (size, size)) * &amounts + map.view((0, size), (size, 1));
    let change = (after - &amounts).amax();
    let bound = TOLERANCE * amounts.amax();
    let usable = amounts
        .iter()
        .all(|amount| amount.is_finite() && *amount >= -bound);
    (usable && change <= bound).then_some(amounts)
}

/// The steady state of an infusion without end: 0 = A x + b. The gallbladder has opened long ago.
fn constant_infusion(system: &Linear<'_>, rate: f64) -> Option<Amounts> {
    let size = system.size();
    let matrix = system.matrix(rate, true);
    // As a map: x = x + A x + b, with the same test of the residual.
    let map = DMatrix::identity(size + 1, size + 1) + matrix;
    let amounts = fixed_point(&map)?;
    Some(amounts.iter().copied().collect())
}
