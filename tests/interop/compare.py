"""The exported model in libSBML, libRoadRunner and COPASI against the native result.

usage: compare.py HIF_SWITCH [WORKDIR [all]]

For every setting and arm: exports SBML, checks it with libSBML (an error or warning fails), simulates
it with libRoadRunner (CVODE) and COPASI (LSODA), and compares every state at half past every hour with
`hif-switch simulate`. Half past, because doses come on the hour and tools differ in whether a sample
at an event is before or after it.

Every case also runs in libRoadRunner as a user first runs it: at its default tolerances. So does every
regimen with every partner that has kinetics (with `all`: with every partner, patients for 26 weeks), whose last
burden must be that of the program. After a pause an event finds amounts of drugs of 1e-100 mg; the exported events
set them to 0, without which libRoadRunner stops there.

Relative differences are taken against the larger of the state itself and FLOOR times the largest
value that it has in the run: below that a drug amount is numerical dust of every solver.
"""

import io
import multiprocessing
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import basico
import libsbml
import numpy as np
import pandas as pd
import roadrunner

# Compiling a model for speed takes longer than running it.
roadrunner.Config.setValue(roadrunner.Config.LLVM_BACKEND, roadrunner.Config.LLJIT)
roadrunner.Config.setValue(roadrunner.Config.LLJIT_OPTIMIZATION_LEVEL, roadrunner.Config.NONE)

ALLOWED = 1e-6
FLOOR = 1e-6
# Of the last burden at libRoadRunner's default tolerances (1e-6 relative).
ALLOWED_BY_DEFAULT = 1e-4
# Longer runs are compared at every thirteenth half past.
LONG = 100

# setting, days, arm, further options
CASES = [
    ("xenograft", 28, "vehicle", []),
    ("xenograft", 28, "sorafenib", []),
    ("xenograft", 28, "pt2385", []),
    ("xenograft", 28, "sorafenib+pt2385", []),
    ("xenograft", 28, "sorafenib+2-methoxyestradiol", []),
    ("xenograft", 28, "sorafenib+pt2385+genistein", []),
    ("xenograft", 28, "sorafenib+metformin", ["--mode", "achievable"]),
    ("xenograft", 40, "sorafenib", ["--regimen", "xenograft-resection"]),
    ("xenograft", 35, "sorafenib+pt2385", ["--regimen", "xenograft-withdrawal"]),
    ("xenograft", 35, "sorafenib+metformin", ["--regimen", "xenograft-withdrawal", "--mode", "achievable"]),
    ("xenograft", 28, "sorafenib+ef24", ["--regimen", "xenograft-cycles", "--mode", "achievable"]),
    ("patient", 28, "vehicle", []),
    ("patient", 28, "sorafenib", []),
    ("patient", 28, "belzutifan", []),
    ("patient", 28, "sorafenib+belzutifan", ["--mode", "achievable"]),
    ("patient", 28, "sorafenib+pt2385", []),
    ("patient", 28, "sorafenib+metformin+simvastatin", ["--mode", "achievable"]),
    ("patient", 60, "sorafenib+belzutifan", ["--regimen", "patient-dose-reduction", "--mode", "achievable"]),
    ("patient", 60, "sorafenib+capsaicin", ["--regimen", "patient-dose-reduction", "--mode", "achievable"]),
    ("patient", 182, "sorafenib+metformin", ["--mode", "achievable"]),
    ("culture", 3, "vehicle", []),
    ("culture", 3, "sorafenib", []),
    ("culture", 3, "pt2385", []),
    ("culture", 3, "sorafenib+pt2385", []),
    ("culture", 3, "sorafenib+2-methoxyestradiol", []),
    ("culture", 3, "sorafenib+ef24+genistein", ["--mode", "achievable"]),
]


def arguments(setting, days, arm, extra):
    return ["--setting", setting, "--arm", arm, "--days", str(days), *extra]


def native(program, case):
    """Every state at half past every hour, from the program itself."""
    every = "6.5h" if case[1] > LONG else "30min"
    table = simulated(program, case, "--every", every, "--rtol", "1e-12")
    return table.iloc[1::2].reset_index(drop=True)


