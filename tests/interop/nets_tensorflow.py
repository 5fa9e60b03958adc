"""Keras's nets on TensorFlow, by tf2onnx: nets_tensorflow.py OUT"""

import sys

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


def export(out, name, model, x, tolerance=1e-4):
    expected = model(x, training=False).numpy()
    signature = [tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype, name="x")]

    @tf.function(input_signature=signature)
    def function(x):
        return model(x, training=False)

    nets.write(out, "tf2onnx", name,
               lambda path: tf2onnx.convert.from_function(
                   function, input_signature=signature, opset=OPSET, output_path=path),
               [x], [expected], tolerance)


def main(out):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    export(out, "cnn", cnn(), random.standard_normal((1, 16, 16, 3)).astype(np.float32))
    export(out, "mlp", mlp(), random.standard_normal((4, 10)).astype(np.float32))
    export(out, "lstm", lstm(), random.standard_normal((2, 7, 6)).astype(np.float32))
    export(out, "attention", attention(), random.integers(0, 20, (2, 6)).astype(np.int32))


if __name__ == "__main__":
    main(sys.argv[1])
