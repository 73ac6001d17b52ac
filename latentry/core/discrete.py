"""Posteriors over codes of whole numbers, and the model that they are a part of.

A code is a row of L symbols (see `core.codes`), and to each row of symbols belongs a vector
z (D,) that the decoder is given. A **certain** code is the nearest of a codebook or of a grid, with
q(code | x) = 1, passed by a gradient as if nothing had been rounded (Bengio et al., 2013, arXiv
1308.3432). An **uncertain** one is drawn from L categorical distributions.

Since codes are discrete, log p(x | z(code)) + log p(code) - log q(code | x) averages to a lower
bound on log p(x) in both cases.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from .bounds import Bound
from .codes import CodeDistribution, CodePrior, gumbel, one_hot
from .distributions import Dirac, Shape
from .likelihood import Likelihood
from .models import VAE, Inference, LatentModel
from .objective import Objective
from .posteriors import NO_SHAPE, Posterior
from .schedules import Schedule


class CodePosterior(Posterior):
    """q(code | x), which knows the vector that belongs to each code.

    width: D, or D for each position where the body's features are those of a `grid` (height,
    width) of them, channel by channel. A code is then the codes of all positions, row by row, all
    of them made by the same head: D = height x width x `width` in all.
    """

    def __init__(self, body: nn.Module, width: int) -> None:
        grid: tuple[int, int] | None = getattr(body, "grid", None)
        positions = math.prod(grid or ())
        super().__init__(body, width * positions)
        self.grid, self.positions = grid, positions
        features = int(body.out_features)  # pyright: ignore[reportArgumentType]
        self.head = nn.Linear(features // positions, width)

    def features(self, x: Tensor, c: Tensor | None) -> Tensor:
        """What the encoder says of each dimension, (B, D)."""
        h = self.body(x, c).unflatten(1, (-1, self.positions)).transpose(1, 2)
        return self.head(h).flatten(1).float()

    def begin(self, x: Tensor) -> None:
        """Take first vectors from rows x (N, *shape) of the data, in the model's scale."""

    @abc.abstractmethod
    def forward(self, x: Tensor, c: Tensor | None = None) -> Certain | Categoricals:
        """q(code | x), batch shape (B,)."""

    @abc.abstractmethod
    def embed(self, codes: Tensor) -> Tensor:
        """The vectors (..., D) of codes (..., L)."""


def straight_through(to: Tensor, value: Tensor) -> Tensor:
    """`value`, exactly, with a gradient that passes to `to`."""
    return value.detach() + (to - to.detach())


class Certain(Dirac):
    """A single code (B, L) with its vector (B, D), through which a gradient passes."""

    def __init__(self, value: Tensor, codes: Tensor) -> None:
        super().__init__(value)
        self.codes = codes

    def draw(self, draws: int) -> tuple[Tensor, Tensor]:
        """The vectors (K, B, D) and the codes (K, B, L) of as many equal draws."""
        return self.rsample((draws,)), self.codes.expand(draws, *self.codes.shape)

    def likeliest(self) -> Tensor:
        """The most probable code, (B, L)."""
        return self.codes

    def entropy(self) -> Tensor:
        """Of the code, (B,), in nats."""
        return torch.zeros(self.batch_shape, device=self.value.device)

    def log_prob_codes(self, codes: Tensor) -> Tensor:
        """Log q(codes | x) for codes (K, B, L), (K, B)."""
        return torch.where((codes == self.codes).all(-1), 0.0, -math.inf)


