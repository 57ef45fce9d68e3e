"""What the image view sends to the browser, and how often it hears what was picked there."""

from __future__ import annotations

import base64
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

from resnet_viz.ui.components.image_view import (
    MAX_MARGIN,
    MAX_VALUES,
    Grid,
    Outline,
    _margins,
    image_view,
)
from resnet_viz.views.pixels.mosaics import mosaic

KEY = "view"


def _show(arguments):  # type: ignore[no-untyped-def]
    import streamlit as st

    from resnet_viz.ui.components.image_view import image_view

    st.session_state["returned"] = image_view(key="view", alt="A picture", **arguments)


def _sent(**arguments: Any) -> Any:
    app = AppTest.from_function(_show, kwargs={"arguments": arguments}).run()
    assert not app.exception
    (component,) = app.get("bidi_component")
    text = component.proto.json
    assert "NaN" not in text
    return json.loads(text)


def _decoded(url: str) -> Any:
    head, text = url.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def _picture(height: int = 6, width: int = 8, channels: int = 3) -> Any:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def test_a_mosaic_is_sent_with_its_tiles() -> None:
    made = mosaic(np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32))
    grid = Grid(made.rows, made.columns, made.cell, made.gap, made.channels)
    sent = _sent(image=made.image, grid=grid, selected=np.int64(3), marks=[1, 4, 5, -1])

    assert np.array_equal(_decoded(sent["image"]), made.image)
    assert [sent["height"], sent["width"]] == list(made.image.shape[:2])
    assert sent["lattice"] == {
        "kind": "tiles",
        "rows": made.rows,
        "columns": made.columns,
        "cell": list(made.cell),
        "gap": made.gap,
        "count": 5,
        "labels": None,
    }
    assert sent["marks"] == [1, 4]
    assert sent["selected"] == 3
    assert sent["clickable"]
    assert sent["heard"] == {"mount": "", "count": 0}


def test_values_are_sent_as_they_are() -> None:
    values = np.array([[0.1, np.nan, np.inf], [-np.inf, -0.0, 1e-40]], np.float32)
    sent = _sent(image=_picture(6, 12), values=values, selected=(1, 2))

    lattice = sent["lattice"]
    assert base64.b64decode(lattice["values"]) == values.astype("<f4").tobytes()
    assert [lattice["rows"], lattice["columns"], lattice["count"]] == [2, 3, 6]
    assert lattice["cell"] == [3, 4]
    assert sent["selected"] == [1, 2]


@pytest.mark.parametrize("more", [0, 1])
def test_of_a_huge_map_no_values_are_sent(more: int) -> None:
    values = np.zeros((1, MAX_VALUES + more), np.float32)
    sent = _sent(image=_picture(1, 100), values=values)

    assert (sent["lattice"]["values"] is None) == bool(more)
    assert sent["lattice"]["columns"] == MAX_VALUES + more


def test_a_plain_picture_has_its_overlays_and_nothing_to_pick() -> None:
    heat = _picture(2, 3, 4)
    outline = Outline(np.float32(-1.5), 2, 5, 7, "field", dashed=True)  # type: ignore[arg-type]
    sent = _sent(image=_picture(), heat=heat, opacity=7, outlines=[outline], max_height=300)

    assert np.array_equal(_decoded(sent["heat"]), heat)
    assert sent["opacity"] == 1
    assert sent["outlines"] == [
        {"top": -1.5, "left": 2, "bottom": 5, "right": 7, "label": "field", "dashed": True}
    ]
    assert sent["margins"] == [1.5, 0, 0, 0]
    assert sent["maxHeight"] == 300
    assert sent["lattice"] is None
    assert not sent["clickable"]


EDGE = st.floats(-1000, 1000)


