"""The exported mask as a few lines of code: with headviz, and with torch and transformers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headviz.errors import MaskError
from headviz.mask import head_name

if TYPE_CHECKING:
    from headviz.data import Data
    from headviz.families import AttentionUse
    from headviz.mask import Mask
    from headviz.subject import Subject

# A pruned folder's classes are in the folder. Without this, transformers asks for the tokenizer too, and waits.
_TRUST = ", trust_remote_code=True"


def with_headviz(source: str, revision: str | None, data: Data, data_source: str | None) -> str:
    """Opens the model and the mask, and measures. ``data_source``: how the data is opened, None for a file of the
    reader's."""
    at = f", revision={revision!r}" if revision else ""
    split = f", split={data.split!r}" if data.split and data_source else ""
    labels = f", labels={data.labels_option!r}" if data.labels_option is not None else ""
    return f"""import headviz as hv

subject = hv.load({source!r}{at})
mask = hv.Mask.open("mask.json", subject)
print(mask.pruned)

data = hv.load_data({(data_source or "PATH/TO/DATA")!r}{split}{labels})
before = hv.evaluate(subject, data)
now = hv.evaluate(subject, data, mask)
print("accuracy", now.metrics["accuracy"], "before", before.metrics["accuracy"])
"""


def with_transformers(source: str, revision: str | None, subject: Subject, mask: Mask, *, pair: bool = False) -> str:
    """Zeroes the cut heads' columns of the output projections; needs torch and transformers alone. ``pair``: the model
    takes two texts."""
    texts = _texts(pair)
    at = f", revision={revision!r}" if revision else ""
    cut = "".join(f"    {name!r}: {heads},\n" for name, heads in _cut_columns(subject, mask).items())
    use = _uses(subject)[0]
    # a Conv1D keeps its weights transposed, as a linear layer does not
    columns = f"weight.view(-1, {use.head_size}, weight.shape[1])[heads]"
    if not use.transposed:
        columns = f"weight.view(weight.shape[0], -1, {use.head_size})[:, heads]"
    trust = "" if subject.cut is None else _TRUST
    return f"""import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

source = {source!r}
tokenizer = AutoTokenizer.from_pretrained(source{at}{trust})
model = AutoModelForSequenceClassification.from_pretrained(source{at}{trust}, dtype=torch.float32).eval()

# output projection of each layer: heads that are cut, counted from 0
cut = {{
{cut}}}
with torch.no_grad():
    for name, heads in cut.items():
        weight = model.get_submodule(name).weight
        {columns} = 0
    logits = model(**tokenizer({texts}, return_tensors="pt")).logits
print(model.config.id2label[logits.argmax(-1).item()])
"""


def masked_folder(path: str, pair: bool) -> str:
    """Opens a masked folder with transformers alone."""
    return _with_auto_classes(path, pair, "")


def pruned_folder(path: str, pair: bool) -> str:
    """Opens a pruned folder with transformers alone, which asks to trust the modelling file in it."""
    return _with_auto_classes(path, pair, _TRUST)


def _with_auto_classes(path: str, pair: bool, trust: str) -> str:
    return f"""from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = {path!r}
tokenizer = AutoTokenizer.from_pretrained(folder{trust})
model = AutoModelForSequenceClassification.from_pretrained(folder{trust}).eval()
logits = model(**tokenizer({_texts(pair)}, return_tensors="pt")).logits
print(model.config.id2label[logits.argmax(-1).item()])
"""


def onnx_file(path: str, pair: bool) -> str:
    """Runs an ONNX file; the tokenizer is the model's own."""
    return f"""import onnxruntime
from transformers import AutoTokenizer

session = onnxruntime.InferenceSession({path!r})
tokenizer = AutoTokenizer.from_pretrained("PATH/TO/MODEL")
inputs = tokenizer({_texts(pair)}, return_tensors="np")
names = {{one.name for one in session.get_inputs()}}
(logits,) = session.run(["logits"], {{name: array for name, array in inputs.items() if name in names}})
print(logits.argmax(-1))
"""


def _texts(pair: bool) -> str:
    return '"A first text.", "And a second."' if pair else '"A text to classify."'


def _cut_columns(subject: Subject, mask: Mask) -> dict[str, list[int]]:
    """Qualified name of an output projection -> the heads cut in it. Raises MaskError where uses of it differ."""
    names = {id(module): name for name, module in subject.model.named_modules()}
    cut: dict[str, list[int]] = {}
    for layer, use in enumerate(_uses(subject)):
        name = names[id(use.output)]
        heads = [head for head in range(mask.heads[layer]) if not mask.keep[layer, head]]
        if name in cut and cut[name] != heads:
            head = sorted(set(cut[name]) ^ set(heads))[0]
            raise MaskError(
                f"{head_name(layer, head)} is cut in only some of the uses of its layer's weights, which weights "
                f"cannot "
                "carry. Use the form with headviz, or cut the head in every layer that shares them."
            )
        cut[name] = heads
    return {name: heads for name, heads in cut.items() if heads}


def _uses(subject: Subject) -> list[AttentionUse]:
    from headviz.families import family_of

    return family_of(subject.model).uses(subject.model)
