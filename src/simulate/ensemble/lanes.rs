//! Arithmetic on rows of lanes.
//!
//! Written as loops without branches over fixed-size arrays, which the compiler turns into the
//! vector instructions that the machine has: AVX-512, AVX2 with FMA, or the portable ones, chosen at run time by
//! [`dispatch`]. Every operation is one that IEEE 754 rounds exactly, so that a lane has the same bits
//! at every width and beside any neighbours, and on every machine with fused multiply-add; without it
//! `a b + c` is rounded twice and results differ in the last places.
//!
//! `exp` and `ln` are within 2 units in the last place of those of `libm` (measured in the tests). `exp`
//! saturates at `e^700` and `e^-700`; `ln` of what is not positive is
//! [`LN_OF_NOTHING`].

use super::program::{Instruction, Operation};
use super::symbol::{LN_OF_NOTHING, SMALLEST_DIVISOR};

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
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0;

/// Arguments beyond which `exp` stays at its value there.
pub(super) const EXP_LIMIT: f64 = 700.0;

/// 16/ln 2, and ln 2/16 as a part of few digits and the rest.
pub(super) const SIXTEENTHS: f64 = 23.083_120_654_223_414;
pub(super) const SIXTEENTH_HIGH: f64 = 0.043_321_698_783_984_175;
pub(super) const SIXTEENTH_LOW: f64 = 1.012_406_886_666_035e-12;

/// (exp r - 1 - r)/r^2 for |r| <= ln 2 / 32, to 3e-17 of exp r.
pub(super) const EXP: [f64; 5] = [
    0.5,
    0.166_666_666_653_011_44,
    0.041_666_666_664_959_766,
    0.008_333_449_724_528_355,
    0.001_388_903_437_769_301_2,
];

/// Bits of 2^(j/16), less those that j itself puts above the place 48.
pub(super) const ROOTS: [u64; 16] = {
    const VALUES: [f64; 16] = [
        1.0,
        1.044_273_782_427_413_8,
        1.090_507_732_665_257_7,
        1.138_788_634_756_691_6,
        1.189_207_115_002_721,
        1.241_857_812_073_484,
        1.296_839_554_651_009_6,
        1.354_255_546_936_892_7,
        std::f64::consts::SQRT_2,
        1.476_826_145_939_499_3,
        1.542_210_825_407_940_7,
        1.610_490_331_949_254_3,
        1.681_792_830_507_429,
        1.756_252_160_373_299_5,
        1.834_008_086_409_342_4,
        1.915_206_561_397_147_4,
    ];
    let mut bits = [0; 16];
    let mut j = 0;
    while j < 16 {
        bits[j] = VALUES[j].to_bits().wrapping_sub((j as u64) << 48);
        j += 1;
    }
    bits
};

/// Exponential: `2^(n/16) exp(r)`, `|r| <= ln 2 / 32`; the first factor from a table, the second by a
/// polynomial.
#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f64) -> f64 {
    let x = if x > EXP_LIMIT { EXP_LIMIT } else { x };
    let x = if x < -EXP_LIMIT { -EXP_LIMIT } else { x };
    let shifted = fma::<FUSED>(x, SIXTEENTHS, ROUND);
    let n = shifted - ROUND;
    let high = fma::<FUSED>(n, -SIXTEENTH_HIGH, x);
    let r = fma::<FUSED>(n, -SIXTEENTH_LOW, high);
    let bits = shifted.to_bits();
    let scale = f64::from_bits(ROOTS[(bits & 15) as usize].wrapping_add(bits << 48));
    let r2 = r * r;
    let q0 = fma::<FUSED>(r, EXP[1], EXP[0]);
    let q1 = fma::<FUSED>(r, EXP[3], EXP[2]);
    let q1 = fma::<FUSED>(r2, EXP[4], q1);
    let q = fma::<FUSED>(q1, r2, q0);
    let p = fma::<FUSED>(q, r2, r);
    fma::<FUSED>(p, scale, scale)
}

