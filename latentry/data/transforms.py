"""Between the data's own units and the scale that the model works in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..lookup import at, place
from .arrays import blocks
from .columns import Column
from .outline import UNIT_LOGISTIC, score
from .schema import Schema


class Transform(nn.Module):
    """An affine map per feature: model = (data - shift) / scale.

    - "levels" are divided by levels - 1, so that they lie on a grid from 0 to 1;
    - "unit", "binary" and "count" stay as they are;
    - "real" vectors are standardised per column, "real" images and series per channel, by the
      mean and the standard deviation of the values that were observed. What does not vary is only
      centred.

    `Transform.of(schema)` has the right buffers for `load_state_dict`; `Transform.fit` also sets
    them from data.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.values, self.kind, self.shape = schema.values, schema.kind, schema.shape
        self.levels = schema.levels
        size = {
            "vector": schema.shape,
            "table": schema.shape,
            "image": (schema.shape[0], 1, 1),
            "series": schema.shape[-1:],
        }[schema.kind]
        step = float(schema.levels - 1) if schema.values == "levels" else 1.0
        self.register_buffer("shift", torch.zeros(size))
        self.register_buffer("scale", torch.full(size, step))

    @classmethod
    def of(cls, schema: Schema) -> Transform:
        """The transform for such samples, not yet fitted."""
        return TableTransform(schema) if schema.kind == "table" else cls(schema)

    @classmethod
    def fit(cls, schema: Schema, x: np.ndarray) -> Transform:
        """The transform for the rows of `x` (N, ...) in the user's layout, read in blocks."""
        transform = cls.of(schema)
        if schema.values == "real":
            mean, std = moments(schema, x)
            size = transform.shift.shape
            transform.shift.copy_(torch.from_numpy(mean).reshape(size))
            transform.scale.copy_(torch.from_numpy(std).reshape(size))
        return transform

    def forward(self, raw: Tensor) -> Tensor:
        """`raw` (B, *shape), as `Schema.pack` gives it, in the model's scale as float32."""
        return (raw.to(torch.float32) - self.shift) / self.scale

    def inverse(self, x: Tensor) -> Tensor:
        """`x` (..., *shape) from the model's scale to the data's own units."""
        return x * self.scale + self.shift

    @property
    def log_det(self) -> float:
        """The sum over all features of log |d model / d data|, in nats.

        Add it to a log density in the model's scale for one per unit of the data. It is 0 but for
        "real" values: grey levels have probabilities rather than densities.
        """
        return float(self._log_dets().sum())

    def log_det_observed(self, raw: Tensor) -> Tensor:
        """`log_det` of each row of `raw` (B, *shape), over its observed entries only: (B,)."""
        return self.log_dets_observed(raw).flatten(1).sum(1).to(torch.float32)

    def log_dets_observed(self, raw: Tensor) -> Tensor:
        """The share of each entry of `raw` (B, *shape) in it, 0 where it is missing: float64."""
        return self._log_dets().to(raw.device) * ~torch.isnan(raw)

    def _log_dets(self) -> Tensor:
        if self.values != "real":
            return torch.zeros(self.shape, dtype=torch.float64, device=self.scale.device)
        return -self.scale.double().log().expand(self.shape)

    def describe(self) -> str:
        """What is done to the data, in one sentence."""
        if self.values == "levels":
            return f"Values are divided by {self.levels - 1}, so that they lie between 0 and 1."
        if self.values == "real":
            each = "column" if self.kind == "vector" else "channel"
            return f"Each {each} is standardised to mean 0 and standard deviation 1."
        return "Values are used as they are."

    def to_dict(self) -> dict[str, Any]:
        """A form that JSON can hold; a float32 is kept exactly."""
        return {
            "shift": self.shift.flatten().tolist(),
            "scale": self.scale.flatten().tolist(),
        }

    @classmethod
    def from_dict(cls, schema: Schema, fields: dict[str, Any]) -> Transform:
        """The transform that `to_dict` wrote, for the same schema."""
        transform = cls(schema)
        transform.shift.copy_(torch.tensor(fields["shift"]).reshape(transform.shift.shape))
        transform.scale.copy_(torch.tensor(fields["scale"]).reshape(transform.scale.shape))
        return transform


