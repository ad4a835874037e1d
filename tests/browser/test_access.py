"""Every page in both themes under axe: nothing that keeps somebody from using it, as far as a program can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

from tests.browser.test_looks import DEMO, PAGES  # noqa: E402
from tests.browser.visit import Visit  # noqa: E402

GRAVE = ("serious", "critical")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_grave_fault_of_access(theme: str, visitor: Callable[..., Visit]) -> None:
    visit = visitor(color_scheme=theme)
    faults = {"welcome": list(_faults(visit.go().headed("Home").settled()))}
    for path, title in PAGES.items():
        visit.go(f"/{path}", model=DEMO)
        visit.headed("Home" if title == "headviz" else title).opened(DEMO)
        if path == "complementarity":
            visit.take_signatures()
        closed = visit.page.locator("[data-testid=stMain] details:not([open]) > summary")
        for _ in range(closed.count()):
            closed.first.click()
        faults[title] = list(_faults(visit.settled()))
    assert not any(faults.values()), "\n".join(f"{page}: {fault}" for page, each in faults.items() for fault in each)


def _faults(visit: Visit) -> Iterator[str]:
    """What axe finds grave on the page that stands."""
    found: dict[str, Any] = axe.Axe().run(visit.page).response
    assert len(found["passes"]) > 10, "axe has looked at nothing"
    for rule in found["violations"]:
        for node in rule["nodes"] if rule["impact"] in GRAVE else []:
            yield f"{rule['id']} {node['target']} {node['html'][:200]} {node['failureSummary'][:300]}"
