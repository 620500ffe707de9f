//! A stretch between events in all lanes by collocation, in sweeps.
//!
//! Radau IIA with ten stages (Hairer & Wanner 1996, IV.5; order 19, L-stable): within a step of length `h` the
//! solution is the polynomial `y(t + x h) = y + u(x)` whose slope is that of the equations at the nodes `c_j`,
//!
//! ```text
//! u_j = h sum_l Q_jl f(t + c_l h, y + u_l),    j = 1..10,    c_10 = 1
//! ```
//!
//! with the drug amounts known as functions of time. A patient who takes a drug every twelve hours goes through
//! almost the same course twelve hours later: a step starts from the increments of the steps of its kind before,
//! extrapolated, and mostly a single sweep of Newton's method over the nodes is then enough. Ten evaluations make a
//! step of six hours at errors below 1e-6, where a one-step method needs fifty.
//!
//! In the basis of the eigenvectors `V` of `Q` (real and imaginary parts) the sweep is, for each pair `p + i q` of
//! eigenvalues `1/lambda`,
//!
//! ```text
//! (1 - h lambda J) delta = h lambda f - u,    u <- u + delta
//! ```
//!
//! with the Jacobian `J` at the middle node, of which the diagonal and what lies below it are kept: states come in
//! the order in which they act on one another, and what acts back is left to the next sweep. A sweep is repeated
//! until its change is small; the error is told from the last two Legendre coefficients of the slopes, which fall
//! with the length of the step as those of the solution do.
//!
//! Limitations: between the nodes the polynomial is of degree ten only, so that steps that someone looks into are held
//! to a smaller coefficient ([`INSIDE`]); the solution at the end is of order 19.

use super::lanes::{Lanes, Operate, execute, fma, map};
use super::program::System;
use super::rodas::{Machine, advance, bend, check};

/// Nodes of a step.
pub(super) const NODES: usize = 10;

/// Node at which the Jacobian is taken.
pub(super) const MIDDLE: usize = 4;

