"""From an estimator's fields and a schema to a model that is ready to train."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state
from torch import nn

from .core.likelihoods import ColumnsLikelihood, Likelihood, choose, named
from .core.models import LatentModel
from .data.schema import Schema
from .errors import LatentryError, suggest
from .nets import SERIES_NETS, build_decoder, build_encoder
from .nets import default as default_net
from .nets.columns import Embed
from .training.options import Options

if TYPE_CHECKING:
    from .estimator import Estimator


def seed(random_state: Any) -> int:
    """An integer seed from what scikit-learn calls a random_state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def check_fields(est: Estimator) -> None:
    """Raise for a field that no model can be built with, before anything is done."""
    if not isinstance(est.latent, int | np.integer) or est.latent < 1:
        raise LatentryError(f"latent={est.latent!r}: a latent space has at least 1 dimension.")
    if not 0 <= est.valid < 1:
        raise LatentryError(f"valid={est.valid!r}: the share held out is at least 0 and below 1.")
    if not 0 <= est.warmup <= 1:
        raise LatentryError(f"warmup={est.warmup!r}: it is a share of all steps, from 0 to 1.")
    if est.likelihood != "auto":
        parse_likelihood(est.likelihood)
    for size in _sizes(est.hidden) or ():
        if not isinstance(size, int | np.integer) or size < 1:
            raise LatentryError(f"hidden={est.hidden!r}: a layer's size is a positive integer.")
    options(est, 0)


def options(est: Estimator, seed: int) -> Options:
    """The training options among the estimator's fields."""
    names = {f.name for f in dataclasses.fields(Options)} - {"seed"}
    return Options(**{n: getattr(est, n) for n in names if hasattr(est, n)}, seed=seed)


def choose_likelihood(schema: Schema) -> tuple[str, str]:
    """The likelihood for such data, and why."""
    return choose(schema.values, schema.kind)


def choose_net(schema: Schema) -> tuple[str, str]:
    """The network for such data, and why."""
    return default_net(schema)


def infer_schema(
    est: Estimator, array: np.ndarray, columns: tuple[str, ...] | None, levels: int | None
) -> Schema:
    """What a sample is, with real numbers read as the likelihood that was asked for reads them.

    A model of series, or a net of them, has rows (N, T) and arrays (N, T, C) read as such.
    """
    kind = "series" if est.net in SERIES_NETS else est.reads
    schema = Schema.infer(array, columns=columns, levels=levels, kind=kind)
    if est.likelihood == "auto" or schema.values != "real":
        return schema
    reads = parse_likelihood(est.likelihood)[0].reads
    if reads is None:
        return schema
    return Schema.infer(array, columns=columns, values=reads, kind=kind)


def parse_likelihood(text: str) -> tuple[type[Likelihood], dict[str, Any]]:
    """The class and the options of a text such as gaussian:sigma=0.1."""
    name, _, rest = text.partition(":")
    cls = named(name)
    known = set(inspect.signature(cls.__init__).parameters) - {
        "self", "body", "shape", "levels", "missing", "columns",
    }  # fmt: skip
    given: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, _, value = pair.partition("=")
        if key not in known:
            raise LatentryError(
                f"the likelihood {name!r} has no option {key!r}; it has"
                f" {', '.join(sorted(known)) or 'none'}." + suggest(key, known)
            )
        try:
            given[key] = int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            raise LatentryError(
                f"{key}={value!r} of the likelihood {name!r} is no number."
            ) from None
    return cls, given


def _sizes(hidden: Any) -> tuple[int, ...] | None:
    if hidden is None:
        return None
    return (hidden,) if np.ndim(hidden) == 0 else tuple(hidden)


def choices(est: Estimator, schema: Schema) -> tuple[str, str, list[str]]:
    """The likelihood and the network, and what was chosen for "auto" and why."""
    likelihood, net, said = est.likelihood, est.net, []
    if est.binarize:
        likelihood, why = _binary(est, schema)
        said.append(why)
    elif likelihood == "auto":
        likelihood, why = est.choose_likelihood(schema)
        said.append(why)
    if est.encoder is not None and est.decoder is not None:
        net = "your own"
    elif net == "auto":
        net, why = est.choose_net(schema)
        said.append(why)
    return likelihood, net, said


