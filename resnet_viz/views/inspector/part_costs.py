"""A place in the network, whatever its size, with its sums and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_viz.costs.profile_records import DownsampleProfile, Profile
from resnet_viz.units import percent
from resnet_viz.views.row_groups import Group, blocks, chw
from resnet_viz.views.tables.layer_tables import Columns

__all__ = ["Cost", "costs", "find", "parts", "parts_table"]


@dataclass(frozen=True, slots=True)
class Cost:
    """A sum over some operations, beside that over the whole network.

    Attributes:
        label: ``Parameters``, ``MACs`` or ``Bytes``.
        value: The sum.
        total: The whole network's.
    """

    label: str
    value: int
    total: int

    @property
    def share(self) -> float:
        """The part of the whole, 0 to 1; 0 where the whole is nothing."""
        return self.value / self.total if self.total else 0.0


def find(report: Profile, path: str) -> Group:
    """The operations of a stage, a block, a container or a downsample point, or one operation.

    Args:
        report: The network at its input size.
        path: Any path of the network's graph, ``stem`` or ``head``.

    Raises:
        LayerError: The network has no such layer.
    """
    if path in report.by_path:
        return Group(path, (report.by_path[path],), _point_of(report, path))
    inside = path + "."
    rows = tuple(row for row in report.layers if row.stage == path or row.path.startswith(inside))
    if not rows:
        report.layer(path)
    return Group(path, rows, _point_of(report, path))


def _point_of(report: Profile, path: str) -> DownsampleProfile | None:
    """The downsample point that a shortcut is, a block has or a stage begins with."""
    for point in report.downsample_points:
        if path in (point.path, point.block, point.block.split(".")[0]):
            return point
    return None


def costs(report: Profile, group: Group) -> tuple[Cost, ...]:
    """Parameters, MACs of the whole batch and bytes of all outputs, summed."""
    totals = report.totals
    return (
        Cost("Parameters", group.params, totals.params),
        Cost("MACs", group.macs, totals.macs),
        Cost("Bytes", group.total("output_bytes"), totals.activation_bytes),
    )


def parts(report: Profile, group: Group) -> tuple[Group, ...]:
    """What a group consists of: a stage of blocks, anything else of operations."""
    if group.path == group.layers[0].stage and group.layers[0].block is not None:
        return blocks(report, group)
    return tuple(Group(row.path, (row,)) for row in group.layers)


def parts_table(report: Profile, group: Group) -> Columns:
    """One row per part: its name, an operation's without its block's; shares of `group`'s MACs."""
    members, macs = parts(report, group), group.macs
    return {
        "Part": [member.path.removeprefix(f"{member.layers[0].block}.") for member in members],
        "Output": [chw(member.output_shape) for member in members],
        "MACs": [percent(Cost("MACs", member.macs, macs).share) for member in members],
    }
