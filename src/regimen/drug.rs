//! A partner drug as its file describes it.

use super::Course;
use crate::error::{Error, Result};
use crate::model::partner::{
    NODES, Nodes, Partner, PartnerAction, PartnerCompartment, PartnerKinetics,
};
use crate::parameters::{Domain, ParameterTable, Reader};
use std::collections::BTreeSet;

/// How a partner's effect is determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Node fractions imposed while the partner is given: what the mechanism could do.
    #[default]
    Mechanistic,
    /// Kinetics and potency: what the doses that can be given do.
    AchievableExposure,
}

impl Mode {
    /// Names on the command line.
    pub const NAMES: [&'static str; 2] = ["mechanistic", "achievable"];

    /// Reads a mode by name.
    ///
    /// # Errors
    /// An unknown name.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        match text {
            "mechanistic" => Ok(Self::Mechanistic),
            "achievable" => Ok(Self::AchievableExposure),
            other => Err(Error::unknown_name(place, "mode", other, Self::NAMES)),
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mechanistic => "mechanistic",
            Self::AchievableExposure => "achievable",
        })
    }
}

/// A partner's own dosing in a setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dosing {
    /// A held total concentration, nM; `None` where it is unknown.
    Held(Option<f64>),
    /// Oral doses.
    Oral {
        /// Amount per dose, mg.
        amount: f64,
        /// Interval, h.
        interval: f64,
    },
}

/// What a partner's file says, resolved for a setting and a mode.
#[derive(Debug, Clone)]
pub struct PartnerDrug {
    /// Name of file and arm.
    pub name: String,
    /// Name in full.
    pub title: String,
    /// `hif1`, `hif2`, `dual` or `upstream`.
    pub class: String,
    /// Number in the reference list of Zeng et al. 2021; `None` for the extras.
    pub review_reference: Option<u32>,
    /// Kinetics and action for the model.
    pub partner: Partner<f64>,
    /// Its own dosing.
    pub dosing: Dosing,
    /// Concentration that works in vitro, nM.
    pub needed: Option<f64>,
    /// Concentration that is reached in patients or animals, nM.
    pub achievable: Option<f64>,
    /// What its effect needs in this setting and mode and its file does not know.
    unknown: Vec<Gap>,
    /// The same of a held exposure, which a regimen may give instead.
    unknown_exposure: Option<Gap>,
}

/// A number that is not known.
#[derive(Debug, Clone, PartialEq)]
struct Gap {
    /// In a few words: `potency on ampk`.
    what: String,
    /// File, line and key.
    place: String,
    /// Path and quantity with which it could be given.
    example: String,
}

/// Numbers of the kinetics of a partner, in every form.
const KINETICS: [&str; 6] = [
    "absorption_rate",
    "half_life",
    "volume",
    "dose",
    "interval",
    "concentration",
];

const CLASSES: [&str; 4] = ["hif1", "hif2", "dual", "upstream"];

