//! From names to a problem: setting, arm, regimen, phenotype, variant, mode, overrides.

use super::integrator::Accuracy;
use super::run::Problem;
use super::template::{Template, partner_path};
use crate::error::{Error, Result};
use crate::parameters::{Library, ParameterTable, bounds};
use crate::regimen::{Arm, Course, Mode, OxygenStep, PartnerDrug, PlausibleDose, Regimen};
use crate::units::Quantity;

/// What an experiment holds in place during the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hold {
    /// pO2 of the tumour as in the untreated tumour.
    UntreatedOxygen,
    /// pO2 of the tumour, mmHg.
    Oxygen(f64),
    /// HIF-2a/HIF-1a and the regulator of the switch.
    SwitchIndex,
}

/// What is to be simulated, by names.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// `culture`, `xenograft` or `patient`.
    pub setting: String,
    /// Drugs.
    pub arm: Arm,
    /// Name of the regimen; `None`: the setting's own.
    pub regimen: Option<String>,
    /// Name of the tumour phenotype; `None`: parental.
    pub phenotype: Option<String>,
    /// Name of the model variant; `None`: the full model.
    pub variant: Option<String>,
    /// How partner effects are determined.
    pub mode: Mode,
    /// Length of the run instead of the regimen's, h.
    pub duration: Option<f64>,
    /// Times at which arms are compared instead of the regimen's, h, the main one first.
    pub evaluations: Vec<f64>,
    /// Amount of every sorafenib dose instead of the regimen's.
    pub dose: Option<Quantity>,
    /// Time by which all partner courses are shifted, h.
    pub partner_lag: f64,
    /// Parameters set by the user: path and quantity ("hif.haf_loss", "1.1 1/h"); paths of a partner
    /// begin with `partner.NAME.`.
    pub overrides: Vec<(String, String)>,
    /// Parameters that hold for the pre-treatment too, in every setting that has them.
    pub background: Vec<(String, String)>,
    /// Parameters that change when the run starts; the untreated baseline is without them.
    pub interventions: Vec<(String, String)>,
    /// pO2 of the medium instead of the regimen's, mmHg (culture).
    pub oxygen: Option<f64>,
    /// What is held in place.
    pub hold: Option<Hold>,
}

const PARENTAL: &str = "parental";

/// Path of the length of the pre-treatment of a phenotype.
const PRETREATMENT: &str = "pretreatment.duration";

impl Scenario {
    /// The shipped default of a setting for an arm.
    pub fn new(setting: &str, arm: Arm) -> Self {
        Self {
            setting: setting.to_owned(),
            arm,
            regimen: None,
            phenotype: None,
            variant: None,
            mode: Mode::default(),
            duration: None,
            evaluations: Vec::new(),
            dose: None,
            partner_lag: 0.0,
            overrides: Vec::new(),
            background: Vec::new(),
            interventions: Vec::new(),
            oxygen: None,
            hold: None,
        }
    }

    /// The same scenario for another arm.
    pub fn with_arm(&self, arm: Arm) -> Self {
        Self {
            arm,
            ..self.clone()
        }
    }

    /// Setting, arm and what differs from the default, for messages and file names.
    pub fn label(&self) -> String {
        let mut label = format!("{} {}", self.setting, self.arm);
        let extras = [&self.regimen, &self.phenotype, &self.variant];
        for extra in extras.into_iter().flatten() {
            label.push(' ');
            label.push_str(extra);
        }
        for (path, value) in &self.overrides {
            label.push_str(&format!(" {path}={value}"));
        }
        label
    }

    /// The merged parameters of biology, setting, phenotype, variant and overrides.
    ///
    /// # Errors
    /// An unknown name, or a file or override that cannot be used.
    pub fn parameters(&self, library: &Library) -> Result<ParameterTable> {
        let mut table = self.shipped(library)?;
        self.override_with(library, &mut table)?;
        Ok(table)
    }

    /// The merged parameters without overrides.
    fn shipped(&self, library: &Library) -> Result<ParameterTable> {
        let mut table = library.table("", "biology", "params")?;
        table.overlay(&library.table("settings", &self.setting, "--setting")?);
        let layers = [
            ("phenotypes", &self.phenotype, "--phenotype"),
            ("variants", &self.variant, "--variant"),
        ];
        for (folder, name, place) in layers {
            if let Some(name) = name {
                let over = library.table(folder, name, place)?;
                check_known(library, &over)?;
                table.override_existing(&over);
            }
        }
        for (path, value) in &self.background {
            if table.number(path).is_some() {
                table.set(path, value)?;
            }
        }
        Ok(table)
    }

