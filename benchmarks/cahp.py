"""What does CAHP cost: the choice of heads once signatures are there, and the one pass that takes them?

- small, large: features, t-SNE, medoids for every k and the knee, warm, on random moments: 72 heads x 5,760 features
  (5 classes, grid 24), and 1,024 x 6,912 (3 classes, grid 48) in a process of its own, with the growth of its peak
  resident memory. Both hold two permutations of the labels, as they do by default.
- ours: ``hv.signatures`` with scores on MiniLM fine-tuned on SST-5, 1,000 training examples, tokenising included.
- plain: one forward and one backward pass with parameter gradients under sdpa, over the same batches.
- ours_few, known: the first 128 of these examples. known is what scripts do: eager attention, ``output_attentions``,
  batches of 32 padded to 128 tokens, all maps of a batch stored, and three passes: signatures (each example resized on
  its own), |gate gradient|, entropy. It permutes no labels; ours does.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from measure import Ratio, arguments, interleave, ratio, report, shared
from scoring import KnownWay

import headviz as hv
from headviz.complementarity.presets import SignatureOptions
from headviz.labels import match_labels

EXAMPLES, FEW, LENGTH, BATCH = 1000, 128, 128, 32
SMALL_LIMIT, LARGE_LIMIT = 2.0, 30.0  # s
MEMORY_LIMIT = 1e9  # bytes
_LARGE = "--large"


def random_signatures(layers: int, heads: int, classes: int, grid: int) -> hv.Signatures:
    """Signatures of random moments, as uneven between cells as shares of attention are."""
    rng, n = np.random.default_rng(0), layers * heads
    shape = (3, n, classes, grid, grid)  # the labels, and two permutations
    mean = rng.gamma(1.0, 1 / grid, shape)
    variance = rng.gamma(1.0, 1 / grid**2, shape)
    return hv.Signatures(
        mean=mean[0], variance=variance[0], null_mean=mean[1:], null_variance=variance[1:],
        counts=np.full(classes, 400), lengths=np.full(classes, 25.0),
        classes=tuple(f"class {number}" for number in range(classes)), grid=grid, heads=(heads,) * layers,
        outputs=None, scores=None, notes=(),
        provenance={"model": None, "data": None, "options": {"preset": "headviz", "differs": []}},
    )  # fmt: skip


def large() -> None:
    """Choose among 1,024 heads in this process, and print seconds and bytes as JSON."""
    hv.cahp(random_signatures(2, 12, 3, 8))  # imports, and compiles once
    signatures = random_signatures(32, 32, 3, 48)
    before, start, start_cpu = _peak(), time.perf_counter(), time.process_time()
    k = hv.cahp(signatures).k
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "bytes": _peak() - before, "k": k}))


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class KnownSignatures(KnownWay):
    """Signatures, HIS and entropy as scripts compute them, from stored maps in three passes."""

    def _batches(self, texts: list[str]) -> Iterator[tuple[slice, Any]]:
        for start in range(0, len(texts), BATCH):
            here = slice(start, start + BATCH)
            yield (
                here,
                self._processor(
                    texts[here], truncation=True, return_tensors="pt", padding="max_length", max_length=LENGTH
                ),
            )

    def run(self, texts: list[str], labels: np.ndarray, grid: int) -> tuple[np.ndarray, ...]:
        """Means and variances (N, C, g, g) of the classes, HIS (L, H) and entropy (L, H)."""
        return *self._moments(texts, labels, grid), self._importance(texts, labels), self._entropies(texts)

    @torch.no_grad()
    def _moments(self, texts: list[str], labels: np.ndarray, grid: int) -> tuple[np.ndarray, np.ndarray]:
        pictures = []
        for _, inputs in self._batches(texts):
            maps = self._model(**inputs, output_attentions=True).attentions
            for row, tokens in enumerate(inputs["attention_mask"].sum(1).tolist()):
                query = overlaps(grid, tokens)
                of_layers = [query @ layer[row, :, :tokens, :tokens] @ query.T * tokens / grid for layer in maps]
                pictures.append(torch.cat(of_layers).numpy())
        by_class = [np.stack(pictures)[labels == number] for number in np.unique(labels)]
        means = [found.mean(axis=0, dtype=np.float64) for found in by_class]
        variances = [found.var(axis=0, ddof=1, dtype=np.float64) for found in by_class]
        return np.stack(means, axis=1), np.stack(variances, axis=1)

    def _importance(self, texts: list[str], labels: np.ndarray) -> np.ndarray:
        found = torch.zeros_like(self._gates)
        for text, label in zip(texts, labels, strict=True):
            inputs = self._processor(
                text, truncation=True, return_tensors="pt", padding="max_length", max_length=LENGTH
            )
            self._model.zero_grad()
            self._gates.grad = None
            torch.nn.functional.cross_entropy(self._model(**inputs).logits, torch.tensor([int(label)])).backward()
            assert self._gates.grad is not None
            found += self._gates.grad.abs()
        return (found / len(texts)).detach().numpy()

    @torch.no_grad()
    def _entropies(self, texts: list[str]) -> np.ndarray:
        found = torch.zeros_like(self._gates)
        for _, inputs in self._batches(texts):
            for layer, maps in enumerate(self._model(**inputs, output_attentions=True).attentions):
                rows = -torch.xlogy(maps, maps).sum(-1)
                for row, tokens in enumerate(inputs["attention_mask"].sum(1).tolist()):
                    found[layer] += rows[row, :, :tokens].mean(-1) / np.log(tokens)
        return (found / len(texts)).numpy()


def overlaps(grid: int, tokens: int) -> torch.Tensor:
    """(grid, tokens): which share of each g-th of a text each token covers; rows sum to 1."""
    edges, marks = torch.arange(grid + 1) / grid, torch.arange(tokens + 1) / tokens
    low = torch.maximum(edges[:-1, None], marks[None, :-1])
    high = torch.minimum(edges[1:, None], marks[None, 1:])
    return (high - low).clamp(min=0) * grid


def main() -> bool:
    args = arguments(__doc__, repeat=3)
    small = random_signatures(6, 12, 5, 24)
    chosen = interleave({"small": lambda: hv.cahp(small).k}, args.repeat)["small"]
    runs = [_large_in_its_own_process() for _ in range(args.repeat)]

    folder = shared()
    subject, other, third = (hv.load(folder / "models" / "minilm-sst5", device="cpu") for _ in range(3))
    data, few = (hv.load_data(folder / "data" / "sst5" / "train.tsv", limit=n) for n in (EXAMPLES, FEW))
    labels = match_labels(data, subject.labels)
    texts, few_labels = [text for (text,) in few.inputs], match_labels(few, subject.labels)

    def plain() -> None:
        other.model.zero_grad()
        for batch in other.encode(data.inputs).batches():
            targets = torch.as_tensor(labels[batch.indices])
            loss = torch.nn.functional.cross_entropy(other.model(**batch.inputs).logits, targets, reduction="sum")
            loss.backward()

    known = KnownSignatures(third.model, third.processor, *subject.shape)
    signatures = hv.signatures(subject, few)
    scores = signatures.scores
    assert scores is not None
    ours = (signatures.mean, signatures.variance, scores.his, scores.ae)
    for mine, theirs in zip(ours, known.run(texts, few_labels, signatures.grid), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
    print(f"equal answers on {FEW} examples: means, variances, HIS and entropy within 1e-4", file=sys.stderr)

    times = interleave(
        {
            "ours": lambda: hv.signatures(subject, data),
            "plain": plain,
            "ours_few": lambda: hv.signatures(subject, few),
            "known": lambda: known.run(texts, few_labels, signatures.grid),
        },
        args.repeat,
    )
    ratios = [
        Ratio("small/2 s", [took / SMALL_LIMIT for took in chosen.wall], target=1.0),
        Ratio("large/30 s", [run["seconds"] / LARGE_LIMIT for run in runs], target=1.0),
        Ratio("large/30 s (cpu)", [run["cpu"] / LARGE_LIMIT for run in runs]),
        Ratio("large/1 GB", [run["bytes"] / MEMORY_LIMIT for run in runs], target=1.0),
        ratio(times, "ours", "plain", target=1.3, better="lower"),
        ratio(times, "known", "ours_few", target=4.0, better="higher"),
        Ratio("ours/plain (cpu)", ratio(times, "ours", "plain", clock="cpu").values),
        Ratio("known/ours_few (cpu)", ratio(times, "known", "ours_few", clock="cpu").values),
    ]
    seconds = {name: {"wall": each.wall, "cpu": each.cpu} for name, each in times.items()}
    return report(
        "cahp", ratios, args.json, seconds=seconds, small=vars(chosen), large=runs, examples=EXAMPLES, few=FEW,
        options=vars(SignatureOptions()), model="MiniLM fine-tuned on SST-5",
    )  # fmt: skip


def _large_in_its_own_process() -> dict[str, float]:
    ran = subprocess.run([sys.executable, __file__, _LARGE], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    seconds = f"{found['seconds']:.1f} s, {found['cpu']:.1f} s of the processor"
    print(f"1,024 heads: {seconds}, {found['bytes'] / 1e6:.0f} MB", file=sys.stderr)
    return found


if __name__ == "__main__":
    if sys.argv[1:] == [_LARGE]:
        large()
    else:
        sys.exit(0 if main() else 1)
