"""How much memory inference or training takes, when, and how many pictures fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pandas as pd
import streamlit as st

from resnet_viz.costs.memory_use import Memory, largest_batch, memory
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.network.spec import MAX_BATCH, preset_name
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.ui.state.input_size_options import MAX_MEMORY_GIB, MIN_MEMORY_GIB, Lab
from resnet_viz.units import percent, si
from resnet_viz.views.charts.memory_charts import (
    fitting_text,
    memory_chart,
    parts_table,
    peak_text,
    steps_table,
)
from resnet_viz.views.tables.layer_tables import csv_text

__all__ = ["draw"]

_PLOTLY: Final[dict[str, Any]] = {"displayModeBar": False}
_MODES: Final = {"inference": "Inference", "training": "Training"}
_OPTIMIZERS: Final = {"sgd": "SGD", "momentum": "SGD with momentum", "adam": "Adam or AdamW"}
_DTYPES: Final = [name for name in DTYPE_BYTES if name != "float64"]


def draw(bench: Bench) -> None:
    """Draw the choices, the peak and the largest batch, the timeline and its tables."""
    _choose(bench.lab)
    lab = bench.lab
    size = replace(bench.choice.input, batch=lab.batch)
    training = lab.mode == "training"
    use = memory(bench.choice.spec, size, lab.dtype, training=training, optimizer=lab.optimizer)
    limit = int(lab.memory * 2**30)
    fitting = largest_batch(
        use.spec, size, limit, lab.dtype, training=training, optimizer=lab.optimizer
    )
    _metrics(use, limit, fitting)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            memory_chart(use, bench.dark, limit),
            config=_PLOTLY,
            key="memory_chart",
            alt=f"Memory over the execution; the peak is {si(use.peak_bytes, 'B')} at "
            f"{peak_text(use)}",
        )
    with right:
        table = parts_table(use)
        st.dataframe(
            pd.DataFrame(table),
            hide_index=True,
            column_config={
                name: st.column_config.TextColumn(alignment="right")
                for name in table
                if name != "Part"
            },
            alt="The parts of the peak as a table",
        )
        downloads("Download", "memory_files", lambda: _files(use))
    st.caption(
        "Every tensor of PyTorch is counted. On a GPU come on top: the CUDA context (some hundred "
        "MB), workspaces of cuDNN, and what the allocator rounds up and leaves unused."
    )


def _choose(lab: Lab) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Mode", list(_MODES), key="mode", format_func=_MODES.__getitem__, required=True
        )
        st.number_input("Batch", 1, MAX_BATCH, key="batch", step=1, width=130)
        st.selectbox("Type", _DTYPES, key="dtype", width=130)
        if lab.mode == "training":
            st.selectbox(
                "Optimizer",
                list(_OPTIMIZERS),
                key="optimizer",
                format_func=_OPTIMIZERS.__getitem__,
                width=200,
            )
        st.number_input(
            "Memory, GiB",
            MIN_MEMORY_GIB,
            MAX_MEMORY_GIB,
            key="memory",
            step=1.0,
            format="%g",
            width=150,
        )


def _metrics(use: Memory, limit: int, fitting: int) -> None:
    whole = f"{limit / 2**30:g} GiB"
    shown = (
        ("Peak", si(use.peak_bytes, "B"), _share(use.peak_bytes, limit, whole)),
        ("Where", use.peak_path, use.peak_phase),
        ("Largest batch that fits", fitting_text(fitting), f"in {whole}"),
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        for label, value, below in shown:
            st.metric(label, value, below, delta_color="off", delta_arrow="off", width="content")
        if fitting not in (0, use.input.batch):
            st.button(
                f"Use batch {fitting:,}", key="use_batch", on_click=_use_batch, args=(fitting,)
            )


def _share(used: int, limit: int, whole: str) -> str:
    """How much of the memory is used; beyond tenfold a percentage says little."""
    if used > 10 * limit:
        return f"{used / limit:,.0f} times {whole}"
    return f"{percent(used / limit)} of {whole}"


def _use_batch(batch: int) -> None:
    st.session_state["batch"] = batch


def _files(use: Memory) -> Iterator[Download]:
    mode = f"training_{use.optimizer}" if use.optimizer else "inference"
    name = f"{preset_name(use.spec) or 'resnet'}_memory_{mode}.csv"
    yield Download("Every step, CSV", csv_text(steps_table(use)), name, "text/csv")
