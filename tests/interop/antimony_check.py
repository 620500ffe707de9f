"""The Antimony text and the LaTeX page: the antimony compiler must load it, and its SBML must move as the
exported SBML; the formulas must be well-formed.

usage: antimony_check.py HIF_SWITCH
"""

import re
import subprocess
import sys

import antimony
import libsbml
import numpy as np
import roadrunner
from matplotlib.mathtext import MathTextParser

# A rate is a difference of terms of the size of its state per hour, whose products the text associates
# differently: differences are taken against the larger of the rate and the state per hour.
ALLOWED = 1e-12

CASES = [
    ("xenograft", "sorafenib+pt2385+genistein", []),
    ("xenograft", "sorafenib+metformin", ["--mode", "achievable"]),
    ("xenograft", "sorafenib", ["--regimen", "xenograft-resection"]),
    ("patient", "sorafenib+belzutifan", ["--mode", "achievable"]),
    ("culture", "sorafenib+2-methoxyestradiol", []),
]


def export(program, form, case):
    setting, arm, extra = case
    command = [program, "export", form, "--setting", setting, "--arm", arm, "--days", "3", *extra]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def rates(sbml, states, shift):
    """Rates of change of all states, away from the start by `shift` of their size."""
    model = roadrunner.RoadRunner(sbml)
    for i, state in enumerate(states):
        value = model[state]
        model[state] = (value + 0.01) * (1 + shift * np.sin(1.7 * i))
    sizes = np.array([abs(model[state]) for state in states])
    return np.array([model[f"{state}'"] for state in states]), sizes


def main():
    program = sys.argv[1]
    for case in CASES:
        text = export(program, "antimony", case)
        if antimony.loadAntimonyString(text) == -1:
            sys.exit(f"{case}: {antimony.getLastError()}")
        converted = antimony.getSBMLString(antimony.getMainModuleName())
        direct = export(program, "sbml", case)
        model = libsbml.readSBMLFromString(direct).getModel()
        states = [rule.getVariable() for rule in model.getListOfRules() if rule.isRate()]
        worst = 0.0
        for shift in (0.0, 0.1, 0.3):
            (a, _), (b, sizes) = rates(converted, states, shift), rates(direct, states, shift)
            worst = max(worst, float(np.max(np.abs(a - b) / np.maximum(np.abs(b), sizes))))
        document = libsbml.readSBMLFromString(converted)
        events = (document.getModel().getNumEvents(), model.getNumEvents())
        print(f"{' '.join([*case[:2], *case[2][1:]]):55} {len(states):3} rates within {worst:.1e}, {events[0]} events")
        if worst > ALLOWED or events[0] != events[1] or len(states) < 10:
            sys.exit(f"{case}: the Antimony text and the SBML differ: {worst}, events {events}")
    latex = export(program, "equations", ("patient", "sorafenib+pt2385", ["--format", "latex"]))
    formulas = re.findall(r"\\begin\{dmath\*\}\n(.*?)\n\\end", latex, re.S)
    parser = MathTextParser("path")
    for formula in formulas:
        # Parentheses of a fixed size are unknown to this parser.
        plain = formula.replace(r"\bigl(", "(").replace(r"\bigr)", ")")
        parser.parse(f"${plain}$")
    if len(formulas) < 60 or latex.count("{") != latex.count("}"):
        sys.exit(f"only {len(formulas)} formulas in the LaTeX page")
    print(f"{len(formulas)} formulas of the LaTeX page can be set")


main()
