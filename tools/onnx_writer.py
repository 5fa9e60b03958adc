"""Writes ONNX model files with nothing but the standard library.

Only what the project's converters need: one graph, float32 initializers, and integer, integer
list and float attributes. Field numbers are those of onnx.proto3.
"""

from __future__ import annotations

import array
import struct
import sys
from typing import Iterable, Sequence, Union

_FLOAT = 1  # TensorProto.DataType.FLOAT
_IR_VERSION = 8

Dim = Union[int, str]
Attribute = Union[int, float, Sequence[int]]


def _varint(value: int) -> bytes:
    """A protobuf varint; negative numbers take the 64-bit two's complement, as int64 does."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _message(field: int, payload: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _string(field: int, text: str) -> bytes:
    return _message(field, text.encode("utf-8"))


def _packed(field: int, values: Iterable[int]) -> bytes:
    return _message(field, b"".join(map(_varint, values)))


def _attribute(name: str, value: Attribute) -> bytes:
    """AttributeProto: name 1, f 2, i 3, ints 8, type 20."""
    if isinstance(value, float):
        return _string(1, name) + _float(2, value) + _integer(20, 1)
    if isinstance(value, int):
        return _string(1, name) + _integer(3, value) + _integer(20, 2)
    return _string(1, name) + _packed(8, value) + _integer(20, 7)


def _value_info(name: str, dims: Sequence[Dim], dtype: int) -> bytes:
    """ValueInfoProto of a tensor; a dimension is a number or a symbol."""
    shape = b"".join(
        _message(1, _string(2, d) if isinstance(d, str) else _integer(1, d)) for d in dims
    )
    tensor_type = _integer(1, dtype) + _message(2, shape)
    return _string(1, name) + _message(2, _message(1, tensor_type))


class ModelWriter:
    """Collects one graph's parts, in order, and serialises them. Nodes must come sorted."""

    def __init__(self, graph_name: str, opset: int, producer: str) -> None:
        self._graph_name = graph_name
        self._opset = opset
        self._producer = producer
        self._nodes: list[bytes] = []
        self._initializers: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def add_input(self, name: str, dims: Sequence[Dim], dtype: int = _FLOAT) -> None:
        """`dtype`: a TensorProto.DataType."""
        self._inputs.append(_message(11, _value_info(name, dims, dtype)))

    def add_output(self, name: str, dims: Sequence[Dim], dtype: int = _FLOAT) -> None:
        self._outputs.append(_message(12, _value_info(name, dims, dtype)))

    def add_initializer(self, name: str, dims: Sequence[int], values: Iterable[float]) -> str:
        """Adds a float32 constant, given in row-major order, and returns its name."""
        data = array.array("f", values)
        count = 1
        for dim in dims:
            count *= dim
        if len(data) != count:
            raise ValueError(f"initializer {name!r}: {len(data)} values for shape {list(dims)}")
        if sys.byteorder == "big":
            data.byteswap()
        tensor = _packed(1, dims) + _integer(2, _FLOAT) + _string(8, name)
        self._initializers.append(_message(5, tensor + _message(9, data.tobytes())))
        return name

    def add_node(
        self, op_type: str, inputs: Sequence[str], output: str, **attributes: Attribute
    ) -> str:
        """Adds a node with one output, named as its output, and returns that name."""
        node = b"".join(_string(1, name) for name in inputs)
        node += _string(2, output) + _string(3, output) + _string(4, op_type)
        for name, value in sorted(attributes.items()):
            node += _message(5, _attribute(name, value))
        self._nodes.append(_message(1, node))
        return output

    def to_bytes(self) -> bytes:
        graph = b"".join(self._nodes) + _string(2, self._graph_name)
        graph += b"".join(self._initializers + self._inputs + self._outputs)
        opset_import = _string(1, "") + _integer(2, self._opset)
        return (
            _integer(1, _IR_VERSION)
            + _string(2, self._producer)
            + _message(7, graph)
            + _message(8, opset_import)
        )
