#!/usr/bin/env bash
# The exported model in other tools: makes a Python environment (once, in the build folder) and runs
# the comparisons. Needs python3 with venv, and PyPI the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --bin hif-switch
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
environment="$target/interop-venv"
# The place counts too: the scripts of a copied environment lead to the old place.
stamp="$environment/$( (cat tests/interop/requirements.txt; echo "$environment") | sha256sum | cut -c1-16)"
if [ ! -e "$stamp" ]; then
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/interop/requirements.txt
    touch "$stamp"
fi
export PYTHONUTF8=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$environment/bin/python" tests/interop/compare.py "$target/release/hif-switch" "$work"
"$environment/bin/python" tests/interop/antimony_check.py "$target/release/hif-switch"
"$environment/bin/python" tests/interop/tables_check.py "$target/release/hif-switch" examples "$work"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -n "$chromium" ]; then
    "$environment/bin/python" tests/interop/report_check.py "$target/release/hif-switch" "$chromium" "$work"
else
    echo "NOT RUN: the report in a browser (no chromium on this machine)"
fi