/// Bits from which the logarithm counts exponents and sixteenths of a binade: 0.703125, so that 1 lies inside
/// one of them.
pub(super) const LN_OFFSET: u64 = 0x3fe6_8000_0000_0000;

/// ln 2 as a part of few digits and the rest.
pub(super) const LN2_HIGH: f64 = 0.693_147_180_558_298_7;
pub(super) const LN2_LOW: f64 = 1.646_594_958_289_708_2e-12;

/// Per sixteenth, a number `c` of few digits near the inverse of its middle, and -ln c; 1 and 0 around 1. The
/// `c` are chosen so that their logarithms are within 1e-18 of a number in this precision.
pub(super) const INVERSES: [f64; 16] = [
    1.391_723_632_812_5,
    1.334_411_621_093_75,
    1.279_296_875,
    1.230_651_855_468_75,
    1.184_692_382_812_5,
    1.143_005_371_093_75,
    1.103_759_765_625,
    1.065_612_792_968_75,
    1.031_005_859_375,
    1.0,
    0.941_772_460_937_5,
    0.889_221_191_406_25,
    0.842_407_226_562_5,
    0.800_903_320_312_5,
    0.762_451_171_875,
    0.727_722_167_968_75,
];
pub(super) const LOGARITHMS: [f64; 16] = [
    -0.330_543_002_554_430_75,
    -0.288_490_461_437_653_33,
    -0.246_310_610_595_744_13,
    -0.207_543_992_798_841_23,
    -0.169_483_148_323_821_6,
    -0.133_661_083_921_274_07,
    -0.098_722_320_575_261_44,
    -0.063_550_026_145_539_98,
    -0.030_534_888_214_599_862,
    0.0,
    0.059_991_582_482_027_81,
    0.117_409_265_185_238_46,
    0.171_491_739_658_687_2,
    0.222_015_037_934_411_5,
    0.271_216_809_436_265_14,
    0.317_835_941_033_102_36,
];

/// (ln(1+r) - r)/r^2 for |r| <= 1/32, to 3e-17 of the logarithm.
pub(super) const LN: [f64; 8] = [
    -0.499_999_999_999_999_3,
    0.333_333_333_333_332_7,
    -0.250_000_000_023_320_4,
    0.200_000_000_021_200_89,
    -0.166_666_547_282_562_6,
    0.142_857_034_323_692_23,
    -0.125_195_531_266_766_3,
    0.111_288_869_870_067_53,
];

/// Natural logarithm: `k ln 2 - ln c + ln(1+r)` with `1+r = c m`, `m` within a factor of the square root of 2 of
/// 1, `c` from a table, `|r| <= 1/32`.
#[inline(always)]
pub(super) fn ln<const FUSED: bool>(x: f64) -> f64 {
    let bits = x.to_bits();
    let moved = bits.wrapping_sub(LN_OFFSET);
    let at = ((moved >> 48) & 15) as usize;
    let k = (moved.cast_signed() >> 52) as f64;
    let m = f64::from_bits(bits.wrapping_sub(moved & 0xfff0_0000_0000_0000));
    let r = if FUSED {
        m.mul_add(INVERSES[at], -1.0)
    } else {
        // The products of the first and of the last digits, so that the former is exact.
        let first = f64::from_bits(m.to_bits() & !0xffff_ffff);
        (first * INVERSES[at] - 1.0) + (m - first) * INVERSES[at]
    };
    let high = fma::<FUSED>(k, LN2_HIGH, LOGARITHMS[at]);
    let low = fma::<FUSED>(k, LN2_LOW, r);
    let r2 = r * r;
    let r4 = r2 * r2;
    let p0 = fma::<FUSED>(r, LN[1], LN[0]);
    let p1 = fma::<FUSED>(r, LN[3], LN[2]);
    let p2 = fma::<FUSED>(r, LN[5], LN[4]);
    let p3 = fma::<FUSED>(r, LN[7], LN[6]);
    let p0 = fma::<FUSED>(p1, r2, p0);
    let p2 = fma::<FUSED>(p3, r2, p2);
    let q = fma::<FUSED>(p2, r4, p0);
    let value = fma::<FUSED>(q, r2, low) + high;
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
