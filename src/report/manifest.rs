//! The manifest beside a result: what made it.

use super::output::hex;
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::Accuracy;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Version, parameters, accuracy and command of a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// Name and version of the program.
    pub program: String,
    /// SHA-256 over all parameter files.
    pub parameters_sha256: String,
    /// Method and tolerances.
    pub accuracy: Accuracy,
    /// Seed of every random number; absent where none is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Command line after the program's name.
    pub command: Vec<String>,
    /// The files of the result; absent where the manifest stands in its file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ResultFile>,
}

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFile {
    /// Path in the folder that was given to `--out`.
    pub file: String,
    /// SHA-256 of its content.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of a run of `command`.
    pub fn new(library: &Library, accuracy: &Accuracy, command: &[String]) -> Self {
        Self {
            program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            parameters_sha256: parameters_hash(library),
            accuracy: *accuracy,
            seed: None,
            command: command.to_vec(),
            files: Vec::new(),
        }
    }

    /// The same with the seed of its random numbers.
    pub fn seeded(self, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// As JSON with a final newline.
    ///
    /// # Errors
    /// Only if the writer fails.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|error| crate::Error::output("manifest.json", error))?;
        json.push(b'\n');
        Ok(json)
    }
}

fn parameters_hash(library: &Library) -> String {
    let mut hash = Sha256::new();
    for (path, text) in library.layers_of_all_files() {
        // Lengths keep file borders apart.
        hash.update((path.len() as u64).to_le_bytes());
        hash.update(path);
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}
