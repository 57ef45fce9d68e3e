"""Opening pages under AppTest, and reading what stands on them."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.testing.v1 import AppTest

from resnet_viz import profile
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.units import shape_text, si

ROOT: Final = Path(__file__).resolve().parents[3]
TITLES: Final = {
    "architecture": "Architecture",
    "layers": "Layers",
    "input_size": "Input size",
    "feature_maps": "Feature maps",
}
METRICS: Final = (
    "Depth",
    "Parameters",
    "MACs",
    "Activations",
    "Receptive field",
    "Final grid",
)

# The fixture `media` puts a fresh one here.
MEDIA = MemoryMediaFileStorage("/mock/media")

_SPECIAL: Final = r"\`*_{}[]<>()#+-!|$~:&"


def open_page(page: str, link: str = "", theme: str = "light") -> AppTest:
    """A new visitor follows a link such as ``model=resnet18&h=64`` to a page."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.context = {"theme": theme}
    app.query_params.update(parse_qsl(link, keep_blank_values=True))
    return app.switch_page(f"pages/{page}.py").run()


def go_to(app: AppTest, page: str) -> AppTest:
    """The same visitor goes to another page."""
    return app.switch_page(f"pages/{page}.py").run()


def metrics(app: AppTest) -> dict[str, str]:
    """The headline metrics by label; a panel may have more below."""
    return {metric.label: metric.value for metric in app.metric[: len(METRICS)]}


def expected_metrics(spec: ResNetSpec, size: InputSpec) -> dict[str, str]:
    """What the headline metrics must be."""
    totals = profile(spec, size).totals
    values = (
        str(totals.depth),
        si(totals.params),
        si(totals.macs),
        si(totals.activation_bytes, "B"),
        shape_text(totals.receptive_field),
        shape_text(totals.final_grid),
    )
    return dict(zip(METRICS, values, strict=True))


def assert_shows(app: AppTest, page: str, spec: ResNetSpec, size: InputSpec) -> None:
    """The page stands, with the metrics of this network and no error."""
    assert_alive(app, page)
    assert metrics(app) == expected_metrics(spec, size)
    assert [error.value for error in app.error] == []


def assert_alive(app: AppTest, page: str) -> None:
    """The page stands, whatever it has to complain about."""
    assert [error.value for error in app.exception] == []
    assert [title.value for title in app.title] == [TITLES[page]]
    assert tuple(metrics(app)) == METRICS


def said(app: AppTest) -> list[str]:
    """Errors and warnings as the visitor reads them; each is one plain sentence."""
    shown = [message.value for message in (*app.error, *app.warning)]
    for text in shown:
        unescaped = re.sub(r"\\.", "", text)
        assert not set(unescaped) & set(_SPECIAL), text
    # A word joiner, which nobody sees, keeps Markdown from making links of bare addresses.
    plain = [re.sub(r"\\(.)", r"\1", text).replace("\u2060", "") for text in shown]
    for text in plain:
        assert text.endswith(".")
        assert text.isprintable()
        assert 10 < len(text) < 400
    return plain


def fields(app: AppTest) -> Mapping[str, object]:
    """The sidebar's widgets by key, which are the link's parameters."""
    widgets = (
        *app.sidebar.selectbox,
        *app.sidebar.text_input,
        *app.sidebar.number_input,
        *app.sidebar.toggle,
    )
    return {str(widget.key): widget.value for widget in widgets}


def link(app: AppTest) -> dict[str, str]:
    """The address's parameters."""
    return {
        key: value if isinstance(value, str) else value[-1]
        for key, value in app.query_params.items()
    }


def table(app: AppTest, index: int = 0) -> pd.DataFrame:
    """A table as the page shows it."""
    frame = app.dataframe[index].value
    assert isinstance(frame, pd.DataFrame)
    return frame


def pictures(app: AppTest) -> list[NDArray[np.uint8]]:
    """The pictures on the page, as sent to the browser."""
    files = [MEDIA.get_file(image.value[0].rsplit("/", 1)[-1]) for image in app.image]
    return [np.asarray(Image.open(io.BytesIO(file.content))) for file in files]


def component(app: AppTest, key: str) -> dict[str, Any]:
    """What a component of our own has been sent."""
    (found,) = [each for each in app.get("bidi_component") if each.key == key]
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def has_component(app: AppTest, key: str) -> bool:
    """Whether a component of our own stands on the page."""
    return key in [getattr(each, "key", None) for each in app.get("bidi_component")]


def view(app: AppTest, key: str, layer: str = "image") -> NDArray[np.uint8]:
    """The picture, or the ``heat`` over it, that an image view shows."""
    _, data = component(app, key)[layer].split(",", 1)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
