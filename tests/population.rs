//! Virtual subjects: what the file says is what is drawn, the same for every thread count and order.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::{Library, ParameterTable};
use hif_switch::regimen::Arm;
use hif_switch::simulate::Scenario;
use hif_switch::study::population::{Population, Sampler, Subject};

fn sampler(name: &str, seed: u64) -> Sampler {
    let library = Library::shipped();
    let population = Population::read(&library, name, "test").unwrap();
    of(&population, seed)
}

fn of(population: &Population, seed: u64) -> Sampler {
    let scenario = Scenario::new(&population.setting, Arm::sorafenib());
    Sampler::new(&Library::shipped(), population, &scenario, seed).unwrap()
}

/// A population of one or two factors in the mouse.
fn written(factors: &str) -> hif_switch::Result<Population> {
    let text = format!("title = \"t\"\nsetting = \"xenograft\"\n{factors}");
    Population::from_table("test", ParameterTable::parse("test.toml", &text)?, "mm^3")
}

/// Windows of the burden are in the setting's unit, whatever unit of volume the file uses.
#[test]
fn a_window_of_the_burden_is_a_volume() {
    let factor = format!(
        "[factor.f]\npaths = [\"hif.haf_loss\"]\nsd = {}\n",
        number(0.2)
    );
    let window = |unit: &str| {
        let high = number(0.5).replace("\"1\"", &format!("{unit:?}"));
        written(&format!("{factor}[plausible.burden]\nhigh = {high}\n"))
    };
    let limits = window("mL").unwrap().plausible[0].limits;
    assert!((limits.1 - 500.0).abs() < 1e-9, "{limits:?}");
    let error = window("cd").unwrap_err().to_string();
    assert!(error.contains("plausible.burden.high"), "{error}");
}

