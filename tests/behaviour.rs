//! The model shows what the evidence says it should: culture, mouse and patient, with bounds.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::endpoints::Endpoints;
use hif_switch::model::State;
use hif_switch::model::partner::{NODES, Nodes, PartnerAction};
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::{ArmRun, CompareStudy, compare, run_scenario, silent};
use hif_switch::units::Quantity;
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::shipped);

fn run(scenario: &Scenario, grid: f64) -> ArmRun {
    run_scenario(&LIBRARY, scenario, &Accuracy::default(), grid, false).unwrap()
}

fn dosed(setting: &str, dose: &str) -> Scenario {
    Scenario {
        dose: Some(Quantity::parse(dose).unwrap()),
        ..Scenario::new(setting, Arm::sorafenib())
    }
}

/// Value of a series at a time of its grid.
fn at(run: &ArmRun, time: f64, series: &[f64]) -> f64 {
    let index = run.trajectory.times.partition_point(|t| *t < time - 1e-9);
    series[index]
}

fn hif1a(run: &ArmRun) -> Vec<f64> {
    run.trajectory.series(|state, _| state.hif.hif1a)
}

fn hif2a(run: &ArmRun) -> Vec<f64> {
    run.trajectory.series(|state, _| state.hif.hif2a)
}

fn within(what: &str, value: f64, low: f64, high: f64) {
    assert!(
        (low..=high).contains(&value),
        "{what}: {value} is outside {low} to {high}"
    );
}

fn pairs(study: &CompareStudy, name: &str) -> (f64, f64) {
    let result = study.arm(&Arm::combination(name)).unwrap();
    (
        result.main().bliss_interaction.unwrap(),
        result.main().treated_over_control,
    )
}

static XENOGRAFT: LazyLock<CompareStudy> = LazyLock::new(|| {
    compare(
        &LIBRARY,
        &Scenario::new("xenograft", Arm::vehicle()),
        &hif_switch::study::all_arms(&LIBRARY),
        &Accuracy::default(),
        6.0,
        false,
        &silent,
    )
    .unwrap()
});

fn endpoints(arm: &Arm) -> Endpoints {
    XENOGRAFT.arm(arm).unwrap().run.endpoints
}

#[test]
fn hif1a_peaks_within_hours_and_hif2a_rises_for_days_at_one_percent_oxygen() {
    let hypoxia = run(&Scenario::new("culture", Arm::vehicle()), 0.25);
    within(
        "HIF-1a peak, h",
        hypoxia.endpoints.hif1a_peak_time.unwrap() * 24.0,
        2.0,
        8.0,
    );
    let (one, two) = (hif1a(&hypoxia), hif2a(&hypoxia));
    assert!(at(&hypoxia, 72.0, &one) < 0.9 * at(&hypoxia, 4.0, &one));
    assert!(at(&hypoxia, 24.0, &two) > 1.15 * at(&hypoxia, 4.0, &two));
    assert!(at(&hypoxia, 72.0, &two) > at(&hypoxia, 24.0, &two));
}

#[test]
fn hif1a_halves_and_hif2a_doubles_in_severe_hypoxia() {
    // 0.5 % O2 is the xenograft biology at 3.8 mmHg; the step is set through a regimen of its own.
    let document = hif_switch::parameters::Document {
        origin: "severe hypoxia".to_owned(),
        text: "title = \"0.5 % O2\"\nsetting = \"culture\"\nduration = \"72 h\"\n\
               oxygen_before = \"150 mmHg\"\n[[sorafenib]]\namount = \"0 µM\"\n\
               [[oxygen]]\nat = \"0 h\"\noxygen = \"3.8 mmHg\"\n"
            .to_owned(),
    };
    let regimen = hif_switch::regimen::Regimen::parse("severe", &document).unwrap();
    let mut problem = Scenario::new("culture", Arm::vehicle())
        .prepare(&LIBRARY)
        .unwrap();
    problem.timeline =
        hif_switch::regimen::Timeline::build(&regimen, &problem.model, true, &[]).unwrap();
    let mut recorder = hif_switch::simulate::Recorder::new(&problem, vec![0.0, 4.0, 72.0]);
    problem
        .run(&Accuracy::default(), &mut [&mut recorder])
        .unwrap();
    let trajectory = recorder.finish();
    let (early, late) = (&trajectory.states[1].hif, &trajectory.states[2].hif);
    within("HIF-1a 72 h / 4 h", late.hif1a / early.hif1a, 0.3, 0.6);
    within("HIF-2a 72 h / 4 h", late.hif2a / early.hif2a, 1.8, 3.0);
}

