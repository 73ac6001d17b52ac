"""Random numbers that follow from a seed and a purpose, not from what ran before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, purpose: str, number: int = 0) -> int:
    """A seed below 2^32 for one purpose, e.g. the noise of step 7, unrelated to all others.

    32 bits, because that is all that torch's generator for the processor looks at.
    """
    digest = hashlib.blake2b(f"{seed} {purpose} {number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


@contextmanager
def forked(device: torch.device) -> Iterator[None]:
    """Inside the block, torch's generators may be seeded; afterwards they are as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the generators of the processor and of `device`, and no others.

    torch.manual_seed would also record a stack trace for every device that does not exist yet,
    which costs more than the step of a small model.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
