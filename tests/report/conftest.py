"""Small trained models that the tests of the report look at."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine, make_moons

from latentry import AE, VAE, ConditionalVAE, DenoisingAE

QUICK = {"epochs": 2, "hidden": 16, "random_state": 0, "compile": False, "precision": "float32"}


@pytest.fixture(scope="session")
def digits():
    found = load_digits()
    return (found.images[:120] / 16).astype(np.float32), found.target[:120]


@pytest.fixture(scope="session")
def moons():
    x, y = make_moons(300, noise=0.1, random_state=0)
    return x.astype(np.float32), y


@pytest.fixture(scope="session")
def wine():
    return load_wine(as_frame=True).data


@pytest.fixture(scope="session")
def vae(digits):
    return VAE(latent=2, **QUICK).fit(digits[0])


@pytest.fixture(scope="session")
def wide_vae(digits):
    return VAE(latent=5, **QUICK).fit(digits[0])


@pytest.fixture(scope="session")
def ae(digits):
    return AE(latent=2, **QUICK).fit(digits[0])


@pytest.fixture(scope="session")
def denoiser(digits):
    return DenoisingAE(latent=3, **QUICK).fit(digits[0])


@pytest.fixture(scope="session")
def conditional(digits):
    return ConditionalVAE(latent=3, **QUICK).fit(digits[0], condition=digits[1])


@pytest.fixture(scope="session")
def plane(moons):
    return VAE(latent=2, **QUICK).fit(moons[0])


@pytest.fixture(scope="session")
def table(wine):
    return VAE(latent=3, **QUICK).fit(wine)
