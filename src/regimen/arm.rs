//! Arms of a comparison, by name: `vehicle`, `sorafenib`, `NAME`, `sorafenib+NAME(+NAME)`.

use crate::error::{Error, Result};
use crate::model::PARTNER_SLOTS;
use crate::parameters::Library;

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

    /// Reads an arm by name and checks it against the partners of the library.
    ///
    /// # Errors
    /// An unknown partner (with the nearest), a drug named twice, or too many partners.
    pub fn parse(text: &str, library: &Library, place: &str) -> Result<Self> {
        let known = library.names("partners");
        if text == "vehicle" {
            return Ok(Self::vehicle());
        }
        let mut arm = Self::vehicle();
        for name in text.split('+').map(str::trim) {
            if name == "sorafenib" && !arm.sorafenib {
                arm.sorafenib = true;
            } else if arm.partners.iter().any(|p| p == name) || name == "sorafenib" {
                return Err(Error::input(
                    place,
                    format!("`{name}` stands twice in the arm `{text}`"),
                    "name each drug once",
                ));
            } else if known.contains(&name) {
                arm.partners.push(name.to_owned());
            } else {
                return Err(Error::unknown_name(
                    place,
                    "drug",
                    name,
                    ["vehicle", "sorafenib"].into_iter().chain(known),
                ));
            }
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

impl std::fmt::Display for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.sorafenib && self.partners.is_empty() {
            return f.write_str("vehicle");
        }
        let names: Vec<&str> = self
            .sorafenib
            .then_some("sorafenib")
            .into_iter()
            .chain(self.partners.iter().map(String::as_str))
            .collect();
        f.write_str(&names.join("+"))
    }
}
