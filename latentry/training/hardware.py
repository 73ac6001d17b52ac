"""What "auto" means on this machine: the device, the precision, and whether compiling pays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from latentry.errors import LatentryError

PIXELS = ("binary", "levels", "unit")
"""Kinds of values that lie between two bounds."""
SECONDS_PER_STEP = 1.5e-3
"""What a step of a small model costs beside its arithmetic."""
FLOPS_PER_THREAD = 3e10
"""What one thread of a processor gets done in a second, in float32."""
FLOPS_OF_GPU = 1e13
WORTH_COMPILING = 30.0
"""Compiling takes 5 to 15 seconds and halves a step: a run that takes longer repays it."""


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is a GPU where there is one. Raises LatentryError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cuda":
        if not torch.cuda.is_available():
            raise LatentryError("device='cuda': torch finds no GPU here; use device='cpu'.")
        index = int(number or os.environ.get("LOCAL_RANK", "0"))
        if index >= torch.cuda.device_count():
            raise LatentryError(
                f"device={name!r}: there are {torch.cuda.device_count()} GPUs, counted from 0."
            )
        return torch.device("cuda", index)
    if kind == "mps" and not torch.backends.mps.is_available():
        raise LatentryError("device='mps': torch finds no Apple GPU here; use device='cpu'.")
    return torch.device(kind)


def choose_precision(asked: str, device: torch.device, transform: nn.Module) -> str:
    """float32 or bfloat16.

    "auto" is bfloat16 for the matrix products where the hardware computes in it and the transform
    says that the data are pixels between two bounds; real-valued data keep float32.
    """
    if asked != "auto":
        return asked
    pixels = getattr(transform, "values", None) in PIXELS
    return "bfloat16" if pixels and native_bfloat16(device) else "float32"


def native_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies matrices in bfloat16 itself."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
    return False


def choose_compile(asked: bool | str, device: torch.device, steps: int, flops: float) -> bool:
    """Whether to compile a step of `flops` operations that is taken `steps` times.

    "auto" estimates from these counts alone, not from a clock, so that a repeated or resumed run
    decides alike and gives the same numbers.
    """
    if asked != "auto":
        return bool(asked)
    if device.type == "cpu":
        if not compiler():
            return False
        speed = FLOPS_PER_THREAD * torch.get_num_threads()
    elif device.type == "cuda":
        speed = FLOPS_OF_GPU
    else:
        return False
    return steps * (SECONDS_PER_STEP + flops / speed) > WORTH_COMPILING


@contextmanager
def counting() -> Iterator[list[float]]:
    """Inside the block, the operations of all layers with a weight matrix add up in the one item.

    torch's own counter would import its compiler: a second, and 60 MB of memory.
    """
    total = [0.0]

    def add(layer: nn.Module, _: Any, out: Any) -> None:
        weight = getattr(layer, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim > 1 and isinstance(out, Tensor):
            total[0] += 2.0 * out.numel() * weight[0].numel()

    handle = register_module_forward_hook(add)
    try:
        yield total
    finally:
        handle.remove()


def compiler() -> str | None:
    """The C++ compiler that torch would call, if there is one."""
    return shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")
