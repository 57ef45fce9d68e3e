"""The lines of `model.py` that make a part of a network, and those that call it.

They are found in the file's syntax tree, by the names that the network's paths are made of, so
what is shown is the code that ran and not a copy that might age. Neither torch nor the network
itself is needed.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from resnet_viz.network.layer_graph import INPUT, LayerGraph

__all__ = ["FILE", "Excerpt", "code_of"]

FILE: Final = Path(__file__).with_name("model.py")  # that the lines are from

_BLOCKS: Final = {"basic": "BasicBlock", "bottleneck": "Bottleneck"}

_Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Neighbouring lines of `FILE`.

    Attributes:
        title: What happens there, such as ``created in Bottleneck.__init__``.
        first_line: The number of the first line, counted from 1.
        text: The lines, their common indent taken away, without a newline at the end.
    """

    title: str
    first_line: int
    text: str

    @property
    def last_line(self) -> int:
        """The number of the last line."""
        return self.first_line + self.text.count("\n")

    @property
    def place(self) -> str:
        """File and lines: ``model.py:97`` or ``model.py:97-99``."""
        lines = dict.fromkeys((self.first_line, self.last_line))
        return f"{FILE.name}:{'-'.join(map(str, lines))}"


class _Span(NamedTuple):
    """Lines with what happens there."""

    title: str
    first: int
    last: int


class _Step(NamedTuple):
    """A statement, and the lines that it is read with."""

    node: ast.stmt
    first: int
    last: int


class _File(NamedTuple):
    """Its lines, and its functions and methods by their qualified names."""

    lines: tuple[str, ...]
    functions: Mapping[str, ast.FunctionDef]


def code_of(graph: LayerGraph, path: str) -> tuple[Excerpt, ...]:
    """The code behind an operation, a block, a stage, a downsample point or the input.

    Args:
        graph: The network.
        path: What to look up: any path of the graph, ``stem``, ``head`` or ``input``.

    Returns:
        Where it is made, where it is called, and what it computes if the file says so.

    Raises:
        LayerError: The network has no such layer.
    """
    spans = list(_spans(graph, path))
    return tuple(_excerpt(span) for span in _joined(spans))


def _spans(graph: LayerGraph, path: str) -> Iterator[_Span]:
    if path == INPUT:
        forward = _file().functions["ResNet.forward"]
        yield _Span("enters at ResNet.forward", forward.lineno, _body(forward)[0].lineno - 1)
        return
    if path in ("stem", "head"):
        parts = [operation.path for operation in graph if operation.stage == path]
        names = list(dict.fromkeys(part.split(".")[0] for part in parts))
        made = (_made(graph, "ResNet", name)[0] for name in names)
        yield from sorted(made, key=lambda span: span.first)
        yield from (_called("ResNet", name) for name in names)
        return
    graph.output_of(path)
    stage, *rest = path.split(".")
    if not any(block.stage == stage for block in graph.blocks):
        yield from _member(graph, "ResNet", stage, rest)
    elif not rest:
        yield from _stage()
    elif len(rest) == 1:
        yield from _block(graph, first=rest == ["0"])
    else:
        owner = _BLOCKS[graph.spec.block]
        yield from _member(graph, owner, rest[1], rest[2:], ".".join((stage, rest[0])))


def _stage() -> Iterator[_Span]:
    """Any stage: the loops that make and call one after another."""
    for step in _find("ResNet.__init__", "self._make_layer"):
        yield _Span("created in ResNet.__init__", step.first, step.last)
    for step in _find("ResNet._make_layer", "self.add_module"):
        yield _Span("put together in ResNet._make_layer", step.first, step.last)
    yield _stages_called()


def _stages_called() -> _Span:
    step = next(_find("ResNet.forward", "getattr"))
    return _Span("called, stage by stage, in ResNet.forward", step.first, step.last)


def _block(graph: LayerGraph, *, first: bool) -> Iterator[_Span]:
    """A residual block: the first of a stage is made apart from the others."""
    makers = list(_find("ResNet._make_layer", "block"))
    maker = makers[0 if first else -1]
    yield _Span("created in ResNet._make_layer", maker.first, maker.last)
    *_, chosen = _ran("ResNet._block", {"self.spec.block": graph.spec.block})
    yield _Span("its kind chosen in ResNet._block", chosen.first, chosen.last)
    yield _stages_called()
    yield from _computed(_BLOCKS[graph.spec.block])


def _member(
    graph: LayerGraph, owner: str, name: str, inside: list[str], block: str = ""
) -> Iterator[_Span]:
    """An attribute of a block or of the network, or an element of it where it is a sequence."""
    span, node = _shortcut(graph, block) if name == "downsample" else _made(graph, owner, name)
    if inside and isinstance(node, ast.Call):
        element: ast.AST = node.args[int(inside[0])]
        if isinstance(element, ast.Name):  # made a line before
            span, node = _Span(span.title, span.first, node.lineno - 1), None
        else:
            span = _Span(span.title, element.lineno, element.end_lineno or 0)  # type: ignore[attr-defined]
            node = element
    yield span
    maker = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    if maker in _file().functions:
        *_, step = _ran(maker, {})
        yield _Span(f"{maker} is short for", step.first, step.last)
    yield _called(owner, name)
    yield from _computed(maker)


