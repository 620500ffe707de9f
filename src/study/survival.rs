//! Times to an event: Kaplan-Meier, log-rank, and the hazard ratio of two groups.
//!
//! * **Kaplan-Meier** with the variance of Greenwood and bands on the log(-log) scale; the median is
//!   the first time at which the estimate falls to 1/2 (the middle of a stretch that lies at 1/2), its
//!   interval the times at which the bands do (Brookmeyer and Crowley 1982).
//!   Where events are seen at looks only, the interval-censored median beside it (Turnbull 1976).
//! * **Log-rank** of two groups with the hypergeometric variance, whole or within strata.
//! * **Hazard ratio** of Cox's model with one binary covariate, ties after Efron (1977, JASA 72:557),
//!   by Newton's method on the exact derivatives, with Wald's interval.
//!
//! Limitations: right censoring only, no weights, no strata; two groups at a time.

use crate::study::random::{normal_probability, normal_quantile};

/// A time, and whether the event was seen then; otherwise nothing is known after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Time of the event or of the last look.
    pub time: f64,
    /// Whether the event was seen.
    pub event: bool,
}

/// How many events and losses there were at each time: what curves and tests of a group need, however
/// many subjects it has. Made for times that many share, such as scans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Times {
    /// By rising time.
    at: Vec<At>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct At {
    time: f64,
    events: usize,
    losses: usize,
}

impl Times {
    /// Adds an observation.
    pub fn add(&mut self, observation: Observation) {
        let time = observation.time;
        let place = self
            .at
            .partition_point(|at| at.time.total_cmp(&time).is_lt());
        let known = self.at.get(place);
        if known.is_none_or(|at| at.time.total_cmp(&time).is_ne()) {
            let new = At {
                time,
                events: 0,
                losses: 0,
            };
            self.at.insert(place, new);
        }
        self.at[place].events += usize::from(observation.event);
        self.at[place].losses += usize::from(!observation.event);
    }

    /// Subjects.
    pub fn subjects(&self) -> usize {
        self.at.iter().map(|at| at.events + at.losses).sum()
    }

    /// Subjects with an event.
    pub fn events(&self) -> usize {
        self.at.iter().map(|at| at.events).sum()
    }

    /// Subjects under observation just before a time.
    fn at_risk(&self, time: f64) -> usize {
        let later = self.at.iter().filter(|at| at.time >= time);
        later.map(|at| at.events + at.losses).sum()
    }

    /// Events at a time.
    fn events_at(&self, time: f64) -> usize {
        let place = self
            .at
            .partition_point(|at| at.time.total_cmp(&time).is_lt());
        let here = self.at.get(place);
        here.filter(|at| at.time.total_cmp(&time).is_eq())
            .map_or(0, |at| at.events)
    }
}

impl From<&[Observation]> for Times {
    fn from(observations: &[Observation]) -> Self {
        let mut times = Self::default();
        for observation in observations {
            times.add(*observation);
        }
        times
    }
}

/// A step of a survival curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Time of events or losses.
    pub time: f64,
    /// Subjects at risk just before.
    pub at_risk: usize,
    /// Events at this time.
    pub events: usize,
    /// Losses at this time.
    pub censored: usize,
    /// Part without event after this time.
    pub survival: f64,
    /// Lower band.
    pub lower: f64,
    /// Upper band.
    pub upper: f64,
}

/// A Kaplan-Meier curve.
#[derive(Debug, Clone, PartialEq)]
pub struct KaplanMeier {
    /// Steps by time.
    pub steps: Vec<Step>,
    /// Number of subjects.
    pub subjects: usize,
    /// Confidence of the bands.
    pub confidence: f64,
}

/// An estimate with its interval; `None` where it is not reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Median {
    /// Estimate.
    pub estimate: Option<f64>,
    /// Lower end.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
}

/// Slack within which a survival counts as equal to 1/2.
const HALF_SLACK: f64 = 1e-9;

impl KaplanMeier {
    /// The curve of observations with bands of a confidence such as 0.95.
    pub fn new(observations: &[Observation], confidence: f64) -> Self {
        Self::of(&Times::from(observations), confidence)
    }

    /// The same of times.
    pub fn of(times: &Times, confidence: f64) -> Self {
        let z = normal_quantile(0.5 + 0.5 * confidence);
        let mut survival = 1.0;
        let mut greenwood = 0.0;
        let mut left = times.subjects();
        let steps = times
            .at
            .iter()
            .map(|at| {
                let (time, events, censored) = (at.time, at.events, at.losses);
                let at_risk = left;
                left -= events + censored;
                let (n, d) = (at_risk as f64, events as f64);
                survival *= 1.0 - d / n;
                greenwood += d / (n * (n - d));
                let (lower, upper) = band(survival, greenwood, z);
                Step {
                    time,
                    at_risk,
                    events,
                    censored,
                    survival,
                    lower,
                    upper,
                }
            })
            .collect();
        Self {
            steps,
            subjects: times.subjects(),
            confidence,
        }
    }

