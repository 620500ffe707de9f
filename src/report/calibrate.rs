//! Targets, fits and profiles as tables and as a page.

use crate::study::calibrate::{Basis, Comparison, Fit, Prediction, Profile, heading};
use crate::table::{Cell, Table, significant};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// One line per target.
pub fn validation_table(rows: &[Prediction]) -> Table {
    let mut table = Table::headed([
        "target",
        "setting",
        "observed",
        "low",
        "high",
        "predicted",
        "predicted_low",
        "predicted_high",
        "inside",
        "used_for_fit",
        "source",
        "unit",
        "grade",
        "range",
    ]);
    for row in rows {
        let target = &row.target;
        let finite = |value: Option<f64>| Cell::from(value.filter(|value| value.is_finite()));
        table.push([
            Cell::from(target.id.as_str()),
            Cell::from(target.setting.as_str()),
            Cell::from(target.value),
            Cell::from(target.interval.0),
            Cell::from(target.interval.1),
            finite(Some(row.predicted)),
            finite(row.band.map(|band| band.0)),
            finite(row.band.map(|band| band.1)),
            Cell::from(row.verdict()),
            Cell::from(if target.fit { "yes" } else { "no" }),
            Cell::from(target.source.join("; ")),
            Cell::from(target.unit.as_str()),
            Cell::from(target.grade.to_string()),
            Cell::from(target.range.name()),
        ]);
    }
    table
}

/// How many predictions lie within their acceptance ranges, of targets that are fitted to and of targets that are held
/// out: two numbers of different meaning, which are never added.
pub fn validation_summary(rows: &[Prediction]) -> String {
    let count = |select: &dyn Fn(&Prediction) -> bool| {
        let selected = || rows.iter().filter(|row| select(row));
        let inside = selected().filter(|row| row.inside()).count();
        format!("{inside} of {}", selected().count())
    };
    let settings: BTreeSet<&str> = rows.iter().map(|row| row.target.setting.as_str()).collect();
    let mut text = String::new();
    for (title, fit) in [("fitted to", true), ("held out", false)] {
        let of = |basis: Basis| {
            count(&|row: &Prediction| row.target.counts_as(fit) && row.target.range == basis)
        };
        let by_setting: Vec<String> = settings
            .iter()
            .filter(|setting| {
                rows.iter()
                    .any(|r| r.target.counts_as(fit) && r.target.setting == **setting)
            })
            .map(|setting| {
                let here =
                    |row: &Prediction| row.target.counts_as(fit) && row.target.setting == *setting;
                format!("{setting} {}", count(&here))
            })
            .collect();
        text += &format!(
            "{title}: {} within their acceptance ranges (published ranges {}, assumed ranges {}; {})\n",
            count(&|row: &Prediction| row.target.counts_as(fit)),
            of(Basis::Published),
            of(Basis::Assumed),
            by_setting.join(", ")
        );
    }
    let contradicted = rows.iter().filter(|row| row.target.contradicted).count();
    if contradicted > 0 {
        text +=
            &format!("contradicted by other measurements, shown and not counted: {contradicted}\n");
    }
    text.trim_end().to_owned()
}

/// Both ends of an interval; nothing where there is none.
pub(super) fn ends(band: Option<(f64, f64)>) -> String {
    band.map_or(String::new(), |(low, high)| {
        format!("{} – {}", significant(low), significant(high))
    })
}

/// All targets as a page in Markdown.
pub fn validation_page(rows: &[Prediction], draws: u64) -> String {
    let mut page = format!(
        "# Validation\n\nWritten by `hif-switch validate --format md`.\n\n\
         What was measured beside what the model gives, with one parameter set per setting: that of `params/`. \
         A target is inside when the prediction lies within its acceptance range. A range is *published* where its ends, \
         or the spread that they follow from, stand in the source, and *assumed* everywhere else; the note says what it is. \
         *Fitted* marks targets that a calibration (`params/calibrations/`) fits to; all others are *held out*, and only \
         they test the model. What other measurements contradict is shown and not counted. Values not marked `fitted` in `params/` were set by hand from the literature, not \
         by these calibrations.\n\n\
         Bands: of runs, 95 % of {draws} draws from the normal approximation of the setting's calibration about the \
         present values, in logits of the place in the range, in which the range counts as a weak prior; of virtual \
         patients and animals, 95 % of 200 resamples of the subjects.\n\n"
    );
    for line in validation_summary(rows).lines() {
        page += &format!("* {line}\n");
    }
    let mut files: Vec<&str> = rows.iter().map(|row| row.target.file.as_str()).collect();
    files.dedup();
    for file in files {
        let title = heading(file);
        page += &format!(
            "\n## {title}\n\n| target | unit | observed | acceptance range | predicted | band | inside | use | grade | source |\n\
             |---|---|---|---|---|---|---|---|---|---|\n"
        );
        let members: Vec<&Prediction> = rows.iter().filter(|row| row.target.file == file).collect();
        for row in &members {
            let target = &row.target;
            let range = ends(Some(target.interval));
            page += &format!(
                "| {} | {} | {} | {range}, {} | {} | {} | {} | {} | {} | {} |\n",
                target.text,
                target.unit,
                significant(target.value),
                target.range.name(),
                if row.predicted.is_finite() {
                    significant(row.predicted)
                } else {
                    row.verdict().to_owned()
                },
                ends(row.band),
                if row.inside() {
                    row.verdict().to_owned()
                } else {
                    format!("**{}**", row.verdict())
                },
                target.role(),
                target.grade,
                target.source.join("; "),
            );
        }
        let outside: Vec<&&Prediction> = members.iter().filter(|row| !row.inside()).collect();
        if !outside.is_empty() {
            page += "\nOutside:\n\n";
            for row in outside {
                let why = row
                    .target
                    .outside
                    .as_deref()
                    .unwrap_or("No explanation yet.");
                page += &format!("* {}: {why}\n", row.target.text);
            }
        }
        page += "\nNotes:\n\n";
        for row in members {
            if let Some(note) = &row.target.note {
                page += &format!("* {}: {note}\n", row.target.text);
            }
        }
    }
    page.trim_end().to_owned()
}