#[test]
fn sorafenib_lowers_hif1a_in_culture_with_the_dose_and_hif2a_compensates() {
    let (low, high) = (culture_fold("5 µM", &[]), culture_fold("10 µM", &[]));
    within("HIF-1a at 5 µM", low.0, 0.42, 0.55);
    within("HIF-1a at 10 µM", high.0, 0.27, 0.4);
    assert!(high.0 < low.0);
    within("HIF-2a at 5 µM", low.1, 1.08, 1.2);
    within("HIF-2a at 10 µM", high.1, 1.14, 1.3);
    assert!(high.1 > low.1);
}

#[test]
fn without_phd3_sorafenib_leaves_hif2a_in_culture() {
    let no_phd3 = [("hif.hif2a_phd3_weight", "0 1")];
    let (low, high) = (
        culture_fold("5 µM", &no_phd3),
        culture_fold("10 µM", &no_phd3),
    );
    within("HIF-1a at 10 µM", high.0, 0.27, 0.4);
    within("HIF-2a at 5 µM", low.1, 0.97, 1.03);
    within("HIF-2a at 10 µM", high.1, 0.97, 1.03);
}

/// HIF-1a and HIF-2a after a day of 1 % oxygen with sorafenib, over those without.
fn culture_fold(dose: &str, overrides: &[(&str, &str)]) -> (f64, f64) {
    let overridden = |scenario: Scenario| Scenario {
        overrides: overrides
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
            .collect(),
        ..scenario
    };
    let vehicle = run(&overridden(Scenario::new("culture", Arm::vehicle())), 24.0);
    let treated = run(&overridden(dosed("culture", dose)), 24.0);
    let ratio = |f: fn(&ArmRun) -> Vec<f64>| {
        at(&treated, 24.0, &f(&treated)) / at(&vehicle, 24.0, &f(&vehicle))
    };
    (ratio(hif1a), ratio(hif2a))
}

#[test]
fn untreated_tumours_grow_poorer_in_oxygen_and_lean_to_hif2a() {
    let run = run(&Scenario::new("xenograft", Arm::vehicle()), 24.0);
    let oxygen = run.trajectory.series(|state, _| state.oxygen);
    assert!(oxygen.windows(2).all(|pair| pair[1] < pair[0]));
    within("pO2 on day 0", at(&run, 0.0, &oxygen), 9.9, 10.1);
    within("pO2 on day 28", at(&run, 672.0, &oxygen), 8.2, 9.2);
    let rise = |series: &[f64]| at(&run, 672.0, series) / at(&run, 0.0, series);
    within("HIF-1a on day 28", rise(&hif1a(&run)), 1.0, 1.1);
    within("HIF-2a on day 28", rise(&hif2a(&run)), 1.05, 1.2);
}

#[test]
fn xenografts_slow_down_stop_and_shrink_with_the_dose() {
    let vehicle = run(&Scenario::new("xenograft", Arm::vehicle()), 24.0);
    let control = vehicle.endpoints.burden_end.unwrap();
    let treated = |dose: &str| run(&dosed("xenograft", dose), 24.0).endpoints;
    let ratio = |dose: &str| treated(dose).burden_end.unwrap() / control;
    within("T/C at 10 mg/kg", ratio("10 mg/kg"), 0.45, 0.65);
    within("T/C at 30 mg/kg", ratio("30 mg/kg"), 0.25, 0.4);
    within("T/C at 100 mg/kg", ratio("100 mg/kg"), 0.12, 0.22);
    let start = vehicle.problem.baseline.tumour.burden();
    // Liu 2006: half of the animals regress, so the typical one does for a while.
    let highest = run(&dosed("xenograft", "100 mg/kg"), 24.0);
    let volumes = highest.trajectory.series(|_, signals| signals.burden);
    assert!(volumes.iter().any(|volume| *volume < start), "regression");
}

