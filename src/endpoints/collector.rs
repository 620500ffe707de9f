//! The observer that collects endpoints while a run is integrated.

use super::{Endpoints, PROGRESSION, SCAN_INTERVAL, SWITCH_THRESHOLD};
use crate::model::exposure::{SorafenibAmounts, SorafenibInput, SorafenibKinetics};
use crate::model::{Model, Signals, State};
use crate::simulate::{Observer, Outcome, Problem, Segment, find_root};
use nalgebra::SMatrix;

const HOURS_PER_DAY: f64 = 24.0;

/// Accuracy of event times, h.
const TIME_TOLERANCE: f64 = 1e-9;

/// pO2 below which a tumour counts as hypoxic here, mmHg.
const HYPOXIA: f64 = 5.0;

/// Rise over the running nadir that counts as regrowth.
const REGROWTH: f64 = 1.1;

/// A tumour has shrunk when its nadir lies below this part of the start.
const SHRUNK: f64 = 0.98;

/// A quantity of the state and its rate of change.
#[derive(Clone, Copy)]
struct Quantity {
    value: fn(&State<f64>, &Signals<f64>) -> f64,
    rate: fn(&Segment<'_>, &Node) -> f64,
}

const MVD: Quantity = Quantity {
    value: |_, signals| signals.mvd,
    rate: |_, node| node.rates.vasculature.mvd(),
};
const OXYGEN: Quantity = Quantity {
    value: |state, _| state.oxygen,
    rate: |_, node| node.rates.oxygen,
};
const VEGF: Quantity = Quantity {
    value: |state, _| state.vasculature.vegf,
    rate: |_, node| node.rates.vasculature.vegf,
};
const HIF1A: Quantity = Quantity {
    value: |state, _| state.hif.hif1a,
    rate: |_, node| node.rates.hif.hif1a,
};
const HIF2A: Quantity = Quantity {
    value: |state, _| state.hif.hif2a,
    rate: |_, node| node.rates.hif.hif2a,
};
const APOPTOSIS: Quantity = Quantity {
    value: |_, signals| signals.apoptosis,
    rate: |_, node| mean_apoptosis_rate(node),
};
const BURDEN: Quantity = Quantity {
    value: |_, signals| signals.burden,
    rate: |_, node| node.rates.tumour.burden(),
};
const CONCENTRATION: Quantity = Quantity {
    value: |_, signals| signals.sorafenib_total,
    // Linear in the amounts, so the rate is the concentration of the rates; a clamped medium
    // does not change within a segment.
    rate: |segment, node| match segment.model.kinetics {
        SorafenibKinetics::Medium => 0.0,
        _ => segment
            .model
            .kinetics
            .concentration(&node.rates.sorafenib, &segment.inputs.sorafenib),
    },
};

/// The smallest (`sign` 1) or largest (`sign` -1) value of a quantity so far.
struct Extremum {
    quantity: Quantity,
    sign: f64,
    /// (signed value, time)
    best: Option<(f64, f64)>,
    /// Only times in this window count, h.
    window: (f64, f64),
}

impl Extremum {
    fn smallest(quantity: Quantity) -> Self {
        Self {
            quantity,
            sign: 1.0,
            best: None,
            window: (0.0, f64::INFINITY),
        }
    }

    fn largest(quantity: Quantity) -> Self {
        Self {
            sign: -1.0,
            ..Self::smallest(quantity)
        }
    }

    fn within(mut self, window: (f64, f64)) -> Self {
        self.window = window;
        self
    }

    fn offer(&mut self, value: f64, time: f64) {
        let signed = self.sign * value;
        if self.best.is_none_or(|(best, _)| signed < best) {
            self.best = Some((signed, time));
        }
    }

    fn value(&self) -> Option<f64> {
        self.best.map(|(signed, _)| self.sign * signed)
    }

    fn time(&self) -> Option<f64> {
        self.best.map(|(_, time)| time)
    }

