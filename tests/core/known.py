"""A model whose figures are known, as a fitted estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from latentry import VAE
from latentry.core.models import LatentModel
from latentry.data.schema import Schema
from latentry.data.transforms import Transform


def estimator(model: LatentModel, x: Any, scale: float = 1.0, **schema: Any) -> VAE:
    """`model` with data like `scale` times x, where a factor other than 1 is for real data.

    Nothing is shifted or standardised beyond that factor.
    """
    rows = x.numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    est = VAE(latent=model.latent)
    est.model_ = model.eval()
    est.schema_ = Schema.infer(rows * scale if scale != 1.0 else rows, **schema)
    est.scaler_ = Transform(est.schema_)
    if est.schema_.values == "real":
        est.scaler_.scale.fill_(scale)
    est.condition_ = est.sampler_ = None
    est.likelihood_ = model.likelihood.name
    est.n_features_in_ = est.schema_.features
    return est
