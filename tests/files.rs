//! Files: nothing is mixed, half-written, replaced in silence or written where it does not belong.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn hif_switch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hif-switch"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    hif_switch(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output and standard error of a call that works.
fn works(arguments: &[&str]) -> (String, String) {
    let output = output(arguments);
    let error = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    (text(&output.stdout), error)
}

/// The message of a call that is refused.
fn refused(arguments: &[&str]) -> String {
    let output = output(arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(error.contains("remedy: "), "{error}");
    error
}

fn string(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

const SHARED_OUT: &str = "sweep --x dose=1:50:7 --days 2 --part-rows 2 --no-figures";

/// Arguments of a small study in parts, into a folder.
fn study<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments: Vec<&str> = SHARED_OUT.split(' ').collect();
    arguments.extend(["--out", out]);
    arguments.extend(more);
    arguments
}

/// Runs all parts of the study and leaves them.
fn parts(out: &Path) -> PathBuf {
    works(&study(&string(out), &["--shard", "1/1"]));
    out.join("results/sweep.parts")
}

/// Replaces the first `from` after a place in a file.
fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_part_that_is_not_as_it_was_written_is_named_and_never_accepted() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 9] = [
        ("cut in its last number", |folder| {
            let path = folder.join("part-00000001.csv");
            let text = std::fs::read_to_string(&path).unwrap();
            let rows = text.rsplit_once("\n#").unwrap().0;
            std::fs::write(&path, &rows[..rows.len() - 3]).unwrap();
        }),
        ("a digit changed", |folder| {
            let path = folder.join("part-00000001.csv");
            let text = std::fs::read_to_string(&path).unwrap();
            let at = text.find('.').unwrap() + 3;
            let digit = if &text[at..=at] == "5" { "6" } else { "5" };
            std::fs::write(&path, format!("{}{digit}{}", &text[..at], &text[at + 1..])).unwrap();
        }),
        ("two columns swapped", |folder| {
            let path = folder.join("part-00000001.csv");
            let text = std::fs::read_to_string(&path).unwrap();
            let swapped = text
                .lines()
                .map(|line| match line.split(',').collect::<Vec<_>>()[..] {
                    [row, failure, a, b, ref rest @ ..] => {
                        [&[row, failure, b, a][..], rest].concat().join(",")
                    }
                    _ => line.to_owned(),
                });
            let swapped: Vec<String> = swapped.collect();
            assert_ne!(swapped.join("\n"), text.trim_end());
            std::fs::write(&path, swapped.join("\n") + "\n").unwrap();
        }),
        ("NaN written", |folder| {
            let path = folder.join("part-00000001.csv");
            let text = std::fs::read_to_string(&path).unwrap();
            let number = text.lines().nth(1).unwrap().rsplit(',').next().unwrap();
            edit(&path, number, "NaN");
        }),
        ("rows reordered", |folder| {
            let path = folder.join("part-00000001.csv");
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(1, 2);
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        }),
        ("empty", |folder| {
            std::fs::write(folder.join("part-00000001.csv"), "").unwrap();
        }),
        ("a folder instead", |folder| {
            let path = folder.join("part-00000001.csv");
            std::fs::remove_file(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
        }),
        ("in the place of another", |folder| {
            std::fs::copy(
                folder.join("part-00000002.csv"),
                folder.join("part-00000001.csv"),
            )
            .unwrap();
        }),
        ("one too many", |folder| {
            std::fs::copy(
                folder.join("part-00000001.csv"),
                folder.join("part-00000009.csv"),
            )
            .unwrap();
        }),
    ];
    let folder = tempfile::tempdir().unwrap();
    let whole = parts(&folder.path().join("whole"));
    for (name, damage) in damages {
        let out = folder.path().join(name.replace(' ', "-"));
        let copy = out.join("results/sweep.parts");
        std::fs::create_dir_all(&copy).unwrap();
        for entry in std::fs::read_dir(&whole).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        damage(&copy);
        let out = string(&out);
        let named = if name == "one too many" {
            "part-00000009.csv"
        } else {
            "part-00000001.csv"
        };
        for arguments in [
            vec!["merge", out.as_str()],
            study(&out, &["--resume"]),
            study(&out, &["--shard", "1/1"]),
        ] {
            let error = refused(&arguments);
            assert!(error.contains(named), "{name}: {error}");
        }
        assert!(
            !Path::new(&out).join("results/sweep.csv").exists(),
            "{name}"
        );
        // Removed, the part is made anew.
        let part = copy.join(named);
        if part.is_dir() {
            std::fs::remove_dir(&part).unwrap();
        } else {
            std::fs::remove_file(&part).unwrap();
        }
        works(&study(&out, &["--resume"]));
        assert!(Path::new(&out).join("results/sweep.csv").exists(), "{name}");
    }
    let whole = folder.path().join("whole");
    works(&["merge", &string(&whole)]);
    let rows = |out: &str| std::fs::read(folder.path().join(out).join("results/sweep-rows.csv"));
    assert_eq!(rows("whole").unwrap(), rows("empty").unwrap());
}

