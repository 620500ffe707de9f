//! Options that every study shares.

use super::screen::tell;
use super::{Carries, Context, options, progress};
use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::parameters::bounds::PART_ROWS;
use crate::regimen::{Arm, Mode};
use crate::report::{self, Access, Draft, Header, Joined, Manifest, Results, Shard, Store};
use crate::simulate::{Accuracy, Scenario};
use crate::study::plan::{Plan, affordable};
use crate::study::runs::Tally;
use crate::table::Sheet;
use clap::Args;
use indicatif::ProgressBar;
use rayon::prelude::*;
use std::ops::Range;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Study")]
pub struct StudyOptions {
    /// Seed of every random number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Tumour phenotype
    #[arg(long, value_name = "NAME")]
    pub phenotype: Option<String>,
    /// Model variant
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Partner effects: mechanistic (imposed) or achievable (kinetics and potency) [default: mechanistic, of a trial
    /// what its file says]
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// Set a parameter, with unit: hif.haf_loss="1.1 1/h"
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Relative tolerance of the integrator
    #[arg(long, value_name = "NUMBER", default_value = options::MANY)]
    pub rtol: f64,
    /// Run one share of the study, for instance 2/8 for the second of eight; `hif-switch merge` joins them
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Go on after the parts that a stopped run of the same command left in --out
    #[arg(long)]
    pub resume: bool,
    /// Rows of a part, which is kept on disk as it is done: no more are lost when a run is stopped. The parts of
    /// `schedule` are its descents, whatever is given here
    #[arg(long, value_name = "NUMBER", default_value_t = 2048)]
    pub part_rows: usize,
    /// Folder in which plots/ and results/ are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Write tables only
    #[arg(long)]
    pub no_figures: bool,
}

impl StudyOptions {
    /// The scenario of an arm in a setting.
    pub fn scenario(&self, context: &Context, setting: &str, arm: Arm) -> Result<Scenario> {
        Ok(Scenario {
            phenotype: self.phenotype.clone(),
            variant: self.variant.clone(),
            mode: self
                .mode
                .as_deref()
                .map_or(Ok(Mode::default()), |mode| Mode::parse(mode, "--mode"))?,
            overrides: options::overrides(&context.library, &self.set)?,
            ..Scenario::new(setting, arm)
        })
    }

    /// The scenario of an arm in a setting of a length; what is not plausible is said.
    pub fn timed_scenario(
        &self,
        context: &Context,
        setting: &str,
        arm: Arm,
        days: Option<&str>,
    ) -> Result<Scenario> {
        let setting = context.library.setting(setting, "--setting")?;
        let duration = days.map(|text| options::days(text, "--days"));
        let default = Mode::default().to_string();
        if self.mode.as_ref().is_some_and(|mode| *mode != default) && arm.partners.is_empty() {
            context.warn("--mode has no effect: the arm has no partner");
        }
        let scenario = Scenario {
            duration: duration.transpose()?,
            ..self.scenario(context, &setting, arm)?
        };
        context.warn_of(&scenario)?;
        Ok(scenario)
    }

    /// Runs the rows of a study part by part with a progress bar; `None` when only a shard was run.
    pub fn rows(
        &self,
        context: &Context,
        name: &str,
        plan: &dyn Plan,
    ) -> Result<Option<(Joined, Work)>> {
        let shard = self
            .shard
            .as_deref()
            .map(|text| Shard::parse(text, "--shard"))
            .transpose()?;
        let access = match shard {
            Some(shard) => Access::Shard(shard),
            None if self.resume => Access::Resume,
            None => Access::Anew,
        };
        let store = self.store(context, name, plan, access)?;
        if let Some((count, command)) = &store.discarded {
            tell(&format!(
                "thrown away: {count} finished parts of {command} in {}; --resume keeps those of the same study",
                store.folder().display()
            ));
        }
        let missing = store.missing(shard)?;
        let per_row = plan.runs_per_row();
        let runs = missing
            .iter()
            .map(|part| store.header.range(*part).len())
            .sum::<usize>()
            * per_row;
        let bar = self.bar(context, runs);
        let accuracy = self.accuracy()?;
        let ranges: Vec<Range<usize>> = missing.iter().map(|p| store.header.range(*p)).collect();
        plan.prepare(&ranges, &accuracy, &|| bar.inc(1))?;
        let run = |part: &usize| {
            let mut rows = Vec::new();
            let range = store.header.range(*part);
            plan.run(range, &accuracy, &|| bar.inc(1), &mut |row| {
                rows.push(row);
                Ok(())
            })?;
            store.write(*part, &rows)
        };
        match plan.piece() {
            Some(_) => missing.par_iter().try_for_each(run)?,
            None => missing.iter().try_for_each(run)?,
        }
        bar.finish_and_clear();
        if let Some(shard) = shard {
            context.print(&format!(
                "shard {}/{}: {} of {} parts, {} rows now, in {}; `hif-switch merge` joins them",
                shard.index,
                shard.count,
                missing.len(),
                store.header.parts(),
                runs / per_row,
                store.folder().display(),
            ));
            return Ok(None);
        }
        let results = self.out.join("results");
        let (joined, drafts) = store.join(
            &results.join(format!("{name}-rows.csv")),
            &results.join(format!("{name}-rows.parquet")),
        )?;
        let work = Work {
            name: name.to_owned(),
            store: Some(store),
            drafts: drafts.into(),
        };
        Ok(Some((joined, work)))
    }

