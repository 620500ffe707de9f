//! What is known of an exported model beside its equations: title, sources, grades.

use crate::error::Result;
use crate::model::PARTNER_SLOTS;
use crate::parameters::{Entry, Library, ParameterTable, Reference};
use crate::simulate::Scenario;
use std::collections::BTreeMap;

/// Title, description and the sources of the numbers.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// Identifier of the model.
    pub id: String,
    /// Title.
    pub title: String,
    /// What the run is, in sentences.
    pub description: Vec<String>,
    /// NCBI taxon of the host: 9606 man, 10090 mouse.
    pub taxon: u32,
    /// Unit of burden.
    pub burden_unit: String,
    /// Entries of the parameter files by path of the parameter in the model.
    pub entries: BTreeMap<String, Entry>,
    /// References by key.
    pub references: BTreeMap<String, Reference>,
}

impl Background {
    /// The background of a scenario.
    ///
    /// # Errors
    /// A file or override that cannot be used.
    pub fn of(scenario: &Scenario, library: &Library) -> Result<Self> {
        let table = scenario.parameters(library)?;
        let mut entries: BTreeMap<String, Entry> = table
            .numbers()
            .map(|(path, entry)| (path.to_owned(), entry.clone()))
            .collect();
        for (slot, name) in scenario.arm.partners.iter().enumerate().take(PARTNER_SLOTS) {
            let mut partner = library.table("partners", name, "--arm")?;
            let prefix = format!("partner.{name}.");
            for (path, value) in &scenario.overrides {
                if let Some(key) = path.strip_prefix(&prefix) {
                    partner.set(key, value)?;
                }
            }
            entries.extend(partner_entries(&partner, slot + 1, &scenario.setting));
        }
        Ok(Self {
            id: "hif_switch".to_owned(),
            title: format!(
                "HIF switch in hepatocellular carcinoma: {}",
                scenario.label()
            ),
            description: vec![
                "Sorafenib, hypoxia and the HIF-1a to HIF-2a switch in hepatocellular carcinoma."
                    .to_owned(),
                format!(
                    "Setting {}, arm {}, {} partner effects. The initial values are the untreated \
                     baseline after the events at time 0; doses are the amounts absorbed.",
                    scenario.setting, scenario.arm, scenario.mode
                ),
                format!(
                    "Written by hif-switch {}. For research; not for decisions about patients.",
                    env!("CARGO_PKG_VERSION")
                ),
            ],
            taxon: if scenario.setting == "xenograft" {
                10090
            } else {
                9606
            },
            burden_unit: table.text("burden_unit").unwrap_or("1").to_owned(),
            entries,
            references: library.references()?,
        })
    }

    /// Value as written, grade, source and note of an entry, one line each.
    pub fn provenance(&self, path: &str) -> Vec<String> {
        let Some(entry) = self.entries.get(path) else {
            return Vec::new();
        };
        let value = entry
            .value
            .map_or_else(String::new, |value| format!("{value} {}", entry.unit));
        let mut lines = vec![format!("{value}, {} ({})", entry.grade, entry.origin)];
        if let Some(key) = &entry.source {
            lines.push(format!("Source: {}", self.citation(key)));
        }
        lines.extend(entry.note.clone());
        lines
    }

    /// The reference behind a key, with its DOI.
    pub fn citation(&self, key: &str) -> String {
        let Some(reference) = self.references.get(key) else {
            return key.to_owned();
        };
        match &reference.doi {
            Some(doi) => format!("{}, doi:{doi}", reference.citation),
            None => reference.citation.clone(),
        }
    }
}

/// The numbers of a partner's file under the paths that they have in the model.
fn partner_entries(
    table: &ParameterTable,
    number: usize,
    setting: &str,
) -> BTreeMap<String, Entry> {
    let kinetics = format!("kinetics.{setting}.");
    let in_model = |path: &str| {
        if let Some(key) = path.strip_prefix(&kinetics) {
            return Some(format!("kinetics.{key}"));
        }
        if let Some(key) = path.strip_prefix("molecule.") {
            return Some(key.to_owned());
        }
        if let Some(potency) = path.strip_prefix("potency.") {
            let (node, kind) = potency.split_once('.')?;
            return Some(format!("{kind}.{node}"));
        }
        path.starts_with("imposed.").then(|| path.to_owned())
    };
    table
        .numbers()
        .filter_map(|(path, entry)| {
            Some((
                format!("partner{number}.{}", in_model(path)?),
                entry.clone(),
            ))
        })
        .collect()
}