#[test]
fn a_part_of_another_study_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let ours = parts(&one);
    let seeded = string(&two);
    works(&study(&seeded, &["--seed", "2", "--shard", "1/1"]));
    let theirs = two.join("results/sweep.parts");
    std::fs::copy(
        theirs.join("part-00000001.csv"),
        ours.join("part-00000001.csv"),
    )
    .unwrap();
    for arguments in [
        vec!["merge", &string(&one)],
        study(&string(&one), &["--resume"]),
    ] {
        let error = refused(&arguments);
        let named = error.contains("part-00000001.csv") && error.contains("another study");
        assert!(named, "{error}");
    }
}

#[test]
fn a_plan_that_was_changed_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let plan = parts(&out).join("plan.json");
    let written = std::fs::read_to_string(&plan).unwrap();
    let out = string(&out);
    for (from, to, word) in [
        ("\"part_rows\": 2", "\"part_rows\": 0", "part_rows"),
        ("\"rows\": 7", "\"rows\": 1000000000000000000", "rows"),
        ("\"rows\": 7", "\"rows\": 1e18", "plan.json"),
        ("\"rows\": 7", "\"rows\": 8", "checksum"),
        ("\"rows\": 7", "\"rows\": -7", "plan.json"),
        ("\"seed\": 1", "\"seed\": 2", "checksum"),
        ("\"burden_end\"", "\"burden_start\"", "checksum"),
        ("\"study_sha256\": \"", "\"study_sha256\": \"0", "checksum"),
        ("\"sha256\": \"", "\"sha256\": \"0", "checksum"),
        ("\"columns\": [", "\"columns\": [\"more\",", "columns"),
        ("\"sweep\"", "\"params\"", "checksum"),
        ("{", "[", "plan.json"),
        ("\"units\"", "\"unity\"", "units"),
    ] {
        assert!(written.contains(from), "`{from}` in {written}");
        std::fs::write(&plan, written.replacen(from, to, 1)).unwrap();
        let start = Instant::now();
        for arguments in [vec!["merge", out.as_str()], study(&out, &["--resume"])] {
            let error = refused(&arguments);
            let named = error.contains("plan.json") && error.contains(word);
            assert!(named, "{to}: {error}");
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{to}");
    }
    // Without a plan the command of the study makes it anew; the parts tell that they are of it.
    std::fs::remove_file(&plan).unwrap();
    works(&study(&out, &["--resume"]));
}

/// Waits until a condition holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const LONG: &str = "trial sharp --patients 3000 --part-rows 20 --weeks 26 --no-figures --arm vehicle --arm sorafenib";

#[test]
fn a_second_process_in_the_same_folder_is_refused_and_a_crash_frees_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = string(&folder.path().join("out"));
    let run = |more: &[&str]| {
        let mut arguments: Vec<&str> = LONG.split(' ').collect();
        arguments.extend(["--out", &out]);
        arguments.extend(more);
        hif_switch(&arguments)
    };
    let quietly = |mut command: Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let parts = Path::new(&out).join("results/trial-sharp.parts");
    let first_part = parts.join("part-00000000.csv");
    let mut first = quietly(run(&["--seed", "1"]));
    until("no part", || first_part.exists());
    for more in [
        &["--seed", "2"][..],
        &["--seed", "1"],
        &["--seed", "1", "--resume"],
        &["--seed", "1", "--shard", "1/2"],
    ] {
        let second = run(more).output().unwrap();
        let error = text(&second.stderr);
        assert_eq!(second.status.code(), Some(2), "{error}");
        let number = format!("another process ({}) is at work", first.id());
        assert!(error.contains(&number), "{error}");
    }
    let merged = output(&["merge", &out]);
    assert_eq!(merged.status.code(), Some(2));
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(first_part.exists());
    // Shards work beside each other, the same shard only once.
    let mut shard = quietly(run(&["--seed", "1", "--shard", "1/2"]));
    let lock = parts.join("shard-1-of-2.lock");
    until("no shard", || {
        std::fs::read(&lock).is_ok_and(|pid| !pid.is_empty())
    });
    let again = run(&["--seed", "1", "--shard", "1/2"]).output().unwrap();
    let error = text(&again.stderr);
    assert_eq!(again.status.code(), Some(2), "{error}");
    assert!(error.contains("runs shard 1/2"), "{error}");
    let other = run(&["--seed", "1", "--shard", "300/300"])
        .output()
        .unwrap();
    assert!(other.status.success(), "{}", text(&other.stderr));
    shard.kill().unwrap();
    shard.wait().unwrap();
    // Another study in this folder says what it throws away.
    let small =
        format!("trial sharp --patients 2 --weeks 6 --no-figures --arm vehicle --out {out}");
    let (_, error) = works(&small.split(' ').collect::<Vec<_>>());
    assert!(
        error.contains("thrown away: ") && error.contains("--seed 1"),
        "{error}"
    );
    assert!(!parts.exists());
}

