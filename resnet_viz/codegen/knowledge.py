"""What is known of names and attributes at one point of the rewriting, function by function."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType

from resnet_viz.codegen.attributes import facts_of, lists_of, writes_to
from resnet_viz.codegen.flow import NewFold
from resnet_viz.codegen.folding import Fold
from resnet_viz.codegen.known import constant, names_in
from resnet_viz.codegen.program import Function, Program

__all__ = ["Knowledge"]


class Knowledge:
    """What holds in a program as it stands; to be gathered anew when it has been rewritten.

    Args:
        program: The program; the constants of its classes are computed.
        open_attributes: Attributes of known values that are left as they stand.
    """

    def __init__(self, program: Program, open_attributes: frozenset[str]) -> None:
        _fold_class_constants(program)
        self._open_attributes = open_attributes
        self._facts = {owner: facts_of(program, owner) for owner in program.classes}
        self._absent = program.defined - set(program.classes)  # classes without instances
        self._names = {
            function.node: program.known_names(set(names_in(function.node)))
            for function in program.functions()
        }
        self._lists: Mapping[str, ast.expr] = MappingProxyType({})
        self._lists = lists_of(program, self.of)

    def of(self, function: Function) -> NewFold:
        """What makes the folds for a function, given what is known of its own names."""
        facts = dict(self._facts.get(function.owner or "", {}))
        if not function.is_constructor:  # which runs before they are complete
            written = writes_to(function)
            facts |= {text: value for text, value in self._lists.items() if text not in written}

        def make(names: Mapping[str, ast.expr]) -> Fold:
            known = {**self._names[function.node], **names}
            return _FoldTypes(known, facts, self._open_attributes, self._absent)

        return make


class _FoldTypes(Fold):
    """A fold that also knows which classes have no instances."""

    def __init__(
        self,
        names: Mapping[str, ast.expr],
        facts: Mapping[str, ast.expr],
        open_attributes: frozenset[str],
        absent: set[str],
    ) -> None:
        super().__init__(names, facts, open_attributes)
        self.absent = absent

    def _call(self, node: ast.Call) -> ast.expr:
        match node:
            case ast.Call(ast.Name("isinstance"), [_, kinds]):
                kept = [kind for kind in _united(kinds) if ast.unparse(kind) not in self.absent]
                if not kept:
                    return constant(False)
                node.args[1] = kept[0]
                for kind in kept[1:]:
                    node.args[1] = ast.BinOp(node.args[1], ast.BitOr(), kind)
        return super()._call(node)


def _united(node: ast.expr) -> list[ast.expr]:
    """The members of ``A | B | C``."""
    match node:
        case ast.BinOp(left, ast.BitOr(), right):
            return [*_united(left), *_united(right)]
    return [node]


def _fold_class_constants(program: Program) -> None:
    for definition in program.classes.values():
        for node in definition.body:
            if isinstance(node, ast.Assign):
                node.value = Fold(program.known_names(set(names_in(node.value))))(node.value)
