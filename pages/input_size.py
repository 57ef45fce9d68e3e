"""What another input size does: to each stage's map, and to the cost."""

import numpy as np
import pandas as pd
import streamlit as st

from resnet_viz import InputSpec, profile, sweep
from resnet_viz.spec import MAX_SIDE
from resnet_viz.ui import frame
from resnet_viz.views.charts import resolution_chart, sweep_chart
from resnet_viz.views.tables import resolution_table

REFERENCE = InputSpec(height=224, width=224)

choice, report = frame.begin("Input size")
dark = frame.dark()
reference = profile(choice.spec, REFERENCE)

left, right = st.columns([3, 4])
with left:
    st.plotly_chart(
        resolution_chart(report, reference, dark),
        config={"displayModeBar": False},
        alt="The shorter side of the map after each stage, at this input and at 224 × 224",
    )
with right:
    stages = resolution_table(report, reference)
    st.dataframe(
        pd.DataFrame(stages),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="localized")
            for name, values in stages.items()
            if name.startswith("MACs") and isinstance(values[0], int)
        },
        alt="The same as a table",
    )
    rows, columns = report.totals.final_grid
    field = report.totals.receptive_field
    st.caption(
        f"The global pooling averages {rows} × {columns} = {rows * columns:,} cells, each of "
        f"which sees {field[0]:,} × {field[1]:,} pixels of a "
        f"{choice.input.height:,} × {choice.input.width:,} input."
    )

height, width = choice.input.height, choice.input.width
most = min(MAX_SIDE, max(512, 2 * height), max(1, MAX_SIDE * height // width))
heights = np.unique(np.append(np.linspace(1, most, 400).round().astype(int), height))
widths = np.clip((heights * width / height).round().astype(int), 1, MAX_SIDE)
widths[heights == height] = width
table = sweep(choice.spec, heights, widths)
shape = "square inputs" if height == width else f"inputs of the same proportion, {height} : {width}"
st.subheader(f"Over {shape}", anchor=False)
curves = (
    ("MACs", table.macs, ""),
    ("Peak memory", table.peak_activation_bytes, "B"),
    ("Rows of the final grid", table.final_heights, ""),
)
for place, (label, values, unit) in zip(st.columns(3), curves, strict=True):
    place.plotly_chart(
        sweep_chart(table, values, height, label, unit, dark),
        config={"displayModeBar": False},
        key=label,
        alt=f"{label} over the height of the input",
    )