/// One line per fitted parameter.
pub fn estimates_table(fit: &Fit, profiles: &[Profile]) -> Table {
    let mut table = Table::headed([
        "parameter",
        "unit",
        "present",
        "fitted",
        "low",
        "high",
        "bound_low",
        "bound_high",
        "active_bound",
        "identifiable",
        "profile_low",
        "profile_high",
    ]);
    for estimate in &fit.estimates {
        let axis = &estimate.axis;
        let profile = profiles.iter().find(|profile| profile.path == axis.path);
        let verdict = match profile {
            Some(profile) => profile.verdict(),
            None if estimate.unidentified => "no, by its error",
            None => "by its error",
        };
        table.push([
            Cell::from(axis.path.as_str()),
            Cell::from(axis.unit.as_str()),
            Cell::from(axis.value),
            Cell::from(estimate.value),
            Cell::from(estimate.interval.0),
            Cell::from(estimate.interval.1),
            Cell::from(axis.low),
            Cell::from(axis.high),
            Cell::from(estimate.bound.unwrap_or("")),
            Cell::from(verdict),
            Cell::from(profile.and_then(|profile| profile.interval.0)),
            Cell::from(profile.and_then(|profile| profile.interval.1)),
        ]);
    }
    table
}

/// The fitted numbers as parameter files, by path below a folder for `--params`: numbers of partners in
/// their files, all others in that of the setting.
pub fn fitted_parameters(fit: &Fit) -> Vec<(PathBuf, String)> {
    let calibration = &fit.calibration;
    let used = calibration.targets.iter().filter(|target| target.fit);
    let ids: Vec<&str> = used.clone().map(|target| target.id.as_str()).collect();
    let source = used.flat_map(|target| &target.source).next();
    let mut files: BTreeMap<PathBuf, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for estimate in &fit.estimates {
        let axis = &estimate.axis;
        let partner = axis.path.strip_prefix("partner.");
        let (file, key) = match partner.and_then(|rest| rest.split_once('.')) {
            Some((partner, key)) => (format!("partners/{partner}.toml"), key),
            None => (
                format!("settings/{}.toml", calibration.setting),
                axis.path.as_str(),
            ),
        };
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let support = match source {
            Some(source) => format!("grade = \"fitted\", source = \"{source}\""),
            None => "grade = \"assumed\"".to_owned(),
        };
        let held = match estimate.bound {
            Some(bound) => format!("; at the {bound} end of its range"),
            None => String::new(),
        };
        let line = format!(
            "{name} = {{ value = {}, unit = \"{}\", {support}, range = [{}, {}], note = \"Fitted to {}{held}.\" }}",
            toml_number(estimate.value.clamp(axis.low, axis.high)),
            axis.unit,
            toml_number(axis.low),
            toml_number(axis.high),
            ids.join(", "),
        );
        let sections = files.entry(PathBuf::from(file)).or_default();
        sections.entry(section.to_owned()).or_default().push(line);
    }
    let text = |sections: BTreeMap<String, Vec<String>>| -> String {
        let whole = sections.into_iter().map(|(section, lines)| {
            let head = match section.as_str() {
                "" => String::new(),
                name => format!("[{name}]\n"),
            };
            format!("{head}{}\n", lines.join("\n"))
        });
        whole.collect::<Vec<_>>().join("\n")
    };
    let files = files.into_iter();
    files.map(|(path, all)| (path, text(all))).collect()
}

/// A number as TOML reads it back to the same bits: with a point or an exponent.
fn toml_number(value: f64) -> String {
    format!("{value:?}")
}

