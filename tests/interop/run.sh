#!/usr/bin/env bash
# The exported model, its results and the report in other tools. Needs python3 with venv, and PyPI the first
# time; makes a Python environment in the build folder. A browser, R and LaTeX are installed by Debian's packages
# where this is root and apt exists (not with INSTALL=no); a check whose tool is missing says NOT RUN. HIF_SWITCH names a
# program to test instead of building one.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
program="${HIF_SWITCH:-$target/release/hif-switch}"
[ -n "${HIF_SWITCH:-}" ] || cargo build --release --bin hif-switch

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
has_r() { Rscript -e 'library(jsonlite); library(reticulate)' >/dev/null 2>&1; }
has_latex() { command -v pdflatex >/dev/null && kpsewhich breqn.sty >/dev/null; }

wanted=()
browser >/dev/null || wanted+=(chromium)
has_r || wanted+=(r-base-core r-cran-jsonlite r-cran-reticulate)
has_latex || wanted+=(texlive-latex-base texlive-science)
python3 -m venv --help >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
if [ ${#wanted[@]} -gt 0 ] && [ "${INSTALL:-yes}" != no ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing: ${wanted[*]}"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -q -y --no-install-recommends "${wanted[@]}"; } >"$log" 2>&1 ||
        { tail -n 5 "$log"; echo "the packages could not be installed"; }
    rm -f "$log"
fi

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
python() { "$environment/bin/python" "$@"; }

python tests/interop/compare.py "$program" "$work"
python tests/interop/antimony_check.py "$program"
python tests/interop/petab_check.py "$program" "$work"
python tests/interop/tables_check.py "$program" examples "$work"
if has_r; then
    Rscript examples/r/time_course.R "$work/course.csv" "$work/course.pdf"
    [ "$(wc -c <"$work/course.pdf")" -gt 5000 ]
    RETICULATE_PYTHON="$environment/bin/python" Rscript tests/interop/parquet_in_r.R "$work/course.parquet" "$work/course.csv"
else
    echo "NOT RUN: the R example and Parquet in R (R with jsonlite and reticulate is not installed)"
fi
if has_latex; then
    for setting in culture xenograft patient; do
        "$program" export equations --setting $setting --arm sorafenib+pt2385 --format latex -o "$work/$setting.tex"
        (cd "$work" && pdflatex -interaction=nonstopmode -halt-on-error $setting.tex >$setting.out) ||
            { tail -n 20 "$work/$setting.out"; exit 1; }
        if grep "Overfull" "$work/$setting.out"; then
            echo "a formula of $setting runs off the page" >&2
            exit 1
        fi
    done
    echo "the pages of equations are set by pdflatex, every formula within its page"
else
    echo "NOT RUN: the page of equations in LaTeX (pdflatex with breqn is not installed)"
fi
if chromium=$(browser); then
    python tests/interop/report_check.py "$program" "$chromium" "$work"
else
    echo "NOT RUN: the report in a browser (no chromium on this machine)"
fi
