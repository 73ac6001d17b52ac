"""Every published model by name, each a short cited class."""

from __future__ import annotations

import re
from pathlib import Path

from torch import nn

from ..errors import LatentryError, suggest
from ..estimator import Estimator
from ..persistence import read_info
from .autoencoders import AE, RAE, ContractiveAE, DenoisingAE, SparseAE
from .clustering import VaDE
from .consistent import ConsistencyVAE, LaggingVAE
from .discrete import FSQVAE, VQVAE, ConcreteVAE, ResidualVQVAE
from .disentangling import DIPVAE, BetaTCVAE, BetaVAE, CapacityVAE, FactorVAE
from .divergences import WAEMMD, AdversarialAE, InfoVAE, SlicedWAE
from .geometry import HypersphericalVAE, PoincareVAE
from .hierarchy import HVAE, DeepVAE, LadderVAE
from .importance import CIWAE, IWAE, PIWAE, DReG, MultiplyIWAE
from .labelled import C2AE, SemiSupervisedVAE
from .later import NCPVAE, TwoStageVAE
from .missing import MissingIWAE, NotMIWAE
from .perceptual import MSSSIMVAE, VAEGAN
from .posteriors import IAFVAE, HamiltonianVAE, PlanarVAE, RadialVAE, RiemannianHVAE
from .priors import ExemplarVAE, FlowPriorVAE, MixturePriorVAE, VampPriorVAE
from .sequences import SequenceVAE
from .variational import GECO, VAE, AnnealedVAE, ConditionalVAE, FreeBitsVAE, SigmaVAE

__all__ = [
    "AE",
    "C2AE",
    "CIWAE",
    "DIPVAE",
    "FSQVAE",
    "GECO",
    "HVAE",
    "IAFVAE",
    "IWAE",
    "MSSSIMVAE",
    "NCPVAE",
    "PIWAE",
    "RAE",
    "VAE",
    "VAEGAN",
    "VQVAE",
    "WAEMMD",
    "AdversarialAE",
    "AnnealedVAE",
    "BetaTCVAE",
    "BetaVAE",
    "CapacityVAE",
    "ConcreteVAE",
    "ConditionalVAE",
    "ConsistencyVAE",
    "ContractiveAE",
    "DReG",
    "DeepVAE",
    "DenoisingAE",
    "ExemplarVAE",
    "FactorVAE",
    "FlowPriorVAE",
    "FreeBitsVAE",
    "HamiltonianVAE",
    "HypersphericalVAE",
    "InfoVAE",
    "LadderVAE",
    "LaggingVAE",
    "MissingIWAE",
    "MixturePriorVAE",
    "MultiplyIWAE",
    "NotMIWAE",
    "PlanarVAE",
    "PoincareVAE",
    "RadialVAE",
    "ResidualVQVAE",
    "RiemannianHVAE",
    "SemiSupervisedVAE",
    "SequenceVAE",
    "SigmaVAE",
    "SlicedWAE",
    "SparseAE",
    "TwoStageVAE",
    "VaDE",
    "VampPriorVAE",
    "load",
    "models",
    "name_of",
    "named",
]

_MODELS: tuple[type[Estimator], ...] = (
    AE,
    DenoisingAE,
    SparseAE,
    ContractiveAE,
    RAE,
    VAE,
    SigmaVAE,
    AnnealedVAE,
    FreeBitsVAE,
    GECO,
    ConditionalVAE,
    LaggingVAE,
    ConsistencyVAE,
    IWAE,
    MultiplyIWAE,
    CIWAE,
    PIWAE,
    DReG,
    BetaVAE,
    CapacityVAE,
    BetaTCVAE,
    FactorVAE,
    DIPVAE,
    WAEMMD,
    SlicedWAE,
    AdversarialAE,
    InfoVAE,
    VAEGAN,
    MSSSIMVAE,
    FlowPriorVAE,
    VampPriorVAE,
    ExemplarVAE,
    MixturePriorVAE,
    VaDE,
    TwoStageVAE,
    NCPVAE,
    PlanarVAE,
    RadialVAE,
    IAFVAE,
    HamiltonianVAE,
    RiemannianHVAE,
    HypersphericalVAE,
    PoincareVAE,
    VQVAE,
    ResidualVQVAE,
    FSQVAE,
    ConcreteVAE,
    LadderVAE,
    HVAE,
    DeepVAE,
    SemiSupervisedVAE,
    C2AE,
    MissingIWAE,
    NotMIWAE,
    SequenceVAE,
)

# Where capitals alone do not say how a name is read.
_SPELT = {
    "MSSSIMVAE": "ms-ssim-vae",
    "NCPVAE": "ncp-vae",
    "VAEGAN": "vae-gan",
    "VaDE": "vade",
    "WAEMMD": "wae-mmd",
    "DIPVAE": "dip-vae",
    "DReG": "dreg",
    "IAFVAE": "iaf-vae",
    "VQVAE": "vq-vae",
    "ResidualVQVAE": "residual-vq-vae",
    "FSQVAE": "fsq-vae",
}


def _kebab(name: str) -> str:
    return _SPELT.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def models() -> dict[str, type[Estimator]]:
    """Every named model by the name that the command line uses.

    >>> list(models())[:2]
    ['ae', 'denoising-ae']
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


def name_of(model: type[Estimator]) -> str:
    """The name that the command line uses for a named model."""
    return next(name for name, cls in models().items() if cls is model)


def load(folder: str | Path, **modules: nn.Module) -> Estimator:
    """The model saved in a folder, whichever of the named models it is.

    `encoder=` and `decoder=` give back your own bodies where the model was built with them.
    Raises LatentryError for a folder that is missing, damaged, unfinished or from the future.
    """
    return named(read_info(Path(folder))["model"]).load(folder, **modules)
