//! The ledger of claims: complete, explained, able to fail.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use hif_switch::parameters::Library;
use hif_switch::simulate::Accuracy;
use hif_switch::study::claims::{
    Alternative, Claim, Claims, Kind, Priority, Verdict, ledger, verdicts_in,
};
use hif_switch::study::silent;

fn shipped() -> Claims {
    Claims::read(&Library::shipped()).unwrap()
}

fn named(claims: &Claims, ids: &[&str]) -> Vec<Claim> {
    ids.iter()
        .map(|id| claims.claims.iter().find(|claim| claim.id == *id))
        .map(|claim| claim.unwrap().clone())
        .collect()
}

#[test]
fn every_claim_of_the_review_has_a_row() {
    let claims = shipped();
    for number in 1..=116 {
        let id = format!("C{number:02}");
        assert!(claims.claims.iter().any(|claim| claim.id == id), "{id}");
    }
    let rows = claims.claims.iter();
    assert_eq!(rows.filter(|claim| claim.kind == Kind::Table3).count(), 20);
}

#[test]
fn every_row_of_table_3_has_a_place_on_the_map() {
    for claim in shipped().claims {
        assert_eq!(
            claim.kind == Kind::Table3,
            claim.place.is_some(),
            "{}",
            claim.id
        );
    }
}

#[test]
fn core_claims_are_tested() {
    for claim in shipped().claims {
        if claim.priority == Priority::A {
            assert!(
                !claim.tests.is_empty(),
                "{}: {:?}",
                claim.id,
                claim.untested
            );
        }
    }
}

/// Claims that a mechanism is named on must hang on it: they pass in the full model and fail without it.
#[test]
fn without_a_mechanism_every_claim_that_names_it_fails() {
    let library = Library::shipped();
    let claims = shipped();
    let accuracy = Accuracy {
        rtol: 1e-5,
        ..Accuracy::default()
    };
    for mechanism in claims.mechanisms.keys() {
        let naming: Vec<&Claim> = claims
            .claims
            .iter()
            .filter(|claim| claim.mechanisms.contains(mechanism))
            .collect();
        assert!(!naming.is_empty(), "no claim names {mechanism}");
        let verdicts = |alternative: &Alternative| {
            verdicts_in(&library, alternative, &naming, &accuracy).unwrap()
        };
        let full = verdicts(&Alternative::default());
        let without = verdicts(&Alternative::without(&claims, mechanism).unwrap());
        for (claim, pair) in naming.iter().zip(full.into_iter().zip(without)) {
            let flips = (Verdict::Pass, Verdict::Fail);
            assert_eq!(pair, flips, "{} without {mechanism}", claim.id);
        }
    }
}

/// Models share runs only where all of theirs agree: C106 starts from cells pre-treated in its own variant.
#[test]
fn models_judged_together_agree_with_each_alone() {
    let (library, accuracy) = (Library::shipped(), Accuracy::ensemble());
    let selected = named(&shipped(), &["C106", "C30", "C44"]);
    let variants = ["no_switch", "no_pk_decline"].map(Alternative::variant);
    let judge = |alternatives: &[Alternative]| -> Vec<Vec<Verdict>> {
        let ledger = ledger(&library, &selected, alternatives, &accuracy, &silent).unwrap();
        let rows = ledger.rows.into_iter();
        rows.map(|row| row.in_alternatives).collect()
    };
    let together = judge(&variants);
    for (index, variant) in variants.iter().enumerate() {
        let alone = judge(std::slice::from_ref(variant));
        for (row, alone) in together.iter().zip(alone) {
            assert_eq!(row[index], alone[0], "{}", variant.name);
        }
    }
}

#[test]
fn values_carry_a_small_numerical_error() {
    let claims = shipped();
    let selected = named(&claims, &["C40", "C41", "C88", "C91"]);
    let ledger = ledger(
        &Library::shipped(),
        &selected,
        &[],
        &Accuracy::default(),
        &silent,
    )
    .unwrap();
    for row in &ledger.rows {
        for (test, result) in row.claim.tests.iter().zip(&row.tests) {
            let bound = 1e-3 * result.value.abs().max(1.0);
            let close = !result.value.is_finite() || result.error < bound;
            assert!(close, "{} {}: {result:?}", row.claim.id, test.text);
        }
    }
}

#[test]
fn an_unknown_claim_is_named_with_the_nearest() {
    let output = Command::cargo_bin("hif-switch")
        .unwrap()
        .args(["claims", "C400"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("`C40`"), "{message}");
}

#[test]
fn a_claim_can_be_added_as_data_and_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let claims = folder.path().join("claims");
    std::fs::create_dir(&claims).unwrap();
    let write = |measure: &str| {
        let text = format!(
            "[[claim]]\nid = \"X01\"\npriority = \"B\"\nkind = \"prediction\"\ntext = \"Own.\"\n\
             [[claim.test]]\ntext = \"HIF-1a falls\"\nmeasure = \"{measure}\"\n\
             in = \"culture-hypoxia\"\narm = \"sorafenib\"\nat = \"6 h\"\n\
             against = {{ arm = \"vehicle\" }}\nexpect = \"down\"\n"
        );
        std::fs::write(claims.join("own.toml"), text).unwrap();
    };
    let run = || {
        Command::cargo_bin("hif-switch")
            .unwrap()
            .args(["--params"])
            .arg(folder.path())
            .args(["claims", "X01", "--no-variants", "--format", "csv"])
            .output()
            .unwrap()
    };
    write("HIF1A");
    let output = run();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains(",pass,"), "{text}");
    write("HIF1a");
    let output = run();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        message.contains("own.toml, claim X01, test 1") && message.contains("`HIF1A`"),
        "{message}"
    );
}
