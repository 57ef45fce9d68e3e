"""What the layer strip sends to the browser: its stops, and their thumbnails on one sheet."""

from __future__ import annotations

import base64
import io
import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from resnet_viz.ui.components.layer_strip import MAX_SHEETS, StripStop, layer_strip
from resnet_viz.ui.components.layer_strip.thumbnail_sheet import (
    MAX_SIDE,
    MIN_SIDE,
    SHEET_WIDTH,
    places,
    thumb_size,
)


def _show(stops, selected):  # type: ignore[no-untyped-def]
    import streamlit as st

    from resnet_viz.ui.components.layer_strip import layer_strip

    picked = layer_strip(stops, key="strip", selected=selected, alt="The layers")
    st.text(str(picked))


def _sent(stops: list[StripStop], selected: str | None = None) -> Any:
    arguments = {"stops": stops, "selected": selected}
    app = AppTest.from_function(_show, kwargs=arguments).run()
    assert not app.exception
    assert app.text[0].value == "None"
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def _stop(path: str = "conv1", **changed: Any) -> StripStop:
    usual: dict[str, Any] = {
        "label": path,
        "shape_text": "64 × 4 × 4",
        "thumb": np.full((4, 4, 3), 7, np.uint8),
        "width": 0.5,
        "side": 0.5,
        "colour": "#0072b2",
        "downsample": False,
    }
    return StripStop(path, **(usual | changed))


def test_each_thumbnail_lies_on_the_sheet_where_it_is_said_to() -> None:
    rng = np.random.default_rng(0)
    shapes = [(4, 4, 0.5), (9, 18, 1.0), (100, 100, 0.25), (1, 1, 0.0), (200, 50, 1.0)]
    thumbs = [rng.integers(0, 256, (height, width, 3), np.uint8) for height, width, _ in shapes]
    stops = [
        _stop(f"layer{index}", thumb=thumb, side=side)
        for index, (thumb, (_, _, side)) in enumerate(zip(thumbs, shapes, strict=True))
    ]
    sent = _sent(stops, "layer1")
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent["sheet"]))))

    assert sent["selected"] == "layer1"
    assert [each["path"] for each in sent["stops"]] == [stop.path for stop in stops]
    for thumb, each in zip(thumbs, sent["stops"], strict=True):
        shown = sheet[each["y"] :, each["x"] :][: each["height"], : each["width"]]
        assert shown.shape == (each["height"], each["width"], 3)
        if shown.shape[0] % thumb.shape[0] == shown.shape[1] % thumb.shape[1] == 0:
            times = shown.shape[0] // thumb.shape[0]
            assert np.array_equal(shown, thumb.repeat(times, axis=0).repeat(times, axis=1))
        assert np.allclose(shown.mean((0, 1)), thumb.mean((0, 1)), atol=3)


def test_a_stop_is_sent_as_it_is_drawn() -> None:
    sent = _sent([_stop(width=1.0, side=1.0, downsample=True), _stop("fc", width=0.0)])

    assert sent["stops"][0] == {
        "path": "conv1",
        "label": "conv1",
        "shape": "64 × 4 × 4",
        "colour": "#0072b2",
        "downsample": True,
        "sheets": MAX_SHEETS,
        "x": 0,
        "y": 0,
        "width": MAX_SIDE,
        "height": MAX_SIDE,
    }
    assert sent["stops"][1]["sheets"] == 0


def test_the_digest_follows_what_is_drawn() -> None:
    drawn = [
        [_stop()],
        [_stop(thumb=np.full((4, 4, 3), 8, np.uint8))],
        [_stop(label="first")],
        [_stop(side=0.6)],
        [],
    ]
    digests = [_sent(stops)["digest"] for stops in drawn]
    assert len(set(digests)) == len(drawn)
    assert _sent([_stop()], "conv1")["digest"] == digests[0]


@given(st.integers(1, 300), st.integers(1, 300), st.floats(-0.5, 2))
def test_a_thumbnail_keeps_its_proportions_and_can_be_seen(
    height: int, width: int, side: float
) -> None:
    size = thumb_size((height, width, 3), side)

    assert MIN_SIDE <= max(size) <= MAX_SIDE
    assert min(size) >= 1
    assert max(size) == MAX_SIDE or max(size) == MIN_SIDE or abs(max(size) - MAX_SIDE * side) <= 0.5
    shorter = max(size) * min(height, width) / max(height, width)
    assert min(size) == pytest.approx(max(shorter, 1), abs=0.5)
    assert (size[0] >= size[1]) == (height >= width) or size[0] == size[1]


SIZES = st.lists(st.tuples(st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE)), max_size=40)


@given(SIZES)
def test_thumbnails_do_not_overlap_and_all_are_on_the_sheet(sizes: list[tuple[int, int]]) -> None:
    corners, (height, width) = places(sizes)
    boxes = [(x, y, x + w, y + h) for (x, y), (h, w) in zip(corners, sizes, strict=True)]

    assert width <= SHEET_WIDTH
    assert all(right <= width and bottom <= height for _, _, right, bottom in boxes)
    for one, other in itertools.combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart


@pytest.mark.parametrize(
    ("stops", "words"),
    [
        ([_stop(colour="red")], "colour must be #rrggbb"),
        ([_stop(colour="#0072b2;")], "colour must be #rrggbb"),
        ([_stop(thumb=np.zeros((4, 4), np.uint8))], "thumb must be uint8"),
        ([_stop(thumb=np.zeros((4, 4, 3)))], "thumb must be uint8"),
        ([_stop(), _stop()], "the same path"),
    ],
)
def test_what_cannot_be_drawn_is_refused(stops: list[StripStop], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        layer_strip(stops, key="strip", selected=None, alt="")
