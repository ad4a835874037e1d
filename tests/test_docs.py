"""The docs do what they say: every block of code in them runs, every link leads somewhere."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from headviz.cli import _split, main, parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text("utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_code_of_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one page share their names and an empty folder, as for a reader who follows along."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(code, f"{page.name}, python block", "exec"), names)
        elif language == "bash":
            for line in code.splitlines():
                run_line(line)
        elif language == "json":
            json.loads(code)
        else:
            pytest.fail(f"{page.name} has a block in {language!r}, which is not checked")


def run_line(line: str) -> None:
    words = shlex.split(line, comments=True)
    if not words:
        return
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), line
    elif words[:2] == ["headviz", "app"]:
        parser().parse_args(_split(words[1:])[0])
    elif words[0] == "headviz":
        assert main(words[1:]) == 0, line
    else:
        pytest.fail(f"nothing checks the command {line!r}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_to_files_that_are_there(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]+`", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


def test_example_of_the_readme_is_short() -> None:
    (code,) = [code for language, code in blocks(ROOT / "README.md") if language == "python"]
    lines = [line for line in code.splitlines() if line and not line.startswith("import")]
    assert len(lines) == 5


def test_every_public_name_and_criterion_is_documented() -> None:
    import headviz as hv

    api = (ROOT / "docs" / "api.md").read_text("utf-8")
    missing = [name for name in hv.__all__ if not name.startswith("__") and name not in api]
    methods = (ROOT / "docs" / "methods.md").read_text("utf-8").lower()
    missing += [name for name in hv.criteria if name not in methods]
    assert missing == []