/// Nodes c_j of Radau IIA.
pub(super) const PLACES: [f64; NODES] = [
    0.014_412_409_648_876_549,
    0.074_387_389_709_196_05,
    0.176_116_656_162_995_27,
    0.309_667_579_927_637_8,
    0.461_970_401_081_010_95,
    0.618_117_234_695_294,
    0.762_823_015_185_039_6,
    0.881_921_021_210_001_3,
    0.963_742_187_116_790_5,
    1.0,
];
/// Eigenvalues of the matrix of integrals, one of each pair: real and imaginary part.
pub(super) const EIGENVALUES: [(f64, f64); NODES / 2] = [
    (0.019_020_776_808_324_317, 0.057_255_866_667_356_72),
    (0.040_046_443_659_734_37, 0.054_398_838_484_759_716),
    (0.057_463_800_620_193_364, 0.044_195_935_789_649_83),
    (0.070_021_398_507_704_13, 0.028_708_804_058_245_95),
    (0.076_605_475_140_885_93, 0.009_941_792_047_005_533),
];
/// V: real and imaginary parts of the eigenvectors, as columns.
pub(super) const FROM_SPECTRUM: [[f64; NODES]; NODES] = [
    [
        -0.001_762_966_398_620_369_5,
        -0.006_905_031_793_300_85,
        0.001_377_220_092_458_351_5,
        -0.000_169_817_456_627_544_75,
        -5.0644712194365045e-05,
        0.000_489_232_643_066_888_8,
        0.000_244_564_014_815_604_86,
        9.367483784601277e-05,
        0.000_116_458_759_948_943_48,
        -0.000_155_101_776_747_686_53,
    ],
    [
        0.002_342_124_189_514_771_6,
        0.011_892_729_518_030_746,
        -0.002_191_890_193_036_538_3,
        -6.047566255701083e-05,
        0.000_199_691_245_453_623,
        -0.000_670_258_441_974_686_4,
        -0.000_288_866_065_768_451_65,
        -0.000_166_353_773_143_770_68,
        -0.000_148_548_437_193_605_24,
        0.000_174_170_997_275_962,
    ],
    [
        -0.001_507_283_733_975_869,
        -0.018_951_920_034_481_037,
        0.002_686_802_911_219_353,
        0.001_014_025_534_797_487,
        -0.000_388_073_924_692_098_6,
        0.000_544_600_298_738_743_1,
        0.000_244_398_200_559_841_5,
        0.000_148_699_559_404_712_1,
        0.000_143_323_502_198_842_32,
        -0.000_190_308_190_158_291_95,
    ],
    [
        -0.003_883_251_872_210_427_5,
        0.030_830_381_582_518_784,
        -0.001_415_300_435_373_132_7,
        -0.002_851_989_518_893_575,
        -3.1682095560238825e-05,
        -0.000_266_312_120_080_429_9,
        -0.000_401_475_067_123_472_8,
        -0.000_213_421_707_135_653_62,
        -0.000_185_130_669_901_455_28,
        4.2642911835513904e-05,
    ],
    [
        0.024_803_968_654_194_312,
        -0.048_797_957_395_139_8,
        -0.005_411_879_994_234_385_4,
        0.001_244_871_104_767_930_3,
        0.000_392_566_226_081_479_93,
        0.002_567_151_002_886_227_4,
        -0.000_804_412_380_104_689_6,
        0.000_713_886_853_444_660_9,
        -0.000_419_015_729_631_382_4,
        -0.000_764_943_983_455_158_8,
    ],
    [
        -0.088_795_626_487_140_41,
        0.053_277_893_662_637_736,
        0.007_550_951_469_953_106,
        0.024_906_356_054_140_92,
        0.012_616_038_473_862_03,
        -0.000_955_881_991_056_863_8,
        -0.002_243_077_035_202_392_7,
        0.007_330_048_701_435_454_5,
        -0.005_150_761_375_872_655,
        -0.003_449_142_291_734_183_8,
    ],
    [
        0.190_479_602_340_912_77,
        0.065_620_841_862_239_2,
        0.086_339_259_290_969_22,
        -0.044_364_778_011_792_98,
        0.017_969_140_906_659_287,
        -0.057_313_943_616_812_14,
        0.019_973_158_598_188_55,
        0.040_894_474_168_337_976,
        -0.036_831_246_130_722_91,
        -0.014_463_353_888_774_537,
    ],
    [
        0.022_107_314_913_053_656,
        -0.369_221_603_806_637,
        -0.090_027_977_865_672_43,
        -0.259_572_747_838_425_1,
        -0.142_381_489_615_059_6,
        -0.170_445_676_625_361_5,
        0.168_725_218_041_412_02,
        0.096_845_459_024_901_37,
        -0.180_028_375_757_043_72,
        -0.031_435_457_536_742_685,
    ],
    [
        -0.538_414_025_257_461_5,
        -0.195_801_598_930_132_94,
        -0.542_972_930_673_514_6,
        -0.146_336_015_939_795_62,
        -0.533_797_724_875_389_5,
        -0.100_357_746_151_622_31,
        0.526_062_667_027_638_6,
        0.058_619_790_565_824_92,
        -0.521_969_966_019_284_9,
        -0.019_285_838_309_796_407,
    ],
    [
        -0.674_897_034_945_445_6,
        0.153_752_201_706_369_77,
        -0.762_365_670_792_073_6,
        0.130_098_817_331_646_27,
        -0.801_692_998_886_244_6,
        0.095_794_463_076_034_02,
        0.822_459_690_410_645_9,
        -0.058_334_680_470_330_11,
        -0.831_738_508_312_246_3,
        0.019_569_387_541_330_745,
    ],
];
/// Inverse of V.
pub(super) const TO_SPECTRUM: [[f64; NODES]; NODES] = [
    [
        16.699_884_988_062_685,
        25.417_767_166_468_376,
        -12.557_281_880_543_291,
        -8.516_125_555_325_28,
        8.872_947_048_821_304,
        -5.237_581_186_758_838,
        2.857_542_862_723_344_3,
        -1.618_275_622_372_282_5,
        0.936_429_356_210_716_7,
        -0.338_440_245_213_292_47,
    ],
    [
        7.513_879_539_615_647,
        -15.038_621_968_043_756,
        -21.315_215_711_802_296,
        13.270_112_395_849_434,
        -2.325_668_583_939_136_4,
        -1.197_813_227_356_089_3,
        1.652_202_128_205_876_3,
        -1.369_989_632_730_963_5,
        0.963_055_502_142_236_6,
        -0.375_310_524_784_789_1,
    ],
    [
        -368.046_805_114_833_03,
        -253.339_845_414_111_04,
        197.452_746_006_859_37,
        86.100_022_962_556_44,
        -25.489_391_728_038_76,
        -4.238_613_339_382_143,
        3.311_229_059_184_602_5,
        0.004_794_988_577_658_18,
        -1.166_624_968_001_545_2,
        0.632_129_729_301_788_3,
    ],
    [
        131.127_912_282_166,
        446.835_364_694_411_85,
        237.969_514_990_228_8,
        -80.261_196_500_707_85,
        -13.494_879_477_232_123,
        1.684_620_417_103_716_2,
        7.069_077_318_715_376,
        -7.357_317_313_596_41,
        5.298_091_778_054_453,
        -2.051_659_972_126_915_8,
    ],
    [
        1_849.883_973_146_832_7,
        811.824_889_871_197_6,
        -826.938_102_951_569_8,
        -403.488_014_492_189_6,
        -22.507_380_037_085_937,
        25.424_807_444_425_86,
        -11.294_157_744_785_004,
        13.900_156_736_115_331,
        -12.677_501_958_719_416,
        5.362_650_078_345_115,
    ],
    [
        -1_909.951_773_524_499_5,
        -2_975.518_081_489_642_6,
        -1_223.268_729_153_900_3,
        55.471_552_709_186_255,
        89.016_910_544_676_14,
        0.027_884_892_632_607_24,
        3.856_859_353_826_523,
        -5.035_339_541_687_954_5,
        2.070_913_225_299_791_7,
        -0.384_689_721_870_442_54,
    ],
    [
        3_522.861_933_460_046_7,
        1_152.333_304_552_264_5,
        -1_420.958_581_037_042,
        -795.385_317_835_307_5,
        -137.238_871_204_930_12,
        -23.189_847_788_494_83,
        13.148_958_830_874_465,
        -11.431_539_825_475_545,
        9.200_601_090_799_34,
        -3.449_513_887_771_207_3,
    ],
    [
        -7_721.528_293_459_03,
        -9_036.041_872_619_62,
        -3_533.841_967_927_758_6,
        -461.611_464_625_227_77,
        51.491_411_896_996_4,
        1.871_442_399_073_095_3,
        22.381_861_170_231,
        -20.230_105_747_117_09,
        19.295_589_836_673_305,
        -8.732_631_711_609_047,
    ],
    [
        2_024.252_537_872_800_8,
        568.571_340_866_305_4,
        -778.910_070_248_051_2,
        -469.660_163_792_898_86,
        -97.975_445_238_001_03,
        -39.384_785_177_636_71,
        18.337_963_774_840_052,
        -23.507_491_540_494_08,
        21.119_226_044_459_825,
        -9.734_414_525_989_084,
    ],
    [
        -14_600.590_220_589_784,
        -15_222.290_321_506_396,
        -5_963.803_000_107_458_5,
        -1_220.459_831_162_835_8,
        -179.605_993_033_626_08,
        0.156_338_225_012_398_14,
        -20.499_668_778_796_988,
        19.167_554_828_141_46,
        -16.987_924_750_745_048,
        7.427_858_301_377_814,
    ],
];
/// The last two Legendre coefficients of a polynomial from its values at the nodes.
pub(super) const HIGHEST: [[f64; NODES]; 2] = [
    [
        -0.043_761_880_496_143_61,
        0.148_561_913_172_726_74,
        -0.275_748_680_871_345_96,
        0.403_034_175_145_679_2,
        -0.511_353_882_780_273_2,
        0.584_164_103_079_808_2,
        -0.607_681_064_967_983_6,
        0.570_237_645_700_037_1,
        -0.457_452_327_982_505,
        0.19,
    ],
    [
        0.123_784_594_997_242_81,
        -0.386_561_352_752_330_9,
        0.611_530_978_136_650_8,
        -0.690_472_358_759_243_3,
        0.581_828_378_564_013,
        -0.320_081_844_536_814_1,
        0.000_768_777_636_773_500_9,
        0.255_843_221_291_669_1,
        -0.346_640_394_577_961,
        0.17,
    ],
];
/// Coefficients of the interpolant beside its values at the ends, from the spectrum.
pub(super) const INTERPOLANT: [[f64; NODES]; 9] = [
    [
        0.574_673_644_492_095_1,
        -1.236_337_918_156_719_3,
        0.966_531_963_695_080_7,
        -0.130_659_342_619_409_3,
        0.788_467_716_050_801_6,
        -0.026_257_333_095_630_02,
        -0.788_445_097_291_342_5,
        0.073_378_033_526_958_44,
        0.848_539_860_931_860_8,
        -0.041_178_448_852_206_25,
    ],
    [
        -0.141_377_418_142_466_1,
        -10.029_147_354_270_272,
        3.410_935_754_492_550_5,
        -9.969_857_751_375_686,
        6.370_193_683_775_69,
        -7.667_369_893_891_489,
        -8.152_180_151_147_807,
        4.704_254_293_238_709,
        8.964_708_189_271_04,
        -1.576_206_049_978_601,
    ],
    [
        -3.048_917_476_913_458,
        60.881_828_035_493_05,
        -11.760_133_623_555_726,
        8.647_744_608_894_635,
        -4.700_374_191_583_978,
        4.600_036_253_187_928,
        5.908_642_894_648_358_5,
        -5.376_335_709_414_293,
        -8.866_391_813_883_848,
        2.462_779_538_656_923_3,
    ],
    [
        89.753_926_992_619_01,
        -49.038_363_742_723_23,
        58.998_616_753_340_19,
        46.811_415_218_583_14,
        7.395_882_276_393_102,
        56.444_591_142_593_77,
        24.730_332_260_232_775,
        -39.098_947_120_009_82,
        -39.236_461_340_429_656,
        13.610_534_205_262_153,
    ],
    [
        87.876_584_673_016_3,
        -621.890_370_398_589_7,
        57.341_499_355_556_095,
        -6.413_532_574_232_005,
        -26.649_791_832_843_245,
        -11.098_400_074_537_897,
        -0.178_829_633_280_382_7,
        44.854_590_682_376_05,
        41.634_357_128_745_58,
        -23.701_957_072_280_504,
    ],
    [
        -132.299_146_416_740_03,
        1_180.553_272_500_598_3,
        -356.525_331_437_137_2,
        110.018_299_037_038_45,
        -139.448_403_065_981_92,
        -123.023_073_204_758_82,
        -15.640_742_950_086_509,
        119.560_643_683_486_42,
        86.684_665_632_460_99,
        -44.989_149_977_884_85,
    ],
    [
        -1_597.570_336_826_095,
        2_194.394_178_666_92,
        -291.234_785_230_463_16,
        -374.702_826_018_628_5,
        214.044_539_539_781_97,
        -107.052_267_264_450_5,
        -87.207_469_357_428_18,
        -147.199_471_969_859_84,
        -112.039_062_640_092_65,
        93.473_485_413_748_73,
    ],
    [
        -987.776_422_046_852_5,
        -3_355.075_543_134_103_6,
        452.903_768_166_485_9,
        -552.994_076_426_890_2,
        249.573_971_992_660_66,
        58.342_378_231_447_46,
        -24.891_338_094_371_047,
        -133.666_746_674_608,
        -83.442_494_590_943_53,
        55.349_508_884_644_166,
    ],
    [
        5_549.890_721_488_893,
        -2_432.312_589_352_677_6,
        758.111_684_669_921,
        1_023.914_255_243_885_8,
        -354.106_448_661_304_17,
        315.134_985_615_005_23,
        180.125_340_705_760_44,
        187.515_784_274_623_85,
        138.743_293_650_388,
        -137.489_582_011_100_54,
    ],
];

