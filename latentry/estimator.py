"""The scikit-learn face that every named model shares; what a model is made of is in `recipe`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from . import building, fitting, persistence, sampling
from .core import geometry, noise
from .core.columns import Columns, located
from .core.corruptions import Binarize
from .core.scores import score_rows
from .data.conditions import Condition
from .data.datasets import Dataset
from .data.mixed import Told
from .errors import LatentryError
from .evaluation.likelihood import evaluate
from .inputs import read_condition, read_pair, read_rows, read_training
from .recipe import Recipe, option
from .training.progress import Reporter

__all__ = ["Estimator", "option"]

ROWS_AT_ONCE = 2048
"""Rows that go through a network together outside training."""


@dataclass(eq=False, repr=False)
class Estimator(Recipe, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What all named models can do: fit, encode, decode, sample, score, evaluate, save.

    Data are rows (N, D) or images (N, H, W) or (N, H, W, C): numpy, torch, pandas, polars or
    nested lists, and DataFrames of mixed columns. A missing entry is NaN. Results come back in the
    layout, types and units of the data.
    """

    # ------------------------------------------------------------------------------------- fitting

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        condition: Any = None,
        schema: Told = None,
        folder: str | Path | None = None,
        progress: Reporter | None = None,
    ) -> Self:
        """Train on X, optionally given a condition for each row.

        X: rows or images, or a `latentry.data.Dataset`, which also says what its values mean.
        y: for models that learn to predict it; a Dataset's own labels where it is not given.
        condition: N class labels, or real values (N,) or (N, C), known when decoding too.
        schema: what columns of a table are, where `latentry.data.infer_columns` does not tell it
            right: {"age": "count", "size": {"kind": "ordinal", "levels": ["S", "M", "L"]}}, or a
            JSON file of this.
        folder: where to keep a run (checkpoints, history, the model). If it holds an unfinished
            run of the same model on the same data, that run is continued.
        progress: who is told of each epoch; without one, a bar is shown where `verbose` is true.
        Raises LatentryError for data or options that cannot work, Interrupted after Ctrl-C.
        """
        building.check_fields(self)
        array, self.schema_ = read_training(self, X, schema)
        self.condition_ = None if condition is None else Condition.infer(condition)
        c = read_condition(self, condition, len(array), required=False)
        run = None if folder is None else Path(folder)
        self.seed_ = fitting.seed_of(self, run)
        y = X.labels if y is None and isinstance(X, Dataset) else y
        self.labels_ = None if y is None else self.infer_labels(y)
        labels = None if self.labels_ is None else self.labels_.pack(y, len(array))
        fitting.fit(self, array, c, run, getattr(X, "source", None), progress, labels)
        return self

    def fit_sampler(
        self, X: Any, sampler: str = "auto", *, condition: Any = None, seed: int = 0
    ) -> Self:
        """Fit a density to the codes of X, from which `sample` draws from then on.

        X: rows like those of `fit`, best the same; condition: as there. The codes are drawn from
        q(z | x); a fifth of the rows is held out, by the seed, and the mean log density of their
        codes is the score, in nats for each code (`sampler_scores_`, with standard errors).
        sampler: one of `latentry.sampling.MEMBERS` by name, "prior" for the model's own, or "auto"
        for the one with the highest score (`choices_` says which). It is saved with the model.
        Raises LatentryError for a density that such codes cannot have.
        """
        sampling.fit(self, self._batches(X, condition), sampler, seed)
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray:
        """Fit, then the codes of X, (N, D)."""
        self.fit(X, y, **fit_params)
        return self.transform(X, condition=fit_params.get("condition"))

    # ------------------------------------------------------------------------------------ encoding

    def transform(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """The posterior mean of each row, (N, latent), float32."""
        return self.encode(X, condition=condition)

    @torch.inference_mode()
    def encode(
        self,
        X: Any,
        how: Literal["mean", "sample", "average"] = "mean",
        *,
        draws: int = 100,
        condition: Any = None,
        seed: int = 0,
    ) -> np.ndarray:
        """A code for each row, (N, latent), float32, in one of three ways.

        "mean" is the posterior's mean, "sample" one draw from the posterior, "average" the mean
        of `draws` draws. A row's draws depend on the seed and the row alone.
        """
        if how not in ("mean", "sample", "average"):
            raise LatentryError(f"how={how!r} is no way to take a code: mean, sample or average.")
        if how == "average" and draws < 1:
            raise LatentryError(f"draws={draws} is too few; an average takes at least 1.")
        codes = []
        for x, c in self._batches(X, condition):
            q = self.model_.encode(x, c)
            if how == "mean":
                codes.append(q.mean)
                continue
            with noise.per_row(x, seed):
                codes.append(q.rsample((draws if how == "average" else 1,)).mean(0))
        return torch.cat(codes).float().cpu().numpy()

    # ------------------------------------------------------------------------------------ decoding

    @torch.inference_mode()
    def inverse_transform(self, Z: Any, *, condition: Any = None) -> np.ndarray:
        """The mean of p(x | z) for each code of Z (N, latent), in the layout of the data."""
        check_is_fitted(self)
        codes = np.array(Z, dtype=np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.model_.latent:
            raise LatentryError(
                f"the codes have shape {codes.shape}; this model takes (N, {self.model_.latent})."
            )
        if not np.isfinite(codes).all():
            raise LatentryError("the codes contain NaN or infinity; give finite numbers.")
        c = read_condition(self, condition, len(codes))
        return self._decode(torch.from_numpy(codes), c)

    @torch.inference_mode()
    def reconstruct(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """Each row encoded to its posterior mean and decoded, in the layout of the data."""
        means = [
            self._data_units(self.model_.decode(self.model_.encode(x, c).mean, c).mean)
            for x, c in self._batches(X, condition)
        ]
        return self.schema_.unpack(torch.cat(means))

    @torch.inference_mode()
    def sample(
        self,
        n: int = 1,
        *,
        condition: Any = None,
        seed: int | None = None,
        how: Literal["auto", "mean", "draw"] = "auto",
        temperature: float = 1.0,
        sampler: str | None = None,
    ) -> np.ndarray:
        """Make n new samples, in the layout of the data.

        Codes are drawn from the prior (from a Gaussian mixture fitted to the codes of the training
        rows for a model without one), or from what `fit_sampler` put in its place, then decoded:
        "mean" gives the mean of p(x | z), "draw" a draw from it, "auto" the mean for images and a
        draw otherwise. condition: one value, or n.
        temperature: scales the spread of the codes: below 1 they are more typical and less varied.
        sampler: "prior", the name of another density that was fitted, or "auto" for the chosen one.
        The seed defaults to one made from `random_state`.
        """
        check_is_fitted(self)
        draw = how == "draw" or (how == "auto" and self.schema_.kind != "image")
        with torch.random.fork_rng():
            z, c = self._draw(n, condition, seed, temperature, sampler)
            return self._decode(z, c, draw)

    @torch.inference_mode()
    def draw_codes(
        self,
        n: int = 1,
        *,
        condition: Any = None,
        seed: int | None = None,
        temperature: float = 1.0,
        sampler: str | None = None,
    ) -> np.ndarray:
        """The codes (n, latent) that `sample` decodes, given the same arguments."""
        check_is_fitted(self)
        with torch.random.fork_rng():
            return self._draw(n, condition, seed, temperature, sampler)[0].cpu().numpy()

    def interpolate(
        self,
        a: Any,
        b: Any,
        steps: int = 10,
        *,
        path: Literal["straight", "spherical", "geodesic"] = "straight",
        condition: Any = None,
    ) -> np.ndarray:
        """The decoded path between the codes of two samples, (steps, ...).

        a and b are single samples; the ends are their reconstructions. condition: one value.
        "straight" is the straight line between the codes, "spherical" turns around the origin,
        "geodesic" is the shortest path by the distances between what is decoded: see
        `latentry.core.geometry`.
        """
        pair = read_pair(self, a, b)
        codes = torch.from_numpy(self.transform(pair, condition=condition)).to(self._device)
        c = read_condition(self, condition, 1)
        c = None if c is None else c.to(self._device)

        def mean(z: Tensor) -> Tensor:
            given = None if c is None else c.expand(z.shape[-2], -1)
            return located(self.model_.decode(z, given))

        z = geometry.path(path, codes[0], codes[1], steps, mean)
        return self.inverse_transform(z.cpu().numpy(), condition=condition)

    # ------------------------------------------------------------------------------------- scoring

    @torch.inference_mode()
    def score_samples(
        self, X: Any, *, draws: int = 16, condition: Any = None, seed: int = 0
    ) -> np.ndarray:
        """A lower bound on log p(x) for each row, (N,), in nats.

        With draws=1 the ELBO (one draw, the KL in closed form where there is one); with more, the
        importance-weighted bound (Burda et al., 2016, arXiv 1509.00519), which tightens with them.
        Densities are per unit of the data as given; images count as scaled to [0, 1]. A model
        without a prior gives log p(x | z) at its code, which is no likelihood.
        """
        if draws < 1:
            raise LatentryError(f"draws={draws} is too few; a score takes at least 1.")
        scores = [
            score_rows(self.model_, x, c, draws, seed) + self.scaler_.log_det_observed(x)
            for x, c in self._batches(X, condition)
        ]
        return torch.cat(scores).cpu().numpy()

    def score(self, X: Any, y: Any = None, *, condition: Any = None) -> float:
        """The mean of `score_samples(X)`: higher is better, in nats for each row."""
        return float(self.score_samples(X, condition=condition).mean())

    @torch.inference_mode()
    def evaluate(self, X: Any, *, draws: int = 100, condition: Any = None) -> dict[str, Any]:
        """Every figure of the model on X, with units and caveats.

        See `latentry.evaluation.evaluate` for the keys. None stands for what the model lacks.
        """
        return evaluate(self, list(self._batches(X, condition, rows=64)), draws=draws)

    # -------------------------------------------------------------------------------------- saving

    def save(self, folder: str | Path) -> None:
        """Write model.json and model.safetensors into a new folder (no pickle)."""
        check_is_fitted(self)
        persistence.save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path, **modules: nn.Module) -> Self:
        """A saved model. `encoder=` and `decoder=` give back your own bodies where it had them."""
        info = persistence.read_info(Path(folder))
        if info["model"] != cls.__name__:
            raise LatentryError(
                f"{folder} holds a model of the class {info['model']}, not {cls.__name__};"
                " use latentry.load, or that class's own load."
            )
        est = persistence.restore(info, persistence.read_tensors(Path(folder), info), cls, modules)
        persistence.read_samplers(est, Path(folder))
        est.history_ = persistence.read_history(Path(folder), info)
        return est

    # ------------------------------------------------------------------------------------ internal

    def _batches(
        self, X: Any, condition: Any = None, rows: int = ROWS_AT_ONCE
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """X in the model's scale, on its device, a block of rows at a time."""
        check_is_fitted(self)
        array, _ = read_rows(self, X, reset=False)
        c = read_condition(self, condition, len(array))
        for start in range(0, len(array), rows):
            raw = self.schema_.pack(array[start : start + rows]).to(self._device)
            part = None if c is None else c[start : start + rows].to(self._device)
            x = self.scaler_(raw)
            if self.binarize:
                with noise.per_row(x, 0):
                    x = Binarize()(x)
            yield x, part

    def _draw(
        self, n: int, condition: Any, seed: int | None, temperature: float, sampler: str | None
    ) -> tuple[Tensor, Tensor | None]:
        """N codes from the prior or a sampler, and their condition; seeds torch's generator."""
        if n < 1:
            raise LatentryError(f"n={n} samples were asked for; ask for at least 1.")
        if not 0 <= temperature < float("inf"):
            raise LatentryError(
                f"temperature={temperature} is no temperature; it starts at 0, and 1 is the prior."
            )
        c = read_condition(self, condition, n)
        c = None if c is None else c.to(self._device)
        torch.manual_seed(building.seed(self.random_state) if seed is None else seed)
        return sampling.draw(self, n, c, sampler, temperature), c

    def _decode(self, z: Tensor, c: Tensor | None, draw: bool = False) -> np.ndarray:
        parts = []
        for start in range(0, len(z), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            given = None if c is None else c[rows].to(self._device)
            px = self.model_.decode(z[rows].to(self._device), given)
            x = px.sample() if draw else px.mean
            if draw and isinstance(px, Columns):
                x = px.with_gaps(x)
            parts.append(self._data_units(x))
        return self.schema_.unpack(torch.cat(parts), round_counts=draw)

    def _data_units(self, x: Tensor) -> Tensor:
        return self.scaler_.inverse(x).cpu()

    @property
    def _device(self) -> torch.device:
        return next(self.model_.parameters()).device

    @property
    def _n_features_out(self) -> int:
        return self.model_.latent

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
