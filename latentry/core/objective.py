"""What a model is trained on: a bound, plus penalties."""

from __future__ import annotations

import abc

from torch import Tensor, nn

from .bounds import Bound
from .models import Inference, LatentModel


class Penalty(nn.Module, abc.ABC):
    """A term added to the loss, () in nats; it may have parameters and a loss of its own."""

    weight: float = 1.0
    rows: int = 0
    """How many rows are trained on, which some estimates take into account."""

    @abc.abstractmethod
    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        """The penalty for one batch, ()."""

    def own_loss(self, r: Inference) -> Tensor | None:
        """What the penalty's own parameters are trained on (a critic's loss), or None."""
        return None


class Objective(nn.Module):
    """minus the bound, averaged over the batch, plus the penalties."""

    contest: bool = False
    """Whether the loss is measured by a critic that is learned as well: no number then says which
    epoch was the best, and the last weights are kept."""

    def __init__(self, bound: Bound, *penalties: Penalty) -> None:
        super().__init__()
        self.bound = bound
        self.penalties = nn.ModuleList(penalties)

    def expect(self, rows: int) -> None:
        """Tell the penalties how many rows will be trained on."""
        for penalty in self.penalties:
            assert isinstance(penalty, Penalty)
            penalty.rows = rows

    @property
    def draws(self) -> int:
        """Codes drawn for each row of a batch."""
        return self.bound.draws

    @property
    def warmup(self) -> float:
        """The share of training after which no weight changes any more."""
        return 1.0 if self.contest else self.bound.settled

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        """Pairs of a loss, () in nats, and the parameters that it trains.

        `done` is the share of training that is done, a 0-d tensor in [0, 1].
        """
        loss = -self.bound(r, done).mean()
        pairs: list[tuple[Tensor, list[nn.Parameter]]] = []
        for penalty in self.penalties:
            assert isinstance(penalty, Penalty)
            loss = loss + penalty.weight * penalty(r, model, done)
            own = penalty.own_loss(r)
            if own is not None:
                pairs.append((own, trainable(penalty)))
        return [(loss, trainable(model)), *pairs]

    def moves(self, done: Tensor) -> list[Tensor] | None:
        """Whether each of the `losses` changes its weights in this step, () bools; None: all do.

        Weights at rest keep their value and what the rule that changes them knows of them.
        """
        return None

    def value(self, r: Inference) -> Tensor:
        """The unweighted bound by which epochs are compared, (B,), in nats."""
        return self.bound.unweighted(r)

    def parts(self, r: Inference, model: LatentModel) -> dict[str, Tensor]:
        """The terms of the bound, averaged over the batch, () in nats."""
        parts = {"distortion": r.distortion.mean()}
        if model.has_bound:
            parts["rate"] = r.rate.mean()
        return parts


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """The parameters of a module that a gradient may change."""
    return [p for p in module.parameters() if p.requires_grad]
