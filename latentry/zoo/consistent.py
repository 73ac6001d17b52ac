"""Models whose encoder is taught more than the bound alone teaches it."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.bounds import Elbo
from ..core.consistency import Change, Consistency
from ..core.lagging import Lagging
from ..core.objective import Objective
from ..core.schedules import linear
from ..estimator import Estimator, option
from .checks import at_least, share


@dataclass(eq=False, repr=False)
class ConsistencyVAE(Estimator):
    """CR-VAE: also trained on changed samples, whose codes are held to those of the samples.

    Sinha & Dieng, 2021, https://arxiv.org/abs/2105.14859

    Images are moved, turned and scaled; rows, which the paper does not speak of, exchange some of
    their entries with other rows.
    """

    consistency: float = option(1e-3, "weight of KL(q(z|changed) || q(z|x))")
    shift: float = option(0.1, "images: share of their size by which they move, at most")
    turn: float = option(15.0, "images: degrees by which they are turned, at most")
    scale: float = option(0.1, "images: share by which they grow or shrink, at most")
    swap: float = option(0.1, "rows: share of the entries taken from another row")

    def objective(self) -> Objective:
        for name in ("consistency", "shift", "turn", "scale"):
            at_least(name, getattr(self, name), 0.0)
        share("swap", self.swap)
        bound = Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup)
        change = Change(self.shift, self.turn, self.scale, self.swap)
        return Objective(bound, Consistency(bound, self.consistency, change))


@dataclass(eq=False, repr=False)
class LaggingVAE(Estimator):
    """Lagging VAE: at first the encoder takes many steps for each of the decoder's.

    He et al., 2019, https://arxiv.org/abs/1901.05534

    A cure for a rate that collapses to zero. The paper measures when to stop; here the numbers of
    steps are options.
    """

    aggressive: float = option(0.2, "share of training in which the decoder waits")
    inner: int = option(10, "steps of the encoder for each one of the decoder meanwhile")

    def objective(self) -> Objective:
        share("aggressive", self.aggressive)
        at_least("inner", self.inner, 1)
        bound = Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup)
        return Lagging(bound, self.aggressive, self.inner, self.epochs, self.batch_size)
