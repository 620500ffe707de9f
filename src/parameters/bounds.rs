//! The largest values of all numbers that multiply work, and what going beyond them would cost.
//!
//! Each is declared once, here, and checked where the number is read, before anything is run; `docs/DATA.md` has the
//! table. What several of them make together, the runs of a study, is estimated by [`Work`].

use crate::error::{Error, Result};
use crate::units;

/// The values that a number can have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// What the number counts or measures.
    pub what: &'static str,
    /// Unit; empty for a count.
    pub unit: &'static str,
    /// Smallest value.
    pub least: f64,
    /// Largest value.
    pub largest: f64,
    /// Options and keys that give the number.
    pub given: &'static str,
    /// What one costs.
    pub price: Price,
}

/// What one of a number costs, in round numbers; 0 where it costs nothing to speak of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Time of one processor, s.
    pub seconds: f64,
    /// Memory, bytes.
    pub bytes: f64,
}

const FREE: Price = price(0.0, 0.0);

const fn price(seconds: f64, bytes: f64) -> Price {
    Price { seconds, bytes }
}

const fn count(
    what: &'static str,
    (least, largest): (f64, f64),
    given: &'static str,
    price: Price,
) -> Bound {
    Bound {
        what,
        unit: "",
        least,
        largest,
        given,
        price,
    }
}

/// Length of a run and every time within it: ten years.
pub const DURATION: Bound = Bound {
    what: "length of a run, and times within it",
    unit: "d",
    least: 0.0,
    largest: 3652.5,
    given: "--days, --weeks, --up-down, --evaluate, --horizons, --partner-lag, every time of regimens, claims, targets, trials and own data",
    price: price(1e-3, 0.0),
};

/// A length of time at least, h: below it a run is over before anything in it moves.
const SHORTEST: f64 = 1e-3;

/// Doses, pauses and infusions of a run.
pub const DOSES: Bound = count(
    "doses of a run",
    (0.0, 20_000.0),
    "interval, start, stop, cycle and duration of a regimen; II and ADDL",
    price(4e-4, 1e3),
);

/// Rows of a time course.
pub const SAMPLES: Bound = count(
    "rows of a time course",
    (1.0, 100_000.0),
    "--every",
    price(1e-5, 6e3),
);

/// Draws of the parameters behind the bands of a validation.
pub const DRAWS: Bound = count(
    "draws of the parameters",
    (0.0, 2_000.0),
    "validate --draws",
    price(0.1, 0.0),
);

/// Virtual patients behind a visual predictive check.
pub const CHECKED: Bound = count(
    "virtual patients of a visual predictive check",
    (0.0, 5_000.0),
    "validate --subjects",
    price(1e-3, 1e4),
);

/// Subjects of a study.
pub const SUBJECTS: Bound = count(
    "subjects",
    (1.0, 1e7),
    "--patients, --subjects, plan.patients of trials",
    price(2e-3, 0.0),
);

/// Virtual patients of a claim or target, which are run whenever it is tested.
pub const COHORT: Bound = count(
    "virtual patients of a claim or target",
    (1.0, 10_000.0),
    "patients of claims and targets",
    price(1e-2, 1e4),
);

/// Arms of a comparison or trial.
pub const ARMS: Bound = count("arms", (1.0, 200.0), "--arm, arms of trials", FREE);

/// Scans of a trial.
pub const SCANS: Bound = count(
    "scans of a trial",
    (1.0, 1_000.0),
    "plan.duration over plan.scan_interval",
    FREE,
);

/// Values of an axis of a sweep.
pub const AXIS: Bound = count("values of an axis", (1.0, 10_000.0), "sweep --x, --y", FREE);

/// Levels that are held one after the other.
pub const LEVELS_HELD: Bound = count(
    "levels of an up-and-down sweep",
    (2.0, 500.0),
    "--x with --up-down",
    price(1e-2, 1e3),
);

/// Doses of a drug on a surface.
pub const SURFACE: Bound = count(
    "doses of a drug on a surface",
    (1.0, 60.0),
    "synergy --doses, --partner-doses",
    FREE,
);

/// Times at which a surface is evaluated.
pub const HORIZONS: Bound = count("horizons", (0.0, 100.0), "synergy --horizons", FREE);

/// Base points of a Sobol study, and schedules of a first sample.
pub const POINTS: Bound = count(
    "points of a Sobol sequence",
    (1.0, 65_536.0),
    "sensitivity --points, schedule --samples",
    FREE,
);

