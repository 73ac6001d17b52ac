"""The peak memory of a fit, in a process of its own: prints one line of JSON, in MB.

The data are uint8 images in memory, `--rows` of 784 pixels; they are part of the peak.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys

import numpy as np


def peak() -> float:
    """The largest resident size of this process so far, MB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()

    from latentry import VAE

    imported = peak()
    few = np.load(f"{args.data}/train.npy", mmap_mode="r")
    images = np.empty((args.rows, *few.shape[1:]), np.uint8)
    for start in range(0, args.rows, len(few)):
        part = images[start : start + len(few)]
        part[:] = few[: len(part)]
    vae = VAE(
        latent=20,
        hidden=400,
        net="mlp",
        likelihood="bernoulli",
        epochs=1,
        compile=args.compile,
        random_state=0,
    )
    vae.fit(images)
    line = {"data": images.nbytes / 1e6, "after_import": imported, "peak": peak()}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
