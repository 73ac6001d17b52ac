"""6. A denoising autoencoder: noisy digits cleaned.

While it learns, Gaussian noise of standard deviation 0.5 (of a grey scale from 0 to 1) is added to
its input, and it has to give back the clean image.

Goal: noisy, cleaned and original in rows, and the peak signal-to-noise ratio before and after. The
noisy image is measured as it is seen, cut to the grey scale, which raises its ratio.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from common import Example

from latentry import DenoisingAE
from latentry.report import figures
from latentry.report.images import denoise


def psnr(clean: np.ndarray, images: np.ndarray) -> float:
    """Peak signal-to-noise ratio of 8-bit images, (N, H, W) each, the mean over them in dB."""
    square = ((clean.astype(float) - images.astype(float)) / 255) ** 2
    return float((-10 * np.log10(square.mean((1, 2)))).mean())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("06_denoising_ae", __doc__, argv)
    train, test = example.digits()
    dae = DenoisingAE(
        corruption="gaussian", level=0.5, latent=64, hidden=(512, 256), net="mlp",
        likelihood="gaussian", epochs=example.pick(20, 5), schedule="cosine",
        valid=0, random_state=0,
    )  # fmt: skip
    with example.timed("training"):
        dae.fit(train.x)
    example.used("denoising AE", dae)
    with example.timed("evaluating"):
        pair = denoise(dae, test.x, None)
    assert pair is not None
    noisy, cleaned = (psnr(test.x, images) for images in pair)
    example.measured("PSNR of the noisy test digits", noisy, "dB")
    example.measured("PSNR of the cleaned test digits", cleaned, "dB", at_least=noisy)
    example.measured("gain", cleaned - noisy, "dB")
    example.show(figures.reconstructions(dae, test.x, test.labels), "noisy-and-cleaned")
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
