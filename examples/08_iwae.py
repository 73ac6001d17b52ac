"""8. VAE and IWAE on static binarized MNIST, with the likelihood by importance sampling.

One stochastic layer of 50 dimensions, two hidden layers of 200 on each side, Bernoulli: the
one-layer network of Burda, Grosse & Salakhutdinov (2016, arXiv 1509.00519), on the fixed
binarization of Larochelle & Murray. The paper's IWAE with 50 draws reaches 87.1 nats on it after
3,280 epochs.

Goal: a negative log-likelihood of at most 87.5 nats on the 10,000 test images, by 5,000 draws for
each, within an hour of CPU; its evaluation in minutes.

The 60,000 images for training and validation are taken together, and the share `--valid` of them
is held out, at random, to choose the best epoch: by default a sixth, which leaves 50,000 to train
on, as many as the data set's own split. With a smaller share the model learns from more images
than those of that split; the figures say how many.

Each model is kept as a run in OUT/vae and OUT/iwae: a run that was stopped is continued, a
finished one is evaluated as it stands. Remove the folder to train anew. `--models iwae` leaves the
other's figures as they are.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import Example, small_digits

import latentry
from latentry import IWAE, VAE, Estimator, load_data
from latentry.report import figures

PARTS = ("figures", "pictures", "seconds", "settings")

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("--models", {"nargs": "+", "choices": ("vae", "iwae"), "default": ["vae", "iwae"]}),
    ("--epochs", {"type": int, "default": 300}),
    ("--batch-size", {"type": int, "default": 100}),
    ("--lr", {"type": float, "default": 1e-3}),
    ("--optimizer", {"default": "adam"}),
    ("--weight-decay", {"type": float, "default": 0.0}),
    ("--schedule", {"choices": ("constant", "cosine"), "default": "cosine"}),
    ("--lr-warmup", {"type": float, "default": 0.0, "help": "share of all steps"}),
    ("--warmup", {"type": float, "default": 0.0, "help": "of the KL, as a share of all steps"}),
    ("--ema", {"type": float, "help": "decay of the averaged weights"}),
    ("--patience", {"type": int, "help": "epochs without a better validation bound"}),
    ("--draws", {"type": int, "default": 5, "help": "of the IWAE, for each image in training"}),
    ("--valid", {"type": float, "default": 1 / 6, "help": "share held out to choose the epoch"}),
    ("--eval-draws", {"type": int, "default": 5000, "help": "for each test image"}),
    ("--activation", {"default": "tanh", "help": "of the network; the paper's is tanh"}),
    ("--seed", {"type": int, "default": 0}),
    ("--verbose", {"action": "store_true", "help": "show the progress of training"}),
]


def images(example: Example) -> tuple[np.ndarray, np.ndarray]:
    """Binary images to train on (with those for validation) and to test on."""
    if example.quick:
        train, test = small_digits()
        return (train.x > 127).astype(np.uint8), (test.x > 127).astype(np.uint8)
    splits = ("train", "valid", "test")
    folder = example.arguments.data_dir
    train, valid, test = (load_data(f"binarized-mnist:{s}", data_dir=folder).x for s in splits)
    return np.concatenate([train, valid]), test


def build(name: str, example: Example) -> Estimator:
    """The untrained model that the options describe."""
    given = example.arguments
    shared: dict[str, Any] = {
        "latent": 50, "hidden": (200, 200), "net": "mlp", "likelihood": "bernoulli",
        "epochs": example.pick(given.epochs, 2), "random_state": given.seed,
    }  # fmt: skip
    same = (
        "batch_size",
        "lr",
        "optimizer",
        "weight_decay",
        "schedule",
        "lr_warmup",
        "warmup",
        "ema",
        "patience",
        "valid",
        "activation",
    )
    shared |= {field: getattr(given, field) for field in (*same, "verbose")}
    return VAE(**shared) if name == "vae" else IWAE(draws=given.draws, **shared)


def trained(name: str, example: Example, x: np.ndarray) -> Estimator:
    """The model of the run in OUT/name, which is begun, continued, or read if it is finished."""
    folder = example.out / name
    about = folder / "model.json"
    if about.exists() and json.loads(about.read_text("utf-8"))["status"] == "finished":
        print(f"{folder} holds a finished run, which is evaluated as it stands.")
        return latentry.load(folder)
    print(f"training the {name.upper()} ...", flush=True)
    return build(name, example).fit(x, folder=folder)


def measure(name: str, example: Example, x: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """Train and evaluate one model; its figures, pictures, seconds and settings."""
    part, label = copy.copy(example), name.upper()
    part.figures, part.pictures, part.seconds, part.settings = [], [], {}, {}
    est = trained(name, part, x)
    part.used(label, est)
    part.seconds[f"training the {label}"] = est.history_.rows[-1]["seconds"]
    draws = part.pick(part.arguments.eval_draws, 20)
    with part.timed(f"evaluating the {label} with {draws:,} draws"):
        found = est.evaluate(test, draws=draws)
    nats = "nats for each image"
    part.measured(f"{label}: test NLL, {draws:,} draws", found["nll"], nats, at_most=87.5)
    part.measured(f"{label}: its standard error over images", found["nll_stderr"], nats)
    part.measured(f"{label}: test negative ELBO", -found["elbo"], nats)
    part.measured(f"{label}: active units", found["active_units"], "of 50 latent dimensions")
    trained_on = len(x) - round(len(x) * est.valid)
    part.measured(f"{label}: images trained on", trained_on, "images")
    part.measured(f"{label}: epochs trained", len(est.history_.rows), "epochs")
    part.show(figures.samples(est, 50, seed=0), f"{name}-samples")
    part.show(figures.loss_curves(est.history_), f"{name}-loss")
    return {field: getattr(part, field) for field in PARTS}


def merge(example: Example, path: Path) -> None:
    """Add what was measured of one model, now or before, to the results."""
    part = json.loads(path.read_text("utf-8"))
    example.figures += part["figures"]
    example.pictures += part["pictures"]
    example.seconds |= part["seconds"]
    example.settings |= part["settings"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; the exit code."""
    example = Example("08_iwae", __doc__, argv, OPTIONS)
    x, test = images(example)
    for name in example.arguments.models:
        part = measure(name, example, x, test)
        (example.out / f"{name}.json").write_text(json.dumps(part, indent=2), "utf-8")
    for name in ("vae", "iwae"):
        if (example.out / f"{name}.json").exists():
            merge(example, example.out / f"{name}.json")
    return example.finish()


if __name__ == "__main__":
    sys.exit(main())
