//! Calibrations: which parameters are fitted to which targets. What is fitted is not run: it takes seconds.

use super::{PARAMS, params_file, words};
use crate::case::{Case, Expect};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::{Number, World};
use toml::Value;

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let name = source.word(&world.names("calibrations"));
    let mut table = world.document("calibrations", &name);
    let strings = |words: Vec<String>| Value::Array(words.into_iter().map(Value::String).collect());
    let numbers: Vec<&Number> = world.numbers("", "biology").iter().collect();
    if source.chance(50) {
        let paths = (0..source.range(1, 4))
            .map(|_| source.pick(&numbers).path.clone())
            .collect();
        table.insert("parameters".to_owned(), strings(paths));
    }
    let mut expect = Expect::Any;
    let mut says = Vec::new();
    match plan {
        Plan::Edge => mutate::edge_leaf(source, &mut table),
        Plan::Bad => {
            expect = Expect::Refused;
            says.push(format!("calibrations/{name}"));
            let key = source.word(&["parameters", "targets"]);
            table.insert(key, strings(vec!["xyzzy".to_owned()]));
        }
        _ => {}
    }
    let mut content = table.to_string().into_bytes();
    if plan == Plan::Torn {
        mutate::tear(source, &mut content);
    }
    Case {
        expect,
        says,
        files: vec![params_file(&format!("calibrations/{name}"), content)],
        command: words(&format!("read calibration {name} {PARAMS}")),
        ..Case::default()
    }
}
