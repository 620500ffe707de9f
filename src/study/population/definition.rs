//! A population as data.

use super::readouts::READOUTS;
use crate::error::{Error, Result};
use crate::parameters::bounds::{FACTORS, SPREAD};
use crate::parameters::{Domain, Entry, Library, ParameterTable, Reader};
use nalgebra::DMatrix;

/// How the parameters of a factor are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Value times `median exp(eta)`.
    LogNormal,
    /// Value moved by eta on the logit scale, for fractions.
    LogitNormal,
}

/// Parameters that vary together from subject to subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Name.
    pub name: String,
    /// Paths of the parameters.
    pub paths: Vec<String>,
    /// Distribution.
    pub distribution: Distribution,
    /// Median of the factor by which the setting's values are multiplied.
    pub median: f64,
    /// Standard deviation of eta.
    pub sd: f64,
    /// Limits: of the factor (log-normal) or of the value (logit-normal).
    pub limits: (f64, f64),
}

/// Values of a readout that a plausible subject has.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Name of the readout.
    pub readout: String,
    /// Smallest and largest value, in the readout's unit.
    pub limits: (f64, f64),
}

/// A kind of subjects: a stretch of a readout and the part of the population in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// Name.
    pub name: String,
    /// Upper end of the stretch, in the readout's unit.
    pub below: f64,
    /// Part of the population.
    pub part: f64,
}

/// How often each kind occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct Prevalence {
    /// Name of the readout.
    pub readout: String,
    /// Kinds by rising stretch; the last is open.
    pub kinds: Vec<Kind>,
}

impl Prevalence {
    /// The kind of a value.
    pub fn kind(&self, value: f64) -> usize {
        let kinds = self.kinds.iter();
        kinds
            .take_while(|kind| value >= kind.below)
            .count()
            .min(self.kinds.len() - 1)
    }
}

/// A population of virtual subjects.
#[derive(Debug, Clone)]
pub struct Population {
    /// Name of the file.
    pub name: String,
    /// Title for tables and figures.
    pub title: String,
    /// Setting that the subjects live in.
    pub setting: String,
    /// What varies.
    pub factors: Vec<Factor>,
    /// Covariance matrix of eta.
    pub omega: DMatrix<f64>,
    /// Its lower Cholesky factor.
    pub(super) root: DMatrix<f64>,
    /// What a plausible subject looks like.
    pub plausible: Vec<Window>,
    /// How often each kind occurs.
    pub prevalence: Vec<Prevalence>,
    /// Standard deviation of the logarithm of a subject's clearance from occasion to occasion; 0 where none is stated.
    pub occasion: f64,
    /// Standard deviation of the logarithm of a measured concentration about that of the subject; 0 where none is stated.
    pub residual: f64,
    table: ParameterTable,
}

impl Population {
    /// Reads `params/populations/NAME.toml`.
    ///
    /// # Errors
    /// An unknown name or setting; a factor without paths or variability; a correlation beyond 1 or a covariance
    /// matrix that is not positive definite; an unknown readout; a key that nothing uses.
    pub fn read(library: &Library, name: &str, place: &str) -> Result<Self> {
        let table = library.table("populations", name, place)?;
        let setting = match table.text("setting") {
            Some(setting) => library.table("settings", setting, &table.place("setting"))?,
            None => ParameterTable::default(),
        };
        Self::from_table(name, table, setting.text("burden_unit").unwrap_or("1"))
    }

    /// The population of a table, in a setting whose burden has the unit `burden`.
    ///
    /// # Errors
    /// As [`Population::read`].
    pub fn from_table(name: &str, table: ParameterTable, burden: &str) -> Result<Self> {
        let file = format!("populations/{name}.toml");
        let text = |key: &str| {
            table.text(key).map(str::to_owned).ok_or_else(|| {
                Error::input(
                    format!("{file}, key `{key}`"),
                    "the text is missing",
                    "see the shipped populations (`hif-switch params export DIR`)",
                )
            })
        };
        let reader = table.reader();
        let names = names_below(&table, "factor");
        if names.is_empty() {
            return Err(Error::input(
                &file,
                "nothing varies",
                "add a table [factor.NAME] with paths, distribution, median and sd or cv",
            ));
        }
        FACTORS.count(names.len(), &file)?;
        let factors = names
            .iter()
            .map(|name| read_factor(&table, &reader, name))
            .collect::<Result<Vec<_>>>()?;
        let omega = read_omega(&table, &reader, &factors, &file)?;
        let root = omega
            .clone()
            .cholesky()
            .ok_or_else(|| {
                Error::input(
                    format!("{file}, correlation"),
                    "the covariance matrix of the factors is not positive definite",
                    "bring the correlations towards 0 until every combination of factors varies",
                )
            })?
            .unpack();
        let population = Self {
            name: name.to_owned(),
            title: text("title")?,
            setting: text("setting")?,
            plausible: read_windows(&table, &reader, burden)?,
            prevalence: read_prevalence(&table, &reader, burden)?,
            occasion: read_spread(&reader, "occasion.clearance")?,
            residual: read_spread(&reader, "residual.sorafenib")?,
            factors,
            omega,
            root,
            table: ParameterTable::default(),
        };
        let varies = |factor: &Factor| factor.paths.iter().any(|path| path == CLEARANCE);
        if population.occasion > 0.0 && !population.factors.iter().any(varies) {
            return Err(Error::input(
                table.place("occasion.clearance"),
                "clearance varies between occasions and not between subjects",
                format!("add a factor with paths = [\"{CLEARANCE}\"], or take this number out"),
            ));
        }
        reader.finish()?;
        table.check_texts(&TEXTS)?;
        Ok(Self {
            table,
            ..population
        })
    }

