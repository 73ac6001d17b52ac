"""Every published model by name, each a short cited class."""

from __future__ import annotations

import re
from pathlib import Path

from torch import nn

from ..errors import LatentryError, suggest
from ..estimator import Estimator
from ..persistence import read_info
from .autoencoders import AE, DenoisingAE
from .flows import FlowPriorVAE
from .importance import IWAE
from .variational import VAE, AnnealedVAE, BetaVAE, ConditionalVAE, SigmaVAE

__all__ = [
    "AE",
    "IWAE",
    "VAE",
    "AnnealedVAE",
    "BetaVAE",
    "ConditionalVAE",
    "DenoisingAE",
    "FlowPriorVAE",
    "SigmaVAE",
    "load",
    "models",
    "named",
]

_MODELS: tuple[type[Estimator], ...] = (
    AE,
    DenoisingAE,
    VAE,
    SigmaVAE,
    BetaVAE,
    AnnealedVAE,
    ConditionalVAE,
    IWAE,
    FlowPriorVAE,
)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def models() -> dict[str, type[Estimator]]:
    """Every named model by the name that the command line uses.

    >>> list(models())[:3]
    ['ae', 'denoising-ae', 'vae']
    """
    return {_kebab(cls.__name__): cls for cls in _MODELS}


def named(name: str) -> type[Estimator]:
    """The model of that name, written as on the command line or as in Python."""
    known = models()
    by_class = {cls.__name__.lower(): cls for cls in _MODELS}
    found = known.get(name.lower()) or by_class.get(name.lower())
    if found is None:
        raise LatentryError(
            f"no model is called {name!r}; `latentry models` lists them." + suggest(name, known)
        )
    return found


def load(folder: str | Path, **modules: nn.Module) -> Estimator:
    """The model saved in a folder, whichever of the named models it is.

    `encoder=` and `decoder=` give back your own bodies where the model was built with them.
    Raises LatentryError for a folder that is missing, damaged, unfinished or from the future.
    """
    return named(read_info(Path(folder))["model"]).load(folder, **modules)
