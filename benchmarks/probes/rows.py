"""Rows per second encoded and scored (ELBO, one draw), beside a plain loop in torch.

Both use the same weights and the same blocks of rows and take turns; prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentry import VAE

BLOCK = 2048


def plain(images: np.ndarray, encoder: nn.Module, decoder: nn.Module | None) -> np.ndarray:
    """Posterior means, or with a decoder one-draw ELBOs, the way one would write it by hand."""
    found: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(images), BLOCK):
            rows = torch.from_numpy(images[start : start + BLOCK])
            x = rows.flatten(1).float() / 255
            mean, log_variance = encoder(x).chunk(2, -1)
            if decoder is None:
                found.append(mean)
                continue
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            bce = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="none").sum(-1)
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
            found.append(-bce - kl)
    return torch.cat(found).numpy()


def rates(jobs: dict[str, Callable[[], object]], rows: int, repeats: int) -> dict[str, float]:
    """The median rows per second of each job; they take turns."""
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            found[name].append(rows / (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    few = np.load(f"{args.data}/train.npy")
    vae = VAE(latent=20, hidden=400, net="mlp", likelihood="bernoulli", epochs=1, random_state=0)
    vae.fit(few[:6400])
    images = np.concatenate([few] * -(-args.rows // len(few)))[: args.rows]

    encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40)).eval()
    decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784)).eval()
    jobs: dict[str, Callable[[], object]] = {
        "encode": lambda: vae.transform(images),
        "plain_encode": lambda: plain(images, encoder, None),
        "score": lambda: vae.score_samples(images, draws=1),
        "plain_score": lambda: plain(images, encoder, decoder),
    }
    print(json.dumps(rates(jobs, len(images), args.repeats)))


if __name__ == "__main__":
    main()