/// Nodes at which watched values are looked at.
pub(super) const SEEN: [usize; NODES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// Change of a sweep over the tolerance after which the next one would not matter; the part of it that is left,
/// judged by how fast changes fall.
pub(super) const SETTLED: f64 = 0.2;
pub(super) const LEFT: f64 = 0.02;

/// Sweeps of one step, and the ratio of changes beyond which there is no hope.
pub(super) const SWEEPS: u32 = 10;
pub(super) const HOPELESS: f64 = 0.8;

/// Longest step over the largest that one-step methods may make.
pub(super) const LONGEST: f64 = 2.0;

/// Error at the end of a step per square of the last coefficients, and between its nodes per coefficient (measured).
const END: f64 = 0.3;
const INSIDE: f64 = 0.03;

/// Error of a step from the size of its last coefficients: at its end, or also inside.
pub(super) fn error(curve: f64, inside: bool) -> f64 {
    let end = END * curve * curve;
    if inside { end.max(INSIDE * curve) } else { end }
}

/// Factor to a step of just the tolerance: errors fall with the power 20 of the step, inside with 10.
pub(super) fn factor(error: f64, inside: bool) -> f64 {
    0.9 * libm::pow(error, if inside { -0.1 } else { -0.05 })
}

/// A sweep of all lanes, to be dispatched.
pub(super) struct Sweep<'a, const W: usize> {
    /// Equations.
    pub system: &'a System,
    /// Lanes.
    pub machine: &'a mut Machine<W>,
    /// Whether the interpolant is asked for.
    pub dense: bool,
}

