//! Options that every simulating command shares.

use super::Context;
use crate::error::{Error, Result};
use crate::parameters::{Library, bounds};
use crate::regimen::{Arm, Mode};
use crate::simulate::{Accuracy, Scenario};
use crate::units::Quantity;
use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub struct RunOptions {
    /// Length of the run, instead of the regimen's: 28 (days), 4w, 672h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub days: Option<String>,
    /// Time at which arms are compared, as 21 (days) or 3w, repeatable, the main one first; instead of the regimen's
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub evaluate: Vec<String>,
    /// Regimen of params/regimens, instead of the setting's own
    #[arg(long, value_name = "NAME")]
    pub regimen: Option<String>,
    /// Amount of every sorafenib dose, for instance "10 mg/kg" or "5 µM"
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub dose: Option<String>,
    /// Delay of the partner drugs, for instance "7 d"
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub partner_lag: Option<String>,
    /// Tumour phenotype: parental, resistant, switch-prone, hif1-dominant, or a line: plc-prf-5 (as parental), hepg2, hep3b
    #[arg(long, value_name = "NAME")]
    pub phenotype: Option<String>,
    /// Model variant: no_switch, no_direct_hif_block, no_pk_decline, hif2_adverse, shared_arnt
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Partner effects: mechanistic (imposed) or achievable (kinetics and potency)
    #[arg(long, value_name = "MODE", default_value = "mechanistic")]
    pub mode: String,
    /// Set a parameter, with unit: hif.haf_loss="1.1 1/h", partner.pt2385.imposed.hif2_dimerisation="0.7 1"
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Relative tolerance of the integrator [default: 1e-10 for one run, 1e-7 for a comparison]
    #[arg(long, value_name = "NUMBER")]
    pub rtol: Option<f64>,
    /// Repeat every run at rtol/10 by an independent method, and show the differences
    #[arg(long)]
    pub verify: bool,
}

/// Relative tolerance of many runs, as it stands in help texts.
pub const MANY: &str = "1e-7";

impl RunOptions {
    /// The scenario of an arm in a setting.
    pub fn scenario(&self, context: &Context, setting: &str, arm: Arm) -> Result<Scenario> {
        let setting = &context.library.setting(setting, "--setting")?;
        let overrides = overrides(&context.library, &self.set)?;
        let duration = self.days.as_deref().map(|text| days(text, "--days"));
        let evaluations = self
            .evaluate
            .iter()
            .map(|text| days(text, "--evaluate"))
            .collect::<Result<Vec<_>>>()?;
        let scenario = Scenario {
            setting: setting.to_owned(),
            arm,
            regimen: self.regimen.clone(),
            phenotype: self.phenotype.clone(),
            variant: self.variant.clone(),
            mode: Mode::parse(&self.mode, "--mode")?,
            duration: duration.transpose()?,
            evaluations,
            dose: self.dose.as_deref().map(dose).transpose()?,
            partner_lag: match &self.partner_lag {
                Some(text) => bounds::delay(text, None, "--partner-lag")?,
                None => 0.0,
            },
            overrides,
            ..Scenario::new(setting, Arm::vehicle())
        };
        context.warn_of(&scenario)?;
        Ok(scenario)
    }

    /// The scenario of an arm in a setting, each option of which must have an effect.
    pub fn scenario_of(&self, context: &Context, setting: &str, arm: Arm) -> Result<Scenario> {
        let scenario = self.scenario(context, setting, arm)?;
        self.check_arms(context, &scenario, std::slice::from_ref(&scenario.arm))?;
        Ok(scenario)
    }

    /// Checks that what was asked for has an effect in some arms.
    pub fn check_arms(&self, context: &Context, scenario: &Scenario, arms: &[Arm]) -> Result<()> {
        let table = scenario.parameters(&context.library)?;
        let regimen = scenario.regimen(&context.library, &table)?;
        if self.mode != Mode::default().to_string()
            && arms.iter().all(|arm| arm.partners.is_empty())
        {
            context.warn("--mode has no effect: no arm has a partner");
        }
        scenario.check_arms(arms, regimen.duration)
    }

