"""pythae: one of its models with its own default nets, through its training pipeline.

Prints the line of JSON that `common` describes. The images are float32 in memory before the clock
starts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pythae.models
import torch
from common import report
from pythae.pipelines import TrainingPipeline
from pythae.trainers import (
    AdversarialTrainerConfig,
    BaseTrainerConfig,
    CoupledOptimizerAdversarialTrainerConfig,
    CoupledOptimizerTrainerConfig,
)
from pythae_fit import Clock

TRAINERS: dict[str, Any] = {
    "Adversarial_AE": AdversarialTrainerConfig,
    "FactorVAE": AdversarialTrainerConfig,
    "VAEGAN": CoupledOptimizerAdversarialTrainerConfig,
    "RAE_L2": CoupledOptimizerTrainerConfig,
    "PIWAE": CoupledOptimizerTrainerConfig,
}
"""Those that are not trained by its plain trainer."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--latent", type=int, default=20)
    parser.add_argument("--model", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--fields", type=json.loads, default={})
    args = parser.parse_args()
    torch.manual_seed(0)
    x = torch.from_numpy(np.load(args.data / "train.npy")[: args.rows]).unsqueeze(1).float() / 255
    config = getattr(pythae.models, args.config)(
        input_dim=(1, 28, 28), latent_dim=args.latent, **args.fields
    )
    model, clock = getattr(pythae.models, args.model)(config), Clock()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        trainer = TRAINERS.get(args.model, BaseTrainerConfig)(
            output_dir=folder,
            num_epochs=args.epochs,
            per_device_train_batch_size=args.batch,
            no_cuda=True,
        )
        TrainingPipeline(training_config=trainer, model=model)(x, callbacks=[clock])
    report(clock.seconds, None, 0.0, "pythae", "torch")


if __name__ == "__main__":
    main()
