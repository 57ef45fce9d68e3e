"""The block graph on the page: a drawing that can be clicked, opened, zoomed and walked through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import streamlit as st

from resnet_viz.ui.components import TIP_CSS

__all__ = ["Handle", "block_graph", "is_narrow", "toggles"]

_FOLDER: Final = Path(__file__).parent


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


# Once a process: a name that is registered again would log a warning at each run.
_component: Final = st.components.v2.component(
    "resnet_viz.block_graph",
    html=_asset("block_graph.html"),
    css=TIP_CSS + _asset("block_graph.css"),
    # Streamlit takes one module from a script's folder, and nothing could be imported from it.
    js=_asset("drawing.js") + _asset("block_graph.js"),
)


@dataclass(frozen=True)
class Handle:
    """A round button, + or −, on a corner of a node.

    Attributes:
        node: The id of the drawn node.
        key: What it opens or folds: the event's value.
        open: Whether that is open now.
        label: Its tooltip, such as ``Open layer3``.
        corner: The top corner; ``left`` is for the second handle of a node.
    """

    node: str
    key: str
    open: bool
    label: str
    corner: Literal["left", "right"] = "right"


def block_graph(
    svg: str,
    handles: Sequence[Handle],
    *,
    focus: str | None,
    label: str,
    on_focus: Callable[[], None],
    on_toggle: Callable[[], None],
    on_narrow: Callable[[], None],
    view: str = "",
    key: str = "graph",
) -> None:
    """Show a drawing and let the visitor act on it.

    The component keeps nothing but where one looks: what is in focus and what is open is the
    caller's, who hears of each wish in a callback and draws anew. In a callback, and until the
    end of the run that follows, ``st.session_state[key]`` has the event as an attribute:

    - ``focus``: the id of the node that was chosen; ``""`` where the visitor let go of it (None
      says that nothing happened).
    - ``toggle``: what `toggles` reads, else None.
    - ``narrow``: whether the component is narrower than 640 px. It lasts, unlike the others, and
      it is False until the browser says otherwise; see `is_narrow`.

    Args:
        svg: Graphviz's SVG. The ids of nodes are what they stand for, the titles of edges
            ``source->target``; tooltips stand in ``<a xlink:title>``.
        handles: What can be opened or folded; of two on a node, Space uses the first and
            Shift+Space the second.
        focus: The node with the ring; None, or one that is not drawn, for none.
        label: What the drawing shows, for those who do not see it.
        on_focus: A node was chosen or let go.
        on_toggle: A handle was used.
        on_narrow: The component became narrow or wide.
        view: What is drawn, such as the network and the level. While it stays the same, new
            drawings keep the zoom and the place; when it changes they are fitted anew.
        key: The component's key in the session state.
    """
    _component(
        key=key,
        data={
            "svg": svg,
            "handles": [asdict(handle) for handle in handles],
            "focus": focus,
            "label": label,
            "view": view,
            "narrow": is_narrow(key),
            "applied": _applied(key),
        },
        default={"narrow": False},
        on_focus_change=on_focus,
        on_toggle_change=on_toggle,
        on_narrow_change=on_narrow,
    )


def is_narrow(key: str = "graph") -> bool:
    """Whether the visitor's graph is narrower than 640 px, as far as is known."""
    return bool(getattr(st.session_state.get(key), "narrow", False))


def toggles(key: str = "graph") -> list[str]:
    """The keys of the handles that were used and not read before, in order; for `on_toggle`.

    Where several are used while a run is busy, Streamlit keeps the last message only. So the
    browser numbers them, and repeats each until it hears that it has been read.
    """
    message = st.session_state[key].toggle
    if not message:
        return []
    last = _applied(key)
    before = last["serial"] if last["mount"] == message["mount"] else 0
    new = [each for each in message["asked"] if each["serial"] > before]
    serial = max([before, *(each["serial"] for each in new)])
    st.session_state[_key(key)] = {"mount": message["mount"], "serial": serial}
    return [str(each["key"]) for each in new]


def _applied(key: str) -> dict[str, Any]:
    """Which mount of the component was last heard, and up to which of its toggles."""
    nothing: dict[str, Any] = {"mount": "", "serial": 0}
    heard: dict[str, Any] = st.session_state.get(_key(key), nothing)
    return heard


def _key(key: str) -> str:
    return f"_{key}_applied"
