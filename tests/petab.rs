//! A calibration as a PEtab problem; tests/interop/petab_check.py compares objectives in other tools.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::interchange::petab;
use hif_switch::parameters::Library;
use hif_switch::study::calibrate::{Calibration, Targets};
use std::collections::BTreeMap;

fn exported(name: &str) -> (Calibration, BTreeMap<String, String>) {
    let library = Library::shipped();
    let targets = Targets::read(&library).unwrap();
    let calibration = Calibration::read(&library, name, &targets.all).unwrap();
    let nominal = calibration.values(&calibration.present());
    let files = petab(&library, &calibration, &nominal).unwrap();
    (calibration, files.into_iter().collect())
}

/// Every target that is fitted to is a measurement with its noise, every parameter has its bounds.
#[test]
fn every_calibration_is_exported_whole() {
    for name in Library::shipped().names("calibrations") {
        let (calibration, files) = exported(name);
        let fitted: Vec<_> = calibration.targets.iter().filter(|t| t.fit).collect();
        let measurements: Vec<Vec<&str>> = files["measurements.tsv"]
            .lines()
            .skip(1)
            .map(|line| line.split('\t').collect())
            .collect();
        assert_eq!(measurements.len(), fitted.len(), "{name}");
        for (row, target) in measurements.iter().zip(&fitted) {
            let [measured, sigma] = [row[2], row[4]].map(|text| text.parse::<f64>().unwrap());
            assert!((measured - target.value).abs() < 1e-12);
            // A prediction one standard deviation above has a residual of 1.
            let above = measured * sigma.exp();
            assert!((target.residual(above) - 1.0).abs() < 1e-9, "{}", target.id);
            assert!(files["observables.tsv"].contains(&format!("\n{}\t", row[0])));
        }
        let parameters: Vec<&str> = files["parameters.tsv"].lines().skip(1).collect();
        assert_eq!(parameters.len(), calibration.space.axes.len());
        for (line, axis) in parameters.iter().zip(&calibration.space.axes) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns[0], axis.path.replace('.', "_"));
            assert_eq!(columns[2], if axis.log { "log10" } else { "lin" });
            let [low, high, nominal] = [3, 4, 5].map(|i| columns[i].parse::<f64>().unwrap());
            assert!(low <= nominal && nominal <= high);
            let ratio = (high / low) / (axis.high / axis.low);
            assert!((ratio - 1.0).abs() < 1e-12);
            let defined = format!("id=\"{}\"", columns[0]);
            assert_eq!(
                files["model.xml"].matches(&format!(" {defined}")).count(),
                1
            );
        }
        assert!(files[&format!("{name}.yaml")].contains("format_version: 1"));
    }
}

/// A parameter that acts through numbers of the export would make a wrong problem.
#[test]
fn a_parameter_of_the_start_is_refused() {
    let library = Library::shipped();
    let targets = Targets::read(&library).unwrap();
    let shipped = Calibration::read(&library, "xenograft", &targets.all).unwrap();
    let with = |path: &str| {
        let paths = [path.to_owned()];
        let targets = shipped.targets.clone();
        let calibration =
            Calibration::new(&library, "own", "own", "xenograft", &paths, targets).unwrap();
        let nominal = calibration.values(&calibration.present());
        petab(&library, &calibration, &nominal)
    };
    let message = with("size.initial_burden").unwrap_err().to_string();
    assert!(message.contains("`size.initial_burden` moves"), "{message}");
    assert!(with("tumour.growth_rate").is_ok());
    let message = with("markers.hypoxic_oxygen").unwrap_err().to_string();
    assert!(
        message.contains("no exported equation uses it"),
        "{message}"
    );
}
