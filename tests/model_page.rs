//! docs/MODEL.md cannot drift: its equations and parameters are those of the program.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::interchange::reference_page;
use hif_switch::model::State;
use hif_switch::parameters::Library;

const BEGIN: &str = "<!-- generated: equations -->\n";
const END: &str = "<!-- end of the generated part -->";

#[test]
fn the_generated_part_is_that_of_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/MODEL.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the begin marker");
    let (found, after) = rest.split_once(END).expect("the end marker");
    let expected = format!("\n{}\n", reference_page(&Library::shipped()).unwrap());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert!(
        found == expected,
        "docs/MODEL.md differs from the program: run `UPDATE_DOCS=1 cargo test --test model_page`"
    );
}

#[test]
fn every_state_has_an_equation_and_every_parameter_a_grade() {
    let page = reference_page(&Library::shipped()).unwrap();
    for field in State::fields() {
        if !field.name.starts_with("partner") {
            let found = page.contains(&format!("{}' =", field.name));
            assert!(found, "{} has no equation", field.name);
        }
    }
    let rows: Vec<&str> = page
        .split("### Parameters")
        .nth(1)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() > 120, "{} parameters", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let graded = !cells[6].is_empty() || cells[1] == "`nanomolar_per_mass`";
        assert!(graded, "{row}");
    }
}
