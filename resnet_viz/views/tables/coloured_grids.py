"""Small arrays as tables whose cells are coloured by their values."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_viz.features.channel_maps import as_maps
from resnet_viz.views.palette import text_on
from resnet_viz.views.pixels.colour_maps import Scale, entries, painted

__all__ = ["grid"]


def grid(
    values: NDArray[Any], title: str, scale: Scale, hollow: NDArray[np.bool_] | None = None
) -> str:
    """An HTML table of numbers.

    Args:
        values: ``[h, w]``.
        title: Its caption; any text.
        scale: The colours of the values.
        hollow: ``[h, w]``, where a cell is drawn with a dashed edge: padding.
    """
    colours = painted(entries(as_maps(values[None]), scale.low, scale.high)[0], scale.colours)
    rows = []
    for y, line in enumerate(values):
        cells = []
        for x, value in enumerate(line):
            ground = "#{:02X}{:02X}{:02X}".format(*colours[y, x].tolist())
            edge = "dashed" if hollow is not None and hollow[y, x] else "solid"
            style = f"background:{ground};color:{text_on(ground)};outline-style:{edge}"
            cells.append(f'<td style="{style}">{value + 0.0:.3g}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption>{html.escape(title)}</caption>"
    return f'<table class="numbers">{caption}<tbody>{"".join(rows)}</tbody></table>'