def moments(schema: Schema, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation per column or per channel, in float64, NaN left out.

    Blocks are merged as by Chan, Golub & LeVeque, 1983, "Algorithms for computing the sample
    variance", which stays exact where a sum of squares would cancel. A standard deviation that is
    only rounding noise in float32 is given as 1, so that constant columns are just centred.
    """
    width = schema.shape[-1 if schema.kind == "series" else 0]
    n, mean, square = np.zeros(width), np.zeros(width), np.zeros(width)
    for _, block in blocks(x, 8 * 2**20):  # a small block, as float64 takes up to eight times more
        values = block.reshape(len(block), *schema.stored).astype(np.float64)
        if schema.kind != "vector":
            axis = 1 if schema.kind == "image" and not schema.channels_last else -1
            values = np.moveaxis(values, axis, -1).reshape(-1, width)
        seen = ~np.isnan(values)
        count = seen.sum(0)
        total = n + count
        part = np.where(seen, values, 0).sum(0) / np.maximum(count, 1)
        delta = part - mean
        square += (np.where(seen, values - part, 0) ** 2).sum(0)
        square += delta**2 * n * count / np.maximum(total, 1)
        mean += delta * count / np.maximum(total, 1)
        n = total
    std = np.sqrt(square / np.maximum(n, 1))
    noise = np.maximum(np.finfo(np.float32).eps * np.abs(mean), np.finfo(np.float32).tiny)
    return mean, np.where(std <= noise, 1.0, std)


class TableTransform(Transform):
    """What `Transform` is for a table of mixed columns.

    A column on a line (numbers, dates, levels in an order) is put on the scale on which its own
    distribution in the training data is a logistic one of mean 0 and variance 1: x becomes
    s(x) = sqrt(3) / pi logit F(x), by the column's outline F. No column is then wider, more skewed
    or longer-tailed than another. An atom of F, a value with a probability, is a stretch of that
    scale; x becomes a point of it, and all of the stretch becomes x. Levels without an order keep
    their numbers.
    """

    line: Tensor
    knots: Tensor
    scores: Tensor
    from_x: Tensor
    from_s: Tensor
    slope: Tensor
    width: Tensor
    middle: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        columns = schema.learned
        made = [_segments(c) for c in columns if c.ordered]
        most = max((len(part[0]) for part in made), default=1)
        for i, (name, fill) in enumerate(_PARTS):
            size = most if i < 2 else most + 1
            rows = [np.pad(m[i], (0, size - len(m[i])), constant_values=fill) for m in made]
            table = torch.from_numpy(np.stack(rows) if rows else np.empty((0, size))).float()
            self.register_buffer(name, table, persistent=False)
        line = torch.tensor([i for i, c in enumerate(columns) if c.ordered], dtype=torch.long)
        self.register_buffer("line", line, persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        out = raw.to(torch.float32).clone()
        x = out[..., self.line]
        below, upto = place(self.knots, x), place(self.knots, x, right=True)
        s = at(self.from_s, upto) + at(self.slope, upto) * (x - at(self.from_x, upto))
        out[..., self.line] = torch.where(upto - below == 2, at(self.middle, below), s)
        return out

    def inverse(self, x: Tensor) -> Tensor:
        out = x.clone()
        s = x[..., self.line]
        j = place(self.scores, s, right=True)
        out[..., self.line] = at(self.from_x, j) + at(self.width, j) * (s - at(self.from_s, j))
        return out

    @property
    def log_det(self) -> float:
        """0: it depends on the row; see `log_det_observed`."""
        return 0.0

    def log_dets_observed(self, raw: Tensor) -> Tensor:
        """Log |ds / dx| of the numbers of each row (B, D) that are no atoms, 0 for all else.

        Rows are in the model's scale.
        """
        s = raw[..., self.line]
        slope = at(self.slope, place(self.scores, s, right=True))
        counted = (slope > 0) & ~torch.isnan(s)
        each = torch.zeros_like(raw, dtype=torch.float64)
        each[..., self.line] = torch.where(counted, slope, 1.0).double().log()
        return each

    def describe(self) -> str:
        return (
            "Numbers are put on the scale on which their own distribution is a logistic one; levels"
            " keep their numbers."
        )


_PARTS = (
    ("knots", np.inf), ("scores", np.inf), ("from_x", 0.0), ("from_s", 0.0), ("slope", 0.0),
    ("width", 0.0), ("middle", 0.0),
)  # fmt: skip


def _segments(column: Column) -> tuple[np.ndarray, ...]:
    """Knots (Q,) and their scores, and of each of the Q + 1 stretches between and beyond them:
    where it starts as x and as s, ds / dx and dx / ds (0 for both in an atom). Last, the score
    that stands for what is an atom between knot q and the next: (Q + 1,).
    """
    x, s = np.array(column.knots), column.scores
    heights = np.array(column.heights)
    middle = score(0.5 * (heights + np.append(heights[1:], heights[-1:])))
    rise, run = np.diff(s), np.diff(x)
    open_ = (run > 0) & (rise > 0)
    slope = np.divide(rise, run, out=np.zeros_like(rise), where=open_)
    width = np.divide(run, rise, out=np.zeros_like(rise), where=open_)
    tails = np.array(column.tails) / UNIT_LOGISTIC
    beyond = np.divide(1.0, tails, out=np.zeros(2), where=tails > 0)
    return (
        x,
        s,
        np.append(x[:1], x),
        np.append(s[:1], s),
        np.concatenate([beyond[:1], slope, beyond[1:]]),
        np.concatenate([tails[:1], width, tails[1:]]),
        np.append(middle, 0.0),
    )
