"""What went wrong in training, or is about to, in words."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from latentry.core import noise
from latentry.core.models import LatentModel

from .history import History
from .sources import Source

ACTIVE = 0.01
"""A latent dimension is active if its posterior mean varies by more than this over the data: Burda
et al., 2016, arXiv 1509.00519."""
WIDE = 100.0
"""A posterior standard deviation that no prior asks for."""
WORSE = 0.01
"""A validation bound is called worse if it fell by this share of its size."""
ROWS = 2000


@torch.no_grad()
def look(
    history: History,
    model: LatentModel,
    transform: nn.Module,
    source: Source,
    device: torch.device,
    skip: float | None = None,
) -> list[str]:
    """Remarks about a trained model, one sentence each; none where all is well."""
    sentences = [skipped(history, skip), overfitting(history)]
    model.eval()
    raw, c = next(iter(source.all(ROWS)))
    raw = raw.to(device)
    with noise.per_row(raw, 0):
        x = transform(raw)
    q = model.encode(x, None if c is None else c.to(device))
    sentences.append(collapse(q.mean) if model.has_bound else None)
    sentences.append(explosion(q.mean, q.stddev))
    return [sentence for sentence in sentences if sentence]


def skipped(history: History, skip: float | None = None) -> str | None:
    """A remark if steps were skipped: they were not finite, or their gradient above `skip`."""
    count = int(sum(row.get("skipped", 0) for row in history.rows))
    if not count:
        return None
    return (
        f"{count} step{'s were' if count > 1 else ' was'} skipped because the loss or a gradient"
        f" was not finite{longer(skip)}; a smaller lr or clip=1 avoids that."
    )


def longer(skip: float | None) -> str:
    """What else a step is left out for, where there is such an option."""
    return "" if skip is None else f" or a gradient was longer than skip={skip:g}"


def overfitting(history: History) -> str | None:
    """A remark if the validation bound got worse while the training loss went on falling."""
    name = "valid_bound" if "valid_bound" in history.columns else "valid_distortion"
    sign = 1.0 if name == "valid_bound" else -1.0
    value = [sign * v for v in history.column(name)]
    if len(value) < 3 or not all(map(math.isfinite, value)):
        return None
    best = max(range(len(value)), key=value.__getitem__)
    since = len(value) - 1 - best
    loss = history.column("loss")
    fell = value[best] - value[-1]
    if since < max(2, len(value) // 10) or fell < WORSE * abs(value[best]):
        return None
    if not loss[-1] < loss[best]:
        return None
    return (
        f"overfitting: the validation bound was best in epoch {history.rows[best]['epoch']} and"
        f" fell by {fell:.1f} nats since, while the training loss went on falling; patience= stops"
        " there, and a smaller network or more data helps."
    )


def collapse(mean: Tensor) -> str | None:
    """A remark if few or none of the latent dimensions (N, D) tell samples apart."""
    dimensions = mean.shape[1]
    if len(mean) < 2:
        return None
    active = int((mean.float().var(0) > ACTIVE).sum())
    if active == 0:
        return (
            f"posterior collapse: none of the {dimensions} latent dimensions says anything about"
            " the data; try a KL warm-up, a smaller weight of the rate, or a weaker decoder."
        )
    if active <= dimensions // 10:
        return (
            f"posterior collapse: only {active} of {dimensions} latent dimensions say anything"
            " about the data; fewer of them, or a KL warm-up, would serve as well."
        )
    return None


def explosion(mean: Tensor, stddev: Tensor) -> str | None:
    """A remark if codes left every sensible range."""
    if not torch.isfinite(mean).all():
        return "the encoder gives codes that are not finite; a smaller lr or clip=1 avoids that."
    if float(stddev.max()) > WIDE:
        return (
            f"exploding variance: the posterior's standard deviation reaches {stddev.max():.3g};"
            " a smaller lr or clip=1 avoids that."
        )
    return None
