"""Keras 3 on JAX: layers, `compile` and `fit`, which compiles the step with XLA.

The images are float32 in memory before the clock starts; the rate is added to the loss by a layer.
"""

from __future__ import annotations

import os
import time

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from common import BATCH, HIDDEN, LATENT, PIXELS, RATE, arguments, images, report
from keras import ops


class Sample(keras.layers.Layer):
    """A draw from q(z | x), from its mean and log variance side by side; adds KL(q || p)."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.noise = keras.random.SeedGenerator(seed)

    def call(self, both):
        mean, log_variance = ops.split(both, 2, axis=-1)
        kl = -0.5 * ops.sum(1 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1)
        self.add_loss(ops.mean(kl))
        eps = keras.random.normal(ops.shape(mean), seed=self.noise)
        return mean + ops.exp(0.5 * log_variance) * eps


def distortion(x, logits):
    """-log p(x | z), (B,), in nats."""
    return ops.sum(ops.softplus(logits) - x * logits, axis=-1)


def build(seed: int) -> keras.Model:
    """784-400-20-400-784."""
    return keras.Sequential(
        [
            keras.Input((PIXELS,)),
            keras.layers.Dense(HIDDEN, activation="relu"),
            keras.layers.Dense(2 * LATENT),
            Sample(seed),
            keras.layers.Dense(HIDDEN, activation="relu"),
            keras.layers.Dense(PIXELS),
        ]
    )


class Clock(keras.callbacks.Callback):
    """The seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def main() -> None:
    args = arguments(__doc__)
    keras.utils.set_random_seed(args.seed)

    def pixels(split: str) -> np.ndarray:
        return images(args, split).reshape(-1, PIXELS).astype("float32") / 255

    start = time.perf_counter()
    x, clock = pixels("train"), Clock()
    model = build(args.seed)
    model.compile(keras.optimizers.Adam(RATE), distortion)
    setup = time.perf_counter() - start
    model.fit(x, x, batch_size=BATCH, epochs=args.epochs, verbose=0, callbacks=[clock])
    held = pixels("test")
    bound = float(model.evaluate(held, held, batch_size=BATCH, verbose=0))
    report(clock.seconds, bound, setup, "keras", "jax")


if __name__ == "__main__":
    main()
