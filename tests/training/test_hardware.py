from __future__ import annotations

import pytest
import torch
from torch import nn

from latentry.errors import LatentryError
from latentry.training import hardware

CPU = torch.device("cpu")


class Scaler(nn.Module):
    def __init__(self, kind: str, values: str) -> None:
        super().__init__()
        self.kind, self.values = kind, values


def test_a_missing_gpu_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert hardware.choose_device("auto") == CPU
    with pytest.raises(LatentryError, match="torch finds no GPU here; use device='cpu'"):
        hardware.choose_device("cuda")


@pytest.mark.parametrize("native", [True, False])
def test_low_precision_is_for_pixels_on_hardware_that_has_it(
    native: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hardware, "native_bfloat16", lambda _: native)

    def choose(asked: str, transform: nn.Module) -> str:
        return hardware.choose_precision(asked, CPU, transform)

    pixels = Scaler("image", "levels")
    assert choose("auto", pixels) == ("bfloat16" if native else "float32")
    assert choose("auto", Scaler("image", "real")) == "float32"
    assert choose("auto", Scaler("vector", "levels")) == choose("auto", pixels)
    assert choose("auto", Scaler("vector", "count")) == "float32"
    assert choose("auto", nn.Identity()) == "float32"
    assert choose("float32", pixels) == "float32"
    assert choose("bfloat16", nn.Identity()) == "bfloat16"


def test_compiling_is_for_long_runs_with_a_compiler(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hardware, "compiler", lambda: "g++")
    assert not hardware.choose_compile("auto", CPU, 500, 1e8)
    assert hardware.choose_compile("auto", CPU, 500_000, 1e8)
    assert hardware.choose_compile("auto", CPU, 500, 1e12)
    assert hardware.choose_compile(True, CPU, 1, 0)
    assert not hardware.choose_compile(False, CPU, 500_000, 1e8)
    monkeypatch.setattr(hardware, "compiler", lambda: None)
    assert not hardware.choose_compile("auto", CPU, 500_000, 1e8)


def test_the_operations_of_layers_are_counted():
    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5))
    with hardware.counting() as flops:
        net(torch.zeros(7, 20))
    assert flops[0] == 2 * 7 * (20 * 30 + 30 * 5)
    with hardware.counting() as flops:
        nn.Conv2d(3, 8, 3, padding=1)(torch.zeros(2, 3, 6, 6))
    assert flops[0] == 2 * 2 * 8 * 6 * 6 * 3 * 9
    before = flops[0]
    net(torch.zeros(7, 20))
    assert flops[0] == before
