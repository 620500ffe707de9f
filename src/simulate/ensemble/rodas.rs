//! One step of Rodas5P in all lanes.
//!
//! Rodas5P (Steinebach 2023, 10.1007/s10543-023-00967-x) is a linearly implicit method of order 5 with eight
//! stages, an embedded solution of order 4 and an interpolant of order 4; it is L-stable and needs one
//! Jacobian and one factorisation per step. With the drug amounts known as functions of time,
//!
//! ```text
//! (I/(h gamma) - J) k_i = f(t + s_i h, y + sum_j a_ij k_j) + sum_j c_ij k_j / h + h g_i df/dt,    i = 1..8
//! y(t+h) = y + sum_j a_8j k_j + k_8,    error = k_8
//! y(t + x h) = (1-x) y(t) + x (y(t+h) + (1-x) (d_1 + x (d_2 + x d_3))),    d_i = sum_j h_ij k_j
//! ```
//!
//! Each lane has its own step and its own error; nothing is shared.

use super::lanes::{Lanes, Operate, execute, exp, fma, ln, map};
use super::linear::TERMS;
use super::machine::{Machine, advance, bend, check};
use super::program::{COEFFICIENTS, Layout, STAGES, System};

pub(super) const GAMMA: f64 = 0.211_937_563_194_290_14;

/// a_ij of the stages 1 to 6; stages 7 and 8 add the increment before.
pub(super) const A: [[f64; 5]; 6] = [
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [3.0, 0.0, 0.0, 0.0, 0.0],
    [
        2.849_394_379_747_939,
        0.458_422_422_044_639_23,
        0.0,
        0.0,
        0.0,
    ],
    [
        -6.954_028_509_809_101,
        2.489_845_061_869_568,
        -10.358_996_098_473_584,
        0.0,
        0.0,
    ],
    [
        2.802_998_627_562_896_4,
        0.507_246_473_622_820_6,
        -0.398_831_254_177_052_4,
        -0.047_211_872_304_046_41,
        0.0,
    ],
    [
        -7.502_846_399_306_121,
        2.561_846_144_803_919,
        -11.627_539_656_261_098,
        -0.182_687_676_599_422_56,
        0.030_198_172_008_377_946,
    ],
];

/// c_ij.
pub(super) const C: [[f64; 7]; STAGES] = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [-14.155_112_264_123_755, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [
        -17.972_960_358_859_52,
        -2.859_693_295_451_294,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ],
    [
        147.121_502_757_117_16,
        -1.412_214_027_182_13,
        71.689_402_513_023_58,
        0.0,
        0.0,
        0.0,
        0.0,
    ],
    [
        165.435_170_248_716_76,
        -0.459_282_345_649_112_6,
        42.909_383_369_586_03,
        -5.961_986_721_573_306,
        0.0,
        0.0,
        0.0,
    ],
    [
        24.854_864_614_690_072,
        -3.000_922_700_283_218_6,
        47.493_111_002_076_8,
        5.581_419_782_155_812_5,
        -0.661_069_182_524_947_1,
        0.0,
        0.0,
    ],
    [
        30.912_732_140_285_99,
        -3.120_824_334_993_797_4,
        77.799_546_460_708_92,
        34.286_460_282_947_83,
        -19.097_331_116_725_623,
        -28.087_943_162_872_662,
        0.0,
    ],
    [
        37.802_771_233_905_63,
        -3.257_196_902_907_227_6,
        112.269_188_494_963_27,
        66.934_723_124_404_7,
        -40.066_189_370_910_02,
        -54.667_802_628_779_68,
        -9.488_616_523_096_27,
    ],
];

/// s_i.
pub(super) const NODES: [f64; STAGES] = [
    0.0,
    0.635_812_689_582_870_4,
    0.409_579_839_339_753_5,
    0.976_930_672_506_071_6,
    0.428_840_360_955_866_4,
    1.0,
    1.0,
    1.0,
];

/// g_i.
pub(super) const TILTS: [f64; STAGES] = [
    0.211_937_563_194_290_14,
    -0.423_875_126_388_580_27,
    -0.338_462_712_623_592_4,
    1.804_645_287_288_273_4,
    2.325_825_639_765_069,
    0.0,
    0.0,
    0.0,
];

/// Stages that see the slope of the drives.
pub(super) const TILTED: usize = 5;

/// Number of stages at which watched values are looked at.
pub(super) const LOOKS: usize = 5;

/// Which they are, in the order of their nodes.
pub(super) const SEEN: [usize; LOOKS] = [0, 2, 1, 3, 7];

