"""Parquet and CSV results in pyarrow, pandas and DuckDB: same numbers, units in the metadata.

usage: tables_check.py HIF_SWITCH EXAMPLES WORKDIR
"""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, encoding="utf-8").stdout


def main():
    program, examples, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    csv, parquet = folder / "course.csv", folder / "course.parquet"
    arm = ["--setting", "xenograft", "--arm", "sorafenib+pt2385", "--days", "7"]
    run(program, "simulate", *arm, "--csv", csv, "--parquet", parquet)

    text = pd.read_csv(csv)
    table = pd.read_parquet(parquet)
    assert list(text.columns) == list(table.columns) and len(table) == 7 * 24 + 1
    for column in table:
        assert (text[column].to_numpy() == table[column].to_numpy()).all(), column

    units = {f.name: f.metadata[b"unit"].decode() for f in pq.read_schema(parquet)}
    assert units["burden"] == "mm^3" and units["pO2_mmHg"] == "mmHg" and units["HIF1A"] == "1"
    beside = json.loads((folder / "course.csv-metadata.json").read_text(encoding="utf-8"))
    assert {c["name"]: c["schema:unitText"] for c in beside["tableSchema"]["columns"]} == units

    database = duckdb.connect()
    count, last = database.sql(f"select count(*), max(burden) from '{parquet}'").fetchall()[0]
    assert count == len(table) and last == table["burden"].max()
    pairs = dict(database.sql(f"select decode(key), decode(value) from parquet_kv_metadata('{parquet}')").fetchall())
    assert pairs["unit:burden"] == "mm^3"
    assert json.loads(pairs["manifest"])["parameters_sha256"]

    run(program, "compare", "--setting", "xenograft", "--arm", "vehicle", "--arm", "sorafenib", "--parquet", "--out", folder)
    compared = pd.read_parquet(folder / "results" / "comparison-xenograft.parquet")
    assert list(compared["arm"]) == ["vehicle", "sorafenib"], compared["arm"]

    answers = folder / "answers.parquet"
    data = examples / "data" / "patient-doses.csv"
    run(program, "simulate", "--setting", "patient", "--arm", "sorafenib", "--data", data, "--parquet", answers)
    answered = pd.read_parquet(answers)
    assert answered["TIME"].dtype == float and answered["AMT"].isna().any() and len(answered) == 8

    print(run(sys.executable, examples / "python" / "time_course.py", parquet, folder / "course.png").strip())
    assert (folder / "course.png").stat().st_size > 20_000
    print("tables agree in pandas, pyarrow and DuckDB, with their units")


main()