def _binary(est: Estimator, schema: Schema) -> tuple[str, str]:
    """The likelihood of what is drawn as 0 or 1. Raises where the data or the model forbid that."""
    if schema.values not in ("binary", "levels", "unit"):
        raise LatentryError(
            f"binarize=True needs values in [0, 1] or grey levels, but the data are {schema.values}"
            " values: scale them, or leave it out."
        )
    if est.likelihood not in ("auto", "bernoulli"):
        raise LatentryError(
            f"binarize=True gives zeros and ones, which the likelihood {est.likelihood!r} is not"
            " made for: use likelihood='bernoulli'."
        )
    return "bernoulli", "likelihood bernoulli, because values are drawn as 0 or 1 in training"


@dataclass(frozen=True)
class Plan:
    """What a model is built by: the estimator's choices, the data's schema, and the condition."""

    est: Estimator
    schema: Schema
    condition: int
    """How many numbers the condition has; 0 for none."""

    @cached_property
    def _choices(self) -> tuple[str, str, list[str]]:
        return choices(self.est, self.schema)

    @property
    def net(self) -> str:
        """The name of the network."""
        return self._choices[1]

    @property
    def hidden(self) -> tuple[int, ...] | None:
        """An encoder's hidden sizes, or None for the network's own."""
        return _sizes(self.est.hidden)

    @property
    def activation(self) -> str | None:
        """The name of the activation, or None for the network's own."""
        return None if self.est.activation == "auto" else self.est.activation

    @cached_property
    def _likelihood(self) -> tuple[type[Likelihood], dict[str, Any]]:
        cls, given = parse_likelihood(self._choices[0])
        if self.schema.kind == "table":
            if cls is not ColumnsLikelihood:
                raise LatentryError(
                    f"the likelihood {cls.name} is one for all numbers of a sample, but a row of a"
                    " mixed table has columns of several kinds: use the likelihood columns"
                )
            given = given | {"columns": self.schema.learned}
        return cls, given | {"levels": self.schema.levels, "missing": self.schema.missing}

    @property
    def n_params(self) -> int:
        """How many numbers the likelihood takes for each entry of a sample."""
        cls, given = self._likelihood
        return cls.n_params(**given)

    @property
    def body_shape(self) -> tuple[int, ...]:
        """The shape of what a decoder body gives, beside its n_params."""
        cls, given = self._likelihood
        return cls.body_shape(self.schema.shape, **given)

    @property
    def prepare(self) -> Embed | None:
        """What an encoder sees of a row of a mixed table; None for all other samples."""
        schema = self.schema
        return Embed(schema.learned, schema.missing) if schema.kind == "table" else None

    def encoder(self) -> nn.Module:
        """A new encoder body, (x, c) -> features."""
        return build_encoder(
            self.net if self.est.encoder is None else copy.deepcopy(self.est.encoder),
            self.schema.shape,
            values=self.schema.values,
            hidden=self.hidden,
            condition=self.condition,
            missing=self.schema.missing,
            activation=self.activation,
            columns=self.schema.learned,
        )

    def decoder(self, latent: int, grid: bool = False) -> nn.Module:
        """A new decoder body, z (N, latent + condition) -> (N, n_params, *body_shape).

        grid: whether z is numbers for each position of the encoder's grid, row by row.
        """
        return build_decoder(
            self.net if self.est.decoder is None else copy.deepcopy(self.est.decoder),
            self.body_shape,
            n_params=self.n_params,
            latent=latent,
            hidden=None if self.hidden is None else self.hidden[::-1],
            condition=self.condition,
            activation=self.activation,
            grid=grid,
        )

    def likelihood(self, body: nn.Module) -> Likelihood:
        """p(x | z) over a decoder body."""
        cls, given = self._likelihood
        return cls(body, self.schema.shape, **given)


def build_model(est: Estimator, schema: Schema, condition: int) -> LatentModel:
    """The untrained model, on the CPU; its weights follow from torch's generator."""
    return est.build(Plan(est, schema, condition))
