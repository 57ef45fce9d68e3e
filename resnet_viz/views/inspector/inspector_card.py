"""A place of the network as a card of HTML: what it is, its shapes, its numbers, their origin.

Its colours are mixed with the page's own text, so it is one card for light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.network.operation_names import OPERATION_NAMES
from resnet_viz.units import percent, shape_text, si
from resnet_viz.views.inspector.filled_formulas import (
    Formula,
    bytes_of_input,
    formulas,
    mismatch,
    sum_text,
)
from resnet_viz.views.inspector.part_costs import costs
from resnet_viz.views.palette import stage_colour
from resnet_viz.views.row_groups import Group, blocks, chw

__all__ = ["CSS", "heading", "input_numbers", "kind", "numbers", "reasons"]

CSS: Final = """<style>
.rv-head {border-left: 4px solid var(--hue); padding: 0 0 .1rem .65rem; line-height: 1.35}
.rv-path {font: 600 1.02rem/1.3 ui-monospace, "Source Code Pro", Menlo, Consolas, monospace;
  overflow-wrap: anywhere}
.rv-kind, .rv-from {font-size: .84rem; opacity: .75; overflow-wrap: anywhere}
.rv-flow {display: flex; flex-wrap: wrap; gap: 0 .4rem; margin: .35rem 0 .05rem;
  font-size: .95rem; font-weight: 600}
.rv-flow span, .rv-chips span {white-space: nowrap}
.rv-chips {display: flex; flex-wrap: wrap; gap: .25rem; margin-top: .4rem}
.rv-chips span {font-size: .76rem; padding: .05rem .4rem; border-radius: .6rem;
  background: color-mix(in srgb, currentColor 8%, transparent)}
.stHtml dl.rv-numbers {margin: 0; padding: 0; font-variant-numeric: tabular-nums}
.rv-numbers > div {padding: .3rem 0 .35rem; display: grid; grid-template-columns: 1fr auto;
  align-items: baseline; border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent)}
.rv-numbers dt {font-size: .84rem; font-weight: 400; opacity: .8}
.rv-numbers dd {margin: 0}
.rv-value {font-size: .92rem; font-weight: 600; text-align: right}
.rv-value small {font-size: .78rem; font-weight: 400; opacity: .75; margin-left: .4rem}
.rv-bar {grid-column: 1 / -1; height: 3px; margin: .15rem 0; border-radius: 2px;
  background: color-mix(in srgb, currentColor 10%, transparent)}
.rv-bar b {display: block; height: 100%; min-width: 1px; border-radius: 2px;
  background: var(--hue)}
