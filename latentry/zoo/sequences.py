"""Models of series: T steps of C channels each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..building import Plan
from ..core.models import LatentModel
from ..estimator import Estimator, option
from .checks import one_of

NETS = ("auto", "temporal", "recurrent", "mlp")


@dataclass(eq=False, repr=False)
class SequenceVAE(Estimator):
    """Sequence VAE: one code for a whole series, by temporal convolutions or a recurrent net.

    Fabius & van Amersfoort, 2015, https://arxiv.org/abs/1412.6581
    Bowman et al., 2016, https://arxiv.org/abs/1511.06349 (a decoder that reads the code alone)
    Bai, Kolter & Koltun, 2018, https://arxiv.org/abs/1803.01271 (the temporal convolutions)

    Data are series (N, T) of one channel, or (N, T, C); shorter ones end in NaN, which may stand
    for any other missing entry too. Other models read series as such with net="temporal" or
    "recurrent".
    """

    reads: ClassVar[str | None] = "series"

    net: str = option(
        "auto", "network: temporal (convolutions), recurrent, mlp, or auto for temporal"
    )

    def build(self, plan: Plan) -> LatentModel:
        one_of("net", self.net, NETS)
        return super().build(plan)
