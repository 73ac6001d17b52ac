"""pythae: its VAE with an encoder and a decoder of these sizes, through its training pipeline.

The images are float32 in memory before the clock starts.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time

import torch
from common import BATCH, HIDDEN, LATENT, PIXELS, RATE, arguments, images, report
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn


class Encoder(BaseEncoder):
    """784-400-20."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = LATENT
        self.body = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU())
        self.mean = nn.Linear(HIDDEN, LATENT)
        self.log_variance = nn.Linear(HIDDEN, LATENT)

    def forward(self, x: Tensor) -> ModelOutput:
        h = self.body(x.flatten(1))
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    """20-400-784."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, PIXELS), nn.Sigmoid()
        )

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.body(z).view(-1, 1, 28, 28))


class Clock(TrainingCallback):
    """The seconds of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, training_config, **kwargs) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, training_config, **kwargs) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def main() -> None:
    args = arguments(__doc__)
    torch.manual_seed(args.seed)

    def pixels(split: str) -> Tensor:
        return torch.from_numpy(images(args, split)).unsqueeze(1).float() / 255

    start = time.perf_counter()
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce")
    model, clock = VAE(config, encoder=Encoder(), decoder=Decoder()), Clock()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        trainer = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=args.epochs,
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            optimizer_cls="Adam",
            seed=args.seed,
            no_cuda=args.device == "cpu",
        )
        pipeline = TrainingPipeline(training_config=trainer, model=model)
        setup = time.perf_counter() - start
        pipeline(pixels("train"), callbacks=[clock])
    model = model.to("cpu").eval()
    with torch.no_grad():
        bound = float(model({"data": pixels("test")}).loss)
    report(clock.seconds, bound, setup, "pythae", "torch")


if __name__ == "__main__":
    main()
