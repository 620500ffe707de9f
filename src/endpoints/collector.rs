//! The observer that collects endpoints while a run is integrated.
//!
//! It looks at every step of the integrator at points of bounded distance, and from the values and slopes there decides
//! where it must look more closely; it does not rely on steps being short.

use super::crossing::Crossing;
use super::extremum::Extremum;
use super::part::{Part, Place, TIME_TOLERANCE};
use super::{Endpoints, PROGRESSION, SCAN_INTERVAL, SWITCH_THRESHOLD};
use crate::model::angiogenesis::Vasculature;
use crate::model::effectors::Effectors;
use crate::model::exposure::{SorafenibAmounts, SorafenibInput, SorafenibKinetics};
use crate::model::tumour::Tumour;
use crate::model::{Model, STATES, State};
use crate::simulate::{Observer, Outcome, Problem, Segment};
use nalgebra::SMatrix;
use num_dual::Dual64;
use std::sync::LazyLock;

const HOURS_PER_DAY: f64 = 24.0;

/// Longest distance of the points that are looked at, h: the fastest states relax with 2 to 3 per hour, so that a value
/// and a slope at both ends of such a part show what they do in between, and areas are exact to 1e-7.
const SPACING: f64 = 0.5;

/// pO2 below which a tumour counts as hypoxic here, mmHg.
const HYPOXIA: f64 = 5.0;

/// Rise over the running nadir that counts as regrowth.
const REGROWTH: f64 = 1.1;

/// A tumour has shrunk when its nadir lies below this part of the start.
const SHRUNK: f64 = 0.98;

/// States by name: the index of each.
static INDEX: LazyLock<State<usize>> =
    LazyLock::new(|| State::from_array(&std::array::from_fn::<usize, STATES, _>(|i| i)));

/// States with their slopes, by index.
type Motion = [Dual64; STATES];

fn still() -> Motion {
    [Dual64::from(0.0); STATES]
}

fn vasculature(y: &Motion) -> Vasculature<Dual64> {
    let at = &INDEX.vasculature;
    Vasculature {
        vegf: y[at.vegf],
        immature: y[at.immature],
        mature: y[at.mature],
    }
}

fn tumour(y: &Motion) -> Tumour<Dual64> {
    let at = &INDEX.tumour;
    Tumour {
        sensitive: y[at.sensitive],
        resistant: y[at.resistant],
        dying_early: y[at.dying_early],
        dying_late: y[at.dying_late],
        metastases: y[at.metastases],
    }
}

fn effectors(y: &Motion) -> Effectors<Dual64> {
    let at = &INDEX.effectors;
    Effectors {
        glycolysis: y[at.glycolysis],
        survival: y[at.survival],
        apoptosis: y[at.apoptosis],
        apoptosis_resistant: y[at.apoptosis_resistant],
        emt: y[at.emt],
    }
}

/// A quantity of the state, as a value with its slope.
struct Quantity {
    of: fn(&Motion) -> Dual64,
    /// Indices of the states that it follows from.
    states: Vec<usize>,
}

impl Quantity {
    fn at(&self, segment: &Segment<'_>, time: f64) -> Dual64 {
        let mut motion = still();
        segment.motion(time, &self.states, &mut motion);
        (self.of)(&motion)
    }
}

/// The quantities that are watched.
struct Quantities {
    mvd: Quantity,
    oxygen: Quantity,
    vegf: Quantity,
    hif1a: Quantity,
    hif2a: Quantity,
    apoptosis: Quantity,
    burden: Quantity,
    viable: Quantity,
    /// States of all of them.
    states: Vec<usize>,
}

