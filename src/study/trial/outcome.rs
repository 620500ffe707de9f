//! What a trial gives.

use super::design::TrialDesign;
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::plan::Rows;
use crate::study::population::Weights;
use crate::study::runs::Tally;
use crate::study::survival::{
    HazardRatio, KaplanMeier, LogRank, LogRankSum, Median, Observation, Times, hazard_ratio,
    log_rank, rank_correlation,
};

/// Best response at scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Response {
    /// Diameter at least 30 % below the start.
    Partial,
    /// Neither response nor progression at the first scan.
    Stable,
    /// Progression at the first scan.
    Progressive,
    /// No scan.
    NotEvaluable,
}

impl Response {
    /// In letters, as trials write it.
    pub fn letters(self) -> &'static str {
        match self {
            Self::Partial => "PR",
            Self::Stable => "SD",
            Self::Progressive => "PD",
            Self::NotEvaluable => "NE",
        }
    }
}

/// Number of responses.
const RESPONSES: usize = 4;

/// The course of a patient in an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Index of the subject.
    pub subject: usize,
    /// Burden at the end of the trial.
    pub burden_end: f64,
    /// Diameter over the start at the last scan of the trial; after progression too.
    pub diameter_end: f64,
    /// Time to progression, d, or of the last scan without.
    pub observation: Observation,
    /// Best response.
    pub response: Response,
    /// Smallest change of the diameter after the start up to progression, as a part of the start.
    pub best_change: f64,
}

impl Course {
    /// Judges the diameters over the start at scans (h) of a patient who leaves at `leaves` (h).
    pub(super) fn new(
        design: &TrialDesign,
        subject: usize,
        scans: &[f64],
        diameters: &[f64],
        leaves: f64,
        burden_end: f64,
    ) -> Self {
        let mut smallest = 1.0;
        let mut best: f64 = f64::NAN;
        let mut last = 0.0;
        let mut progression = None;
        for (time, diameter) in scans.iter().zip(diameters).skip(1) {
            if *time > leaves {
                break;
            }
            last = *time;
            best = best.min(*diameter);
            if *diameter >= design.progression * smallest {
                progression = Some(*time);
                break;
            }
            smallest = diameter.min(smallest);
        }
        let first_scan = scans.get(1).copied().unwrap_or(f64::INFINITY);
        let response = match progression {
            _ if best <= design.partial => Response::Partial,
            Some(time) if time <= first_scan => Response::Progressive,
            _ if best.is_nan() => Response::NotEvaluable,
            _ => Response::Stable,
        };
        Self {
            subject,
            burden_end,
            diameter_end: diameters[diameters.len() - 1],
            observation: Observation {
                time: progression.unwrap_or(last) / 24.0,
                event: progression.is_some(),
            },
            response,
            best_change: best - 1.0,
        }
    }
}

/// A course with the diameter over the start at every scan of the trial, start included, after progression
/// too.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// The course.
    pub course: Course,
    /// Diameters over the start.
    pub diameters: Vec<f64>,
}

/// A patient by rank of the best change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Rank, from 0: the patient whose tumour shrinks least.
    pub rank: usize,
    /// Index of the subject.
    pub subject: usize,
    /// Best response.
    pub response: Response,
    /// Best change of the diameter, as a part of the start.
    pub best_change: f64,
}

/// The patients of an arm by falling best change, at most [`RANKED`] of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// How many patients were ranked: those with a scan after the start.
    pub patients: usize,
    /// Every how many of them there is a bar.
    pub step: usize,
    /// Bars by rank.
    pub bars: Vec<Bar>,
}

impl Ranking {
    /// Ranks patients, given in their order.
    pub(super) fn new(mut patients: Vec<Bar>) -> Self {
        patients.sort_by(|a, b| b.best_change.total_cmp(&a.best_change));
        let step = patients.len().div_ceil(RANKED).max(1);
        let ranked = patients.iter().enumerate().step_by(step);
        Self {
            patients: patients.len(),
            step,
            bars: ranked.map(|(rank, bar)| Bar { rank, ..*bar }).collect(),
        }
    }
}

/// An arm of a finished trial: what is told of its courses, which are read again from the rows.
#[derive(Debug, Clone)]
pub struct ArmOutcome {
    /// The arm.
    pub arm: Arm,
    /// Class of its first partner: `hif1`, `hif2`, `dual` or `upstream`.
    pub class: Option<String>,
    /// Events and losses over time, d.
    pub times: Times,
    /// Patients by best response, in the order of [`Response`].
    responses: [usize; RESPONSES],
    /// The first [`TRACED`] courses.
    pub traced: Vec<Traced>,
    /// Patients by best change.
    pub ranking: Ranking,
    /// Time to progression, d.
    pub curve: KaplanMeier,
    /// Its median as seen at scans, d.
    pub median: Median,
    /// The interval-censored median: progression at any moment between the scan that shows it and the one before, d.
    pub median_between: Median,
}

impl ArmOutcome {
    /// An arm from what was gathered of its courses, with the time between two scans, d.
    pub(super) fn new(
        arm: Arm,
        class: Option<String>,
        gathered: Gathered,
        ranking: Ranking,
        between_scans: f64,
    ) -> Self {
        let curve = KaplanMeier::of(&gathered.times, CONFIDENCE);
        Self {
            arm,
            class,
            responses: gathered.responses,
            traced: gathered.traced,
            ranking,
            median: curve.median(),
            median_between: curve.median_between(between_scans),
            curve,
            times: gathered.times,
        }
    }

