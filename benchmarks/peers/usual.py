"""The script that most people start from: plain PyTorch, as in the best-known example of a VAE.

Each image is a PIL picture that becomes a float tensor when it is asked for, a DataLoader puts
batches together from them, every operation runs by itself, and the loss is read back each step.
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from common import BATCH, HIDDEN, LATENT, PIXELS, RATE, arguments, images, report
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    """Images (N, 28, 28) uint8, given out one by one as float tensors (1, 28, 28) in [0, 1]."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = torch.from_numpy(pixels)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.pixels[i].numpy())
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        pixels = pixels.view(picture.size[1], picture.size[0], 1).permute(2, 0, 1).contiguous()
        return pixels.to(torch.float32).div(255), 0


class VAE(nn.Module):
    """784-400-20-400-784."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(PIXELS, HIDDEN)
        self.mean = nn.Linear(HIDDEN, LATENT)
        self.log_variance = nn.Linear(HIDDEN, LATENT)
        self.back = nn.Linear(LATENT, HIDDEN)
        self.pixels = nn.Linear(HIDDEN, PIXELS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.hidden(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return torch.sigmoid(self.pixels(F.relu(self.back(z)))), mean, log_variance


def negative_elbo(model: VAE, x: Tensor) -> Tensor:
    """Summed over the batch, in nats."""
    x = x.view(-1, PIXELS)
    reconstruction, mean, log_variance = model(x)
    bce = F.binary_cross_entropy(reconstruction, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return bce + kl


def train(model: VAE, loader: DataLoader, optimizer: torch.optim.Optimizer, device: str) -> float:
    """One epoch; the average loss."""
    model.train()
    total = 0.0
    for x, _ in loader:
        optimizer.zero_grad()
        loss = negative_elbo(model, x.to(device))
        loss.backward()
        total += loss.item()
        optimizer.step()
    return total / len(loader.dataset)


@torch.no_grad()
def test(model: VAE, loader: DataLoader, device: str) -> float:
    """The average negative ELBO of the test images."""
    model.eval()
    return sum(negative_elbo(model, x.to(device)).item() for x, _ in loader) / len(loader.dataset)


def main() -> None:
    args = arguments(__doc__)
    torch.manual_seed(args.seed)
    start = time.perf_counter()
    kind = {"num_workers": 1, "pin_memory": True} if args.device == "cuda" else {}
    loader = DataLoader(Pictures(images(args, "train")), BATCH, shuffle=True, **kind)
    model = VAE().to(args.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    setup = time.perf_counter() - start
    seconds = []
    for _ in range(args.epochs):
        start = time.perf_counter()
        train(model, loader, optimizer, args.device)
        seconds.append(time.perf_counter() - start)
    held = DataLoader(Pictures(images(args, "test")), BATCH, **kind)
    report(seconds, test(model, held, args.device), setup, "torch")


if __name__ == "__main__":
    main()