    fn override_with(&self, library: &Library, table: &mut ParameterTable) -> Result<()> {
        for (path, value) in &self.overrides {
            match partner_path(path) {
                // Checked here even for arms without this partner.
                Some((partner, key)) => {
                    let mut own = library.table("partners", partner, &format!("--set {path}"))?;
                    own.set(key, value)?;
                    PartnerDrug::from_table(&own, partner, &self.setting, self.mode, None)?;
                }
                None => table.set(path, value)?,
            }
        }
        Ok(())
    }

    /// The regimen with the scenario's duration, dose and lag.
    ///
    /// # Errors
    /// An unknown regimen, or one of another setting; a dose whose unit or size does not fit the setting; a time
    /// beyond [`bounds::DURATION`].
    pub fn regimen(&self, library: &Library, table: &ParameterTable) -> Result<Regimen> {
        let mut regimen = self.read_regimen(library, table)?;
        self.alter(&mut regimen, library, table)?;
        Ok(regimen)
    }

    fn read_regimen(&self, library: &Library, table: &ParameterTable) -> Result<Regimen> {
        let name = match &self.regimen {
            Some(name) => name.as_str(),
            None => table.text("default_regimen").ok_or_else(|| {
                Error::input(
                    format!("setting `{}`, key `default_regimen`", self.setting),
                    "the text is missing",
                    "name a file of params/regimens",
                )
            })?,
        };
        let regimen = Regimen::read(library, name, "--regimen")?;
        if regimen.setting != self.setting {
            return Err(Error::input(
                format!("--regimen {name}"),
                format!(
                    "the regimen is made for the setting `{}`, the run is `{}`",
                    regimen.setting, self.setting
                ),
                format!(
                    "choose one of: {}",
                    library
                        .names("regimens")
                        .into_iter()
                        .filter(|name| name.starts_with(&self.setting))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ));
        }
        Ok(regimen)
    }

    /// Puts the scenario's duration, dose, oxygen and lag in place of the regimen's; gives what is to be said of doses.
    fn alter(
        &self,
        regimen: &mut Regimen,
        library: &Library,
        table: &ParameterTable,
    ) -> Result<Vec<String>> {
        if let Some(duration) = self.duration {
            regimen.duration = duration;
        }
        bounds::time(
            regimen.duration,
            format!("{}, length of the run", self.label()),
        )?;
        if !self.evaluations.is_empty() {
            regimen.evaluations.clone_from(&self.evaluations);
        }
        if let Some(dose) = &self.dose {
            if regimen.sorafenib.is_empty() {
                return Err(Error::input(
                    format!("--dose {dose}"),
                    format!("the regimen `{}` gives no sorafenib", regimen.name),
                    "leave the dose out, or choose another regimen",
                ));
            }
            for course in &mut regimen.sorafenib {
                course.amount = Some(dose.clone());
                course.loading = None;
                course.place = format!("--dose {dose}");
            }
        }
        if let Some(oxygen) = self.oxygen {
            regimen.hold_oxygen(oxygen);
        }
        check_surroundings(regimen, table)?;
        bounds::time(
            self.partner_lag,
            format!("--partner-lag {} h", self.partner_lag),
        )?;
        if self.partner_lag > 0.0 {
            regimen.lag_partners(self.partner_lag);
        }
        match PlausibleDose::read(library, table, &self.setting)? {
            Some(plausible) => plausible.check_regimen(regimen),
            None => Ok(Vec::new()),
        }
    }

    /// What is to be said of numbers that are possible but not plausible: parameters of the user's outside their range,
    /// doses that nobody was given.
    ///
    /// # Errors
    /// As [`parameters`](Self::parameters) and [`regimen`](Self::regimen).
    pub fn implausible(&self, library: &Library) -> Result<Vec<String>> {
        let mut table = self.shipped(library)?;
        let mut notes = Vec::new();
        for (path, value) in &self.overrides {
            let own = match partner_path(path) {
                Some((partner, key)) => {
                    let table = library.table("partners", partner, &format!("--set {path}"))?;
                    table.beyond(key, value, path)
                }
                None => table.beyond(path, value, path),
            };
            notes.extend(own);
        }
        self.override_with(library, &mut table)?;
        let mut regimen = self.read_regimen(library, &table)?;
        notes.extend(self.alter(&mut regimen, library, &table)?);
        Ok(notes)
    }

    /// Checks that what was asked for has an effect in at least one of some arms.
    ///
    /// # Errors
    /// A dose of sorafenib without sorafenib, or a delay of partners without partner or beyond the end of the run.
    pub fn check_arms(&self, arms: &[Arm], duration: f64) -> Result<()> {
        let names: Vec<String> = arms.iter().map(ToString::to_string).collect();
        let arms_of = |what: &str| format!("no {what} is given in {}", names.join(", "));
        if let Some(dose) = &self.dose
            && !arms.iter().any(|arm| arm.sorafenib)
        {
            return Err(Error::input(
                format!("--dose {dose}"),
                arms_of("sorafenib"),
                "the dose is that of sorafenib: leave it out, or name an arm such as sorafenib",
            ));
        }
        if self.partner_lag > 0.0 && !arms.iter().any(|arm| !arm.partners.is_empty()) {
            return Err(Error::input(
                format!("--partner-lag {} h", self.partner_lag),
                arms_of("partner"),
                "leave it out, or name an arm such as sorafenib+pt2385",
            ));
        }
        if self.partner_lag >= duration {
            return Err(Error::input(
                format!("--partner-lag {} h", self.partner_lag),
                format!("the run ends at {duration} h, before the partner is given"),
                "give a shorter delay, or a longer run with --days",
            ));
        }
        if let Some(late) = self.evaluations.iter().find(|time| **time > duration) {
            return Err(Error::input(
                format!("--evaluate {} d", late / 24.0),
                format!("the run ends on day {}", duration / 24.0),
                "give a day within the run, or a longer run with --days",
            ));
        }
        Ok(())
    }

    /// The partner drugs of the arm.
    ///
    /// # Errors
    /// A partner file that cannot be used.
    pub fn partners(
        &self,
        library: &Library,
        body_weight: Option<f64>,
    ) -> Result<Vec<PartnerDrug>> {
        self.partners_from(&self.partner_tables(library)?, body_weight)
    }

    /// The files of the arm's partners with the overrides that concern them.
    ///
    /// # Errors
    /// An unknown partner, or an override that does not fit.
    pub(super) fn partner_tables(&self, library: &Library) -> Result<Vec<ParameterTable>> {
        let read = |name: &String| {
            let mut table = library.table("partners", name, "partner")?;
            let settings = library.names("settings");
            for (path, entry) in table.numbers() {
                let setting = path
                    .strip_prefix("kinetics.")
                    .and_then(|rest| rest.split('.').next());
                if let Some(unknown) = setting.filter(|setting| !settings.contains(setting)) {
                    let place = format!("{}, key `{path}`", entry.origin);
                    return Err(Error::unknown_name(place, "setting", unknown, settings));
                }
            }
            let prefix = format!("partner.{name}.");
            for (path, value) in &self.overrides {
                if let Some(key) = path.strip_prefix(&prefix) {
                    table.set(key, value)?;
                }
            }
            Ok(table)
        };
        self.arm.partners.iter().map(read).collect()
    }

    /// The partner drugs of the arm from their tables.
    ///
    /// # Errors
    /// A table that cannot be used.
    pub(super) fn partners_from(
        &self,
        tables: &[ParameterTable],
        body_weight: Option<f64>,
    ) -> Result<Vec<PartnerDrug>> {
        let drugs = self.arm.partners.iter().zip(tables);
        drugs
            .map(|(name, table)| {
                PartnerDrug::from_table(table, name, &self.setting, self.mode, body_weight)
            })
            .collect()
    }

    /// Turns names into a problem: reads, checks, solves the baseline, expands the timeline.
    ///
    /// # Errors
    /// Anything that is wrong with names, files or numbers; a baseline that does not exist; a
    /// pre-treatment that fails.
    pub fn prepare(&self, library: &Library) -> Result<Problem> {
        self.prepare_pretreated(library, self.pretreated_fraction(library)?)
    }

    /// Like [`prepare`](Self::prepare) with the resistant part after the phenotype's pre-treatment
    /// known already, from [`pretreated_fraction`](Self::pretreated_fraction).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_pretreated(&self, library: &Library, resistant: Option<f64>) -> Result<Problem> {
        Template::read_pretreated(library, self, resistant)?.problem(&[])
    }