/// Parameters of a Sobol study.
pub const PARAMETERS: Bound = count(
    "parameters of a Sobol study",
    (1.0, 128.0),
    "sensitivity --parameter",
    FREE,
);

/// Trajectories of Morris screening.
pub const TRAJECTORIES: Bound = count(
    "trajectories",
    (2.0, 10_000.0),
    "sensitivity --trajectories",
    FREE,
);

/// Levels of the grid of Morris screening.
pub const LEVELS: Bound = count(
    "levels of a grid",
    (4.0, 1_000.0),
    "sensitivity --levels",
    FREE,
);

/// Budgets of a search of schedules.
pub const BUDGETS: Bound = count(
    "budgets, or evaluations under each",
    (1.0, 10_000.0),
    "schedule --budgets, --evaluations",
    FREE,
);

/// Mechanisms of an attribution, all of whose sets are run.
pub const MECHANISMS: Bound = count(
    "mechanisms of an attribution",
    (1.0, 10.0),
    "params/attribution.toml",
    FREE,
);

/// Starts of a fit.
pub const STARTS: Bound = count(
    "starts of a fit",
    (1.0, 1_000.0),
    "calibrate --starts",
    price(10.0, 0.0),
);

/// Steps of a joint fit, each of up to two runs of the ledger per parameter.
pub const STEPS: Bound = count(
    "steps of a joint fit",
    (0.0, 1_000.0),
    "calibrate --steps",
    price(200.0, 0.0),
);

/// Draws with noise of a joint fit.
pub const NOISY: Bound = count(
    "draws with noise of a joint fit",
    (0.0, 10_000.0),
    "calibrate --noise",
    price(3.0, 0.0),
);

/// Parameters of a fit.
pub const FITTED: Bound = count(
    "parameters of a fit",
    (1.0, 50.0),
    "calibrate --parameter, parameters of calibrations",
    price(10.0, 0.0),
);

/// Means that a fit to own data has to meet.
pub const MEANS: Bound = count(
    "combinations of arm, dose and day in own data",
    (1.0, 1_000.0),
    "calibrate --data",
    price(1e-2, 1e5),
);

/// Factors of a population.
pub const FACTORS: Bound = count(
    "factors of a population",
    (1.0, 100.0),
    "[factor] of populations",
    FREE,
);

/// Standard deviation of a factor: 95 % of subjects between a 350th and 350 times the median.
pub const SPREAD: Bound = Bound {
    what: "standard deviation of the logarithm of a factor",
    unit: "",
    least: 0.0,
    largest: 3.0,
    given: "sd, cv and omega of populations",
    price: FREE,
};

/// Draws that a plausible subject of a population takes, on average.
pub const ATTEMPTS: Bound = count(
    "draws for a plausible subject",
    (0.0, 500.0),
    "limits, plausible windows and variability of populations",
    price(1e-4, 0.0),
);

/// Rows of a part of a study.
pub const PART_ROWS: Bound = count(
    "rows of a part",
    (1.0, 100_000.0),
    "--part-rows",
    price(0.0, 1e3),
);

/// Rows of a study; an analysis holds a column or two of them.
pub const ROWS: Bound = count(
    "rows of a study",
    (1.0, 2e7),
    "all that multiplies them",
    price(0.0, 50.0),
);

/// Numbers of all rows of a study, on disk.
pub const NUMBERS: Bound = count(
    "numbers in the rows of a study",
    (1.0, 2e9),
    "rows times their columns",
    FREE,
);

/// Time of one processor that a study may take: what a job array of 50 does in a week.
pub const PROCESSOR: Bound = Bound {
    what: "time of one processor for a study",
    unit: "h",
    least: 0.0,
    largest: 8_400.0,
    given: "all that multiplies its runs",
    price: FREE,
};

/// Threads.
pub const THREADS: Bound = count(
    "threads",
    (0.0, 256.0),
    "RAYON_NUM_THREADS",
    price(0.0, 4e6),
);

/// Files of own parameters.
pub const FILES: Bound = count("files of own parameters", (0.0, 1_000.0), "--params", FREE);

/// Size of a parameter file.
pub const PARAMETER_FILE: Bound = Bound {
    what: "size of a parameter file",
    unit: "B",
    least: 0.0,
    largest: 1_048_576.0,
    given: "--params",
    price: FREE,
};

/// Size of a table of a user.
pub const DATA_FILE: Bound = Bound {
    what: "size of a file of data",
    unit: "B",
    least: 0.0,
    largest: 33_554_432.0,
    given: "--data, --estimates",
    price: price(0.0, 20.0),
};