fn number(value: f64) -> String {
    format!("{{ value = {value:?}, unit = \"1\", grade = \"assumed\", note = \"a test\" }}")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sd(values: &[f64]) -> f64 {
    let m = mean(values);
    (values.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let product: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    product / (a.len() as f64 - 1.0) / sd(a) / sd(b)
}

#[test]
fn every_shipped_population_draws_subjects_within_its_windows() {
    let library = Library::shipped();
    let names = library.names("populations");
    assert!(names.len() >= 4);
    for name in names {
        let sampler = sampler(name, 1);
        let subjects = sampler.subjects(0..100).unwrap();
        assert_eq!(subjects.len(), 100);
        for subject in &subjects {
            for window in &sampler.population.plausible {
                let value = subject.readouts.get(&window.readout).unwrap();
                assert!(
                    value >= window.limits.0 && value <= window.limits.1,
                    "{name} {window:?}"
                );
            }
        }
        let references = library.references().unwrap();
        for (path, entry) in sampler.population.numbers() {
            let known = entry
                .source
                .as_ref()
                .is_none_or(|key| references.contains_key(key));
            assert!(known, "{name}, {path}: {:?}", entry.source);
        }
    }
}

/// A number of the shipped xenograft in its own unit.
fn parameter(path: &str) -> f64 {
    let scenario = Scenario::new("xenograft", Arm::vehicle());
    let table = scenario.parameters(&Library::shipped()).unwrap();
    table.number(path).unwrap().value.unwrap()
}

#[test]
fn moments_and_correlations_are_those_of_the_file() {
    // Without windows the draws follow the stated distributions exactly; 4 standard errors.
    let factors = format!(
        "[factor.clearance]\npaths = [\"exposure.clearance\"]\nmedian = {}\ncv = {}\n\
         [factor.volume]\npaths = [\"exposure.volume\"]\n\
         [factor.resistant]\npaths = [\"tumour.initial_resistant_fraction\"]\n\
         distribution = \"logit-normal\"\nsd = {}\n\
         [omega.volume]\nvolume = {}\n[correlation.clearance]\nvolume = {}\n",
        number(1.2),
        number(0.5),
        number(0.8),
        number(0.16),
        number(0.778),
    );
    let sampler = of(&written(&factors).unwrap(), 5);
    let subjects = sampler.subjects(0..2000).unwrap();
    let logs = |path: &str| -> Vec<f64> {
        let index = sampler.paths.iter().position(|p| p == path).unwrap();
        subjects.iter().map(|s| s.values[index].ln()).collect()
    };
    let clearance = logs("exposure.clearance");
    let volume = logs("exposure.volume");
    let wanted = (1.0f64 + 0.25).ln().sqrt();
    let n = 2000f64;
    assert!((mean(&clearance) - (0.37f64 * 1.2).ln()).abs() < 4.0 * wanted / n.sqrt());
    assert!((sd(&clearance) - wanted).abs() < 4.0 * wanted / (2.0 * n).sqrt());
    assert!((sd(&volume) - 0.4).abs() < 4.0 * 0.4 / (2.0 * n).sqrt());
    assert!(
        (correlation(&clearance, &volume) - 0.778).abs() < 4.0 * (1.0 - 0.778 * 0.778) / n.sqrt()
    );
    let resistant = subjects.iter().map(|s| s.readouts.resistant);
    let logits: Vec<f64> = resistant.map(|r| (r / (1.0 - r)).ln()).collect();
    let stated = parameter("tumour.initial_resistant_fraction");
    let centre = (stated / (1.0 - stated)).ln();
    assert!((mean(&logits) - centre).abs() < 4.0 * 0.8 / n.sqrt());
    assert!((sd(&logits) - 0.8).abs() < 4.0 * 0.8 / (2.0 * n).sqrt());
}

#[test]
fn parameters_of_one_factor_keep_their_ratio() {
    let sampler = sampler("xenograft-mice", 3);
    let at = |path: &str| sampler.paths.iter().position(|p| p == path).unwrap();
    let (growth, death) = (at("tumour.growth_rate"), at("tumour.death_rate"));
    let stated = parameter("tumour.growth_rate") / parameter("tumour.death_rate");
    for subject in sampler.subjects(0..50).unwrap() {
        let ratio = subject.values[growth] / subject.values[death];
        assert!((ratio - stated).abs() < 1e-12 * ratio);
    }
}

fn bits(subjects: &[Subject]) -> Vec<u64> {
    let values = subjects
        .iter()
        .flat_map(|s| s.values.iter().copied().chain(s.readouts.values()));
    values.map(f64::to_bits).collect()
}

#[test]
fn a_subject_is_the_same_at_any_thread_count_and_in_any_part() {
    let sampler = sampler("hcc-surveillance", 11);
    let whole = sampler.subjects(0..60).unwrap();
    for threads in [1, 2, 16] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let again = pool.install(|| {
            let sampler = self::sampler("hcc-surveillance", 11);
            sampler.subjects(0..60).unwrap()
        });
        assert_eq!(bits(&again), bits(&whole), "{threads} threads");
    }
    let mut parts = sampler.subjects(0..17).unwrap();
    parts.extend(sampler.subjects(17..60).unwrap());
    assert_eq!(bits(&parts), bits(&whole));
    let other = self::sampler("hcc-surveillance", 12)
        .subjects(0..60)
        .unwrap();
    assert_ne!(bits(&other), bits(&whole));
}

#[test]
fn prevalence_brings_the_kinds_to_their_parts() {
    let sampler = sampler("hcc-surveillance", 2);
    let prevalence = &sampler.population.prevalence[0];
    let subjects = sampler.subjects(0..1500).unwrap();
    for (index, kind) in prevalence.kinds.iter().enumerate() {
        let kind_of = |s: &Subject| prevalence.kind(s.readouts.doubling_time);
        let part = subjects.iter().filter(|s| kind_of(s) == index).count() as f64 / 1500.0;
        // Pilot and sample both carry sampling error.
        let error = (kind.part * (1.0 - kind.part) * (1.0 / 1500.0 + 1.0 / 2000.0)).sqrt();
        assert!(
            (part - kind.part).abs() < 4.0 * error,
            "{} {part}",
            kind.name
        );
    }
    let before = &sampler.weights.as_ref().unwrap().before[0];
    let moved = before
        .iter()
        .zip(&prevalence.kinds)
        .any(|(b, k)| (b - k.part).abs() > 0.05);
    assert!(moved, "the weights have nothing to do: {before:?}");
}

#[test]
fn what_cannot_be_used_is_named() {
    let one = |rest: &str| format!("[factor.a]\npaths = [\"exposure.clearance\"]\n{rest}");
    let two = "[factor.b]\npaths = [\"exposure.volume\"]\nsd = ".to_owned() + &number(0.3) + "\n";
    let sd = format!("sd = {}\n", number(0.3));
    for (text, needle) in [
        (String::new(), "nothing varies"),
        (
            "[factor.a]\nsd = ".to_owned() + &number(0.3),
            "names no parameter",
        ),
        (one(""), "given 0 times"),
        (one(&format!("{sd}cv = {}\n", number(0.3))), "given 2 times"),
        (
            one(&format!("{sd}distribution = \"normal\"\n")),
            "log-normal",
        ),
        (
            one(&format!(
                "{sd}low = {}\nhigh = {}\n",
                number(2.0),
                number(1.0)
            )),
            "low limit",
        ),
        (
            one(&format!("{sd}meadian = {}\n", number(2.0))),
            "did you mean `median`",
        ),
        (one(&format!("{sd}nte = \"x\"\n")), "nte"),
        (
            one(&sd) + &two + "[correlation.a]\nb = " + &number(1.0),
            "not between -1 and 1",
        ),
        (
            one(&sd) + "[correlation.a]\nx = " + &number(0.1),
            "unknown factor `x`",
        ),
        (
            one(&sd) + "[plausible.doubling]\nlow = " + &number(0.1),
            "doubling_time",
        ),
        (
            one(&sd) + "[prevalence.oxygen.low]\npart = " + &number(0.4),
            "add up",
        ),
    ] {
        let error = written(&text).expect_err(needle).to_string();
        assert!(error.contains(needle), "{needle} in {error}");
    }
    let wrong_path =
        written(&one(&sd).replace("exposure.clearance", "exposure.clearence")).unwrap();
    let scenario = Scenario::new("xenograft", Arm::sorafenib());
    let error = Sampler::new(&Library::shipped(), &wrong_path, &scenario, 1).unwrap_err();
    assert!(error.to_string().contains("exposure.clearance"), "{error}");
    let patient = Scenario::new("patient", Arm::sorafenib());
    let error = Sampler::new(&Library::shipped(), &wrong_path, &patient, 1).unwrap_err();
    assert!(error.to_string().contains("--setting xenograft"), "{error}");
    let never =
        one(&sd) + "[plausible.oxygen]\nlow = " + &number(35.0).replace("\"1\"", "\"mmHg\"");
    let error = of(&written(&never).unwrap(), 1)
        .subject(0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("oxygen outside"), "{error}");
}
