//! What is written for other tools, read back by readers that share nothing with the writers.

use super::kinetics::column;
use super::program::failure;
use super::sbml::SbmlModel;
use super::{Bound, Check, Program, largest};
use crate::error::{Error, Result};
use crate::model::exposure::SorafenibInput;
use crate::model::partner::PartnerInput;
use crate::model::{Inputs, State};
use crate::parameters::Library;
use crate::regimen::{Arm, Change, Drug, Mode};
use crate::simulate::{Problem, Scenario};
use crate::study::calibrate::{Calibration, Targets};
use crate::table::{Cell, Table};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;

const GROUP: &str = "exports";

/// Setting, regimen, arm and mode of the models that are read back.
const MODELS: [(&str, &str, &str, Mode); 4] = [
    (
        "culture",
        "culture-normoxia",
        "sorafenib+ef24+genistein",
        Mode::AchievableExposure,
    ),
    (
        "xenograft",
        "xenograft-withdrawal",
        "sorafenib+pt2385",
        Mode::Mechanistic,
    ),
    (
        "xenograft",
        "xenograft-withdrawal",
        "sorafenib+metformin",
        Mode::AchievableExposure,
    ),
    (
        "patient",
        "patient-dose-reduction",
        "sorafenib+belzutifan",
        Mode::AchievableExposure,
    ),
];

pub fn checks(program: &dyn Program, library: &Library) -> Vec<Check> {
    let mut checks = Vec::new();
    for (setting, regimen, arm, mode) in MODELS {
        let read = Model::read(program, library, setting, regimen, arm, mode);
        let of = |check: fn(&Model) -> Result<f64>| match &read {
            Ok(model) => check(model),
            Err(error) => Err(failure("SBML", error.to_string())),
        };
        let mut add = |what: &str, measure, measured, most| {
            let what = format!("SBML, {arm}, {regimen}: {what}");
            checks.push(Check::new(
                GROUP,
                what,
                measure,
                measured,
                Bound::AtMost(most),
            ));
        };
        let rates = of(Model::rates);
        add("rates", "relative difference", rates, 1e-11);
        add("initial values", "faults", of(Model::start), 0.0);
        // The medium of a culture is clamped: there are no doses.
        if setting == "culture" {
            continue;
        }
        add("doses", "faults", of(Model::doses), 0.0);
        let left = of(Model::left_alone);
        add("traces of a drug at a dose", "faults", left, 0.0);
    }
    checks.push(Check::new(
        GROUP,
        "data set against the same doses as a regimen",
        "relative difference",
        data_set(program, library),
        Bound::AtMost(1e-7),
    ));
    let csv = csv_back(program);
    checks.push(Check::faults(GROUP, "CSV, to the last bit", csv));
    let parquet = parquet_back(program);
    checks.push(Check::faults(GROUP, "Parquet, to the last bit", parquet));
    let petab = petab_back(program, library);
    let parts = [
        "measurements",
        "nominal values",
        "names",
        "rates at the start",
    ];
    for (i, part) in parts.into_iter().enumerate() {
        let faults = match &petab {
            Ok(faults) => Ok(faults[i]),
            Err(error) => Err(failure("PEtab", error.to_string())),
        };
        checks.push(Check::faults(GROUP, format!("PEtab: {part}"), faults));
    }
    checks
}

// ---------------------------------------------------------------- SBML

/// A model as the program has it, and as it was read back.
struct Model {
    problem: Problem,
    read: SbmlModel,
}

impl Model {
    fn read(
        program: &dyn Program,
        library: &Library,
        setting: &str,
        regimen: &str,
        arm: &str,
        mode: Mode,
    ) -> Result<Self> {
        let scenario = Scenario {
            mode,
            regimen: Some(regimen.to_owned()),
            duration: (setting == "patient").then_some(24.0 * 56.0),
            ..Scenario::new(setting, Arm::parse(arm, library, "selftest")?)
        };
        Ok(Self {
            problem: scenario.prepare(library)?,
            read: SbmlModel::read(&program.sbml(library, &scenario)?)?,
        })
    }

