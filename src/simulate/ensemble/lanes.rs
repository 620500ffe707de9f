//! Arithmetic on rows of lanes.
//!
//! Written as loops without branches over fixed-size arrays, which the compiler turns into the
//! vector instructions that the machine has (chosen at run time, see [`dispatch`]). Only operations
//! that IEEE 754 rounds exactly are used, and no fused multiply-add: every lane has the same bits on
//! every machine, at every width, beside any neighbours.
//!
//! `exp` and `ln` are within 1 unit in the last place of the exact value in the worst case seen over
//! their range (see the tests); they are 0, infinite or NaN where `f64`'s are, except that `ln` of
//! what is not positive is [`LN_OF_NOTHING`](super::symbol::LN_OF_NOTHING).

use super::program::{Instruction, Operation};
use super::symbol::{LN_OF_NOTHING, SMALLEST_DIVISOR};
use pulp::{Arch, NullaryFnOnce};

/// One value per lane.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Lanes<const W: usize>(pub [f64; W]);

impl<const W: usize> Lanes<W> {
    /// The same value in each lane.
    pub const fn all(value: f64) -> Self {
        Self([value; W])
    }
}

/// Runs `operation` with the widest vector instructions of the machine.
pub(super) fn dispatch<R>(operation: impl NullaryFnOnce<Output = R>) -> R {
    Arch::new().dispatch(operation)
}

#[inline(always)]
pub(super) fn map<const W: usize>(a: &Lanes<W>, f: impl Fn(f64) -> f64) -> Lanes<W> {
    let mut out = Lanes::all(0.0);
    for i in 0..W {
        out.0[i] = f(a.0[i]);
    }
    out
}

#[inline(always)]
fn map2<const W: usize>(a: &Lanes<W>, b: &Lanes<W>, f: impl Fn(f64, f64) -> f64) -> Lanes<W> {
    let mut out = Lanes::all(0.0);
    for i in 0..W {
        out.0[i] = f(a.0[i], b.0[i]);
    }
    out
}

/// 1.5 * 2^52: adding it rounds to an integer that stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const LN2_HIGH: f64 = 6.931_471_803_691_238_16e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_70e-10;

/// Exponential: `2^n exp(r)`, `|r| <= ln 2 / 2`, the latter by its series to degree 13.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    const C: [f64; 14] = {
        let mut c = [1.0; 14];
        let mut i = 1;
        while i < 14 {
            c[i] = c[i - 1] / i as f64;
            i += 1;
        }
        c
    };
    let bounded = if x > 709.4 { 709.4 } else { x };
    let bounded = if bounded < -708.0 { -708.0 } else { bounded };
    let shifted = bounded * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let high = bounded - n * LN2_HIGH;
    let low = n * LN2_LOW;
    let r = high - low;
    // The rounding of r, put back to first order.
    let lost = (high - r) - low;
    let r2 = r * r;
    let r4 = r2 * r2;
    let r8 = r4 * r4;
    let p01 = C[2] + C[3] * r;
    let p23 = C[4] + C[5] * r;
    let p45 = C[6] + C[7] * r;
    let p67 = C[8] + C[9] * r;
    let p89 = C[10] + C[11] * r;
    let pab = C[12] + C[13] * r;
    let q0 = p01 + p23 * r2;
    let q1 = p45 + p67 * r2;
    let q2 = p89 + pab * r2;
    let series = (q0 + q1 * r4) + q2 * r8;
    let value = 1.0 + (r + (series * r2 + lost));
    let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    let result = value * scale;
    let result = if x > 709.4 { f64::INFINITY } else { result };
    if x < -708.0 { 0.0 } else { result }
}

/// Natural logarithm: `k ln 2 + ln m`, `m` within a factor of the square root of 2 of 1; `ln m` by the series
/// of the area tangent in `s = (m-1)/(m+1)` with the coefficients of fdlibm.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    const L: [f64; 7] = [
        6.666_666_666_666_735_13e-1,
        3.999_999_999_940_941_908e-1,
        2.857_142_874_366_239_149e-1,
        2.222_219_843_214_978_396e-1,
        1.818_357_216_161_805_012e-1,
        1.531_383_769_920_937_332e-1,
        1.479_819_860_511_658_591e-1,
    ];
    // Bits of sqrt(1/2): exponents are counted from there.
    const OFFSET: u64 = 0x3fe6_a09e_667f_3bcd;
    let bits = x.to_bits();
    let moved = bits.wrapping_sub(OFFSET);
    // The exponent, biased so that it is positive, as a number through the bits of 2^52.
    let biased = moved.wrapping_add(1023 << 52) >> 52;
    let k = f64::from_bits(biased | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let m = f64::from_bits((moved & 0x000f_ffff_ffff_ffff).wrapping_add(OFFSET));
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (L[1] + w * (L[3] + w * L[5]));
    let t2 = z * (L[0] + w * (L[2] + w * (L[4] + w * L[6])));
    let half = 0.5 * f * f;
    let value = k * LN2_HIGH - ((half - (s * (half + (t1 + t2)) + k * LN2_LOW)) - f);
    let value = if x > f64::MAX { x } else { value };
    let value = if x.is_nan() { x } else { value };
    if x <= 0.0 { LN_OF_NOTHING } else { value }
}

/// Runs a program on rows.
#[inline(always)]
pub(super) fn execute<const W: usize>(program: &[Instruction], rows: &mut [Lanes<W>]) {
    for instruction in program {
        let a = &rows[instruction.a as usize];
        let value = match instruction.operation {
            Operation::Copy => *a,
            Operation::Add => map2(a, &rows[instruction.b as usize], |a, b| a + b),
            Operation::Mul => map2(a, &rows[instruction.b as usize], |a, b| a * b),
            Operation::MulAdd => {
                let product = map2(a, &rows[instruction.b as usize], |a, b| a * b);
                map2(&product, &rows[instruction.c as usize], |p, c| p + c)
            }
            Operation::MulSub => {
                let product = map2(a, &rows[instruction.b as usize], |a, b| a * b);
                map2(&product, &rows[instruction.c as usize], |p, c| c - p)
            }
            Operation::Inverse => map(a, |a| 1.0 / a),
            Operation::SafeInverse => map(a, |a| if a > SMALLEST_DIVISOR { 1.0 / a } else { 0.0 }),
            Operation::Ln => map(a, ln),
            Operation::Exp => map(a, exp),
            Operation::Logistic => map(a, |a| 1.0 / (1.0 + exp(-a))),
            Operation::Sqrt => map(a, f64::sqrt),
            Operation::Positive => map(a, |a| if a > 0.0 { a } else { 0.0 * a }),
            Operation::Step => map(a, |a| if a > 0.0 { 1.0 } else { 0.0 }),
        };
        rows[instruction.to as usize] = value;
    }
}