def _made(graph: LayerGraph, owner: str, name: str) -> tuple[_Span, ast.AST | None]:
    """Where a class sets ``self.<name>``, and the expression that it is set to."""
    facts = {"self.spec.stem": graph.spec.stem}
    for function in (f"{owner}.__init__", f"{owner}._make_stem"):
        for step in _ran(function, facts) if function in _file().functions else ():
            match step.node:
                case ast.Assign(targets=[target], value=value) if (
                    ast.unparse(target) == f"self.{name}"
                ):
                    return _Span(f"created in {function}", step.first, step.last), value
    raise LookupError(f"{FILE.name} does not set {owner}.{name}")


def _shortcut(graph: LayerGraph, block: str) -> tuple[_Span, ast.AST | None]:
    """The branch of ``_make_shortcut`` that made a block's shortcut."""
    point = next(point for point in graph.downsample_points if point.block == block)
    stride = 2 if "stride" in point.reasons else 1
    facts = {"self.spec.shortcut": graph.spec.shortcut, "stride": stride}
    steps = _ran("ResNet._make_shortcut", facts)
    last = steps[-1]
    value = last.node.value if isinstance(last.node, ast.Return) else None
    return _Span("created in ResNet._make_shortcut", steps[0].first, last.last), value


def _called(owner: str, name: str) -> _Span:
    step = next(_find(f"{owner}.forward", f"self.{name}"))
    return _Span(f"called in {owner}.forward", step.first, step.last)


def _computed(owner: str) -> Iterator[_Span]:
    """What a class of this file does when it is called."""
    forward = _file().functions.get(f"{owner}.forward")
    if forward is not None:
        body = _body(forward)
        yield _Span(f"computed in {owner}.forward", body[0].lineno, body[-1].end_lineno or 0)


def _find(function: str, called: str) -> Iterator[_Step]:
    """The statements of a function that call something of a given name."""
    for step in _steps(_body(_file().functions[function])):
        calls = (node for node in ast.walk(step.node) if isinstance(node, ast.Call))
        if any(ast.unparse(call.func) == called for call in calls):
            yield step


def _ran(function: str, facts: _Facts) -> list[_Step]:
    """The statements of a function that run where `facts` hold, up to the first return."""
    steps = []
    for step in _steps(_body(_file().functions[function]), facts):
        steps.append(step)
        if isinstance(step.node, ast.Return):
            break
    return steps


def _steps(body: Iterable[ast.stmt], facts: _Facts | None = None) -> Iterator[_Step]:
    """The simple statements of a body, without the branches that `facts` exclude.

    A loop or a condition around a single statement is read with it.
    """
    for node in body:
        holds = _holds(node.test, facts or {}) if isinstance(node, ast.If) else None
        if isinstance(node, ast.If | ast.For) and holds is None and len(node.body) == 1:
            yield _with_comment(node.body[0], node.lineno)
            yield from _steps(node.orelse, facts)
        elif isinstance(node, ast.If | ast.For):
            yield from _steps(node.body, facts) if holds is not False else ()
            yield from _steps(node.orelse, facts) if holds is not True else ()
        else:
            yield _with_comment(node, node.lineno)


def _with_comment(node: ast.stmt, first: int) -> _Step:
    """The comment right above is about the statement."""
    lines = _file().lines
    while lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return _Step(node, first, node.end_lineno or node.lineno)


def _holds(test: ast.expr, facts: _Facts) -> bool | None:
    """Whether a condition is met; None where `facts` do not tell."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        parts = [_holds(value, facts) for value in test.values]
        return False if False in parts else None if None in parts else True
    if isinstance(test, ast.Compare) and ast.unparse(test.left) in facts:
        known, other = facts[ast.unparse(test.left)], test.comparators[0]
        if isinstance(other, ast.Constant) and isinstance(test.ops[0], ast.Eq | ast.NotEq):
            return (known == other.value) == isinstance(test.ops[0], ast.Eq)
    return None


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    """The statements after the docstring."""
    return function.body[1:] if ast.get_docstring(function) else function.body


def _joined(spans: Iterable[_Span]) -> Iterator[_Span]:
    """Spans that touch and tell of the same become one."""
    last: _Span | None = None
    for span in spans:
        touch = last and last.title == span.title and last.first <= span.first <= last.last + 1
        if last and touch and _indent(last) == _indent(span):
            last = _Span(last.title, last.first, max(last.last, span.last))
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def _indent(span: _Span) -> int:
    line = _file().lines[span.first - 1]
    return len(line) - len(line.lstrip())


def _excerpt(span: _Span) -> Excerpt:
    text = textwrap.dedent("\n".join(_file().lines[span.first - 1 : span.last]))
    return Excerpt(span.title, span.first, text)


@lru_cache(maxsize=1)
def _file() -> _File:
    """The file as it was when it was first asked for, which is when it was imported."""
    text = FILE.read_text(encoding="utf-8")
    functions: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            functions |= {f"{node.name}.{method.name}": method for method in methods}
    return _File(tuple(text.splitlines()), functions)