@given(st.lists(st.builds(Outline, EDGE, EDGE, EDGE, EDGE, st.just("")), max_size=4))
def test_margins_show_what_sticks_out_up_to_a_quarter(outlines: list[Outline]) -> None:
    height, width = 40, 80
    top, right, bottom, left = _margins(outlines, height, width)

    assert all(0 <= margin <= MAX_MARGIN * height for margin in (top, bottom))
    assert all(0 <= margin <= MAX_MARGIN * width for margin in (left, right))
    for each in outlines:
        assert each.top >= -top or top == MAX_MARGIN * height
        assert each.bottom <= height + bottom or bottom == MAX_MARGIN * height
        assert each.left >= -left or left == MAX_MARGIN * width
        assert each.right <= width + right or right == MAX_MARGIN * width
    inside = all(
        min(each.top, each.left) >= 0 and each.bottom <= height and each.right <= width
        for each in outlines
    )
    assert any((top, right, bottom, left)) != inside


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": np.zeros((4, 4), np.uint8)}, "image must be"),
        ({"image": np.zeros((4, 4, 3))}, "image must be"),
        ({"image": np.zeros((0, 4, 3), np.uint8)}, "image must have pixels"),
        ({"heat": np.zeros((4, 4, 3), np.uint8)}, "heat must be"),
        ({"values": np.zeros(4, np.float32)}, "values must be"),
        ({"grid": Grid(1, 2, (4, 4), 1, 2, ("one",))}, "2 tiles need as many labels"),
        ({"outlines": [Outline(0, 0, float("inf"), 1, "field")]}, "'field' must be finite"),
        (
            {"grid": Grid(1, 1, (4, 4), 1, 1), "values": np.zeros((4, 4), np.float32)},
            "either a grid or values",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        image_view(**({"image": _picture()} | wrong), key=KEY, alt="")


class Browser:
    """Stands where Streamlit's component does: what it is given, and what is picked in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> None:
        self.arguments: dict[str, Any] = {"image": _picture(), **arguments}
        self.app = AppTest.from_function(_show, kwargs={"arguments": self.arguments})
        self.count = 0
        self.changed: Callable[[], None] | None = None
        monkeypatch.setattr("resnet_viz.ui.components.image_view._component", self.mounted)

    def mounted(self, *, key: str, data: Any, on_picked_change: Callable[[], None]) -> None:
        assert key == KEY
        self.data = data
        self.changed = on_picked_change

    def pick(self, place: Any, mount: str = "a") -> None:
        self.count += 1
        message = {"mount": mount, "count": self.count, "place": place}
        self.app.session_state[KEY] = SimpleNamespace(picked=message)

    def run(self) -> Any:
        self.app.run()
        assert not self.app.exception
        return self.app.session_state["returned"]


GRID = Grid(2, 2, (2, 3), 0, 3)


def test_a_pick_is_returned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(monkeypatch, grid=GRID, selected=None)
    assert browser.run() is None

    browser.pick(2)
    assert browser.run() == 2
    assert browser.data["selected"] == 2  # though the caller has said nothing yet
    assert browser.data["heard"] == {"mount": "a", "count": 1}
    assert browser.run() is None
    assert browser.data["selected"] is None  # the caller's word
    browser.pick(2)
    assert browser.run() == 2


def test_another_mount_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(monkeypatch, grid=GRID)
    browser.pick(1)
    assert browser.run() == 1
    browser.count = 0
    browser.pick(0, mount="b")
    assert browser.run() == 0
    assert browser.run() is None
    assert browser.data["heard"] == {"mount": "b", "count": 1}


@pytest.mark.parametrize("place", [3, -1, None, "1", True, 1.0, [0, 1], {"row": 1}])
def test_a_tile_that_is_not_there_is_not_picked(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(monkeypatch, grid=GRID)
    browser.pick(place)

    assert browser.run() is None
    assert browser.data["heard"]["count"] == 1  # the browser need not wait


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ([1, 2], (1, 2)),
        ([0, 0], (0, 0)),
        ([2, 0], None),
        ([0, 3], None),
        ([-1, 0], None),
        ([0], None),
        (4, None),
        (["0", "0"], None),
    ],
)
def test_a_cell_is_a_row_and_a_column(
    place: Any, expected: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(monkeypatch, values=np.zeros((2, 3), np.float32))
    browser.pick(place)

    assert browser.run() == expected


def test_a_callback_hears_instead_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    browser = Browser(monkeypatch, grid=GRID, selected=0, on_select=heard.append)
    browser.run()
    assert browser.changed is not None
    browser.pick(1)
    # Streamlit calls it before the run; here a run of its own lends it a session state.
    app = AppTest.from_function(_call, kwargs={"callback": browser.changed})
    app.session_state[KEY] = browser.app.session_state[KEY]
    app.run()
    app.run()

    assert not app.exception
    assert heard == [1]
    assert browser.run() is None
    assert browser.data["selected"] == 0


def _call(callback):  # type: ignore[no-untyped-def]
    callback()
