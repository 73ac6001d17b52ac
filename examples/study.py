"""AE and VAE side by side: what is commonly said of them, measured.

    python examples/study.py --data mnist --data-dir DATA --out runs/study/mnist

Trains AE, DenoisingAE, VAE, SigmaVAE, BetaVAE, ConditionalVAE and IWAE with the same nets
(784-400-10), five more around a code wider than the input, and twenty for the anomalies; then
measures samples, paths, anomalies, classes on demand, features, continuity, wide codes, noise and
compression. Every trained model is a run folder in OUT/models and every measured part a file in
OUT/parts: a study that was stopped goes on where it was, and a part whose file is removed is
measured anew. `python examples/study_pages.py runs/study` fills docs/ae-vs-vae.md from it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from study_codes import compression, continuity, denoising, features, reconstruction
from study_common import Study
from study_limits import anomalies, wide
from study_samples import conditional, interpolation, sampling

PARTS = {
    "reconstruction": reconstruction,
    "sampling": sampling,
    "interpolation": interpolation,
    "anomalies": anomalies,
    "conditional": conditional,
    "features": features,
    "continuity": continuity,
    "wide": wide,
    "denoising": denoising,
    "compression": compression,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    study = Study(__doc__, argv)
    study.train_models()
    for name, measure in PARTS.items():
        study.part(name, measure)
    return study.finish()


if __name__ == "__main__":
    sys.exit(main())
