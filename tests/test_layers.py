"""The order of the house: imports point one way, importing is light, names do not clash, texts speak of the project."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import headviz

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "headviz"

# From the ground up; a module may import from its own row and from rows above it in this list, without a cycle.
ROWS = (
    (
        *("errors", "extras", "files", "foreign", "glossary", "listing", "memory", "npz", "option", "progress"),
        *("provenance", "registry", "serving", "stand_ins", "resamples", "spreadsheet", "stats", "units"),
    ),
    ("mask", "selection", "head_scores", "hies", "saved_file"),
    ("attention", "entropy", "pruned_modeling", "readers"),
    ("families", "observers", "tasks"),
    ("demo",),
    ("batches", "checkpoint", "columns", "data", "hub", "label_notes", "labels", "outline", "room", "subject"),
    (
        *("cost", "evaluation", "improve", "inspection", "prediction", "pruned_card", "pruned_folder", "pruning"),
        *("replay", "saving", "scores", "scores_file"),
    ),
    ("latency", "onnx_export", "onnx_model", "peak_memory", "proof"),
    ("complementarity",),
    ("recovery",),
    ("importance",),
    ("cli", "__main__", "demo.reviews.__main__", "demo.reviews.train"),
    ("ui",),
)
APP_ROW = len(ROWS)

# The functions and mappings that the package promises; a module of such a name would replace what it is named after.
PROMISED = """
attention_entropy cahp criteria distances evaluate export_onnx find_knee k_medoids load load_data load_pruned open_plan
open_scores open_signatures pick_heads prune recover save_masked save_pruned score select signatures
simplified_silhouette spaces sweep verify
""".split()

HEAVY = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "captum",
    "sklearn",
    "scipy",
    "kneed",
    "numba",
    "pandas",
    "pyarrow",
    "altair",
    "streamlit",
)


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _modules() -> dict[str, ast.Module]:
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    return {_name(path): ast.parse(path.read_text("utf-8")) for path in files if path.exists()}


def _row(module: str) -> int:
    if not module.startswith("headviz."):
        return APP_ROW
    inner = module.removeprefix("headviz.")
    best = max(
        (
            (len(prefix), number)
            for number, row in enumerate(ROWS)
            for prefix in row
            if f"{inner}.".startswith(f"{prefix}.")
        ),
        default=None,
    )
    assert best is not None, f"{module} stands in no row: say in {Path(__file__).name} where it belongs"
    return best[1]


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Import statements that run, those inside functions too; what only a type checker reads is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        yield from _statements(node)


@cache
def _imports(module: str) -> set[str]:
    """Full names of the modules that ``module`` imports."""
    found: set[str] = set()
    for node in _statements(_modules()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively: write the full name"
            origin = node.module or ""
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                found.add(inner if inner in _modules() else origin)
    return found


@cache
def _edges() -> dict[str, set[str]]:
    return {module: {name for name in _imports(module) if name in _modules()} - {module} for module in _modules()}


@pytest.mark.parametrize("module", sorted(name for name in _modules() if name != "headviz"))
def test_module_imports_only_downwards(module: str) -> None:
    wrong = [name for name in _edges()[module] if name != "headviz" and _row(name) > _row(module)]
    assert wrong == [], f"{module} (row {_row(module)}) imports from above: {wrong}"


def test_imports_make_no_cycle() -> None:
    edges, state = _edges(), dict.fromkeys(_modules(), "new")

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert state[module] != "open", "a cycle: " + " -> ".join((*path[path.index(module) :], module))
        if state[module] == "new":
            state[module] = "open"
            for name in sorted(edges[module] - {"headviz"}):
                visit(name, (*path, module))
            state[module] = "done"

    for module in sorted(edges):
        visit(module, ())


def test_only_the_top_rows_use_the_public_package() -> None:
    """Below, ``import headviz`` would hide an import of anything behind the lazy names."""
    users = [
        module
        for module in sorted(_modules())
        if module != "headviz" and _row(module) < _row("headviz.cli") and _uses_public_names(module)
    ]
    assert users == []


def _uses_public_names(module: str) -> bool:
    for node in _statements(_modules()[module]):
        if isinstance(node, ast.Import) and any(alias.name == "headviz" for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "headviz":
            inner = {alias.name for alias in node.names if f"headviz.{alias.name}" not in _modules()}
            if inner - {"__version__"}:
                return True
    return False


def test_only_the_ui_and_the_app_import_streamlit() -> None:
    wrong = [
        module
        for module in sorted(_modules())
        if not module.startswith("headviz.ui") and _row(module) < APP_ROW
        if any(name.split(".")[0] == "streamlit" for name in _imports(module))
    ]
    assert wrong == []


def test_pages_compute_nothing_themselves() -> None:
    for module, tree in _modules().items():
        if module.startswith("pages.") or module == "app":
            assert not {"torch", "transformers", "captum"} & {name.split(".")[0] for name in _imports(module)}, module
            assert len(ast.unparse(tree).splitlines()) <= 150, f"{module} is more than wiring"


def test_no_module_has_the_name_of_a_public_function() -> None:
    inside = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert sorted(inside & set(PROMISED)) == []


def test_public_names_all_resolve_and_none_leaks() -> None:
    for name in headviz.__all__:
        assert getattr(headviz, name) is not None
    assert sorted(set(headviz.__all__)) == dir(headviz)
    unknown = "no_such_name"
    with pytest.raises(AttributeError, match=unknown):
        getattr(headviz, unknown)


@pytest.mark.parametrize("name", [name for name in headviz.__all__ if name[0].islower()])
def test_public_functions_are_promised_ones(name: str) -> None:
    assert name in PROMISED


@pytest.mark.parametrize("module", ["headviz", "headviz.cli", "headviz.glossary", "headviz.mask", "headviz.stats"])
def test_import_in_a_fresh_interpreter_is_light(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{n.split('.')[0] for n in sys.modules}} & set({HEAVY!r})))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.split() == []


def test_importing_the_ui_loads_no_torch() -> None:
    code = "import sys, headviz.ui; print(*({'torch', 'transformers', 'captum'} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.split() == []


def test_files_are_named_after_what_they_hold_and_stay_readable() -> None:
    empty_names = {"utils", "util", "helpers", "helper", "misc", "common"}
    for path in sorted(PACKAGE.rglob("*.py")):
        assert path.stem not in empty_names, f"{path.relative_to(ROOT)}: name it after what it holds"
        source = path.read_text("utf-8")
        if len(source.splitlines()) > 400:
            reason = ast.get_docstring(ast.parse(source)) or ""
            assert "400 lines" in reason, (
                f"{path.relative_to(ROOT)} is over 400 lines without a reason in its docstring"
            )


def test_every_module_of_the_package_can_be_imported() -> None:
    for module in sorted(_modules()):
        if module.startswith("headviz") and not module.endswith("__main__"):
            importlib.import_module(module)


def test_repository_speaks_of_the_project_alone() -> None:
    """No path of the machine it was written on, no document that readers do not have, no registry host."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # Put together from pieces, so that this file does not hold what it looks for.
    slash = "/"
    forbidden = "|".join(
        [
            slash + "(work|farm|opt" + slash + "wheels)" + slash,
            slash + "tmp" + slash + "[a-z]",
            r"\.\." + slash + "shared" + slash + "(design|methods|guides)",
            "index" + "-url",
            slash + "simple" + '(/|"|$)',
            "artifact" + "-?registry",
            "(pypi|pythonhosted|npmjs|deb" + r"\.debian)" + r"\.(org|com)",
        ]
    )
    found = subprocess.run(
        ["git", "grep", "-nIiE", forbidden, "--", "."], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 1, f"lines that do not belong in the repository:\n{found.stdout}{found.stderr}"


def test_no_pickle_and_no_remote_code_in_the_package() -> None:
    """Texts may tell a reader how to trust a folder of their own; no call of headviz's own does."""
    refused = {"trust_remote_code": True, "weights_only": False, "allow_pickle": True}
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        assert not re.search(r"^\s*(import|from) (pickle|dill|joblib)\b", ast.unparse(tree), re.MULTILINE), path
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            for keyword in call.keywords:
                value = getattr(keyword.value, "value", None)
                assert keyword.arg not in refused or value is not refused[keyword.arg], f"{path}, line {call.lineno}"