impl PartnerDrug {
    /// The partner of a table for a setting (`culture`, `xenograft`, `patient`); `body_weight` in kg.
    ///
    /// # Errors
    /// An unknown class or form; a number that cannot be used; a key that nothing uses.
    pub fn from_table(
        table: &ParameterTable,
        name: &str,
        setting: &str,
        mode: Mode,
        body_weight: Option<f64>,
    ) -> Result<Self> {
        let reader = table.reader();
        let text = |key: &str| {
            table.text(key).map(str::to_owned).ok_or_else(|| {
                Error::input(
                    format!("partner `{name}`, key `{key}`"),
                    "the text is missing",
                    "see the shipped partner files (`hif-switch params export DIR`)",
                )
            })
        };
        let class = text("class")?;
        if !CLASSES.contains(&class.as_str()) {
            return Err(Error::unknown_name(
                format!("partner `{name}`, key `class`"),
                "class",
                &class,
                CLASSES,
            ));
        }
        let imposed = read_nodes(&reader, "imposed", "", "1")?;
        let emax = read_nodes(&reader, "potency", ".emax", "1")?;
        let ec50 = read_nodes(&reader, "potency", ".ec50", "nM")?;
        let needed = reader.read_known("exposure.needed", "nM", Domain::Positive)?;
        let achievable = reader.read_known("exposure.achievable", "nM", Domain::Positive)?;

        let gap = |what: String, path: &str, unit: &str| Gap {
            what,
            place: match table.number(path) {
                Some(entry) => format!("{}, key `{path}`", entry.origin),
                None => format!("partner `{name}`, key `{path}`"),
            },
            example: format!("partner.{name}.{path}=1 {unit}"),
        };
        let mut unknown = Vec::new();
        let (kinetics, dosing) = match mode {
            Mode::Mechanistic => (PartnerKinetics::Held, Dosing::Held(None)),
            Mode::AchievableExposure => match body_weight {
                None => (PartnerKinetics::Held, Dosing::Held(achievable)),
                Some(weight) => read_kinetics(table, &reader, name, setting, weight)
                    .map_err(|error| of_partner(error, name))?,
            },
        };
        let unknown_exposure = (mode == Mode::AchievableExposure && dosing == Dosing::Held(None))
            .then(|| {
                let path = match body_weight {
                    None => "exposure.achievable".to_owned(),
                    Some(_) => format!("kinetics.{setting}.concentration"),
                };
                gap("exposure".to_owned(), &path, "nM")
            });
        // Nodes that neither table names stay untouched; a node of unknown effect is not one of no effect.
        for (i, node) in Nodes::NAMES.iter().enumerate() {
            let imposed_path = format!("imposed.{node}");
            let (emax_path, ec50_path) = (
                format!("potency.{node}.emax"),
                format!("potency.{node}.ec50"),
            );
            let acts = [&imposed_path, &emax_path, &ec50_path];
            if !acts.into_iter().any(|path| reader.has(path)) {
                continue;
            }
            let missing = match mode {
                Mode::Mechanistic if reader.has(&imposed_path) && imposed[i].is_none() => {
                    Some((imposed_path, "1", "effect"))
                }
                Mode::Mechanistic => None,
                Mode::AchievableExposure => match (emax[i], ec50[i]) {
                    (None, _) => Some((emax_path, "1", "potency")),
                    (Some(emax), None) if emax > 0.0 => Some((ec50_path, "nM", "potency")),
                    _ => None,
                },
            };
            if let Some((path, unit, what)) = missing {
                unknown.push(gap(format!("{what} on {node}"), &path, unit));
            }
        }
        let action = match mode {
            Mode::Mechanistic => PartnerAction::Imposed(fill(&imposed, 0.0)),
            Mode::AchievableExposure => PartnerAction::Potency {
                emax: fill(&emax, 0.0),
                ec50: fill(&ec50, 1.0),
            },
        };
        // What a run does not use must be right all the same: a slip would wait for another setting.
        for other in described_settings(table) {
            read_kinetics(table, &reader, name, other, body_weight.unwrap_or(1.0))
                .map_err(|error| of_partner(error, name))?;
        }
        let unbound_fraction =
            reader.read_known("molecule.unbound_fraction", "1", Domain::Fraction)?;
        // Potencies in culture refer to the concentration in the medium.
        let bound = body_weight.is_some() && mode == Mode::AchievableExposure;
        if bound && unbound_fraction.is_none() {
            let path = "molecule.unbound_fraction";
            unknown.push(gap("unbound fraction".to_owned(), path, "1"));
        }
        let drug = Self {
            name: name.to_owned(),
            title: text("title")?,
            class,
            review_reference: table.text("review_reference").and_then(|t| t.parse().ok()),
            partner: Partner {
                kinetics,
                action,
                molar_mass: reader.read("molecule.molar_mass", "g/mol", Domain::Positive)?,
                unbound_fraction: match body_weight {
                    None => 1.0,
                    Some(_) => unbound_fraction.unwrap_or(1.0),
                },
            },
            dosing,
            needed,
            achievable,
            unknown,
            unknown_exposure,
        };
        reader.skip("kinetics.", &KINETICS);
        reader.finish()?;
        Ok(drug)
    }

