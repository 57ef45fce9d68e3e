"""The generated file is the network: key by key, bit by bit, and without this package."""

from __future__ import annotations

import ast
import builtins
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
import typer
from hypothesis import given, settings, strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn
from typer.testing import CliRunner

from resnet_viz import PRESETS, InputSpec, ResNetSpec, build_model, profile
from resnet_viz.cli.network_options import Network, takes_network
from resnet_viz.codegen.flow import drop_dead_stores, resolve
from resnet_viz.codegen.folding import Fold
from resnet_viz.codegen.program import SOURCE
from resnet_viz.codegen.python_file import file_name, generate, training_step
from resnet_viz.codegen.shell_command import command_line
from resnet_viz.codegen.specialising import specialise
from resnet_viz.codegen.torchvision import torchvision_lines
from resnet_viz.errors import SpecError
from resnet_viz.network.spec import preset_input
from tests.helpers.strategies import inputs, large_specs, specs

TINY = ResNetSpec(block="basic", blocks=(1, 2), base_width=4, num_classes=5)
SIZE = InputSpec(33, 30, batch=2)
IMPORTS = """from __future__ import annotations
import torch.nn.functional as F
from torch import nn"""
KINDS = (
    TINY,
    replace(TINY, stem="small", shortcut="zero_pad", in_channels=1, zero_init_residual=True),
    replace(TINY, stem="deep", blocks=(1,), dilations=(2,)),
    ResNetSpec(blocks=(1, 2, 1), base_width=8, num_classes=3, stride_in="1x1"),
    ResNetSpec(
        blocks=(2, 1, 2),
        base_width=8,
        groups=2,
        width_per_group=96,
        shortcut="avgpool_projection",
        dilations=(1, 1, 2),
        zero_init_residual=True,
    ),
    PRESETS["resnet50"],
)


def _name(spec: ResNetSpec) -> str:
    return f"{spec.block}-{spec.stem}-{spec.shortcut}-{spec.depth}"


@cache
def _text(spec: ResNetSpec) -> str:
    return generate(spec, SIZE)


def _run(text: str) -> dict[str, Any]:
    """What a file defines, where this package cannot be imported."""
    original = builtins.__import__

    def refuse(name: str, *rest: Any, **options: Any) -> Any:
        assert name.split(".")[0] != "resnet_viz"
        return original(name, *rest, **options)

    scope: dict[str, Any] = {"__builtins__": {**vars(builtins), "__import__": refuse}}
    scope["__name__"] = "generated"
    exec(compile(text, "generated", "exec"), scope)
    return scope


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[key], other[key]) for key in one)


# --- the network --------------------------------------------------------------------------------


@settings(max_examples=4)
@given(specs(max_planes=24, max_blocks=2, max_stages=4), inputs(most=24), st.integers(0, 99))
def test_it_is_the_network_bit_by_bit(spec: ResNetSpec, size: InputSpec, seed: int) -> None:
    theirs = _run(generate(spec, size))["build"](seed)
    ours = build_model(spec, seed=seed).train()
    assert _same(theirs.state_dict(), ours.state_dict())
    x = torch.randn(max(2, size.batch), spec.in_channels, size.height + 31, size.width + 31)
    outputs = []
    for model in (theirs, ours):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            outputs.append(model.eval()(x))
    assert _same(theirs.state_dict(), ours.state_dict())
    assert not _same(theirs.state_dict(), build_model(spec, seed=seed).state_dict())
    assert torch.equal(*outputs)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_the_keys_and_shapes(name: str) -> None:
    tree = ast.fix_missing_locations(specialise(PRESETS[name]).tree)
    scope = _run(f"{IMPORTS}\n{ast.unparse(tree)}")
    with torch.device("meta"):
        theirs = scope["ResNet"]()
    ours = build_model(PRESETS[name], "meta")
    assert [(key, value.shape) for key, value in theirs.state_dict().items()] == [
        (key, value.shape) for key, value in ours.state_dict().items()
    ]
    assert str(theirs) == str(ours)  # every module, with its options, in its place