/// h_ij of the interpolant.
pub(super) const H: [[f64; STAGES]; 3] = [
    [
        25.948_786_856_663_858,
        -2.557_972_484_584_623_5,
        10.433_815_404_888_879,
        -2.367_925_102_268_520_4,
        0.524_948_541_321_073,
        1.124_108_831_045_040_4,
        0.427_287_619_443_187_4,
        -0.172_022_210_701_554_93,
    ],
    [
        -9.915_688_506_951_71,
        -0.968_994_459_411_515_4,
        3.043_803_724_297_845_3,
        -24.495_224_566_215_796,
        20.176_138_334_709_044,
        15.980_663_614_246_51,
        -6.789_040_303_419_874,
        -6.710_236_069_923_372,
    ],
    [
        11.419_903_575_922_262,
        2.887_964_514_613_699_4,
        72.921_379_959_960_29,
        80.125_118_346_226_43,
        -52.072_871_366_152_654,
        -59.789_936_252_667_29,
        -0.155_826_842_827_519_13,
        4.883_087_185_713_722,
    ],
];

/// Smallest and largest factor by which a step follows the one before.
pub(super) const SLOWEST: f64 = 0.2;
pub(super) const FASTEST: f64 = 8.0;
pub(super) const ROOT: f64 = -0.1;
pub(super) const SAFETY: f64 = 0.9;

/// A step of all lanes, to be dispatched.
pub(super) struct Advance<'a, const W: usize> {
    /// Equations.
    pub system: &'a System,
    /// Lanes.
    pub machine: &'a mut Machine<W>,
    /// Whether the interpolant is asked for.
    pub dense: bool,
}

impl<const W: usize> Operate for Advance<'_, W> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let Self {
            system,
            machine,
            dense,
        } = self;
        let n = system.states;
        let layout = &system.layout;
        let rows = &mut machine.rows[..];
        advance(system, rows);
        let step = rows[layout.step];
        let inverse_step = map(&step, |h| 1.0 / h);
        // Added to the error: not a number once a stage has left the domain.
        let mut outside = Lanes::<W>::all(0.0);

        rows[layout.shift] = map(&inverse_step, |s| s * (1.0 / GAMMA));
        for i in 0..n {
            rows[layout.states + i] = rows[layout.before + i];
        }
        for drive in 0..system.drives.len() {
            let (value, rate) = follow::<FUSED, W>(rows, layout, drive, 0.0);
            rows[layout.drives + drive] = value;
            rows[layout.tempo + drive] = rate;
        }
        execute::<FUSED, W>(&system.factor, rows);
        keep_watched(system, rows, 0);
        let tilt_weight = map(&step, |h| h * TILTS[0]);
        for i in 0..n {
            let (f, tilt) = (rows[layout.rates + i], rows[layout.tilt + i]);
            let mut load = Lanes::<W>::all(0.0);
            for lane in 0..W {
                load.0[lane] = -fma::<FUSED>(tilt_weight.0[lane], tilt.0[lane], f.0[lane]);
            }
            rows[layout.load + i] = load;
        }
        execute::<FUSED, W>(&system.solve[0], rows);

        for stage in 1..STAGES {
            if NODES[stage].to_bits() != NODES[stage - 1].to_bits() {
                for drive in 0..system.drives.len() {
                    let (value, _) = follow::<FUSED, W>(rows, layout, drive, NODES[stage]);
                    rows[layout.drives + drive] = value;
                }
            }
            if stage < A.len() {
                for i in 0..n {
                    let mut sum = rows[layout.before + i];
                    for j in 0..stage {
                        let k = &rows[layout.increments + j * n + i];
                        for lane in 0..W {
                            sum.0[lane] = fma::<FUSED>(A[stage][j], k.0[lane], sum.0[lane]);
                        }
                    }
                    rows[layout.states + i] = sum;
                }
            } else {
                for i in 0..n {
                    let k = rows[layout.increments + (stage - 1) * n + i];
                    let state = &mut rows[layout.states + i];
                    for lane in 0..W {
                        state.0[lane] += k.0[lane];
                    }
                }
            }
            check(
                system,
                &rows[layout.states..layout.states + n],
                &mut outside,
            );
            execute::<FUSED, W>(&system.rates, rows);
            keep_watched(system, rows, stage);
            let tilt_weight = map(&step, |h| h * TILTS[stage]);
            for i in 0..n {
                let mut sum = rows[layout.increments + i];
                for lane in 0..W {
                    sum.0[lane] *= C[stage][0];
                }
                for j in 1..stage {
                    let k = &rows[layout.increments + j * n + i];
                    for lane in 0..W {
                        sum.0[lane] = fma::<FUSED>(C[stage][j], k.0[lane], sum.0[lane]);
                    }
                }
                let f = rows[layout.rates + i];
                let tilt = rows[layout.tilt + i];
                for lane in 0..W {
                    let known = fma::<FUSED>(sum.0[lane], inverse_step.0[lane], f.0[lane]);
                    sum.0[lane] = -if stage < TILTED {
                        fma::<FUSED>(tilt_weight.0[lane], tilt.0[lane], known)
                    } else {
                        known
                    };
                }
                rows[layout.load + i] = sum;
            }
            execute::<FUSED, W>(&system.solve[stage], rows);
        }

        let last = layout.increments + (STAGES - 1) * n;
        let rtol = rows[layout.rtol];
        let mut square = Lanes::<W>::all(0.0);
        for i in 0..n {
            let k = rows[last + i];
            let before = rows[layout.before + i];
            let weight = rows[layout.weights + i];
            let mut after = rows[layout.states + i];
            for lane in 0..W {
                after.0[lane] += k.0[lane];
                let (a, b) = (before.0[lane].abs(), after.0[lane].abs());
                let size = if a > b { a } else { b };
                let ratio = k.0[lane] / (rtol.0[lane] * (weight.0[lane] + size));
                square.0[lane] = fma::<FUSED>(ratio, ratio, square.0[lane]);
            }
            rows[layout.after + i] = after;
        }
        check(system, &rows[layout.after..layout.after + n], &mut outside);
        let mean = 1.0 / n as f64;
        for lane in 0..W {
            square.0[lane] = fma::<FUSED>(square.0[lane], mean, outside.0[lane]);
        }
        rows[layout.error] = map(&square, f64::sqrt);
        rows[layout.factor] = map(&square, factor::<FUSED>);
        let watched = layout.increments + STAGES * n;
        bend(system, rows, watched, system.watched, &SEEN, None);
        if dense {
            for (part, weights) in H.iter().enumerate() {
                for i in 0..n {
                    let mut sum = rows[layout.increments + i];
                    for lane in 0..W {
                        sum.0[lane] *= weights[0];
                    }
                    for (j, weight) in weights.iter().enumerate().skip(1) {
                        let k = &rows[layout.increments + j * n + i];
                        for lane in 0..W {
                            sum.0[lane] = fma::<FUSED>(*weight, k.0[lane], sum.0[lane]);
                        }
                    }
                    rows[layout.dense + part * n + i] = sum;
                }
            }
            // d_2 + x d_3 = (d_2 + d_3) - (1-x) d_3; there are no further coefficients.
            for i in 0..n {
                let third = rows[layout.dense + 2 * n + i];
                for lane in 0..W {
                    rows[layout.dense + n + i].0[lane] += third.0[lane];
                    rows[layout.dense + 2 * n + i].0[lane] = -third.0[lane];
                }
                for part in 3..COEFFICIENTS {
                    rows[layout.dense + part * n + i] = Lanes::all(0.0);
                }
            }
        }
    }
}

