"""3. An autoencoder beside a variational one: the same net, 784-500-250-10, the same training.

The AE learns by the mean squared error alone; the VAE (Bernoulli on grey pixels) also by its rate,
which draws its codes towards N(0, I).

Goal: only the VAE's codes fill the space that is drawn from, so that random draws and the path
from a "2" to a "7" look like digits in the VAE and often do not in the AE; and which of them
reconstructs better. Besides the pictures, a classifier of real digits is asked how sure it is of
its answer: it is nearly always sure of a real digit.

The AE has no distribution to draw codes from, so it is given three: the VAE's N(0, I); a Gaussian
with the mean and the standard deviation of each dimension of its codes; and the Gaussian mixture
that `AE.sample` fits to its codes, which mends much of the trouble.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

import numpy as np
from common import Example, as_rows
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from latentry import AE, VAE, Dataset, Estimator
from latentry.report import figures

STEPS = 10
SURE = 0.9


def trained(example: Example, x: np.ndarray) -> tuple[AE, VAE]:
    """Both models, alike in all but the bound and the likelihood."""
    shared = {"latent": 10, "hidden": (500, 250), "net": "mlp", "valid": 0, "random_state": 0}
    shared |= {"epochs": example.pick(20, 5), "batch_size": 128, "lr": 1e-3}
    ae, vae = AE(**shared, likelihood="gaussian"), VAE(**shared, likelihood="bernoulli")
    for name, est in (("AE", ae), ("VAE", vae)):
        with example.timed(f"training the {name}"):
            est.fit(x)
        example.used(name, est)
    return ae, vae


def judge(example: Example, train: Dataset) -> MLPClassifier:
    """A classifier of real digits."""
    sweeps = example.pick(12, 30)
    judge = MLPClassifier((256,), batch_size=200, max_iter=sweeps, random_state=0)
    with example.timed("training a classifier"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the sweeps are few on purpose
        judge.fit(as_rows(train.x), train.labels)
    return judge


def draws(ae: AE, vae: VAE, x: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """N random digits of each kind, from the same standard normal numbers."""
    normal = np.random.default_rng(0).standard_normal((n, vae.latent)).astype(np.float32)
    codes = ae.transform(x)
    return {
        "VAE, N(0, I)": vae.inverse_transform(normal),
        "AE, N(0, I)": ae.inverse_transform(normal),
        "AE, Gaussian of its codes": ae.inverse_transform(codes.mean(0) + codes.std(0) * normal),
        "AE, mixture of its codes": ae.sample(n, seed=0),
    }


def paths(est: Estimator, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Decoded straight lines between the codes of pairs of digits, (pairs, STEPS, H, W)."""
    t = np.linspace(0, 1, STEPS, dtype=np.float32)[None, :, None]
    a, b = est.transform(start)[:, None], est.transform(end)[:, None]
    codes = ((1 - t) * a + t * b).reshape(-1, est.latent)
    return est.inverse_transform(codes).reshape(len(start), STEPS, *start.shape[1:])


def sure(judge: MLPClassifier, images: np.ndarray) -> float:
    """Share of images (..., H, W) of whose digit the classifier is sure."""
    flat = as_rows(images.reshape(-1, *images.shape[-2:]))
    return float((judge.predict_proba(flat).max(1) >= SURE).mean())


def show_draws(example: Example, drawn: dict[str, np.ndarray]) -> None:
    """Ten of each kind, a row for each."""
    picture = figures.image_grid(
        np.stack([images[:10] for images in drawn.values()]), list(drawn), name="draws"
    )
    picture.caption = (
        "Random draws decoded by the VAE, and by the AE with codes drawn from three"
        " distributions; the first three rows share their random numbers. Not picked."
    )
    example.show(picture)


def show_paths(example: Example, along: dict[str, np.ndarray]) -> None:
    """The first pairs, the VAE's path above the AE's."""
    pairs = 3
    rows = [along[name][k] for k in range(pairs) for name in along]
    picture = figures.image_grid(
        np.stack(rows), [*along] * pairs, name="two-to-seven", group=len(along)
    )
    picture.caption = (
        'The first three "2" of the test digits morphed into the first three "7": the decoder at'
        f" {STEPS} even steps between the two codes, in the VAE above and in the AE below."
    )
    example.show(picture)


def show_reconstructions(example: Example, ae: AE, vae: VAE, test: Dataset) -> None:
    """Ten test digits, and what each model makes of them."""
    x = test.x[:10]
    rows = np.stack([x, vae.reconstruct(x), ae.reconstruct(x)])
    picture = figures.image_grid(rows, ["data", "VAE", "AE"], name="reconstructions")
    picture.caption = "The first ten test digits and their reconstructions."
    example.show(picture)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("03_ae_beside_vae", __doc__, argv)
    train, test = example.digits()
    ae, vae = trained(example, train.x)
    classifier = judge(example, train)
    with example.timed("evaluating"):
        for name, est in (("AE", ae), ("VAE", vae)):
            mse = est.evaluate(test.x)["mse"]
            example.measured(f"reconstruction error, {name}", mse, "squared grey value (0 to 1)")
        drawn = draws(ae, vae, train.x, example.pick(2000, 100))
        pairs = example.pick(500, 20)
        twos, sevens = (test.x[test.labels == k] for k in (2, 7))
        ends = twos[:pairs], sevens[:pairs]
        along = {"VAE": paths(vae, *ends), "AE": paths(ae, *ends)}
        rows = [("real test digits", sure(classifier, test.x))]
        rows += [(f"draws: {name}", sure(classifier, images)) for name, images in drawn.items()]
        inside = slice(STEPS // 2 - 2, STEPS // 2 + 2)
        rows += [
            (f"middle of the path from 2 to 7: {name}", sure(classifier, path[:, inside]))
            for name, path in along.items()
        ]
    right = classifier.score(as_rows(test.x), test.labels)
    example.measured("classifier on real test digits", right, "share named rightly")
    columns = ("images", f"share of which the classifier is sure (probability at least {SURE})")
    example.table("How much like digits", columns, rows)
    show_draws(example, drawn)
    show_paths(example, along)
    show_reconstructions(example, ae, vae, test)
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
