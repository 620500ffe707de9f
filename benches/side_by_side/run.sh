#!/usr/bin/env bash
# The whole comparison into one folder: benches/side_by_side/run.sh [FOLDER], on one core.
#
# Needs cargo, gcc, python3, and from Debian: libsundials-dev r-base-core r-cran-desolve. The Python engines
# (libroadrunner, copasi-basico, scipy) go to a virtual environment in FOLDER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
core=${CORE:-1}
cd "$here/../.."

export RAYON_NUM_THREADS=1
echo "engine,case,runs,rtol,ms_per_run,largest_error" >"$folder/results.csv"
taskset -c "$core" cargo bench --bench side_by_side -- "$folder"

RAYON_NUM_THREADS=2 cargo bench --bench side_by_side -- "$folder" threads
cargo run --release -q -- export sbml --setting patient --arm sorafenib --days 180 -o "$folder/patient.xml"
gcc -O3 -march=native -I"$folder" "$here/cvode.c" -o "$folder/cvode" \
    -lsundials_cvode -lsundials_nvecserial -lsundials_sunlinsoldense -lsundials_sunmatrixdense -lm
gcc -O3 -march=native -shared -fPIC -I"$folder" "$here/desolve.c" -o "$folder/desolve.so" -lm

MODEL_FOLDER="$folder" cargo build -q --release --manifest-path "$here/diffsol/Cargo.toml" --target-dir "$folder/diffsol-target"
cp "$folder/diffsol-target/release/diffsol-side-by-side" "$folder/diffsol"

if [ ! -x "$folder/venv/bin/python" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install -q numpy scipy libroadrunner copasi-basico
fi
taskset -c "$core" "$folder/venv/bin/python" "$here/peers.py" "$folder"

{
    lscpu | grep -E "Model name|^CPU\(s\)"
    rustc --version; gcc --version | head -1; R --version | head -1
    dpkg-query -W -f '${Package} ${Version}\n' libsundials-dev r-cran-desolve
    cargo tree --manifest-path "$here/diffsol/Cargo.toml" --depth 1 --prefix none | grep "^diffsol v"
    "$folder/venv/bin/pip" list 2>/dev/null | grep -iE "roadrunner|copasi|scipy|numpy"
} >"$folder/versions.txt"
echo "results in $folder/results.csv"
