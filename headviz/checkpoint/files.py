"""The safetensors files of a model folder: which they are, whether they are whole, and their fingerprint.

Only headers are interpreted here; neither torch nor safetensors is needed. The layout of a file: 8 bytes with the
header's length (little-endian), the header (JSON: tensor name -> dtype, shape, data_offsets), then the tensors' bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from headviz.checkpoint.contents import instead_of_weights, names_in
from headviz.errors import LoadError
from headviz.stand_ins import stand_in_for_weights, start_of

if TYPE_CHECKING:
    import torch

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_LONGEST_HEADER = 100_000_000  # the limit of safetensors itself
_CHUNK = 1 << 20
# bits of one number, by the names of the safetensors format
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


class Entry(NamedTuple):
    """One tensor of a safetensors file; ``start`` and ``stop`` are byte positions in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def weight_files(folder: Path, name: str) -> list[Path]:
    """The safetensors files that hold the weights in ``folder``, in the order of the index where there is one.

    ``name`` is what messages call the model. LoadError when there is no safetensors file, or when the index is broken
    or names a file that is missing or lies outside the folder.
    """
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if (folder / INDEX).is_file():
        return _shards(folder, name)
    raise LoadError(f"{name} {instead_of_weights(names_in(folder), single=SINGLE)}.")


def _shards(folder: Path, name: str) -> list[Path]:
    broken = f"{INDEX} of {name} is not a usable index"
    try:
        places = json.loads((folder / INDEX).read_text("utf-8"))["weight_map"]
        files = list(dict.fromkeys(places.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LoadError(f"{broken}. Save or download the model again.") from error
    for file in files:
        if not isinstance(file, str) or not file.endswith(".safetensors") or Path(file).name != file or "\\" in file:
            raise LoadError(f"{broken}: {file!r} is not the name of a safetensors file in the same folder.")
        if not (folder / file).is_file():
            raise LoadError(f"{name} lacks the weight file {file} that its index names. Download or save it again.")
    if not files:
        raise LoadError(f"{broken}: it names no file. Save or download the model again.")
    held = {file: read_header(folder / file, name) for file in files}
    for tensor, file in places.items():
        if tensor not in held[file]:
            raise LoadError(f"{INDEX} of {name} says that {file} holds {tensor}, which is not there. Save it again.")
    return [folder / file for file in files]


def read_header(path: Path, name: str) -> dict[str, Entry]:
    """Tensor name -> `Entry`, in the file's order. LoadError unless header and file length agree to the byte."""
    if what := stand_in_for_weights(start_of(path)):
        raise LoadError(f"{path.name} of {name} {what}")
    try:
        return _read_header(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error) if isinstance(error, _Corrupt) else "it is not a safetensors file"
        raise LoadError(f"{path.name} of {name} is damaged: {reason}. Download or save it again.") from error


class _Corrupt(ValueError):
    """A safetensors file that breaks its own rules; the message is the end of a sentence."""


def _read_header(path: Path) -> dict[str, Entry]:
    length = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise _Corrupt("it is empty" if length == 0 else f"it has only {length} bytes")
        (header_length,) = struct.unpack("<Q", start)
        if header_length > _LONGEST_HEADER:
            raise _Corrupt("it is not a safetensors file")
        if 8 + header_length > length:
            raise _Corrupt(f"it ends within its header, after {length:,} bytes")
        header = json.loads(file.read(header_length).decode("utf-8"))
    entries, first = {}, 8 + header_length
    for tensor, about in header.items():
        if tensor == "__metadata__":
            continue
        shape, (begin, end) = tuple(about["shape"]), about["data_offsets"]
        if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
            raise _Corrupt(f"its header gives {tensor} an impossible shape")
        if math.prod(shape) * _BITS[about["dtype"]] != 8 * (end - begin):
            raise _Corrupt(f"its header contradicts itself about {tensor}")
        entries[tensor] = Entry(about["dtype"], shape, first + begin, first + end)
    _check_places(entries, first, length)
    return entries


def _check_places(entries: dict[str, Entry], first: int, length: int) -> None:
    """Tensors must fill the file without gap, overlap or end."""
    at = first
    for entry in sorted(entries.values(), key=lambda entry: (entry.start, entry.stop)):
        if entry.start != at:
            raise _Corrupt("its tensors overlap or leave gaps")
        at = entry.stop
    if at > length:
        raise _Corrupt(f"it was cut short, {length:,} of {at:,} bytes are there")
    if at < length:
        raise _Corrupt(f"it is {length - at:,} bytes longer than its header says")


def weights_fingerprint(folder: Path | str, name: str | None = None) -> str:
    """16 hex digits of SHA-256 over the weights of a model folder.

    What is hashed: for every tensor its name, dtype, shape and bytes, in the order in which names stand in the file's
    header; of several files, one after the other in the index's order. The same numbers in another dtype are other
    weights. LoadError as `weight_files` and `read_header`.
    """
    folder = Path(folder)
    name = folder.name if name is None else name
    digest = hashlib.sha256()
    for path in weight_files(folder, name):
        entries = read_header(path, name)
        with path.open("rb") as file:
            for tensor, entry in entries.items():
                digest.update(_announce(tensor, entry.dtype, entry.shape))
                for chunk in _chunks(file, entry):
                    digest.update(chunk)
    return digest.hexdigest()[:16]


def _chunks(file: Any, entry: Entry) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(_CHUNK, max(entry.stop - entry.start, 1))))
    file.seek(entry.start)
    left = entry.stop - entry.start
    while left > 0:
        count = file.readinto(buffer[:left])
        if not count:
            raise LoadError(f"{Path(file.name).name} became shorter while it was read. Load the model again.")
        yield buffer[:count]
        left -= count


def _announce(tensor: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    return json.dumps([tensor, dtype, list(shape)]).encode()


def state_fingerprint(model: torch.nn.Module) -> str:
    """The fingerprint of a model in memory: what `weights_fingerprint` gives for it after ``save_pretrained``.

    That holds where save_pretrained writes one file under the model's own tensor names; the dtype is the one in memory.
    A tensor with several names (tied weights) counts once. Order: wider dtypes first, then by name, as safetensors
    writes it.
    """
    import torch

    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    named, seen = {}, set()
    for name, tensor in model.state_dict().items():
        place = (tensor.device, tensor.data_ptr(), tuple(tensor.shape), tensor.stride())
        if name in tied or (tensor.numel() and place in seen):
            continue
        seen.add(place)
        named[name] = tensor
    digest = hashlib.sha256()
    for name in sorted(named, key=lambda name: (-named[name].element_size(), name)):
        tensor = named[name].detach().cpu().contiguous()
        digest.update(_announce(name, _dtype_name(tensor.dtype), tuple(tensor.shape)))
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _dtype_name(dtype: torch.dtype) -> str:
    """torch.float32 -> "F32", as safetensors calls it."""
    text = str(dtype).removeprefix("torch.")
    if text == "bool":
        return "BOOL"
    for long, short in (("bfloat", "BF"), ("float", "F"), ("uint", "U"), ("int", "I"), ("complex", "C")):
        if text.startswith(long):
            return short + text.removeprefix(long).upper()
    return text.upper()