    /// The resistant part with which a phenotype with a `[pretreatment]` starts: that of a parental
    /// tumour after that treatment.
    ///
    /// # Errors
    /// An unknown phenotype, or a pre-treatment that fails.
    pub fn pretreated_fraction(&self, library: &Library) -> Result<Option<f64>> {
        let Some(name) = &self.phenotype else {
            return Ok(None);
        };
        let phenotype = library.table("phenotypes", name, "--phenotype")?;
        let Some(regimen) = phenotype.text("pretreatment.regimen") else {
            return Ok(None);
        };
        let setting = phenotype
            .text("pretreatment.setting")
            .unwrap_or(&self.setting);
        let reader = phenotype.reader();
        let duration = reader.read(PRETREATMENT, "h", crate::parameters::Domain::Positive)?;
        let before = Self {
            setting: setting.to_owned(),
            arm: Arm::sorafenib(),
            regimen: Some(regimen.to_owned()),
            phenotype: Some(PARENTAL.to_owned()),
            duration: Some(duration),
            evaluations: Vec::new(),
            dose: None,
            partner_lag: 0.0,
            overrides: Vec::new(),
            interventions: Vec::new(),
            oxygen: None,
            hold: None,
            ..self.clone()
        };
        let outcome = before
            .prepare(library)?
            .run(&Accuracy::default(), &mut [])?;
        Ok(Some(outcome.end.tumour.resistant_fraction()))
    }
}