#[test]
fn results_of_another_command_are_named_when_they_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let out = string(folder.path());
    let compare = |more: &[&str]| {
        let mut arguments = vec![
            "compare",
            "--out",
            &out,
            "--arm",
            "sorafenib",
            "--days",
            "3",
        ];
        arguments.extend(more);
        works(&arguments)
    };
    let file = |name: &str| folder.path().join("results").join(name);
    let (first, nothing) = compare(&["--setting", "xenograft"]);
    assert!(first.contains("comparison-xenograft.csv"), "{first}");
    assert!(nothing.is_empty(), "{nothing}");
    let (_, again) = compare(&["--setting", "xenograft"]);
    assert!(again.is_empty(), "the same was written: {again}");
    let (_, other) = compare(&["--setting", "culture"]);
    assert!(other.is_empty(), "{other}");
    let (_, replaced) = compare(&["--setting", "xenograft", "--arm", "pt2385"]);
    for word in [
        "replaced: ",
        "comparison-xenograft.csv",
        "--setting xenograft`",
    ] {
        assert!(replaced.contains(word), "{replaced}");
    }
    for name in ["xenograft", "culture"] {
        let manifest = std::fs::read(file(&format!("comparison-{name}-manifest.json"))).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let listed = &manifest["files"][0];
        assert_eq!(listed["file"], format!("results/comparison-{name}.csv"));
        let content = std::fs::read(file(&format!("comparison-{name}.csv"))).unwrap();
        assert_eq!(listed["sha256"], hif_switch::report::sha256(&content));
    }
    // A file that two results share belongs to the last one.
    let manifest = file("comparison-culture-manifest.json");
    edit(
        &manifest,
        "comparison-culture.csv",
        "comparison-xenograft.csv",
    );
    let (_, removed) = compare(&["--setting", "xenograft"]);
    assert!(
        removed.contains("replaced: ") && removed.contains("removed: "),
        "{removed}"
    );
    assert!(!manifest.exists());
    // What the same command no longer writes is named.
    compare(&["--setting", "xenograft", "--parquet"]);
    let (_, left) = compare(&["--setting", "xenograft"]);
    let named = left.contains("left of ") && left.contains("comparison-xenograft.parquet");
    assert!(named, "{left}");
}

