"""How long from the start command to the first page?

``headviz app`` in a process of its own, and Chromium, already open, goes to its address as soon as something answers
there: seconds from the command to the heading of Home on the screen, each round with a new process and an empty browser
cache. The page must stand within 6 s.
"""

from __future__ import annotations

import sys
import time

from measure import Ratio, arguments, report
from playwright.sync_api import Browser, expect
from served import Served, chromium, find_chromium

LIMIT = 6.0  # s
_PATIENCE = 60_000  # ms


def seconds_to_heading(browser: Browser) -> float:
    """Start the app, open it in a new tab, and stop it again."""
    app, context = Served(by="headviz"), browser.new_context()
    try:
        page = context.new_page()
        start = time.perf_counter()
        app.launch()
        app.wait()
        page.goto(app.url)
        expect(page.get_by_role("heading", level=1)).to_have_text("headviz", timeout=_PATIENCE)
        return time.perf_counter() - start
    finally:
        context.close()
        app.stop()


def main() -> bool:
    args = arguments(__doc__)
    with chromium(find_chromium()) as browser:
        seconds_to_heading(browser)  # reads the files from disk once, and is not counted
        times = []
        for number in range(args.repeat):
            times.append(seconds_to_heading(browser))
            print(f"round {number + 1} of {args.repeat}: {times[-1]:.2f} s", file=sys.stderr)
    ratios = [Ratio("heading/6 s", [each / LIMIT for each in times], target=1.0)]
    return report("startup", ratios, args.json, seconds=times)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