class Categoricals(Distribution):
    """L independent categorical variables, from normalised log probabilities (B, L, classes).

    A draw is L one-hot vectors. With a `temperature`, its vectors are the relaxed ones of Jang et
    al., 2017, arXiv 1611.01144, softmax((log p + Gumbel noise) / temperature), which have a
    gradient; with `hard`, they are one-hot and only their gradient is the relaxed one's.
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    def __init__(
        self, log_p: Tensor, temperature: Tensor | None = None, hard: bool = False
    ) -> None:
        batch, (length, classes) = log_p.shape[:-2], log_p.shape[-2:]
        super().__init__(batch, Size((length * classes,)), validate_args=False)
        self.log_p, self.temperature, self.hard = log_p, temperature, hard

    @property
    def mean(self) -> Tensor:
        return self.log_p.exp().flatten(-2)

    @property
    def variance(self) -> Tensor:
        return self.mean * (1 - self.mean)

    def draw(self, draws: int) -> tuple[Tensor, Tensor]:
        """Vectors (K, B, D) and the codes (K, B, L) that they stand for."""
        noisy = self.log_p + gumbel((draws, *self.log_p.shape), self.log_p)
        codes = noisy.argmax(-1)
        exact = one_hot(codes, self.log_p.shape[-1])
        if self.temperature is None:
            return exact, codes
        # The inverse is a new tensor: the temperature itself may change before the gradient.
        relaxed = (noisy * self.temperature.reciprocal()).softmax(-1).flatten(-2)
        return (straight_through(relaxed, exact) if self.hard else relaxed), codes

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        return self.draw(math.prod(sample_shape))[0].reshape(
            self._extended_shape(Size(sample_shape))
        )

    def likeliest(self) -> Tensor:
        """The most probable code, (B, L)."""
        return self.log_p.argmax(-1)

    def entropy(self) -> Tensor:
        """Of the code, (B,), in nats."""
        return -(self.log_p.exp() * self.log_p).sum((-2, -1))

    def log_prob_codes(self, codes: Tensor) -> Tensor:
        """Log q(codes | x) for codes (K, B, L), (K, B)."""
        log_p = self.log_p.expand(*codes.shape, self.log_p.shape[-1])
        return log_p.gather(-1, codes[..., None])[..., 0].sum(-1)


# ------------------------------------------------------------------------------------------- model


@dataclass(eq=False)
class CodeInference(Inference):
    """One pass x -> q(code | x) -> code -> p(x | z(code))."""

    codes: Tensor | None = None
    """K draws from q, whole numbers (K, B, L)."""

    @property
    def log_q(self) -> Tensor:
        return self._once("log_q", lambda: self._law()[0].log_prob_codes(self._drawn()))

    @property
    def log_p(self) -> Tensor:
        return self._once("log_p", lambda: self._law()[1].log_prob(self._drawn()))

    def _rate(self) -> Tensor:
        # E log q is minus the entropy; E log p is the mean over the draws, which for a certain
        # code or a uniform prior is exact as well.
        return -self._law()[0].entropy() - self.log_p.mean(0)

    def _rates(self) -> Tensor:
        return self.rate[:, None]

    def _drawn(self) -> Tensor:
        assert self.codes is not None
        return self.codes

    def _law(self) -> tuple[Certain | Categoricals, CodeDistribution]:
        assert isinstance(self.q, Certain | Categoricals)
        assert isinstance(self.p, CodeDistribution)
        return self.q, self.p


class CodeVAE(VAE):
    """A VAE whose codes are whole numbers: x -> codes -> z -> x."""

    posterior: CodePosterior
    prior: CodePrior

    def __init__(
        self,
        posterior: CodePosterior,
        prior: CodePrior,
        likelihood: Likelihood,
        corruption: nn.Module | None = None,
    ) -> None:
        super().__init__(posterior, prior, likelihood, corruption)

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> CodeInference:
        target = x if target is None else target
        if self.training and self.corruption is not None:
            x = self.corruption(x)
        q = self.posterior(x, c)
        z, codes = q.draw(draws)
        px, p = self.likelihood(z, c), self.prior(c)
        return CodeInference(x=target, z=z, px=px, q=q, p=p, c=c, codes=codes)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return self.embed(self.prior.draw(n, c, temperature))

    def embed(self, codes: Tensor) -> Tensor:
        return self.posterior.embed(codes)

    def start(self, x: Tensor) -> None:
        super().start(x)
        self.posterior.begin(x)


# --------------------------------------------------------------------------------- posteriors


class Rounded(CodePosterior):
    """Finite scalar quantisation: each dimension rounded to one of a few equally spaced values.

    Mentzer et al., 2024, arXiv 2309.15505: z = round((K - 1) / 2 tanh(h)), here in [-1, 1]. For
    even K it is rounded to the halves between, which leaves zero out, as the paper's shift does.
    levels: K for each dimension, of each position.
    """

    top: Tensor

    def __init__(self, body: nn.Module, width: int, levels: Sequence[int]) -> None:
        super().__init__(body, width)
        top = torch.tensor(levels).repeat(self.positions) - 1.0
        self.register_buffer("top", top, persistent=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Certain:
        bounded = torch.tanh(self.features(x, c))
        codes = (0.5 * (bounded + 1) * self.top).round().long()
        return Certain(straight_through(bounded, self.embed(codes)), codes)

    def embed(self, codes: Tensor) -> Tensor:
        return 2 * codes / self.top - 1


class ConcretePosterior(CodePosterior):
    """L categorical variables, relaxed while they are learned: Jang et al., 2017, 1611.01144.

    Maddison et al., 2017, arXiv 1611.00712, have the same relaxation. Outside training, draws are
    truly discrete.
    """

    temperature: Tensor

    def __init__(
        self, body: nn.Module, width: int, classes: int, temperature: float, hard: bool
    ) -> None:
        super().__init__(body, width)
        self.classes, self.hard = classes, hard
        self.register_buffer("temperature", torch.tensor(temperature))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Categoricals:
        logits = self.features(x, c).unflatten(-1, (-1, self.classes))
        relaxed = self.temperature if self.training else None
        return Categoricals(logits.log_softmax(-1), relaxed, self.hard)

    def embed(self, codes: Tensor) -> Tensor:
        return one_hot(codes, self.classes)


class Cooled(Objective):
    """The bound alone, while the temperature of a relaxation is lowered as training goes on."""

    def __init__(self, bound: Bound, temperature: Schedule) -> None:
        super().__init__(bound)
        self.temperature = temperature

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        if model.training:
            # The next step's: this pass has been made.
            model.get_buffer("posterior.temperature").copy_(self.temperature(done))
        return super().losses(r, model, done)

    def parts(self, r: Inference, model: LatentModel) -> dict[str, Tensor]:
        return {
            **super().parts(r, model),
            "temperature": model.get_buffer("posterior.temperature").clone(),
        }
