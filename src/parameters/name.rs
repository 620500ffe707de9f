//! Names that become paths, columns, cells or parts of an arm, checked in one place.

use crate::error::{Error, Result};

/// Longest name.
const LONGEST: usize = 64;

/// Words of an arm that no drug can be called.
const ARM_WORDS: [&str; 5] = ["vehicle", "sorafenib", "none", "placebo", "control"];

/// Checks a name: ASCII letters, digits, `-` and `_`, the first a letter or digit, at most 64, and no name that Windows keeps
/// for a device. So it is no path, no formula of a spreadsheet, and no more than one word of an arm.
///
/// # Errors
/// Says what is wrong with the name.
pub fn check_name(name: &str, what: &str, place: &str) -> Result<()> {
    let problem = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > LONGEST {
        format!("has {} characters", name.len())
    } else if let Some(bad) = name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || ['-', '_'].contains(c)))
    {
        format!("contains `{}`", bad.escape_default())
    } else if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        "does not start with a letter or a digit".to_owned()
    } else if is_device(name) {
        "is that of a device on Windows".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::input(
        place,
        format!(
            "the name of the {what} {problem}: `{}`",
            name.escape_debug()
        ),
        format!("give letters, digits, - and _, first a letter or a digit, at most {LONGEST}"),
    ))
}

/// Checks the name of a partner, which stands in arms beside words of their own.
///
/// # Errors
/// As [`check_name`]; a word that means something in an arm.
pub fn check_partner(name: &str, place: &str) -> Result<()> {
    check_name(name, "partner", place)?;
    if ARM_WORDS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(Error::input(
            place,
            format!("`{name}` means something else in an arm"),
            "give the partner another name",
        ));
    }
    Ok(())
}

/// Checks a key of a parameter file: names, joined by `.` in the path of a parameter and by `+` in an arm.
///
/// # Errors
/// As [`check_name`].
pub fn check_key(key: &str, place: &str) -> Result<()> {
    key.split(['.', '+'])
        .try_for_each(|name| check_name(name, "key", place))
}

fn is_device(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let numbered = |start: &str| {
        name.strip_prefix(start)
            .is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    ["con", "prn", "aux", "nul"].contains(&name.as_str()) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_word() {
        for name in [
            "pt2385",
            "2-methoxyestradiol",
            "no_switch",
            "C40",
            "x",
            "console",
        ] {
            check_partner(name, "here").expect(name);
        }
        let long = "a".repeat(65);
        for name in [
            "", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a.b", "a b", "a+b", "=cmd|x", "+x",
            "-x", "_x", "@x", "\tx", "a\n", "a\0b", "nul", "COM1", "lpt9", "ä", "a:b", "a,b",
            "a\"b", "a*", &long,
        ] {
            let error = check_name(name, "partner", "here").expect_err(name);
            assert_eq!(error.exit_code(), 2);
        }
        for name in ["vehicle", "Sorafenib", "none", "placebo"] {
            check_name(name, "setting", "here").expect("no partner");
            check_partner(name, "here").expect_err(name);
        }
        check_key("published", "here").expect("a word");
        check_key("partner.pt2385.dose", "here").expect("a path");
        check_key("sorafenib+pt2385", "here").expect("an arm");
        for key in ["a..b", "=cmd", ".a", "a/b"] {
            check_key(key, "here").expect_err(key);
        }
    }
}
