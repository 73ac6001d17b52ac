"""4. Latent vectors three ways: the mean, one draw, and the average of draws.

A VAE's encoder gives a Gaussian q(z|x) for each image, not a point. `encode` takes a code from it
as its mean (what `transform` gives), as one draw, or as the average of some draws.

Goal: the three ways with their shapes and their distances to the mean. One draw stands
sqrt(sum_d sigma_d^2) from the mean in the root mean square, the average of L draws 1/sqrt(L) of
that; the measured distances must be those.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import torch
from common import Example, batches

from latentry import VAE
from latentry.report import figures

AVERAGES = (10, 100, 1000)


def show(example: Example, vae: VAE, x: np.ndarray, draws: int = 10) -> None:
    """A few digits: the decoded draws, between the decoded mean and average."""
    decoded = [vae.inverse_transform(vae.encode(x))]
    decoded += [vae.inverse_transform(vae.encode(x, "sample", seed=k)) for k in range(draws - 2)]
    decoded.append(vae.inverse_transform(vae.encode(x, "average", draws=100)))
    picture = figures.image_grid(np.stack([x, *decoded], 1), name="three-codes")
    picture.caption = (
        f"From left to right: a test digit; decoded from the mean of its posterior; from"
        f" {draws - 2} single draws; from the average of 100 draws."
    )
    example.show(picture)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("04_three_codes", __doc__, argv)
    train, test = example.digits()
    vae = VAE(
        latent=20, hidden=400, net="mlp", likelihood="bernoulli", epochs=example.pick(10, 2),
        valid=0, random_state=0,
    )  # fmt: skip
    with example.timed("training"):
        vae.fit(train.x)
    example.used("VAE", vae)
    x = test.x[: example.pick(2000, 100)]
    with example.timed("encoding"):
        mean = vae.encode(x)
        ways = [("mean", 0, mean), ("one draw", 1, vae.encode(x, "sample"))]
        ways += [(f"average of {n:,}", n, vae.encode(x, "average", draws=n)) for n in AVERAGES]
    with torch.inference_mode():
        variance = torch.cat([vae.model_.encode(b).variance.sum(1) for b in batches(vae, x)])
    spread = float(variance.mean().sqrt())
    rows = []
    for name, draws, codes in ways:
        distance = float(np.sqrt(((codes - mean) ** 2).sum(1).mean()))
        expected = spread / draws**0.5 if draws else 0.0
        rows.append((name, str(codes.shape), distance, expected))
    columns = ("code", "shape", "distance to the mean (RMS)", "expected")
    example.table("Three ways to take a code", columns, rows)
    off = max(abs(found / expected - 1) for *_, found, expected in rows if expected)
    limit = example.pick(2, 20) / 100
    example.measured("largest deviation from the expected distance", off, "share", at_most=limit)
    example.measured("spread of the means", float(np.sqrt(mean.var(0).sum())), "latent units (RMS)")
    show(example, vae, test.x[:4])
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
