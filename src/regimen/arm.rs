//! Arms of a comparison, by name: `vehicle`, `sorafenib`, `NAME`, `sorafenib+NAME(+NAME)`.

use crate::error::{Error, Result};
use crate::model::PARTNER_SLOTS;
use crate::parameters::{Aliases, Library};

/// The drugs of an arm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arm {
    /// Whether sorafenib is given.
    pub sorafenib: bool,
    /// Names of the partner drugs, at most [`PARTNER_SLOTS`].
    pub partners: Vec<String>,
}

impl Arm {
    /// No drug at all.
    pub fn vehicle() -> Self {
        Self {
            sorafenib: false,
            partners: Vec::new(),
        }
    }

    /// Sorafenib alone.
    pub fn sorafenib() -> Self {
        Self {
            sorafenib: true,
            partners: Vec::new(),
        }
    }

    /// One partner alone.
    pub fn partner(name: &str) -> Self {
        Self {
            sorafenib: false,
            partners: vec![name.to_owned()],
        }
    }

    /// Sorafenib with one partner.
    pub fn combination(name: &str) -> Self {
        Self {
            sorafenib: true,
            partners: vec![name.to_owned()],
        }
    }

    /// The arms of each of its drugs alone.
    pub fn drugs_alone(&self) -> Vec<Self> {
        let sorafenib = self.sorafenib.then(Self::sorafenib);
        let partners = self.partners.iter().map(|name| Self::partner(name));
        sorafenib.into_iter().chain(partners).collect()
    }

    /// Reads an arm by name, or by usual spellings (`placebo`, `Sorafenib + PT-2385`), and checks it against the partners of
    /// the library.
    ///
    /// # Errors
    /// An unknown partner (with the nearest), a drug named twice, vehicle beside a drug, or too many partners.
    pub fn parse(text: &str, library: &Library, place: &str) -> Result<Self> {
        let mut arm = Self::vehicle();
        let mut vehicle = false;
        for given in text.split('+').map(str::trim) {
            let name = drug(given, library, place)?;
            let twice = match name.as_str() {
                VEHICLE => std::mem::replace(&mut vehicle, true),
                SORAFENIB => std::mem::replace(&mut arm.sorafenib, true),
                partner => arm.partners.iter().any(|known| known == partner),
            };
            if twice {
                return Err(Error::input(
                    place,
                    format!("`{name}` stands twice in the arm `{text}`"),
                    "name each drug once",
                ));
            }
            if name != VEHICLE && name != SORAFENIB {
                arm.partners.push(name);
            }
        }
        if vehicle && arm != Self::vehicle() {
            return Err(Error::input(
                place,
                format!("the arm `{text}` has vehicle beside a drug"),
                "name vehicle alone, or the drugs",
            ));
        }
        if arm.partners.len() > PARTNER_SLOTS {
            return Err(Error::input(
                place,
                format!("the arm `{text}` has {} partners", arm.partners.len()),
                format!("at most {PARTNER_SLOTS} can be given with sorafenib"),
            ));
        }
        Ok(arm)
    }
}

const VEHICLE: &str = "vehicle";
const SORAFENIB: &str = "sorafenib";

/// The name of a drug, or of vehicle, by one of its spellings.
fn drug(text: &str, library: &Library, place: &str) -> Result<String> {
    let exact = [VEHICLE, SORAFENIB]
        .into_iter()
        .chain(library.names("partners"));
    if exact.into_iter().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let table = library.table("", "aliases", "params")?;
    let list = |name: &str| table.list(name).unwrap_or_default();
    let others = [(VEHICLE, list(VEHICLE)), (SORAFENIB, list(SORAFENIB))];
    let drugs = Aliases::read(library, "partners", "drug", &others)?;
    Ok(drugs.resolve(text, place)?.to_owned())
}

impl std::fmt::Display for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.sorafenib && self.partners.is_empty() {
            return f.write_str(VEHICLE);
        }
        let names: Vec<&str> = self
            .sorafenib
            .then_some(SORAFENIB)
            .into_iter()
            .chain(self.partners.iter().map(String::as_str))
            .collect();
        f.write_str(&names.join("+"))
    }
}
