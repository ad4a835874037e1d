"""``python -m headviz`` is ``headviz``."""

from __future__ import annotations

import sys

from headviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
