//! The machine that the checks ran on.

use serde::Serialize;

/// Operating system, processor and threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Operating system.
    pub system: String,
    /// Architecture.
    pub architecture: String,
    /// Model of the processor as it names itself, where it can be read.
    pub processor: Option<String>,
    /// Vector instructions that the lanes use.
    pub instructions: String,
    /// Numbers per vector register with these.
    pub register_width: usize,
    /// Threads of the many-run engine.
    pub threads: usize,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let (instructions, register_width) = instructions();
        Self {
            system: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            processor: processor(),
            instructions: instructions.to_owned(),
            register_width,
            threads: rayon::current_num_threads(),
        }
    }
}

/// The choice of the lanes: see `simulate::ensemble::lanes`.
#[cfg(target_arch = "x86_64")]
fn instructions() -> (&'static str, usize) {
    if pulp::x86::V4::try_new().is_some() {
        ("AVX-512", 8)
    } else if pulp::x86::V3::try_new().is_some() {
        ("AVX2 with FMA", 4)
    } else {
        ("SSE2", 2)
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> (&'static str, usize) {
    match std::env::consts::ARCH {
        "aarch64" => ("NEON", 2),
        _ => ("portable", 1),
    }
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
