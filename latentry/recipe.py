"""What a named model is: its fields, which are its options, and the parts that it is made of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import nn

from . import building
from .core.bounds import Elbo
from .core.likelihood import Likelihood
from .core.models import VAE, LatentModel
from .core.objective import Objective
from .core.posteriors import GaussianPosterior, Posterior
from .core.priors import Prior, StandardNormal
from .core.samplers import Sampler
from .core.schedules import linear
from .data.conditions import Condition
from .data.labels import Labels
from .data.schema import Schema
from .data.transforms import Transform
from .sampling import Score, Space
from .training.history import History
from .training.sources import Source


def option(default: Any, help: str) -> Any:
    """A field of a named model, with the sentence that the command line and the docs show."""
    return dataclasses.field(default=default, metadata={"help": help})


class Fitted:
    """What `fit` leaves behind."""

    model_: LatentModel
    """Posterior, prior and likelihood, trained."""
    schema_: Schema
    """What one sample is."""
    scaler_: Transform
    """From the data's units to the model's scale."""
    condition_: Condition | None
    """What the condition is, if there is one."""
    labels_: Labels | None
    """What of y is predicted; None for a model that learns nothing of it."""
    sampler_: Sampler | None
    """The density of the codes from which `sample` draws; None for the model's own prior."""
    samplers_: dict[str, Sampler]
    """The densities that were fitted to the codes, by name."""
    sampler_scores_: dict[str, Score]
    """How well each that was tried, and the prior, accounts for held-out codes."""
    sampler_space_: Space | None
    """What the codes are that the densities were fitted to."""
    sampler_auto_: str | None
    """The name of the density that "auto" chose."""
    history_: History
    """Losses and validation figures of each epoch, and remarks in words."""
    likelihood_: str
    net_: str
    choices_: list[str]
    """What "auto" chose, and why."""
    seed_: int
    n_features_in_: int
    feature_names_in_: np.ndarray
    """Names of the columns, where the data had names."""


@dataclass(eq=False, repr=False)
class Recipe(Fitted):
    """The fields that all named models share, and the methods of which each overrides one or two.

    Of `build_posterior`, `build_prior`, `build_corruption`, `build_model` (or all of `build`) and
    `objective`, a named model changes what its paper changes.
    """

    reads: ClassVar[str | None] = None
    """The kind of sample that arrays are read as, "series" for one; None leaves it to the array."""
    sampled: ClassVar[bool] = True
    """Whether new samples are drawn from it, which without a prior takes a density of its codes."""

    latent: int = option(10, "dimensions of the latent space")
    likelihood: str = option("auto", "likelihood p(x|z), or auto to choose by the data")
    net: str = option(
        "auto", "network: mlp, conv, temporal or recurrent (both of series), or auto, by the data"
    )
    hidden: int | tuple[int, ...] | None = option(
        None, "sizes of the hidden layers (mlp, recurrent), or channels (conv, temporal)"
    )
    activation: str = option(
        "auto",
        "activation of the network: relu, tanh, silu, gated (mlp), ..., or auto (relu; silu: conv)",
    )
    encoder: nn.Module | None = option(None, "your own encoder body, x -> features")
    decoder: nn.Module | None = option(None, "your own decoder body, z -> features or x")
    epochs: int = option(50, "passes over the training data")
    batch_size: int = option(128, "rows in a batch")
    lr: float = option(1e-3, "learning rate")
    optimizer: str = option("adam", "adam, adamw or rmsprop")
    weight_decay: float = option(0.0, "decay of the weights: with adamw, a share of the rate")
    schedule: str = option("constant", "learning rate over time: constant or cosine")
    lr_warmup: float = option(0.0, "share of all steps over which the rate rises from zero")
    warmup: float = option(0.0, "share of all steps over which the weight of the KL rises")
    clip: float | None = option(None, "largest norm of the gradient")
    ema: float | None = option(None, "decay of a moving average of the weights, such as 0.999")
    binarize: bool = option(
        False, "dynamic binarization: draw values in [0, 1] as 0 or 1 whenever a row is seen"
    )
    valid: float = option(0.1, "share of the rows held out for validation")
    patience: int | None = option(None, "stop after so many epochs without a better validation")
    random_state: Any = option(None, "seed; the same seed gives the same model on the same CPU")
    device: str = option("auto", "cpu, cuda, mps, or auto")
    precision: str = option("auto", "float32, bfloat16, or auto")
    compile: Any = option("auto", "compile the training step: true, false, or auto")
    verbose: bool = option(False, "show a progress bar")

    def build_posterior(self, body: nn.Module) -> Posterior:
        """q(z | x) over an encoder body."""
        return GaussianPosterior(body, self.latent)

    def build_prior(self, condition: int) -> Prior | None:
        """p(z | c), where c has `condition` numbers (0: unconditional)."""
        return StandardNormal(self.latent)

    def build_corruption(self) -> nn.Module | None:
        """What is done to the input while learning."""
        return None

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        """The parts put together."""
        return VAE(posterior, prior, likelihood, self.build_corruption())

    def build(self, plan: building.Plan) -> LatentModel:
        """The whole model: the parts above over an encoder and a decoder body of the plan.

        A model whose bodies are of another kind, or more than two, makes them here.
        """
        posterior = self.build_posterior(plan.encoder())
        likelihood = plan.likelihood(plan.decoder(self.latent))
        return self.build_model(posterior, self.build_prior(plan.condition), likelihood)

    def objective(self) -> Objective:
        """The bound and penalties that are trained on."""
        return Objective(Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup))

    def number_rows(self, rows: int) -> np.ndarray | None:
        """A whole number (rows,) for each training row, for a model that has to tell them apart.

        While such a model is trained, c (B, C + 1) ends with the number, which is -1 for the rows
        that are held out; afterwards it is given c (B, C). Most models need none.
        """
        return None

    def prepare(self, source: Source, folder: Path | None) -> None:
        """Bring the networks to where their training starts, from the training rows.

        `folder` may keep what that takes long to do. Most models start where their weights fall.
        """

    def complete(self, source: Source) -> None:
        """Fit what is learned once the networks are trained, from the training rows.

        `source.all(n)` gives them, raw and with their conditions. Most models have no such part.
        """

    def infer_labels(self, y: Any) -> Labels | None:
        """What the model learns of y, which stands beside the condition in training; mostly None.

        A model that learns of it is given c (B, C + labels) while it is trained, and c (B, C)
        afterwards.
        """
        return None

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        """The likelihood that "auto" stands for with such data, and the reason in a sentence."""
        return building.choose_likelihood(schema)

    def choose_net(self, schema: Schema) -> tuple[str, str]:
        """The network that "auto" stands for with such data, and the reason in a sentence."""
        return building.choose_net(schema)