static QUANTITIES: LazyLock<Quantities> = LazyLock::new(|| {
    let (vessels, hif, cells) = (INDEX.vasculature, INDEX.hif, INDEX.tumour);
    let signals = INDEX.effectors;
    let viable = [cells.sensitive, cells.resistant];
    let dying = [cells.dying_early, cells.dying_late];
    let apoptosis = [signals.apoptosis, signals.apoptosis_resistant];
    let quantity = |of: fn(&Motion) -> Dual64, states: &[&[usize]]| Quantity {
        of,
        states: states.concat(),
    };
    let mut watched = Quantities {
        mvd: quantity(
            |y| vasculature(y).mvd(),
            &[&[vessels.immature, vessels.mature]],
        ),
        oxygen: quantity(|y| y[INDEX.oxygen], &[&[INDEX.oxygen]]),
        vegf: quantity(|y| y[INDEX.vasculature.vegf], &[&[vessels.vegf]]),
        hif1a: quantity(|y| y[INDEX.hif.hif1a], &[&[hif.hif1a]]),
        hif2a: quantity(|y| y[INDEX.hif.hif2a], &[&[hif.hif2a]]),
        apoptosis: quantity(
            |y| effectors(y).mean_apoptosis(tumour(y).resistant_fraction()),
            &[&apoptosis, &viable],
        ),
        burden: quantity(|y| tumour(y).burden(), &[&viable, &dying]),
        viable: quantity(|y| tumour(y).viable(), &[&viable]),
        states: Vec::new(),
    };
    watched.states = [
        &watched.mvd,
        &watched.oxygen,
        &watched.vegf,
        &watched.hif1a,
        &watched.hif2a,
        &watched.apoptosis,
        &watched.burden,
    ]
    .into_iter()
    .flat_map(|quantity| quantity.states.iter().copied())
    .collect();
    watched.states.sort_unstable();
    watched.states.dedup();
    watched
});

/// The watched quantities at a time.
#[derive(Clone, Copy)]
struct Node {
    time: f64,
    mvd: Dual64,
    oxygen: Dual64,
    vegf: Dual64,
    hif1a: Dual64,
    hif2a: Dual64,
    apoptosis: Dual64,
    burden: Dual64,
}

impl Node {
    fn at(segment: &Segment<'_>, time: f64, motion: &mut Motion) -> Self {
        let watched = &*QUANTITIES;
        segment.motion(time, &watched.states, motion);
        let of = |quantity: &Quantity| (quantity.of)(motion);
        Self {
            time,
            mvd: of(&watched.mvd),
            oxygen: of(&watched.oxygen),
            vegf: of(&watched.vegf),
            hif1a: of(&watched.hif1a),
            hif2a: of(&watched.hif2a),
            apoptosis: of(&watched.apoptosis),
            burden: of(&watched.burden),
        }
    }
}

/// Two neighbouring nodes of a segment.
struct Span<'a> {
    segment: &'a Segment<'a>,
    from: &'a Node,
    to: &'a Node,
}

impl<'a> Span<'a> {
    /// A watched quantity between them.
    fn part(
        &self,
        quantity: &'a Quantity,
        of: fn(&Node) -> Dual64,
    ) -> Part<impl Fn(f64) -> Dual64 + use<'a>> {
        let segment = self.segment;
        Part {
            from: (self.from.time, of(self.from)),
            to: (self.to.time, of(self.to)),
            at: move |time| quantity.at(segment, time),
        }
    }
}

/// How far HIF-2a is above HIF-1a times `factor`, both relative to their levels before.
#[derive(Clone, Copy)]
struct Excess {
    hif1a: f64,
    hif2a: f64,
}

impl Excess {
    fn new(before: &State<f64>, factor: f64) -> Self {
        Self {
            hif1a: factor / before.hif.hif1a,
            hif2a: 1.0 / before.hif.hif2a,
        }
    }

    fn of(&self, hif1a: Dual64, hif2a: Dual64) -> Dual64 {
        hif2a * self.hif2a - hif1a * self.hif1a
    }

    fn part<'a>(self, span: &Span<'a>) -> Part<impl Fn(f64) -> Dual64 + use<'a>> {
        let place = |node: &Node| (node.time, self.of(node.hif1a, node.hif2a));
        let segment = span.segment;
        Part {
            from: place(span.from),
            to: place(span.to),
            at: move |time| {
                let watched = &*QUANTITIES;
                let hif1a = watched.hif1a.at(segment, time);
                self.of(hif1a, watched.hif2a.at(segment, time))
            },
        }
    }
}

/// A crossing of HIF-2a over HIF-1a counts if it is by more than this, relative to the levels before.
const CROSSED: f64 = 1e-3;

