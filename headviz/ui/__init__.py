"""What the pages share. A page begins with `shell` and puts each of its parts into `shown`."""

from headviz.ui.errors import shown
from headviz.ui.shell import shell

__all__ = ["shell", "shown"]
