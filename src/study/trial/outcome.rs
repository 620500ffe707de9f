//! What a trial gives.

use super::design::TrialDesign;
use crate::regimen::Arm;
use crate::study::population::{READOUTS, Subject, Weights};
use crate::study::runs::Tally;
use crate::study::survival::{
    HazardRatio, KaplanMeier, LogRank, Median, Observation, hazard_ratio, log_rank,
    rank_correlation, stratified_log_rank,
};
use std::sync::Arc;

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

/// An arm of a finished trial.
#[derive(Debug, Clone)]
pub struct ArmOutcome {
    /// The arm.
    pub arm: Arm,
    /// Class of its first partner: `hif1`, `hif2`, `dual` or `upstream`.
    pub class: Option<String>,
    /// Courses of its patients, in the order of the patients.
    pub courses: Vec<Course>,
    /// Diameter over the start at every scan of the trial, start included, after progression too, of the
    /// first [`TRACED`] courses.
    pub traces: Vec<Vec<f64>>,
    /// Time to progression, d.
    pub curve: KaplanMeier,
    /// Its median, d.
    pub median: Median,
}

impl ArmOutcome {
    /// An arm from its courses and the traces of the first of them.
    pub(super) fn new(
        arm: Arm,
        class: Option<String>,
        (courses, traces): (Vec<Course>, Vec<Vec<f64>>),
    ) -> Self {
        let observations: Vec<Observation> = courses.iter().map(|c| c.observation).collect();
        let curve = KaplanMeier::new(&observations, CONFIDENCE);
        Self {
            arm,
            class,
            courses,
            traces,
            median: curve.median(),
            curve,
        }
    }

    /// Part of the patients with a response.
    pub fn part(&self, response: Response) -> f64 {
        let count = self.courses.iter().filter(|c| c.response == response);
        count.count() as f64 / self.courses.len() as f64
    }

    fn observations(&self) -> Vec<Observation> {
        self.courses.iter().map(|c| c.observation).collect()
    }
}

/// Courses of an arm of which every scan is kept in the result; the others are read again from the rows.
pub const TRACED: usize = 100;

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
    pub(super) fn new(arm: &ArmOutcome, against: &ArmOutcome, matched: bool) -> Self {
        let (reference, treated) = (against.observations(), arm.observations());
        Self {
            arm: arm.arm.clone(),
            against: against.arm.clone(),
            hazard_ratio: hazard_ratio(&reference, &treated, CONFIDENCE),
            log_rank: if matched {
                matched_log_rank(arm, against)
            } else {
                log_rank(&reference, &treated)
            },
            later_sooner: matched.then(|| later_sooner(arm, against)),
        }
    }
}

/// Pairs of courses of the same patients.
fn pairs<'a>(
    arm: &'a ArmOutcome,
    against: &'a ArmOutcome,
) -> impl Iterator<Item = (&'a Course, &'a Course)> {
    let mut others = against.courses.iter().peekable();
    arm.courses.iter().filter_map(move |course| {
        while others.next_if(|o| o.subject < course.subject).is_some() {}
        let other = others.next_if(|o| o.subject == course.subject)?;
        Some((course, other))
    })
}

/// The test within each patient: with two courses a stratum it is the sign test of who progresses first.
fn matched_log_rank(arm: &ArmOutcome, against: &ArmOutcome) -> Option<LogRank> {
    let one = |course| std::slice::from_ref::<Observation>(course);
    let strata = pairs(arm, against).map(|(a, b)| (one(&b.observation), one(&a.observation)));
    stratified_log_rank(strata)
}

fn later_sooner(arm: &ArmOutcome, against: &ArmOutcome) -> (f64, f64) {
    let (mut later, mut sooner, mut all) = (0.0, 0.0, 0.0);
    for (a, b) in pairs(arm, against) {
        all += 1.0;
        if a.observation.time > b.observation.time && b.observation.event {
            later += 1.0;
        } else if a.observation.time < b.observation.time && a.observation.event {
            sooner += 1.0;
        }
    }
    (later / all, sooner / all)
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

/// Biomarkers of an arm in a matched trial, the strongest first.
pub(super) fn biomarkers(
    arm: &ArmOutcome,
    against: &ArmOutcome,
    subjects: &[Subject],
    factors: &[String],
) -> Vec<Biomarker> {
    let (mut benefit, mut who) = (Vec::new(), Vec::new());
    for (with, without) in pairs(arm, against) {
        benefit.push(libm::log(without.burden_end / with.burden_end));
        who.push(&subjects[with.subject]);
    }
    let readouts = READOUTS.iter().enumerate().map(|(index, readout)| {
        let values: Vec<f64> = who.iter().map(|s| s.readouts.values()[index]).collect();
        (readout.name.to_owned(), true, values)
    });
    let factors = factors.iter().enumerate().map(|(index, name)| {
        let values: Vec<f64> = who.iter().map(|s| s.factors[index]).collect();
        (name.clone(), false, values)
    });
    let mut biomarkers: Vec<Biomarker> = readouts
        .chain(factors)
        .filter_map(|(name, visible, values)| {
            let (correlation, low, high) = rank_correlation(&values, &benefit, CONFIDENCE)?;
            Some(Biomarker {
                arm: arm.arm.clone(),
                against: against.arm.clone(),
                name,
                visible,
                correlation,
                interval: (low, high),
            })
        })
        .collect();
    biomarkers.sort_by(|a, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
    biomarkers
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
    /// Patients.
    pub subjects: Arc<[Subject]>,
    /// Names of the factors of the patients.
    pub factors: Vec<String>,
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
