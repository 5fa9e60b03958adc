"""Keras's and TensorFlow's nets, by tf2onnx, called in each of three ways: nets_tensorflow.py OUT"""

import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf
import tf2onnx
from tensorflow import keras
from tensorflow.keras import layers

import nets

OPSET = 17


def cnn():
    return keras.Sequential([
        layers.Input((16, 16, 3), batch_size=1),
        layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(),
        layers.MaxPooling2D(), layers.DepthwiseConv2D(3, padding="same"),
        layers.UpSampling2D(interpolation="bilinear"), layers.Conv2D(4, 1, activation="swish"),
        layers.GlobalAveragePooling2D(), layers.Dense(5, activation="softmax")])


def gelu(x):
    """By tanh: of the exact one tf2onnx leaves an operator that ONNX does not have."""
    return keras.activations.gelu(x, approximate=True)


def mlp():
    return keras.Sequential([
        layers.Input((10,)), layers.Dense(16, activation=gelu), layers.LayerNormalization(),
        layers.Dense(3, activation="sigmoid")])


def lstm():
    return keras.Sequential([
        layers.Input((7, 6), batch_size=2), layers.LSTM(12, return_sequences=True),
        layers.Bidirectional(layers.LSTM(8)), layers.Dense(2)])


def attention():
    tokens = layers.Input((6,), batch_size=2, dtype="int32")
    x = layers.Embedding(20, 16)(tokens)
    y = layers.MultiHeadAttention(num_heads=2, key_dim=8)(x, x)
    x = layers.LayerNormalization()(x + y)
    return keras.Model(tokens, layers.Dense(20)(x))


def gru():
    """Batch and length are open."""
    return keras.Sequential([
        layers.Input((None, 5)), layers.GRU(6, return_sequences=True), layers.SimpleRNN(4),
        layers.Dense(2)])


def mobile():
    """Depthwise separable convolutions around a residual, any batch."""
    x = image = layers.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(x))
    y = layers.SeparableConv2D(8, 3, padding="same", activation="hard_silu")(x)
    x = layers.Add()([x, y])
    x = layers.Concatenate()([layers.AveragePooling2D(2)(x), layers.MaxPooling2D()(x)])
    return keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))


def decoder():
    """An image out of a vector."""
    return keras.Sequential([
        layers.Input((6,)), layers.Dense(4 * 4 * 3), layers.Reshape((4, 4, 3)),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="elu"),
        layers.UpSampling2D(), layers.ZeroPadding2D(1), layers.Conv2D(1, 3, activation="tanh")])


def text():
    """Convolutions over words, of which 0 is none; two inputs and two outputs."""
    tokens = layers.Input((8,), dtype="int64")
    numbers = layers.Input((3,))
    x = layers.Embedding(20, 6)(tokens)
    mask = keras.ops.cast(tokens != 0, "float32")[..., None]
    x = layers.Conv1D(5, 3, padding="causal", activation="relu")(x * mask)
    x = keras.ops.concatenate([keras.ops.max(x, axis=1), numbers], axis=-1)
    # Keras's own argmax has a Bitcast, which tf2onnx leaves as it is.
    best = layers.Lambda(lambda scores: tf.argmax(scores, axis=-1))
    return keras.Model([tokens, numbers], [layers.Dense(1, activation="sigmoid")(x),
                                           best(layers.Dense(4)(x))])


class Detector(tf.Module):
    """Boxes and scores to those that suppression leaves."""

    def __call__(self, boxes, scores, training):
        order = tf.image.non_max_suppression(boxes, scores, max_output_size=4, iou_threshold=0.4)
        return tf.gather(boxes, order), tf.gather(scores, order)


class Steps(tf.Module):
    """A while loop as the graph has it, until the data say so."""

    def __call__(self, x, training):
        return tf.while_loop(lambda x: tf.reduce_sum(x) < 100.0, lambda x: [x * 1.5 + 1.0], [x])[0]


def outputs_of(result):
    return [value.numpy() for value in (result if isinstance(result, (list, tuple)) else [result])]


def export(out, name, model, inputs, specs=None, tolerance=1e-4):
    """By tf2onnx, of a function; `specs` are the inputs' (shape, type) if the model does not say."""
    known = model.inputs if isinstance(model, keras.Model) else None
    specs = specs or [(value.shape, value.dtype) for value in known]
    signature = [tf.TensorSpec(shape, dtype, name=f"x{i}")
                 for i, (shape, dtype) in enumerate(specs)]
    many = len(inputs) > 1 and known is not None

    @tf.function(input_signature=signature)
    def function(*values):
        return model(list(values), training=False) if many else model(*values, training=False)

    nets.write(out, "tf2onnx", name,
               lambda path: tf2onnx.convert.from_function(
                   function, input_signature=signature, opset=OPSET, output_path=path),
               inputs, outputs_of(function(*map(tf.constant, inputs))), tolerance)


def export_by_keras(out, name, model, inputs, tolerance=1e-4):
    """By Keras's own Model.export, which is tf2onnx's again."""
    nets.write(out, "keras", name,
               lambda path: model.export(path, format="onnx", verbose=False, opset_version=OPSET),
               inputs, outputs_of(model(*inputs, training=False)), tolerance)


def export_by_saved_model(out, name, model, inputs, tolerance=1e-4):
    """Saved, then converted by tf2onnx's command."""
    def by_command(path):
        with tempfile.TemporaryDirectory() as folder:
            model.export(folder, verbose=False)
            subprocess.run([sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder,
                            "--opset", str(OPSET), "--output", path], check=True)
    nets.write(out, "saved-model", name, by_command, inputs,
               outputs_of(model(*inputs, training=False)), tolerance)


def main(out):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    export(out, "cnn", cnn(), [normal(1, 16, 16, 3)])
    export(out, "mlp", mlp(), [normal(4, 10)])
    export(out, "lstm", lstm(), [normal(2, 7, 6)])
    export(out, "attention", attention(), [random.integers(0, 20, (2, 6)).astype(np.int32)])
    export(out, "gru", gru(), [normal(3, 4, 5)])
    export(out, "mobile", mobile(), [normal(2, 16, 16, 3)])
    export(out, "decoder", decoder(), [normal(2, 6)])
    export(out, "text", text(), [random.integers(0, 20, (2, 8)), normal(2, 3)])
    corners = random.random((12, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + random.random((12, 2), np.float32)], axis=1)
    export(out, "detection", Detector(), [boxes, random.random(12, np.float32)],
           specs=[((None, 4), tf.float32), ((None,), tf.float32)])
    export(out, "while", Steps(), [np.ones(3, np.float32)], specs=[((None,), tf.float32)])
    export_by_keras(out, "mobile", mobile(), [normal(2, 16, 16, 3)])
    export_by_keras(out, "mlp", mlp(), [normal(4, 10)])
    export_by_saved_model(out, "cnn", cnn(), [normal(1, 16, 16, 3)])


if __name__ == "__main__":
    main(sys.argv[1])