impl<const W: usize> Operate for Sweep<'_, W> {
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
        let wide = n + system.watched;
        keep_watched(system, rows);
        advance(system, rows);
        let mut outside = Lanes::<W>::all(0.0);
        for node in 0..NODES {
            slopes::<FUSED, W>(system, rows, node, &mut outside);
        }
        let (mut change, mut curve) = (Lanes::<W>::all(0.0), Lanes::<W>::all(0.0));
        for i in 0..n {
            newton::<FUSED, W>(system, rows, i, &mut change, &mut curve);
        }
        check(system, &rows[layout.after..layout.after + n], &mut outside);
        let (mean, rtol) = (1.0 / n as f64, rows[layout.rtol]);
        for lane in 0..W {
            let square = fma::<FUSED>(change.0[lane], mean, outside.0[lane]);
            rows[layout.error].0[lane] = square.sqrt() / rtol.0[lane];
        }
        rows[layout.curve] = map(&curve, |square| (square * mean).sqrt());
        let start = Some(layout.start);
        bend(system, rows, layout.increments + n, wide, &SEEN, start);
        if dense {
            for i in 0..n {
                for (part, weights) in INTERPOLANT.iter().enumerate() {
                    rows[layout.dense + part * n + i] =
                        combine::<FUSED, W>(rows, layout.spectrum + i, n, weights);
                }
            }
        }
    }
}

