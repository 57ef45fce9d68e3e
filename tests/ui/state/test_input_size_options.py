"""The choices of the page Input size, and their form in a link."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from hypothesis.strategies import SearchStrategy

from resnet_viz.costs.memory_use import OPTIMIZER_STATES
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.network.spec import MAX_BATCH, PRESETS
from resnet_viz.ui.state.input_size_options import DEFAULT_LAB, LAB_KEYS, PANELS, Lab


def labs() -> SearchStrategy[Lab]:
    """Any choices."""
    totals = ("macs", "peak_activation_bytes", "params")
    return st.builds(
        Lab,
        lab=st.sampled_from(list(PANELS)),
        ref=st.sampled_from(("", "model=resnet18&h=64", "model=custom&block=basic&blocks=1,2")),
        rows=st.sampled_from(("different", "all")),
        map=st.sampled_from(("macs", "final_grid", "one_cell", "outgrown", "rounding")),
        over=st.sampled_from(("size", "depth", "width")),
        total=st.sampled_from((*totals, "final_grid")),
        nets=st.lists(st.sampled_from(list(PRESETS)), unique=True, max_size=4).map(tuple),
        front=st.sampled_from(("receptive_field", "final_grid")),
        price=st.sampled_from(totals),
        mode=st.sampled_from(("inference", "training")),
        batch=st.integers(1, MAX_BATCH),
        dtype=st.sampled_from(("float32", "float16", "bfloat16")),
        optimizer=st.sampled_from(("sgd", "momentum", "adam")),
        memory=st.floats(0.25, 1024.0),
    )


@given(labs())
def test_a_link_restores_the_lab(lab: Lab) -> None:
    problems: list[str] = []
    assert Lab.from_query(lab.to_query(), problems) == lab
    assert problems == []
    assert Lab.from_values(lab.values) == lab


def test_the_usual_is_not_said() -> None:
    assert DEFAULT_LAB.to_query() == {}
    assert Lab.from_values(dict.fromkeys(LAB_KEYS)) == DEFAULT_LAB
    assert Lab.from_values({}) == DEFAULT_LAB


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lab", "toys"),
        ("rows", "some"),
        ("map", "<b>"),
        ("nets", "resnet18,resnet19"),
        ("batch", "0"),
        ("batch", "4097"),
        ("batch", "1e3"),
        ("dtype", "float64"),
        ("optimizer", "lion"),
        ("memory", "nan"),
        ("memory", "0.1"),
        ("memory", "much"),
        ("memory", "inf"),
    ],
)
def test_what_cannot_be_used_is_named_and_left_out(name: str, text: str) -> None:
    problems: list[str] = []
    assert Lab.from_query({name: text}, problems) == DEFAULT_LAB
    (problem,) = problems
    assert problem.startswith(f"The link's {name} was left out: ")
    assert problem.endswith(".")


def test_what_can_be_chosen_is_known_to_the_library() -> None:
    for lab in (Lab(dtype=dtype) for dtype in ("float32", "float16", "bfloat16")):
        assert lab.dtype in DTYPE_BYTES
    assert {"sgd", "momentum", "adam"} <= set(OPTIMIZER_STATES)
