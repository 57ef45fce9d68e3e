"""The lines shown for a thing are those that a real run of the network goes through."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import nn

import resnet_viz.network.model
from resnet_viz import PRESETS, ResNetSpec, build_model, trace
from resnet_viz.errors import LayerError
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.network.model import Add, BasicBlock, Bottleneck, ResNet, ZeroPad, conv1x1, conv3x3
from resnet_viz.network.source_lines import FILE, Excerpt, code_of
from tests.helpers.oracles import leaves
from tests.helpers.strategies import SHORTCUTS, STEMS, STRIDES_IN, specs

MODEL = str(Path(resnet_viz.network.model.__file__))
SHORT: Mapping[str, Any] = {"conv1x1": conv1x1, "conv3x3": conv3x3}

KINDS = [
    ResNetSpec(
        block=block,  # type: ignore[arg-type]
        blocks=(2, 1, 2),
        stem=stem,  # type: ignore[arg-type]
        shortcut=shortcut,  # type: ignore[arg-type]
        stride_in=stride_in,  # type: ignore[arg-type]
        base_width=8,
        width_per_group=64,
        num_classes=3,
    )
    for block, stem, shortcut, stride_in in product(
        ("basic", "bottleneck"), STEMS, SHORTCUTS, STRIDES_IN
    )
    if block == "bottleneck" or stride_in == "3x3"
]


def _name(spec: ResNetSpec) -> str:
    return f"{spec.block}-{spec.stem}-{spec.shortcut}-{spec.stride_in}"


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames in model.py, the innermost first."""
    while frame is not None:
        if frame.f_code.co_filename == MODEL:
            yield frame
        frame = frame.f_back


def _where(frame: FrameType) -> tuple[str, int]:
    """The function's qualified name, without what stands inside it, and the line."""
    return frame.f_code.co_qualname.split(".<")[0], frame.f_lineno


