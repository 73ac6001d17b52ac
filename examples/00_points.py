"""0. Points in the plane: four numbers, and two moons.

The smallest data there are: the numbers [[1, 2], [3, 4]] as two samples of two features, given as
a nested list; then 2,000 points of two interleaved half circles.

Goal: both can be fitted, reconstructed and sampled, and the learned density stands beside the
data. For comparison, the log-likelihood of fresh points under the model is held against that of
one Gaussian and of a kernel density estimate.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from common import Example
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from latentry import VAE, load_data
from latentry.report import figures

BANDWIDTH = 0.03
"""Of the kernel density estimate: the best on the fresh points of 0.02, 0.03 and so on to 0.1."""


def four_numbers(example: Example) -> None:
    """Two samples, fitted as they are."""
    x = [[1, 2], [3, 4]]
    vae = VAE(
        latent=1, likelihood="gaussian:sigma=0.1", hidden=16, lr=1e-2,
        epochs=example.pick(1000, 20), valid=0, random_state=0,
    )  # fmt: skip
    with example.timed("training on four numbers"):
        vae.fit(x)
    example.used("four numbers", vae)
    again, new = vae.reconstruct(x), vae.sample(4, seed=0)
    rows = [[f"sample {i + 1}", *map(float, a), *map(float, b)]
            for i, (a, b) in enumerate(zip(x, again, strict=True))]  # fmt: skip
    example.table(
        "Four numbers: data and reconstruction", ("", "x1", "x2", "x1 again", "x2 again"), rows
    )
    drawn = [[f"draw {i + 1}", *map(float, row)] for i, row in enumerate(new)]
    example.table("Four numbers: draws from the model", ("", "x1", "x2"), drawn)
    error = np.abs(again - np.array(x)).max()
    example.measured("four numbers: largest error of a reconstruction", error, "units of x")


def two_moons(example: Example) -> None:
    """A density over the plane."""
    data, fresh = load_data("two-moons"), load_data("two-moons:test")
    vae = VAE(
        latent=2, hidden=(128, 128), batch_size=100, epochs=example.pick(300, 2),
        schedule="cosine", valid=0, random_state=0,
    )  # fmt: skip
    with example.timed("training on two moons"):
        vae.fit(data.x)
    example.used("two moons", vae)
    with example.timed("scoring fresh points"):
        nll = vae.evaluate(fresh.x, draws=example.pick(1000, 10))["nll"]
    gaussian = GaussianMixture(1, random_state=0).fit(data.x)
    kernels = KernelDensity(bandwidth=BANDWIDTH).fit(data.x)
    unit = "nats for each point"
    example.measured("two moons: -log p of fresh points, VAE", nll, unit)
    example.measured("two moons: the same, one Gaussian", -gaussian.score(fresh.x), unit)
    kde = -kernels.score(fresh.x) / len(fresh.x)
    example.measured("two moons: the same, kernel density estimate", kde, unit)
    example.show(figures.reconstructions(vae, data.x), "moons-reconstructions")
    example.show(figures.samples(vae, x=data.x), "moons-samples")
    example.show(figures.density(vae, data.x), "moons-density")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("00_points", __doc__, argv)
    four_numbers(example)
    two_moons(example)
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
