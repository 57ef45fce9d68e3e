"""Free memory under the limits of control groups, read from folders like those of Linux."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from resnet_viz.network import devices
from resnet_viz.network.cgroup_memory import cgroup_free_bytes

GIB = 2**30
UNLIMITED_V1 = 9_223_372_036_854_771_712


def _write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{content}\n", encoding="ascii")


@pytest.fixture
def process(tmp_path: Path) -> Path:
    return tmp_path / "proc_cgroup"


def test_version_2_limits_the_cgroup_itself(tmp_path: Path, process: Path) -> None:
    process.write_text("0::/app\n", encoding="ascii")
    _write(
        tmp_path / "app",
        memory_max=4 * GIB,
        memory_current=3 * GIB,
        memory_stat=f"anon {GIB}\nfile {2 * GIB}\ninactive_file {GIB}\nactive_file {GIB}",
    )
    assert cgroup_free_bytes(process, tmp_path) == 2 * GIB


def test_a_parent_may_leave_less(tmp_path: Path, process: Path) -> None:
    process.write_text("0::/pod/app\n", encoding="ascii")
    _write(tmp_path / "pod" / "app", memory_max="max", memory_current=GIB)
    assert cgroup_free_bytes(process, tmp_path) is None
    _write(tmp_path / "pod", memory_max=2 * GIB, memory_current=GIB + 5)
    assert cgroup_free_bytes(process, tmp_path) == GIB - 5
    _write(tmp_path / "pod" / "app", memory_max=GIB, memory_current=GIB - 7)
    assert cgroup_free_bytes(process, tmp_path) == 7
    _write(tmp_path / "pod" / "app", memory_max=GIB, memory_current=2 * GIB)
    assert cgroup_free_bytes(process, tmp_path) == 0


def test_a_container_mounts_its_own_cgroup_as_the_root(tmp_path: Path, process: Path) -> None:
    process.write_text("0::/../docker/abc\n", encoding="ascii")
    _write(tmp_path, memory_max=GIB, memory_current=0)
    assert cgroup_free_bytes(process, tmp_path) == GIB


def test_version_1(tmp_path: Path, process: Path) -> None:
    process.write_text(
        "9:name=systemd:/\n5:cpu,memory:/docker/abc\n3:cpuset:/\n0::/\n", encoding="ascii"
    )
    _write(
        tmp_path / "memory",
        memory_limit_in_bytes=UNLIMITED_V1,
        memory_usage_in_bytes=8 * GIB,
    )
    assert cgroup_free_bytes(process, tmp_path) == UNLIMITED_V1 - 8 * GIB
    _write(
        tmp_path / "memory" / "docker" / "abc",
        memory_limit_in_bytes=3 * GIB,
        memory_usage_in_bytes=2 * GIB,
        memory_stat=f"inactive_file 1\ntotal_inactive_file {GIB // 2}",
    )
    assert cgroup_free_bytes(process, tmp_path) == 3 * GIB // 2


@pytest.mark.parametrize("text", ["", "nonsense", "0::/", "4:memory:/", "::::"])
def test_without_a_limit_there_is_none(text: str, tmp_path: Path, process: Path) -> None:
    assert cgroup_free_bytes(process, tmp_path) is None  # no such file
    process.write_text(text, encoding="ascii")
    assert cgroup_free_bytes(process, tmp_path) is None


@pytest.mark.parametrize(("limit", "free"), [(None, 1000), (5000, 1000), (300, 300), (0, 0)])
def test_free_memory_of_the_cpu_is_the_smaller_of_host_and_container(
    limit: int | None, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr(devices, "cgroup_free_bytes", lambda: limit)
    assert devices.free_bytes(torch.device("cpu")) == free