/// Keeps the watched values at the end of the last step, where the next one begins, in the lanes that took it.
#[inline(always)]
fn keep_watched<const W: usize>(system: &System, rows: &mut [Lanes<W>]) {
    let layout = &system.layout;
    let taken = rows[layout.taken];
    let end = layout.increments + (NODES - 1) * (system.states + system.watched) + system.states;
    for k in 0..system.watched {
        let last = rows[end + k];
        let start = &mut rows[layout.start + k];
        for lane in 0..W {
            if taken.0[lane] > 0.0 {
                start.0[lane] = last.0[lane];
            }
        }
    }
}

/// Weighted sum of rows from `first` on, `stride` apart.
#[inline(always)]
fn combine<const FUSED: bool, const W: usize>(
    rows: &[Lanes<W>],
    first: usize,
    stride: usize,
    weights: &[f64; NODES],
) -> Lanes<W> {
    let mut sum = Lanes::<W>::all(0.0);
    for (at, weight) in weights.iter().enumerate() {
        let k = &rows[first + at * stride];
        for lane in 0..W {
            sum.0[lane] = if at == 0 {
                *weight * k.0[lane]
            } else {
                fma::<FUSED>(*weight, k.0[lane], sum.0[lane])
            };
        }
    }
    sum
}

/// Slopes at a node; at the middle one with the Jacobian.
#[inline(always)]
fn slopes<const FUSED: bool, const W: usize>(
    system: &System,
    rows: &mut [Lanes<W>],
    node: usize,
    outside: &mut Lanes<W>,
) {
    let n = system.states;
    let layout = &system.layout;
    let wide = n + system.watched;
    let drives = system.drives.len();
    rows.copy_within(
        layout.courses + node * drives..layout.courses + (node + 1) * drives,
        layout.drives,
    );
    for i in 0..n {
        let mut state = combine::<FUSED, W>(rows, layout.spectrum + i, n, &FROM_SPECTRUM[node]);
        let before = rows[layout.before + i];
        for lane in 0..W {
            state.0[lane] += before.0[lane];
        }
        rows[layout.states + i] = state;
    }
    check(system, &rows[layout.states..layout.states + n], outside);
    let program = if node == MIDDLE {
        &system.newton
    } else {
        &system.rates
    };
    execute::<FUSED, W>(program, rows);
    rows.copy_within(
        layout.rates..layout.rates + wide,
        layout.increments + node * wide,
    );
}

