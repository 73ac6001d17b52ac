"""How training went, and how much each latent dimension carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import LatentryError
from .picture import ACCENT, DATA, INK, MODEL, MUTED, NORMAL, Picture, canvas, legend, style, title
from .picture import whole_numbers as whole

PANELS = (
    ("Loss", "loss", "valid_bound"),
    ("Distortion (reconstruction term)", "distortion", "valid_distortion"),
    ("Rate (KL from posterior to prior)", "rate", "valid_rate"),
)


def loss_curves(history: Any) -> Picture:
    """Loss, distortion and rate over the epochs, in nats per sample.

    history: the `history_` of an estimator, or its rows (dicts).
    """
    rows: Sequence[Mapping[str, Any]] = getattr(history, "rows", history)
    if not rows:
        raise LatentryError("the history has no epochs; fit the model for at least one.")
    epochs = _column(rows, "epoch")
    known = [p for p in PANELS if np.isfinite(_column(rows, p[1])).any()]
    # Without a rate the distortion is the loss itself.
    panels = [p for p in known if len(known) == 3 or p[1] == "loss"]
    picture = canvas("loss", "Training", 0.5 + 1.3 * len(panels) + 0.5 * (len(panels) == 1))
    axes = picture.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    held = cut = False
    for ax, (text, train, valid) in zip(axes, panels, strict=True):
        style(ax, y="nats")
        title(ax, text)
        other = -_column(rows, valid) if valid == "valid_bound" else _column(rows, valid)
        if len(panels) == 1:
            other = _column(rows, "valid_distortion")
        held |= _pair(ax, epochs, _column(rows, train), other)
        cut |= _cut(ax, _column(rows, train), other)
    picture.align_ylabels()
    whole(axes[-1])
    axes[-1].set_xlabel("epoch", color=INK, fontsize=NORMAL)
    if held:
        legend(axes[0], loc="upper right", ncols=2)
    picture.caption = _caption(rows, epochs, len(panels) == 1, held)
    if cut:
        picture.caption += " The first epochs lie outside the frame."
    return picture


def _pair(ax: Any, epochs: np.ndarray, train: np.ndarray, valid: np.ndarray) -> bool:
    """Training and held-out lines; whether there is a held-out one."""
    marks: dict[str, Any] = {"marker": "o", "markersize": 3} if len(epochs) < 25 else {}
    ax.plot(epochs, train, color=DATA, linewidth=1.5, label="training", **marks)
    held = bool(np.isfinite(valid).any())
    if held:
        ax.plot(epochs, valid, color=MODEL, linewidth=1.5, label="held out", **marks)
    return held


def _cut(ax: Any, train: np.ndarray, valid: np.ndarray) -> bool:
    """Fit the frame to all but the first epochs of a long run where these dwarf what follows."""
    every = np.concatenate([train, valid])
    later = np.concatenate([train[len(train) // 10 :], valid[len(valid) // 10 :]])
    every, later = every[np.isfinite(every)], later[np.isfinite(later)]
    far = len(train) >= 10 and 0 < np.ptp(later) * 4 < np.ptp(every)
    if far:
        pad = 0.08 * np.ptp(later)
        ax.set_ylim(later.min() - pad, later.max() + 3 * pad)
    return bool(far)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    values = [row.get(name) for row in rows]
    return np.array([np.nan if v is None or v == "" else float(v) for v in values])


def _caption(rows: Any, epochs: np.ndarray, alone: bool, held: bool) -> str:
    text = "Mean over the samples of an epoch, in nats per sample; lower is better."
    if alone:
        text += " The loss is the distortion, −log p(x|z): this model has no rate."
    if held:
        score = -_column(rows, "valid_distortion") if alone else _column(rows, "valid_bound")
        best = int(epochs[int(np.nanargmax(score))])
        what = "log p(x|z)" if alone else "bound"
        text += f" On held-out rows the loss is minus the unweighted {what}, best at epoch {best}."
    weight = _column(rows, "weight")
    if np.isfinite(weight).any() and np.nanmin(weight) != np.nanmax(weight):
        text += " The weight of the rate changes during training, and the training loss with it."
    return text


def latent_kl(evaluation: Mapping[str, Any] | Sequence[float]) -> Picture:
    """KL of each latent dimension in nats, highest first.

    evaluation: what `Estimator.evaluate` gives, or the numbers themselves.
    """
    values = evaluation.get("latent_kl") if isinstance(evaluation, Mapping) else evaluation
    if values is None:
        raise LatentryError("this model has no KL: it has no prior, or no single posterior.")
    kl = np.asarray(values, dtype=float)
    order = np.argsort(-kl, kind="stable")
    picture = canvas("latent-kl", "KL per latent dimension", 2.6)
    ax = style(picture.add_subplot(), "latent dimension, by KL", "nats")
    ax.grid(False, axis="x")
    used = kl[order] >= 0.01
    colours = np.where(used, DATA, MUTED)
    ax.bar(np.arange(len(kl)), np.maximum(kl[order], 0), color=list(colours), width=0.72)
    few = len(kl) <= 24
    ax.set_xticks(np.arange(len(kl)) if few else [], [str(i) for i in order] if few else [])
    # A few bars must not become walls.
    middle, room = (len(kl) - 1) / 2, max(len(kl), 8) / 2 + 0.2
    ax.set_xlim(middle - room, middle + room)
    unused = int((~used).sum())
    if unused:
        ax.axhline(0.01, color=ACCENT, linewidth=0.8, linestyle=(0, (3, 2)))
    picture.caption = (
        f"Mean over the samples of KL(q(z|x) ‖ p(z)) in each of {len(kl)}"
        f" dimension{'s' if len(kl) > 1 else ''}, in nats, highest first;"
        f" together {kl.sum():.3g} nats."
    )
    if unused:
        picture.caption += (
            f" {unused} of them, in grey, with less than 0.01 nats: unused by the model."
        )
    return picture
