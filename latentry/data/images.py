"""A folder of images as one array; subfolders are labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import LatentryError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def read_images(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The images below `folder` as uint8 (N, H, W) or, if any has colour, (N, H, W, 3).

    They come in the order of their paths. If all lie in subfolders, the name of the first one
    below `folder` is the label. Transparency is left out, and of an animation the first frame
    is taken.

    Raises `LatentryError` for a folder without images, images of different sizes, files that
    cannot be read, and 16-bit images (naming the file).
    """
    paths = sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in EXTENSIONS
        and p.is_file()
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )
    if not paths:
        raise LatentryError(
            f"The folder {folder} holds no images; they are files ending in "
            f"{', '.join(EXTENSIONS)}."
        )
    size, mode = _size_and_mode(paths)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    x = np.empty((len(paths), *shape), np.uint8)
    for i, path in enumerate(paths):
        x[i] = _pixels(path, mode)
    parts = [p.relative_to(folder).parts for p in paths]
    labelled = all(len(p) > 1 for p in parts)
    return x, np.array([p[0] for p in parts], dtype=object) if labelled else None


def _size_and_mode(paths: list[Path]) -> tuple[tuple[int, int], str]:
    """The width and height that all images share, and "L" if all are grey, else "RGB"."""
    from PIL import Image

    shared: tuple[int, int] | None = None
    grey = True
    for path in paths:
        try:
            with Image.open(path) as image:
                size, mode = image.size, image.mode
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise LatentryError(_broken(path)) from error
        shared = shared or size
        if size != shared:
            raise LatentryError(
                f"{path} is {size[0]} x {size[1]} pixels, but {paths[0].name} is {shared[0]} x "
                f"{shared[1]}; bring all images to one size."
            )
        if mode.startswith("I") or mode == "F":
            raise LatentryError(
                f"{path} has more than 8 bits per pixel; save it with 8, or give an array instead."
            )
        grey = grey and mode in ("1", "L", "LA")
    assert shared is not None  # `paths` is not empty
    return shared, "L" if grey else "RGB"


def _pixels(path: Path, mode: str) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise LatentryError(_broken(path)) from error


def _broken(path: Path) -> str:
    return f"{path} is broken or no image; mend it or take it out of the folder."