    /// Looks at the piece of a segment between two of its nodes.
    fn observe(&mut self, segment: &Segment<'_>, a: &Node, b: &Node) {
        let (low, high) = (a.time.max(self.window.0), b.time.min(self.window.1));
        if low > high {
            return;
        }
        let inside = |time: f64, node: &Node| {
            if (time - node.time).abs() <= TIME_TOLERANCE {
                return *node;
            }
            Node::at(segment, time)
        };
        let (start, end) = (inside(low, a), inside(high, b));
        for node in [&start, &end] {
            self.offer((self.quantity.value)(&node.state, &node.signals), node.time);
        }
        let slope = |node: &Node| self.sign * (self.quantity.rate)(segment, node);
        let (from, to) = (slope(&start), slope(&end));
        if from >= 0.0 || to <= 0.0 {
            return;
        }
        // Between the nodes the value cannot fall below the tangents' crossing.
        let value = |node: &Node| self.sign * (self.quantity.value)(&node.state, &node.signals);
        let bound = value(&start) + from * (end.time - start.time);
        if self.best.is_some_and(|(best, _)| bound >= best) {
            return;
        }
        let time = find_root(
            |time| slope(&Node::at(segment, time)),
            (start.time, from),
            (end.time, to),
            TIME_TOLERANCE,
        );
        let node = Node::at(segment, time);
        self.offer((self.quantity.value)(&node.state, &node.signals), time);
    }
}

/// State, signals and rates at a time.
#[derive(Clone, Copy)]
struct Node {
    time: f64,
    state: State<f64>,
    signals: Signals<f64>,
    rates: State<f64>,
}

impl Node {
    fn at(segment: &Segment<'_>, time: f64) -> Self {
        Self::new(segment, time, segment.state(time))
    }

    fn new(segment: &Segment<'_>, time: f64, state: State<f64>) -> Self {
        let signals = segment.signals(&state);
        Self {
            time,
            state,
            signals,
            rates: segment.rates(&state, &signals),
        }
    }
}

/// Rate of the caspase signal per viable cell: of both kinds of cells, and of their proportion.
fn mean_apoptosis_rate(node: &Node) -> f64 {
    let (cells, cell_rates) = (&node.state.tumour, &node.rates.tumour);
    let resistant = node.signals.resistant;
    let signal = &node.state.effectors;
    let shift = (cell_rates.resistant - resistant * cell_rates.viable()) / cells.viable();
    node.rates.effectors.mean_apoptosis(resistant)
        + (signal.apoptosis_resistant - signal.apoptosis) * shift
}

/// The time at which `g` rises through 0 between two nodes, if it does.
fn upward_crossing(
    segment: &Segment<'_>,
    a: &Node,
    b: &Node,
    g: impl Fn(&State<f64>) -> f64,
) -> Option<f64> {
    let (from, to) = (g(&a.state), g(&b.state));
    (from < 0.0 && to >= 0.0).then(|| {
        find_root(
            |time| g(&segment.state(time)),
            (a.time, from),
            (b.time, to),
            TIME_TOLERANCE,
        )
    })
}

/// Integral over a step of a quantity known with its rate at both ends (Hermite quadrature).
fn integrate(length: f64, values: (f64, f64), rates: (f64, f64)) -> f64 {
    0.5 * length * (values.0 + values.1) + length * length / 12.0 * (rates.0 - rates.1)
}

/// Running nadir of the burden, and the first rise over it by a factor.
struct Rise {
    factor: f64,
    time: Option<f64>,
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
    /// Viable cells at the last step, to see a resection.
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

    fn begin(&mut self, viable: f64) {
        self.viable *= viable / self.seen;
        self.seen = viable;
    }

