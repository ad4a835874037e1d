"""How much memory a forward pass takes on top of weights and inputs: the most bytes of activations held at once.

On a GPU the allocator knows. On the CPU it does not say, so the storages that a pass makes are counted while they live:
by the tensors that operations give, down to the composite ones' parts. What a kernel takes for itself and gives back
before it ends (blocks of fused attention, packed matrices) is left out; it is small and does not depend on heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from headviz.subject import Subject


@torch.inference_mode()
def peak_memory(subject: Subject, inputs: dict[str, Tensor]) -> int:
    """Bytes that one pass of ``subject`` over ``inputs`` holds at most, logits included, weights and inputs left out.

    A GPU counts what all threads take meanwhile, and what its libraries keep from their first use on: run a pass
    before.
    """
    if subject.device.startswith("cuda"):
        device = torch.device(subject.device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        subject.forward(inputs)
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    held = [*subject.model.parameters(), *subject.model.buffers(), *inputs.values()]
    with _Living(held) as living:
        subject.forward(inputs)
    return living.most


class _Living(TorchDispatchMode):
    """Counts the storages that operations of this thread make, for as long as they live; ``most``, their bytes at the
    highest. Storages of ``held`` are not counted, nor what is a view of them."""

    def __init__(self, held: list[Tensor]) -> None:
        super().__init__()
        self.most = 0
        self._held = {StorageWeakRef(tensor.untyped_storage()).cdata for tensor in held}
        self._bytes: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self:  # the parts of a composite operation come here one by one
            made = function.decompose(*args, **(kwargs or {}))
        if made is NotImplemented:
            made = function(*args, **(kwargs or {}))
        self._count(made)
        return made

    def _count(self, made: Any) -> None:
        self._bytes = {reference: size for reference, size in self._bytes.items() if not reference.expired()}
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                reference = StorageWeakRef(storage)
                if reference.cdata not in self._held:
                    self._bytes[reference] = storage.nbytes()
        self.most = max(self.most, sum(self._bytes.values()))
