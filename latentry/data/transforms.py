"""Between the data's own units and the scale that the model works in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .arrays import blocks
from .schema import Schema


class Transform(nn.Module):
    """An affine map per feature: model = (data - shift) / scale.

    - "levels" are divided by levels - 1, so that they lie on a grid from 0 to 1;
    - "unit", "binary" and "count" stay as they are;
    - "real" vectors are standardised per column, "real" images and series per channel, by the
      mean and the standard deviation of the values that were observed. What does not vary is only
      centred.

    `Transform(schema)` has the right buffers for `load_state_dict`; `Transform.fit` also sets
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
            "image": (schema.shape[0], 1, 1),
            "series": schema.shape[-1:],
        }[schema.kind]
        step = float(schema.levels - 1) if schema.values == "levels" else 1.0
        self.register_buffer("shift", torch.zeros(size))
        self.register_buffer("scale", torch.full(size, step))

    @classmethod
    def fit(cls, schema: Schema, x: np.ndarray) -> Transform:
        """The transform for the rows of `x` (N, ...) in the user's layout, read in blocks."""
        transform = cls(schema)
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
        if self.values != "real":
            return torch.zeros(len(raw), device=raw.device)
        each = self._log_dets().to(raw.device) * ~torch.isnan(raw)
        return each.flatten(1).sum(1).to(torch.float32)

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
