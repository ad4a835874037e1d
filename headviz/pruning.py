"""Physical pruning: a smaller model without the weights of the cut heads, whose logits are those of the masked one.

A head's rows of query, key and value go, with their biases, and its columns of the output projection; the output
projection's bias stays, as it does under a gate of 0. All other weights are copies of the whole model's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headviz.checkpoint import assemble, cut_note, kept_heads
from headviz.errors import LoadError, MaskError
from headviz.families import family_of
from headviz.mask import Mask, head_name, parse_head
from headviz.pruned_modeling import model_classes
from headviz.saving import cuts_of_weights, mask_of_subject
from headviz.subject import PROBE_TEXTS, Subject

GQA = ("groups", "exact", "folded")
_SAME = {torch.float64: 1e-6, torch.float32: 1e-4}  # of the largest logit; half precision rounds far coarser
_SAME_IN_HALF = 5e-2


def prune(subject: Subject, mask: Mask, *, gqa: str = "groups") -> Subject:
    """A new Subject whose model lacks the weights of the heads that ``mask`` cuts; its logits are the masked ones.

    ``subject`` and its model are untouched, and no weights are shared with them. The result can be scored, masked,
    evaluated, saved (`hv.save_pruned`) and pruned again; a layer may lose all of its heads, and then ``heads`` says 0.
    Its ``cut`` is the mask over the heads of the whole model, over all prunings, with the record of the last one.
    ``gqa`` ("groups", "exact", "folded") is for models that share keys and values between heads; others do not ask.

    Raises MaskError for a mask of other head counts, one that leaves no head at all, and a cut that weights cannot
    carry (ALBERT: a head that goes in only some uses of its layer); LoadError for a model that cannot be pruned.
    """
    if gqa not in GQA:
        raise MaskError(f"gqa={gqa!r} is not one of {', '.join(GQA)}.")
    cuts = cuts_of_weights(subject.model, mask)
    if not mask.count:
        raise MaskError("The mask cuts every head, and nothing would be left to look at. Keep at least one head.")
    before = kept_heads(subject.model.config) or [list(range(heads)) for heads in mask.heads]
    kept = [[heads[head] for head in np.flatnonzero(row)] for heads, row in zip(before, mask.keep, strict=True)]
    cut = _over_the_whole(subject, mask, before)
    name = f"{cut.provenance['model']['name']}-{cut.count}-of-{sum(cut.heads)}-heads"
    model = assemble(_config(subject, kept), _weights(subject.model, cuts), subject.torch_dtype, name)
    pruned = Subject.wrap(model.to(subject.device), subject.processor, name=name, task=subject.task)
    _require_same_logits(subject, mask, pruned)
    notes = [note for note in subject.notes if subject.cut is None or note != cut_note(subject.cut)]
    return replace(pruned, cut=cut, notes=(*notes, cut_note(cut)))


def _over_the_whole(subject: Subject, mask: Mask, before: list[list[int]]) -> Mask:
    """``mask``, which counts the heads of ``subject``, as one over the heads of the whole model; ``before``: what each
    layer of ``subject`` has of them."""
    latest, whole = mask_of_subject(mask, subject), subject.cut
    if whole is None:
        return latest
    keep = np.zeros_like(whole.keep)
    for layer, head in np.argwhere(mask.keep):
        keep[layer, before[layer][head]] = True
    record, earlier = latest.provenance, whole.provenance
    record["model"] = {"name": subject.name, **earlier.pop("model", {}), "heads": list(whole.heads)}
    if by_hand := record.get("criterion", {}).get("by_hand"):
        places = (parse_head(name) for name in by_hand)
        record["criterion"]["by_hand"] = [head_name(layer, before[layer][head]) for layer, head in places]
    step = {key: earlier[key] for key in ("criterion", "data", "measured", "created") if key in earlier}
    record["before"] = [*earlier.get("before", []), {**step, "kept": whole.count}]
    return Mask(keep, provenance=record)


def _config(subject: Subject, kept: list[list[int]]) -> Any:
    """The configuration of ``subject`` with the heads that are kept."""
    model: Any = subject.model
    values = model.config.to_dict()
    for key in ("model_type", "architectures", "auto_map", "transformers_version"):
        values.pop(key, None)
    return model_classes()[subject.family].config_class.from_dict({**values, "kept_heads": kept})


@torch.no_grad()
def _weights(model: nn.Module, cuts: list[tuple[int, list[int]]]) -> dict[str, Tensor]:
    """Copies of all weights by name, on the CPU, those of the cut heads left out; ``cuts`` as `cuts_of_weights`."""
    uses = family_of(model).uses(model)
    names = {id(module): name for name, module in model.named_modules()}
    weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}
    for layer, gone in cuts:
        use = uses[layer]
        stays = torch.ones(use.heads, use.head_size, dtype=torch.bool)
        stays[gone] = False
        rows = stays.flatten()
        for part in (use.query, use.key, use.value):
            for name in ("weight", "bias"):
                full = f"{names[id(part)]}.{name}"
                if full in weights:
                    weights[full] = weights[full][rows]
        full = f"{names[id(use.output)]}.weight"
        weights[full] = weights[full][:, rows]
    return weights


@torch.no_grad()
def _require_same_logits(subject: Subject, mask: Mask, pruned: Subject) -> None:
    """Raises LoadError where two texts get other logits from the pruned model than from the masked one: the forward
    pass of ``subject`` is then not that of its family."""
    inputs = subject.encode([(text,) for text in PROBE_TEXTS]).batch(np.arange(len(PROBE_TEXTS))).inputs
    masked = subject.forward(inputs, gates=subject.gates(mask.keep)).float()
    difference = (pruned.forward(inputs).float() - masked).abs().max()
    if not difference <= _SAME.get(subject.torch_dtype, _SAME_IN_HALF) * max(1.0, float(masked.abs().max())):
        raise LoadError(
            f"{subject.name} ({type(subject.model).__name__}) gives other logits once its heads are cut out than when "
            "they are masked, so it is not what its family says. Save it with hv.save_masked instead."
        )