def simulated(program, case, *options):
    """The time course of the program."""
    command = [program, "simulate", *arguments(*case), *options, "--csv", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    table = pd.read_csv(io.StringIO(text))
    table.columns = [column.split(" [")[0] for column in table.columns]
    return table


def check(text, label):
    """libSBML's consistency checks, units included; the number of messages by severity."""
    document = libsbml.readSBMLFromString(text)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
    document.checkConsistency()
    found = [document.getError(i) for i in range(document.getNumErrors())]
    for message in found[:5]:
        print(f"{label}: {message.getSeverityAsString()} line {message.getLine()}: {message.getMessage()}")
    return len(found)


def by_roadrunner(text, times, states):
    model = roadrunner.RoadRunner(text)
    integrator = model.getIntegrator()
    integrator.absolute_tolerance = 1e-14
    integrator.relative_tolerance = 1e-11
    integrator.maximum_num_steps = 1_000_000
    integrator.maximum_time_step = 1.0
    result = model.simulate(times=[0.0, *times], selections=["time", *states])
    return pd.DataFrame(np.asarray(result)[1:, 1:], columns=states)


def by_default(text, end, quiet=False):
    """The last burden of libRoadRunner as a user first runs it; NaN where it stops before."""
    model = roadrunner.RoadRunner(text)
    try:
        return float(model.simulate(0, end, 200, selections=["time", "burden"])[-1][1])
    except RuntimeError as error:
        if not quiet:
            print(f"libRoadRunner at its default tolerances: {error}")
        return float("nan")


def regimens(everything):
    """Every regimen with the partners that have kinetics in its setting."""
    params = Path(__file__).parents[2] / "params"
    partners = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in (params / "partners").glob("*.toml")}
    for file in sorted((params / "regimens").glob("*.toml")):
        setting = tomllib.loads(file.read_text("utf-8"))["setting"]
        days = {"culture": 3, "xenograft": 51, "patient": 182 if everything else 63}[setting]
        arms = ["sorafenib"]
        for name, of in sorted(partners.items()):
            if everything or of.get("kinetics", {}).get(setting, {}).get("half_life"):
                arms.append(f"sorafenib+{name}")
        yield from ((setting, days, arm, ["--regimen", file.stem, "--mode", "achievable"]) for arm in arms)


