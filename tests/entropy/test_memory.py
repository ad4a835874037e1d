"""Peak memory of a call over its inputs, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

_GROWTH = """
import sys, torch
import headviz as hv
from headviz.entropy import attention_with_entropy
torch.set_num_threads(1)
q, k, v = (torch.randn(1, 4, int(sys.argv[1]), 64) for _ in range(3))
small = [x[:, :, :256] for x in (q, k, v)]
hv.attention_entropy(small[0], small[1]); attention_with_entropy(*small)
def memory(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # forget the peak so far
before = memory("VmRSS")
assert memory("VmHWM") - before < 16, "something before the call already used the memory"
{call}
print(memory("VmHWM") - before)
"""


def _growth_in_mib(call: str, tokens: int) -> float:
    code = _GROWTH.replace("{call}", call)
    done = subprocess.run([sys.executable, "-c", code, str(tokens)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_over_the_inputs_is_far_below_the_matrix() -> None:
    # The matrix would be 256 MiB, the centred keys and one output are 4 each.
    assert _growth_in_mib("hv.attention_entropy(q, k)", 4096) < 24


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_over_the_inputs_for_16384_tokens_is_that_of_the_keys_and_one_output() -> None:
    # 16 MiB each, where the matrix would be 4,096 MiB.
    assert _growth_in_mib("hv.attention_entropy(q, k)", 16384) < 64


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "call",
    [
        "hv.attention_entropy(q, k, method='tiled')",
        "hv.attention_entropy(q, k, order=2, causal=True)",
        "attention_with_entropy(q, k, v)",
    ],
)
def test_memory_of_tiles_over_the_inputs_does_not_grow_with_the_matrix(call: str) -> None:
    # The matrix would be 1,024 MiB, the output is 8.
    assert _growth_in_mib(call, 8192) < 32
