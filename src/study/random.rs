//! Random numbers by address: (seed, purpose, subject, draw) names a number, whoever asks for it and
//! in whatever order.
//!
//! ChaCha with 8 rounds is a counter-based generator: seed and purpose make the key, the subject the
//! stream, the draw the position in it. Normal deviates are quantiles of uniform ones, computed with
//! operations that give the same bits on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the numbers are for; numbers of different purposes are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Parameters of virtual subjects.
    Population = 1,
    /// Acceptance by prevalence.
    Prevalence = 2,
    /// Arms of a randomised trial.
    Allocation = 3,
    /// Times of leaving a trial.
    Dropout = 4,
    /// Resampling.
    Bootstrap = 5,
    /// Trajectories of Morris screening.
    Screening = 6,
    /// Search of an optimiser.
    Search = 7,
    /// Claims that are hidden from a fit.
    Folds = 8,
    /// Noise on parameters.
    Noise = 9,
    /// Clearance of a subject from occasion to occasion.
    Occasion = 10,
    /// Measured concentrations about those of a subject.
    Residual = 11,
}

/// All random numbers of a seed and a purpose.
#[derive(Debug, Clone)]
pub struct Draws {
    generator: ChaCha8Rng,
}

/// Words of 32 bits per draw.
const WORDS: u128 = 2;

