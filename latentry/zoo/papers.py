"""The papers that the models' docstrings cite, as BibTeX.

A docstring has a line "Authors, year, https://... (aside)" for each; their titles are here.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

TITLES = {
    "10.1126/science.1127647": "Reducing the Dimensionality of Data with Neural Networks",
    "10.1145/1390156.1390294": (
        "Extracting and Composing Robust Features with Denoising Autoencoders"
    ),
    "sparseAutoencoder.pdf": "Sparse Autoencoder (CS294A Lecture Notes)",
    "455_icmlpaper.pdf": (
        "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction"
    ),
    "paper/5775": (
        "Learning Structured Output Representation using Deep Conditional Generative Models"
    ),
    "Sy2fzU9gl": (
        "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework"
    ),
    "1312.5663": "k-Sparse Autoencoders",
    "1312.6114": "Auto-Encoding Variational Bayes",
    "1406.5298": "Semi-Supervised Learning with Deep Generative Models",
    "1412.6581": "Variational Recurrent Auto-Encoders",
    "1505.05770": "Variational Inference with Normalizing Flows",
    "1509.00519": "Importance Weighted Autoencoders",
    "1511.05644": "Adversarial Autoencoders",
    "1511.06349": "Generating Sentences from a Continuous Space",
    "1511.06409": "Learning to Generate Images with Perceptual Similarity Metrics",
    "1512.09300": "Autoencoding beyond Pixels using a Learned Similarity Metric",
    "1602.02282": "Ladder Variational Autoencoders",
    "1606.04934": "Improving Variational Inference with Inverse Autoregressive Flow",
    "1611.00712": (
        "The Concrete Distribution: A Continuous Relaxation of Discrete Random Variables"
    ),
    "1611.01144": "Categorical Reparameterization with Gumbel-Softmax",
    "1611.02648": ("Deep Unsupervised Clustering with Gaussian Mixture Variational Autoencoders"),
    "1611.02731": "Variational Lossy Autoencoder",
    "1611.05148": (
        "Variational Deep Embedding: An Unsupervised and Generative Approach to Clustering"
    ),
    "1705.07120": "VAE with a VampPrior",
    "1706.02262": "InfoVAE: Balancing Learning and Inference in Variational Autoencoders",
    "1707.00418": "Learning Deep Latent Spaces for Multi-Label Classification",
    "1711.00848": (
        "Variational Inference of Disentangled Latent Concepts from Unlabeled Observations"
    ),
    "1711.00937": "Neural Discrete Representation Learning",
    "1711.01558": "Wasserstein Auto-Encoders",
    "1802.04537": "Tighter Variational Bounds are Not Necessarily Better",
    "1802.04942": "Isolating Sources of Disentanglement in Variational Autoencoders",
    "1802.05983": "Disentangling by Factorising",
    "1803.01271": (
        "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence "
        "Modeling"
    ),
    "1804.00891": "Hyperspherical Variational Auto-Encoders",
    "1804.01947": "Sliced-Wasserstein Autoencoder: An Embarrassingly Simple Generative Model",
    "1804.03599": "Understanding Disentangling in beta-VAE",
    "1805.11328": "Hamiltonian Variational Auto-Encoder",
    "1810.00597": "Taming VAEs",
    "1810.04152": "Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives",
    "1812.02633": "MIWAE: Deep Generative Modelling and Imputation of Incomplete Data",
    "1901.05534": ("Lagging Inference Networks and Posterior Collapse in Variational Autoencoders"),
    "1901.06033": (
        "Continuous Hierarchical Representations with Poincare Variational Auto-Encoders"
    ),
    "1903.05789": "Diagnosing and Enhancing VAE Models",
    "1903.10145": "Cyclical Annealing Schedule: A Simple Approach to Mitigating KL Vanishing",
    "1903.12436": "From Variational to Deterministic Autoencoders",
    "1906.04032": "Neural Spline Flows",
    "2004.04795": "Exemplar VAE: Linking Generative Models, Nearest Neighbor Retrieval, and Data "
    "Augmentation",
    "2006.04437": "The Power Spherical Distribution",
    "2006.12871": "not-MIWAE: Deep Generative Modelling with Missing not at Random Data",
    "2006.13202": "Simple and Effective VAE Training with Calibrated Decoders",
    "2010.02917": ("A Contrastive Learning Approach for Training Variational Autoencoder Priors"),
    "2010.11518": "Geometry-Aware Hamiltonian Variational Auto-Encoder",
    "2011.10650": (
        "Very Deep VAEs Generalize Autoregressive Models and Can Outperform Them on Images"
    ),
    "2105.00026": (
        "Data Augmentation in High Dimensional Low Sample Size Setting Using a Geometry-Based "
        "Variational Autoencoder"
    ),
    "2105.14859": "Consistency Regularization for Variational Auto-Encoders",
    "2107.03312": "SoundStream: An End-to-End Neural Audio Codec",
    "2203.01941": "Autoregressive Image Generation using Residual Quantization",
    "2309.15505": "Finite Scalar Quantization: VQ-VAE Made Simple",
}
"""Titles by the end of the address."""


@dataclass(frozen=True)
class Paper:
    """One cited paper."""

    authors: str
    year: str
    url: str

    @property
    def title(self) -> str | None:
        """Its title, if it is known here."""
        return next((t for end, t in TITLES.items() if self.url.endswith(end)), None)

    def bibtex(self) -> str:
        """An entry for a bibliography."""
        names = self.authors.replace(" et al.", " & others").replace(", ", " & ").split(" & ")
        words = re.findall(r"[A-Za-z]{4,}", self.title or "")
        key = re.sub(r"\W", "", names[0]).lower() + self.year + (words[0].lower() if words else "")
        fields = {"title": self.title and f"{{{self.title}}}", "author": " and ".join(names)}
        fields |= {"year": self.year, "url": self.url}
        found = re.search(r"arxiv\.org/abs/(\S+)", self.url)
        if found:
            fields |= {"eprint": found[1], "archivePrefix": "arXiv"}
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@misc{{{key},", *lines, "}"])


def papers(model: type) -> list[Paper]:
    """The papers that a model's docstring cites, in its order."""
    text = inspect.getdoc(model) or ""
    found = re.findall(r"^(.+), (\d{4}), (https?://\S+)", text, flags=re.MULTILINE)
    return [Paper(*each) for each in found]
