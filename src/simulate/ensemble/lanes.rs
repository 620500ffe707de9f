//! Arithmetic on rows of lanes.
//!
//! Written as loops without branches over fixed-size arrays, which the compiler turns into the
//! vector instructions that the machine has: AVX-512, AVX2 with FMA, or the portable ones, chosen at run time by
//! [`dispatch`]. Every operation is one that IEEE 754 rounds exactly, so that a lane has the same bits
//! at every width and beside any neighbours, and on every machine with fused multiply-add; without it
//! `a b + c` is rounded twice and results differ in the last places.
//!
//! `exp` and `ln` are within 1 unit in the last place of the exact value (measured in the tests). `exp`
//! saturates at `e^700` and `e^-700`; `ln` of what is not positive is
//! [`LN_OF_NOTHING`].

use super::program::{Instruction, Operation};
use super::symbol::{LN_OF_NOTHING, SMALLEST_DIVISOR};

/// One value per lane.
#[derive(Debug, Clone, Copy, PartialEq)]

pub(super) struct Lanes<const W: usize>(pub [f64; W]);

impl<const W: usize> Lanes<W> {
    /// The same value in each lane.
    pub const fn all(value: f64) -> Self {
        Self([value; W])
    }
}

/// An operation on lanes: `FUSED` says whether the machine multiplies and adds in one operation.
pub(super) trait Operate {
    fn operate<const FUSED: bool>(self);
}

struct Fused<O>(O);

impl<O: Operate> pulp::NullaryFnOnce for Fused<O> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        self.0.operate::<true>();
    }
}

/// Runs `operation` with the widest vector instructions of the machine.
pub(super) fn dispatch(operation: impl Operate) {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        if let Some(machine) = pulp::x86::V4::try_new() {
            return machine.vectorize(Fused(operation));
        }
        if let Some(machine) = pulp::x86::V3::try_new() {
            return machine.vectorize(Fused(operation));
        }
        operation.operate::<false>();
    }
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    {
        if cfg!(target_arch = "aarch64") {
            pulp::NullaryFnOnce::call(Fused(operation));
        } else {
            operation.operate::<false>();
        }
    }
}

/// a b + c.
#[inline(always)]
pub(super) fn fma<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
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

#[inline(always)]
fn map3<const W: usize>(
    a: &Lanes<W>,
    b: &Lanes<W>,
    c: &Lanes<W>,
    f: impl Fn(f64, f64, f64) -> f64,
) -> Lanes<W> {
    let mut out = Lanes::all(0.0);
    for i in 0..W {
        out.0[i] = f(a.0[i], b.0[i], c.0[i]);
    }
    out
}

/// 1.5 * 2^52: adding it rounds to an integer that stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Exponential: `2^n exp(r)`, `|r| <= ln 2 / 2`, the latter by its series to degree 13.
#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f64) -> f64 {
    const C: [f64; 14] = {
        let mut c = [1.0; 14];
        let mut i = 1;
        while i < 14 {
            c[i] = c[i - 1] / i as f64;
            i += 1;
        }
        c
    };
    const LIMIT: f64 = 700.0;
    let x = if x > LIMIT { LIMIT } else { x };
    let x = if x < -LIMIT { -LIMIT } else { x };
    let shifted = fma::<FUSED>(x, std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let high = fma::<FUSED>(n, -LN2_HIGH, x);
    let r = fma::<FUSED>(n, -LN2_LOW, high);
    // The rounding of r, put back to first order.
    let lost = fma::<FUSED>(n, -LN2_LOW, high - r);
    let r2 = r * r;
    let r4 = r2 * r2;
    let r8 = r4 * r4;
    let p0 = fma::<FUSED>(C[3], r, C[2]);
    let p1 = fma::<FUSED>(C[5], r, C[4]);
    let p2 = fma::<FUSED>(C[7], r, C[6]);
    let p3 = fma::<FUSED>(C[9], r, C[8]);
    let p4 = fma::<FUSED>(C[11], r, C[10]);
    let p5 = fma::<FUSED>(C[13], r, C[12]);
    let q0 = fma::<FUSED>(p1, r2, p0);
    let q1 = fma::<FUSED>(p3, r2, p2);
    let q2 = fma::<FUSED>(p5, r2, p4);
    let series = fma::<FUSED>(q2, r8, fma::<FUSED>(q1, r4, q0));
    let value = 1.0 + (r + fma::<FUSED>(series, r2, lost));
    let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    value * scale
}