#[test]
fn the_chain_runs_from_vessels_to_oxygen_to_the_switch() {
    let run = run(&Scenario::new("xenograft", Arm::sorafenib()), 1.0);
    let mvd = run.trajectory.series(|_, signals| signals.mvd);
    let oxygen = run.trajectory.series(|state, _| state.oxygen);
    within("MVD on day 7", at(&run, 168.0, &mvd), 0.6, 0.72);
    within("pO2 on day 28", at(&run, 672.0, &oxygen), 4.0, 5.0);
    let one = hif1a(&run);
    within("HIF-1a on day 1", at(&run, 24.0, &one), 0.95, 1.1);
    within("HIF-1a on day 7", at(&run, 168.0, &one), 0.78, 0.92);
    let middle = at(&run, 336.0, &one);
    within("HIF-1a on day 14", middle, 0.72, 0.9);
    let late = at(&run, 672.0, &one);
    within("HIF-1a on day 28", late, 1.15, 1.4);
    assert!(late > middle, "resistant cells keep HIF-1a");
    let two = hif2a(&run);
    within("HIF-2a on day 1", at(&run, 24.0, &two), 1.05, 1.2);
    within("HIF-2a on day 14", at(&run, 336.0, &two), 2.2, 3.2);
    within("HIF-2a on day 28", at(&run, 672.0, &two), 2.8, 3.6);
    let akt = run.trajectory.series(|_, signals| signals.cascade.akt);
    within("pAKT on day 3", at(&run, 72.0, &akt), 1.05, 1.2);
    within("pAKT on day 14", at(&run, 336.0, &akt), 1.4, 1.65);
    within("pAKT on day 28", at(&run, 672.0, &akt), 1.6, 1.95);
    let apoptosis = run.trajectory.series(|_, signals| signals.apoptosis);
    let early = at(&run, 72.0, &apoptosis);
    let faded = at(&run, 672.0, &apoptosis);
    within("apoptosis on day 3", early, 1.4, 2.4);
    within("apoptosis on day 28", faded, 0.8, 1.1);
    assert!(faded < early);
}

#[test]
fn vessels_stay_down_on_drug_and_come_back_off_drug() {
    let scenario = Scenario {
        regimen: Some("xenograft-withdrawal".to_owned()),
        ..Scenario::new("xenograft", Arm::sorafenib())
    };
    let run = run(&scenario, 24.0);
    let mvd = run.trajectory.series(|_, signals| signals.mvd);
    let day = |day: f64| at(&run, day * 24.0, &mvd);
    assert!(day(14.0) < 0.8, "down at the end of the first course");
    within("MVD a week after withdrawal", day(21.0), 0.95, 1.2);
    assert!(day(35.0) < 0.85, "down again on re-treatment");
    let on_drug = endpoints(&Arm::sorafenib());
    within("MVD nadir on drug", on_drug.mvd_nadir.unwrap(), 0.5, 0.62);
}

#[test]
fn full_vegfr_inhibition_takes_half_of_the_vessels_or_more_in_a_week() {
    // Mancuso 2006: 50-60 % lost in 7 d, up to 80 % with some inhibitors.
    let scenario = Scenario {
        overrides: vec![("sorafenib.vegfr2_ec50".to_owned(), "0.01 nM".to_owned())],
        ..Scenario::new("xenograft", Arm::sorafenib())
    };
    let run = run(&scenario, 24.0);
    let mvd = run.trajectory.series(|_, signals| signals.mvd);
    within("MVD on day 7", at(&run, 168.0, &mvd), 0.2, 0.5);
}

const ON_HIF2: [&str; 4] = ["pt2385", "hif2a-sirna", "metformin", "belzutifan"];
const ON_HIF1: [&str; 6] = [
    "genistein",
    "digoxin",
    "px478",
    "ezn2968",
    "melatonin",
    "ef24",
];
const ON_BOTH: [&str; 3] = ["2-methoxyestradiol", "sodium-orthovanadate", "acriflavine"];

#[test]
fn hif2_blockers_are_more_synergistic_than_hif1_blockers() {
    for name in ON_HIF2 {
        within(name, pairs(&XENOGRAFT, name).0, 0.85, 0.94);
    }
    for name in ON_HIF1.iter().chain(&ON_BOTH) {
        within(name, pairs(&XENOGRAFT, name).0, 0.93, 1.05);
    }
}

/// T/C of sorafenib with a partner at a day.
fn combined(name: &str, day: f64) -> f64 {
    let arm = XENOGRAFT.arm(&Arm::combination(name)).unwrap();
    let found = arm
        .evaluations
        .iter()
        .find(|e| (e.time - 24.0 * day).abs() < 1e-9);
    found.unwrap().treated_over_control
}