    fn observe(&mut self, segment: &Segment<'_>, b: &Node) {
        while self.time.is_none() && self.day_end <= b.time {
            let viable = segment.state(self.day_end).tumour.viable();
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
        self.seen = b.state.tumour.viable();
    }
}

/// Collects [`Endpoints`].
pub struct Collector {
    baseline: State<f64>,
    initial_burden: f64,
    mvd: Extremum,
    oxygen: Extremum,
    vegf: Extremum,
    hif1a: Extremum,
    hif2a: Extremum,
    apoptosis: Extremum,
    burden: Extremum,
    cmax: Extremum,
    cmin: Extremum,
    /// Eliminated sorafenib at the ends of the exposure window, mg.
    eliminated: (Option<f64>, Option<f64>),
    window: (f64, f64),
    nadir: f64,
    regrowth: Rise,
    progression: Rise,
    scan_nadir: f64,
    next_scan: f64,
    progression_at_scan: Option<f64>,
    double: Option<f64>,
    fourfold: Option<f64>,
    hypoxic: f64,
    switch: Option<f64>,
    crossover: Option<f64>,
    apoptosis_auc: f64,
    treated: bool,
    escape: Escape,
}

impl Collector {
    /// A collector for a run of `problem`.
    pub fn new(problem: &Problem) -> Self {
        let stop = problem.timeline.last_treatment;
        let window = ((stop - 24.0).max(0.0), stop);
        let initial_burden = problem.baseline.tumour.burden();
        let treated = !problem.timeline.sorafenib_times().is_empty();
        Self {
            baseline: problem.baseline,
            initial_burden,
            mvd: Extremum::smallest(MVD),
            oxygen: Extremum::smallest(OXYGEN),
            vegf: Extremum::smallest(VEGF),
            hif1a: Extremum::largest(HIF1A),
            hif2a: Extremum::largest(HIF2A),
            apoptosis: Extremum::largest(APOPTOSIS),
            burden: Extremum::smallest(BURDEN),
            cmax: Extremum::largest(CONCENTRATION).within(window),
            cmin: Extremum::smallest(CONCENTRATION).within(window),
            eliminated: (None, None),
            window,
            nadir: initial_burden,
            regrowth: Rise {
                factor: REGROWTH,
                time: None,
            },
            progression: Rise {
                factor: PROGRESSION,
                time: None,
            },
            scan_nadir: initial_burden,
            next_scan: SCAN_INTERVAL,
            progression_at_scan: None,
            double: None,
            fourfold: None,
            hypoxic: 0.0,
            switch: None,
            crossover: None,
            apoptosis_auc: 0.0,
            treated,
            escape: Escape::new(problem),
        }
    }

    fn step(&mut self, segment: &Segment<'_>, a: &Node, b: &Node) {
        for extremum in [
            &mut self.mvd,
            &mut self.oxygen,
            &mut self.vegf,
            &mut self.hif1a,
            &mut self.hif2a,
            &mut self.apoptosis,
            &mut self.burden,
        ] {
            extremum.observe(segment, a, b);
        }
        if self.treated {
            self.cmax.observe(segment, a, b);
            self.cmin.observe(segment, a, b);
            self.observe_exposure(segment, a, b);
        }
        self.observe_burden(segment, a, b);
        if self.treated {
            self.escape.observe(segment, b);
        }
        self.observe_switch(segment, a, b);
        self.observe_hypoxia(segment, a, b);
        let before = &self.baseline;
        let untreated = before
            .effectors
            .mean_apoptosis(before.tumour.resistant_fraction());
        self.apoptosis_auc += integrate(
            b.time - a.time,
            (
                a.signals.apoptosis - untreated,
                b.signals.apoptosis - untreated,
            ),
            (mean_apoptosis_rate(a), mean_apoptosis_rate(b)),
        );
    }

    fn observe_exposure(&mut self, segment: &Segment<'_>, a: &Node, b: &Node) {
        let at = |time: f64| segment.state(time).sorafenib.eliminated;
        let (from, to) = self.window;
        if self.eliminated.0.is_none() && b.time >= from {
            self.eliminated.0 = Some(at(from.max(a.time)));
        }
        if self.eliminated.1.is_none() && b.time >= to - TIME_TOLERANCE {
            self.eliminated.1 = Some(at(to));
        }
    }

    fn observe_burden(&mut self, segment: &Segment<'_>, a: &Node, b: &Node) {
        let burden = |state: &State<f64>| state.tumour.burden();
        if let Some(lowest) = self.burden.value() {
            self.nadir = self.nadir.min(lowest);
        }
        let nadir = self.nadir;
        let shrunk = nadir < SHRUNK * self.initial_burden;
        for (rise, counts) in [(&mut self.regrowth, shrunk), (&mut self.progression, true)] {
            if rise.time.is_none() && counts {
                let level = rise.factor * nadir;
                rise.time = upward_crossing(segment, a, b, |state| burden(state) - level);
            }
        }
        let initial = self.initial_burden;
        for (slot, fold) in [(&mut self.double, 2.0), (&mut self.fourfold, 4.0)] {
            if slot.is_none() {
                *slot = upward_crossing(segment, a, b, |state| burden(state) - fold * initial);
            }
        }
        while self.next_scan <= b.time {
            let seen = burden(&segment.state(self.next_scan));
            if self.progression_at_scan.is_none() && seen >= PROGRESSION * self.scan_nadir {
                self.progression_at_scan = Some(self.next_scan);
            }
            self.scan_nadir = self.scan_nadir.min(seen);
            self.next_scan += SCAN_INTERVAL;
        }
    }

