"""Filling gaps: a scikit-learn imputer over any model with a bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from ..building import build_model, check_fields
from ..building import seed as seed_of
from ..core.columns import WIDE
from ..core.holes import columns_of
from ..data.cells import frame_of
from ..data.datasets import Dataset
from ..data.mixed import Told, fill_table, like_table
from ..data.schema import Schema
from ..errors import LatentryError, suggest
from ..estimator import Estimator, option
from ..inputs import read_rows, read_training
from ..zoo.missing import expectations, imputations
from . import fillers
from .finishing import Blocks, Finisher, rows_of, some
from .keeping import Kept

HOW = ("mean", "draw")
ROWS = 2048
"""Rows of which something is expected at a time."""


@dataclass(eq=False, repr=False)
class Imputer(Kept, TransformerMixin, BaseEstimator):
    """Fills the gaps (NaN) of tables by what a model of the observed cells expects there.

    Arrays and DataFrames of numbers, and DataFrames of mixed columns, come back as they were, with
    the gaps filled: by importance-weighted means over codes, and by the most probable level where a
    column has levels without an order (Mattei & Frellsen, 2019, arXiv 1812.02633). What was
    observed is not changed. Where no model is given, regressions of each column on the others
    finish what the network fills (`latentry.jobs.finishing`). `model=NotMIWAE()` takes into account
    that values are missing because of what they are (Ipsen et al., 2021, arXiv 2006.12871).

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 1)) * [1.0, 2.0]
    >>> X[0, 1] = np.nan
    >>> full = Imputer(members=1, random_state=0).fit_transform(X)
    >>> bool(np.isnan(full).any())
    False
    """

    model: Estimator | None = option(
        None, "any model with a bound; None for networks that learn from holes of their own making"
    )
    draws: int = option(200, "codes drawn for each row and network")
    how: str = option("mean", "mean (and the likeliest level), or draw: one plausible value")
    add_indicator: bool = option(
        False, "add a column for each column that had gaps in fit, which says where they are"
    )
    members: int = option(1, "networks, of different seeds, whose fills are averaged")
    finish: bool | None = option(
        None, "finish the fills by regressions of each column on the others; None: without a model"
    )
    random_state: Any = option(None, "seed; the same seed gives the same fills")

    # ------------------------------------------------------------------------------------- fitting

    def fit(self, X: Any, y: Any = None, *, schema: Told = None) -> Self:
        """Learn from the observed cells of X (N, D); y is not looked at.

        schema: what columns of a table are, as in `Estimator.fit`.
        Raises LatentryError for options or rows that cannot work, and a column without a value.
        """
        self._check()
        frame = frame_of(X)
        self.schema_ = None
        if schema is not None or (frame is not None and frame.is_mixed):
            self.schema_ = Schema.of_table(X, schema)
            self.n_features_in_ = len(self.schema_.table)
            names = [column.name for column in self.schema_.table]
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        rows, gaps = self._read(X, reset=True)
        self.holey_ = np.flatnonzero(gaps.any(0))
        self._fixed(rows)
        self.models_, self.finisher_ = [], None
        learned = rows[:, np.isnan(self.fixed_)]
        if learned.shape[1] or not rows.shape[1]:  # a table without columns has its error there
            seed = seed_of(self.random_state)
            self.models_ = self._train(self._part(learned), seed)
            if self.finish or (self.finish is None and self.model is None):
                self._refine(some(learned, seed), seed)
        return self

    def _refine(self, rows: np.ndarray, seed: int) -> None:
        """Regressions that will learn from some rows (N, F), when they are first needed."""
        self.finisher_ = Finisher(rows, self._levels, self._expected, self._drawn, seed)

    @property
    def _levels(self) -> list[int]:
        """How many levels each learned column has; 0 for numbers."""
        if self.schema_ is None:
            return [0] * int(np.isnan(self.fixed_).sum())
        return [column.size for column in self.schema_.learned]

    def _to_keep(self) -> dict[str, Any]:
        kept = super()._to_keep()
        if self.finisher_ is not None:
            kept["finisher_"] = (self.finisher_.rows, self.finisher_.seed)
        return kept

    def _come_back(self, kept: dict[str, Any]) -> None:
        super()._come_back(kept)
        if kept.get("finisher_") is not None:
            self._refine(*kept["finisher_"])

    def _train(self, rows: Dataset, first: int) -> list[Estimator]:
        if self.model is None:
            made: list[Estimator] = list(fillers.networks(len(rows), self.members))
        else:
            made = [cast(Estimator, clone(self.model)) for _ in range(self.members)]
            self._need_bound(rows)
        for i, est in enumerate(made):
            est.set_params(random_state=(first + i) % 2**31).fit(rows)
        return made

    def _need_bound(self, rows: Dataset) -> None:
        """Raise LatentryError, before anything is learned, for a model without a bound."""
        probe = cast(Estimator, clone(self.model))
        check_fields(probe)
        schema = read_training(cast(Any, probe), rows, None)[1]
        if not build_model(probe, schema, 0).has_bound:
            raise LatentryError(
                f"model={self.model!r} has no bound, so its codes cannot be weighted; give one"
                " with a prior, such as MissingIWAE()."
            )

    def _fixed(self, rows: np.ndarray) -> None:
        """Which columns of numbers have one value only: they are filled with it, not learned."""
        if self.schema_ is not None:  # which leaves them aside itself
            self.fixed_ = np.full(rows.shape[1], np.nan)
            return
        empty = np.flatnonzero(np.isnan(rows).all(0))
        if len(empty):
            names = getattr(self, "feature_names_in_", None)
            which = empty[0] if names is None else repr(names[empty[0]])
            raise LatentryError(
                f"column {which} has no value at all, so nothing says what belongs there; leave it"
                " out, or fill it."
            )
        low, high = np.nanmin(rows, 0), np.nanmax(rows, 0)
        self.fixed_ = np.where((low == high) & np.isfinite(low), low, np.nan)

    # ------------------------------------------------------------------------------------- filling

    def transform(self, X: Any) -> Any:
        """X with its gaps filled, as an array (N, D) or a table like X; see `how`."""
        check_is_fitted(self)
        rows, gaps = self._read(X, reset=False)
        if self.how == "mean":
            (filled,) = self._filled(rows, self._means)
        else:
            (filled,) = self._draws(rows, 1, seed_of(self.random_state))
        return self._restored(X, filled, gaps)

    def sample(self, X: Any, m: int = 5, seed: int = 0) -> Any:
        """`m` imputations of X for multiple imputation, each drawn given what is observed.

        Gives an array (m, N, D), or a list of m tables for a table. The networks take turns, so
        that what they disagree on counts as unknown, too; where regressions finish their fills, the
        draws follow (`latentry.jobs.finishing`).
        """
        check_is_fitted(self)
        if not isinstance(m, int | np.integer) or m < 1:
            raise LatentryError(f"m={m!r}: it is a whole number of at least 1.")
        rows, gaps = self._read(X, reset=False)
        made = [self._restored(X, filled, gaps) for filled in self._draws(rows, m, seed)]
        return made if frame_of(X) is not None else np.stack(made)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that come out: those that go in, and the indicators."""
        check_is_fitted(self)
        own = getattr(self, "feature_names_in_", None)
        names = own if own is not None else input_features
        if names is None:
            names = [f"x{i}" for i in range(self.n_features_in_)]
        if len(names) != self.n_features_in_ or (
            own is not None and input_features is not None and list(input_features) != list(own)
        ):
            raise ValueError("input_features is not equal to feature_names_in_")
        added = [f"missingindicator_{names[i]}" for i in self.holey_] if self.add_indicator else []
        return np.array([*names, *added], dtype=object)

    # ------------------------------------------------------------------------------------ internal

    def _filled(
        self, rows: np.ndarray, fill: Callable[[np.ndarray], np.ndarray], m: int = 1
    ) -> Iterator[np.ndarray]:
        """The rows as numbers, their gaps filled in m ways; only those that have one are looked at.

        fill : learned columns of rows with gaps (N, F) -> (m, N, F)
        """
        full = np.where(np.isnan(rows), self.fixed_, rows)
        holey = np.isnan(full).any(1)
        at = np.ix_(holey, np.isnan(self.fixed_))
        each = fill(rows[at]) if holey.any() else [None] * m
        for found in each:
            made = full.copy()
            if found is not None:
                made[at] = np.where(np.isnan(full[at]), found, full[at])
            yield made

    def _means(self, rows: np.ndarray) -> np.ndarray:
        found = self._expected(rows)
        if self.finisher_ is not None:
            found = self.finisher_.finish(rows, found)
        return rows_of(found, self._levels)[None]

    def _expected(self, rows: np.ndarray) -> Blocks:
        """What the networks expect of each learned column of rows (N, F).

        Of one of very many levels, whose probabilities would fill the memory, the likeliest.
        """
        parts = []
        for start in range(0, len(rows), ROWS):
            part = self._part(rows[start : start + ROWS])
            each = [expectations(est, part, self.draws) for est in self.models_]
            means = torch.stack(each).mean(0)
            parts.append(
                [
                    (p if p.shape[1] <= WIDE else p.argmax(1, keepdim=True)).double().numpy()
                    for p in columns_of(self.models_[0].model_, means)
                ]
            )
        return [np.concatenate(columns) for columns in zip(*parts, strict=True)]

    def _draws(self, rows: np.ndarray, m: int, seed: int) -> Iterator[np.ndarray]:
        """Draws of the rows, m of them."""

        def fill(learned: np.ndarray) -> np.ndarray:
            drawn = self._drawn(learned, m, seed)
            if self.finisher_ is None:
                return drawn
            return self.finisher_.move(learned, self._expected(learned), drawn, seed)

        return self._filled(rows, fill, m)

    def _drawn(self, rows: np.ndarray, m: int, seed: int) -> np.ndarray:
        """Draws (m, N, F) of rows (N, F), of which the networks make one after the other."""
        part, count = self._part(rows), len(self.models_)
        each = [
            imputations(est, part, self.draws, len(range(i, m, count)), seed=(seed + i) % 2**31)
            for i, est in enumerate(self.models_[:m])
        ]
        drawn = torch.stack([each[i % count][i // count] for i in range(m)])
        return drawn.flatten(2).double().numpy()

    def _read(self, X: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        """X as numbers (N, F), NaN in its gaps, and which of its cells are gaps (N, D)."""
        if self.schema_ is not None:
            frame = frame_of(X)
            if frame is None:
                raise LatentryError(
                    "This imputer was fitted on a table of mixed columns, but was given a"
                    f" {type(X).__name__}; give a DataFrame with the same columns."
                )
            packed = self.schema_.pack(X).numpy().astype(np.float64)
            gaps = np.zeros((len(packed), self.n_features_in_), dtype=bool)
            for j, column in enumerate(self.schema_.table):
                if column.name in frame.names:  # one that is not learned may be absent
                    gaps[:, j] = frame.cells(frame.names.index(column.name)).missing
            return packed, gaps
        array, _ = read_rows(cast(Any, self), X, reset=reset)
        if array.ndim != 2:
            raise LatentryError(
                f"An imputer takes rows (N, D), not an array of shape {array.shape}."
                " Reshape your data."
            )
        if len(array) < 2 and reset:
            raise LatentryError(
                f"The data needs at least 2 rows (n_samples = {len(array)}); give more samples."
            )
        rows = array.astype(np.float64)
        if np.isinf(rows).any():
            i, j = np.argwhere(np.isinf(rows))[0]
            raise LatentryError(
                f"The data holds an infinite value in row {i}, column {j}; remove that row or mend"
                " the value."
            )
        return rows, np.isnan(rows)

    def _part(self, rows: np.ndarray) -> Dataset:
        """Rows of the learned columns (N, F), for the models."""
        if self.schema_ is not None:
            x = rows.astype(np.float32)
            return Dataset("rows", x, columns=self.schema_.columns, schema=self.schema_)
        return Dataset("rows", rows)

    def _restored(self, X: Any, full: np.ndarray, gaps: np.ndarray) -> Any:
        """The filled rows in the layout and types of X, what was observed untouched."""
        frame = frame_of(X)
        if frame is None:
            kind = np.asarray(X).dtype if hasattr(X, "dtype") else np.dtype(np.float64)
            made: Any = full.astype(kind if kind.kind == "f" else np.float64)
        elif self.schema_ is not None:
            unpacked = self.schema_.unpack(torch.from_numpy(full))
            made = fill_table(X, unpacked)
        else:
            made = fill_table(X, like_table(frame, full))
        return self._indicated(made, gaps) if self.add_indicator else made

    def _indicated(self, made: Any, gaps: np.ndarray) -> Any:
        """With a column for each that had gaps in fit."""
        marks = gaps[:, self.holey_]
        names = self.get_feature_names_out()[self.n_features_in_ :]
        if isinstance(made, np.ndarray):
            return np.concatenate([made, marks.astype(made.dtype)], 1)
        added = dict(zip(names, marks.T, strict=True))
        if hasattr(made, "append_column"):  # of Arrow
            for name, mark in added.items():
                made = made.append_column(name, [mark])
            return made
        return made.assign(**added) if hasattr(made, "assign") else made.with_columns(**added)

    def _check(self) -> None:
        """Raise LatentryError for options that make no sense."""
        if self.model is not None and not isinstance(self.model, Estimator):
            raise LatentryError(
                f"model={self.model!r} is no model; give one such as latentry.NotMIWAE(), or None."
            )
        if self.how not in HOW:
            raise LatentryError(
                f"how={self.how!r} is no way to fill gaps; there are {', '.join(HOW)}."
                + suggest(str(self.how), HOW)
            )
        for name in ("draws", "members"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise LatentryError(f"{name}={value!r}: it is a whole number of at least 1.")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