/// Sorafenib in the window of exposure.
struct Exposure {
    /// h
    window: (f64, f64),
    cmax: Extremum,
    cmin: Extremum,
    /// Eliminated at the ends of the window, mg.
    eliminated: (Option<f64>, Option<f64>),
}

static AMOUNTS: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let mut indices = Vec::new();
    INDEX.sorafenib.give(&mut |index| indices.push(index));
    indices
});

impl Exposure {
    fn new(problem: &Problem) -> Self {
        let stop = problem.timeline.last_treatment;
        Self {
            window: ((stop - HOURS_PER_DAY).max(0.0), stop),
            cmax: Extremum::largest(),
            cmin: Extremum::smallest(),
            eliminated: (None, None),
        }
    }

    fn observe(&mut self, segment: &Segment<'_>) {
        let (from, to) = self.window;
        let eliminated = |time: f64| segment.state(time).sorafenib.eliminated;
        if self.eliminated.0.is_none() && segment.end >= from {
            self.eliminated.0 = Some(eliminated(from.max(segment.start)));
        }
        if self.eliminated.1.is_none() && segment.end >= to - TIME_TOLERANCE {
            self.eliminated.1 = Some(eliminated(to));
        }
        let at = |time: f64| concentration(segment, time);
        let mut begun = false;
        for (a, b) in parts(segment) {
            let (a, b) = (a.max(from), b.min(to));
            if b - a <= TIME_TOLERANCE {
                continue;
            }
            let part = Part {
                from: (a, at(a)),
                to: (b, at(b)),
                at,
            };
            for extremum in [&mut self.cmax, &mut self.cmin] {
                if !begun {
                    extremum.begin(part.from);
                }
                extremum.observe(&part);
            }
            begun = true;
        }
    }
}

/// Total sorafenib, mg/L, and its slope.
fn concentration(segment: &Segment<'_>, time: f64) -> Dual64 {
    let kinetics = &segment.model.kinetics;
    let mut motion = still();
    segment.motion(time, &AMOUNTS, &mut motion);
    // Linear in the amounts, so that the slope is the concentration of the slopes; a clamped medium does not
    // change within a segment.
    let of = |amounts: [f64; STATES]| {
        let state = State::from_array(&amounts);
        kinetics.concentration(&state.sorafenib, &segment.inputs.sorafenib)
    };
    let slope = match kinetics {
        SorafenibKinetics::Medium => 0.0,
        _ => of(motion.map(|amount| amount.eps)),
    };
    Dual64::new(of(motion.map(|amount| amount.re)), slope)
}

/// Pairs of neighbouring times of a segment that are looked at; every step is an even number of them.
fn parts(segment: &Segment<'_>) -> impl Iterator<Item = (f64, f64)> {
    segment.times.windows(2).flat_map(|step| {
        let (start, length) = (step[0], step[1] - step[0]);
        let count = 2 * (0.5 * length / SPACING).ceil().max(1.0) as u32;
        let at = move |i: u32| start + length * f64::from(i) / f64::from(count);
        (0..count).map(move |i| (at(i), at(i + 1)))
    })
}

/// Integral over time of a quantity, by a formula of sixth order over pairs of neighbouring parts: values and slopes
/// at the ends, value in the middle.
#[derive(Default)]
struct Area {
    from: Option<Place>,
    middle: Option<Place>,
    total: f64,
}

impl Area {
    fn begin(&mut self, from: Place) {
        self.from = Some(from);
        self.middle = None;
    }

    fn observe(&mut self, to: Place) {
        match (self.from, self.middle) {
            (Some((start, a)), Some((_, m))) => {
                let (end, b) = to;
                let length = end - start;
                self.total += length / 30.0 * (7.0 * a.re + 16.0 * m.re + 7.0 * b.re)
                    + length * length / 60.0 * (a.eps - b.eps);
                self.begin(to);
            }
            _ => self.middle = Some(to),
        }
    }
}

/// Net growth from day to day, and the first day on which it has come half way back.
struct Escape {
    /// Untreated net growth of viable cells, 1/d.
    untreated: f64,
    /// Viable cells at the start of the day.
    viable: f64,
    /// End of the running day, h.
    day_end: f64,
    /// Smallest growth so far, growth of the last day, 1/d.
    smallest: f64,
    last: f64,
    time: Option<f64>,
    /// Viable cells at the end of the last segment, to see a resection.
    seen: f64,
}