.rv-how {grid-column: 1 / -1; font-size: .8rem; line-height: 1.4; opacity: .9}
.rv-how span {word-spacing: .1em; margin-right: .5rem}
.rv-how i {font-style: normal; opacity: .75}
.rv-why {border: 1px solid color-mix(in srgb, #C98A00 60%, transparent); border-radius: .4rem;
  background: color-mix(in srgb, #E6A700 12%, transparent); padding: .45rem .65rem;
  font-size: .84rem; line-height: 1.45}
.rv-why b {display: block; font-weight: 600}
</style>"""

_BRANCHES: Final = {
    "stem": "in the stem",
    "main": "on the main path",
    "shortcut": "on the shortcut",
    "merge": "where the paths have met",
    "head": "in the head",
}
_SHORTCUTS: Final = {
    "projection": "projection, option B",
    "avgpool_projection": "average pool and projection, ResNet-D",
    "zero_pad": "zero padding, option A",
}


def kind(report: Profile, path: str, group: Group | None) -> str:
    """What something is, in a few words; without a group it is the input."""
    if group is None:
        return "what enters the network"
    row, spec = group.layers[0], report.spec
    if group.downsample and group.downsample.path == path:
        return f"downsample point of {row.block} · {_SHORTCUTS[spec.shortcut]}"
    if path in report.by_path:
        place = "where the paths meet" if row.op == "add" else _BRANCHES[row.branch]
        return f"{_operation(row)} · {place}"
    if path == row.stage:
        count = len(blocks(report, group))
        of_blocks = f"stage of {count} {spec.block} block{'s' if count > 1 else ''}"
        names = {"stem": f"stem of kind {spec.stem}", "head": "head: pooling and classifier"}
        return names.get(path, of_blocks)
    if path == row.block:
        return f"{spec.block} block of {row.stage}"
    return f"{len(group.layers)} operations · {_BRANCHES[row.branch]}"


def _operation(row: LayerProfile) -> str:
    name = OPERATION_NAMES[row.op].name
    windowed = row.kernel is not None and row.op != "adaptive_avg_pool2d"
    return f"{shape_text(row.kernel or ())} {name}" if windowed else name


def heading(report: Profile, path: str, group: Group | None) -> str:
    """The card's head: name, kind, shapes and hyper-parameters."""
    entry = report.layers[0].input_shapes[0]
    if group is None:
        hue, flow, chips, origin = stage_colour(path), [chw(entry)], [], ""
    else:
        hue, row = stage_colour(group.layers[0].stage), group.layers[0]
        enters = sum_text(report, path) if row.op == "add" else chw(group.input_shape)
        flow = [*enters.replace(" + ", "|+ ").split("|"), f"→ {chw(group.output_shape)}"]
        chips = _chips(row) if path in report.by_path else []
        origin = "from " + " and ".join(row.inputs)
    shapes = "".join(f"<span>{escape(part)}</span>" for part in flow)
    listed = "".join(f"<span>{escape(chip)}</span>" for chip in chips)
    return (
        f'<div class="rv-head" style="--hue: {hue}"><div class="rv-path">{escape(path)}</div>'
        f'<div class="rv-kind">{escape(kind(report, path, group))}</div>'
        f'<div class="rv-flow">{shapes}</div>'
        + (f'<div class="rv-from">{escape(origin)}</div>' if origin else "")
        + (f'<div class="rv-chips">{listed}</div>' if listed else "")
        + "</div>"
    )


def _chips(row: LayerProfile) -> list[str]:
    """Hyper-parameters; both axes once where they agree."""
    chips = []
    if row.op != "adaptive_avg_pool2d":
        for name, pair in (("stride", row.stride), ("padding", row.padding)):
            if pair is not None:
                chips.append(f"{name} {shape_text(dict.fromkeys(pair))}")
    if row.dilation is not None and row.dilation != (1, 1):
        chips.append(f"dilation {shape_text(dict.fromkeys(row.dilation))}")
    if row.groups is not None:
        chips.append(f"groups {row.groups}")
    before, after = row.input_shapes[0][1], row.output_shape[1]
    if row.op in ("conv2d", "linear", "pad"):
        chips.append(f"channels {before} → {after}")
    if row.kernel is not None:
        chips.insert(0, f"kernel {shape_text(row.kernel)}")
    return chips


def numbers(report: Profile, group: Group) -> str:
    """The card's numbers: each with its formula, and its share of the whole network."""
    last = group.layers[-1]
    known = formulas(report, group.path) if group.path in report.by_path else ()
    rows = [*_shape_rows(known)]
    for cost in costs(report, group):
        mine = [each for each in known if each.label == cost.label]
        if cost.value or cost.label == "Bytes":
            unit = "B" if cost.label == "Bytes" else ""
            exact = mine or [Formula(cost.label, "", cost.value, unit)]
            rows.append(_row(_name(cost.label, group), si(cost.value, unit), exact, cost.share))
    rows += _sight_rows(report, last, known)
    hue = stage_colour(last.stage)
    return f'<dl class="rv-numbers" style="--hue: {hue}">{"".join(rows)}</dl>'


def input_numbers(report: Profile) -> str:
    """The numbers of the network's input."""
    size = bytes_of_input(report)
    row = _row("Size in memory", si(size.value, "B"), [size])
    return f'<dl class="rv-numbers" style="--hue: {stage_colour(INPUT)}">{row}</dl>'


def _name(label: str, group: Group) -> str:
    if label != "Bytes":
        return label
    return "Output, in memory" if len(group.layers) == 1 else "All outputs, in memory"


def _shape_rows(known: tuple[Formula, ...]) -> Iterator[str]:
    for each in known:
        if each.label in ("Rows, columns", "Rows", "Columns", "Channels", "Features"):
            yield _row(each.label, f"{each.value:,}", [each])


def _sight_rows(report: Profile, last: LayerProfile, known: tuple[Formula, ...]) -> Iterator[str]:
    """Receptive field and jump, of the last operation."""
    size = (report.input.height, report.input.width)
    beyond = any(see > side for see, side in zip(last.receptive_field, size, strict=True))
    note = f"more than the input's {shape_text(size)}: the rest is padding" if beyond else ""
    for label, pair, remark in (
        ("Receptive field", last.receptive_field, note),
        ("Jump", last.jump, "input pixels between neighbouring cells"),
    ):
        mine = [each for each in known if each.label.startswith(label)]
        yield _row(label, f"{shape_text(pair)} px", mine, note=remark)


def _row(
    label: str, value: str, known: list[Formula], share: float | None = None, note: str = ""
) -> str:
    """A line of the list: label, value and share; then the formulas, the notes."""
    part = f"<small>{escape(percent(share))}</small>" if share is not None else ""
    bar = "" if share is None else f'<dd class="rv-bar"><b style="width: {share:.2%}"></b></dd>'
    texts = [escape(each.text if each.expression else _exact(each)) for each in known]
    how = f"<span>{'<br>'.join(texts)}</span> " if texts else ""
    notes = dict.fromkeys([*(each.note for each in known), note])
    said = "; ".join(text for text in notes if text)
    if said:
        how += f"<i>{escape(said)}</i>"
    return (
        f'<div><dt>{escape(label)}</dt><dd class="rv-value">{escape(value)}{part}</dd>{bar}'
        + (f'<dd class="rv-how">{how}</dd>' if how else "")
        + "</div>"
    )


def _exact(sum_of: Formula) -> str:
    return f"{sum_of.value:,} {sum_of.unit}".rstrip()


def reasons(report: Profile, group: Group) -> str:
    """Why the block has something on its shortcut; nothing where it, or this part, has not."""
    row = group.layers[0]
    point = group.downsample
    if len(group.layers) == 1 and (row.op == "add" or row.branch == "shortcut"):
        point = next((each for each in report.downsample_points if each.block == row.block), None)
    if point is None:
        return ""
    before, after = point.input_shape, point.output_shape
    words = {
        "stride": f"strides from {shape_text(before[2:])} to {shape_text(after[2:])}",
        "channels": f"makes {after[1]} channels of {before[1]}",
    }
    why = " and ".join(words[reason] for reason in point.reasons)
    return (
        f'<div class="rv-why"><b>⬡ Why {escape(point.path)}</b>'
        f"Block {escape(point.block)} {escape(why)}. "
        "Without the module on its shortcut it would add "
        f"<b>{escape(mismatch(report, point.block))}</b>"
        "which do not fit.</div>"
    )