/// Keeps the watched values of a stage.
fn keep_watched<const W: usize>(system: &System, rows: &mut [Lanes<W>], stage: usize) {
    let (n, watched) = (system.states, system.watched);
    let from = system.layout.rates + n;
    let to = system.layout.increments + STAGES * n + stage * watched;
    rows.copy_within(from..from + watched, to);
}

/// Order 5: the step follows the fifth root of the error, here from its square.
#[inline(always)]
fn factor<const FUSED: bool>(square: f64) -> f64 {
    let factor = SAFETY * exp::<FUSED>(ROOT * ln::<FUSED>(square));
    let factor = if factor < FASTEST { factor } else { FASTEST };
    if factor > SLOWEST { factor } else { SLOWEST }
}

/// A drive and its rate at `part` of the step: the Chebyshev series and its derivative (Clenshaw).
#[inline(always)]
fn follow<const FUSED: bool, const W: usize>(
    rows: &[Lanes<W>],
    layout: &Layout,
    drive: usize,
    part: f64,
) -> (Lanes<W>, Lanes<W>) {
    let (time, step, pace) = (rows[layout.time], rows[layout.step], rows[layout.pace]);
    let mut twice = Lanes::<W>::all(0.0);
    for lane in 0..W {
        let time = fma::<FUSED>(step.0[lane], part, time.0[lane]);
        let place = fma::<FUSED>(pace.0[lane], time, -1.0);
        twice.0[lane] = place + place;
    }
    let zero = Lanes::<W>::all(0.0);
    let terms = &rows[layout.series + drive * TERMS..][..TERMS];
    let (mut a, mut b, mut da, mut db) = (terms[TERMS - 1], zero, zero, zero);
    for c in terms[1..TERMS - 1].iter().rev() {
        let (mut next, mut slope) = (zero, zero);
        for lane in 0..W {
            next.0[lane] = fma::<FUSED>(twice.0[lane], a.0[lane], c.0[lane] - b.0[lane]);
            let rest = fma::<FUSED>(2.0, a.0[lane], -db.0[lane]);
            slope.0[lane] = fma::<FUSED>(twice.0[lane], da.0[lane], rest);
        }
        (a, b, da, db) = (next, a, slope, da);
    }
    let (mut value, mut rate) = (zero, zero);
    for lane in 0..W {
        let place = 0.5 * twice.0[lane];
        value.0[lane] = fma::<FUSED>(place, a.0[lane], terms[0].0[lane] - b.0[lane]);
        let slope = fma::<FUSED>(place, da.0[lane], a.0[lane] - db.0[lane]);
        rate.0[lane] = slope * pace.0[lane];
    }
    (value, rate)
}
