"""The other engines on the model that `cargo bench --bench side_by_side` has written to a folder.

Usage: peers.py FOLDER [sbml]; appends rows (engine, case, runs, rtol, ms per run of processor time, largest error) to
FOLDER/results.csv. The error is |difference|/(|value| + 1e-3), largest over patients, all states but drug
amounts, and the times just before each dose, against Dop853 at 1e-13.
"""

import ctypes
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

folder = Path(sys.argv[1])
here = Path(__file__).resolve().parent
names = (folder / "states.txt").read_text().split("\n")
head = np.fromfile(folder / "patients.bin", count=4).astype(int)
patients, states, constants, stretches = head
size = 2 * constants + 2 * states + 5 * stretches
data = np.fromfile(folder / "patients.bin")[4:].reshape(patients, size)
reference = np.fromfile(folder / "reference.bin").reshape(patients, -1, states)
counted = np.array([not name.endswith("_mg") for name in names])


def error(values, wanted):
    values = values.reshape(wanted, -1, states)
    true = reference[:wanted]
    off = np.abs(values - true) / (np.abs(true) + 1e-3)
    return off[:, :, counted].max()


def row(engine, runs, rtol, milliseconds, off):
    line = f"{engine},ensemble,{runs},{rtol:.0e},{milliseconds:.5f},{off:.3e}"
    print(line, flush=True)
    with open(folder / "results.csv", "a") as out:
        out.write(line + "\n")


def stretch(patient):
    return data[patient, -5 * stretches :].reshape(stretches, 5)


def cvode(rtol, wanted=8):
    spent = subprocess.run([folder / "cvode", folder, str(rtol), str(wanted)], check=True, capture_output=True)
    row("CVODE BDF (C)", wanted, rtol, float(spent.stdout), error(np.fromfile(folder / "cvode.bin"), wanted))


def desolve(method, rtol, wanted=4):
    command = ["Rscript", here / "desolve.R", folder, method, str(rtol), str(wanted)]
    spent = subprocess.run(command, check=True, capture_output=True)
    rows = np.fromfile(folder / "desolve.bin").reshape(wanted, -1, states + 1)
    ends = rows[:, 1:, :]
    sampled = stretch(0)[:, 4] > 0.5
    row(f"deSolve {method} (C)", wanted, rtol, float(spent.stdout), error(ends[:, sampled, 1:], wanted))


def diffsol(method, rtol, wanted=4):
    command = [folder / "diffsol", folder, method, str(rtol), str(wanted)]
    spent = subprocess.run(command, check=True, capture_output=True)
    row(f"diffsol {method}", wanted, rtol, float(spent.stdout), error(np.fromfile(folder / "diffsol.bin"), wanted))


def scipy_lsoda(rtol, wanted=1):
    from scipy.integrate import ode

    library = ctypes.CDLL(str(folder / "desolve.so"))
    pointer = ctypes.POINTER(ctypes.c_double)
    library.rates.argtypes = library.jacobian.argtypes = [pointer, pointer, pointer]
    values, matrix = np.zeros(states), np.zeros((states, states), order="F")
    at = lambda array: array.ctypes.data_as(pointer)
    current = [None]

    def rates(_, y):
        library.rates(at(current[0]), at(y), at(values))
        return values

    def jacobian(_, y):
        library.jacobian(at(current[0]), at(y), at(matrix))
        return matrix

    best = np.inf
    for _ in range(2):
        samples = []
        begin = time.process_time()
        for patient in range(wanted):
            numbers = data[patient]
            closed, opened = np.split(numbers[: 2 * constants].copy(), 2)
            y = numbers[2 * constants : 2 * constants + states].copy()
            weights = numbers[2 * constants + states : 2 * constants + 2 * states]
            solver = ode(rates, jacobian)
            solver.set_integrator("lsoda", rtol=rtol, atol=rtol * weights, with_jacobian=True, nsteps=100000)
            for start, end, is_open, dose, sample in stretch(patient):
                current[0] = opened if is_open > 0.5 else closed
                y[0] += dose
                solver.set_initial_value(y, start)
                y = solver.integrate(end)
                if sample > 0.5:
                    samples.append(y.copy())
        best = min(best, (time.process_time() - begin) / wanted)
    row("SciPy ode lsoda (C rates)", wanted, rtol, 1e3 * best, error(np.array(samples), wanted))


def sbml_error(values, selected):
    """Of the engines that read the SBML, which has the parameters of patient 0; values at 0, 12, 24, ... h."""
    true = reference[0][:, [names.index(name) for name in selected]]
    return (np.abs(values[1:] - true) / (np.abs(true) + 1e-3)).max()


def roadrunner(rtol):
    import roadrunner

    selected = [name for name in names if not name.endswith("_mg")]
    best = np.inf
    for _ in range(2):
        # Anew: a reset leaves what events have set.
        model = roadrunner.RoadRunner(str(folder / "patient.xml"))
        model.timeCourseSelections = selected
        model.integrator.relative_tolerance = rtol
        model.integrator.absolute_tolerance = 1e-3 * rtol
        begin = time.process_time()
        result = np.array(model.simulate(times=[12.0 * i for i in range(reference.shape[1] + 1)]))
        best = min(best, time.process_time() - begin)
    row("libRoadRunner CVODE (SBML)", 1, rtol, 1e3 * best, sbml_error(result, selected))


def copasi(rtol):
    import basico

    model = basico.load_model(str(folder / "patient.xml"))
    selected = [name for name in names if not name.endswith("_mg")]
    best = np.inf
    for _ in range(2):
        begin = time.process_time()
        table = basico.run_time_course(
            values=[12.0 * i for i in range(reference.shape[1] + 1)],
            r_tol=rtol,
            a_tol=1e-3 * rtol,
            max_steps=10**7,
            use_initial_values=True,
            model=model,
        )
        best = min(best, time.process_time() - begin)

    parameters = ElementTree.parse(folder / "patient.xml").iter()
    titles = {p.get("id"): f"Values[{p.get('name')}]" for p in parameters if p.tag.endswith("}parameter")}
    values = table[[titles[name] for name in selected]].to_numpy()
    row("COPASI LSODA (SBML)", 1, rtol, 1e3 * best, sbml_error(values, selected))


def attempt(what, *arguments):
    try:
        what(*arguments)
    except Exception as cause:  # one engine that is missing or fails leaves the others their rows
        print(f"{what.__name__}{arguments}: {cause}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.argv[2:] != ["sbml"]:
        for rtol in [1e-4, 1e-5, 1e-6, 1e-7]:
            attempt(cvode, rtol)
        for method in ["lsoda", "bdf"]:
            for rtol in [1e-4, 1e-5, 1e-6, 1e-7]:
                attempt(desolve, method, rtol)
        for rtol in [1e-4, 1e-5, 1e-6]:
            attempt(diffsol, "bdf", rtol)
        for rtol in [1e-5, 1e-6]:
            attempt(scipy_lsoda, rtol)
    for rtol in [1e-3, 1e-4, 1e-5, 1e-6]:
        attempt(roadrunner, rtol)
    for rtol in [1e-4, 1e-5, 1e-6]:
        attempt(copasi, rtol)
