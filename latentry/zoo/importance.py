"""Models trained on importance-weighted bounds."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.bounds import Importance
from ..core.importance import Combined, DoublyReparametrised, Multiplied, Partial
from ..core.objective import Objective
from ..core.schedules import linear
from ..errors import LatentryError
from ..estimator import Estimator, option
from .checks import at_least, share


@dataclass(eq=False, repr=False)
class IWAE(Estimator):
    """Importance-weighted autoencoder: a tighter bound from several codes for each sample.

    Burda, Grosse & Salakhutdinov, 2016, https://arxiv.org/abs/1509.00519
    """

    draws: int = option(5, "codes drawn for each sample")

    def objective(self) -> Objective:
        at_least("draws", self.draws, 1)
        weight = linear(0.0, 1.0, self.warmup)
        return Objective(Importance(self.draws, weight, settled=self.warmup))


def _check_groups(draws: int, groups: int) -> None:
    at_least("draws", draws, 1)
    if groups < 1 or draws % groups:
        raise LatentryError(
            f"groups={groups}: draws={draws} codes cannot be divided into so many equal groups."
        )


@dataclass(eq=False, repr=False)
class MultiplyIWAE(Estimator):
    """MIWAE: the mean of several importance-weighted bounds, between a VAE and an IWAE.

    Rainforth et al., 2018, https://arxiv.org/abs/1802.04537
    """

    draws: int = option(8, "codes drawn for each sample")
    groups: int = option(2, "bounds that are averaged")

    def objective(self) -> Objective:
        _check_groups(self.draws, self.groups)
        return Objective(Multiplied(self.draws, self.groups))


@dataclass(eq=False, repr=False)
class CIWAE(Estimator):
    """CIWAE: a mixture of the evidence lower bound and the importance-weighted one.

    Rainforth et al., 2018, https://arxiv.org/abs/1802.04537
    """

    draws: int = option(8, "codes drawn for each sample")
    share: float = option(0.5, "share of the evidence lower bound")

    def objective(self) -> Objective:
        at_least("draws", self.draws, 1)
        share("share", self.share)
        return Objective(Combined(self.draws, self.share))


@dataclass(eq=False, repr=False)
class PIWAE(Estimator):
    """PIWAE: the decoder learns from the tight bound, the encoder from looser, clearer ones.

    Rainforth et al., 2018, https://arxiv.org/abs/1802.04537
    """

    draws: int = option(8, "codes drawn for each sample")
    groups: int = option(8, "bounds that the encoder's is the mean of")

    def objective(self) -> Objective:
        _check_groups(self.draws, self.groups)
        return Partial(self.draws, self.groups)


@dataclass(eq=False, repr=False)
class DReG(Estimator):
    """DReG: the importance-weighted bound by a gradient whose signal does not drown in noise.

    Tucker et al., 2019, https://arxiv.org/abs/1810.04152
    """

    draws: int = option(8, "codes drawn for each sample")

    def objective(self) -> Objective:
        at_least("draws", self.draws, 1)
        return DoublyReparametrised(self.draws)
