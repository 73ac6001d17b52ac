"""Autoencoders and variational autoencoders for images, tables and series.

A latent-variable model is a posterior, a prior and a likelihood, trained by a bound plus
penalties; everything a person does with it afterwards is a job.

>>> from latentry import VAE
>>> from sklearn.datasets import load_digits
>>> X = load_digits().data
>>> codes = VAE(latent=2, epochs=1, random_state=0).fit_transform(X)
>>> codes.shape
(1797, 2)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .comparing import compare
    from .data import Dataset, datasets
    from .data import load as load_data
    from .errors import Interrupted, LatentryError
    from .estimator import Estimator
    from .jobs import AnomalyDetector, Imputer
    from .opening import load
    from .tuning import tune
    from .zoo import (
        AE,
        C2AE,
        CIWAE,
        DIPVAE,
        FSQVAE,
        GECO,
        HVAE,
        IAFVAE,
        IWAE,
        MSSSIMVAE,
        NCPVAE,
        PIWAE,
        RAE,
        VAE,
        VAEGAN,
        VQVAE,
        WAEMMD,
        AdversarialAE,
        AnnealedVAE,
        BetaTCVAE,
        BetaVAE,
        CapacityVAE,
        ConcreteVAE,
        ConditionalVAE,
        ConsistencyVAE,
        ContractiveAE,
        DeepVAE,
        DenoisingAE,
        DReG,
        ExemplarVAE,
        FactorVAE,
        FlowPriorVAE,
        FreeBitsVAE,
        HamiltonianVAE,
        HypersphericalVAE,
        InfoVAE,
        LadderVAE,
        LaggingVAE,
        MissingIWAE,
        MixturePriorVAE,
        MultiplyIWAE,
        NotMIWAE,
        PlanarVAE,
        PoincareVAE,
        RadialVAE,
        ResidualVQVAE,
        RiemannianHVAE,
        SemiSupervisedVAE,
        SequenceVAE,
        SigmaVAE,
        SlicedWAE,
        SparseAE,
        TwoStageVAE,
        VaDE,
        VampPriorVAE,
        models,
    )

# Where each public name lives. They are imported when first used, so that `import latentry` costs
# next to nothing.
_HOME = {
    "VQVAE": "zoo",
    "ResidualVQVAE": "zoo",
    "FSQVAE": "zoo",
    "ConcreteVAE": "zoo",
    "AE": "zoo",
    "AnomalyDetector": "jobs",
    "AnnealedVAE": "zoo",
    "BetaVAE": "zoo",
    "ConditionalVAE": "zoo",
    "Dataset": "data",
    "DenoisingAE": "zoo",
    "Estimator": "estimator",
    "FlowPriorVAE": "zoo",
    "IWAE": "zoo",
    "Imputer": "jobs",
    "Interrupted": "errors",
    "LatentryError": "errors",
    "SigmaVAE": "zoo",
    "SparseAE": "zoo",
    "ContractiveAE": "zoo",
    "RAE": "zoo",
    "FreeBitsVAE": "zoo",
    "GECO": "zoo",
    "MultiplyIWAE": "zoo",
    "CIWAE": "zoo",
    "PIWAE": "zoo",
    "DReG": "zoo",
    "CapacityVAE": "zoo",
    "BetaTCVAE": "zoo",
    "ExemplarVAE": "zoo",
    "FactorVAE": "zoo",
    "DIPVAE": "zoo",
    "WAEMMD": "zoo",
    "SlicedWAE": "zoo",
    "AdversarialAE": "zoo",
    "InfoVAE": "zoo",
    "VampPriorVAE": "zoo",
    "MixturePriorVAE": "zoo",
    "PlanarVAE": "zoo",
    "RadialVAE": "zoo",
    "IAFVAE": "zoo",
    "HamiltonianVAE": "zoo",
    "RiemannianHVAE": "zoo",
    "HypersphericalVAE": "zoo",
    "PoincareVAE": "zoo",
    "VAE": "zoo",
    "MSSSIMVAE": "zoo",
    "NCPVAE": "zoo",
    "TwoStageVAE": "zoo",
    "VAEGAN": "zoo",
    "VaDE": "zoo",
    "LaggingVAE": "zoo",
    "ConsistencyVAE": "zoo",
    "compare": "comparing",
    "datasets": "data",
    "load": "opening",
    "load_data": "data:load",
    "models": "zoo",
    "tune": "tuning",
    "LadderVAE": "zoo",
    "HVAE": "zoo",
    "DeepVAE": "zoo",
    "SemiSupervisedVAE": "zoo",
    "MissingIWAE": "zoo",
    "NotMIWAE": "zoo",
    "SequenceVAE": "zoo",
    "C2AE": "zoo",
}

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
    "AnomalyDetector",
    "BetaTCVAE",
    "BetaVAE",
    "CapacityVAE",
    "ConcreteVAE",
    "ConditionalVAE",
    "ConsistencyVAE",
    "ContractiveAE",
    "DReG",
    "Dataset",
    "DeepVAE",
    "DenoisingAE",
    "Estimator",
    "ExemplarVAE",
    "FactorVAE",
    "FlowPriorVAE",
    "FreeBitsVAE",
    "HamiltonianVAE",
    "HypersphericalVAE",
    "Imputer",
    "InfoVAE",
    "Interrupted",
    "LadderVAE",
    "LaggingVAE",
    "LatentryError",
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
    "compare",
    "datasets",
    "load",
    "load_data",
    "models",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'latentry' has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    value = getattr(import_module(f".{module}", __name__), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
