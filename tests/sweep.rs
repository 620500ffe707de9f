//! Sweeps: grids are what was asked for, the way up and down meets the steady states.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Mode};
use hif_switch::simulate::{Accuracy, Scenario, Template};
use hif_switch::study::assay::{Assay, Quantity};
use hif_switch::study::bifurcation::steady_state_diagram;
use hif_switch::study::knob::{Knob, turned};
use hif_switch::study::plan::collect;
use hif_switch::study::silent;
use hif_switch::study::sweep::{Axis, FIXED_CELLS, SweepPlan, up_down};

fn accuracy() -> Accuracy {
    Accuracy {
        rtol: 1e-5,
        ..Accuracy::ensemble()
    }
}

fn template(setting: &str, arm: &str, days: f64) -> Template {
    let library = Library::shipped();
    let scenario = Scenario {
        duration: Some(24.0 * days),
        ..Scenario::new(setting, Arm::parse(arm, &library, "test").unwrap())
    };
    Template::read(&library, &scenario).unwrap()
}

#[test]
fn axes_are_read_and_wrong_ones_refused() {
    let template = template("xenograft", "sorafenib+pt2385", 1.0);
    let values = |text: &str| Axis::parse(text, &template, "--x").unwrap().values;
    assert_eq!(values("dose=10:30:3"), [10.0, 20.0, 30.0]);
    assert_eq!(values("dose=30,10,20,10"), [10.0, 20.0, 30.0]);
    let log = values("hif.haf_loss=1:100:3:log");
    assert!((log[1] - 10.0).abs() < 1e-12 && (log[2] - 100.0).abs() < 1e-12);
    assert_eq!(values("partner.pt2385.dose=0:1:2"), [0.0, 1.0]);
    for (text, needle) in [
        ("dose", "no `=`"),
        ("dose=1:1:3", "is empty"),
        ("dose=1:2:1", "too few"),
        ("dose=1:2:99999999", "beyond the largest allowed"),
        ("dose=0:2:3:log", "logarithmic"),
        ("dose=1:2:x", "no count"),
        ("dose=1:b:3", "no number"),
        ("dose=1:2", "no range"),
        ("dosis=1:2:3", "did you mean `dose`"),
        ("partner.genistein.dose=0:1:2", "partner of the arm"),
        ("oxygen=1:2:3", "--setting culture"),
    ] {
        let error = Axis::parse(text, &template, "--x")
            .expect_err(text)
            .to_string();
        assert!(
            error.contains(needle) && error.contains("--x"),
            "{needle} in {error}"
        );
    }
}

#[test]
fn a_grid_is_run_point_by_point_and_a_higher_dose_leaves_a_smaller_tumour() {
    let library = Library::shipped();
    let scenario = Scenario {
        duration: Some(5.0 * 24.0),
        ..Scenario::new("xenograft", Arm::combination("pt2385"))
    };
    let quantities = [Quantity::TreatedOverControl, Quantity::BlissInteraction];
    let assay = Assay::new(&library, &scenario, &quantities).unwrap();
    let axis = |text: &str| Axis::parse(text, &assay.templates[0], "--x").unwrap();
    let axes = vec![axis("partner.pt2385.dose=0,1"), axis("dose=5,15,45")];
    let plan = SweepPlan { assay, axes };
    let rows = collect(&plan, &accuracy(), &silent).unwrap();
    let result = plan.analyse(&rows);
    assert_eq!((result.rows.count(), result.tally.failed), (6, 0));
    let at = |i: usize| rows[i].values[0];
    assert_eq!(result.plan.values(4), [1.0, 15.0]);
    assert!(at(0) > at(1) && at(1) > at(2) && at(2) > at(5));
    // Without the partner's effect the combination is sorafenib: no interaction.
    for row in &rows[..3] {
        assert!((row.values[1] - 1.0).abs() < 1e-6, "{:?}", row.values);
    }
}

#[test]
fn a_partners_dose_scales_imposed_effects_and_amounts() {
    let library = Library::shipped();
    let knob = Knob::Partner("pt2385".to_owned());
    for mode in [Mode::Mechanistic, Mode::AchievableExposure] {
        let scenario = Scenario {
            mode,
            duration: Some(48.0),
            ..Scenario::new("xenograft", Arm::partner("pt2385"))
        };
        let template = Template::read(&library, &scenario).unwrap();
        let own = turned(&template, &[(&knob, 1.0)]).unwrap();
        assert_eq!(own, template.problem(&[]).unwrap());
        let half = turned(&template, &[(&knob, 0.5)]).unwrap();
        assert_ne!(half, own);
    }
}

#[test]
fn the_ways_up_and_down_end_near_the_stable_states() {
    let template = template("culture", "vehicle", 1.0);
    let axis = Axis::parse("oxygen=2:20:4:log", &template, "--x").unwrap();
    // Long enough at each level for regulator and effectors to settle.
    let ways = up_down(&template, &axis, 20.0 * 24.0, &FIXED_CELLS, &accuracy()).unwrap();
    let states = steady_state_diagram(&template, &axis, &FIXED_CELLS, 1).unwrap();
    for (place, level) in axis.values.iter().enumerate() {
        let stable: Vec<f64> = states
            .iter()
            .filter(|s| s.at.total_cmp(level).is_eq() && s.stable())
            .map(|s| s.signals[3])
            .collect();
        assert!(!stable.is_empty(), "no stable state at {level} mmHg");
        for way in [&ways.up, &ways.down] {
            let regulator = way[3][place];
            let near = stable.iter().any(|s| (s - regulator).abs() < 0.05 * s);
            assert!(near, "{level} mmHg: {regulator}, stable {stable:?}");
        }
    }
    assert!(ways.gap(0) >= 0.0 && ways.gap(0) <= 1.0);
    // HIF-2a falls with oxygen on both ways.
    assert!(ways.up[1][0] > ways.up[1][3] && ways.down[1][0] > ways.down[1][3]);
}

#[test]
fn fast_steps_leave_a_gap_that_slow_ones_do_not() {
    let template = template("culture", "vehicle", 1.0);
    let axis = Axis::parse("oxygen=2:20:4:log", &template, "--x").unwrap();
    let gap = |days: f64| {
        up_down(&template, &axis, days * 24.0, &FIXED_CELLS, &accuracy())
            .unwrap()
            .gap(3)
    };
    let (fast, slow) = (gap(0.25), gap(10.0));
    assert!(fast > 3.0 * slow, "{fast} {slow}");
}

#[test]
fn only_what_can_change_during_a_run_goes_up_and_down() {
    let template = template("xenograft", "sorafenib", 1.0);
    let axis = Axis::parse("hif.haf_loss=1:2:3", &template, "--x").unwrap();
    assert!(up_down(&template, &axis, 24.0, &[], &accuracy()).is_err());
    let dose = Axis::parse("dose=10,30", &template, "--x").unwrap();
    let ways = up_down(&template, &dose, 48.0, &[], &accuracy()).unwrap();
    assert_eq!((ways.up[0].len(), ways.down[0].len()), (2, 2));
}
