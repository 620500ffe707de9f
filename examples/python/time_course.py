# Figure of a time course, read from Parquet with its units.
#   hif-switch simulate --setting xenograft --arm sorafenib+pt2385 --parquet course.parquet
#   python examples/python/time_course.py course.parquet course.png
# Needs pandas, pyarrow and matplotlib.
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import pyarrow.parquet as pq

source, target = sys.argv[1:3]
schema = pq.read_schema(source)
units = {field.name: field.metadata[b"unit"].decode() for field in schema}
course = pd.read_parquet(source)

figure, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, layout="constrained")
panels = [["pO2_mmHg"], ["HIF1A", "HIF2A"], ["survival", "apoptosis"], ["burden"]]
for axis, columns in zip(axes.flat, panels):
    for column in columns:
        axis.plot(course["time_h"] / 24, course[column], label=column)
    unit = units[columns[0]]
    axis.set_ylabel("relative to the untreated tumour" if unit == "1" else unit)
    axis.legend(frameon=False)
for axis in axes[-1]:
    axis.set_xlabel("time, d")
figure.savefig(target, dpi=150)
print(f"{len(course)} samples, {len(units)} columns; burden at the end: {course['burden'].iloc[-1]:.1f} {units['burden']}")
