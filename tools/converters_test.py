"""Tests of the tools that make the demo's files.

Run: python3 -m unittest discover -s tools -p "*_test.py"
"""

import array
import collections
import io
import json
import os
import pickle
import struct
import unittest

import make_efficientnet
import make_labels
import onnx_writer
import torch_legacy


class _Storage:
    """What persistent_id turns into a reference to a storage."""

    def __init__(self, key, numel):
        self.reference = ("storage", _Named("torch", "FloatStorage"), key, "cpu", numel, None)


class _Named:
    """A class or function of that name, which need not exist here."""

    def __init__(self, module, name):
        self.module = module
        self.name = name


class _Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, collections.OrderedDict())


class _Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.function = function
        self.arguments = arguments

    def __reduce__(self):
        return self.function, self.arguments


class _Pickler(pickle._Pickler):  # The Python one: its save() can be overridden.
    def persistent_id(self, obj):
        return obj.reference if isinstance(obj, _Storage) else None

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, _Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, _Tensor):
            self.save(_Named("torch._utils", "_rebuild_tensor_v2"))
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def _legacy_file(state, storages):
    """The bytes that torch.save would write: five pickles, then the storages."""
    out = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, state, list(storages)):
        _Pickler(out, protocol=2).dump(part)
    for values in storages.values():
        out.write(struct.pack("<q", len(values)) + array.array("f", values).tobytes())
    return out.getvalue()


class TorchLegacyTest(unittest.TestCase):
    def test_reads_a_tensor_in_row_major_order(self):
        storage = _Storage("0", 7)
        data = _legacy_file(
            {"plain": _Tensor(storage, 1, (2, 3), (3, 1)),
             "transposed": _Tensor(storage, 1, (3, 2), (1, 3)),
             "scalar": _Tensor(storage, 0, (), ())},
            {"0": [9, 1, 2, 3, 4, 5, 6]},
        )
        weights = torch_legacy.load_state_dict(data)
        self.assertEqual(weights["plain"].shape, (2, 3))
        self.assertEqual(list(weights["plain"].values), [1, 2, 3, 4, 5, 6])
        self.assertEqual(list(weights["transposed"].values), [1, 4, 2, 5, 3, 6])
        self.assertEqual(list(weights["scalar"].values), [9])

    def test_refuses_every_name_that_it_does_not_need(self):
        data = _legacy_file({"x": _Call(os.getenv, "HOME")}, {})
        with self.assertRaisesRegex(torch_legacy.FormatError, "refused to unpickle .*getenv"):
            torch_legacy.load_state_dict(data)

    def test_refuses_a_tensor_outside_its_storage(self):
        for offset, shape, strides in [(0, (4,), (1,)), (0, (2,), (3,)), (-1, (1,), (1,)),
                                       (0, (2, 2), (1,)), (0, (1000000, 2), (0, 1))]:
            data = _legacy_file(
                {"x": _Tensor(_Storage("0", 3), offset, shape, strides)}, {"0": [1, 2, 3]})
            with self.assertRaises(torch_legacy.FormatError, msg=f"{offset} {shape} {strides}"):
                torch_legacy.load_state_dict(data)

    def test_refuses_every_truncation(self):
        data = _legacy_file({"x": _Tensor(_Storage("0", 2), 0, (2,), (1,))}, {"0": [1, 2]})
        for size in range(len(data)):
            with self.assertRaises(torch_legacy.FormatError, msg=f"{size} bytes"):
                torch_legacy.load_state_dict(data[:size])


class OnnxWriterTest(unittest.TestCase):
    def test_writes_what_the_format_says(self):
        model = onnx_writer.ModelWriter("g", opset=17, producer="p")
        model.add_input("x", ["N", 300])
        model.add_output("y", [1])
        model.add_initializer("w", [1], [2.0])
        model.add_node("Op", ["x", "w"], "y", axis=-1, pads=[1, 2], alpha=0.5)
        self.assertEqual(
            model.to_bytes(),
            b"\x08\x08" b"\x12\x01p"  # ir_version, producer
            b"\x3a\x83\x01"  # graph, 131 bytes
            b"\x0a\x46\x0a\x01x\x0a\x01w\x12\x01y\x1a\x01y\x22\x02Op"  # node
            b"\x2a\x0f\x0a\x05alpha\x15\x00\x00\x00\x3f\xa0\x01\x01"
            b"\x2a\x14\x0a\x04axis\x18" + b"\xff" * 9 + b"\x01\xa0\x01\x02"
            b"\x2a\x0d\x0a\x04pads\x42\x02\x01\x02\xa0\x01\x07"
            b"\x12\x01g"
            b"\x2a\x0e\x0a\x01\x01\x10\x01\x42\x01w\x4a\x04\x00\x00\x00\x40"  # initializer
            b"\x5a\x15\x0a\x01x\x12\x10\x0a\x0e\x08\x01"  # input
            b"\x12\x0a\x0a\x03\x12\x01N\x0a\x03\x08\xac\x02"
            b"\x62\x0f\x0a\x01y\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01"  # output
            b"\x42\x04\x0a\x00\x10\x11",  # opset_import
        )

    def test_refuses_values_that_do_not_fill_the_shape(self):
        model = onnx_writer.ModelWriter("g", opset=17, producer="p")
        with self.assertRaises(ValueError):
            model.add_initializer("w", [2, 2], [1.0])


class MakeEfficientnetTest(unittest.TestCase):
    def test_pads_as_tensorflow_does(self):
        self.assertEqual(make_efficientnet.same_padding(224, 3, 2), [0, 0, 1, 1])
        self.assertEqual(make_efficientnet.same_padding(56, 5, 2), [1, 1, 2, 2])
        self.assertEqual(make_efficientnet.same_padding(7, 3, 2), [1, 1, 1, 1])
        self.assertEqual(make_efficientnet.same_padding(14, 5, 1), [2, 2, 2, 2])
        self.assertEqual(make_efficientnet.same_padding(14, 1, 1), [0, 0, 0, 0])

    def test_names_a_missing_weight(self):
        with self.assertRaisesRegex(torch_legacy.FormatError, "_conv_stem.weight"):
            make_efficientnet.Converter({}).convert()


class MakeLabelsTest(unittest.TestCase):
    def test_orders_by_number(self):
        names = {str(i): f"class {i}" for i in reversed(range(1000))}
        self.assertEqual(make_labels.labels_of(json.dumps(names).encode())[10], "class 10")

    def test_refuses_anything_but_the_thousand(self):
        for text in ["[]", "{}", json.dumps({str(i): "x" for i in range(999)}),
                     json.dumps({str(i): "" for i in range(1000)})]:
            with self.assertRaises(ValueError):
                make_labels.labels_of(text.encode())


if __name__ == "__main__":
    unittest.main()