def _creations(spec: ResNetSpec) -> dict[str, list[tuple[str, int]]]:
    """By the path of each module, the lines on the stack when it was constructed."""
    made: dict[int, list[tuple[str, int]]] = {}
    kept = []  # while a module lives, no other has its id
    original = nn.Module.__init__

    def record(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        stack = [frame for frame in _frames(sys._getframe()) if frame.f_locals.get("self") != self]
        made[id(self)] = [_where(frame) for frame in stack]
        kept.append(self)
        original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        # A module that is being made has no attributes to compare by.
        patch.setattr(nn.Module, "__init__", record)
        model = ResNet(spec)
    return {path: made[id(part)] for path, part in model.named_modules() if path}


def _calls(spec: ResNetSpec) -> dict[str, tuple[str, int]]:
    """By the path of each module, the innermost line of model.py when it was called."""
    model = build_model(spec)
    called = {}

    def hook(path: str) -> Any:
        def record(*_: Any) -> None:
            called[path] = _where(next(_frames(sys._getframe())))

        return record

    for path, part in model.named_modules():
        if path:
            part.register_forward_pre_hook(hook(path))
    with torch.no_grad():
        model(torch.zeros(1, spec.in_channels, 33, 33))
    return called


def _holds(excerpts: tuple[Excerpt, ...], verb: str, place: tuple[str, int]) -> bool:
    """Whether an excerpt about this function contains this line."""
    function, line = place
    return any(
        excerpt.title.endswith(f"{verb} {function}")
        and excerpt.first_line <= line <= excerpt.last_line
        for excerpt in excerpts
    )


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_every_module_is_called_on_the_lines_shown(spec: ResNetSpec) -> None:
    graph, called = trace(spec), _calls(spec)
    assert set(graph.by_path) <= set(called) <= set(graph.outputs)
    for path, place in called.items():
        assert _holds(code_of(graph, path), "in", place), (path, place)


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_every_module_is_made_on_the_lines_shown(spec: ResNetSpec) -> None:
    graph, made = trace(spec), _creations(spec)
    assert set(graph.by_path) <= set(made) <= set(graph.outputs)
    for path, stack in made.items():
        excerpts = code_of(graph, path)
        function, line = stack[0]
        if function in SHORT:  # the convolution's own line, then that which asked for it
            short = next(each for each in excerpts if each.title == f"{function} is short for")
            assert short.first_line <= line <= short.last_line
            stack = stack[1:]
        assert _holds(excerpts, "in", stack[0]), (path, stack)


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_a_line_is_claimed_by_nothing_else(spec: ResNetSpec) -> None:
    """The excerpts of an operation hold the lines of no other one in its own place."""
    graph, called, made = trace(spec), _calls(spec), _creations(spec)
    for path in leaves(build_model(spec, "meta")):
        excerpts = [each for each in code_of(graph, path) if each.title.startswith("called")]
        assert len(excerpts) == 1
        owner = path.rpartition(".")[0]
        for other in graph.by_path:
            beside = other.rpartition(".")[0] == owner and called[other] != called[path]
            assert not (beside and _holds(tuple(excerpts), "in", called[other])), (path, other)
            if other.rpartition(".")[0] == owner and made[other][-2:] != made[path][-2:]:
                mine = [e for e in code_of(graph, path) if e.title.startswith("created")]
                theirs = next(where for where in made[other] if where[0] not in SHORT)
                assert not _holds(tuple(mine), "in", theirs), (path, other)


@settings(max_examples=40)
@given(specs(max_blocks=2))
def test_excerpts_are_lines_of_the_file(spec: ResNetSpec) -> None:
    graph = trace(spec)
    lines = FILE.read_text(encoding="utf-8").splitlines()
    for path in (INPUT, "stem", "head", *graph.outputs):
        excerpts = code_of(graph, path)
        assert excerpts
        for excerpt in excerpts:
            real = lines[excerpt.first_line - 1 : excerpt.last_line]
            shown = excerpt.text.split("\n")
            assert [line.strip() for line in shown] == [line.strip() for line in real]
            assert any(line and not line[0].isspace() for line in shown)
            first, last = excerpt.first_line, excerpt.last_line
            assert excerpt.place == f"model.py:{first}" + (f"-{last}" if last > first else "")


def test_what_a_sum_a_padding_and_a_block_compute() -> None:
    graph = trace(PRESETS["resnet20"])
    for path, kind in (("layer2.0.add", Add), ("layer2.0.downsample", ZeroPad)):
        computed = code_of(graph, path)[-1]
        assert computed.title == f"computed in {kind.__name__}.forward"
        assert computed.text in inspect.cleandoc(inspect.getsource(kind.forward)).replace(
            "\n    ", "\n"
        )
    for name, block in (("resnet18", BasicBlock), ("resnet50", Bottleneck)):
        computed = code_of(trace(PRESETS[name]), "layer1.0")[-1]
        lines, first = inspect.getsourcelines(block.forward)
        assert computed.title == f"computed in {block.__name__}.forward"
        excerpts = code_of(trace(PRESETS[name]), "layer1.0")
        chosen = next(each for each in excerpts if "kind" in each.title)
        assert chosen.text.startswith("return ")
        assert block.__name__ in chosen.text
        assert first < computed.first_line < computed.last_line == first + len(lines) - 1


def test_stem_and_head_show_what_they_are_made_of() -> None:
    for stem in STEMS:
        graph = trace(ResNetSpec(stem=stem))  # type: ignore[arg-type]
        called = [each for each in code_of(graph, "stem") if each.title.startswith("called")]
        assert [("maxpool" in each.text) for each in called] == [stem != "small"]
        text = "\n".join(each.text for each in code_of(graph, "stem"))
        assert ("kernel_size=7" in text) == (stem == "imagenet")
        assert ("nn.Sequential" in text) == (stem == "deep")
    made, called_ = code_of(trace(PRESETS["resnet50"]), "head")
    for name in ("avgpool", "flatten", "fc"):
        assert f"self.{name} = " in made.text
        assert f"self.{name}(x)" in called_.text


def test_what_is_not_there_is_refused() -> None:
    graph = trace(PRESETS["resnet18"])
    for path in ("layer9", "layer1.0.downsample", "layer1.0.conv9", "", "<b>"):
        with pytest.raises(LayerError, match="no layer"):
            code_of(graph, path)
