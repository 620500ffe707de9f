//! The report needs nothing else: links lead within the page, nothing is loaded, text is escaped.
//!
//! `tests/interop/run.sh` opens the whole report in a browser.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report::{self, Beside, Comparison, Drawing, Page, Validation};
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::calibrate::{Targets, validate};
use hif_switch::study::{compare, silent};
use std::collections::BTreeSet;

fn page() -> String {
    let library = Library::shipped();
    let scenario = Scenario {
        duration: Some(48.0),
        ..Scenario::new("xenograft", Arm::vehicle())
    };
    let arms = [Arm::combination("pt2385")];
    let accuracy = Accuracy::default();
    let study = compare(&library, &scenario, &arms, &accuracy, 2.0, false, &silent).unwrap();
    let figure = hif_switch::figure::monotherapy(&study).unwrap();
    let targets = Targets::read(&library).unwrap();
    let hif = targets.all.iter().filter(|target| target.file == "hif");
    let mut hif: Vec<_> = hif.cloned().collect();
    // One that the model does not meet, whatever its parameters.
    hif[0].interval = (100.0 * hif[0].value, 200.0 * hif[0].value);
    hif[0].outside = Some("what keeps the model outside".to_owned());
    let rows = &validate(&library, &hif, &[], 0, 1, &Accuracy::default(), &silent).unwrap();
    let monotherapy = figure;
    let figure = hif_switch::figure::validation(rows).unwrap();
    let page = Page {
        differs: "--set x=\"<1 & 2>\"".to_owned(),
        comparisons: vec![Comparison {
            name: "xenograft".to_owned(),
            title: "Xenograft".to_owned(),
            table: report::arms_table(&study, Beside::default()),
            legend: report::legend(&study, Beside::default()),
            command: "hif-switch compare --setting xenograft".to_owned(),
        }],
        drawings: vec![Drawing {
            name: monotherapy.name.to_owned(),
            caption: monotherapy.caption,
            svg: monotherapy.svg,
        }],
        claims: None,
        validation: Some(Validation {
            rows,
            draws: 0,
            drawings: vec![Drawing {
                name: figure.name.to_owned(),
                caption: figure.caption,
                svg: figure.svg,
            }],
            command: "hif-switch validate --out .".to_owned(),
        }),
        parameters: report::parameter_sets(&library).unwrap(),
        references: library.references().unwrap(),
        manifest: "{}".to_owned(),
        commands: vec![("hif-switch".to_owned(), "everything".to_owned())],
    };
    page.to_html()
}

/// Values of an attribute in the text of a page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.split(&format!(" {name}=\""))
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

#[test]
fn links_lead_within_the_page_and_nothing_is_loaded() {
    let page = page();
    let ids = attributes(&page, "id");
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len(), "an id stands twice");
    let links = attributes(&page, "href");
    assert!(links.len() > 100, "{} links", links.len());
    for link in links {
        let target = link.strip_prefix('#').expect("a link within the page");
        assert!(known.contains(target), "{link} leads nowhere");
    }
    for loading in [
        "<script", "<link", "<img", "<iframe", " src=", "url(", "@import",
    ] {
        assert!(
            !page.contains(loading),
            "the page loads something: {loading}"
        );
    }
}

#[test]
fn the_page_says_what_it_must() {
    let page = page();
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(page.contains("Not for decisions about patients"));
    assert!(page.contains("&lt;1 &amp; 2&gt;"), "text is escaped");
    let rows = page.matches("<tr>").count();
    assert!(rows > 400, "{rows} rows: every parameter stands there");
    for arm in ["vehicle", "sorafenib+pt2385"] {
        assert!(page.contains(&format!(">{arm}</td>")), "{arm}");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(page.contains("href=\"#validation\""));
    assert!(page.contains("fitted to: ") && page.contains("held out: "));
    assert!(page.matches("id=\"target-hif").count() >= 5);
    let fail = "<td class=\"fail\">no</td>";
    assert!(page.contains(fail), "a verdict");
    assert!(
        page.contains("what keeps the model outside"),
        "an explanation"
    );
}
