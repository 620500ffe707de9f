//! cargo run --release --example synthetic_volumes
//!
//! Lesson: data whose truth is known. Twenty-four mice with a growth rate and a RAF concentration that are
//! not those of the files, a spread between animals and an error of measurement; `hif-switch calibrate
//! --data` must find the two values again.

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report::write_all;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::random::{Draws, Purpose};
use hif_switch::study::run_scenario;
use hif_switch::units::Quantity;
use std::fmt::Write;

/// Values behind the data.
const TRUTH: [(&str, &str); 2] = [
    ("tumour.growth_rate", "0.36 1/d"),
    ("sorafenib.raf_ec50", "220 nM"),
];

/// Animals per arm, days between measurements and their number.
const ANIMALS: u64 = 8;
const INTERVAL: usize = 4;
const MEASUREMENTS: usize = 6;

/// Standard deviations of the logarithm of volume: between animals, and of a measurement.
const SPREAD: f64 = 0.10;
const ERROR: f64 = 0.06;

const SEED: u64 = 1;

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let draws = Draws::new(SEED, Purpose::Population);
    let arms = [
        ("vehicle", None, Arm::vehicle()),
        ("sorafenib", Some(10.0), Arm::sorafenib()),
        ("sorafenib", Some(30.0), Arm::sorafenib()),
    ];
    let mut text = "animal,day,volume,arm,dose\n".to_owned();
    let mut animal = 0;
    for (name, dose, arm) in arms {
        let dose = dose.map(|value| Quantity {
            value,
            unit: "mg/kg".to_owned(),
        });
        let dose_text = dose.as_ref().map(ToString::to_string).unwrap_or_default();
        let scenario = Scenario {
            dose,
            overrides: TRUTH
                .map(|(path, value)| (path.to_owned(), value.to_owned()))
                .to_vec(),
            ..Scenario::new("xenograft", arm)
        };
        let step = 24.0 * INTERVAL as f64;
        let run = run_scenario(&library, &scenario, &Accuracy::default(), step, false)?;
        let volumes = run.trajectory.series(|_, signals| signals.burden);
        for _ in 0..ANIMALS {
            animal += 1;
            let mut normals = draws.normals(animal, 0);
            let own = SPREAD * normals.next().unwrap_or_default();
            for (index, (volume, error)) in
                volumes.iter().zip(normals).take(MEASUREMENTS).enumerate()
            {
                let measured = volume * (own + ERROR * error).exp();
                // Writing to a string does not fail.
                let _ = writeln!(
                    text,
                    "{animal},{},{measured:.1},{name},{dose_text}",
                    index * INTERVAL
                );
            }
        }
    }
    println!("{animal} animals");
    write_all(&[("examples/xenograft_volumes.csv".into(), text.into_bytes())])?;
    Ok(())
}