/// Length of a unit.
pub const UNIT: Bound = count(
    "characters of a unit",
    (1.0, units::LONGEST as f64),
    "every quantity",
    FREE,
);

/// Powers in a unit.
pub const POWER: Bound = count(
    "power in a unit",
    (0.0, units::LARGEST_POWER as f64),
    "every quantity",
    FREE,
);

/// All of them, in the order of the table of `docs/DATA.md`.
pub const ALL: [&Bound; 37] = [
    &DURATION,
    &DOSES,
    &SAMPLES,
    &ARMS,
    &SUBJECTS,
    &SCANS,
    &COHORT,
    &FACTORS,
    &SPREAD,
    &ATTEMPTS,
    &AXIS,
    &LEVELS_HELD,
    &SURFACE,
    &HORIZONS,
    &POINTS,
    &PARAMETERS,
    &TRAJECTORIES,
    &LEVELS,
    &BUDGETS,
    &MECHANISMS,
    &STARTS,
    &STEPS,
    &NOISY,
    &FITTED,
    &MEANS,
    &DRAWS,
    &CHECKED,
    &PART_ROWS,
    &ROWS,
    &NUMBERS,
    &PROCESSOR,
    &THREADS,
    &FILES,
    &PARAMETER_FILE,
    &DATA_FILE,
    &UNIT,
    &POWER,
];

impl Bound {
    /// The number, if it is within the bound.
    ///
    /// # Errors
    /// A number that is none, too small or too large: which, what is allowed, and what it would cost.
    pub fn check(&self, value: f64, place: impl Into<String>) -> Result<f64> {
        if (self.least..=self.largest).contains(&value) {
            return Ok(value);
        }
        let allowed = format!("{} to {}", plain(self.least), self.with_unit(self.largest));
        if value.is_nan() || value <= self.largest {
            return Err(Error::input(
                place,
                format!("{}: {} is out of range", self.what, self.with_unit(value)),
                format!("allowed: {allowed}"),
            ));
        }
        let cost = self.price.words(value);
        Err(Error::input(
            place,
            format!(
                "{}: {} is beyond the largest allowed, {}{cost}",
                self.what,
                self.with_unit(value),
                self.with_unit(self.largest)
            ),
            match self.unit {
                "B" => format!("allowed: {allowed}"),
                _ => format!("allowed: {allowed}; was another unit or fewer digits meant?"),
            },
        ))
    }

    /// A count, if it is within the bound.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn count(&self, value: usize, place: impl Into<String>) -> Result<usize> {
        self.check(value as f64, place)?;
        Ok(value)
    }

    /// Largest count.
    pub fn most(&self) -> usize {
        self.largest as usize
    }

    fn with_unit(&self, value: f64) -> String {
        match self.unit {
            "" => plain(value),
            "B" => bytes(value),
            unit => format!("{} {unit}", plain(value)),
        }
    }
}

/// A time in h, if it is within [`DURATION`].
///
/// # Errors
/// As [`Bound::check`].
pub fn time(hours: f64, place: impl Into<String>) -> Result<f64> {
    DURATION.check(hours / 24.0, place)?;
    Ok(hours)
}

/// A time of 0 or more from the text of an option, in h; `bare` is the unit of a number alone, if that is understood.
///
/// # Errors
/// No time, a negative one, or one beyond [`DURATION`].
pub fn delay(text: &str, bare: Option<&str>, option: &str) -> Result<f64> {
    let place = format!("{option} {text}");
    let alone = bare.map_or(String::new(), |unit| {
        format!("; a number alone is in {unit}")
    });
    let remedy = format!("give a time with a unit: 30min, 36h, 28d, 4w{alone}");
    let hours = units::hours(text, bare)
        .map_err(|error| Error::input(&place, error.to_string(), &remedy))?;
    if hours < 0.0 {
        return Err(Error::input(
            place,
            "the time is negative",
            "give 0 or more",
        ));
    }
    time(hours, place)
}

/// Like [`delay`], of a time above 0.
///
/// # Errors
/// As [`delay`]; 0.
pub fn length(text: &str, bare: Option<&str>, option: &str) -> Result<f64> {
    let hours = delay(text, bare, option)?;
    if hours >= SHORTEST {
        return Ok(hours);
    }
    Err(Error::input(
        format!("{option} {text}"),
        "this is no time after the start",
        "give a time above 0, a few seconds at least, for instance 28d",
    ))
}

