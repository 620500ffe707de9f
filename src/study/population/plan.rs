//! The subjects of a population as rows.

use super::readouts::READOUTS;
use super::sampler::{Rejection, Sampler, Subject};
use crate::error::Result;
use crate::simulate::Accuracy;
use crate::study::Progress;
use crate::study::plan::{Field, Outline, Plan, Row, Sink};
use std::ops::Range;

/// Subjects that are drawn together.
const TOGETHER: usize = 256;

/// The first subjects of a sampler, a row each: factors, readouts before treatment, and how many draws were
/// taken again for each cause.
#[derive(Debug)]
pub struct SubjectsPlan<'a> {
    /// Who draws.
    pub sampler: &'a Sampler,
    /// How many.
    pub count: usize,
    /// Unit of burden.
    pub burden_unit: String,
}

impl SubjectsPlan<'_> {
    /// Columns of the factors, in the order of the population.
    pub fn factors(&self) -> Range<usize> {
        0..self.sampler.population.factors.len()
    }

    /// Columns of the readouts, in the order of [`READOUTS`].
    pub fn readouts(&self) -> Range<usize> {
        let first = self.factors().end;
        first..first + READOUTS.len()
    }

    /// Columns of the draws that were taken again, with their causes.
    pub fn rejections(&self) -> impl Iterator<Item = (usize, Rejection)> {
        (self.readouts().end..).zip(self.sampler.causes())
    }

    /// Unit of a readout.
    pub fn unit(&self, readout: usize) -> &str {
        match READOUTS[readout].unit {
            "burden" => &self.burden_unit,
            unit => unit,
        }
    }

    fn row(&self, index: usize, subject: &Subject) -> Row {
        let factors = subject.factors.iter().copied();
        let again = self.sampler.causes().into_iter().map(|cause| {
            let count = subject.rejections.get(&cause).copied();
            count.unwrap_or(0) as f64
        });
        Row {
            index,
            values: factors
                .chain(subject.readouts.values())
                .chain(again)
                .collect(),
            failure: None,
        }
    }
}

impl Outline for SubjectsPlan<'_> {
    fn rows(&self) -> usize {
        self.count
    }

    fn hours(&self) -> f64 {
        0.0
    }

    fn sizes(&self) -> String {
        format!("{} subjects", self.count)
    }

    fn fields(&self) -> Vec<Field> {
        let factors = self.sampler.population.factors.iter();
        let readouts = READOUTS.iter().enumerate();
        let again = self.sampler.causes().into_iter();
        factors
            .map(|factor| Field::new(format!("factor_{}", factor.name), "1"))
            .chain(readouts.map(|(index, readout)| Field::new(readout.name, self.unit(index))))
            .chain(again.map(|cause| Field::new(format!("drawn again: {cause}"), "1")))
            .collect()
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        (format!("subject {row}"), Vec::new())
    }

    fn identity(&self) -> String {
        let (population, scenario) = (&self.sampler.population, self.sampler.scenario());
        format!("{} {scenario:?} {}", population.name, self.count)
    }
}

impl Plan for SubjectsPlan<'_> {
    fn prepare(
        &self,
        _ranges: &[Range<usize>],
        _accuracy: &Accuracy,
        _progress: Progress<'_>,
    ) -> Result<()> {
        self.sampler.check_attempts()
    }

    fn run(
        &self,
        rows: Range<usize>,
        _accuracy: &Accuracy,
        progress: Progress<'_>,
        sink: Sink<'_>,
    ) -> Result<()> {
        for start in rows.clone().step_by(TOGETHER) {
            let end = (start + TOGETHER).min(rows.end);
            let subjects = self.sampler.subjects(start as u64..end as u64)?;
            for (index, subject) in (start..end).zip(&subjects) {
                progress();
                sink(self.row(index, subject))?;
            }
        }
        Ok(())
    }
}