def test_channels_and_classes_can_be_others() -> None:
    model = _run(_text(TINY))["ResNet"](in_channels=7, num_classes=2)
    ours = build_model(replace(TINY, in_channels=7, num_classes=2))
    assert [v.shape for v in model.state_dict().values()] == [
        v.shape for v in ours.state_dict().values()
    ]


# --- the file -----------------------------------------------------------------------------------


def test_it_is_formatted_and_clean(tmp_path: Path) -> None:
    for index, spec in enumerate(KINDS):
        (tmp_path / f"network{index}.py").write_text(_text(spec), encoding="utf-8")
    width = ["--isolated", "--no-cache", "--line-length", "100", str(tmp_path)]
    rules = ["--select", "A,ARG,B,C4,D,E,F,I,N,PIE,RET,RUF,SIM,UP,W", "--ignore", "D105,D107,N812"]
    google = ["--config", "lint.pydocstyle.convention = 'google'", "--target-version", "py311"]
    for words in (["format", "--check", *width], ["check", *rules, *google, *width]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_it_imports_torch_alone(spec: ResNetSpec) -> None:
    tree = ast.parse(_text(spec))
    top = {name for node in tree.body for name in _imported(node)}
    assert top - set(sys.stdlib_module_names) == {"torch"}
    inside = {name for node in ast.walk(tree) for name in _imported(node)} - top
    assert inside == {"safetensors"}
    reader = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and "read" in n.name)
    assert "safetensors" in {name for node in ast.walk(reader) for name in _imported(node)}


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {str(node.module).split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_nothing_is_left_that_this_network_does_not_need(spec: ResNetSpec) -> None:
    tree = ast.parse(_text(spec))
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | set(names)
    assert not read & {"spec", "ResNetSpec", "partial", "getattr", "add_module", "stages"}
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            assert node.name in names, f"{node.name} is not used"
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        for argument in (*function.args.args, *function.args.kwonlyargs):
            assert argument.arg in used | {"self"}, f"{function.name} ignores {argument.arg}"
    tests = [node.test for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp)]
    assert not any(isinstance(test, ast.Constant) for test in tests)


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_its_words_are_about_this_network(spec: ResNetSpec) -> None:
    text, source = _text(spec), SOURCE.read_text(encoding="utf-8")
    assert ("# Where F(x) has another shape" in text) == (spec.block == "basic")
    for comment in re.findall(r"^ *(#.*)$", text, re.M):
        assert comment in source
    assert "# Bottleneck(64, 64" in source  # a shape of one network
    assert "# Bottleneck(" not in text
    tree = ast.parse(text)
    keys = ("id", "attr", "arg", "name")
    known = {getattr(node, key, None) for node in ast.walk(tree) for key in keys}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            words = ast.get_docstring(node) or ""
            assert set(re.findall(r"`+([A-Za-z_]\w*)`+", words)) <= known


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_its_comments_are_the_shapes_of_a_pass(spec: ResNetSpec) -> None:
    said = re.findall(r"x = self\.(\w+)\(x\)  # ([\dx ]+)\n", _text(spec))
    model = _run(_text(spec))["build"]().eval()
    seen = []

    def note(name: str) -> Callable[..., None]:
        return lambda _module, _given, output: seen.append((name, output.shape[1:]))

    for name, part in model.named_children():
        part.register_forward_hook(note(name))
    with torch.inference_mode():
        model(torch.zeros(1, spec.in_channels, SIZE.height, SIZE.width))
    assert [(name, " x ".join(map(str, shape))) for name, shape in seen[:-1]] == said
    assert seen[-1][0] == "fc"


