"""Peak memory of a pass, by hand on two layers, and on models against what torch's own allocator tells its profiler."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import headviz as hv
from headviz.cost import made_texts
from headviz.peak_memory import peak_memory
from tests.tiny import tiny_model


def of(forward: Any, model: nn.Module | None = None) -> Any:
    """A subject of which nothing but the pass is needed."""
    model = nn.Module() if model is None else model
    return SimpleNamespace(device="cpu", model=model, forward=forward)


def test_peak_is_the_two_largest_neighbours_of_two_layers() -> None:
    """Ten rows of float32: 16 numbers a row after the first layer and 16 after the ReLU are held at once."""
    layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    subject = of(lambda inputs: layers(inputs["x"]), layers)
    assert peak_memory(subject, {"x": torch.zeros(10, 8)}) == 10 * (16 + 16) * 4


def test_views_and_what_is_written_in_place_take_nothing() -> None:
    def forward(inputs: dict[str, Tensor]) -> Tensor:
        doubled = inputs["x"] * 2  # 80 numbers
        return doubled.view(40, 2).transpose(0, 1).add_(1).relu_()

    assert peak_memory(of(forward), {"x": torch.zeros(10, 8)}) == 80 * 4


def test_what_is_given_back_is_not_counted_twice() -> None:
    def forward(inputs: dict[str, Tensor]) -> Tensor:
        for _ in range(20):
            total = (inputs["x"] * 2).sum()
        return total

    assert peak_memory(of(forward), {"x": torch.zeros(100, dtype=torch.float64)}) == 8 * (100 + 1 + 1)


@pytest.mark.parametrize("family", ["bert", "distilbert", "albert"])
def test_model_takes_what_the_allocator_says(family: str, tmp_path: Path) -> None:
    """Short of what a kernel takes for itself, a few bytes in these."""
    subject = hv.Subject.wrap(*tiny_model(family), name="tiny")
    for texts, tokens in ((1, 5), (4, 20)):
        inputs = made_texts(subject, texts, tokens)
        all_of_it = allocated(subject, inputs, tmp_path / "trace.json")
        assert all_of_it - 64 <= peak_memory(subject, inputs) <= all_of_it


def allocated(subject: hv.Subject, inputs: dict[str, Tensor], trace: Path) -> int:
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        subject.forward(inputs)
    profiler.export_chrome_trace(str(trace))
    events = [event for event in json.loads(trace.read_text())["traceEvents"] if event.get("name") == "[memory]"]
    total = most = 0
    for event in sorted(events, key=lambda event: event["ts"]):
        total += event["args"]["Bytes"]
        most = max(most, total)
    return most


def test_where_the_feed_forward_part_needs_most_heads_save_nothing_of_a_pass() -> None:
    whole = hv.Subject.wrap(*tiny_model("bert", inner=512), name="tiny")
    mask = hv.Mask.full(whole)
    pruned = hv.prune(whole, mask.with_(always=[name for name in mask.kept if not name.endswith("H0")]))
    inputs = made_texts(whole, 4, 20)
    assert peak_memory(pruned, inputs) == peak_memory(whole, inputs) >= 2 * 4 * 20 * 512 * 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_takes_what_its_allocator_says() -> None:
    """Ten rows of 128 numbers are 5,120 bytes, which CUDA's allocator gives in blocks of 512."""
    layers = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 128)).cuda()
    subject = of(lambda inputs: layers(inputs["x"]), layers)
    subject.device = "cuda:0"
    inputs = {"x": torch.zeros(10, 8, device="cuda")}
    peak_memory(subject, inputs)  # cuBLAS takes its workspace
    assert peak_memory(subject, inputs) == 2 * 5120