def runs_by_default(program, case):
    """What is wrong with a case at libRoadRunner's default tolerances; nothing where all is right."""
    command = [program, "export", "sbml", *arguments(*case)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
    burden = by_default(text, 24.0 * case[1])
    expected = simulated(program, case, "--every", "7d", "--rtol", "1e-9")["burden"].iloc[-1]
    right = abs(burden / expected - 1) <= ALLOWED_BY_DEFAULT
    return "" if right else f"{' '.join([case[2], *case[3]])}: burden {burden}, not {expected}"


def without_clearing(text):
    """The model with events that leave traces of drugs as they are."""
    document = libsbml.readSBMLFromString(text)
    changed = 0
    for event in document.getModel().getListOfEvents():
        for assignment in list(event.getListOfEventAssignments()):
            formula = libsbml.formulaToL3String(assignment.getMath())
            if "piecewise" in formula:
                name = assignment.getVariable()
                plain = name + formula[formula.rindex(")") + 1 :]
                assignment.setMath(libsbml.parseL3Formula(plain))
                changed += 1
    if not changed:
        sys.exit("no event sets traces of a drug to 0")
    return libsbml.writeSBMLToString(document)


def by_copasi(text, times, states):
    model = basico.load_model_from_string(text)
    try:
        result = basico.run_time_course(
            values=[0.0, *times],
            method="lsoda",
            r_tol=1e-11,
            a_tol=1e-14,
            max_steps=10_000_000,
            use_sbml_id=True,
        )
    finally:
        basico.remove_datamodel(model)
    result.columns = [column.removeprefix("Values[").removesuffix("]") for column in result.columns]
    return result.iloc[1:][states].reset_index(drop=True)


def starts(text):
    """The values at time 0, right after the doses there: no sample at half past sees a depot so full."""
    document = libsbml.readSBMLFromString(text)
    parameters = document.getModel().getListOfParameters()
    return {p.getId(): abs(p.getValue()) for p in parameters if p.isSetValue()}


def worst(reference, other, states, start):
    """Largest relative difference and its state."""
    largest = (0.0, "-")
    for state in states:
        r, o = reference[state].to_numpy(), other[state].to_numpy()
        scale = np.maximum(np.abs(r), FLOOR * max(np.abs(r).max(), start[state]))
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = np.where(scale > 0, np.abs(o - r) / scale, np.abs(o))
        if not np.isfinite(difference).all():
            return (np.inf, state)
        largest = max(largest, (float(difference.max()), state))
    return largest


def prove_that_it_can_fail(text, times, reference, states):
    """A rate changed by one part in ten thousand must be seen."""
    document = libsbml.readSBMLFromString(text)
    parameter = document.getModel().getParameter("hif_haf_loss")
    parameter.setValue(parameter.getValue() * 1.0001)
    changed = libsbml.writeSBMLToString(document)
    for simulate in (by_roadrunner, by_copasi):
        difference, _ = worst(reference, simulate(changed, times, states), states, starts(text))
        if difference <= ALLOWED:
            sys.exit(f"a changed model was not noticed ({simulate.__name__}: {difference})")


def compared(program, folder, case):
    """A line about a case, and whether all is right."""
    setting, _, arm, extra = case
    label = " ".join([arm, *(e for e in extra if not e.startswith("--"))])
    file = folder / f"{setting}-{label.replace(' ', '-')}.xml"
    command = [program, "export", "sbml", *arguments(*case), "-o", str(file)]
    subprocess.run(command, check=True)
    text = file.read_text(encoding="utf-8")
    messages = check(text, label)
    reference = native(program, case)
    document = libsbml.readSBMLFromString(text)
    rules = document.getModel().getListOfRules()
    states = [rule.getVariable() for rule in rules if rule.isRate()]
    times = reference["time_h"].to_list()
    start = starts(text)
    rr = worst(reference, by_roadrunner(text, times, states), states, start)
    copasi = worst(reference, by_copasi(text, times, states), states, start)
    # States that the export leaves out must be 0, or constant, in the native result.
    columns = list(reference.columns)
    every = columns[1 : columns.index("metastases") + 1]
    moving = [s for s in every if s not in states and reference[s].nunique() > 1]
    default = abs(by_default(text, times[-1]) / reference["burden"].iloc[-1] - 1)
    ok = messages == 0 and max(rr[0], copasi[0]) <= ALLOWED and not moving and len(states) > 10
    ok = ok and default <= ALLOWED_BY_DEFAULT
    if case == CASES[0]:
        prove_that_it_can_fail(text, times, reference, states)
    line = (
        f"{setting:10} {label:60} {len(states):6} {messages:8} {rr[0]:11.1e} {copasi[0]:11.1e} {default:9.1e}"
        f"  {max(rr, copasi)[1]}{'' if ok else '  FAILED ' + ' '.join(moving)}"
    )
    if "patient-dose-reduction" in extra and np.isfinite(by_default(without_clearing(text), times[-1], quiet=True)):
        line += "\nlibRoadRunner no longer stops at traces of a drug: the events need not clear them"
    return line, ok


def main():
    program = sys.argv[1]
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    failed = 0
    # Not forked: the compilers of the models have threads of their own.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        print(f"{'setting':10} {'arm':60} states messages  RoadRunner      COPASI  defaults  worst state")
        for line, ok in pool.map(compared, repeat(program), repeat(folder), CASES):
            failed += not ok
            print(line, flush=True)
        cases = list(regimens("all" in sys.argv))
        wrong = [message for message in pool.map(runs_by_default, repeat(program), cases) if message]
    print("\n".join([*wrong, f"{len(cases)} regimens and arms at libRoadRunner's default tolerances, {len(wrong)} failed"]))
    if failed or wrong:
        sys.exit(f"{failed + len(wrong)} cases failed")
    print(f"all {len(CASES)} cases within {ALLOWED} relative, without a message of libSBML")


if __name__ == "__main__":
    main()
