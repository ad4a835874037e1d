"""How fast is the scoring pass, against plain training arithmetic and against the well-known way?

On MiniLM fine-tuned on SST-5 and 256 training examples, tokenising included, in one run:

- ours: ``hv.score``, gate gradients and attention entropy of every head for every example.
- plain: one forward and one backward pass with parameter gradients under sdpa, over the same batches; no scores.
- known: what scripts do since Michel et al. (2019): eager attention, ``output_attentions``, batches of one example,
  loss.backward() with a gate per head (so parameter gradients too), |gate gradient|, entropy from the stored maps.
- known_128: the same with every text padded to 128 tokens, as such scripts do.

transformers 5 has no ``head_mask`` any more, so the gates of the known way stand in an attention function of their own.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from measure import arguments, interleave, ratio, report, shared
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask
from transformers.models.bert.modeling_bert import eager_attention_forward

import headviz as hv
from headviz.labels import match_labels

EXAMPLES = 256


class KnownWay:
    """HIS and attention entropy as scripts compute them: one example at a time, eager, stored maps."""

    def __init__(self, model: Any, processor: Any, layers: int, heads: int) -> None:
        self._gates = torch.ones(layers, heads, requires_grad=True)
        AttentionInterface.register("known-way", self._attention)
        AttentionMaskInterface.register("known-way", eager_mask)
        model.set_attn_implementation("known-way")
        self._model, self._processor = model, processor

    def _attention(self, module: Any, *args: Any, **options: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        output, weights = eager_attention_forward(module, *args, **options)
        return output * self._gates[module.layer_idx][None, None, :, None], weights

    def __call__(
        self, texts: list[str], labels: np.ndarray, length: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        his, entropy = torch.zeros_like(self._gates), torch.zeros_like(self._gates)
        padding = {"padding": "max_length", "max_length": length} if length else {}
        for text, label in zip(texts, labels, strict=True):
            inputs = self._processor(text, truncation=True, return_tensors="pt", **padding)
            self._model.zero_grad()
            self._gates.grad = None
            output = self._model(**inputs, output_attentions=True)
            torch.nn.functional.cross_entropy(output.logits, torch.tensor([int(label)])).backward()
            assert self._gates.grad is not None
            his += self._gates.grad.abs()
            tokens = int(inputs["attention_mask"].sum())
            for layer, maps in enumerate(output.attentions):
                rows = -torch.xlogy(maps.detach(), maps.detach()).sum(-1)[0, :, :tokens]
                entropy[layer] += rows.mean(-1) / np.log(tokens)
        return (his / len(texts)).detach().numpy(), (entropy / len(texts)).detach().numpy()


def main() -> bool:
    args = arguments(__doc__)
    folder = shared()
    subject = hv.load(folder / "models" / "minilm-sst5")
    other = hv.load(folder / "models" / "minilm-sst5")
    data = hv.load_data(folder / "data" / "sst5" / "train.tsv", limit=EXAMPLES)
    texts, labels = [text for (text,) in data.inputs], match_labels(data, subject.labels)

    def plain() -> None:
        other.model.zero_grad()
        for batch in other.encode(data.inputs).batches():
            targets = torch.as_tensor(labels[batch.indices])
            loss = torch.nn.functional.cross_entropy(other.model(**batch.inputs).logits, targets, reduction="sum")
            loss.backward()

    third = hv.load(folder / "models" / "minilm-sst5")
    known = KnownWay(third.model, third.processor, *subject.shape)
    scores = hv.score(subject, data)
    for his, ae in (known(texts, labels), known(texts, labels, 128)):
        np.testing.assert_allclose(scores.his, his, rtol=1e-4)
        np.testing.assert_allclose(scores.ae, ae, atol=1e-5)
    print(f"equal answers on {EXAMPLES} examples: HIS within 1e-4 relative, AE within 1e-5", file=sys.stderr)

    times = interleave(
        {
            "ours": lambda: hv.score(subject, data),
            "plain": plain,
            "known": lambda: known(texts, labels),
            "known_128": lambda: known(texts, labels, 128),
        },
        args.repeat,
    )
    ratios = [
        ratio(times, "ours", "plain", target=0.72, better="lower"),
        ratio(times, "known", "ours", target=3.8, better="higher"),
        ratio(times, "known_128", "ours", target=8.0, better="higher"),
    ]
    seconds = {name: {"wall": each.wall, "cpu": each.cpu} for name, each in times.items()}
    return report("scoring", ratios, args.json, seconds=seconds, examples=EXAMPLES, model="MiniLM fine-tuned on SST-5")


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