    /// Largest difference of the rates of change, relative to the larger of rate and state, at states and inputs away from
    /// the baseline.
    fn rates(&self) -> Result<f64> {
        let mut worst = 0.0;
        for (shift, on) in [(0.0, true), (0.1, false), (0.3, true)] {
            let mut values = self.problem.baseline.to_array();
            for (i, value) in values.iter_mut().enumerate() {
                *value = (*value + 0.05) * (1.0 + shift * (1.7 * i as f64).sin());
            }
            let inputs = inputs(on);
            let state = State::from_array(&values);
            let native = self.problem.model.derivatives(&inputs, &state);
            let names = State::fields().iter().map(|field| field.name.to_owned());
            let mut at: BTreeMap<String, f64> = names.zip(values).collect();
            at.extend(named(&inputs));
            let rates = self.read.rates(&at)?;
            let native = State::fields().iter().zip(native.to_array()).zip(values);
            for ((field, rate), value) in native {
                let read = match rates.get(field.name) {
                    Some(read) => *read,
                    // What no rate changes is left out.
                    None => continue,
                };
                let size = rate.abs().max(value.abs());
                worst = largest([worst, (read - rate).abs() / size]);
            }
        }
        if self.read.states.len() < 10 {
            return Err(failure("SBML", "fewer than ten states"));
        }
        Ok(worst)
    }

    /// States whose initial value is not that of the baseline after the doses at time 0.
    fn start(&self) -> Result<f64> {
        let values = self.problem.baseline.to_array();
        let fields = State::fields().iter().zip(values);
        let wrong = fields.filter(|(field, value)| {
            let expected = value + self.dosed(field.name, 0.0);
            let read = self.read.values.get(field.name);
            read.is_some_and(|read| read.to_bits() != expected.to_bits())
        });
        Ok(wrong.count() as f64)
    }

    /// What the doses at a time add to a state, mg.
    fn dosed(&self, id: &str, time: f64) -> f64 {
        let events = self.problem.timeline.events.iter();
        let now = events.filter(|event| (event.time - time).abs() < 1e-9);
        now.filter_map(|event| match event.change {
            Change::Dose { drug, absorbed, .. } if depot(drug) == id => Some(absorbed),
            _ => None,
        })
        .fold(0.0, |sum, amount| sum + amount)
    }

    /// Doses after time 0 that the model does not add to their depots, and depots that it changes without a dose.
    fn doses(&self) -> Result<f64> {
        let mut faults = 0;
        let mut seen = 0;
        let at: BTreeMap<String, f64> = self.amounts(1.0);
        for jump in &self.read.jumps {
            let after = self.read.after(jump, &at)?;
            for drug in drugs() {
                let id = depot(drug);
                let expected = 1.0 + self.dosed(&id, jump.time);
                let found = after.get(&id).copied().unwrap_or(1.0);
                faults += usize::from((found - expected).abs() > 1e-12 * expected);
                seen += usize::from(expected > 1.0);
            }
        }
        let events = self.problem.timeline.events.iter();
        let mut wanted: Vec<(u64, String)> = events
            .filter(|event| event.time > 0.0)
            .filter_map(|event| match event.change {
                Change::Dose { drug, .. } => Some((event.time.to_bits(), depot(drug))),
                _ => None,
            })
            .collect();
        wanted.dedup();
        Ok((faults + wanted.len().abs_diff(seen)) as f64)
    }

    /// Amounts of which next to nothing is left when a dose comes after a pause, and that it does not set to 0 where they are
    /// less than a molecule.
    fn left_alone(&self) -> Result<f64> {
        // e^-33 is 5e-15: the event has to look.
        const GONE: f64 = 33.0;
        let losses = self.losses()?;
        let trace = self.amounts(1e-30);
        let mut left = 0;
        let mut last = [0.0; 3];
        for jump in &self.read.jumps {
            let after = self.read.after(jump, &trace)?;
            for (drug, last) in drugs().into_iter().zip(&mut last) {
                let dose = self.dosed(&depot(drug), jump.time);
                if dose <= 0.0 {
                    continue;
                }
                let own = losses
                    .iter()
                    .filter(|(id, _)| id.starts_with(&prefix(drug)));
                let gone = own.filter(|(_, loss)| *loss * (jump.time - *last) > GONE);
                let expected = |id: &str| if id == depot(drug) { dose } else { 0.0 };
                let wrong = gone.filter(|(id, _)| {
                    let found = after.get(*id).copied().unwrap_or(1e-30);
                    found.to_bits() != expected(id).to_bits()
                });
                left += wrong.count();
                *last = jump.time;
            }
        }
        Ok(left as f64)
    }

    /// How fast each amount leaves its compartment, per h: the rate of change of one mg where there is nothing else.
    fn losses(&self) -> Result<BTreeMap<String, f64>> {
        let none = self.amounts(0.0);
        let mut losses = BTreeMap::new();
        for id in none.keys() {
            let mut alone = none.clone();
            alone.insert(id.clone(), 1.0);
            alone.insert("gallbladder_open".to_owned(), 1.0);
            if let Some(rate) = self.read.rates(&alone)?.get(id) {
                losses.insert(id.clone(), -rate);
            }
        }
        Ok(losses)
    }

