"""Physical pruning: a smaller model without the weights of the cut heads, whose logits are those of the masked one.

A head's rows of query, key and value go, with their biases, and its columns of the output projection; the output
projection's bias stays, as it does under a gate of 0. All other weights are copies of the whole model's.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headviz.checkpoint import assemble, cut_notes, heads_with_weights, zeroed_heads
from headviz.errors import LoadError, MaskError
from headviz.families import AttentionUse, family_of
from headviz.families.layout import Layout, layout_of
from headviz.mask import Mask
from headviz.mask.heads import in_whole
from headviz.mask.origin import WITH_NAMES, block, prunings, renamed
from headviz.pruned_modeling import model_classes
from headviz.saving import cuts_of_weights, mask_of_subject
from headviz.subject import Subject

_SAME = {torch.float64: 1e-6, torch.float32: 1e-4}  # of the largest logit; half precision rounds far coarser
_SAME_IN_HALF = 5e-2
_NOT_SMALLER = (
    "No weights are gone: every cut head shares its key and value with one that is kept, or was to keep its shape. "
    'gqa="exact" takes the weights of each cut head.'
)
_LARGER = (
    "There are more weights than before: keys and values are repeated, since groups are left with unequal numbers of "
    'heads. gqa="groups" repeats none.'
)


def prune(subject: Subject, mask: Mask, *, gqa: str = "groups") -> Subject:
    """A new Subject whose model lacks the weights of the heads that ``mask`` cuts; its logits are the masked ones.

    ``subject`` and its model are untouched, and no weights are shared with them. The result can be scored, masked,
    evaluated, saved (`hv.save_pruned`) and pruned again; a layer may lose all of its heads, and then ``heads`` says 0.
    Its ``cut`` is the mask over the heads of the whole model, over all prunings, with the record of the last one.
    ``gqa`` is for layers whose heads share keys and values, others do not ask: "groups" frees whole groups, and heads
    that are cut in a group of which others live stay as zeros; "exact" takes each cut head, and repeats keys and values
    where groups are left unequal; "folded" keeps all shapes, with zeros. `pruned_bytes` says before what each gives;
    ``zeroed`` of the result, its ``cut.provenance`` and its notes say which heads are there as zeros.

    Raises MaskError for a mask of other head counts, one that leaves no head at all, and a cut that weights cannot
    carry (ALBERT: a head that goes in only some uses of its layer); LoadError for a model that cannot be pruned.
    """
    cuts_of_weights(subject.model, mask)  # says where mask and weights do not fit
    left, before = without_zeroed(subject, mask), _before(subject)
    if not left.count:
        raise MaskError("The mask cuts every head, and nothing would be left to look at. Keep at least one head.")
    uses = family_of(subject.model).uses(subject.model)
    layouts = [layout_of(use, left.keep[layer, : use.heads], gqa) for layer, use in enumerate(uses)]
    cut = _over_the_whole(subject, left, before)
    name = f"{cut.provenance['model']['name']}-{cut.count}-of-{sum(cut.heads)}-heads"
    if subject.cut is not None and cut == subject.cut:  # the same model, which may have been recovered meanwhile
        name = subject.name
    config = _config(subject, layouts, before)
    weights = _weights(subject.model, layouts, [layer for layer, _ in cuts_of_weights(subject.model, left)])
    try:
        model = assemble(config, weights, subject.torch_dtype, name)
    except LoadError as error:
        if why := subject.unlike_a_folder():
            raise LoadError(f"{subject.name} {why}, so its heads can be masked, but not cut out.") from error
        raise
    if model.can_generate():  # what stands beside its configuration
        model.generation_config = copy.deepcopy(subject.model.generation_config)
    pruned = Subject.wrap(model.to(subject.device), subject.processor, name=name, task=subject.task)
    _require_same_logits(subject, mask, pruned)
    notes = _notes(subject, mask, pruned, cut)
    return replace(pruned, cut=_with_grouping(cut, uses, pruned, gqa), notes=notes, stored=subject.stored)


def without_zeroed(subject: Subject, mask: Mask) -> Mask:
    """``mask`` less the heads of ``subject`` that an earlier cut left in the weights as zeros."""
    if not subject.zeroed:
        return mask
    keep, before = mask.keep.copy(), _before(subject)
    for layer, heads in enumerate(zeroed_heads(subject.model.config) or []):
        keep[layer, [before[layer].index(head) for head in heads]] = False
    record = mask.provenance
    return Mask(keep, provenance={**record, "model": {**record.get("model", {}), "heads": list(mask.heads)}})


def _before(subject: Subject) -> list[list[int]]:
    """For each layer the heads that it has, as the whole model counted them."""
    return heads_with_weights(subject.model.config) or [list(range(heads)) for heads in subject.heads]


def _with_grouping(cut: Mask, uses: list[AttentionUse], pruned: Subject, gqa: str) -> Mask:
    """``cut`` with the record of what became of shared keys and values, where there were any."""
    if all(use.group == 1 for use in uses):
        return cut
    return cut.with_provenance(grouped={"gqa": gqa, "zeroed": list(pruned.zeroed)})


def _notes(subject: Subject, mask: Mask, pruned: Subject, cut: Mask) -> tuple[str, ...]:
    """The sentences of ``subject`` on anything but its cut, and those of ``pruned`` on its own."""
    told = [] if subject.cut is None else [*cut_notes(subject.cut, subject.model.config), _NOT_SMALLER, _LARGER]
    notes = [note for note in subject.notes if note not in told]
    notes += cut_notes(cut, pruned.model.config)
    if mask.pruned and pruned.parameters >= subject.parameters:
        notes.append(_NOT_SMALLER if pruned.parameters == subject.parameters else _LARGER)
    return tuple(notes)


def _over_the_whole(subject: Subject, mask: Mask, before: list[list[int]]) -> Mask:
    """``mask``, which counts the heads of ``subject``, as one over the heads of the whole model; ``before``: what each
    layer of ``subject`` has of them."""
    latest, whole = mask_of_subject(mask, subject), subject.cut
    latest = latest.with_provenance(name=None, stored=None)  # which are of a folder's model; a mask may have its own
    measured, on = latest.provenance.get("measured"), block(latest.provenance.get("measured_on"))
    if measured and latest.pruned:
        latest = latest.with_provenance(measured_on={"after": "masking", **on})
    if whole is None:
        return latest
    if mask.count == whole.count:  # nothing more is cut, so nothing chose it
        after = "recovery" if whole.provenance.get("recovery") else "cutting"
        return whole.with_provenance(measured=measured, measured_on={"after": after, **on}) if measured else whole
    keep = np.zeros_like(whole.keep)
    for layer, head in np.argwhere(mask.keep):
        keep[layer, before[layer][head]] = True
    record, earlier = latest.provenance, whole.provenance
    record["model"] = {"name": subject.name, **earlier.pop("model", {}), "heads": list(whole.heads)}
    names = in_whole(subject.heads, before)
    record |= {key: renamed(record[key], names) for key in WITH_NAMES if key in record}
    record.pop("recovery", None)  # which a mask of a recovered model has, too: it is that of the pruning before
    record["before"] = prunings(earlier, whole.count)
    return Mask(keep, provenance=record)


def _config(subject: Subject, layouts: list[Layout], before: list[list[int]]) -> Any:
    """The configuration of ``subject`` with the heads of ``layouts``; ``before`` as for `_over_the_whole`."""
    model: Any = subject.model
    values = model.config.to_dict()
    for key in ("model_type", "architectures", "auto_map", "transformers_version"):
        values.pop(key, None)
    pruned = model_classes(subject.task_definition.auto)[subject.family]
    places = list(zip(layouts, before, strict=True))
    values["kept_heads"] = [[row[head] for head in one.heads if head not in one.zeroed] for one, row in places]
    if hasattr(pruned.config_class, "key_value_heads"):
        keys = model.config.key_value_heads if subject.cut is not None else None
        keys = keys or [list(range(model.config.num_key_value_heads))] * len(layouts)
        values["zeroed_heads"] = [[row[head] for head in one.zeroed] for one, row in places]
        values["key_value_heads"] = [[row[key] for key in one.keys] for one, row in zip(layouts, keys, strict=True)]
    config = pruned.config_class.from_dict(values)
    config.architectures = [pruned.__name__]
    return config


@torch.no_grad()
def _weights(model: nn.Module, layouts: list[Layout], cut: list[int]) -> dict[str, Tensor]:
    """Copies of all weights by name, on the CPU, those of the layers ``cut`` as ``layouts`` want them."""
    uses = family_of(model).uses(model)
    names = {id(module): name for name, module in model.named_modules()}
    weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}
    for layer in cut:
        use, layout = uses[layer], layouts[layer]
        heads, keys = _places(layout.heads, use.head_size), _places(layout.keys, use.head_size)
        outgoing, incoming = (1, 0) if use.transposed else (0, 1)
        for module, parts in use.inputs():
            rows = torch.cat([use.rows(part).start + (heads if part == "query" else keys) for part in parts])
            name = names[id(module)]
            weights[f"{name}.weight"] = weights[f"{name}.weight"].index_select(outgoing, rows)
            if f"{name}.bias" in weights:
                weights[f"{name}.bias"] = weights[f"{name}.bias"][rows]
        name = f"{names[id(use.output)]}.weight"
        weights[name].index_fill_(incoming, _places(layout.zeroed, use.head_size), 0)
        weights[name] = weights[name].index_select(incoming, heads)
    return weights


def _places(heads: list[int], size: int) -> Tensor:
    """The rows, or columns, of ``heads`` of ``size``, one head after the other."""
    return (torch.tensor(heads, dtype=torch.long)[:, None] * size + torch.arange(size)).flatten()


@torch.no_grad()
def _require_same_logits(subject: Subject, mask: Mask, pruned: Subject) -> None:
    """Raises LoadError where two inputs get other logits from the pruned model than from the masked one: the forward
    pass of ``subject`` is then not that of its family."""
    probes = subject.encode(subject.task_definition.probes(subject.processor))
    inputs = probes.batch(np.arange(len(probes))).inputs
    masked = subject.forward(inputs, gates=subject.gates(mask.keep)).float()
    difference = (pruned.forward(inputs).float() - masked).abs().max()
    if not difference <= _SAME.get(subject.torch_dtype, _SAME_IN_HALF) * max(1.0, float(masked.abs().max())):
        raise LoadError(
            f"{subject.name} ({type(subject.model).__name__}) gives other logits once its heads are cut out than when "
            "they are masked, so it is not what its family says. Its heads can be masked, but not cut out."
        )
