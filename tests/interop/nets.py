"""What nets_*.py share: writes a net as interop.py reads it."""

import json
import traceback
from pathlib import Path

import numpy as np

# numpy types as infer.wasm calls them.
TYPES = {"float16": "f16", "float32": "f32", "float64": "f64", "int64": "i64", "int32": "i32",
         "uint8": "u8", "int8": "bytes", "bool": "bytes"}


def write(out, exporter, name, export, inputs, outputs, tolerance=1e-4):
    """Exports one net by `export(path of the model)`.

    `inputs` and `outputs` are numpy arrays in the model's order; `outputs` is what the framework itself
    computes from `inputs`. An exception in the exporter is kept as this net's failure.
    """
    folder = Path(out) / f"{name}.{exporter}"
    folder.mkdir()
    net = {"name": name, "exporter": exporter, "tolerance": tolerance}
    try:
        export(str(folder / "model.onnx"))
    except Exception as error:  # whatever an exporter throws: the other nets go on
        traceback.print_exc()
        net["failed"] = f"{type(error).__name__}: {error}".splitlines()[0]
    else:
        net["inputs"] = [_write_input(folder / f"input{i}", np.asarray(value))
                         for i, value in enumerate(inputs)]
        net["outputs"] = [_write_output(folder / f"output{i}", np.asarray(value))
                          for i, value in enumerate(outputs)]
    (folder / "net.json").write_text(json.dumps(net, indent=1) + "\n")
    print(f"{exporter}: {name}", flush=True)


def _write_input(path, value):
    header = " ".join([TYPES[value.dtype.name], *map(str, value.shape)])
    path.write_bytes(header.encode() + b"\n" + np.ascontiguousarray(value).tobytes())
    return {"dtype": value.dtype.name, "shape": value.shape}


def _write_output(path, value):
    path.write_bytes(np.ascontiguousarray(value).tobytes())
    return {"name": path.name, "dtype": value.dtype.name, "shape": value.shape}
