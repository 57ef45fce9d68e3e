"""Policies: exported names, directions of imports, and imports that must stay fast."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "resnet_viz"
LIBRARY = sorted(
    path for path in PACKAGE.rglob("*.py") if "ui" not in path.relative_to(PACKAGE).parts
)
VIEWS = sorted((PACKAGE / "views").rglob("*.py"))
UI = sorted((PACKAGE / "ui").rglob("*.py"))
PAGES = [
    path for path in (ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))) if path.is_file()
]
SOURCES = [*LIBRARY, *UI, *PAGES]

# Subpackages whose __init__.pyi lists the names that others may import.
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.pyi"))

# Modules that import torch when they are imported; no other module does.
NEEDS_TORCH = {
    f"resnet_viz.{name}"
    for name in (
        *("network.devices", "network.model", "network.private_copies"),
        *("costs.compute_limits", "costs.latency.measuring", "costs.latency.stopwatch"),
        *("features.capturing", "features.gradients", "features.occluding", "features.overview"),
        *("weights.loading", "weights.checkpoints.adaptation", "weights.checkpoints.reading"),
        *("weights.checkpoints.reader_process", "weights.checkpoints.recognition"),
        *("weights.checkpoints.state_dicts", "cli.feature_map_files"),
    )
}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _imports(node: ast.AST) -> Iterator[str]:
    """Return the modules that a piece of code imports, also inside functions."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            assert part.level == 0, "imports are absolute"
            module = str(part.module)
            yield module
            yield from (f"{module}.{alias.name}" for alias in part.names)