/// Part of the untreated growth that treatment must remove before an escape can count.
const SLOWED: f64 = 0.2;

impl Escape {
    fn new(problem: &Problem) -> Self {
        let rates = problem
            .model
            .derivatives(&problem.timeline.before, &problem.baseline);
        let viable = problem.baseline.tumour.viable();
        Self {
            untreated: HOURS_PER_DAY * rates.tumour.viable() / viable,
            viable,
            day_end: HOURS_PER_DAY,
            smallest: f64::INFINITY,
            last: f64::NAN,
            time: None,
            seen: viable,
        }
    }

    fn observe(&mut self, segment: &Segment<'_>) {
        let viable = |time: f64| QUANTITIES.viable.at(segment, time).re;
        self.viable *= viable(segment.start) / self.seen;
        while self.time.is_none() && self.day_end <= segment.end {
            let viable = viable(self.day_end);
            let growth = (viable / self.viable).ln();
            let level = 0.5 * (self.smallest + self.untreated);
            if self.untreated - self.smallest > SLOWED * self.untreated && growth >= level {
                let part = (level - self.last) / (growth - self.last);
                // Growth of a day stands at its middle.
                self.time = Some(self.day_end + (part - 1.5) * HOURS_PER_DAY);
            }
            self.smallest = self.smallest.min(growth);
            self.last = growth;
            self.viable = viable;
            self.day_end += HOURS_PER_DAY;
        }
        self.seen = viable(segment.end);
    }
}

/// Sizes of the tumour: times at which it passes them.
struct Sizes {
    initial: f64,
    nadir: f64,
    regrowth: Option<f64>,
    progression: Option<f64>,
    double: Option<f64>,
    fourfold: Option<f64>,
    scan_nadir: f64,
    next_scan: f64,
    progression_at_scan: Option<f64>,
}

impl Sizes {
    fn new(initial: f64) -> Self {
        Self {
            initial,
            nadir: initial,
            regrowth: None,
            progression: None,
            double: None,
            fourfold: None,
            scan_nadir: initial,
            next_scan: SCAN_INTERVAL,
            progression_at_scan: None,
        }
    }

    /// Looks at the next part of the burden, whose smallest value so far is `lowest`.
    fn observe<F: Fn(f64) -> Dual64>(&mut self, burden: &Part<F>, lowest: f64) {
        self.nadir = self.nadir.min(lowest);
        let shrunk = self.nadir < SHRUNK * self.initial;
        for (time, level, counts) in [
            (&mut self.regrowth, REGROWTH * self.nadir, shrunk),
            (&mut self.progression, PROGRESSION * self.nadir, true),
            (&mut self.double, 2.0 * self.initial, true),
            (&mut self.fourfold, 4.0 * self.initial, true),
        ] {
            if time.is_none() && counts {
                *time = burden.rise_to(level);
            }
        }
    }

    fn scan(&mut self, segment: &Segment<'_>) {
        while self.next_scan <= segment.end {
            let seen = QUANTITIES.burden.at(segment, self.next_scan).re;
            if self.progression_at_scan.is_none() && seen >= PROGRESSION * self.scan_nadir {
                self.progression_at_scan = Some(self.next_scan);
            }
            self.scan_nadir = self.scan_nadir.min(seen);
            self.next_scan += SCAN_INTERVAL;
        }
    }
}

/// Collects [`Endpoints`].
pub struct Collector {
    baseline: State<f64>,
    mvd: Extremum,
    oxygen: Extremum,
    vegf: Extremum,
    hif1a: Extremum,
    hif2a: Extremum,
    apoptosis: Extremum,
    burden: Extremum,
    sizes: Sizes,
    hypoxic: f64,
    /// HIF-2a over the threshold of the switch, and over HIF-1a.
    excess: [(Excess, Crossing); 2],
    untreated_apoptosis: f64,
    apoptosis_area: Area,
    /// Only of treated runs.
    exposure: Option<(Exposure, Escape)>,
}

