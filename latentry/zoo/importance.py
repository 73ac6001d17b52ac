"""Models trained on importance-weighted bounds."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.bounds import Importance
from ..core.objective import Objective
from ..core.schedules import linear
from ..errors import LatentryError
from ..estimator import Estimator, option


@dataclass(eq=False, repr=False)
class IWAE(Estimator):
    """Importance-weighted autoencoder: a tighter bound from several codes for each sample.

    Burda, Grosse & Salakhutdinov, 2016, https://arxiv.org/abs/1509.00519
    """

    draws: int = option(5, "codes drawn for each sample")

    def objective(self) -> Objective:
        if self.draws < 1:
            raise LatentryError(f"draws={self.draws}: the bound takes at least 1 code.")
        weight = linear(0.0, 1.0, self.warmup)
        return Objective(Importance(self.draws, weight, settled=self.warmup))