def _is(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def _importing(paths: list[Path], *packages: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in paths
        for module in _imports(_tree(path))
        if any(_is(module, package) for package in packages)
    ]


def test_there_is_something_to_check() -> None:
    assert {"architecture", "layer_graph", "cost_plan"} <= {path.stem for path in LIBRARY}
    assert {"network_drawing", "mosaics"} <= {path.stem for path in VIEWS}


# The directions of imports inside the package are contracts of import-linter (pyproject.toml).


def test_every_module_is_held_to_the_contract_about_streamlit() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    held = {name for each in contracts for name in each.get("source_modules", ())}
    parts = {
        "resnet_viz." + path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in LIBRARY
    }
    assert parts - held == {"resnet_viz.__init__", "resnet_viz.__main__"}


def test_views_need_nothing_that_computes_with_torch() -> None:
    assert _importing(VIEWS, *sorted(NEEDS_TORCH)) == []


def test_the_scripts_of_the_app_need_neither_each_other_nor_development_tools() -> None:
    # Pages are named to Streamlit by their files.
    tools = ("pytest", "hypothesis", "mypy", "playwright")
    assert _importing(PAGES, "app", "pages", "scripts", "tests", *tools) == []


def test_the_network_is_written_once() -> None:
    """Only model.py builds modules of torch; graph_recording.py reads them."""
    others = [
        path for path in LIBRARY if path.stem not in ("model", "graph_recording", "private_copies")
    ]
    assert _importing(others, "torch.nn", "torch.fx") == []


@pytest.mark.parametrize("path", [*LIBRARY, *UI], ids=_name)
def test_all_is_sorted_and_complete(path: Path) -> None:
    tree = _tree(path)
    exported: list[str] = []
    public: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            public.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if "Final" in ast.unparse(node.annotation):
                public.add(node.target.id)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            exported = ast.literal_eval(node.value)
    public = {name for name in public if not name.startswith("_")}
    assert public <= set(exported), "public names that are not in __all__"
    assert len(exported) == len(set(exported))
    assert exported == sorted(exported, key=_isort_key)
    if exported:
        module = importlib.import_module(_name(path))
        for name in exported:
            assert hasattr(module, name)


def _stub_names(room: Path) -> dict[str, str]:
    """Return the names in the stub of a subpackage, each with its module."""
    tree = ast.parse((room / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("room", [PACKAGE, *ROOMS], ids=lambda room: room.name)
def test_each_name_in_a_stub_can_be_imported(room: Path) -> None:
    module = importlib.import_module(_name(room / "__init__.py"))
    names = _stub_names(room)
    assert sorted(module.__all__) == sorted(names)
    for name, source in names.items():
        assert source != "None" or (room / f"{name}.py").is_file()
        assert getattr(module, name) is not None


def test_subpackages_import_only_names_listed_in_stubs() -> None:
    stubs = {_name(room / "__init__.py"): _stub_names(room) for room in ROOMS}
    unnamed = []
    for path in SOURCES:
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.ImportFrom):
                continue
            room = ".".join(str(node.module).split(".")[:2])
            if room in stubs and not _is(_name(path), room):
                unnamed += [
                    f"{path.relative_to(ROOT)} uses {node.module}.{alias.name}"
                    for alias in node.names
                    if alias.name not in stubs[room]
                ]
    assert unnamed == []


def test_no_module_has_the_name_of_an_exported_function() -> None:
    """Otherwise `resnet_viz.profile` is the function or the module, depending on imports."""
    exported = {name for path in LIBRARY for name in _functions_in_all(path)}
    assert {path.stem for path in LIBRARY if path.stem != "__init__"} & exported == set()


def _functions_in_all(path: Path) -> Iterator[str]:
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name


def _isort_key(name: str) -> tuple[int, list[str | int]]:
    """Sort constants, then classes, then the rest; numbers by value (ruff's RUF022)."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    parts = re.split(r"(\d+)", name)
    return kind, [int(part) if part.isdigit() else part for part in parts]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_file_has_a_docstring(path: Path) -> None:
    sentence = ast.get_docstring(_tree(path))
    assert sentence
    assert sentence.splitlines()[0].endswith((".", ":"))


def test_no_path_of_one_machine() -> None:
    machine = re.compile(r"[\"'](?:/(?:home|root|work|Users|tmp|mnt|data|usr)\b|[A-Za-z]:\\)")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in SOURCES
        for line in path.read_text(encoding="utf-8").splitlines()
        if machine.search(line)
    ]
    assert found == []


def _loaded_after(modules: list[str]) -> set[str]:
    """Return the packages that a new interpreter has loaded after some imports."""
    code = f"import {', '.join(modules)}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {module.split(".")[0] for module in done.stdout.split()}


def test_shapes_and_costs_need_no_torch() -> None:
    library = [
        name for name in map(_name, LIBRARY) if name not in {"resnet_viz.__main__", *NEEDS_TORCH}
    ]
    assert {
        "resnet_viz",
        "resnet_viz.network.spec",
        "resnet_viz.network.layer_graph",
        "resnet_viz.costs.profiling",
    } <= set(library)
    assert not _loaded_after(library) & {"torch", "streamlit", "safetensors", "skimage"}


def test_modules_listed_as_needing_torch_need_it() -> None:
    """Import each in an interpreter that has loaded none of the others."""
    code = """if True:
        import importlib, sys
        sys.modules["torch"] = None  # cannot be imported, nor can modules that need it
        without = []
        for name in sys.argv[1:]:
            try:
                importlib.import_module(name)
            except ImportError as error:
                assert (error.name or "").split(".")[0] == "torch", (name, error)
            else:
                without.append(name)
            for loaded in [loaded for loaded in sys.modules if loaded.startswith("resnet_viz")]:
                del sys.modules[loaded]
        print(*without)
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *sorted(NEEDS_TORCH)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.split() == []


def test_the_app_is_imported_without_torch() -> None:
    assert "torch" not in _loaded_after([_name(path) for path in UI])


@pytest.mark.parametrize("command", [[], ["--help"], ["profile", "--help"]])
def test_help_does_not_wait_for_torch(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "resnet_viz", *command],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"torch", "streamlit", "PIL", "graphviz"}


def test_the_names_of_the_contract() -> None:
    names = set(_stub_names(PACKAGE))
    assert names >= {"PRESETS", "InputSpec", "ResNetSpec", "build_model", "profile", "sweep"}
    assert names >= {"capture", "trace"}
    with pytest.raises(AttributeError, match="resnet51"):
        importlib.import_module("resnet_viz").__getattr__("resnet51")
    assert "load_weights" in _stub_names(PACKAGE / "weights")