    /// Part without event at a time.
    pub fn survival(&self, time: f64) -> f64 {
        let after = self.steps.partition_point(|step| step.time <= time);
        after
            .checked_sub(1)
            .map_or(1.0, |last| self.steps[last].survival)
    }

    /// Subjects at risk at a time.
    pub fn at_risk(&self, time: f64) -> usize {
        let after = self.steps.partition_point(|step| step.time < time);
        self.steps.get(after).map_or(0, |step| step.at_risk)
    }

    /// The median with its interval.
    pub fn median(&self) -> Median {
        Median {
            estimate: self.falls_to_half(|step| step.survival),
            lower: self.falls_to_half(|step| step.lower),
            upper: self.falls_to_half(|step| step.upper),
        }
    }

    /// The median where an event that is seen at a look happened at any moment since the look before, `between` ago: looks
    /// are the same for all, so that Turnbull's estimate (1976, J R Stat Soc B 38:290) has the curve's drops, each spread
    /// evenly over the time before it. `None` as in [`median`](Self::median).
    pub fn median_between(&self, between: f64) -> Median {
        Median {
            estimate: self.crosses_half(between, |step| step.survival),
            lower: self.crosses_half(between, |step| step.lower),
            upper: self.crosses_half(between, |step| step.upper),
        }
    }

    fn crosses_half(&self, between: f64, value: impl Fn(&Step) -> f64) -> Option<f64> {
        let mut before = 1.0;
        for step in &self.steps {
            let after = value(step);
            if after <= 0.5 {
                let left = (0.5 - after) / (before - after);
                return Some(step.time - left * between);
            }
            before = after;
        }
        None
    }

    fn falls_to_half(&self, value: impl Fn(&Step) -> f64) -> Option<f64> {
        let fallen = |step: &&Step| value(step) <= 0.5 + HALF_SLACK;
        let first = self.steps.iter().find(fallen)?;
        let at_half = (value(first) - 0.5).abs() <= HALF_SLACK;
        let next = self
            .steps
            .iter()
            .find(|step| value(step) < 0.5 - HALF_SLACK);
        match (at_half, next) {
            (true, Some(next)) => Some(0.5 * (first.time + next.time)),
            _ => Some(first.time),
        }
    }
}

/// Bands on the log(-log) scale; none where nobody or everybody had the event.
fn band(survival: f64, greenwood: f64, z: f64) -> (f64, f64) {
    if survival >= 1.0 {
        return (1.0, 1.0);
    }
    if survival <= 0.0 {
        return (f64::NAN, f64::NAN);
    }
    let log = libm::log(survival);
    let spread = z * libm::sqrt(greenwood) / log.abs();
    let at = |shift: f64| libm::exp(log * libm::exp(shift));
    (at(spread), at(-spread))
}

/// At risk and with the event, per group, at each time with an event.
struct Tie {
    at_risk: [f64; 2],
    events: [f64; 2],
}

fn ties(reference: &Times, treated: &Times) -> Vec<Tie> {
    let with_events = |at: &&At| at.events > 0;
    let all = reference.at.iter().chain(&treated.at).filter(with_events);
    let mut times: Vec<f64> = all.map(|at| at.time).collect();
    times.sort_by(f64::total_cmp);
    times.dedup_by(|a, b| a.total_cmp(b).is_eq());
    times
        .into_iter()
        .map(|time| Tie {
            at_risk: [reference, treated].map(|group| group.at_risk(time) as f64),
            events: [reference, treated].map(|group| group.events_at(time) as f64),
        })
        .collect()
}

/// The log-rank test of two groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogRank {
    /// Chi-square with one degree of freedom.
    pub chi_square: f64,
    /// Probability of such a value or a larger one without difference.
    pub p: f64,
    /// Events seen in the second group.
    pub observed: f64,
    /// Events expected there without difference.
    pub expected: f64,
}

/// Tests two groups; `None` without events in either, or without anybody at risk.
pub fn log_rank(reference: &Times, treated: &Times) -> Option<LogRank> {
    let mut test = LogRankSum::default();
    test.stratum(reference, treated);
    test.finish()
}

/// A log-rank test within strata, such as the two courses of one patient each, one after the other:
/// differences between the strata count for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LogRankSum {
    observed: f64,
    expected: f64,
    variance: f64,
}