    /// All amounts of drugs at one value.
    fn amounts(&self, value: f64) -> BTreeMap<String, f64> {
        let fields = State::fields().iter();
        let amounts = fields.filter(|field| field.unit == "mg");
        amounts
            .map(|field| (field.name.to_owned(), value))
            .collect()
    }
}

fn drugs() -> [Drug; 3] {
    [Drug::Sorafenib, Drug::Partner(0), Drug::Partner(1)]
}

fn prefix(drug: Drug) -> String {
    match drug {
        Drug::Sorafenib => "sorafenib_".to_owned(),
        Drug::Partner(slot) => format!("partner{}_", slot + 1),
    }
}

fn depot(drug: Drug) -> String {
    prefix(drug) + "depot_mg"
}

/// Inputs away from 0, switches on or off.
fn inputs(on: bool) -> Inputs {
    Inputs {
        sorafenib: SorafenibInput {
            medium: 0.7,
            infusion: 0.3,
            depot_infusion: 0.0,
            gallbladder_open: on,
        },
        partners: [0.1, 0.2].map(|infusion| PartnerInput {
            given: on,
            held: 40.0,
            infusion,
            depot_infusion: 0.0,
        }),
        medium_oxygen: 6.0,
    }
}

/// Inputs by their names in the exports.
fn named(inputs: &Inputs) -> Vec<(String, f64)> {
    let mut named = vec![
        ("sorafenib_medium".to_owned(), inputs.sorafenib.medium),
        ("sorafenib_infusion".to_owned(), inputs.sorafenib.infusion),
        (
            "gallbladder_open".to_owned(),
            f64::from(inputs.sorafenib.gallbladder_open),
        ),
        ("medium_pO2".to_owned(), inputs.medium_oxygen),
    ];
    for (n, partner) in (1..).zip(&inputs.partners) {
        named.push((format!("partner{n}_given"), f64::from(partner.given)));
        named.push((format!("partner{n}_held"), partner.held));
        named.push((format!("partner{n}_infusion"), partner.infusion));
    }
    named
}

// ---------------------------------------------------------------- data sets and tables

/// A week of daily doses to a mouse, as records and as its regimen.
fn data_set(program: &dyn Program, library: &Library) -> Result<f64> {
    let scenario = Scenario {
        duration: Some(168.0),
        ..Scenario::new("xenograft", Arm::sorafenib())
    };
    let problem = scenario.prepare(library)?;
    let given = problem.timeline.events.iter().find_map(|event| {
        let Change::Dose { given, .. } = event.change else {
            return None;
        };
        Some(given)
    });
    let given = given.ok_or_else(|| failure("the mouse", "its regimen has no dose"))?;
    let times = [13.0, 49.0, 100.0, 155.0];
    let mut text = format!("TIME,AMT,II,ADDL,EVID,NOTE\n0,{given},24,6,1,week\n");
    for time in times {
        text += &format!("{time},.,.,.,0,question\n");
    }
    let accuracy = super::densely();
    let table = program.answer(library, &scenario, &accuracy, &text, &[])?;
    let expected = program.single(&problem, &accuracy, &times)?;
    let mut worst = 0.0;
    for (index, field) in State::fields().iter().enumerate() {
        let found = column(&table, field.name)?;
        let pairs = found.iter().skip(1).zip(&expected);
        let least = if field.unit == "mg" { given } else { 1e-3 };
        let differences = pairs.map(|(found, state)| {
            let expected = state.to_array()[index];
            (found - expected).abs() / expected.abs().max(least)
        });
        worst = largest([worst, largest(differences)]);
    }
    let asked = table.rows.len() == 1 + times.len() && expected.len() == times.len();
    if asked {
        Ok(worst)
    } else {
        Err(failure("the data set", "another number of answers"))
    }
}

/// Numbers that are hard to write, and gaps.
fn table() -> Table {
    let mut table = Table::new([("name", ""), ("amount", "mg"), ("rate", "1/h")]);
    let numbers = [0.1 + 0.2, -0.0, f64::MAX, 5e-324, 1.0 / 3.0, 1e-20];
    for (i, number) in numbers.into_iter().enumerate() {
        table.push([
            format!("row {i}, \"quoted\"").into(),
            number.into(),
            Cell::Number((i != 2).then_some(-number)),
        ]);
    }
    table
}