/// An extremum, its quantity, and where a node has it.
type Watched<'a> = (&'a mut Extremum, &'static Quantity, fn(&Node) -> Dual64);

impl Collector {
    /// A collector for a run of `problem`.
    pub fn new(problem: &Problem) -> Self {
        let before = &problem.baseline;
        let treated = !problem.timeline.sorafenib_times().is_empty();
        let excess = |factor: f64| (Excess::new(before, factor), Crossing::beyond(CROSSED));
        Self {
            baseline: *before,
            mvd: Extremum::smallest(),
            oxygen: Extremum::smallest(),
            vegf: Extremum::smallest(),
            hif1a: Extremum::largest(),
            hif2a: Extremum::largest(),
            apoptosis: Extremum::largest(),
            burden: Extremum::smallest(),
            sizes: Sizes::new(before.tumour.burden()),
            hypoxic: 0.0,
            excess: [excess(SWITCH_THRESHOLD), excess(1.0)],
            untreated_apoptosis: before
                .effectors
                .mean_apoptosis(before.tumour.resistant_fraction()),
            apoptosis_area: Area::default(),
            exposure: treated.then(|| (Exposure::new(problem), Escape::new(problem))),
        }
    }

    fn extrema(&mut self) -> [Watched<'_>; 7] {
        let watched = &*QUANTITIES;
        [
            (&mut self.mvd, &watched.mvd, |node| node.mvd),
            (&mut self.oxygen, &watched.oxygen, |node| node.oxygen),
            (&mut self.vegf, &watched.vegf, |node| node.vegf),
            (&mut self.hif1a, &watched.hif1a, |node| node.hif1a),
            (&mut self.hif2a, &watched.hif2a, |node| node.hif2a),
            (&mut self.apoptosis, &watched.apoptosis, |node| {
                node.apoptosis
            }),
            (&mut self.burden, &watched.burden, |node| node.burden),
        ]
    }

    fn begin(&mut self, node: &Node) {
        for (extremum, _, of) in self.extrema() {
            extremum.begin((node.time, of(node)));
        }
        self.apoptosis_area.begin(self.apoptosis_above(node));
    }

    fn observe_span(&mut self, span: &Span<'_>) {
        for (extremum, quantity, of) in self.extrema() {
            extremum.observe(&span.part(quantity, of));
        }
        let watched = &*QUANTITIES;
        let burden = span.part(&watched.burden, |node| node.burden);
        if let Some(lowest) = self.burden.value() {
            self.sizes.observe(&burden, lowest);
        }
        self.hypoxic += span
            .part(&watched.oxygen, |node| node.oxygen)
            .time_below(HYPOXIA);
        for (excess, crossing) in &mut self.excess {
            crossing.observe(&excess.part(span));
        }
        self.apoptosis_area.observe(self.apoptosis_above(span.to));
    }

    /// Apoptosis above its untreated value.
    fn apoptosis_above(&self, node: &Node) -> Place {
        (node.time, node.apoptosis - self.untreated_apoptosis)
    }

