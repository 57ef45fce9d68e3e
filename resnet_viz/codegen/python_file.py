"""A network as one runnable Python file that needs torch alone."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import fields
from functools import lru_cache
from itertools import groupby
from typing import Final

from resnet_viz.codegen.known import walk
from resnet_viz.codegen.layout import LINE_LENGTH, formatted, unparsed
from resnet_viz.codegen.program import ENTRY, Program
from resnet_viz.codegen.shell_command import command_line
from resnet_viz.codegen.specialising import specialise
from resnet_viz.codegen.torchvision import INDENT, torchvision_lines
from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.profiling import profile
from resnet_viz.network.spec import InputSpec, ResNetSpec, preset_name
from resnet_viz.units import si

__all__ = ["file_name", "generate", "training_step"]

_NAMED: Final = re.compile(r"`+([A-Za-z_]\w*)`+")  # an identifier in a docstring
_SENTENCES: Final = re.compile(r"(?<=\.)\s+(?=[A-Z])")

# What the network is used by; its own lines are those of model.py.
_FRAME: Final = '''
def build(seed: int | None = None) -> ResNet:
    """The network with fresh weights, in training mode; a seed makes them reproducible."""
    model = ResNet()
    model.initialise(None if seed is None else torch.Generator().manual_seed(seed))
    return model


def read_weights(path: str) -> dict[str, Tensor]:
    """A state dict from a file of torch.save, or of safetensors where that is installed."""
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def main() -> None:
    """Run a random input through the network, with the weights of the file named, if any."""
    model = build().eval()
    if len(sys.argv) > 1:
        model.load_state_dict(read_weights(sys.argv[1]))
    with torch.inference_mode():
        output = model(torch.randn({shape}))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"output {{tuple(output.shape)}}, {{parameters:,}} parameters")


if __name__ == "__main__":
    main()
'''
_FRAME_IMPORTS: Final = ("import sys", "import torch", "from torch import Tensor")


@lru_cache(maxsize=16)
def generate(spec: ResNetSpec, input: InputSpec | None = None) -> str:  # noqa: A002
    """The source of a file that builds and runs a network.

    Its classes are those of `resnet_viz.network.model`, with the spec's values in place of the
    spec and without what other networks need. Its docstring has the spec and the cost; comments
    give the shapes at the input.

    Args:
        spec: The network.
        input: The input; left out, 224 x 224.

    Raises:
        SpecError: The input's channels are not the network's.
    """
    report = profile(spec, input)
    program = deepcopy(_program(spec))  # comments are written into it
    network = unparsed(program.tree.body, _shapes(program, report))
    shape = ", ".join(map(str, _input_shape(report)))
    code = f"{network}\n{_FRAME.format(shape=shape)}"
    text = f'"""{_docstring(report)}"""\n\n{_imports(program, code)}\n\n{code}'
    return formatted(text)


@lru_cache(maxsize=16)
def _program(spec: ResNetSpec) -> Program:
    """What does not depend on the input, which takes most of the time."""
    program = specialise(spec)
    _mend_docstrings(program)
    return program


def file_name(spec: ResNetSpec, input: InputSpec, ending: str = ".py") -> str:  # noqa: A002
    """A name for a network's file, such as ``resnet18_1x512x512.py``."""
    size = input.for_network(spec)
    name = preset_name(spec) or f"resnet{spec.depth}_{spec.block}"
    return f"{name}_{size.channels}x{size.height}x{size.width}{ending}"


def training_step(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    batch: int = 8,
    dtype: str = "float32",
    optimizer: str = "momentum",
) -> str:
    """Lines that train the generated file's network for one step, its weights beside it.

    Args:
        spec: The network.
        input: Its input.
        batch: Pictures at once; at least two, for batch norms whose map is a single cell.
        dtype: The type of weights and pictures, as torch names it.
        optimizer: ``sgd``, ``momentum`` or ``adam``.
    """
    made = {
        "sgd": "SGD(model.parameters(), lr=0.01)",
        "momentum": "SGD(model.parameters(), lr=0.01, momentum=0.9)",
        "adam": "Adam(model.parameters(), lr=0.001)",
    }[optimizer]
    to, of = ("", "") if dtype == "float32" else (f".to(torch.{dtype})", f", dtype=torch.{dtype}")
    size = input.for_network(spec)
    shape = (max(2, batch), size.channels, size.height, size.width)
    module = file_name(spec, size, "")
    return (
        "import torch\n"
        f"from {module} import build, read_weights\n\n"
        "model = build()\n"
        f'model.load_state_dict(read_weights("{module}.safetensors"))\n'
        + (f"model = model{to}\n" if to else "")
        + f"optimizer = torch.optim.{made}\n"
        f"pictures = torch.randn({', '.join(map(str, shape))}{of})  # yours go here\n"
        f"labels = torch.randint({spec.num_classes}, ({shape[0]},))\n"
        "loss = torch.nn.functional.cross_entropy(model(pictures), labels)\n"
        "loss.backward()\n"
        "optimizer.step()"
    )


def _input_shape(report: Profile) -> tuple[int, ...]:
    size = report.input
    return size.batch, report.spec.in_channels, size.height, size.width


def _by_x(sizes: Iterable[int]) -> str:
    return " x ".join(map(str, sizes))


