"""The classes and functions of `model.py` as something to rewrite: who defines and calls what."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

from resnet_viz.codegen.known import constant, walk
from resnet_viz.codegen.layout import note_layout

__all__ = ["ENTRY", "SOURCE", "Function", "Program", "Site", "bind", "parameters"]

SOURCE: Final = Path(__file__).parents[1] / "network" / "model.py"
ENTRY: Final = "ResNet"  # the class that all else serves


@dataclass(frozen=True, eq=False)
class Function:
    """A function or a method.

    Attributes:
        owner: Its class; None of a function.
        node: Its definition.
    """

    owner: str | None
    node: ast.FunctionDef

    @property
    def is_private(self) -> bool:
        """Whether it is a helper, which may go once it has become trivial."""
        return self.node.name.startswith("_") and not self.node.name.startswith("__")

    @property
    def is_constructor(self) -> bool:
        """Whether it sets up an instance."""
        return self.node.name == "__init__"


class Site(NamedTuple):
    """A call.

    Attributes:
        caller: Whose body it stands in.
        call: The expression.
    """

    caller: Function
    call: ast.Call


class Program:
    """What is left of a module while it is made to fit one network.

    Args:
        text: Its source.
    """

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        note_layout(self.tree, text.splitlines())
        self.imports = [
            node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        self.imported = {
            alias.asname or alias.name: (str(node.module), alias.name)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

        self.defined = set(self.classes)  # also those that will go

    @property
    def classes(self) -> dict[str, ast.ClassDef]:
        """Those that are left, by their names."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    def functions(self, owner: str | None = None) -> Iterator[Function]:
        """All functions and methods, or the methods of one class."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and owner is None:
                yield Function(None, node)
            elif isinstance(node, ast.ClassDef) and owner in (None, node.name):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        yield Function(node.name, part)

    def function(self, owner: str | None, name: str) -> Function:
        """One of them.

        Raises:
            LookupError: It is not there.
        """
        for each in self.functions(owner):
            if (each.owner, each.node.name) == (owner, name):
                return each
        raise LookupError(f"there is no {owner}.{name}")

    def known_names(self, names: set[str]) -> Mapping[str, ast.expr]:
        """The values of names that come from this package: tables of the networks."""
        return {
            name: constant(getattr(import_module(module), original))
            for name, (module, original) in self.imported.items()
            if name in names and module.startswith(f"{__package__.split('.')[0]}.")
        }

    def all_sites(self) -> dict[ast.FunctionDef, list[Site] | None]:
        """Every call of each function; None for one that is also used otherwise."""
        functions = list(self.functions())
        by_name = {_public_name(each): each for each in functions if not _is_method(each)}
        by_method = {(each.owner, each.node.name): each for each in functions if _is_method(each)}
        found: dict[ast.FunctionDef, list[Site] | None] = {each.node: [] for each in functions}
        for caller in functions:
            settled: set[int] = set()  # names that are called, or only asked about
            nodes = list(_code(caller.node))
            for node in nodes:
                if not isinstance(node, ast.Call):
                    continue
                if _names_types(node):
                    settled |= {id(part) for part in walk(node.args[1])}
                used = _referred(node.func, caller, by_name, by_method)
                if used is not None:
                    settled.add(id(node.func))
                    sites = found[used.node]
                    if sites is not None:
                        sites.append(Site(caller, node))
            for node in nodes:
                if isinstance(node, ast.Name | ast.Attribute) and id(node) not in settled:
                    used = _referred(node, caller, by_name, by_method)
                    if used is not None:
                        found[used.node] = None
        return found

    def prune(self) -> None:
        """Take away what cannot be reached from the network."""
        definitions = {
            node.name: node
            for node in self.tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
        }
        reached, waiting = {ENTRY}, [ENTRY]
        while waiting:
            node = definitions[waiting.pop()]
            methods = [node] if isinstance(node, ast.FunctionDef) else _live_methods(node)
            used = {name for method in methods for name in _used(method)}
            fresh = (used & set(definitions)) - reached
            reached |= fresh
            waiting += fresh
        for node in definitions.values():
            if isinstance(node, ast.ClassDef):
                live = _live_methods(node)
                node.body = [
                    part
                    for part in node.body
                    if not isinstance(part, ast.FunctionDef) or part in live
                ]
        self.tree.body = [
            node
            for node in self.tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in reached
        ]


def parameters(function: Function) -> dict[str, ast.expr | None]:
    """A function's parameters with their defaults, without ``self``."""
    arguments = function.node.args
    placed = [*arguments.posonlyargs, *arguments.args]
    missing = len(placed) - len(arguments.defaults)
    defaults = [*[None] * missing, *arguments.defaults]
    result = {each.arg: default for each, default in zip(placed, defaults, strict=True)}
    result |= {
        each.arg: default
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    }
    if function.owner is not None:
        result.pop("self")
    return result


def bind(function: Function, call: ast.Call) -> dict[str, ast.expr] | None:
    """What a call gives each parameter; None where a star hides it."""
    if any(isinstance(each, ast.Starred) for each in call.args):
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    known = parameters(function)
    given = dict(zip(known, call.args, strict=False))
    given |= {str(keyword.arg): keyword.value for keyword in call.keywords}
    defaults = {name: value for name, value in known.items() if value is not None}
    return {name: (defaults | given)[name] for name in known}


def _is_method(function: Function) -> bool:
    return function.owner is not None and not function.is_constructor


def _public_name(function: Function) -> str:
    """The name by which a function or a class is called."""
    return function.owner if function.owner and function.is_constructor else function.node.name


def _referred(
    node: ast.expr,
    caller: Function,
    by_name: Mapping[str, Function],
    by_method: Mapping[tuple[str | None, str], Function],
) -> Function | None:
    """What an expression stands for: a function, a class, a method of the caller's object."""
    match node:
        case ast.Name(name):
            return by_name.get(name)
        case ast.Attribute(ast.Name("self"), name):
            return by_method.get((caller.owner, name))
    return None


def _names_types(call: ast.Call) -> bool:
    """Whether a call asks for a type, which it does not need an instance for."""
    return isinstance(call.func, ast.Name) and call.func.id == "isinstance"


def _code(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function's body and defaults, annotations left out."""
    waiting: list[ast.AST] = [*function.body, *function.args.defaults]
    waiting += [node for node in function.args.kw_defaults if node is not None]
    while waiting:
        node = waiting.pop()
        yield node
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                waiting += [child for child in value if isinstance(child, ast.AST)]
            elif isinstance(value, ast.AST) and field not in ("annotation", "returns", "ctx"):
                waiting.append(value)


def _used(function: ast.FunctionDef) -> set[str]:
    """The names that a function needs to run."""
    asked = {
        id(part)
        for node in _code(function)
        if isinstance(node, ast.Call) and _names_types(node)
        for part in walk(node.args[1])
    }
    return {
        node.id for node in _code(function) if isinstance(node, ast.Name) and id(node) not in asked
    }


def _live_methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """A class's methods, without helpers that nothing calls any more."""
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    called = {
        part.attr for method in methods for part in walk(method) if isinstance(part, ast.Attribute)
    }
    return [
        method
        for method in methods
        if method.name in called or not method.name.startswith("_") or method.name == "__init__"
    ]
