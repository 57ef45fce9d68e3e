"""Read how much memory the control groups (cgroups) of Linux leave to this process.

A container has the memory limit of its control group, which may be far below the free memory of
the host. Files and their meaning: https://docs.kernel.org/admin-guide/cgroup-v2.html (version 2)
and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html (version 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["cgroup_free_bytes"]

_PROCESS_FILE: Final = Path("/proc/self/cgroup")
_ROOT: Final = Path("/sys/fs/cgroup")

# Limit, usage, and the entry of memory.stat for file pages that the kernel can reclaim at once.
_VERSION_2: Final = ("memory.max", "memory.current", "inactive_file")
_VERSION_1: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def cgroup_free_bytes(process_file: Path = _PROCESS_FILE, root: Path = _ROOT) -> int | None:
    """Return the memory that the process may still allocate under its cgroups, in bytes.

    The limits of the process's own cgroup and of all its parents apply; the smallest remainder
    counts. Cached file pages that can be reclaimed count as free.

    Args:
        process_file: The list of the process's cgroups.
        root: The folder where cgroups are mounted.

    Returns:
        At least 0; None where no cgroup has a limit, and on systems without cgroups.
    """
    try:
        lines = process_file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    found = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:  # version 2 lists all controllers under an empty name
            found += [_free(folder, *_VERSION_2) for folder in _folders(root, path)]
        elif "memory" in controllers.split(","):
            found += [_free(folder, *_VERSION_1) for folder in _folders(root / "memory", path)]
    return min((free for free in found if free is not None), default=None)


def _folders(mount: Path, path: str) -> Iterator[Path]:
    """Yield the folders of a cgroup and its parents, up to the mount.

    A container often mounts its own cgroup as the root; then `path` names folders of the host
    that do not exist here, and the mount itself has the limit.
    """
    folder = mount
    yield folder
    for part in path.split("/"):
        if part in ("", ".", ".."):
            continue
        folder /= part
        yield folder


def _free(folder: Path, limit_name: str, usage_name: str, reclaimable_name: str) -> int | None:
    """Return the limit of one cgroup minus its usage; None without a limit."""
    try:
        limit = int((folder / limit_name).read_text(encoding="ascii"))
        usage = int((folder / usage_name).read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such cgroup, or the limit is "max"
        return None
    return max(0, limit - max(0, usage - _statistic(folder, reclaimable_name)))


def _statistic(folder: Path, name: str) -> int:
    """Return an entry of memory.stat in bytes; 0 where there is none."""
    try:
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
    except (OSError, ValueError, IndexError):
        return 0