#[test]
fn names_that_are_paths_or_formulas_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = string(&folder.path().join("out"));
    let data = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/xenograft_volumes.csv"
    );
    for name in [
        "../../escp",
        "..",
        ".hidden",
        "a/b",
        "=cmd|x",
        "a+b",
        "",
        "nul",
        "x y",
    ] {
        for command in [&["export", "petab"][..], &["calibrate"]] {
            let mut arguments = command.to_vec();
            arguments.extend(["--out", &out, "--data", data]);
            arguments.extend(["--parameter", "tumour.growth_rate", "--", name]);
            let error = refused(&arguments);
            assert!(error.contains("name"), "{error}");
        }
    }
    assert!(!Path::new(&out).exists() && !folder.path().join("escp.yaml").exists());
    let params = folder.path().join("params");
    works(&["params", "export", &string(&folder.path().join("set"))]);
    let set = |file: &str| std::fs::read_to_string(folder.path().join("set").join(file)).unwrap();
    for (file, shipped) in [
        ("partners/...toml", "partners/pt2385.toml"),
        ("partners/vehicle.toml", "partners/pt2385.toml"),
        ("partners/none.toml", "partners/pt2385.toml"),
        ("partners/a+b.toml", "partners/pt2385.toml"),
        ("partners/=cmd|x.toml", "partners/pt2385.toml"),
        ("partners/-x.toml", "partners/pt2385.toml"),
        ("populations/.mice.toml", "populations/xenograft-mice.toml"),
        ("trials/a b.toml", "trials/sharp.toml"),
        ("calibrations/con.toml", "calibrations/hif.toml"),
        ("settings/@mouse.toml", "settings/xenograft.toml"),
        ("variants/a,b.toml", "variants/no_switch.toml"),
        ("regimens/a.b.toml", "regimens/xenograft-week.toml"),
        ("phenotypes/a\nb.toml", "phenotypes/resistant.toml"),
    ] {
        let path = params.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, set(shipped)).unwrap();
        let error = refused(&["params", "list", "--params", &string(&params)]);
        let named = error.contains(path.file_name().unwrap().to_str().unwrap())
            && (error.contains("name of the") || error.contains("means something else"));
        assert!(named, "{file:?}: {error}");
        std::fs::remove_dir_all(&params).unwrap();
    }
    // Columns, claims, targets and mechanisms are called by keys and identifiers.
    for (file, from, to) in [
        (
            "populations/xenograft-mice.toml",
            "[factor.growth]",
            "[factor.\"=1+1\"]",
        ),
        ("attribution.toml", "[hif2]", "[\"../hif2\"]"),
        ("conditions.toml", "[culture-normoxia]", "[\"@x\"]"),
        ("claims/escape.toml", "id = \"", "id = \"="),
        ("targets/hif.toml", "id = \"", "id = \"a/"),
    ] {
        let path = params.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = set(file);
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = refused(&["params", "list", "--params", &string(&params)]);
        assert!(
            error.contains(file) && error.contains("name of the"),
            "{error}"
        );
        std::fs::remove_dir_all(&params).unwrap();
    }
}

#[test]
fn an_answer_never_replaces_its_data_set_and_two_results_need_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.csv");
    let records = "ID,TIME,AMT,EVID,CMT\n1,0,400,1,1\n1,4,0,0,2\n";
    std::fs::write(&data, records).unwrap();
    let data = string(&data);
    let patient = [
        "simulate",
        "--setting",
        "patient",
        "--arm",
        "sorafenib",
        "--data",
        &data,
    ];
    for option in ["--csv", "--parquet"] {
        let error = refused(&[&patient[..], &[option, &data]].concat());
        assert!(error.contains("the data set itself"), "{error}");
    }
    let one = string(&folder.path().join("one"));
    let error = refused(&[&patient[..], &["--csv", &one, "--parquet", &one]].concat());
    assert!(error.contains("two results"), "{error}");
    assert!(!Path::new(&one).exists());
    assert_eq!(std::fs::read_to_string(&data).unwrap(), records);
}

#[cfg(target_os = "linux")]
mod streams {
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::{FileTypeExt, symlink};

    const COURSE: [&str; 5] = ["simulate", "--days", "1", "--every", "6h"];

    fn pipe(folder: &Path) -> PathBuf {
        let path = folder.join("pipe");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    /// Commands that write to a file of the user's choice: options, and the option of the file.
    const WRITERS: [(&str, &str); 5] = [
        ("simulate --days 1 --every 6h", "--csv"),
        ("simulate --days 1 --every 6h", "--parquet"),
        ("export sbml --setting culture", "-o"),
        ("export antimony --setting culture", "-o"),
        ("export equations --setting culture --format latex", "-o"),
    ];

    #[test]
    fn a_target_that_is_no_ordinary_file_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = pipe(folder.path());
        for (number, (command, option)) in WRITERS.into_iter().enumerate() {
            let plain = string(&folder.path().join(format!("plain-{number}")));
            let target = string(&folder.path().join(format!("target-{number}")));
            let link = string(&folder.path().join(format!("link-{number}")));
            let call = |path: &str| {
                let mut arguments: Vec<&str> = command.split(' ').collect();
                arguments.extend([option, path]);
                output(&arguments)
            };
            assert!(call(&plain).status.success());
            let written = std::fs::read(&plain).unwrap();
            let same = |found: &[u8]| {
                // Parquet carries the command, which names the file.
                assert!(!found.is_empty());
                assert!(
                    option == "--parquet" || found == written,
                    "{command} {option}"
                );
            };
            // A link stays, whether its target is there or not.
            symlink(&target, &link).unwrap();
            for _ in 0..2 {
                assert!(call(&link).status.success());
                assert!(Path::new(&link).is_symlink());
                same(&std::fs::read(&target).unwrap());
            }
            let reader = std::thread::spawn({
                let fifo = fifo.clone();
                move || std::fs::read(fifo).unwrap()
            });
            assert!(call(fifo.to_str().unwrap()).status.success());
            same(&reader.join().unwrap());
            assert!(
                std::fs::symlink_metadata(&fifo)
                    .unwrap()
                    .file_type()
                    .is_fifo()
            );
            // A device takes all or says that it is full.
            let null = call("/dev/null");
            assert!(null.status.success(), "{}", text(&null.stderr));
            let full = call("/dev/full");
            assert_eq!(full.status.code(), Some(1), "{command} {option}");
            assert!(text(&full.stderr).contains("cannot write `/dev/full`"));
            for device in ["/dev/null", "/dev/full"] {
                let kind = std::fs::symlink_metadata(device).unwrap().file_type();
                assert!(kind.is_char_device(), "{device}");
            }
            assert!(!Path::new("/dev/null-metadata.json").exists());
        }
    }

