"""Reads float tensors from a file of torch.save's legacy (non-zip) format, without torch.

The file is five pickles (magic number, protocol version, facts about the writing machine, the
object, the keys of its storages) and then each storage: its element count as int64, and its raw
elements. Unpickling can run code, so the unpickler here knows the few names that a state dict
needs and refuses every other.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import io
import math
import pickle
import struct
import sys
from typing import Any

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_STORAGE_TYPES = {"FloatStorage": "f", "LongStorage": "q"}


class FormatError(ValueError):
    """The file is not what this reader understands; the message says where."""


@dataclasses.dataclass
class _Storage:
    typecode: str
    numel: int
    values: array.array = dataclasses.field(default_factory=lambda: array.array("f"))


@dataclasses.dataclass
class Tensor:
    """A tensor's shape and its strided view of a storage."""

    shape: tuple[int, ...]
    _strides: tuple[int, ...]
    _storage: _Storage
    _offset: int

    @property
    def values(self) -> array.array:
        """The elements in row-major order, whatever order the storage has them in."""
        source = self._storage.values
        offsets = [self._offset]
        for dim, stride in zip(self.shape, self._strides):
            offsets = [base + i * stride for base in offsets for i in range(dim)]
        return array.array(source.typecode, [source[i] for i in offsets])


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_unused: Any,
) -> Tensor:
    """torch._utils._rebuild_tensor_v2; the rest of its arguments matter to training only."""
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise FormatError(f"a tensor of shape {list(shape)} is malformed")
    last = offset + sum((dim - 1) * stride for dim, stride in zip(shape, strides))
    if math.prod(shape) > storage.numel or last >= storage.numel:
        raise FormatError(f"a tensor of shape {list(shape)} does not fit its storage")
    return Tensor(tuple(shape), tuple(strides), storage, offset)


class _StorageType:
    """Stands for torch.FloatStorage and its kin, which are pickled by name."""

    def __init__(self, typecode: str) -> None:
        self.typecode = typecode


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BufferedIOBase, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGE_TYPES:
            return _StorageType(_STORAGE_TYPES[name])
        raise FormatError(f"refused to unpickle {module}.{name}: a state dict needs no such name")

    def persistent_load(self, pid: Any) -> _Storage:
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise FormatError("an unknown kind of persistent object")
        _, storage_type, key, _, numel, *view = pid
        if any(part is not None for part in view):
            raise FormatError(f"storage {key!r} is a view of another, which is not supported")
        if not isinstance(storage_type, _StorageType) or not isinstance(numel, int) or numel < 0:
            raise FormatError(f"storage {key!r} is malformed")
        return self._storages.setdefault(str(key), _Storage(storage_type.typecode, numel))


def _read_storage(file: io.BufferedIOBase, key: str, storage: _Storage) -> None:
    header = file.read(8)
    if len(header) != 8:
        raise FormatError(f"the file ends before storage {key!r}")
    (numel,) = struct.unpack("<q", header)
    if numel != storage.numel:
        raise FormatError(f"storage {key!r} has {numel} elements where {storage.numel} were named")
    values = array.array(storage.typecode)
    raw = file.read(numel * values.itemsize)
    if len(raw) != numel * values.itemsize:
        raise FormatError(f"the file ends inside storage {key!r}")
    values.frombytes(raw)
    if sys.byteorder == "big":
        values.byteswap()
    storage.values = values


def load_state_dict(data: bytes) -> dict[str, Tensor]:
    """The tensors of a pickled state dict by name. Raises FormatError on anything else."""
    file = io.BytesIO(data)
    storages: dict[str, _Storage] = {}
    try:
        magic, version, _machine, state, keys = (
            _Unpickler(file, storages).load() for _ in range(5)
        )
    except (pickle.UnpicklingError, EOFError, IndexError, TypeError, ValueError) as error:
        raise FormatError(f"not a legacy torch file: {error}") from error
    if magic != _MAGIC_NUMBER or version != _PROTOCOL_VERSION:
        raise FormatError("not a legacy torch file: wrong magic number or version")
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise FormatError("the file does not hold a dict of tensors")
    if not isinstance(keys, list) or {str(key) for key in keys} != set(storages):
        raise FormatError("the file's list of storages does not match its tensors")
    for key in keys:
        _read_storage(file, str(key), storages[str(key)])
    return dict(state)