/// Newton's correction of a state at all nodes, and what it adds to the squares of change and curve.
#[inline(always)]
fn newton<const FUSED: bool, const W: usize>(
    system: &System,
    rows: &mut [Lanes<W>],
    i: usize,
    change: &mut Lanes<W>,
    curve: &mut Lanes<W>,
) {
    let n = system.states;
    let layout = &system.layout;
    let wide = n + system.watched;
    let step = rows[layout.step];
    let first = layout.increments + i;
    let [last, before_last] = [0, 1].map(|k| combine::<FUSED, W>(rows, first, wide, &HIGHEST[k]));
    let mut f: [Lanes<W>; NODES] =
        std::array::from_fn(|k| combine::<FUSED, W>(rows, first, wide, &TO_SPECTRUM[k]));
    for (j, entry) in &system.couplings[i].below {
        let entry = rows[*entry];
        for (k, f) in f.iter_mut().enumerate() {
            let delta = &rows[layout.changes + k * n + j];
            for lane in 0..W {
                f.0[lane] = fma::<FUSED>(entry.0[lane], delta.0[lane], f.0[lane]);
            }
        }
    }
    let diagonal = system.couplings[i].diagonal.map(|entry| rows[entry]);
    for (pair, (real, imaginary)) in EIGENVALUES.iter().enumerate() {
        let (p, q) = (2 * pair, 2 * pair + 1);
        let [row_p, row_q] = [p, q].map(|k| layout.spectrum + k * n + i);
        for lane in 0..W {
            let h = step.0[lane];
            let (turn, twist) = (*real * h, *imaginary * h);
            let (x, y) = (f[p].0[lane], f[q].0[lane]);
            let a = fma::<FUSED>(twist, y, fma::<FUSED>(turn, x, -rows[row_p].0[lane]));
            let b = fma::<FUSED>(-twist, x, fma::<FUSED>(turn, y, -rows[row_q].0[lane]));
            let (mut delta_p, mut delta_q) = (a, b);
            if let Some(diagonal) = diagonal {
                let u = fma::<FUSED>(-diagonal.0[lane], turn, 1.0);
                let v = diagonal.0[lane] * twist;
                let inverse = 1.0 / fma::<FUSED>(v, v, u * u);
                let (u, v) = (u * inverse, v * inverse);
                delta_p = fma::<FUSED>(b, v, a * u);
                delta_q = fma::<FUSED>(-a, v, b * u);
            }
            for (k, row, delta) in [(p, row_p, delta_p), (q, row_q, delta_q)] {
                rows[layout.changes + k * n + i].0[lane] = delta;
                rows[row].0[lane] += delta;
            }
        }
    }
    let spectrum = layout.spectrum + i;
    let rise = combine::<FUSED, W>(rows, spectrum, n, &FROM_SPECTRUM[NODES - 1]);
    let changes = layout.changes + i;
    let [middle, end] =
        [MIDDLE, NODES - 1].map(|node| combine::<FUSED, W>(rows, changes, n, &FROM_SPECTRUM[node]));
    let (before, weight) = (rows[layout.before + i], rows[layout.weights + i]);
    for lane in 0..W {
        let after = before.0[lane] + rise.0[lane];
        let (a, b) = (before.0[lane].abs(), after.abs());
        let scale = 1.0 / (weight.0[lane] + if a > b { a } else { b });
        rows[layout.after + i].0[lane] = after;
        for change_at in [middle.0[lane] * scale, end.0[lane] * scale] {
            change.0[lane] = fma::<FUSED>(change_at, change_at, change.0[lane]);
        }
        for coefficient in [last.0[lane], before_last.0[lane]] {
            let coefficient = coefficient * step.0[lane] * scale;
            curve.0[lane] = fma::<FUSED>(coefficient, coefficient, curve.0[lane]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(matrix: &[[f64; NODES]; NODES], i: usize, x: &[f64; NODES]) -> f64 {
        matrix[i].iter().zip(x).map(|(a, x)| a * x).sum()
    }

    /// The tables against what they stand for: integrals, Legendre coefficients and interpolants of powers.
    #[test]
    fn tables_integrate_and_interpolate_powers() {
        for power in 0..NODES {
            let exponent = power as i32;
            let values = PLACES.map(|c| c.powi(exponent));
            let spectrum: [f64; NODES] = std::array::from_fn(|k| row(&TO_SPECTRUM, k, &values));
            let turned: [f64; NODES] = std::array::from_fn(|k| {
                let (real, imaginary) = EIGENVALUES[k / 2];
                if k % 2 == 0 {
                    real * spectrum[k] + imaginary * spectrum[k + 1]
                } else {
                    real * spectrum[k] - imaginary * spectrum[k - 1]
                }
            });
            for (node, c) in PLACES.iter().enumerate() {
                let integral = row(&FROM_SPECTRUM, node, &turned);
                let exact = c.powi(exponent + 1) / f64::from(exponent + 1);
                assert!((integral - exact).abs() < 1e-12, "{power} {node}");
            }
            // The interpolant of the integral, which is 0 at the start.
            let parts = INTERPOLANT.map(|weights| {
                let terms = weights.iter().zip(&turned);
                terms.map(|(a, x)| a * x).sum::<f64>()
            });
            let rise = row(&FROM_SPECTRUM, NODES - 1, &turned);
            for x in [0.05, 0.3, 0.77] {
                let factors = [x, 1.0 - x];
                let inner = (0..NODES - 1)
                    .rev()
                    .fold(0.0, |sum, k| (sum + parts[k]) * factors[(k + 1) % 2]);
                let value = (rise + inner) * x;
                let exact = f64::powi(x, exponent + 1) / f64::from(exponent + 1);
                assert!(
                    (value - exact).abs() < 1e-11,
                    "{power} {x}: {value} {exact}"
                );
            }
            // Of the powers below the last but one nothing is left.
            let last = HIGHEST.map(|weights| {
                let terms = weights.iter().zip(&values);
                terms.map(|(a, x)| a * x).sum::<f64>()
            });
            assert_eq!(last[0].abs() > 1e-9, power == NODES - 1, "{power}");
            assert_eq!(last[1].abs() > 1e-9, power >= NODES - 2, "{power}");
        }
    }
}
