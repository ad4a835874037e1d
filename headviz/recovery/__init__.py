"""Recovery after a cut: fine-tune what is left, in full, by LoRA, or by SAFE, and see what that cost."""

from headviz.recovery.cost import Cost
from headviz.recovery.history import Check, History
from headviz.recovery.methods import Method, methods
from headviz.recovery.recovery import Recovery, open_recovery, recover

__all__ = ["Check", "Cost", "History", "Method", "Recovery", "methods", "open_recovery", "recover"]
