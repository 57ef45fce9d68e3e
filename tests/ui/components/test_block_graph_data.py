"""What the block graph sends to the browser, and what it says of the visitor's."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from resnet_viz.ui.components.block_graph import Handle, block_graph, is_narrow

    before = is_narrow()
    block_graph(
        "<svg/>",
        [Handle("layer3.1", "layer3.1-35", False, "Open layer3.1 … layer3.35", "left")],
        focus=st.session_state.get("chosen"),
        label="resnet152",
        view="resnet152",
        on_focus=lambda: None,
        on_toggle=lambda: None,
        on_narrow=lambda: None,
    )
    st.text(f"{before} {is_narrow()} {st.session_state.graph.focus}")


def _sent(app: AppTest) -> Any:
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def test_what_is_sent() -> None:
    app = AppTest.from_function(_page).run()

    assert not app.exception
    assert _sent(app) == {
        "svg": "<svg/>",
        "handles": [
            {
                "node": "layer3.1",
                "key": "layer3.1-35",
                "open": False,
                "label": "Open layer3.1 … layer3.35",
                "corner": "left",
            }
        ],
        "focus": None,
        "label": "resnet152",
        "view": "resnet152",
        "narrow": False,
        "applied": {"mount": "", "serial": 0},
    }


def test_nothing_is_known_of_a_new_visitor() -> None:
    app = AppTest.from_function(_page).run()

    assert app.text[0].value == "False False None"


def test_the_focus_follows_the_caller() -> None:
    app = AppTest.from_function(_page).run()
    app.session_state["chosen"] = "layer3.1"

    assert _sent(app.run())["focus"] == "layer3.1"
