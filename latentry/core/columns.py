"""The likelihood of a row of a table of mixed columns: a distribution for each of its columns.

What each of them is follows from what the column is:

- on a line (numbers, dates, levels in an order): a mixture of logistic distributions on the scale
  on which the column's own distribution in the training data is a logistic one of mean 0 and
  variance 1. On that scale nothing is wider, more skewed or longer-tailed than anything else, and
  the column's atoms, bounds and tails come back exactly: a normalising flow of one fixed step, by
  the column's quantiles. Where all values are atoms (whole numbers, levels in an order), it is the
  cumulative logit model with a mixture for its noise (McCullagh, 1980, JRSS B 42(2)); the flow is
  the "mode-specific normalisation" of Xu et al., 2019, arXiv 1907.00503, in its continuous form;
- levels without an order: a categorical distribution, for very many levels one in two steps, over
  groups of them and over the levels of a group, by `RANK` numbers for each: see `WideChoice`.

**Balance.** No column drowns the others, since (1) all of them start at their marginal
distributions in the data (at an output of 0 the loss of every column is its entropy, and what is
learned from there on is what columns say of each other), (2) numbers have one scale, and (3) what
a number can gain is bounded: its scale has the floor MIN_LOG_SCALE, 1/40 of the column's standard
deviation, so that it can be told at most 3.7 nats better than its marginal, about as much as one of
37 even levels. Beyond that, terms are summed as they are: weights would make a bound of no
distribution.

**Missing cells** are left out of log p(x | z), which is then the marginal probability of what was
observed. Beside it, which cells of a column are missing is learned by a Bernoulli distribution
given z, in training only, so that samples can have gaps as the data have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from ..errors import LatentryError
from .distributions import OneNumber, Shape
from .likelihood import Likelihood, at_least, need_finite
from .stretches import UNIT_LOGISTIC, Choice, Stretches, WideChoice

MIN_LOG_SCALE = math.log(UNIT_LOGISTIC / 40)
"""The least log scale of a number, on its column's own scale."""
FAR = 1e4
"""Beyond any number on that scale."""
WIDE = 64
"""A column of more levels than this has them in groups."""
RANK = 16
"""The numbers that stand for one of very many levels."""
LEAST = 1e-6
"""The share that a level has at the start which was never seen."""


class Column(Protocol):
    """What is asked of a column: see `latentry.data.Column`."""

    @property
    def ordered(self) -> bool: ...
    @property
    def size(self) -> int: ...
    @property
    def shares(self) -> Sequence[float]: ...
    @property
    def knots(self) -> Sequence[float]: ...
    @property
    def scores(self) -> Sequence[float]: ...
    @property
    def tails(self) -> Sequence[float]: ...
    @property
    def missing(self) -> float: ...


