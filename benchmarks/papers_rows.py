"""The rows of papers.py: each is a published figure, and the model that is to reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import latentry
from latentry import Estimator


@dataclass(frozen=True)
class Row:
    """A published figure and the setting it was reached at.

    published: the paper's figure; None where a setting has none. data: which data of `papers.data`.
    build: the untrained model, given the epochs and how training is paced. epochs: of a full and of
    a short run. draws: of the importance-weighted bound, for a full evaluation. differs: what is
    not as in the paper.
    """

    name: str
    about: str
    source: str
    published: float | None
    data: str
    build: Callable[..., Estimator]
    epochs: tuple[int, int]
    draws: int = 5000
    measure: str = "nll"
    differs: str = ""
    reason: str = ""


TOMCZAK = "Tomczak & Welling, 2018, arXiv 1705.07120"
NOROUZI = "Norouzi et al., 2020, arXiv 2004.04795"
BURDA = "Burda et al., 2016, arXiv 1509.00519"
RAINFORTH = "Rainforth et al., 2018, arXiv 1802.04537"
HINTON = "Hinton & Salakhutdinov, 2006"
FLOWS = "Rezende & Mohamed, 2015, arXiv 1505.05770"


def model(name: str, **fixed: Any) -> Callable[..., Estimator]:
    """Builds the named model with the fields that it is given, and those of the row."""

    def build(**given: Any) -> Estimator:
        return latentry.models()[name](**(given | fixed))

    return build


GATED: dict[str, Any] = {
    "hidden": (300, 300), "activation": "gated", "latent": 40, "net": "mlp", "warmup": 0.25
}  # fmt: skip
"""The multilayer perceptron of the VampPrior's and the exemplar VAE's papers."""
ONE: dict[str, Any] = {"hidden": (200, 200), "activation": "tanh", "latent": 50, "net": "mlp"}
"""The network with one stochastic layer of the importance-weighted autoencoder's paper."""
FORTY: dict[str, Any] = {"hidden": 400, "latent": 40, "net": "mlp"}
"""One layer of 400 units and 40 latent dimensions."""
DEEP: dict[str, Any] = {"hidden": (1000, 500, 250), "latent": 30, "likelihood": "bernoulli"}

PER_DIMENSION = {"clip": 200.0 * 784, "skip": 400.0 * 784}
"""The limits of Child, 2021, arXiv 2011.10650, whose loss is a mean over dimensions, not a sum."""

FEW = "too few epochs: it still gets better, and the paper trains for"
EARLY = f"{FEW} up to 2,000"
LONG = f"{FEW} 3,280, in batches of 20"
RELU = "units are rectified; the paper's are maxout of window 4"