    #[test]
    fn a_table_of_a_study_goes_through_its_link_too() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results");
        std::fs::create_dir(&results).unwrap();
        let elsewhere = folder.path().join("elsewhere.csv");
        for name in ["sweep.csv", "sweep-manifest.json"] {
            symlink(
                folder.path().join(format!("elsewhere-{name}")),
                results.join(name),
            )
            .unwrap();
        }
        symlink(&elsewhere, results.join("sweep-rows.csv")).unwrap();
        works(&study(&string(folder.path()), &[]));
        for name in ["sweep.csv", "sweep-rows.csv", "sweep-manifest.json"] {
            assert!(results.join(name).is_symlink(), "{name}");
            assert!(!std::fs::read(results.join(name)).unwrap().is_empty());
        }
        assert!(elsewhere.is_file());
    }

    #[test]
    fn an_open_descriptor_is_written_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all");
        std::fs::write(&path, "before\n").unwrap();
        let expected = text(&output(&[&COURSE[..], &["--csv", "-"]].concat()).stdout);
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let mut command = hif_switch(&[&COURSE[..], &["--csv", "/dev/stdout"]].concat());
        assert!(command.stdout(file).status().unwrap().success());
        let found = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, format!("before\n{expected}"));
    }

    #[test]
    fn a_pipe_that_nobody_reads_and_a_reader_that_has_seen_enough() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = string(&pipe(folder.path()));
        let start = Instant::now();
        let alone = output(&[&COURSE[..], &["--csv", &fifo]].concat());
        assert_eq!(alone.status.code(), Some(1));
        assert!(text(&alone.stderr).contains("nobody reads the pipe"));
        assert!(start.elapsed() < Duration::from_secs(30));
        let mut child = hif_switch(&["simulate", "--every", "10min", "--csv", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    }

    #[test]
    fn a_full_standard_output_is_an_error_of_every_command() {
        let folder = tempfile::tempdir().unwrap();
        let out = string(folder.path());
        for command in [
            "--help",
            "--version",
            "simulate --help",
            "simulate --days 1",
            "simulate --days 1 --json",
            "simulate --days 1 --csv -",
            "simulate --days 1 --dry-run",
            "export sbml --setting culture",
            "export antimony --setting culture",
            "export equations --setting culture",
            "export reference",
            "params list",
            "params list --json",
            "params show pt2385",
            "params show xenograft-week",
            "claims C40 --no-variants --format csv",
            "claims C40 --no-variants --format md",
            "sweep --x dose=1:50:3 --days 1 --no-figures --json --out OUT",
            "sweep --x dose=1:50:3 --days 1 --no-figures --out OUT",
            "sweep --x dose=1:50:3 --days 1 --no-figures --out OUT --shard 1/1",
            "merge OUT",
            "population xenograft-mice --subjects 5 --no-figures --out OUT",
            "compare --setting culture --arm sorafenib --days 1 --out OUT",
        ] {
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let command: Vec<String> = command.split(' ').map(|w| w.replace("OUT", &out)).collect();
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let output = hif_switch(&command).stdout(full).output().unwrap();
            let error = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command:?}: {error}");
            assert!(
                error.contains("cannot write to standard output: "),
                "{error}"
            );
        }
        // What was computed is not lost.
        for name in [
            "sweep.csv",
            "population-xenograft-mice.csv",
            "comparison-culture.csv",
        ] {
            assert!(folder.path().join("results").join(name).is_file(), "{name}");
        }
        // An error that cannot be told still has its exit code.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let status = hif_switch(&["simulat"]).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(2));
    }
}