    /// The rows of what a study needs beside its own, run here and kept on disk while the process lasts.
    pub fn beside(&self, name: &str, plan: &dyn Plan) -> Result<Joined> {
        let file = self.out.join("results").join(format!("{name}.csv"));
        Joined::run(&file, plan, &self.accuracy()?)
    }

    fn store(
        &self,
        context: &Context,
        name: &str,
        plan: &dyn Plan,
        access: Access,
    ) -> Result<Store> {
        PART_ROWS.count(self.part_rows, format!("--part-rows {}", self.part_rows))?;
        affordable(plan)?;
        let part_rows = plan.piece().unwrap_or(self.part_rows);
        let header = Header::new(&self.manifest(context)?, self.seed, plan, part_rows)?;
        let folder = self.out.join("results").join(format!("{name}.parts"));
        Store::open(folder, header, access)
    }

    /// The manifest: the command without what only says where and how much of it is run, so that joined
    /// shards and a single run give the same.
    fn manifest(&self, context: &Context) -> Result<Manifest> {
        let mut command = Vec::new();
        let mut arguments = context.command.iter().peekable();
        while let Some(argument) = arguments.next() {
            let name = argument.split('=').next().unwrap_or_default();
            match name {
                "--resume" | "--quiet" | "-q" | "--json" => {}
                "--shard" | "--out" => {
                    if !argument.contains('=') {
                        arguments.next();
                    }
                }
                _ => command.push(argument.clone()),
            }
        }
        Ok(Manifest::new(&context.library, &self.accuracy()?, &command).seeded(self.seed))
    }

    /// Accuracy of the integrator, in lanes.
    pub fn accuracy(&self) -> Result<Accuracy> {
        options::many(self.rtol)
    }

    /// Refuses to share out, or to go on with, what is a single run.
    pub fn whole(&self, what: &str) -> Result<()> {
        let asked = match (&self.shard, self.resume) {
            (None, false) => return Ok(()),
            (Some(shard), _) => format!("--shard {shard}"),
            (None, true) => "--resume".to_owned(),
        };
        Err(Error::input(
            asked,
            format!("{what} is a single run: there are no parts"),
            "leave the option out",
        ))
    }

    /// Says what became of the runs of a study whose table is printed, and writes both with the figure.
    pub fn conclude(
        &self,
        context: &Context,
        work: Work,
        table: Sheet<'_>,
        tally: &Tally,
        figure: impl FnOnce() -> Result<Figure>,
    ) -> Result<()> {
        if !context.json {
            context.print(&format!("\n{}", tally.words()));
        }
        let figures = if self.no_figures {
            Vec::new()
        } else {
            vec![figure()?]
        };
        let tables = [
            ("", table),
            ("failures", report::failures_table(tally).into()),
        ];
        self.write(context, work, &tables, &figures)
    }

    /// A progress bar over the runs of a study.
    pub fn bar(&self, context: &Context, runs: usize) -> ProgressBar {
        progress::bar(runs as u64, context.quiet)
    }

    /// Writes rows, tables, figures with their data, and the manifest of a study, and says where; the parts
    /// are gone then.
    pub fn write(
        &self,
        context: &Context,
        work: Work,
        tables: &[(&str, Sheet<'_>)],
        figures: &[Figure],
    ) -> Result<()> {
        let name = &work.name;
        let mut results = Results::new(&self.out, name, self.manifest(context)?);
        for draft in work.drafts {
            results.push(draft)?;
        }
        for (part, table) in tables {
            let file = if part.is_empty() {
                name.clone()
            } else {
                format!("{name}-{part}")
            };
            results.table(&file, table)?;
        }
        for figure in figures {
            results.files(figure.files(self.out.join("plots")))?;
            results.add(&format!("figure-{}", figure.name), |out| {
                figure.data.write_csv(out)
            })?;
        }
        let written = results.publish()?;
        if let Some(store) = work.store {
            store.remove()?;
        }
        if !context.json {
            for figure in figures {
                context.print(&format!("\n{}: {}", figure.name, figure.caption));
            }
        }
        context.written(&written, Carries::Text);
        Ok(())
    }
}

/// What is left to do for a study whose rows are joined: to write them with its tables and figures.
///
/// Its parts stay locked until then.
#[derive(Debug)]
pub struct Work {
    name: String,
    store: Option<Store>,
    drafts: Vec<Draft>,
}

impl Work {
    /// A study without parts.
    pub fn single(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            store: None,
            drafts: Vec::new(),
        }
    }
}