/// One line per target of a calibration: before, after, residual.
pub fn residuals_table(fit: &Fit) -> Table {
    let mut table = Table::headed([
        "target",
        "unit",
        "observed",
        "low",
        "high",
        "before",
        "fitted",
        "residual",
        "inside",
        "used_for_fit",
    ]);
    for (target, (before, after)) in fit.calibration.targets.iter().zip(&fit.predicted) {
        table.push([
            Cell::from(target.id.as_str()),
            Cell::from(target.unit.as_str()),
            Cell::from(target.value),
            Cell::from(target.interval.0),
            Cell::from(target.interval.1),
            Cell::from(*before),
            Cell::from(*after),
            Cell::from(target.residual(*after)),
            Cell::from(if target.holds(*after) { "yes" } else { "no" }),
            Cell::from(if target.fit { "yes" } else { "no" }),
        ]);
    }
    table
}

/// Correlations of the estimates.
pub fn correlations_table(fit: &Fit) -> Table {
    let paths = fit.calibration.paths();
    let mut table = Table::headed(std::iter::once("parameter").chain(paths.iter().copied()));
    for (i, path) in paths.iter().enumerate() {
        let row = (0..paths.len()).map(|j| Cell::from(fit.correlations[(i, j)]));
        table.push(std::iter::once(Cell::from(*path)).chain(row));
    }
    table
}

/// One line per start.
pub fn starts_table(fit: &Fit) -> Table {
    let mut table = Table::headed(["start", "before", "after", "evaluations", "came_to_rest"]);
    for start in &fit.starts {
        table.push([
            Cell::from(start.index as f64),
            Cell::from(start.before),
            Cell::from(start.objective),
            Cell::from(start.evaluations as f64),
            Cell::from(if start.converged { "yes" } else { "no" }),
        ]);
    }
    table
}

/// What a fit says in words: objective, bounds, strong correlations, what the data do not tell.
pub fn fit_words(fit: &Fit, profiles: &[Profile]) -> String {
    let best = &fit.starts[0];
    let fitted = fit
        .calibration
        .targets
        .iter()
        .filter(|target| target.fit)
        .count();
    let mut text = format!(
        "{}: objective {} -> {} over {fitted} targets, best of {} starts\n",
        fit.calibration.title,
        significant(
            fit.starts
                .iter()
                .find(|s| s.index == 0)
                .map_or(best.before, |s| s.before)
        ),
        significant(best.objective),
        fit.starts.len(),
    );
    for estimate in &fit.estimates {
        let path = &estimate.axis.path;
        if let Some(bound) = estimate.bound {
            text += &format!("{path} lies at its {bound} bound\n");
        }
        let profile = profiles.iter().find(|profile| profile.path == *path);
        let verdict = match profile {
            Some(profile) => profile.verdict(),
            None if estimate.unidentified => "not identifiable",
            None => "identifiable",
        };
        if verdict != "identifiable" {
            text += &format!("{path} is {verdict} from these targets\n");
        }
    }
    let paths = fit.calibration.paths();
    for i in 0..paths.len() {
        for j in 0..i {
            let correlation = fit.correlations[(i, j)];
            if correlation.abs() > 0.9 {
                text += &format!(
                    "{} and {} are correlated ({correlation:.2}): their effects are not told apart\n",
                    paths[j], paths[i]
                );
            }
        }
    }
    text.trim_end().to_owned()
}

/// One line per model.
pub fn models_table(models: &[Comparison]) -> Table {
    let mut table = Table::headed([
        "model",
        "parameters",
        "targets",
        "objective",
        "AIC",
        "BIC",
        "delta_AIC",
        "residual_aside",
    ]);
    let best = models
        .iter()
        .map(|model| model.aic)
        .fold(f64::INFINITY, f64::min);
    for model in models {
        table.push([
            Cell::from(model.name.as_str()),
            Cell::from(model.parameters as f64),
            Cell::from(model.targets as f64),
            Cell::from(model.objective),
            Cell::from(model.aic),
            Cell::from(model.bic),
            Cell::from(model.aic - best),
            Cell::from(model.aside),
        ]);
    }
    table
}

/// Whether these targets demand what each variant takes out.
pub fn models_words(models: &[Comparison]) -> String {
    let Some((full, nested)) = models.split_first() else {
        return String::new();
    };
    let lines = nested.iter().map(|model| {
        let loss = model.aic - full.aic;
        let verdict = if loss > 10.0 {
            "these targets demand what it takes out"
        } else if loss > 4.0 {
            "these targets speak for what it takes out"
        } else if loss < -4.0 {
            "these targets speak against what it takes out"
        } else {
            "these targets do not demand what it takes out"
        };
        format!(
            "{}: {verdict} (AIC {loss:+.1} against the full model)",
            model.name
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Points of profiles.
pub fn profiles_table(profiles: &[Profile]) -> Table {
    let mut table = Table::headed(["parameter", "unit", "value", "rise"]);
    for profile in profiles {
        for (value, rise) in profile.values.iter().zip(&profile.rise) {
            table.push([
                Cell::from(profile.path.as_str()),
                Cell::from(profile.unit.as_str()),
                Cell::from(*value),
                Cell::from(*rise),
            ]);
        }
    }
    table
}