    fn observe_switch(&mut self, segment: &Segment<'_>, a: &Node, b: &Node) {
        let base = self.baseline.hif;
        let excess = move |factor: f64| {
            move |state: &State<f64>| {
                state.hif.hif2a / base.hif2a - factor * state.hif.hif1a / base.hif1a
            }
        };
        if self.switch.is_none() {
            self.switch = upward_crossing(segment, a, b, excess(SWITCH_THRESHOLD));
        }
        if let Some(time) = upward_crossing(segment, a, b, excess(1.0)) {
            self.crossover = Some(time);
        }
    }

    fn observe_hypoxia(&mut self, segment: &Segment<'_>, a: &Node, b: &Node) {
        let length = b.time - a.time;
        let (from, to) = (a.state.oxygen - HYPOXIA, b.state.oxygen - HYPOXIA);
        self.hypoxic += if from < 0.0 && to < 0.0 {
            length
        } else if from >= 0.0 && to >= 0.0 {
            0.0
        } else {
            let time = find_root(
                |time| segment.state(time).oxygen - HYPOXIA,
                (a.time, from),
                (b.time, to),
                TIME_TOLERANCE,
            );
            if from < 0.0 {
                time - a.time
            } else {
                b.time - time
            }
        };
    }

    /// The endpoints of the finished run.
    pub fn finish(self, problem: &Problem, outcome: &Outcome) -> Endpoints {
        let days = |hours: Option<f64>| hours.map(|hours| hours / HOURS_PER_DAY);
        let base = &self.baseline;
        let end = &outcome.end;
        let tumour_time = |extremum: &Extremum| days(extremum.time());
        let vegf_nadir = self.vegf.value().map(|v| v / base.vasculature.vegf);
        let auc = match (self.eliminated, problem.model.kinetics.net_clearance()) {
            ((Some(from), Some(to)), Some(clearance)) => Some((to - from) / clearance),
            _ => None,
        };
        Endpoints {
            sorafenib_auc_24h: auc,
            sorafenib_cmax: self.cmax.value(),
            sorafenib_cmin: self.cmin.value(),
            sorafenib_half_life: if self.treated {
                terminal_half_life(&problem.model)
            } else {
                None
            },
            mvd_nadir: self.mvd.value(),
            mvd_nadir_time: tumour_time(&self.mvd),
            oxygen_nadir: self.oxygen.value(),
            oxygen_nadir_time: tumour_time(&self.oxygen),
            hypoxic_time: Some(self.hypoxic / HOURS_PER_DAY),
            hif1a_end: Some(end.hif.hif1a / base.hif.hif1a),
            hif2a_end: Some(end.hif.hif2a / base.hif.hif2a),
            hif1a_peak_time: tumour_time(&self.hif1a),
            hif2a_peak_time: tumour_time(&self.hif2a),
            switch_time: days(self.switch),
            crossover_time: days(self.crossover),
            vegf_nadir,
            vegf_rebound: vegf_nadir
                .map(|nadir| end.vasculature.vegf / base.vasculature.vegf - nadir),
            apoptosis_peak: self.apoptosis.value(),
            apoptosis_end: Some(
                end.effectors
                    .mean_apoptosis(end.tumour.resistant_fraction()),
            ),
            apoptosis_auc: Some(self.apoptosis_auc / HOURS_PER_DAY),
            emt_end: Some(end.effectors.emt),
            resistant_end: Some(end.tumour.resistant_fraction()),
            burden_end: Some(end.tumour.burden()),
            burden_nadir: self.burden.value(),
            burden_nadir_time: tumour_time(&self.burden),
            regrowth_time: days(self.regrowth.time),
            time_to_progression: days(self.progression.time),
            time_to_progression_scans: days(self.progression_at_scan),
            time_to_double: days(self.double),
            time_to_fourfold: days(self.fourfold),
            escape_time: days(self.escape.time),
            metastases: Some(end.tumour.metastases),
        }
    }
}

impl Observer for Collector {
    fn observe(&mut self, segment: &Segment<'_>) {
        let mut previous = Node::new(segment, segment.times[0], segment.states[0]);
        self.escape.begin(previous.state.tumour.viable());
        for (time, state) in segment.times.iter().zip(segment.states).skip(1) {
            let next = Node::new(segment, *time, *state);
            self.step(segment, &previous, &next);
            previous = next;
        }
    }
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