@pytest.mark.parametrize("spec", KINDS, ids=_name)
def test_its_docstring_states_network_and_cost(spec: ResNetSpec) -> None:
    text = ast.get_docstring(ast.parse(_text(spec))) or ""
    report = profile(spec, SIZE)
    totals = report.totals
    facts = dict(re.findall(r"^(depth|input|parameters|MACs|peak memory)  +(.*)$", text, re.M))
    assert facts["depth"].startswith(f"{totals.depth} layers")
    assert facts["input"] == f"{spec.in_channels} x 33 x 30, batch 2"
    assert facts["parameters"].startswith(f"{totals.params:,} (")
    assert facts["MACs"] == f"{totals.macs:,} for the batch"
    assert f"at {totals.peak_path} " in facts["peak memory"]
    rows = re.findall(r"^(stem|layer\d|head) +([\dx ]+\d)  +([\d,]+)  +([\d,]+)$", text, re.M)
    assert [name for name, *_ in rows] == [*dict.fromkeys(x.stage for x in report.layers)]
    columns = [[int(row[place].replace(",", "")) for row in rows] for place in (2, 3)]
    assert [sum(column) for column in columns] == [totals.params, totals.macs]
    flat = " ".join(text.split())
    for name, value in spec.to_dict().items():
        written = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        assert f"{name}={written}" in flat
    assert command_line(spec, SIZE) in flat