class Columns(Distribution):
    """p(x | z) of rows (D,): for each column a distribution of its own.

    parts : pairs of distributions over some columns, batch (..., C), and their places (C,)
    order (D,) : where each column stands among those of all parts
    gaps : logits (..., G) that a cell is missing, and the places (G,) of these columns
    learning : whether log_prob also says which cells are missing
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(
        self,
        parts: Sequence[tuple[OneNumber, Tensor]],
        order: Tensor,
        gaps: tuple[Tensor, Tensor] | None = None,
        learning: bool = False,
    ) -> None:
        self.parts, self.order, self.gaps, self.learning = tuple(parts), order, gaps, learning
        first = self.parts[0][0].batch_shape[:-1]
        super().__init__(first, order.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean of numbers, on their columns' own scales, and the likeliest of levels."""
        return self._joined([part.mean for part, _ in self.parts])

    @property
    def mode(self) -> Tensor:
        """The likeliest level, and the middle of the likeliest component of numbers."""
        return self._joined([part.mode for part, _ in self.parts])  # pyright: ignore[reportAttributeAccessIssue]

    def log_probs(self, value: Tensor) -> Tensor:
        """Log p of each cell on its own, (..., D), 0 where it is missing.

        A probability where a value is an atom or a level, else a density on the column's scale.
        Of a cell that is inf nothing is asked, not even whether it is missing.
        """
        unseen = ~torch.isfinite(value)
        seen = torch.where(unseen, 0.0, value)
        each = self._joined([part.log_prob(seen[..., at]) for part, at in self.parts])
        return torch.where(unseen, 0.0, each)

    def log_prob(self, value: Tensor) -> Tensor:
        total = self.log_probs(value).sum(-1)
        if not self.learning or self.gaps is None:
            return total
        logits, at = self.gaps
        cells = value[..., at]
        each = F.logsigmoid(torch.where(torch.isnan(cells), logits, -logits))
        return total + torch.where(torch.isinf(cells), 0.0, each).sum(-1)

    def errors(self, value: Tensor) -> Tensor:
        """The squared error of the mean of numbers, and 1 for another level, (..., D)."""
        each = [
            (part.mean - value[..., at]) ** 2
            if isinstance(part, Stretches)
            else torch.where(torch.isnan(value[..., at]), torch.nan, part.mean != value[..., at])
            for part, at in self.parts
        ]
        return self._joined(each)

    @property
    def point(self) -> Tensor:
        """A point of a space with distances, (..., E), that moves smoothly with the parameters.

        The means of numbers, and of a level sqrt(p / 2) for each level: the distance of two sure
        levels is 1 and that of two distributions Hellinger's. Of a column of very many levels the
        numbers that its logits are made of.
        """
        each = [
            part.mean if isinstance(part, Stretches)
            else (0.5 * (part.log_p - math.log(2))).exp().flatten(-2) if isinstance(part, Choice)
            else part.h / math.sqrt(RANK)  # pyright: ignore[reportAttributeAccessIssue]
            for part, _ in self.parts
        ]  # fmt: skip
        return torch.cat(each, -1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Whole rows, without gaps."""
        return self._joined([part.sample(Size(sample_shape)) for part, _ in self.parts])

    def with_gaps(self, rows: Tensor) -> Tensor:
        """Rows (..., D) with cells missing as they are in the data: NaN."""
        if self.gaps is None:
            return rows
        logits, at = self.gaps
        gone = torch.zeros_like(rows, dtype=torch.bool)
        gone[..., at] = torch.bernoulli(torch.sigmoid(logits)).bool()
        return rows.masked_fill(gone, torch.nan)

    def expected(self, weight: Tensor, inverse: Callable[[Tensor], Tensor]) -> Tensor:
        """sum_k w_k E[. | z_k] for weights (K, B) of K codes for each of B rows, (B, E).

        First the mean of each column (D), from draws that `inverse` takes to the scale on which
        they are averaged; then the probability of each level of the columns of few levels, and
        last those of each column of very many, by draws.
        """
        # Levels whose probabilities are known are not drawn.
        drawn = inverse(
            self._joined(
                [
                    torch.zeros_like(part.log_p[..., 0])
                    if isinstance(part, Choice)
                    else part.sample()
                    for part, _ in self.parts
                ]
            )
        )
        means = [(weight[..., None] * drawn).sum(0)]
        for part, at in self.parts:
            if isinstance(part, Choice):
                means.append(torch.einsum("kb,kbcl->bcl", weight, part.log_p.exp()).flatten(1))
            elif isinstance(part, WideChoice):
                votes = weight.new_zeros(weight.shape[1], part.size)
                means.append(votes.scatter_add(1, drawn[..., at[0]].long().T, weight.T))
        return torch.cat(means, 1)

    def _joined(self, each: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(each), -1).index_select(-1, self.order)


def errors(px: Distribution, value: Tensor) -> Tensor:
    """The squared error of the mean of p(x | z), entry by entry; 1 for another level of a table."""
    return px.errors(value) if isinstance(px, Columns) else (px.mean - value) ** 2


def located(px: Distribution) -> Tensor:
    """Where p(x | z) stands among the data, smoothly: its mean, and `Columns.point` of a row."""
    return px.point if isinstance(px, Columns) else px.mean


class ColumnsLikelihood(Likelihood):
    """Each column of a table has the distribution that suits it; see the module.

    columns : what each of them is
    components : logistic distributions in the mixture of a number
    """

    name = "columns"
    discrete = False

    def __init__(
        self,
        body: nn.Module,
        shape: tuple[int, ...],
        *,
        levels: int = 256,
        missing: bool = False,
        columns: Sequence[Column] = (),
        components: int = 3,
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        self.components = components
        self.widths = _widths(columns, components)
        for name, where in _places(columns).items():
            self.register_buffer(name, torch.tensor(where, dtype=torch.long), persistent=False)
        self._keep(ends=_ends([c for c in columns if c.ordered]))
        self._keep(atoms=_atoms([c for c in columns if c.ordered], self.ends))
        narrow = [c for c in columns if 0 < c.size <= WIDE]
        self._keep(base=_log_shares([s for c in narrow for s in c.shares]), fold=_fold(narrow))
        wide = [c for c in columns if c.size > WIDE]
        grouped = [_grouped(_log_shares(c.shares)) for c in wide]
        self._keep(**{f"base_{i}": base for i, base in enumerate(grouped)})
        self.sizes = [c.size for c in wide]
        self.groups = nn.ParameterList(_vectors(len(base)) for base in grouped)
        self.tables = nn.ParameterList(_vectors(*base.shape) for base in grouped)
        share = torch.tensor([c.missing for c in columns if c.missing])
        self._keep(gone=torch.logit(share, eps=LEAST))

    ends: Tensor
    atoms: Tensor
    base: Tensor
    fold: Tensor
    gone: Tensor
    line: Tensor
    narrow: Tensor
    wide: Tensor
    holey: Tensor
    order: Tensor

    def _keep(self, **buffers: Tensor) -> None:
        """Tensors that follow from the columns, so that they need not be saved."""
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)

    @classmethod
    def body_shape(cls, shape: tuple[int, ...], **options: object) -> tuple[int, ...]:
        columns, components = options.get("columns"), options.get("components", 3)
        if not columns:
            raise LatentryError(
                "the likelihood columns is for tables of mixed columns: give a DataFrame with text,"
                " dates or categories, or fit with schema="
            )
        if not isinstance(components, int) or components < 1:
            raise LatentryError(f"components must be a whole number from 1, not {components}")
        return (sum(_widths(columns, components)),)  # pyright: ignore[reportArgumentType]

    def forward(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        params = self.params(z, c)[..., 0, :]
        line, levels, wide, gaps = params.split(self.widths, -1)
        parts: list[tuple[OneNumber, Tensor]] = []
        if len(self.line):
            parts.append((self._numbers(line), self.line))
        if len(self.narrow):
            logits = F.pad(levels + self.base, (0, 1), value=-torch.inf)[..., self.fold]
            parts.append((Choice(logits), self.narrow))
        for i, h in enumerate(wide.split(RANK, -1) if len(self.wide) else ()):
            base: Tensor = getattr(self, f"base_{i}")
            vectors = self.groups[i].float(), self.tables[i].float()
            parts.append((WideChoice(h, *vectors, base, self.sizes[i]), self.wide[i : i + 1]))
        missing = (gaps + self.gone, self.holey) if len(self.holey) else None
        return Columns(parts, self.order, missing, self.training)

    def each(self, params: Tensor) -> Distribution:
        raise NotImplementedError("columns are not alike")

    def _numbers(self, params: Tensor) -> Stretches:
        logits, loc, raw = params.unflatten(-1, (3, -1, self.components)).unbind(-3)
        # At 0 the scale is that of the column itself.
        own = math.log(UNIT_LOGISTIC) - MIN_LOG_SCALE
        shift = math.log(math.expm1(own)) + MIN_LOG_SCALE
        return Stretches(logits, loc, at_least(MIN_LOG_SCALE, raw + shift), self.ends, self.atoms)

    def apart(self, means: Tensor) -> list[Tensor]:
        """Of what is `Columns.expected` (B, E), each column's part.

        The mean of a number, (B, 1), or the probabilities of a column's levels, (B, levels).
        """
        sizes = [self.fold.numel(), *self.sizes]
        rows, few, *many = means.split([len(self.order), *sizes], 1)
        found = list(rows.split(1, 1))
        each = few.unflatten(1, self.fold.shape).unbind(1) if len(self.narrow) else ()
        for at, shares, place in zip(self.narrow, each, self.fold, strict=bool(len(self.narrow))):
            found[at] = shares[:, place < len(self.base)]
        for at, shares in zip(self.wide, many, strict=True):
            found[at] = shares
        return found

    def likeliest(self, means: Tensor) -> Tensor:
        """The rows (B, D) of what is `Columns.expected` (B, E): levels are the most probable."""
        levels = {*self.narrow.tolist(), *self.wide.tolist()}
        each = [
            part.argmax(1).to(means.dtype) if i in levels else part[:, 0]
            for i, part in enumerate(self.apart(means))
        ]
        return torch.stack(each, 1)

    def check(self, x: Tensor) -> None:
        need_finite(self.name, x)

    improper: ClassVar[dict[str, str]] = {}

    @classmethod
    def note(cls, values: str) -> str | None:
        return (
            "Log-likelihoods of a mixed table add probabilities (levels, and values that occur"
            " often) and densities per unit of the data (other numbers): they compare only on the"
            " same columns."
        )


def _widths(columns: Sequence[Column], components: int) -> tuple[int, int, int, int]:
    """How many numbers of the body are about numbers, levels, very many levels, and gaps."""
    return (
        3 * components * sum(c.ordered for c in columns),
        sum(c.size for c in columns if c.size <= WIDE),
        RANK * sum(c.size > WIDE for c in columns),
        sum(c.missing > 0 for c in columns),
    )


def _places(columns: Sequence[Column]) -> dict[str, list[int]]:
    """The places of the columns of each part, and the order of the columns among all parts."""
    kinds = {
        "line": [i for i, c in enumerate(columns) if c.ordered],
        "narrow": [i for i, c in enumerate(columns) if 0 < c.size <= WIDE],
        "wide": [i for i, c in enumerate(columns) if c.size > WIDE],
    }
    joined = [i for places in kinds.values() for i in places]
    order = sorted(range(len(joined)), key=joined.__getitem__)
    return kinds | {"holey": [i for i, c in enumerate(columns) if c.missing], "order": order}


def _ends(columns: Sequence[Column]) -> Tensor:
    """The scores of the knots of each column, (C, Q), inf beyond its last."""
    ends = torch.full((len(columns), max((len(c.knots) for c in columns), default=1)), torch.inf)
    for row, column in zip(ends, columns, strict=True):
        row[: len(column.knots)] = torch.tensor(list(column.scores), dtype=torch.float64)
    return ends


def _atoms(columns: Sequence[Column], ends: Tensor) -> Tensor:
    """Of every stretch whether it is an atom, and its ends: see `Stretches`, (3, C, Q + 1)."""
    table = torch.zeros(3, len(columns), ends.shape[1] + 1)
    for j, column in enumerate(columns):
        q, s = len(column.knots), ends[j]
        for i in range(1, q):
            if column.knots[i - 1] == column.knots[i]:
                table[:, j, i] = torch.stack([torch.ones(()), s[i - 1], s[i]])
        # An end that nothing lies beyond is an atom that takes all that would.
        if column.tails[0] == 0:
            table[1, j, 1] = -FAR
            table[:, j, 0] = table[:, j, 1]
        if column.tails[1] == 0:
            table[2, j, q - 1] = FAR
            table[:, j, q] = table[:, j, q - 1]
    return table


def _log_shares(shares: Sequence[float]) -> Tensor:
    return torch.tensor(list(shares)).clamp(min=LEAST).log()


def _grouped(base: Tensor) -> Tensor:
    """Log shares (L,) of levels in groups of neighbours, as many as levels in each, -inf beyond."""
    each = math.ceil(math.sqrt(len(base)))
    groups = math.ceil(len(base) / each)
    return F.pad(base, (0, groups * each - len(base)), value=-torch.inf).reshape(groups, each)


def _vectors(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape, RANK) / math.sqrt(RANK))


def _fold(columns: Sequence[Column]) -> Tensor:
    """Where the logits of each column stand in a row of those of all, (C, L), its end for none."""
    sizes = [c.size for c in columns]
    fold = torch.full((len(sizes), max(sizes, default=1)), sum(sizes))
    start = 0
    for row, size in zip(fold, sizes, strict=True):
        row[:size] = torch.arange(start, start + size)
        start += size
    return fold
