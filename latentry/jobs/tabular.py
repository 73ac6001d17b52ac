"""The model of a table from which rows are synthesised where none is given."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..building import Plan
from ..core.bounds import Elbo
from ..core.likelihood import Likelihood
from ..core.models import LatentModel
from ..core.objective import Objective
from ..core.posteriors import Posterior
from ..core.priors import LearnedMixture, Prior
from ..core.veils import Veiled
from ..estimator import Estimator, option
from ..zoo.checks import at_least
from ..zoo.checks import share as check_share

STEPS = 700
"""Training steps, where the rows fill fewer in `FEWEST` passes."""
FEWEST, MOST = 5, 300
"""Passes over the rows."""


@dataclass(eq=False, repr=False)
class Tabular(Estimator):
    """A VAE of tables, whose prior is a mixture and whose encoder takes any subset of the cells.

    Its likelihood has a distribution for each column: see `latentry.core.columns`. The mixture is
    learned with the rest, so that codes that are drawn are codes as rows have them.
    """

    components: int = option(64, "Gaussians in the prior")
    veil: float = option(0.3, "share of the rows that are learned from with cells left out")
    beta: float = option(0.4, "weight of the rate: below 1, codes say more of their rows")
    latent: int = option(24, "dimensions of the latent space")
    hidden: int | tuple[int, ...] | None = option((256, 256), "sizes of the hidden layers")
    activation: str = option("silu", "activation of the network")
    batch_size: int = option(500, "rows in a batch")
    lr: float = option(5e-3, "learning rate")
    schedule: str = option("cosine", "learning rate over time")
    ema: float | None = option(0.99, "decay of a moving average of the weights")
    valid: float = option(0.0, "share of the rows held out for validation")
    precision: str = option("float32", "float32 or bfloat16")
    compile: bool | str = option(False, "compile the training step")

    def objective(self) -> Objective:
        at_least("beta", self.beta, 0.0)
        return Objective(Elbo(self.beta))

    def build_prior(self, condition: int) -> Prior | None:
        at_least("components", self.components, 1)
        return LearnedMixture(self.latent, self.components)

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        check_share("veil", self.veil)
        return Veiled(posterior, prior, likelihood, self.veil)

    def build(self, plan: Plan) -> LatentModel:
        # Cells are left out also where the data have none missing.
        return super().build(
            dataclasses.replace(plan, schema=dataclasses.replace(plan.schema, missing=True))
        )


def passes(rows: int, batch_size: int) -> int:
    """The epochs that suit a table of so many rows."""
    return min(MOST, max(FEWEST, round(STEPS * batch_size / max(1, rows))))