    /// Refuses a partner whose effect under some courses is not known: unknown is not zero.
    ///
    /// # Errors
    /// [`Error::Unknown`], with everything that is missing.
    pub fn demand_known(&self, courses: &[Course]) -> Result<()> {
        let given = !courses.is_empty() && courses.iter().all(|course| course.amount.is_some());
        let exposure = self.unknown_exposure.iter().filter(|_| !given);
        let gaps: Vec<&Gap> = self.unknown.iter().chain(exposure).collect();
        let Some(first) = gaps.first() else {
            return Ok(());
        };
        let mut what = String::new();
        for gap in &gaps {
            let (kind, node) = gap.what.split_once(" on ").unwrap_or((&gap.what, ""));
            // `potency on ampk and akt_survival`, not the word again for each node.
            match what.rsplit(", ").next() {
                None | Some("") => what += &gap.what,
                Some(last) if !node.is_empty() && last.starts_with(kind) => {
                    what += &format!(" and {node}");
                }
                _ => what += &format!(", {}", gap.what),
            }
        }
        let examples: Vec<String> = gaps
            .iter()
            .map(|gap| format!("--set \"{}\"", gap.example))
            .collect();
        Err(Error::Unknown {
            place: first.place.clone(),
            what,
            remedy: format!(
                "give your own number ({}), impose the effect with --mode mechanistic, or compare it with other arms, \
                 where it is shown as unknown",
                examples.join(" ")
            ),
        })
    }

    /// Concentration that works in vitro over the one that is reached; above 1 the drug cannot
    /// reach it.
    pub fn exposure_gap(&self) -> Option<f64> {
        Some(self.needed? / self.achievable?)
    }

    /// Which concentration is not known where [`exposure_gap`](Self::exposure_gap) is none.
    pub fn unknown_concentration(&self) -> Option<&'static str> {
        match (self.needed, self.achievable) {
            (Some(_), Some(_)) => None,
            (None, Some(_)) => Some("needed concentration"),
            (Some(_), None) => Some("reached concentration"),
            (None, None) => Some("needed and reached concentration"),
        }
    }
}

/// An unknown number of a partner's file with the path by which `--set` gives it.
fn of_partner(error: Error, name: &str) -> Error {
    match error {
        Error::Unknown {
            place,
            what,
            remedy,
        } => Error::Unknown {
            place,
            what,
            remedy: remedy.replace("--set \"", &format!("--set \"partner.{name}.")),
        },
        other => other,
    }
}

type NodeValues = [Option<f64>; NODES];

fn read_nodes(reader: &Reader<'_>, prefix: &str, suffix: &str, unit: &str) -> Result<NodeValues> {
    let mut values = [None; NODES];
    for (value, node) in values.iter_mut().zip(Nodes::NAMES) {
        let path = format!("{prefix}.{node}{suffix}");
        if reader.has(&path) {
            let domain = match unit {
                "nM" => Domain::Positive,
                _ if Nodes::INDUCTIONS.contains(&node) => Domain::NonNegative,
                _ => Domain::Fraction,
            };
            *value = reader.read_known(&path, unit, domain)?;
        }
    }
    Ok(values)
}

fn fill(values: &NodeValues, missing: f64) -> Nodes<f64> {
    Nodes::from_values(values.map(|value| value.unwrap_or(missing)))
}

/// The settings whose kinetics a partner's file describes.
fn described_settings(table: &ParameterTable) -> BTreeSet<&str> {
    let paths = table.numbers().map(|(path, _)| path);
    paths
        .filter_map(|path| path.strip_prefix("kinetics.")?.split('.').next())
        .collect()
}

/// Kinetics and dosing in a setting.
fn read_kinetics(
    table: &ParameterTable,
    reader: &Reader<'_>,
    name: &str,
    setting: &str,
    weight: f64,
) -> Result<(PartnerKinetics<f64>, Dosing)> {
    let prefix = format!("kinetics.{setting}");
    let key = format!("{prefix}.form");
    match table.text(&key) {
        Some("sustained") => {
            let level =
                reader.read_known(&format!("{prefix}.concentration"), "nM", Domain::Positive)?;
            Ok((PartnerKinetics::Held, Dosing::Held(level)))
        }
        Some("one_compartment") => {
            let compartment = PartnerCompartment::read_at(reader, &prefix)?;
            let dose = format!("{prefix}.dose");
            let per_kg = table
                .number(&dose)
                .is_some_and(|entry| entry.unit.ends_with("/kg"));
            let amount = if per_kg {
                reader.read(&dose, "mg/kg", Domain::Positive)? * weight
            } else {
                reader.read(&dose, "mg", Domain::Positive)?
            };
            let interval = reader.read(&format!("{prefix}.interval"), "h", Domain::Positive)?;
            Ok((
                PartnerKinetics::OneCompartment(compartment, weight),
                Dosing::Oral { amount, interval },
            ))
        }
        other => Err(Error::unknown_name(
            format!("partner `{name}`, key `{key}`"),
            "form of kinetics",
            other.unwrap_or("(missing)"),
            ["one_compartment", "sustained"],
        )),
    }
}
