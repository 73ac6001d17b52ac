"""What is done to samples while a model learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import LatentryError, suggest
from . import noise

CORRUPTIONS = ("gaussian", "masking", "salt-and-pepper")


class Corruption(nn.Module):
    """x (B, *event) -> a damaged x, as in Vincent et al., 2008 (ICML), section 2.3.

    "gaussian" adds noise of standard deviation `level`, "masking" sets a share `level` of the
    entries to zero, "salt-and-pepper" sets that share to the batch's lowest or highest value.
    """

    def __init__(self, kind: str = "gaussian", level: float = 0.3) -> None:
        super().__init__()
        if kind not in CORRUPTIONS:
            raise LatentryError(
                f"no corruption is called {kind!r}; there are {', '.join(CORRUPTIONS)}."
                + suggest(kind, CORRUPTIONS)
            )
        if level < 0 or (kind != "gaussian" and level > 1):
            raise LatentryError(
                f"the {kind} corruption's level is {level}; give "
                + ("0 or more." if kind == "gaussian" else "a share between 0 and 1.")
            )
        self.kind, self.level = kind, level

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "gaussian":
            return x + self.level * noise.normal((1, *x.shape), x)[0]
        u = noise.uniform((1, *x.shape), x)[0]
        if self.kind == "masking":
            return torch.where(u < self.level, torch.zeros_like(x), x)
        seen = x.nan_to_num()
        low, high = seen.amin(), seen.amax()
        x = torch.where(u < self.level / 2, low, x)
        return torch.where((u >= self.level / 2) & (u < self.level), high, x)


class Hide(nn.Module):
    """x (B, *event) -> x with entries missing that are not: NaN.

    In each row every entry is hidden with a probability drawn for the row, from 0 to `most`. A
    model that is asked about all of x then learns to tell what is missing from any part of a row:
    Ivanov et al., 2019, arXiv 1806.02382, section 4.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: Tensor) -> Tensor:
        share = self.most * noise.uniform((1, len(x), *(1,) * (x.ndim - 1)), x)[0]
        return torch.where(noise.uniform((1, *x.shape), x)[0] < share, torch.nan, x)


class Binarize(nn.Module):
    """x (B, *event) in [0, 1] -> zeros and ones, each 1 with probability x; NaN stays.

    Drawn anew in every pass, this is the dynamic binarization of grey images: Salakhutdinov &
    Murray, 2008 (ICML). What is drawn is both what the encoder sees and what is explained.
    """

    def forward(self, x: Tensor) -> Tensor:
        u = noise.uniform((1, *x.shape), x)[0]
        return torch.where(torch.isnan(x), x, (u < x).to(x.dtype))
