"""7. Anomalies: trained on nine digits, scored on all ten.

Ten short trainings, each without one digit; in the test set that digit is then the anomaly. Two
scores for each image, higher for the normal: the reconstruction alone, log p(x|z) at the mean
code; and the reconstruction plus the KL, the ELBO (its reconstruction term averaged over draws).

Goal: the area under the ROC curve (AUROC) of both scores for each digit held out. 0.5 is chance. A
digit of little ink, such as 1, is easy to reconstruct for a model that never saw it, and scores
below chance: the likelihood measures how simple an image is before how familiar it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import torch
from common import Example, batches
from sklearn.metrics import roc_auc_score

from latentry import VAE, Dataset
from latentry.core.scores import passes
from latentry.report.figures import image_grid
from latentry.report.picture import DATA, MODEL, MUTED, Picture, canvas, legend, style, title

DRAWS = 16


@torch.inference_mode()
def scores(vae: VAE, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log p(x|z) at the mean code, and the ELBO, (N,) each, in nats."""
    alone, bound = [], []
    for batch in batches(vae, x):
        mean = vae.model_.encode(batch).mean
        alone.append(vae.model_.decode(mean).log_prob(batch))
        parts = list(passes(vae.model_, batch, None, DRAWS, seed=0))
        distortion = torch.cat([r.distortion for r in parts]).mean(0)
        bound.append(-distortion - parts[0].rate)
    return torch.cat(alone).cpu().numpy(), torch.cat(bound).cpu().numpy()


def without(train: Dataset, digit: int, example: Example) -> VAE:
    """A model that has never seen the digit."""
    vae = VAE(
        latent=20, hidden=400, net="mlp", likelihood="bernoulli", epochs=example.pick(6, 2),
        batch_size=128, valid=0, random_state=digit,
    )  # fmt: skip
    return vae.fit(train.x[train.labels != digit])


def bars(rows: list[tuple[str, float, float]]) -> Picture:
    """Both scores for each digit."""
    picture = canvas("auroc", "AUROC", 2.6)
    ax = style(picture.add_subplot(), "digit held out", "AUROC")
    title(ax, "How well the digit that was held out is told from the others")
    ax.grid(False, axis="x")
    at = np.arange(len(rows))
    for shift, column, colour, name in (
        (-0.2, 1, DATA, "reconstruction"),
        (0.2, 2, MODEL, "reconstruction + KL"),
    ):
        ax.bar(at + shift, [row[column] for row in rows], 0.38, color=colour, label=name)
    ax.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    ax.set_xticks(at, [row[0] for row in rows])
    ax.set_ylim(0, 1)
    legend(picture, loc="outside lower center", ncols=2)
    picture.caption = (
        "Area under the ROC curve for each digit held out, by the reconstruction alone and by the"
        " ELBO; the dashed line is chance."
    )
    return picture


def strangest(found: dict[int, np.ndarray], test: Dataset, each: int = 10) -> Picture:
    """The test images of lowest ELBO under each model."""
    grid = np.stack([test.x[np.argsort(score)[:each]] for score in found.values()])
    picture = image_grid(grid, [f"without {k}" for k in found], name="strangest")
    picture.caption = (
        f"The {each} test images of lowest ELBO under each of the models, one row for each."
    )
    return picture


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("07_anomaly", __doc__, argv)
    train, test = example.digits()
    assert train.labels is not None
    assert test.labels is not None
    rows, found = [], {}
    with example.timed("ten trainings and scorings"):
        for digit in range(10):
            vae = without(train, digit, example)
            alone, bound = scores(vae, test.x)
            normal = test.labels != digit
            auroc = [float(roc_auc_score(normal, score)) for score in (alone, bound)]
            rows.append((str(digit), *auroc))
            found[digit] = bound
            example.used("each VAE, here without 9", vae)
            print(f"  without {digit}: {auroc[0]:.3f} and {auroc[1]:.3f}", flush=True)
    columns = ("digit held out", "reconstruction alone", "reconstruction plus KL")
    example.table("AUROC", columns, rows)
    for name, column in (("reconstruction alone", 1), ("reconstruction plus KL", 2)):
        mean = float(np.mean([row[column] for row in rows]))
        example.measured(f"mean AUROC, {name}", mean, "1 is perfect, 0.5 chance")
    example.show(bars(rows))
    example.show(strangest(found, test))
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