/// Cells of the table that are not those read back, in any bit.
fn differing(read: &[Vec<Cell>]) -> usize {
    let table = table();
    let bits = |cell: &Cell| match cell {
        Cell::Text(text) => Err(text.clone()),
        Cell::Number(number) => Ok(number.map(f64::to_bits)),
        Cell::Unknown => Err("unknown".to_owned()),
    };
    let rows = table.rows.iter().zip(read);
    let cells = rows.flat_map(|(a, b)| a.iter().zip(b));
    let wrong = cells.filter(|(a, b)| bits(a) != bits(b)).count();
    let lost = |row: &Vec<Cell>| row.len() != table.columns.len();
    wrong + read.iter().filter(|row| lost(row)).count() + table.rows.len().abs_diff(read.len())
}

fn csv_back(program: &dyn Program) -> Result<usize> {
    let text = program.csv(&table())?;
    let failed = |error: csv::Error| failure("CSV", error.to_string());
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let cells = record.iter().enumerate().map(|(i, text)| match (i, text) {
            (0, text) => Cell::from(text),
            (_, "") => Cell::Number(None),
            (_, text) => Cell::Number(text.parse().ok()),
        });
        rows.push(cells.collect());
    }
    Ok(differing(&rows))
}

fn parquet_back(program: &dyn Program) -> Result<usize> {
    let bytes = program.parquet(&table())?;
    let place = std::env::temp_dir();
    let scratch = |error: std::io::Error| Error::output(&place, error);
    let mut file = tempfile::tempfile().map_err(scratch)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(scratch)?;
    let failed = |error: String| failure("Parquet", error);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| failed(error.to_string()))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        if batch.num_columns() != 3 {
            return Err(failed(format!("{} columns", batch.num_columns())));
        }
        let names = batch.column(0).as_string_opt::<i32>();
        let numbers = [1, 2].map(|i| batch.column(i).as_primitive_opt::<Float64Type>());
        let (Some(names), [Some(amounts), Some(rates)]) = (names, numbers) else {
            return Err(failed("columns of other kinds".to_owned()));
        };
        for ((name, amount), rate) in names.iter().zip(amounts).zip(rates) {
            rows.push(vec![
                name.unwrap_or_default().into(),
                Cell::Number(amount),
                Cell::Number(rate),
            ]);
        }
    }
    Ok(differing(&rows))
}

// ---------------------------------------------------------------- PEtab

/// Measurements that are not their targets, parameters whose nominal values are not those of the model, parameters that the
/// model does not know, and rates of change at the start of the preparation that are no numbers.
fn petab_back(program: &dyn Program, library: &Library) -> Result<[usize; 4]> {
    let targets = Targets::read(library)?;
    let calibration = Calibration::read(library, "hif", &targets.all)?;
    let files = program.petab(library, &calibration)?;
    let file = |name: &str| {
        let found = files.iter().find(|(known, _)| known == name);
        let text = found.map(|(_, text)| text.as_str());
        text.ok_or_else(|| failure("PEtab", format!("{name} is missing")))
    };
    let rows = |name: &str| -> Result<Vec<BTreeMap<String, String>>> {
        let mut lines = file(name)?.lines().map(|line| line.split('\t'));
        let header: Vec<&str> = lines.next().into_iter().flatten().collect();
        let named = |cells: std::str::Split<'_, char>| {
            let pairs = header.iter().zip(cells);
            pairs
                .map(|(k, v)| ((*k).to_owned(), v.to_owned()))
                .collect()
        };
        Ok(lines.map(named).collect())
    };
    let number = |row: &BTreeMap<String, String>, key: &str| -> f64 {
        let text = row.get(key).and_then(|text| text.parse().ok());
        text.unwrap_or(f64::NAN)
    };
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
    let fitted: Vec<f64> = calibration
        .targets
        .iter()
        .filter(|target| target.fit)
        .map(|target| target.value)
        .collect();
    let measured = rows("measurements.tsv")?;
    let mut wrong_values = measured.len().abs_diff(fitted.len());
    let pairs = measured.iter().zip(&fitted);
    wrong_values += pairs
        .filter(|(row, value)| !same(number(row, "measurement"), **value))
        .count();
    let model = SbmlModel::read(file("model.xml")?)?;
    let parameters = rows("parameters.tsv")?;
    let mut unknown = parameters.len().abs_diff(calibration.space.axes.len());
    let mut wrong_nominal = 0;
    for row in &parameters {
        let id = row.get("parameterId").map_or("", String::as_str);
        match model.values.get(id) {
            Some(value) if same(number(row, "nominalValue"), *value) => {}
            Some(_) => wrong_nominal += 1,
            None => unknown += 1,
        }
    }
    let rates = model.rates(&BTreeMap::new())?;
    let no_numbers = rates.values().filter(|rate| !rate.is_finite()).count();
    let lost = 10usize.saturating_sub(rates.len());
    Ok([wrong_values, wrong_nominal, unknown, no_numbers + lost])
}