def test_it_runs_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(_text(TINY), encoding="utf-8")
    weights = tmp_path / "weights.pt"
    torch.save(build_model(TINY).state_dict(), weights)
    done = subprocess.run(
        [sys.executable, "-I", str(path), str(weights)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    params = profile(TINY, SIZE).totals.params
    assert done.stdout == f"output (2, 5), {params:,} parameters\n"


def test_it_loads_weights_strictly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = _run(_text(TINY))
    state = build_model(TINY, seed=3).state_dict()
    path = tmp_path / "w.safetensors"
    save_file(state, path)
    assert _same(
        dict(sorted(scope["read_weights"](str(path)).items())), dict(sorted(state.items()))
    )
    del state["fc.bias"]
    torch.save(state, tmp_path / "less.pt")
    monkeypatch.setattr(sys, "argv", ["net.py", str(tmp_path / "less.pt")])
    with pytest.raises(RuntimeError, match=r"fc\.bias"):
        scope["main"]()


@pytest.mark.parametrize(
    ("dtype", "optimizer", "kind"),
    [
        ("float32", "momentum", torch.optim.SGD),
        ("bfloat16", "adam", torch.optim.Adam),
        ("float32", "sgd", torch.optim.SGD),
    ],
)
def test_the_training_step_trains(
    dtype: str,
    optimizer: str,
    kind: type[torch.optim.Optimizer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = InputSpec(9, 9)
    name = file_name(TINY, size, "")
    monkeypatch.chdir(tmp_path)
    state = build_model(TINY).state_dict()
    save_file(state, tmp_path / f"{name}.safetensors")
    module = ModuleType(name)
    vars(module).update(_run(generate(TINY, size)))
    monkeypatch.setitem(sys.modules, name, module)
    scope: dict[str, Any] = {}
    exec(training_step(TINY, size, 1, dtype, optimizer), scope)
    assert scope["pictures"].shape == (2, 3, 9, 9)
    after = scope["model"].state_dict()
    assert after["conv1.weight"].dtype == getattr(torch, dtype)
    assert not torch.equal(after["conv1.weight"].float(), state["conv1.weight"])
    assert type(scope["optimizer"]) is kind
    assert scope["optimizer"].param_groups[0].get("momentum", 0) == 0.9 * (optimizer == "momentum")


def test_names_of_files() -> None:
    assert file_name(replace(PRESETS["resnet18"], in_channels=1), InputSpec(512, 500)) == (
        "resnet18_1x512x500.py"
    )
    name = file_name(TINY, SIZE, "")
    assert name.isidentifier()
    assert name == "resnet8_basic_3x33x30"


def test_other_channels_than_the_networks_are_refused() -> None:
    with pytest.raises(SpecError, match="channels"):
        generate(TINY, InputSpec(32, 32, channels=1))


# --- the rewriting ------------------------------------------------------------------------------

PROGRAMS = {
    "a branch may change it": "def f(a, b):\n x = 1\n if a:\n  x = 2\n return x + b",
    "a loop may change it": "def f(a, b):\n x = 0\n for i in a:\n  b += x\n  x = 3\n return b",
    "known loops": "def f(a, b):\n for i, (j, k) in enumerate(((1, 2), (3, 4))):\n  b += i * j + k"
    "\n return b",
    "crossed": "def f(a, b):\n a, b = b, a\n return [a, b]",
    "kept until changed": "def f(a, b):\n x = b\n y = x\n b = 5\n return [x, y, b]",
    "known branches": "def f(a, b):\n x = 3\n if x > 2 and b:\n  return 1\n elif not x:\n  return 2"
    "\n return x or b",
    "nothing left": "def f(a, b):\n if a:\n  x = 1\n else:\n  b += 1\n return b",
    "choices": "def f(a, b):\n r = (('s',) if b != 1 else ()) + (('c',) if a else ())\n"
    " if r:\n  return len(r)\n return ()",
    "lists": "def f(a, b):\n x = [b]\n x += [b for _ in range(1, 1)]\n x += [2 for _ in range(1)]\n"
    " return x",
    "returns early": "def f(a, b):\n n = 4\n if n == 4:\n  return [a, n]\n return n",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_rewriting_keeps_what_a_function_does(text: str) -> None:
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    resolve(function, Fold)
    drop_dead_stores(function)
    before, after = {}, {}  # type: ignore[var-annotated]
    exec(text, before)
    exec(ast.unparse(ast.fix_missing_locations(function)), after)
    for a in ([], [1, 2]):
        for b in (0, 1, 2):
            assert after["f"](a, b) == before["f"](a, b)


def test_what_is_known_goes() -> None:
    texts = [
        "def f(a, b):\n    return a + 7",
        "def f(a, b):\n    if b != 1 or a:\n        return 1",
    ]
    sources = [
        "def f(a, b):\n x, y = 3, 4\n if x == 3:\n  return a + (x + y)\n return 0",
        "def f(a, b):\n if (('s',) if b != 1 else ()) + (('c',) if a else ()):\n  return 1",
    ]
    for source, text in zip(sources, texts, strict=True):
        (function,) = ast.parse(source).body
        assert isinstance(function, ast.FunctionDef)
        assert ast.unparse(ast.fix_missing_locations(resolve(function, Fold))) == text


def test_source_that_cannot_be_followed_is_refused(
    tmp_path: Path,
) -> None:
    odd = tmp_path / "model.py"
    text = SOURCE.read_text(encoding="utf-8")
    odd.write_text(text.replace("return self.fc(x)", "return (self.spec, self.fc(x))[1:]"), "utf-8")
    with pytest.raises(LookupError, match="not reduced"):
        specialise(TINY, odd)


# --- the command line ---------------------------------------------------------------------------


def _described(line: str) -> Network:
    """What the options of a command line describe."""
    found: list[Network] = []
    app = typer.Typer()
    app.command("code")(takes_network(lambda net: found.append(net)))
    result = CliRunner().invoke(app, shlex.split(line)[4:])
    assert result.exit_code == 0, result.output
    return found[0]


@settings(max_examples=25)
@given(st.one_of(specs(), large_specs(), st.sampled_from(list(PRESETS.values()))), inputs())
def test_the_command_describes_the_network(spec: ResNetSpec, size: InputSpec) -> None:
    line = command_line(spec, size)
    assert line.startswith("python -m resnet_viz code --model ")
    net = _described(line)
    assert net.spec == spec
    assert net.input == replace(size.for_network(spec), batch=1)


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_is_short(name: str) -> None:
    usual = command_line(PRESETS[name], preset_input(name), "profile")
    assert usual == f"python -m resnet_viz profile --model {name}"
    grey = command_line(replace(PRESETS[name], in_channels=1), InputSpec(512, 500))
    assert grey == f"python -m resnet_viz code --model {name} --input 1x512x500"


# --- torchvision --------------------------------------------------------------------------------

TORCHVISION = (
    PRESETS["resnet50"],
    replace(PRESETS["resnet18"], in_channels=1, num_classes=14, stem="small", strides=(1, 2, 2, 1)),
    replace(PRESETS["resnet34"], dilations=(2, 1, 3, 3), num_classes=2),
    replace(PRESETS["resnet50"], dilations=(1, 2, 2, 4), zero_init_residual=True),
    replace(PRESETS["resnet50"], dilations=(1, 1, 3, 2), strides=(1, 1, 2, 1)),
    replace(PRESETS["resnext50_32x4d"], blocks=(1, 2, 1, 2), in_channels=4),
    ResNetSpec(block="basic", blocks=(1, 1, 1, 1), num_classes=3),
)


def _torchvision() -> dict[str, Any]:
    """torchvision's calls as its documentation describes them, on top of our own network."""

    def network(block: str, blocks: list[int], **options: Any) -> nn.Module:
        flags = options.pop("replace_stride_with_dilation", (False, False, False))
        assert block == "bottleneck" or not any(flags)
        dilations = [1]
        for flag in flags:
            dilations.append(dilations[-1] * (2 if flag else 1))
        spec = ResNetSpec(block=block, blocks=tuple(blocks), dilations=tuple(dilations), **options)  # type: ignore[arg-type]
        return build_model(spec, "meta")

    def preset(name: str) -> Callable[..., nn.Module]:
        spec = PRESETS[name]
        fixed = {"groups": spec.groups, "width_per_group": spec.width_per_group}
        return lambda **options: network(spec.block, list(spec.blocks), **fixed, **options)

    names = [name for name, spec in PRESETS.items() if spec.stem == "imagenet"]
    resnet = SimpleNamespace(ResNet=network, BasicBlock="basic", Bottleneck="bottleneck")
    models = SimpleNamespace(resnet=resnet, **{name: preset(name) for name in names})
    return {
        "torchvision": SimpleNamespace(models=models),
        "torchvision.models": models,
        "torchvision.models.resnet": resnet,
    }


@pytest.mark.parametrize("spec", TORCHVISION, ids=lambda spec: command_line(spec, InputSpec()))
def test_torchvision_lines_change_what_differs(
    spec: ResNetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, module in _torchvision().items():
        monkeypatch.setitem(sys.modules, name, module)
    scope: dict[str, Any] = {}
    text = torchvision_lines(spec)
    assert text is not None
    with torch.device("meta"):
        exec(text, scope)
    theirs = dict(scope["model"].named_modules())
    ours = dict(build_model(spec, "meta").named_modules())
    if spec.stem == "small":
        assert isinstance(theirs.pop("maxpool"), nn.Identity)
    assert {key: str(part) for key, part in theirs.items() if key} == {
        key: str(part) for key, part in ours.items() if key
    }


@pytest.mark.oracle
@pytest.mark.parametrize("spec", TORCHVISION[:2], ids=_name)
def test_torchvision_itself_gives_the_same(spec: ResNetSpec) -> None:
    scope: dict[str, Any] = {}
    exec(torchvision_lines(spec) or "", scope)
    theirs, ours = scope["model"].eval(), _run(_text(spec))["build"]().eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(1, spec.in_channels, 40, 33)
    with torch.inference_mode():
        assert torch.equal(theirs(x), ours(x))


@pytest.mark.parametrize(
    "change",
    [
        {"blocks": (3, 4, 6)},
        {"base_width": 32},
        {"stem": "deep"},
        {"stride_in": "1x1"},
        {"shortcut": "avgpool_projection"},
        {"shortcut": "zero_pad"},
    ],
)
def test_no_lines_for_what_torchvision_cannot_build(change: dict[str, Any]) -> None:
    assert torchvision_lines(replace(PRESETS["resnet50"], **change)) is None


@pytest.mark.parametrize("spec", [PRESETS["resnet50"], TINY], ids=_name)
def test_the_file_has_the_lines(spec: ResNetSpec) -> None:
    text = ast.get_docstring(ast.parse(_text(spec))) or ""
    lines = torchvision_lines(spec)
    assert (lines is not None) == ("torchvision" in text)
    assert lines is None or lines in text.replace("\n    ", "\n")
