"""Parts of the study about the edges: what was never seen, and codes wider than the input."""

from __future__ import annotations

import numpy as np
from study_common import PCA, Study, condition_of, eight_bit, flat, grey, labels
from study_models import HELD_OUT_ROWS, NARROW

from latentry.evaluation.detection import anomaly_scores, auroc
from latentry.evaluation.latents import knn_accuracy, linear_probe
from latentry.evaluation.reconstruction import mse, psnr
from latentry.report.figures import image_grid
from latentry.report.picture import CLASSES, MUTED, Picture, canvas, legend, style, title

WAYS = (
    "PCA, squared error",
    "AE, squared error",
    "VAE, squared error",
    "VAE, reconstruction",
    "VAE, reconstruction + KL",
    "VAE, KL alone",
)


# --------------------------------------------------------------------------------------- anomalies


def strangeness(study: Study, k: int) -> dict[str, np.ndarray]:
    """The scores of all test images by those who never saw class k, larger for stranger."""
    x = study.test.x
    seen = study.train.x[:HELD_OUT_ROWS][labels(study.train)[:HELD_OUT_ROWS] != k]
    ae, vae = study.models[f"AE without {k}"], study.models[f"VAE without {k}"]
    found = [mse(grey(x), grey(m.reconstruct(x))) for m in (PCA(seen, NARROW), ae, vae)]
    found += [anomaly_scores(vae, x, how) for how in ("reconstruction", "reconstruction+kl", "kl")]
    return dict(zip(WAYS, found, strict=True))


def anomalies(study: Study) -> None:
    """How well a class that was never seen is told from the nine that were."""
    y = labels(study.test)
    rows = []
    for k, name in enumerate(study.names):
        scores = strangeness(study, k)
        rows.append((name, *(auroc(score, y == k) for score in scores.values())))
    rows.append(("mean", *(float(np.mean([r[i + 1] for r in rows])) for i in range(len(WAYS)))))
    study.table("anomalies", ("class held out", *WAYS), rows)
    study.show(bars(rows))


def bars(rows: list[tuple]) -> Picture:
    """The scores for each class."""
    picture = canvas("anomalies", "AUROC", 3.0, 6.4)
    ax = style(picture.add_subplot(), "class held out", "AUROC")
    title(ax, "How well the class that was held out is told from the others")
    ax.grid(False, axis="x")
    chosen = (0, 1, 3, 4, 5)
    at = np.arange(len(rows))
    for i, way in enumerate(chosen):
        heights = [row[way + 1] for row in rows]
        ax.bar(at + 0.16 * (i - 2), heights, 0.15, color=CLASSES[i], label=WAYS[way])
    ax.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    names = [row[0].replace(" ", "\n") for row in rows]
    ax.set_xticks(at, names)
    ax.set_ylim(0, 1)
    legend(picture, loc="outside lower center", ncols=3)
    picture.caption = (
        "Area under the ROC curve for each class held out, by five scores; the dashed line is"
        " chance."
    )
    return picture


# --------------------------------------------------------------------------------------- wide codes


def strange_images(x: np.ndarray) -> dict[str, np.ndarray]:
    """Images that are no digits or clothes, for a test of copying."""
    rng = np.random.default_rng(0)
    order = rng.permutation(x[0].size)
    return {
        "shuffled pixels": x.reshape(len(x), -1)[:, order].reshape(x.shape),
        "inverted": 255 - x,
        "noise": rng.integers(0, 256, x.shape).astype(np.uint8),
    }


def left_over(x: np.ndarray, again: np.ndarray) -> float:
    """Squared error over the images' own variance: 0 is a copy, 1 no better than a flat grey."""
    a, b = flat(x), flat(again)
    return float(((a - b) ** 2).sum() / ((a - a.mean(1, keepdims=True)) ** 2).sum())


def wide(study: Study) -> None:
    """Codes wider than the input beside narrow ones, in nets without a narrower layer."""
    x, y = study.test.x, labels(study.test)
    few = x[: study.pick(2000, 100)]
    strange = strange_images(few)
    known, asked = study.pick(3000, 300), study.pick(2000, 200)
    rows, shown = [], {name: [images[:5]] for name, images in strange.items()}
    wide_ones = {name: est for name, est in study.models.items() if name[-1].isdigit()}
    for name, est in ((n, e) for n, e in wide_ones.items() if " without " not in n):
        again = {what: est.reconstruct(images) for what, images in strange.items()}
        found = est.evaluate(x, draws=1, condition=condition_of(est, study.test))
        codes = est.transform(study.train.x[:known]), est.transform(x[:asked])
        both = codes[0], labels(study.train)[:known], codes[1], y[:asked]
        noisy = eight_bit(grey(few) + 0.25 * np.random.default_rng(0).standard_normal(few.shape))
        figures = (
            found["mse"],
            *(left_over(images, again[what]) for what, images in strange.items()),
            float(psnr(grey(few), grey(est.reconstruct(noisy))).mean()),
            knn_accuracy(*both, sizes=(None,))[None],
            linear_probe(*both, sizes=(None,))[None],
            found["active_units"],
            found["rate"],
        )
        rows.append((name, *figures))
        for what, images in again.items():
            shown[what].append(images[:5])
    columns = (
        "model, latent dimensions", "squared error", "left of shuffled", "left of inverted",
        "left of noise", "cleaned of noise 0.25, dB", "kNN", "linear probe", "active units",
        "rate, nats",
    )  # fmt: skip
    study.table("wide", columns, rows)
    grid = np.concatenate([np.stack(shown[what]) for what in ("shuffled pixels", "inverted")], 1)
    picture = image_grid(grid, ["given", *(row[0] for row in rows)], name="copied")
    picture.caption = (
        "Five test images with their pixels in another order and five inverted ones, neither ever"
        " seen in training, and what each model makes of them."
    )
    study.show(picture)