#[test]
fn hif1_blockers_lead_at_two_weeks_and_hif2_blockers_at_four_and_none_erases_the_tumour() {
    let mean = |names: &[&str], day: f64| {
        let logs = names.iter().map(|name| combined(name, day).ln());
        (logs.sum::<f64>() / names.len() as f64).exp()
    };
    assert!(mean(&ON_HIF1, 14.0) < 0.97 * mean(&ON_HIF2, 14.0));
    assert!(mean(&ON_HIF2, 28.0) < 0.9 * mean(&ON_HIF1, 28.0));
    assert!(mean(&ON_BOTH, 28.0) < 0.9 * mean(&ON_HIF2, 28.0));
    for name in ON_HIF1.iter().chain(&ON_HIF2).chain(&ON_BOTH) {
        within(name, combined(name, 28.0), 0.08, 0.3);
    }
}

#[test]
fn every_combination_of_the_review_beats_sorafenib_alone() {
    let alone = XENOGRAFT
        .arm(&Arm::sorafenib())
        .unwrap()
        .main()
        .treated_over_control;
    let mut seen = 0;
    for result in XENOGRAFT.arms.iter().filter(|r| r.arm().sorafenib) {
        let Some(partner) = &result.partner else {
            continue;
        };
        if partner.review_reference.is_some() {
            assert!(
                result.main().treated_over_control < alone,
                "{}",
                partner.name
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 12);
}

#[test]
fn a_hif1_blocker_deepens_the_switch_and_a_dual_one_lowers_vegf() {
    let index = |arm: &Arm| XENOGRAFT.arm(arm).unwrap().comparison.switch_index.unwrap();
    let alone = index(&Arm::sorafenib());
    assert!(alone > 1.5);
    assert!(index(&Arm::combination("genistein")) > 1.5 * alone);
    assert!(index(&Arm::combination("hif2a-sirna")) < 0.7 * alone);
    let vegf_end = |arm: &Arm| {
        let e = endpoints(arm);
        e.vegf_nadir.unwrap() + e.vegf_rebound.unwrap()
    };
    assert!(vegf_end(&Arm::sorafenib()) > 1.3, "VEGF overshoots");
    assert!(vegf_end(&Arm::combination("2-methoxyestradiol")) < 1.0);
}

#[test]
fn hif1_blockers_gain_where_hif1a_is_high() {
    let interaction = |variant: Option<&str>| {
        let scenario = Scenario {
            variant: variant.map(str::to_owned),
            ..Scenario::new("xenograft", Arm::vehicle())
        };
        let arms = [Arm::combination("genistein")];
        let study = compare(
            &LIBRARY,
            &scenario,
            &arms,
            &Accuracy::default(),
            24.0,
            false,
            &silent,
        )
        .unwrap();
        pairs(&study, "genistein").0
    };
    let (full, no_switch) = (interaction(None), interaction(Some("no_switch")));
    assert!(no_switch < full - 0.03, "{no_switch} against {full}");
}

#[test]
fn achievable_exposure_leaves_the_hif2_antagonists_and_takes_the_natural_compounds() {
    let scenario = Scenario {
        mode: hif_switch::regimen::Mode::AchievableExposure,
        ..Scenario::new("xenograft", Arm::vehicle())
    };
    let names = [
        "pt2385",
        "belzutifan",
        "capsaicin",
        "melatonin",
        "simvastatin",
        "genistein",
    ];
    let arms: Vec<Arm> = names.iter().map(|name| Arm::combination(name)).collect();
    let study = compare(
        &LIBRARY,
        &scenario,
        &arms,
        &Accuracy::default(),
        24.0,
        false,
        &silent,
    )
    .unwrap();
    let ratio = |arm: &Arm| study.arm(arm).unwrap().main().treated_over_control;
    let alone = ratio(&Arm::sorafenib());
    for name in &names[..2] {
        assert!(ratio(&Arm::combination(name)) < 0.8 * alone, "{name}");
    }
    for name in &names[2..] {
        assert!(ratio(&Arm::combination(name)) > 0.95 * alone, "{name}");
    }
}

#[test]
fn patients_progress_later_on_sorafenib_and_exposure_declines() {
    let vehicle = run(&Scenario::new("patient", Arm::vehicle()), 168.0).endpoints;
    let treated = run(&Scenario::new("patient", Arm::sorafenib()), 168.0);
    let weeks = |e: &Endpoints| e.time_to_progression.unwrap() / 7.0;
    within("placebo, weeks", weeks(&vehicle), 6.0, 12.0);
    within("sorafenib, weeks", weeks(&treated.endpoints), 10.0, 18.0);
    let total = treated
        .trajectory
        .series(|_, signals| signals.sorafenib_total);
    let decline = at(&treated, 26.0 * 168.0, &total) / at(&treated, 2.0 * 168.0, &total);
    within("exposure, week 26 over week 2", decline, 0.55, 0.68);
}

#[test]
fn resistant_tumours_keep_both_hifs_and_respond_less() {
    let resistant = |arm: Arm| {
        run(
            &Scenario {
                phenotype: Some("resistant".to_owned()),
                ..Scenario::new("xenograft", arm)
            },
            24.0,
        )
    };
    let vehicle = resistant(Arm::vehicle());
    let baseline = vehicle.problem.baseline;
    assert!(baseline.tumour.resistant_fraction() > 0.4);
    assert!(baseline.hif.hif1a > 1.15 && baseline.hif.hif2a > 1.1);
    let treated = resistant(Arm::sorafenib());
    let ratio = treated.endpoints.burden_end.unwrap() / vehicle.endpoints.burden_end.unwrap();
    let parental = XENOGRAFT.arm(&Arm::sorafenib()).unwrap().evaluations[1].treated_over_control;
    assert!(ratio > 1.3 * parental, "{ratio} against {parental}");
}

#[test]
fn resistant_cells_keep_both_hifs_in_air() {
    let before = |phenotype: &str| {
        let scenario = Scenario {
            phenotype: Some(phenotype.to_owned()),
            ..Scenario::new("culture", Arm::vehicle())
        };
        scenario.prepare(&LIBRARY).unwrap().baseline
    };
    let (parental, resistant) = (before("parental"), before("resistant"));
    let one = resistant.hif.hif1a / parental.hif.hif1a;
    let two = resistant.hif.hif2a / parental.hif.hif2a;
    within("HIF-1a of resistant over parental cells", one, 3.0, 4.0);
    within("HIF-2a of resistant over parental cells", two, 2.2, 3.0);
    let akt = resistant.adaptation.akt_tone / parental.adaptation.akt_tone;
    within(
        "tone of AKT of resistant over parental cells",
        akt,
        1.2,
        1.8,
    );
}

#[test]
fn every_node_pushes_its_target_at_once() {
    let targets: [(&str, &str, f64); NODES] = [
        ("hif1_transcription", "HIF1A", -1.0),
        ("hif1_synthesis", "HIF1A", -1.0),
        ("hif1_degradation", "HIF1A", -1.0),
        ("hif2_synthesis", "HIF2A", -1.0),
        ("hif2_dimerisation", "EMT", -1.0),
        ("hif1_transactivation", "glycolysis", -1.0),
        ("glycolysis", "glycolysis", -1.0),
        ("ampk", "HIF1A", -1.0),
        ("mtorc1", "AKT_tone", 1.0),
        ("akt_survival", "survival", -1.0),
        ("jnk", "survival", 1.0),
        ("nfkb", "survival", -1.0),
        ("apoptosis", "apoptosis", 1.0),
        ("cytostasis", "sensitive", -1.0),
        ("angiogenesis", "vessels_immature", -1.0),
        ("emt", "EMT", -1.0),
    ];
    let scenario = Scenario::new("xenograft", Arm::partner("pt2385"));
    let mut problem = scenario.prepare(&LIBRARY).unwrap();
    let mut inputs = problem.timeline.before;
    inputs.partners[0].given = true;
    let mut rate = |nodes: Nodes<f64>, target: &str| {
        problem.model.partners[0].as_mut().unwrap().action = PartnerAction::Imposed(nodes);
        let index = State::fields()
            .iter()
            .position(|field| field.name == target);
        let rates = problem.model.derivatives(&inputs, &problem.baseline);
        rates.to_array()[index.unwrap()]
    };
    for (index, (node, target, sign)) in targets.into_iter().enumerate() {
        assert_eq!(node, Nodes::NAMES[index]);
        let half = std::array::from_fn(|i| if i == index { 0.5 } else { 0.0 });
        let push = rate(Nodes::from_values(half), target) - rate(Nodes::none(), target);
        assert!(sign * push > 1e-4, "{node} pushes {target} by {push} per h");
    }
}