    /// The endpoints of the finished run.
    pub fn finish(self, problem: &Problem, outcome: &Outcome) -> Endpoints {
        let days = |hours: Option<f64>| hours.map(|hours| hours / HOURS_PER_DAY);
        let base = &self.baseline;
        let end = &outcome.end;
        let vegf_nadir = self
            .vegf
            .value()
            .and_then(|v| relative(v, base.vasculature.vegf));
        let exposure = self.exposure.as_ref().map(|(exposure, _)| exposure);
        let eliminated =
            exposure.and_then(|exposure| exposure.eliminated.0.zip(exposure.eliminated.1));
        let clearance = problem.model.kinetics.net_clearance();
        let [(_, switch), (_, crossover)] = self.excess;
        Endpoints {
            sorafenib_auc_24h: eliminated
                .zip(clearance)
                .map(|((from, to), clearance)| (to - from) / clearance),
            sorafenib_cmax: exposure.and_then(|exposure| exposure.cmax.value()),
            // The series of the amounts may lie a rounding error below 0 before the first dose.
            sorafenib_cmin: exposure
                .and_then(|exposure| exposure.cmin.value())
                .map(|level| level.max(0.0)),
            sorafenib_half_life: exposure.and_then(|_| terminal_half_life(&problem.model)),
            mvd_nadir: self.mvd.value(),
            oxygen_nadir: self.oxygen.value(),
            hypoxic_time: Some(self.hypoxic / HOURS_PER_DAY),
            hif1a_end: relative(end.hif.hif1a, base.hif.hif1a),
            hif2a_end: relative(end.hif.hif2a, base.hif.hif2a),
            switch_time: days(switch.first),
            crossover_time: days(crossover.last),
            vegf_nadir,
            vegf_rebound: relative(end.vasculature.vegf, base.vasculature.vegf)
                .zip(vegf_nadir)
                .map(|(end, nadir)| end - nadir),
            apoptosis_peak: self.apoptosis.value(),
            apoptosis_end: Some(
                end.effectors
                    .mean_apoptosis(end.tumour.resistant_fraction()),
            ),
            apoptosis_auc: Some(self.apoptosis_area.total / HOURS_PER_DAY),
            emt_end: Some(end.effectors.emt),
            resistant_end: Some(end.tumour.resistant_fraction()),
            burden_end: Some(end.tumour.burden()),
            burden_nadir: self.burden.value(),
            regrowth_time: days(self.sizes.regrowth),
            time_to_progression: days(self.sizes.progression),
            time_to_progression_scans: days(self.sizes.progression_at_scan),
            time_to_double: days(self.sizes.double),
            time_to_fourfold: days(self.sizes.fourfold),
            escape_time: days(self.exposure.as_ref().and_then(|(_, escape)| escape.time)),
            metastases: Some(end.tumour.metastases),
            mvd_nadir_time: days(self.mvd.time()),
            oxygen_nadir_time: days(self.oxygen.time()),
            hif1a_peak_time: days(self.hif1a.time()),
            hif2a_peak_time: days(self.hif2a.time()),
            burden_nadir_time: days(self.burden.time()),
        }
    }
}

impl Observer for Collector {
    fn observe(&mut self, segment: &Segment<'_>) {
        // A long stretch comes in several segments, which begin with their first step.
        let start = segment.times.first().copied().unwrap_or(segment.start);
        let mut motion = still();
        let mut from = Node::at(segment, start, &mut motion);
        self.begin(&from);
        for (_, time) in parts(segment) {
            let to = Node::at(segment, time, &mut motion);
            self.observe_span(&Span {
                segment,
                from: &from,
                to: &to,
            });
            from = to;
        }
        self.sizes.scan(segment);
        if let Some((exposure, escape)) = &mut self.exposure {
            exposure.observe(segment);
            escape.observe(segment);
        }
    }
}

/// A level over that before; nothing where there was none.
fn relative(level: f64, before: f64) -> Option<f64> {
    (before > 0.0).then(|| level / before)
}

/// Slowest half-life of sorafenib between doses, h: from the eigenvalues of its linear kinetics
/// with the gallbladder open.
fn terminal_half_life(model: &Model<f64>) -> Option<f64> {
    if matches!(model.kinetics, SorafenibKinetics::Medium) {
        return None;
    }
    let input = SorafenibInput {
        gallbladder_open: true,
        ..SorafenibInput::default()
    };
    // All amounts but the eliminated one, column by column.
    const N: usize = SorafenibAmounts::LEN - 1;
    let mut matrix = SMatrix::<f64, N, N>::zeros();
    for column in 0..N {
        let mut unit = [0.0; N + 1];
        unit[column] = 1.0;
        let mut values = unit.into_iter();
        let amounts = SorafenibAmounts::take(&mut || values.next().unwrap_or_default());
        let mut row = 0;
        model
            .kinetics
            .derivatives(&amounts, &input)
            .give(&mut |rate| {
                if row < N {
                    matrix[(row, column)] = rate;
                }
                row += 1;
            });
    }
    matrix
        .complex_eigenvalues()
        .iter()
        .map(|eigenvalue| -eigenvalue.re)
        .filter(|rate| *rate > 1e-9)
        .min_by(f64::total_cmp)
        .map(|rate| std::f64::consts::LN_2 / rate)
}
