//! Which arms the figures show: `params/figures.toml`.

use crate::error::{Error, Result};
use crate::parameters::{Document, Library, toml_error};
use crate::regimen::Arm;
use serde::Deserialize;

/// The selections of `params/figures.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Partner drugs of the phase plane, drawn with sorafenib.
    pub phase_plane: Vec<String>,
    /// Partner drug of the patients' figure.
    pub patient: String,
    /// Arms of withdrawal and re-treatment.
    pub withdrawal: Vec<Arm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    phase_plane: RawPartners,
    patient: RawPartner,
    withdrawal: RawArms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPartners {
    partners: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPartner {
    partner: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArms {
    arms: Vec<String>,
}

impl Selection {
    /// Reads `figures.toml` of a library.
    ///
    /// # Errors
    /// A missing file, an unknown key, or a drug that the library does not have.
    pub fn read(library: &Library) -> Result<Self> {
        Self::parse(library.document("", "figures", "params")?, library)
    }

    fn parse(document: &Document, library: &Library) -> Result<Self> {
        let origin = &document.origin;
        let raw: Raw = toml::from_str(&document.text)
            .map_err(|error| toml_error(origin, &document.text, &error))?;
        for name in &raw.phase_plane.partners {
            known_partner(
                library,
                name,
                &format!("{origin}, key `phase_plane.partners`"),
            )?;
        }
        known_partner(
            library,
            &raw.patient.partner,
            &format!("{origin}, key `patient.partner`"),
        )?;
        let place = format!("{origin}, key `withdrawal.arms`");
        let withdrawal = raw
            .withdrawal
            .arms
            .iter()
            .map(|arm| Arm::parse(arm, library, &place))
            .collect::<Result<Vec<_>>>()?;
        if withdrawal.is_empty() {
            return Err(Error::input(
                place,
                "no arm is named",
                "name one, such as \"sorafenib\"",
            ));
        }
        Ok(Self {
            phase_plane: raw.phase_plane.partners,
            patient: raw.patient.partner,
            withdrawal,
        })
    }

    /// The arms for the `withdrawal` argument of [`overview`](crate::study::overview).
    pub fn withdrawal_arms(&self) -> &[Arm] {
        &self.withdrawal
    }
}

fn known_partner(library: &Library, name: &str, place: &str) -> Result<()> {
    let known = library.names("partners");
    if known.contains(&name) {
        return Ok(());
    }
    Err(Error::unknown_name(place, "partner", name, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Selection> {
        let document = Document {
            origin: "figures.toml".to_owned(),
            text: text.to_owned(),
        };
        Selection::parse(&document, &Library::shipped())
    }

    #[test]
    fn the_shipped_selection_is_valid() {
        let selection = Selection::read(&Library::shipped()).expect("valid");
        assert!(selection.withdrawal_arms().contains(&Arm::sorafenib()));
    }

    #[test]
    fn unknown_partners_and_keys_are_named() {
        let text = |partner: &str, extra: &str| {
            format!(
                "[phase_plane]\npartners = [\"{partner}\"]\n[patient]\npartner = \"pt2385\"\n\
                 [withdrawal]\narms = [\"sorafenib\"]\n{extra}"
            )
        };
        assert!(parse(&text("pt2385", "")).is_ok());
        let error = parse(&text("pt2358", ""))
            .expect_err("unknown partner")
            .to_string();
        assert!(
            error.contains("phase_plane.partners") && error.contains("`pt2385`"),
            "{error}"
        );
        let error = parse(&text("pt2385", "armss = []\n"))
            .expect_err("unknown key")
            .to_string();
        assert!(error.contains("figures.toml:7"), "{error}");
    }
}