    /// All numbers of the file with source and grade.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.table.numbers()
    }
}

/// The clearance of sorafenib, which varies between occasions too.
pub const CLEARANCE: &str = "exposure.clearance";

/// A coefficient of variation as the standard deviation of the logarithm; 0 where the file has none.
fn read_spread(reader: &Reader<'_>, path: &str) -> Result<f64> {
    if !reader.has(path) {
        return Ok(0.0);
    }
    let cv = reader.read(path, "1", Domain::NonNegative)?;
    Ok(libm::sqrt(libm::log1p(cv * cv)))
}

/// The names between `prefix.` and the next dot, in alphabetical order.
fn names_below(table: &ParameterTable, prefix: &str) -> Vec<String> {
    let start = format!("{prefix}.");
    let paths = table.numbers().map(|(path, _)| path);
    let mut names: Vec<String> = paths
        .chain(table.text_paths())
        .filter_map(|path| path.strip_prefix(&start)?.split('.').next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Texts and lists of a population.
const TEXTS: [&str; 5] = [
    "title",
    "note",
    "setting",
    "factor.*.paths",
    "factor.*.distribution",
];

/// Keys of a factor.
const FACTOR_KEYS: [&str; 7] = ["paths", "distribution", "median", "sd", "cv", "low", "high"];

fn read_factor(table: &ParameterTable, reader: &Reader<'_>, name: &str) -> Result<Factor> {
    for key in names_below(table, &format!("factor.{name}")) {
        if !FACTOR_KEYS.contains(&key.as_str()) {
            let place = table.place(&format!("factor.{name}.{key}"));
            return Err(Error::unknown_name(place, "key", &key, FACTOR_KEYS));
        }
    }
    let key = |last: &str| format!("factor.{name}.{last}");
    let paths = table.list(&key("paths")).unwrap_or_default().to_vec();
    if paths.is_empty() {
        return Err(Error::input(
            table.place(&key("paths")),
            format!("the factor `{name}` names no parameter"),
            "write paths = [\"tumour.growth_rate\"] or several",
        ));
    }
    let distribution = match table.text(&key("distribution")) {
        Some("log-normal") | None => Distribution::LogNormal,
        Some("logit-normal") => Distribution::LogitNormal,
        Some(other) => {
            return Err(Error::unknown_name(
                table.place(&key("distribution")),
                "distribution",
                other,
                ["log-normal", "logit-normal"],
            ));
        }
    };
    let optional = |last: &str, missing: f64, domain| {
        if reader.has(&key(last)) {
            reader.read(&key(last), "1", domain)
        } else {
            Ok(missing)
        }
    };
    let median = optional("median", 1.0, Domain::Positive)?;
    let limits = (
        optional("low", 0.0, Domain::NonNegative)?,
        optional("high", f64::INFINITY, Domain::Positive)?,
    );
    if limits.0 >= limits.1 {
        return Err(Error::input(
            table.place(&key("low")),
            format!("no factor lies between {} and {}", limits.0, limits.1),
            "give a low limit below the high one",
        ));
    }
    let given: Vec<&str> = ["sd", "cv"]
        .into_iter()
        .filter(|last| reader.has(&key(last)))
        .collect();
    let variance = format!("omega.{name}.{name}");
    let sd = match (given.as_slice(), reader.has(&variance)) {
        (["sd"], false) => reader.read(&key("sd"), "1", Domain::Positive)?,
        (["cv"], false) => {
            let cv = reader.read(&key("cv"), "1", Domain::Positive)?;
            libm::sqrt(libm::log1p(cv * cv))
        }
        ([], true) => libm::sqrt(reader.read(&variance, "1", Domain::Positive)?),
        _ => {
            return Err(Error::input(
                table.place(&key("paths")),
                format!(
                    "the variability of `{name}` is given {} times",
                    given.len() + usize::from(reader.has(&variance))
                ),
                format!(
                    "give one of sd (of the logarithm), cv, or [omega.{name}] {name} (a variance)"
                ),
            ));
        }
    };
    SPREAD.check(
        sd,
        format!(
            "{}, standard deviation of `{name}`",
            table.place(&key("paths"))
        ),
    )?;
    Ok(Factor {
        name: name.to_owned(),
        paths,
        distribution,
        median,
        sd,
        limits,
    })
}

/// The covariance matrix from standard deviations, correlations and covariances.
fn read_omega(
    table: &ParameterTable,
    reader: &Reader<'_>,
    factors: &[Factor],
    file: &str,
) -> Result<DMatrix<f64>> {
    let known = || factors.iter().map(|factor| factor.name.as_str());
    let index = |name: &str, path: &str| {
        known()
            .position(|known| known == name)
            .ok_or_else(|| Error::unknown_name(table.place(path), "factor", name, known()))
    };
    let mut omega = DMatrix::from_diagonal(&nalgebra::DVector::from_iterator(
        factors.len(),
        factors.iter().map(|factor| factor.sd * factor.sd),
    ));
    let mut seen = Vec::new();
    for prefix in ["correlation", "omega"] {
        for one in names_below(table, prefix) {
            for other in names_below(table, &format!("{prefix}.{one}")) {
                let path = format!("{prefix}.{one}.{other}");
                let (i, j) = (index(&one, &path)?, index(&other, &path)?);
                if i == j && prefix == "omega" {
                    continue;
                }
                let pair = (i.min(j), i.max(j));
                if i == j || seen.contains(&pair) {
                    return Err(Error::input(
                        table.place(&path),
                        format!("`{one}` and `{other}` are related twice"),
                        "give one correlation or covariance for each pair of factors",
                    ));
                }
                seen.push(pair);
                let value = reader.read(&path, "1", Domain::Any)?;
                let covariance = match prefix {
                    "omega" => value,
                    _ => value * factors[i].sd * factors[j].sd,
                };
                if covariance.abs() >= factors[i].sd * factors[j].sd {
                    return Err(Error::input(
                        table.place(&path),
                        format!("the correlation of `{one}` and `{other}` is not between -1 and 1"),
                        format!("see {file}: a covariance is at most the product of both sd"),
                    ));
                }
                omega[(i, j)] = covariance;
                omega[(j, i)] = covariance;
            }
        }
    }
    Ok(omega)
}

/// The unit of a readout; that of burden is the setting's.
fn readout_unit(table: &ParameterTable, path: &str, name: &str) -> Result<&'static str> {
    READOUTS
        .iter()
        .find(|readout| readout.name == name)
        .map(|readout| readout.unit)
        .ok_or_else(|| {
            let known = READOUTS.iter().map(|readout| readout.name);
            Error::unknown_name(table.place(path), "readout", name, known)
        })
}

/// A number of a readout in the readout's unit; the internal unit of time is the hour.
fn read_readout(
    table: &ParameterTable,
    reader: &Reader<'_>,
    path: &str,
    name: &str,
    burden: &str,
) -> Result<f64> {
    let unit = match readout_unit(table, path, name)? {
        "burden" => burden,
        unit => unit,
    };
    reader.read(path, unit, Domain::NonNegative)
}

fn read_windows(table: &ParameterTable, reader: &Reader<'_>, burden: &str) -> Result<Vec<Window>> {
    let mut windows = Vec::new();
    for name in names_below(table, "plausible") {
        let end = |last: &str, open: f64| {
            let path = format!("plausible.{name}.{last}");
            if reader.has(&path) {
                read_readout(table, reader, &path, &name, burden)
            } else {
                Ok(open)
            }
        };
        let limits = (end("low", f64::NEG_INFINITY)?, end("high", f64::INFINITY)?);
        if limits.0 >= limits.1 {
            return Err(Error::input(
                table.place(&format!("plausible.{name}.low")),
                format!("no {name} lies between {} and {}", limits.0, limits.1),
                "give a low end below the high one",
            ));
        }
        windows.push(Window {
            readout: name,
            limits,
        });
    }
    Ok(windows)
}

fn read_prevalence(
    table: &ParameterTable,
    reader: &Reader<'_>,
    burden: &str,
) -> Result<Vec<Prevalence>> {
    let mut all = Vec::new();
    for readout in names_below(table, "prevalence") {
        let mut kinds = Vec::new();
        for name in names_below(table, &format!("prevalence.{readout}")) {
            let path = |last: &str| format!("prevalence.{readout}.{name}.{last}");
            let below = if reader.has(&path("below")) {
                read_readout(table, reader, &path("below"), &readout, burden)?
            } else {
                f64::INFINITY
            };
            let part = reader.read(&path("part"), "1", Domain::Fraction)?;
            kinds.push(Kind { name, below, part });
        }
        kinds.sort_by(|a, b| a.below.total_cmp(&b.below));
        let open = kinds.iter().filter(|kind| kind.below.is_infinite()).count();
        let total: f64 = kinds.iter().map(|kind| kind.part).sum();
        if open != 1 || (total - 1.0).abs() > 0.005 {
            return Err(Error::input(
                table.place(&format!("prevalence.{readout}")),
                format!(
                    "the parts of the kinds add up to {total}, and {open} of them are open above"
                ),
                "give parts that add up to 1, and `below` for every kind but the highest",
            ));
        }
        all.push(Prevalence { readout, kinds });
    }
    Ok(all)
}