    /// Accuracy of one run.
    pub fn accuracy(&self) -> Result<Accuracy> {
        accuracy(self.rtol.unwrap_or(Accuracy::default().rtol))
    }

    /// Accuracy of a comparison, whose arms are many runs.
    pub fn accuracy_of_many(&self) -> Result<Accuracy> {
        many(self.rtol.unwrap_or(Accuracy::ensemble().rtol))
    }
}

/// Paths and values of `--set`; a partner answers to its usual spellings.
pub fn overrides(library: &Library, texts: &[String]) -> Result<Vec<(String, String)>> {
    let mut all: Vec<(String, String)> = Vec::new();
    for text in texts {
        let place = format!("--set {text}");
        let (path, value) = text.split_once('=').ok_or_else(|| {
            Error::input(
                &place,
                "there is no `=`",
                "write --set path.to.parameter=\"value unit\"",
            )
        })?;
        let path = match path
            .trim()
            .strip_prefix("partner.")
            .and_then(|rest| rest.split_once('.'))
        {
            Some((name, key)) => format!("partner.{}.{key}", library.partner(name, &place)?),
            None => path.trim().to_owned(),
        };
        if all.iter().any(|(known, _)| *known == path) {
            return Err(Error::input(
                place,
                format!("`{path}` is set twice"),
                "set each parameter once",
            ));
        }
        all.push((path, value.trim().to_owned()));
    }
    Ok(all)
}

/// Both sides of `--map`.
pub fn pairs(texts: &[String]) -> Result<Vec<(String, String)>> {
    texts
        .iter()
        .map(|text| match text.split_once('=') {
            Some((left, right)) if !left.trim().is_empty() && !right.trim().is_empty() => {
                Ok((left.trim().to_owned(), right.trim().to_owned()))
            }
            _ => Err(Error::input(
                format!("--map {text}"),
                "this is no pair of names",
                "write --map COLUMN=MEANING, such as --map LAGT=ALAG2 or --map OCC=DROP",
            )),
        })
        .collect()
}

/// The default accuracy at a relative tolerance.
pub fn accuracy(rtol: f64) -> Result<Accuracy> {
    if (1e-12..=1e-2).contains(&rtol) {
        Ok(Accuracy {
            rtol,
            ..Accuracy::default()
        })
    } else {
        Err(Error::input(
            format!("--rtol {rtol}"),
            "the tolerance is out of range",
            "allowed: 1e-12 to 1e-2",
        ))
    }
}

/// The accuracy of many runs, which go in lanes.
pub fn many(rtol: f64) -> Result<Accuracy> {
    Ok(Accuracy {
        rtol: accuracy(rtol)?.rtol,
        ..Accuracy::ensemble()
    })
}

/// A length of time of an option in h; a number alone is in days.
pub fn days(text: &str, option: &str) -> Result<f64> {
    bounds::length(text, Some("d"), option)
}

fn dose(text: &str) -> Result<Quantity> {
    let place = format!("--dose {text}");
    let quantity = Quantity::parse(text).map_err(|error| {
        Error::input(
            &place,
            error.to_string(),
            "give a number with a unit: \"10 mg/kg\"",
        )
    })?;
    if quantity.value < 0.0 {
        return Err(Error::input(
            place,
            "the dose is negative",
            "give 0 or more",
        ));
    }
    Ok(quantity)
}

/// Columns of the terminal; none when output goes elsewhere.
pub fn terminal_width() -> Option<u16> {
    use std::io::IsTerminal;
    std::io::stdout()
        .is_terminal()
        .then(|| comfy_table::Table::new().width())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_those_of_the_library() {
        assert_eq!(MANY.parse(), Ok(Accuracy::ensemble().rtol));
        let one = Accuracy::default().rtol;
        let help = format!("{one:e} for one run, {MANY} for a comparison");
        let mut command = RunOptions::augment_args(clap::Command::new("run"));
        assert!(command.render_long_help().to_string().contains(&help));
    }
}
