"""latentry: its VAE with the same sizes, through `fit`, on uint8 images in memory."""

from __future__ import annotations

import itertools
import time

from common import BATCH, HIDDEN, LATENT, RATE, arguments, images, report

from latentry import VAE


def main() -> None:
    args = arguments(__doc__)
    fields = {"epochs": args.epochs, "lr": RATE, "compile": True} | args.fields
    vae = VAE(
        latent=LATENT,
        hidden=HIDDEN,
        net="mlp",
        likelihood="bernoulli",
        batch_size=BATCH,
        valid=0.0,
        device=args.device,
        random_state=args.seed,
        **fields,
    )
    start = time.perf_counter()
    vae.fit(images(args, "train"))
    whole = time.perf_counter() - start
    ends = [0.0, *vae.history_.column("seconds")]
    seconds = [end - begin for begin, end in itertools.pairwise(ends)]
    if vae.history_.notes:
        raise SystemExit(f"the training had remarks: {vae.history_.notes}")
    bound = -float(vae.score_samples(images(args, "test"), draws=1).mean())
    report(seconds, bound, whole - ends[-1], "torch")


if __name__ == "__main__":
    main()
