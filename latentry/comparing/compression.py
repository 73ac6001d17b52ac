"""How well a sample survives when its code is kept in a few bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import LatentryError
from ..estimator import Estimator
from ..evaluation import measures
from .jobs import BITS
from .parts import Part


def quantise(codes: np.ndarray, low: np.ndarray, high: np.ndarray, bits: int = BITS) -> np.ndarray:
    """Codes (N, D) at the nearest of 2^bits even levels from low (D,) to high (D,).

    What lies outside is put at the nearest end; a dimension without a range has one level.

    >>> quantise(np.array([[0.1], [0.9], [7.0]]), np.zeros(1), np.ones(1), bits=1).tolist()
    [[0.0], [1.0], [1.0]]
    """
    if bits < 1:
        raise LatentryError(f"bits={bits!r}: a code is kept in at least 1 bit per dimension.")
    steps = 2**bits - 1
    width = np.where(high > low, high - low, 1.0)
    level = np.rint(np.clip((codes - low) / width, 0, 1) * steps)
    return np.where(high > low, low + level / steps * width, low)


class Kept:
    """A fitted model whose codes pass through a few bits: all else of it is as it was."""

    def __init__(self, est: Estimator, low: np.ndarray, high: np.ndarray, bits: int) -> None:
        self._est, self._range, self._bits = est, (low, high), bits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._est, name)

    def transform(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """The code of each row, kept in a few bits."""
        return quantise(self._est.transform(X, condition=condition), *self._range, self._bits)

    def reconstruct(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """Each row encoded, its code kept in a few bits, and decoded."""
        return self._est.inverse_transform(
            self.transform(X, condition=condition), condition=condition
        )


def compression(
    est: Estimator, train: Part, test: Part, bits: int = BITS
) -> dict[str, float | None]:
    """The reconstruction of `test` from posterior means that are kept in `bits` per dimension.

    Each dimension has 2^bits even levels over the range of the training rows' codes, so a sample
    takes bits * D bits. Gives "compressed_mse" (each dimension of the model's scale, over what is
    not missing) and, for images, "compressed_psnr" in dB, a mean over the rows; both are taken as
    those of the plain reconstruction are.
    """
    known = est.transform(train.data, condition=_given(est, train))
    kept: Any = Kept(est, known.min(0), known.max(0), bits)
    found = measures.measure(
        kept, test.data, condition=_given(est, test), groups=("reconstruction",)
    )["figures"]
    names = ("mse", "psnr") if est.schema_.kind == "image" else ("mse",)
    return {f"compressed_{name}": found[name] for name in names}


def _given(est: Estimator, part: Part) -> Any:
    return None if est.condition_ is None else part.condition