ROWS = [
    Row(
        "deep-ae", "deep autoencoder 784-1000-500-250-30", HINTON, 3.00, "grey",
        model("ae", **DEEP, activation="silu", net="mlp", optimizer="adamw", weight_decay=0.05,
              valid=1 / 60), (200, 60), 0, "squared error",
        "silu units, AdamW and a decay of 0.05, in place of logistic units trained layer by layer;"
        " 59,000 images are trained on",
        "overfits: 2.6 on the images that it was trained on; neither decay nor more images helped",
    ),
    Row("pca", "PCA with 30 components", HINTON, 13.87, "grey",
        model("ae"), (0, 0), 0, "pca"),
    Row(
        "logistic-pca", "logistic PCA with 30 components", HINTON, 8.01, "grey",
        model("ae", **(DEEP | {"hidden": ()}), net="mlp", valid=1 / 60), (200, 60), 0,
        "squared error", "linear encoder, logistic output; 59,000 images are trained on",
    ),
    Row("vae-static", "VAE 784-400-40", FLOWS, 89.9, "static",
        model("vae", **FORTY), (500, 150), 1000, differs=RELU,
        reason="overfits: -ELBO 93.8 of the training images, 97.9 of those held out"),
    Row("planar-static", "VAE 784-400-40, 10 planar maps", FLOWS, 87.5, "static",
        model("planar-vae", **FORTY, flows=10), (500, 100), 1000, differs=RELU,
        reason=f"{FEW} 1,000; then it would overfit as the row above does"),
    Row("iaf-static", "VAE 784-400-40, 3 inverse autoregressive maps",
        "no figure for this network: Kingma et al., 2016, arXiv 1606.04934, has a deep one", None,
        "static", model("iaf-vae", **FORTY, flows=3, width=320), (500, 100), 1000),
    Row("hamiltonian-static", "Hamiltonian VAE, 4 steps, valid estimator",
        "Caterini et al., 2018, arXiv 1805.11328", 86.40, "static",
        model("hamiltonian-vae", **FORTY, steps=4), (500, 60), 1000,
        differs="a perceptron with 400 units; the paper's network is convolutional",
        reason=EARLY),
    Row("iwae-static", "IWAE, 50 draws", BURDA, 87.1, "static",
        model("iwae", **ONE, draws=50), (300, 20), reason=LONG),
    Row("iwae-dynamic", "IWAE, 50 draws", BURDA, 84.78, "dynamic",
        model("iwae", **ONE, draws=50), (300, 20), reason=LONG),
    Row("miwae-dynamic", "MIWAE, 8 bounds of 8 draws", RAINFORTH, 84.97, "dynamic",
        model("multiply-iwae", **ONE, draws=64, groups=8), (300, 20), reason=LONG),
    Row("ciwae-dynamic", "CIWAE, beta 0.05, 64 draws", RAINFORTH, 84.57, "dynamic",
        model("ciwae", **ONE, draws=64, share=0.05), (300, 20), reason=LONG),
    Row("piwae-dynamic", "PIWAE, 8 bounds of 8 draws", RAINFORTH, 84.46, "dynamic",
        model("piwae", **ONE, draws=64, groups=8), (300, 20), reason=LONG),
    Row("vae-dynamic", "VAE 784-300-300-40", NOROUZI, 84.45, "dynamic",
        model("vae", **GATED), (500, 150), reason=EARLY),
    Row("vamp-dynamic", "VampPrior, 500 pseudo-inputs, 784-300-300-40", NOROUZI, 82.43, "dynamic",
        model("vamp-prior-vae", **GATED, components=500), (500, 100), reason=EARLY),
    Row("vamp-static", "VampPrior, 500 pseudo-inputs, 784-300-300-40", TOMCZAK, 85.57, "static",
        model("vamp-prior-vae", **GATED, components=500), (500, 100), reason=EARLY),
    Row("exemplar-dynamic", "exemplar VAE, 784-300-300-40", NOROUZI, 82.09, "dynamic",
        model("exemplar-vae", **GATED), (500, 100), reason=EARLY),
    Row("hvae-dynamic", "two levels of 40, VampPrior with 500 pseudo-inputs", TOMCZAK, 81.24,
        "dynamic", model("hvae", **(GATED | {"latent": 80}), components=500), (500, 60),
        reason=EARLY),
    Row("vae-fashion", "VAE 784-300-300-40 on Fashion-MNIST", NOROUZI, 228.70, "fashion",
        model("vae", **GATED), (500, 100), reason=EARLY),
    Row("hyperspherical-dynamic", "hyperspherical VAE 784-256-128, 11 numbers for a direction",
        "Davidson et al., 2018, arXiv 1804.00891 (their code)", 93.16, "dynamic",
        model("hyperspherical-vae", hidden=(256, 128), latent=11, net="mlp"), (500, 100), 500,
        reason=EARLY),
    Row("poincare", "Poincare VAE 784-600, wrapped normal, curvature 0.7",
        "Mathieu et al., 2019, arXiv 1901.06033 (their code)", 101.47, "dynamic",
        model("poincare-vae", hidden=600, latent=10, net="mlp", curvature=0.7), (80, 80), 500,
        differs="10 latent dimensions: the source does not say how many its figure is for"),
    Row("deep-dynamic", "deep top-down VAE, 20 stochastic layers",
        "aim: below 80; NVAE, 2020, arXiv 2007.03898, reaches 78.01", 78.01, "dynamic",
        model("deep-vae", layers=20, hidden=128, latent=8, **PER_DIMENSION), (400, 0), 1000),
    Row("deep-small-dynamic", "deep top-down VAE, 10 stochastic layers of width 48",
        "no figure: what a processor gets through of the row above", None, "dynamic",
        model("deep-vae", layers=(1, 1, 3, 4, 1, 0), hidden=48, latent=8, compile=False,
              **PER_DIMENSION), (100, 6), 1000),
]  # fmt: skip
