"""What the size map sends to the browser, what it hears, and the panel around it."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from resnet_viz.costs.profiling import profile
from resnet_viz.network.spec import MAX_SIDE, InputSpec, ResNetSpec
from resnet_viz.sizing.costs_by_size import formulas, size_map
from resnet_viz.ui.components.size_map_view import _size, size_map_view
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.input_size.size_map_panel import _files, good_sizes
from resnet_viz.ui.state.choice import Choice
from resnet_viz.ui.state.input_size_options import Lab
from resnet_viz.units import si
from resnet_viz.views.pixels.colour_maps import SEQUENTIAL
from resnet_viz.views.pixels.size_map_axes import marks, samples
from resnet_viz.views.pixels.size_map_image import QUANTITIES, size_picture

TINY = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=5)


def _bench(height: int, width: int, quantity: str, batch: int = 1, dtype: str = "float32") -> Bench:
    report = profile(TINY, InputSpec(height, width, batch=batch), dtype)
    return Bench(Choice(TINY, report.input), report, report, Lab(map=quantity), dark=False)


def _panel(bench):  # type: ignore[no-untyped-def]
    import streamlit as st

    from resnet_viz.ui.input_size.size_map_panel import draw

    for key, value in (
        ("h", bench.report.input.height),
        ("w", bench.report.input.width),
        ("map", bench.lab.map),
    ):
        st.session_state.setdefault(key, value)
    draw(bench)


def _run(bench: Bench) -> AppTest:
    app = AppTest.from_function(_panel, kwargs={"bench": bench}).run()
    assert not app.exception
    return app


def _sent(app: AppTest) -> Any:
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_map_is_sent_in_colours_and_formulas(quantity: str) -> None:
    sent = _sent(_run(_bench(40, 70, quantity, batch=3, dtype="float16")))
    reached = 128 if quantity == "one_cell" else 512
    assert (sent["count"], sent["step"]) == (reached, 1)
    assert sent["selected"] == [40, 70]
    assert sent["heard"] == {"mount": "", "count": 0}
    assert f"up to {reached} × {reached}: " in sent["alt"]

    picture = size_picture(size_map(TINY, samples(reached), batch=3, dtype="float16"), quantity)
    head, _, data = sent["image"].partition(",")
    assert head == "data:image/png;base64"
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    assert np.array_equal(decoded, SEQUENTIAL[picture.entries])
    assert [line["path"] for line in sent["lines"]] == [line.path for line in picture.lines]
    assert [tick["label"] for tick in sent["bar"]["ticks"]] == [t.label for t in picture.bar.ticks]
    assert [mark["name"] for mark in sent["marks"]] == [mark.name for mark in marks(reached)]

    known = formulas(TINY)
    assert sent["formulas"] == json.loads(
        json.dumps(
            {
                "grids": known.grids,
                "final": known.final_grid,
                "stride": known.output_stride,
                "macs": known.mac_factors,
                "live": known.live_factors,
                "readers": known.readers,
                "fields": known.fields,
                "batch": 3,
                "itemBytes": 2,
            }
        )
    )


def test_a_large_input_is_on_the_map_in_steps() -> None:
    sent = _sent(_run(_bench(16_384, 3, "macs")))
    assert (sent["count"], sent["step"]) == (512, 32)
    assert len(sent["image"]) < 200_000


def test_another_size_on_the_same_map_draws_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _sent(_run(_bench(40, 70, "rounding")))
    monkeypatch.delattr("resnet_viz.ui.input_size.size_map_panel.size_picture")
    after = _sent(_run(_bench(512, 9, "rounding")))
    assert after.pop("selected") == [512, 9]
    assert before.pop("selected") == [40, 70]
    assert after == before


def test_the_table_compares_with_good_sizes() -> None:
    app = _run(_bench(33, 50, "rounding"))
    (table,) = app.dataframe
    frame = table.value
    assert list(frame.columns) == ["32 × 48", "33 × 50", "40 × 56"]
    for column in frame.columns:
        height, width = map(int, column.split(" × "))
        totals = profile(TINY, InputSpec(height, width)).totals
        rows, columns = totals.final_grid
        values = dict(zip(frame.index, frame[column], strict=True))
        assert values["Final grid"] == f"{rows} × {columns}"
        assert values["MACs"] == si(totals.macs)
        assert values["Peak memory"] == si(totals.peak_activation_bytes, "B")
        assert values["Rounding"] == f"{100 - 100 * height * width / (64 * rows * columns):.1f} %"
        assert values["On 1 × 1"].endswith(" of 12")
    assert list(frame.index) == list(QUANTITIES.values())


@given(
    st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE), st.sampled_from([1, 2, 4, 8, 32, 64, 512])
)
def test_good_sizes_are_the_nearest_multiples(height: int, width: int, stride: int) -> None:
    found = good_sizes((height, width), (stride, stride))
    assert 1 <= len(found) <= 2
    assert (height, width) not in found
    for pair in found:
        assert all(side % stride == 0 and stride <= side <= MAX_SIDE for side in pair)
        assert all(
            abs(side - here) <= stride for side, here in zip(pair, (height, width), strict=True)
        )
    if height % stride or width % stride:
        assert found[-1][0] >= height or height > MAX_SIDE - stride
    elif stride < height < MAX_SIDE and stride < width < MAX_SIDE:
        assert found == (
            (height - stride, width - stride),
            (height + stride, width + stride),
        )


def test_the_file_has_every_size() -> None:
    bench = _bench(40, 70, "one_cell")
    (file,) = _files(bench, 32)
    assert file.name == "custom-sizes-32.csv"
    rows = list(csv.DictReader(io.StringIO(str(file.data))))
    assert len(rows) == 32 * 32
    row = rows[6 * 32 + 30]
    assert (row["height"], row["width"]) == ("7", "31")
    assert int(row["macs"]) == profile(TINY, InputSpec(7, 31)).totals.macs


class Browser:
    """Stands where Streamlit's component does: what it is given, and what is picked in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.changed: Callable[[], None] | None = None
        monkeypatch.setattr("resnet_viz.ui.components.size_map_view._component", self.mounted)
        self.app = _run(_bench(40, 70, "macs"))

    def mounted(self, *, key: str, data: Any, on_picked_change: Callable[[], None]) -> None:
        assert key == "size_map"
        self.data = data
        self.changed = on_picked_change

    def pick(self, place: Any) -> tuple[int, int]:
        """The height and width that the session has after a pick."""
        self.count += 1
        # Streamlit calls it before the run; here a run of its own lends it a session state.
        app = AppTest.from_function(_call, kwargs={"callback": self.changed})
        app.session_state["h"], app.session_state["w"] = 40, 70
        message = {"mount": "a", "count": self.count, "place": place}
        app.session_state["size_map"] = SimpleNamespace(picked=message)
        app.run()
        assert not app.exception
        return app.session_state["h"], app.session_state["w"]