/// Natural logarithm: `k ln 2 + ln m`, `m` within a factor of the square root of 2 of 1; `ln m` by the series
/// of the area tangent in `s = (m-1)/(m+1)` with the coefficients of fdlibm.
#[inline(always)]
pub(super) fn ln<const FUSED: bool>(x: f64) -> f64 {
    const L: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    // Bits of sqrt(1/2): exponents are counted from there.
    const OFFSET: u64 = 0x3fe6_a09e_667f_3bcd;
    let moved = x.to_bits().wrapping_sub(OFFSET);
    // The exponent, biased so that it is positive, as a number through the bits of 2^52.
    let biased = moved.wrapping_add(1023 << 52) >> 52;
    let k = f64::from_bits(biased | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let m = f64::from_bits((moved & 0x000f_ffff_ffff_ffff).wrapping_add(OFFSET));
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * fma::<FUSED>(w, fma::<FUSED>(w, L[5], L[3]), L[1]);
    let t2 = fma::<FUSED>(w, L[6], L[4]);
    let t2 = z * fma::<FUSED>(w, fma::<FUSED>(w, t2, L[2]), L[0]);
    let half = 0.5 * f * f;
    let tail = fma::<FUSED>(k, LN2_LOW, s * (half + (t1 + t2)));
    let value = fma::<FUSED>(k, LN2_HIGH, f - (half - tail));
    if x > 0.0 { value } else { LN_OF_NOTHING }
}

/// Runs a program on rows.
#[inline(always)]
pub(super) fn execute<const FUSED: bool, const W: usize>(
    program: &[Instruction],
    rows: &mut [Lanes<W>],
) {
    for instruction in program {
        let a = &rows[instruction.a as usize];
        let value = match instruction.operation {
            Operation::Copy => *a,
            Operation::Add => map2(a, &rows[instruction.b as usize], |a, b| a + b),
            Operation::Mul => map2(a, &rows[instruction.b as usize], |a, b| a * b),
            Operation::MulAdd => map3(
                a,
                &rows[instruction.b as usize],
                &rows[instruction.c as usize],
                fma::<FUSED>,
            ),
            Operation::MulSub => map3(
                a,
                &rows[instruction.b as usize],
                &rows[instruction.c as usize],
                |a, b, c| fma::<FUSED>(-a, b, c),
            ),
            Operation::Inverse => map(a, |a| 1.0 / a),
            Operation::SafeInverse => map(a, |a| if a > SMALLEST_DIVISOR { 1.0 / a } else { 0.0 }),
            Operation::Ln => map(a, ln::<FUSED>),
            Operation::Exp => map(a, exp::<FUSED>),
            Operation::Logistic => map(a, |a| 1.0 / (1.0 + exp::<FUSED>(-a))),
            Operation::Sqrt => map(a, f64::sqrt),
            Operation::Positive => map(a, |a| if a > 0.0 { a } else { 0.0 }),
            Operation::Step => map(a, |a| if a > 0.0 { 1.0 } else { 0.0 }),
        };
        rows[instruction.to as usize] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units in the last place of `exact`.
    fn places(value: f64, exact: f64) -> f64 {
        let bits = exact.abs().to_bits();
        (value - exact).abs() / (f64::from_bits(bits + 1) - f64::from_bits(bits))
    }

    #[test]
    fn exponential_and_logarithm_are_accurate_to_the_last_place() {
        let mut worst = [0.0f64; 4];
        for i in 0..400_000u32 {
            let part = f64::from(i) / 400_000.0;
            let x = -690.0 + 1380.0 * part;
            let near = -2.0 + 4.0 * part;
            for x in [x, near] {
                worst[0] = worst[0].max(places(exp::<true>(x), libm::exp(x)));
                worst[1] = worst[1].max(places(exp::<false>(x), libm::exp(x)));
            }
            let wide = libm::exp(x);
            for y in [wide, libm::exp(near)] {
                worst[2] = worst[2].max(places(ln::<true>(y), libm::log(y)));
                worst[3] = worst[3].max(places(ln::<false>(y), libm::log(y)));
            }
        }
        // libm itself is within one unit.
        assert!(worst.iter().all(|w| *w <= 2.0), "{worst:?}");
    }

    #[test]
    fn edges_of_the_domain() {
        assert!(exp::<true>(-1e300) < 1e-303 && exp::<true>(1e300) > 1e303);
        assert!(exp::<true>(f64::NAN).is_nan());
        for x in [0.0, -1.0, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(ln::<true>(x).to_bits(), LN_OF_NOTHING.to_bits());
        }
        assert!(ln::<true>(1.0).abs() < 1e-300);
    }
}