impl Draws {
    /// The numbers of a seed for a purpose.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        Self {
            generator: ChaCha8Rng::from_seed(key),
        }
    }

    /// The stream of 64 bits of a subject from a draw on.
    fn from(&self, subject: u64, draw: u64) -> ChaCha8Rng {
        let mut generator = self.generator.clone();
        generator.set_stream(subject);
        generator.set_word_pos(WORDS * u128::from(draw));
        generator
    }

    /// Uniform numbers in (0, 1) of a subject from a draw on.
    pub fn uniforms(&self, subject: u64, draw: u64) -> impl Iterator<Item = f64> {
        let mut generator = self.from(subject, draw);
        std::iter::repeat_with(move || open_unit(generator.next_u64()))
    }

    /// Standard normal numbers of a subject from a draw on.
    pub fn normals(&self, subject: u64, draw: u64) -> impl Iterator<Item = f64> {
        self.uniforms(subject, draw).map(normal_quantile)
    }

    /// One uniform number in (0, 1).
    pub fn uniform(&self, subject: u64, draw: u64) -> f64 {
        open_unit(self.from(subject, draw).next_u64())
    }

    /// A whole number below `count`, which is far below 2^53.
    pub fn below(&self, subject: u64, draw: u64, count: usize) -> usize {
        ((self.uniform(subject, draw) * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// The numbers below `count` in random order, from the stream of a subject.
    pub fn permutation(&self, subject: u64, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for (place, u) in (1..count).rev().zip(self.uniforms(subject, 0)) {
            let other = ((u * (place + 1) as f64) as usize).min(place);
            order.swap(place, other);
        }
        order
    }
}

/// 53 bits as the middle of their interval, never 0 or 1.
fn open_unit(bits: u64) -> f64 {
    const SPACING: f64 = 1.0 / (1u64 << 53) as f64;
    ((bits >> 11) as f64 + 0.5) * SPACING
}

/// Quantile of the standard normal distribution, to 16 digits (Wichura 1988, Appl Stat 37:477,
/// algorithm AS 241).
pub fn normal_quantile(probability: f64) -> f64 {
    let q = probability - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let tail = if q < 0.0 {
        probability
    } else {
        1.0 - probability
    };
    let r = libm::sqrt(-libm::log(tail));
    let value = if r <= 5.0 {
        ratio(r - 1.6, &TAIL)
    } else {
        ratio(r - 5.0, &FAR_TAIL)
    };
    if q < 0.0 { -value } else { value }
}

/// Probability below a standard normal value.
pub fn normal_probability(value: f64) -> f64 {
    0.5 * libm::erfc(-value * std::f64::consts::FRAC_1_SQRT_2)
}

/// Coefficients of numerator and denominator, from the highest power down.
type Ratio = [[f64; 8]; 2];

fn ratio(x: f64, [above, below]: &Ratio) -> f64 {
    let horner = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    horner(above) / horner(below)
}

// The digits of the publication.
#[allow(clippy::excessive_precision)]
const CENTRE: Ratio = [
    [
        2_509.080_928_730_122_672_7,
        33_430.575_583_588_128_105,
        67_265.770_927_008_700_853,
        45_921.953_931_549_871_457,
        13_731.693_765_509_461_125,
        1_971.590_950_306_551_442_7,
        133.141_667_891_784_377_45,
        3.387_132_872_796_366_608,
    ],
    [
        5_226.495_278_852_545_61,
        28_729.085_735_721_942_674,
        39_307.895_800_092_710_61,
        21_213.794_301_586_595_867,
        5_394.196_021_424_751_107_7,
        687.187_007_492_057_908_3,
        42.313_330_701_600_911_252,
        1.0,
    ],
];

// The digits of the publication.
#[allow(clippy::excessive_precision)]
const TAIL: Ratio = [
    [
        7.745_450_142_783_414_076_4e-4,
        0.022_723_844_989_269_184_583_3,
        0.241_780_725_177_450_611_77,
        1.270_458_252_452_368_382_58,
        3.647_848_324_763_204_605_04,
        5.769_497_221_460_691_405_5,
        4.630_337_846_156_545_295_9,
        1.423_437_110_749_683_577_34,
    ],
    [
        1.050_750_071_644_416_843_24e-9,
        5.475_938_084_995_344_946e-4,
        0.015_198_666_563_616_457_196_6,
        0.148_103_976_427_480_074_59,
        0.689_767_334_985_100_004_55,
        1.676_384_830_183_803_849_4,
        2.053_191_626_637_758_821_87,
        1.0,
    ],
];

// The digits of the publication.
#[allow(clippy::excessive_precision)]
const FAR_TAIL: Ratio = [
    [
        2.010_334_399_292_288_132_65e-7,
        2.711_555_568_743_487_578_15e-5,
        0.001_242_660_947_388_078_438_6,
        0.026_532_189_526_576_123_093,
        0.296_560_571_828_504_891_23,
        1.784_826_539_917_291_335_8,
        5.463_784_911_164_114_369_9,
        6.657_904_643_501_103_777_2,
    ],
    [
        2.044_263_103_389_939_785_64e-15,
        1.421_511_758_316_445_888_7e-7,
        1.846_318_317_510_054_681_8e-5,
        7.868_691_311_456_132_591e-4,
        0.014_875_361_290_850_614_852_5,
        0.136_929_880_922_735_805_31,
        0.599_832_206_555_887_937_69,
        1.0,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_undo_probabilities() {
        for value in [-8.0, -5.1, -3.0, -1.2, -0.3, 0.0, 0.4, 1.0, 2.5, 5.0] {
            let back = normal_quantile(normal_probability(value));
            let slack = if value > 3.0 { 1e-9 } else { 1e-13 };
            assert!(
                (back - value).abs() < slack * (1.0 + value.abs()),
                "{value} {back}"
            );
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }

    #[test]
    fn a_number_depends_on_its_address_alone() {
        let draws = Draws::new(7, Purpose::Population);
        let all: Vec<f64> = draws.uniforms(3, 0).take(40).collect();
        for draw in [39, 0, 17] {
            assert_eq!(draws.uniform(3, draw as u64).to_bits(), all[draw].to_bits());
        }
        let others = [
            Draws::new(8, Purpose::Population).uniform(3, 0),
            Draws::new(7, Purpose::Dropout).uniform(3, 0),
            draws.uniform(4, 0),
        ];
        assert!(others.iter().all(|other| (other - all[0]).abs() > 1e-12));
    }

    #[test]
    fn permutations_hold_every_number_once() {
        let mut order = Draws::new(1, Purpose::Allocation).permutation(9, 50);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