def _call(callback):  # type: ignore[no-untyped-def]
    callback()


def test_a_pick_is_the_inputs_size(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(monkeypatch)
    assert browser.data["selected"] == [40, 70]
    assert browser.pick([225, 300]) == (225, 300)
    assert browser.pick([0, 300]) == (40, 70)


@pytest.mark.parametrize(
    ("message", "size"),
    [
        ([1, MAX_SIDE], (1, MAX_SIDE)),
        ([0, 5], None),
        ([5, MAX_SIDE + 1], None),
        ([5], None),
        ([5, 6, 7], None),
        ([5.0, 6], None),
        (["5", "6"], None),
        ([True, True], None),
        ("55", None),
        ({"h": 5}, None),
        (None, None),
    ],
)
def test_a_size_is_two_allowed_sides(message: Any, size: tuple[int, int] | None) -> None:
    assert _size(message) == size


def test_a_map_that_is_not_square_is_refused() -> None:
    picture = size_picture(size_map(TINY, [1, 2], [1, 2, 3]), "macs")
    with pytest.raises(ValueError, match="must be square, not 2 x 3"):
        size_map_view(
            picture,
            formulas(TINY),
            step=1,
            marks=(),
            selected=(1, 1),
            batch=1,
            dtype="float32",
            alt="",
            key="size_map",
            on_select=lambda size: None,
        )