impl LogRankSum {
    /// Adds a stratum.
    pub fn stratum(&mut self, reference: &Times, treated: &Times) {
        for tie in ties(reference, treated) {
            let n = tie.at_risk[0] + tie.at_risk[1];
            let d = tie.events[0] + tie.events[1];
            let part = tie.at_risk[1] / n;
            self.observed += tie.events[1];
            self.expected += d * part;
            if n > 1.0 {
                self.variance += d * part * (1.0 - part) * (n - d) / (n - 1.0);
            }
        }
    }

    /// The test; `None` where no stratum tells the groups apart.
    pub fn finish(self) -> Option<LogRank> {
        let apart = self.observed - self.expected;
        (self.variance > 0.0).then(|| {
            let chi_square = apart * apart / self.variance;
            LogRank {
                chi_square,
                p: 2.0 * normal_probability(-libm::sqrt(chi_square)),
                observed: self.observed,
                expected: self.expected,
            }
        })
    }
}

/// The hazard of the second group over that of the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HazardRatio {
    /// Estimate.
    pub estimate: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
    /// Logarithm of the estimate.
    pub log: f64,
    /// Standard error of the logarithm.
    pub standard_error: f64,
    /// Wald's probability of such a value or a more extreme one without difference.
    pub p: f64,
}

/// Iterations after which the likelihood has no maximum, as when a group has no event.
const ITERATIONS: usize = 60;

/// Largest logarithm of a ratio that counts as found.
const LARGEST_LOG: f64 = 15.0;

/// The hazard ratio with its interval; `None` where the partial likelihood has no maximum.
pub fn hazard_ratio(reference: &Times, treated: &Times, confidence: f64) -> Option<HazardRatio> {
    let ties = ties(reference, treated);
    let mut log = 0.0;
    for _ in 0..ITERATIONS {
        let (score, information) = efron(&ties, log);
        if information <= 0.0 {
            return None;
        }
        let step = (score / information).clamp(-2.0, 2.0);
        log += step;
        if log.abs() > LARGEST_LOG {
            return None;
        }
        if step.abs() <= 1e-12 {
            let standard_error = 1.0 / libm::sqrt(efron(&ties, log).1);
            let z = normal_quantile(0.5 + 0.5 * confidence);
            return Some(HazardRatio {
                estimate: libm::exp(log),
                lower: libm::exp(log - z * standard_error),
                upper: libm::exp(log + z * standard_error),
                log,
                standard_error,
                p: 2.0 * normal_probability(-(log / standard_error).abs()),
            });
        }
    }
    None
}

/// First derivative and negative second derivative of Efron's partial likelihood.
fn efron(ties: &[Tie], log: f64) -> (f64, f64) {
    let ratio = libm::exp(log);
    let (mut score, mut information) = (0.0, 0.0);
    for tie in ties {
        score += tie.events[1];
        let d = tie.events[0] + tie.events[1];
        for l in 0..d as usize {
            let left = l as f64 / d;
            let treated = ratio * (tie.at_risk[1] - left * tie.events[1]);
            let all = treated + tie.at_risk[0] - left * tie.events[0];
            let mean = treated / all;
            score -= mean;
            information += mean * (1.0 - mean);
        }
    }
    (score, information)
}

/// Spearman's rank correlation with an interval by Fisher's transformation; `None` for fewer than
/// four pairs or a side without variation. Pairs with a missing side are left out.
pub fn rank_correlation(x: &[f64], y: &[f64], confidence: f64) -> Option<(f64, f64, f64)> {
    let pairs: Vec<(f64, f64)> = x
        .iter()
        .zip(y)
        .filter(|(x, y)| !x.is_nan() && !y.is_nan())
        .map(|(x, y)| (*x, *y))
        .collect();
    let n = pairs.len() as f64;
    let first = ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let second = ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let mean = 0.5 * (n + 1.0);
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let variances = product(&first, &first) * product(&second, &second);
    if pairs.len() < 4 || variances <= 0.0 {
        return None;
    }
    let rho = (product(&first, &second) / libm::sqrt(variances)).clamp(-1.0, 1.0);
    let z = normal_quantile(0.5 + 0.5 * confidence) * libm::sqrt(1.06 / (n - 3.0));
    let at = |shift: f64| libm::tanh(libm::atanh(rho) + shift);
    Some((rho, at(-z), at(z)))
}

/// Ranks from 1; equal values share the mean of theirs.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = |i: &&usize| values[**i].total_cmp(&values[order[start]]).is_eq();
        let end = start + order[start..].iter().take_while(same).count();
        for index in &order[start..end] {
            ranks[*index] = 0.5 * (start + end + 1) as f64;
        }
        start = end;
    }
    ranks
}
