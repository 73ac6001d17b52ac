"""Make the pictures of docs/models: one for each family, named after its page.

    python tools/pictures.py                 all of them, in some minutes on one thread
    python tools/pictures.py priors missing  these

Every model is trained with seed 0 on data that need no download.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pictures_images import (
    autoencoders,
    discrete,
    hierarchies,
    labels,
    missing,
    perceptual,
)
from pictures_planes import (
    disentangling,
    divergences,
    geometry,
    importance_weighted,
    posteriors,
    priors,
    sequences,
    variational,
)

from latentry import Estimator
from latentry.report.picture import Picture

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
PICTURES: dict[str, Callable[[Any], Picture]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        autoencoders,
        variational,
        importance_weighted,
        disentangling,
        divergences,
        priors,
        posteriors,
        geometry,
        discrete,
        hierarchies,
        perceptual,
        labels,
        missing,
        sequences,
    )
}
"""What makes the picture of each page."""


def fit(est: Estimator, data: Any, epochs: int, **given: Any) -> Estimator:
    """The model trained on all of the data; compiling would take longer than the training."""
    est.set_params(epochs=epochs, valid=0, random_state=0, compile=False)
    return est.fit(data, **given)


def save(picture: Picture, path: Path) -> None:
    """Write it with 256 colours, which are enough and take a third of the space."""
    from PIL import Image

    raw = io.BytesIO()
    picture.savefig(raw, format="png")
    image = Image.open(raw).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the pictures that are asked for; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="pages; all by default")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the pictures")
    given = parser.parse_args(argv)
    unknown = set(given.names) - set(PICTURES)
    if unknown:
        parser.error(f"there is no picture of {min(unknown)}; there are {', '.join(PICTURES)}")
    for name in given.names or PICTURES:
        start = time.perf_counter()
        path = given.out / f"family-{name}.png"
        save(PICTURES[name](fit), path)
        print(f"{path.name}: {time.perf_counter() - start:.0f} s, {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