def _shapes(program: Program, report: Profile) -> dict[int, str]:
    """By the ids of the statements of ``forward``, the shape of one picture behind each."""
    shapes = {layer.path.split(".")[0]: layer.output_shape[1:] for layer in report.layers}
    notes = {}
    for node in program.function(ENTRY, "forward").node.body:
        match node:
            case ast.Assign(value=ast.Call(ast.Attribute(ast.Name("self"), name))):
                notes[id(node)] = _by_x(shapes[name])
    return notes


def _docstring(report: Profile) -> str:
    spec, totals = report.spec, report.totals
    title = preset_name(spec) or f"A ResNet of {spec.depth} layers"
    size = _by_x(_input_shape(report)[1:])
    peak = f"{si(totals.peak_activation_bytes, 'B')} of activations at once, at {totals.peak_path}"
    facts = [
        ("depth", f"{totals.depth} layers with weights"),
        ("input", f"{size}, batch {report.input.batch}"),
        ("parameters", f"{totals.params:,} ({si(totals.weight_bytes, 'B')} in float32)"),
        ("MACs", f"{totals.macs:,} for the batch"),
        ("peak memory", f"{peak} (float32, no gradients)"),
    ]
    width = max(len(name) for name, _ in facts) + 3
    chosen = ", ".join(f"{each.name}={_text(getattr(spec, each.name))}" for each in fields(spec))
    parts = [
        f"{title} for inputs of {size}, in plain PyTorch.",
        "Deep Residual Learning for Image Recognition, He et al. 2015, arXiv 1512.03385.",
        "\n".join(f"{name:<{width}}{value}" for name, value in facts),
        "\n".join(_stage_table(report)),
        _wrapped(f"The network: {chosen}."),
        _wrapped(f"Made by resnet_viz: {command_line(spec, report.input)}"),
    ]
    lines = torchvision_lines(spec)
    if lines is not None:
        parts.append("The same network with torchvision::")
        parts.append(textwrap.indent(lines, INDENT))
    return "\n\n".join(parts) + "\n"


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _wrapped(text: str, indent: str = "") -> str:
    """A paragraph; words such as options are not broken at their hyphens."""
    return textwrap.fill(
        text,
        LINE_LENGTH - 4,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _stage_table(report: Profile) -> Iterator[str]:
    """Each stage's output and cost."""
    rows = [("stage", "output", "parameters", "MACs")]
    for stage, group in groupby(report.layers, key=lambda layer: layer.stage):
        layers = list(group)
        shape = _by_x(layers[-1].output_shape[1:])
        params, macs = sum(x.params for x in layers), sum(x.macs for x in layers)
        rows.append((stage, shape, f"{params:,}", f"{macs:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, shape, *numbers in rows:
        right = zip(numbers, widths[2:], strict=True)
        columns = [f"{name:<{widths[0]}}", f"{shape:<{widths[1]}}"]
        yield "   ".join([*columns, *(f"{text:>{width}}" for text, width in right)])


def _mend_docstrings(program: Program) -> None:
    """Leave out sentences about what the file does not have."""
    nodes: list[ast.ClassDef | ast.FunctionDef] = [*program.classes.values()]
    nodes += [each.node for each in program.functions()]
    known = {
        name
        for root in nodes
        for node in walk(root)
        for name in (getattr(node, key, None) for key in ("id", "attr", "arg", "name"))
        if name
    }
    for node in nodes:
        text = ast.get_docstring(node)
        if text is None or set(_NAMED.findall(text)) <= known:
            continue
        level = 4 if node in program.tree.body else 8
        paragraphs = (_about(paragraph, known) for paragraph in text.split("\n\n"))
        kept = [_wrapped(each, " " * level) for each in paragraphs if each]
        body = node.body
        if kept:
            end = f"\n{' ' * level}" if len(kept) > 1 or "\n" in kept[0] else ""
            body[0] = ast.Expr(ast.Constant("\n\n".join(kept).strip() + end))
        elif len(body) > 1:
            del body[0]


def _about(paragraph: str, known: set[str]) -> str:
    """The sentences of a paragraph that name nothing unknown."""
    sentences = _SENTENCES.split(inspect.cleandoc(paragraph))
    return " ".join(each for each in sentences if set(_NAMED.findall(each)) <= known)


def _imports(program: Program, code: str) -> str:
    """The imports that the code needs, in the usual order."""
    used = {node.id for node in walk(ast.parse(code)) if isinstance(node, ast.Name)}
    frame = [ast.parse(line).body[0] for line in _FRAME_IMPORTS]
    plain: set[str] = set()
    named: dict[str, set[str]] = {}
    for node in (*program.imports, *frame):
        if isinstance(node, ast.Import):
            plain |= {
                ast.unparse(ast.Import([alias]))
                for alias in node.names
                if (alias.asname or alias.name.split(".")[0]) in used
            }
        elif isinstance(node, ast.ImportFrom) and not _is_own(node):
            found = {each.name for each in node.names if (each.asname or each.name) in used}
            named.setdefault(str(node.module), set()).update(found)
    sorted_names = {
        module: sorted(names, key=lambda name: (not name[0].isupper(), name))
        for module, names in sorted(named.items())
        if names
    }
    lines = [
        *sorted(plain),
        *(f"from {module} import {', '.join(names)}" for module, names in sorted_names.items()),
    ]
    standard = [line for line in lines if _is_standard(line)]
    others = [line for line in lines if not _is_standard(line)]
    groups = [["from __future__ import annotations"], standard, others]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _is_own(node: ast.ImportFrom) -> bool:
    return str(node.module).split(".")[0] in ("__future__", "resnet_viz")


def _is_standard(line: str) -> bool:
    return line.split()[1].split(".")[0] in sys.stdlib_module_names
