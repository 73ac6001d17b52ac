"""New rows of a table: as those it was fitted on, given any of their cells, and as constrained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .. import building, sampling
from ..core.columns import Columns
from ..core.posteriors import GaussianPosterior
from ..core.veils import codes_given
from ..data.columns import Column
from ..data.mixed import Told, check_told, infer_columns, need_frame, read_told
from ..errors import LatentryError
from ..estimator import Estimator, option
from . import given as fixed_cells
from .constraints import Constraint, Made, State, check
from .holding import bounded, mend
from .keeping import Kept
from .tabular import Tabular, passes

ROWS = 2048
"""Rows that are made together."""
DRAWS = 64
"""Codes of which one is taken for a row with fixed cells."""
CODES = 20_000
"""Training rows whose codes are kept to draw from."""
FEWEST = 50
"""Training rows from which that is done."""


@dataclass(eq=False, repr=False)
class Synthesizer(Kept, BaseEstimator):
    """Makes rows like those of a table: DataFrame in, DataFrame out.

    Columns, their order and types, levels and missing cells come back as they went in; identifiers
    and constants too. Each cell is drawn from its distribution, so that rare levels and tails
    are as frequent as they were.

    By default the codes of new rows are drawn from the posteriors of training rows, which together
    are what the prior only comes near; the decoder then draws every cell anew. No row is copied,
    but each has one training row that it began from: where that is too near, take sampler="prior".

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"age": rng.integers(18, 80, 200), "sex": rng.choice(["f", "m"], 200)})
    >>> synthesizer = Synthesizer(random_state=0).fit(table, epochs=2)
    >>> synthesizer.sample(3, {"sex": "f"}).sex.tolist()
    ['f', 'f', 'f']
    """

    model: Estimator | None = option(None, "any model with a prior; None for one that suits tables")
    constraints: Sequence[Constraint] = option((), "what holds in every row that is made")
    sampler: str = option(
        "auto",
        "what codes are drawn from: prior, posterior (of training rows), one that `fit_sampler` of"
        " the model takes, or auto: posterior where the model can, else its own",
    )
    random_state: Any = option(None, "seed; the same seed gives the same rows")

    def fit(self, X: Any, y: Any = None, *, schema: Told = None, **given: Any) -> Self:
        """Learn the table X: a DataFrame of pandas, polars or Arrow. y is not looked at.

        schema: what columns are, where `latentry.data.infer_columns` does not tell it right.
        given: more for the model's `fit`, such as folder= and progress=, and its epochs.
        Raises LatentryError for tables, options and constraints that cannot work.
        """
        if self.model is not None and not isinstance(self.model, Estimator):
            raise LatentryError(
                f"model={self.model!r} is no model; give one such as latentry.VAE(), or None."
            )
        frame, said = need_frame(X), self._told(X, schema)
        est: Any = Tabular() if self.model is None else clone(cast(Any, self.model))
        epochs = given.pop("epochs", None)
        if epochs is None and self.model is None:
            epochs = passes(len(frame), est.batch_size)
        est.set_params(random_state=self.random_state)
        if epochs is not None:
            est.set_params(epochs=epochs)
        self.estimator_: Estimator = est.fit(self._with_beside(X), schema=said, **given)
        self._check_prior()
        self._fit_sampler(X)
        return self

    def _fit_sampler(self, X: Any) -> None:
        """Fit what codes are drawn from to some of the rows."""
        est, name = self.estimator_, self.sampler
        frame = need_frame(X)
        some, rows = X, len(frame)
        if rows > CODES:
            at = np.sort(np.random.default_rng(est.seed_).permutation(rows)[:CODES])
            if hasattr(X, "iloc"):
                some = X.iloc[at]
            else:
                some = frame.x.take(at) if frame.arrow else frame.x[at.tolist()]
        gaussian = isinstance(getattr(est.model_, "posterior", None), GaussianPosterior)
        if name == "auto" and gaussian and rows >= FEWEST:
            name = "posterior"
        if name != "auto":
            est.fit_sampler(self._with_beside(some), name, seed=est.seed_)

    @property
    def columns_beside_(self) -> tuple[Column, ...]:
        """What the columns are that are learned: those of the table, and of constraints."""
        return self.estimator_.schema_.table

    @property
    def columns_(self) -> tuple[Column, ...]:
        """What the columns of the table are."""
        return self._own(self.columns_beside_)

    def check_conditions(
        self,
        conditions: Any,
        n: int | None = None,
        *,
        balance: str | None = None,
        columns: Sequence[Column] | None = None,
    ) -> None:
        """Raise LatentryError for what `sample` would refuse.

        columns: what `columns_of` gave, before `fit`.
        """
        self._given(conditions, n, balance, 0, columns or self.columns_beside_)

    def columns_of(self, X: Any, *, schema: Told = None) -> tuple[Column, ...]:
        """What `fit` would take the columns of X for, and those that constraints put beside them.

        Raises LatentryError as `fit` does, but learns nothing.
        """
        said = self._told(X, schema)
        return infer_columns(self._with_beside(X), said)

    def _told(self, X: Any, schema: Told) -> dict[str, Any]:
        """What the user and the constraints say of the columns of X; the constraints look at it."""
        names = need_frame(X).names
        check(self.constraints, names)
        if self.constraints and not hasattr(X, "iloc"):
            raise LatentryError("Constraints take a DataFrame of pandas; give X.to_pandas().")
        said: dict[str, Any] = check_told(read_told(schema), names)
        self.states_: list[State] = []
        for each in self.constraints:
            self.states_.append(each.learn(X))
            for name, told in each.told(X, self.states_[-1]).items():
                said[name] = told | said.get(name, {})
        return said

    # -------------------------------------------------------------------------------------- making

    def sample(
        self,
        n: int | None = None,
        conditions: Any = None,
        *,
        balance: str | None = None,
        seed: int | None = None,
        draws: int = DRAWS,
    ) -> Any:
        """Exactly n new rows.

        conditions: fixed cells, {"column": value} for all rows or a DataFrame with a row for each;
            a missing value fixes that the cell is missing. All other cells are drawn given these:
            see `latentry.core.veils.codes_given`, which takes one of `draws` codes.
        balance: a column of levels of which each is to occur equally often.
        seed: defaults to one made from `random_state`.
        Raises LatentryError for unknown columns and levels, and for conditions that contradict a
        constraint or what the column can be.
        """
        check_is_fitted(self, "estimator_")
        seed = building.seed(self.random_state) if seed is None else seed
        cells, rows, allowed = self._given(conditions, n, balance, seed, self.columns_beside_)
        if draws < 2:
            raise LatentryError(f"draws={draws} is too few; one is taken of at least 2.")
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            made = self._made(rows, allowed, draws)
        return self._finished(made, cells)

    def score(self, X: Any, y: Any = None) -> float:
        """A lower bound on the mean log-likelihood of rows, in nats for each: higher is better.

        Held-out rows tell which of several models of one table, with one set of constraints, is
        best. See `Estimator.score_samples`.
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.score(self._with_beside(X))

    # ------------------------------------------------------------------------------------ internal

    def _check_prior(self) -> None:
        est = self.estimator_
        if not est.sampled:
            raise LatentryError(
                f"{type(est).__name__} is never sampled; use a model that is, such as VAE."
            )

    def _with_beside(self, X: Any) -> Any:
        """The table with the columns that constraints have learned beside it."""
        if not self.constraints:
            return X
        return X.assign(
            **{
                name: cells
                for each, state in zip(self.constraints, self.states_, strict=True)
                for name, cells in each.beside(X, state).items()
            }
        )

    def _beside_names(self) -> list[str]:
        return [name for each in self.constraints if (name := getattr(each, "name", None))]

    def _own(self, table: Sequence[Column]) -> tuple[Column, ...]:
        beside = self._beside_names()
        return tuple(column for column in table if column.name not in beside)

    def _given(
        self,
        conditions: Any,
        n: int | None,
        balance: str | None,
        seed: int,
        table: Sequence[Column],
    ) -> tuple[Any, np.ndarray, dict[int, Tensor]]:
        """The fixed cells; rows (N, D) of them; and which levels (N, L) they leave to columns."""
        columns = self._own(table)
        cells = fixed_cells.read(conditions, n, columns)
        if balance is not None:
            fixed_cells.balance(cells, balance, columns, seed)
        room = bounded({column.name: column for column in table}, self.constraints)
        rows = fixed_cells.encode(cells, list(room.values()))
        places = {name: i for i, name in enumerate(c.name for c in table if c.learned)}
        allowed: dict[int, Tensor] = {}
        for each, state in zip(self.constraints, self.states_, strict=True):
            each.check(cells, state)
            fits = each.allowed(cells, state)
            if fits is not None:
                allowed[places[each.name]] = torch.from_numpy(fits)  # pyright: ignore[reportAttributeAccessIssue]
        return cells, rows, allowed

    def _made(self, rows: np.ndarray, allowed: dict[int, Tensor], draws: int) -> Any:
        """Rows (N, D) with all that is not fixed drawn, as a DataFrame."""
        est, parts = self.estimator_, []
        given = bool(np.isfinite(rows).any() or np.isnan(rows).any())
        # All at once, so that they are spread as those of the training rows are.
        codes = None if given else sampling.draw(est, len(rows), None, None, 1.0)
        for start in range(0, len(rows), ROWS):
            some = slice(start, start + ROWS)
            fixed = torch.from_numpy(rows[some]).to(est._device)
            said = torch.isfinite(fixed) | torch.isnan(fixed)
            x = torch.where(torch.isinf(fixed), fixed, est.scaler_(fixed.masked_fill(~said, 0.0)))
            z = self._codes(x, draws) if codes is None else codes[some]
            px = est.model_.decode(z, None)
            assert isinstance(px, Columns)
            new = px.with_gaps(px.sample())
            for place, fits in allowed.items():
                new[:, place] = _restricted(px, new, place, fits[some].to(new.device))
            parts.append(torch.where(said, fixed, est._data_units(new).to(fixed.device)).cpu())
        return est.schema_.unpack(torch.cat(parts))

    def _codes(self, x: Tensor, draws: int) -> Tensor:
        """A code for each row given its fixed cells, (B, latent)."""
        est = self.estimator_
        if not est.model_.has_bound:
            raise LatentryError(
                f"{type(est).__name__} has no density of its codes, so rows cannot be made given"
                " cells; leave conditions out, or use a VAE."
            )
        return codes_given(est.model_, x, draws)

    def _finished(self, made: Any, cells: Any) -> Any:
        """The rows as a DataFrame of the table's columns, with fixed cells exact."""
        columns = {column.name: column for column in self.columns_}
        if not hasattr(made, "iloc"):  # of polars, whose fixed cells are as the model has them
            return made
        beside = made[[n for n in self._beside_names() if n in made]]
        table = made[list(columns)].copy()
        for name in cells.columns:
            if not cells[name].isna().all():
                table[name] = cells[name].astype(table[name].dtype)
        rules = list(zip(self.constraints, self.states_, strict=True))
        mend(Made(table, beside, list(cells.columns), columns), rules)
        return table


def _restricted(px: Columns, rows: Tensor, place: int, fits: Tensor) -> Tensor:
    """Draws (B,) of the level in one place of rows (B, D), from the levels (B, L) that are left."""
    log_p = torch.full(fits.shape, -torch.inf, device=rows.device)
    for level in torch.nonzero(fits.any(0)).flatten():
        asked = rows.clone()
        asked[:, place] = level
        log_p[:, level] = px.log_probs(asked)[:, place]
    log_p = log_p.masked_fill(~fits, -torch.inf)
    return (log_p - torch.log(torch.empty_like(log_p).exponential_())).argmax(1).to(rows.dtype)
