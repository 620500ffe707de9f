//! Options that every simulating command shares.

use super::Context;
use crate::error::{Error, Result};
use crate::regimen::{Arm, Mode};
use crate::simulate::{Accuracy, Scenario};
use crate::units::Quantity;
use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub struct RunOptions {
    /// Length of the run in days, instead of the regimen's
    #[arg(long, value_name = "DAYS", allow_hyphen_values = true)]
    pub days: Option<f64>,
    /// Day at which arms are compared, repeatable, the main one first; instead of the regimen's
    #[arg(long, value_name = "DAY", allow_hyphen_values = true)]
    pub evaluate: Vec<f64>,
    /// Regimen of params/regimens, instead of the setting's own
    #[arg(long, value_name = "NAME")]
    pub regimen: Option<String>,
    /// Amount of every sorafenib dose, for instance "10 mg/kg" or "5 µM"
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub dose: Option<String>,
    /// Delay of the partner drugs, for instance "7 d"
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub partner_lag: Option<String>,
    /// Tumour phenotype: parental, resistant, switch-prone, hif1-dominant
    #[arg(long, value_name = "NAME")]
    pub phenotype: Option<String>,
    /// Model variant: no_switch, no_direct_hif_block, no_pk_decline, hif2_adverse
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Partner effects: mechanistic (imposed) or achievable (kinetics and potency)
    #[arg(long, value_name = "MODE", default_value = "mechanistic")]
    pub mode: String,
    /// Set a parameter, with unit: hif.haf_loss="1.1 1/h", partner.pt2385.imposed.hif2_dimerisation="0.7 1"
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Relative tolerance of the integrator
    #[arg(long, value_name = "NUMBER", default_value_t = Accuracy::default().rtol)]
    pub rtol: f64,
    /// Repeat every run at rtol/10 and with an independent method, and show the differences
    #[arg(long)]
    pub verify: bool,
}

impl RunOptions {
    /// The scenario of an arm in a setting.
    pub fn scenario(&self, context: &Context, setting: &str, arm: Arm) -> Result<Scenario> {
        let settings = context.library.names("settings");
        if !settings.contains(&setting) {
            return Err(Error::unknown_name(
                "--setting",
                "setting",
                setting,
                settings,
            ));
        }
        let overrides = overrides(&self.set)?;
        let duration = self.days.map(|days| hours(days, "--days")).transpose()?;
        let evaluations = self
            .evaluate
            .iter()
            .map(|day| hours(*day, "--evaluate"))
            .collect::<Result<Vec<_>>>()?;
        Ok(Scenario {
            setting: setting.to_owned(),
            arm,
            regimen: self.regimen.clone(),
            phenotype: self.phenotype.clone(),
            variant: self.variant.clone(),
            mode: Mode::parse(&self.mode, "--mode")?,
            duration,
            evaluations,
            dose: self.dose.as_deref().map(dose).transpose()?,
            partner_lag: match &self.partner_lag {
                Some(text) => time(text, "--partner-lag")?,
                None => 0.0,
            },
            overrides,
            ..Scenario::new(setting, Arm::vehicle())
        })
    }

    /// Accuracy of the integrator.
    pub fn accuracy(&self) -> Result<Accuracy> {
        accuracy(self.rtol)
    }
}

/// Paths and values of `--set`.
pub fn overrides(texts: &[String]) -> Result<Vec<(String, String)>> {
    texts
        .iter()
        .map(|text| {
            let (path, value) = text.split_once('=').ok_or_else(|| {
                Error::input(
                    format!("--set {text}"),
                    "there is no `=`",
                    "write --set path.to.parameter=\"value unit\"",
                )
            })?;
            Ok((path.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
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

/// A positive number of days in h.
pub fn hours(days: f64, option: &str) -> Result<f64> {
    if days.is_finite() && days > 0.0 {
        Ok(days * 24.0)
    } else {
        Err(Error::input(
            format!("{option} {days}"),
            "this is no time after the start",
            "give a number of days above 0",
        ))
    }
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

/// A time of 0 or more, h.
pub fn time(text: &str, option: &str) -> Result<f64> {
    let place = format!("{option} {text}");
    let hours = Quantity::parse(text)
        .and_then(|quantity| quantity.to("h"))
        .map_err(|error| {
            Error::input(
                &place,
                error.to_string(),
                "give a time with a unit: 30min, 1h, 7d",
            )
        })?;
    if hours < 0.0 {
        return Err(Error::input(
            place,
            "the time is negative",
            "give 0 or more",
        ));
    }
    Ok(hours)
}

/// Columns of the terminal; none when output goes elsewhere.
pub fn terminal_width() -> Option<u16> {
    use std::io::IsTerminal;
    std::io::stdout()
        .is_terminal()
        .then(|| comfy_table::Table::new().width())
        .flatten()
}
