"""Calibrations as PEtab problems: petablint, and the objective in libRoadRunner against `calibrate`.

usage: petab_check.py HIF_SWITCH WORKDIR [all]

For every calibration: `calibrate` gives its objective at the present values and at its optimum. PEtab's own
chi-square of simulations by libRoadRunner must be the same there: in the problem whose nominal values are the
optimum, and in that of the present values moved to the optimum, where the model has to find another
untreated baseline by itself. One value changed by a thousandth must be seen.
"""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import petab.v1 as petab
import roadrunner
from petab.v1.math import sympify_petab

# Of the objective, relative; of one near 0 absolute. 3.84 is the rise at the end of a 95 % interval.
ALLOWED = 1e-6
LEAST = 1e-8

# Compiling a model of many runs for speed takes longer than running it.
roadrunner.Config.setValue(roadrunner.Config.LLVM_BACKEND, roadrunner.Config.LLJIT)
roadrunner.Config.setValue(roadrunner.Config.LLJIT_OPTIMIZATION_LEVEL, roadrunner.Config.NONE)

DATA = ["--data", "examples/xenograft_volumes.csv", "--parameter", "tumour.growth_rate", "--parameter", "sorafenib.raf_ec50"]
CASES = {"hif": ["hif"], "data": DATA}
# Minutes each: only when asked for.
LONG = {"xenograft": ["xenograft"], "exposure": ["exposure"]}


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def simulated(problem, values):
    """The simulation table of a problem at parameter values, by libRoadRunner."""
    model = roadrunner.RoadRunner(problem.model.to_sbml_str() if hasattr(problem.model, "to_sbml_str") else problem.sbml_file)
    for parameter, value in values.items():
        model[f"init({parameter})"] = value
    model.resetAll()
    for parameter, value in values.items():
        assert math.isclose(model[parameter], value), parameter
    integrator = model.getIntegrator()
    integrator.relative_tolerance = 1e-10
    integrator.absolute_tolerance = 1e-13
    integrator.maximum_num_steps = 1_000_000
    integrator.maximum_time_step = 24.0
    measurements = problem.measurement_df
    formulas = {i: sympify_petab(f) for i, f in problem.observable_df["observableFormula"].items()}
    symbols = sorted({str(s) for f in formulas.values() for s in f.free_symbols})
    times = sorted(set(measurements["time"]))
    result = np.asarray(model.simulate(times=[0.0, *times], selections=["time", *symbols]))
    rows = {time: dict(zip(symbols, row[1:])) for time, row in zip([0.0, *times], result)}
    def value(observable, time):
        formula = formulas[observable]
        return float(formula.subs({symbol: rows[time][str(symbol)] for symbol in formula.free_symbols}))

    values = [value(*key) for key in zip(measurements["observableId"], measurements["time"])]
    return measurements.drop(columns="measurement").assign(simulation=values)


def objective(problem, values):
    """PEtab's sum of squared residuals and its log likelihood."""
    simulation = simulated(problem, values)
    tables = (problem.measurement_df, simulation, problem.observable_df, problem.parameter_df)
    return petab.calculate_chi2(*tables), petab.calculate_llh(*tables)


def constant(problem):
    """What -2 log likelihood has beyond the sum of squared residuals."""
    total = 0.0
    for _, row in problem.measurement_df.iterrows():
        sigma = float(row["noiseParameters"])
        log = problem.observable_df.loc[row["observableId"], "observableTransformation"] == "log"
        total += math.log(2 * math.pi * (sigma * (row["measurement"] if log else 1.0)) ** 2)
    return total


def nominal(problem):
    return problem.parameter_df["nominalValue"].to_dict()


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    failed = 0
    print(f"{'calibration':12} {'measurements':>12} {'':22} {'calibrate':>14} {'PEtab':>14} {'difference':>11}")
    cases = CASES | LONG if "all" in sys.argv else CASES
    for name, arguments in cases.items():
        fitted, exported, moved = folder / f"fit-{name}", folder / f"petab-{name}", folder / f"petab-{name}-optimum"
        run(program, "calibrate", *arguments, "--starts", "1", "--rtol", "1e-9", "--quiet", "--out", fitted)
        start = pd.read_csv(fitted / "results" / f"calibrate-{name}-starts.csv").iloc[0]
        estimates = fitted / "results" / f"calibrate-{name}-estimates.csv"
        run(program, "export", "petab", *arguments, "--out", exported, "--quiet")
        run(program, "export", "petab", *arguments, "--estimates", estimates, "--out", moved, "--quiet")
        problems = []
        for place in (exported, moved):
            lint = Path(sys.executable).parent / "petablint"
            result = subprocess.run([str(lint), str(place / f"{name}.yaml")], capture_output=True, text=True)
            if result.returncode:
                sys.exit(f"petablint: {result.stdout}{result.stderr}")
            problems.append(petab.Problem.from_yaml(str(place / f"{name}.yaml")))
        present, optimum = problems
        optimal = nominal(optimum)
        for words, problem, values, expected in (
            ("at the present values", present, nominal(present), start["before"]),
            ("at the optimum", optimum, optimal, start["after"]),
            ("moved to the optimum", present, optimal, start["after"]),
        ):
            chi2, llh = objective(problem, values)
            difference = abs(chi2 - expected)
            ok = difference <= max(ALLOWED * expected, LEAST) and math.isclose(-2 * llh, chi2 + constant(problem), rel_tol=1e-9, abs_tol=1e-9)
            failed += not ok
            print(f"{name:12} {len(problem.measurement_df):12} {words:22} {expected:14.7g} {chi2:14.7g} {difference:11.1e}{'' if ok else '  FAILED'}", flush=True)
        first = next(iter(optimal))
        changed, _ = objective(present, {**optimal, first: optimal[first] * 1.001})
        if math.isclose(changed, chi2, rel_tol=1e-9):
            sys.exit(f"{name}: a changed {first} was not noticed")
    # A growth rate does not enter the equations of HIF in clamped cells: nothing is written.
    command = [program, "export", "petab", "hif", "--parameter", "exposure.clearance", "--out", str(folder / "none")]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2 and not (folder / "none").exists(), refused.stderr
    if failed:
        sys.exit(f"{failed} objectives differ")
    print("petablint accepts all, and their objectives are those of calibrate")


os.environ.setdefault("PYTHONUTF8", "1")
main()