/// What a regimen says of the surroundings and of the way of dosing must have an effect in the setting.
fn check_surroundings(regimen: &Regimen, table: &ParameterTable) -> Result<()> {
    let fail = |place: &str, what: &str, why: &str| {
        let problem = format!(
            "{what} has no effect in the setting `{}`: {why}",
            regimen.setting
        );
        Err(Error::input(
            place,
            problem,
            "leave it out, or choose another setting",
        ))
    };
    let name = format!("regimen `{}`", regimen.name);
    let stepped = regimen.oxygen_before.is_some() || !regimen.oxygen.is_empty();
    if table.text("environment") == Some("tumour") && stepped {
        return fail(&name, "the pO2 of a medium", "pO2 follows from the vessels");
    }
    if table.text("exposure.form") != Some("medium") {
        return Ok(());
    }
    for course in &regimen.sorafenib {
        let given = [
            (course.interval.is_some(), "interval"),
            (course.infusion.is_some(), "infusion"),
            (course.loading.is_some(), "loading"),
        ];
        if let Some((_, key)) = given.iter().find(|(given, _)| *given) {
            return fail(
                &course.place,
                &format!("`{key}`"),
                "the medium is held at the concentration",
            );
        }
    }
    Ok(())
}

/// Every path that a phenotype or variant changes must exist in the biology or in some setting.
fn check_known(library: &Library, over: &ParameterTable) -> Result<()> {
    let mut all = library.table("", "biology", "params")?;
    for setting in library.names("settings") {
        all.overlay(&library.table("settings", setting, "--setting")?);
    }
    for (path, entry) in over.numbers() {
        if all.number(path).is_none() && path != PRETREATMENT {
            return Err(Error::unknown_name(
                entry.origin.to_string(),
                "key",
                path,
                all.numbers().map(|(known, _)| known),
            ));
        }
    }
    Ok(())
}

impl Regimen {
    /// Sets the pO2 of the medium from the start on, and before it where the regimen does not change
    /// it.
    fn hold_oxygen(&mut self, oxygen: f64) {
        let before = self.oxygen_before;
        let constant = self
            .oxygen
            .iter()
            .all(|step| before.is_some_and(|before| (step.oxygen - before).abs() < 1e-9));
        if constant {
            self.oxygen_before = Some(oxygen);
        }
        self.oxygen = vec![OxygenStep { at: 0.0, oxygen }];
    }

    /// Shifts all partner courses by `lag` hours; without courses, partners start at `lag`.
    fn lag_partners(&mut self, lag: f64) {
        if self.partner.is_empty() {
            self.partner.push(Course::plain("--partner-lag"));
        }
        for course in &mut self.partner {
            course.start += lag;
            if let Some(stop) = &mut course.stop {
                *stop += lag;
            }
        }
    }
}
