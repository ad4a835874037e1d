"""Masks: which heads are kept. `mask` has the class, `heads` the names, `code` the code for links, `file` the files."""

from headviz.mask.heads import describe_heads, head_name, head_names, head_present, parse_head, places
from headviz.mask.mask import Mask

__all__ = ["Mask", "describe_heads", "head_name", "head_names", "head_present", "parse_head", "places"]