impl Price {
    /// What some of it would cost, as the end of a sentence; empty where that is nothing to speak of.
    fn words(&self, value: f64) -> String {
        let mut costs = Vec::new();
        if self.seconds * value >= 1.0 {
            costs.push(format!(
                "{} of one processor",
                duration(self.seconds * value)
            ));
        }
        if self.bytes * value >= 1e6 {
            costs.push(format!("{} of memory", bytes(self.bytes * value)));
        }
        match costs.is_empty() {
            true => String::new(),
            false => format!("; it would take about {}", costs.join(" and ")),
        }
    }
}

/// A number with few digits.
fn plain(value: f64) -> String {
    if value.abs() < 1e9 {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// A time in words.
fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str); 5] = [
        (31_557_600.0, "years"),
        (86_400.0, "days"),
        (3_600.0, "h"),
        (60.0, "min"),
        (1.0, "s"),
    ];
    let (size, name) = UNITS
        .into_iter()
        .find(|(size, _)| seconds >= 2.0 * size)
        .unwrap_or((1.0, "s"));
    format!("{} {name}", rounded(seconds / size))
}

/// An amount of memory in words.
fn bytes(value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match UNITS.into_iter().find(|(size, _)| value >= *size) {
        Some((size, name)) => format!("{} {name}", rounded(value / size)),
        None => format!("{value} B"),
    }
}

/// Two digits of a number above 1.
fn rounded(value: f64) -> String {
    if value >= 1e6 {
        format!("{value:.1e}")
    } else if value >= 10.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// What a study is going to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The numbers that multiply it, in words.
    pub words: String,
    /// Rows.
    pub rows: f64,
    /// Runs of each row.
    pub runs: f64,
    /// Length of a run, h.
    pub hours: f64,
    /// Numbers of each row.
    pub numbers: f64,
}

/// Time of one processor for an hour of a run among many, s, and for its preparation.
const SECONDS_PER_HOUR: f64 = 1.5e-6;
const PREPARATION: f64 = 1e-4;

impl Work {
    /// Time of one processor, s.
    pub fn seconds(&self) -> f64 {
        self.rows * self.runs * (self.hours * SECONDS_PER_HOUR + PREPARATION)
    }

    /// Refuses what would take more rows or time than a study may.
    ///
    /// # Errors
    /// More than [`ROWS`], [`NUMBERS`] or [`PROCESSOR`], with the numbers that multiply to it.
    pub fn check(&self) -> Result<()> {
        ROWS.check(self.rows, &self.words)?;
        NUMBERS.check(self.rows * self.numbers, &self.words)?;
        PROCESSOR.check(
            self.seconds() / 3600.0,
            format!("{} of {} h", self.words, self.hours),
        )?;
        Ok(())
    }
}

/// The table of all bounds, in Markdown.
pub fn markdown() -> String {
    let mut text = String::from("| number | given by | smallest | largest |\n|---|---|---|---|\n");
    for bound in ALL {
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            bound.what,
            bound.given,
            plain(bound.least),
            bound.with_unit(bound.largest)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_number_what_is_allowed_and_what_it_would_cost() {
        let error = time(24e300, "--days 1e300").expect_err("too long");
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        for needle in [
            "--days 1e300",
            "1e300 d",
            "3652.5 d",
            "years of one processor",
            "remedy",
        ] {
            assert!(error.contains(needle), "{needle} in {error}");
        }
        let error = DRAWS
            .count(1_000_000_000, "--draws")
            .expect_err("too many")
            .to_string();
        assert!(error.contains("years of one processor"), "{error}");
    }

    #[test]
    fn every_bound_takes_its_ends_and_nothing_beyond() {
        for bound in ALL {
            assert!(bound.least <= bound.largest, "{}", bound.what);
            assert!(
                bound.check(bound.least, "x").is_ok() && bound.check(bound.largest, "x").is_ok()
            );
            for beyond in [
                bound.largest * 1.001,
                bound.least - 1.0,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
            ] {
                assert!(bound.check(beyond, "x").is_err(), "{} {beyond}", bound.what);
            }
        }
    }

    #[test]
    fn what_studies_do_together_is_estimated() {
        let work = |rows: f64, hours: f64| Work {
            words: "10 arms".to_owned(),
            rows,
            runs: 4.0,
            hours,
            numbers: 2.0,
        };
        assert!(work(2.1e6, 672.0).check().is_ok());
        assert!(work(3e7, 1.0).check().is_err());
        let error = work(1.9e7, 300_000.0)
            .check()
            .expect_err("too long")
            .to_string();
        assert!(
            error.contains("10 arms") && error.contains("time of one processor"),
            "{error}"
        );
    }
}