    /// Patients whose run succeeded.
    pub fn patients(&self) -> usize {
        self.times.subjects()
    }

    /// Part of the patients with a response.
    pub fn part(&self, response: Response) -> f64 {
        self.responses[response as usize] as f64 / self.patients() as f64
    }
}

/// What is kept of the courses of an arm as they come.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    pub(super) times: Times,
    responses: [usize; RESPONSES],
    traced: Vec<Traced>,
}

impl Gathered {
    /// Takes the next course.
    pub(super) fn add(&mut self, course: Course, diameters: Vec<f64>) {
        self.times.add(course.observation);
        self.responses[course.response as usize] += 1;
        if self.traced.len() < TRACED {
            self.traced.push(Traced { course, diameters });
        }
    }
}

/// Courses of an arm that are kept in the result with every scan.
pub const TRACED: usize = 100;

/// Patients of an arm that are kept by rank: bars of a fraction of a pixel.
pub const RANKED: usize = 2000;

/// Confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;

/// One arm against another.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The arm.
    pub arm: Arm,
    /// What it is compared with.
    pub against: Arm,
    /// Hazard ratio of progression; `None` where there is none, as without events in one arm.
    pub hazard_ratio: Option<HazardRatio>,
    /// Log-rank test; in a matched trial stratified by patient.
    pub log_rank: Option<LogRank>,
    /// Part of the patients who progress later in `arm`, and sooner; matched trials only.
    pub later_sooner: Option<(f64, f64)>,
}

impl Contrast {
    pub(super) fn new(arm: &ArmOutcome, against: &ArmOutcome, pairs: Option<&Pairs>) -> Self {
        let (reference, treated) = (&against.times, &arm.times);
        Self {
            arm: arm.arm.clone(),
            against: against.arm.clone(),
            hazard_ratio: hazard_ratio(reference, treated, CONFIDENCE),
            log_rank: match pairs {
                Some(pairs) => pairs.test.finish(),
                None => log_rank(reference, treated),
            },
            later_sooner: pairs.map(Pairs::later_sooner),
        }
    }
}

/// What is kept of the pairs of courses of the same patients in two arms, as they come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pairs {
    /// The test within each patient: with two courses a stratum it is the sign test of who progresses
    /// first.
    test: LogRankSum,
    later: usize,
    sooner: usize,
    all: usize,
}

impl Pairs {
    /// Takes the courses of the next patient in the arm and in what it is compared with.
    pub(super) fn add(&mut self, arm: Observation, against: Observation) {
        let one = |course: &Observation| Times::from(std::slice::from_ref(course));
        self.test.stratum(&one(&against), &one(&arm));
        self.all += 1;
        self.later += usize::from(arm.time > against.time && against.event);
        self.sooner += usize::from(arm.time < against.time && arm.event);
    }

    fn later_sooner(&self) -> (f64, f64) {
        let part = |count: usize| count as f64 / self.all as f64;
        (part(self.later), part(self.sooner))
    }
}

/// How a readout before treatment goes with the benefit of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Biomarker {
    /// The arm.
    pub arm: Arm,
    /// What it is compared with.
    pub against: Arm,
    /// Name of the readout or factor.
    pub name: String,
    /// Whether it can be seen before treatment; a factor cannot.
    pub visible: bool,
    /// Spearman's correlation with log(burden without / burden with) at the end: above 0, high values
    /// go with benefit.
    pub correlation: f64,
    /// Interval.
    pub interval: (f64, f64),
}

/// Something known of every patient before treatment.
pub(super) struct Marker {
    pub(super) name: String,
    /// Whether it can be seen; a factor cannot.
    pub(super) visible: bool,
    /// Its column in the rows of the subjects.
    pub(super) column: usize,
}

/// Biomarkers of an arm in a matched trial from the benefit of each patient (not a number: a failed run),
/// the strongest first; one marker of `subjects` at a time is in memory.
///
/// # Errors
/// Rows that cannot be read.
pub(super) fn biomarkers(
    (arm, against): (&Arm, &Arm),
    benefit: &[f64],
    markers: &[Marker],
    subjects: &dyn Rows,
) -> Result<Vec<Biomarker>> {
    let mut found = Vec::new();
    for marker in markers {
        let values = subjects.column(marker.column)?;
        let correlation = rank_correlation(&values, benefit, CONFIDENCE);
        found.extend(correlation.map(|(correlation, low, high)| Biomarker {
            arm: arm.clone(),
            against: against.clone(),
            name: marker.name.clone(),
            visible: marker.visible,
            correlation,
            interval: (low, high),
        }));
    }
    found.sort_by(|a, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
    Ok(found)
}

/// A finished trial.
#[derive(Debug, Clone)]
pub struct TrialResult {
    /// What was done.
    pub design: TrialDesign,
    /// Unit of burden.
    pub burden_unit: String,
    /// Seed of patients, allocation and losses.
    pub seed: u64,
    /// Weights of prevalence, where the population states one.
    pub weights: Option<Weights>,
    /// Scans, start included, h.
    pub scans: Vec<f64>,
    /// Arms in the order of the design.
    pub arms: Vec<ArmOutcome>,
    /// Every arm against the first, and combinations against sorafenib.
    pub contrasts: Vec<Contrast>,
    /// What goes with benefit; matched trials only.
    pub biomarkers: Vec<Biomarker>,
    /// Requested, ok, failed.
    pub tally: Tally,
}
