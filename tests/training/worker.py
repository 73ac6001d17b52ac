"""A small run that the tests start in processes of their own.

python worker.py serve           forks a child for each line of JSON (folder, options, seconds),
                                 kills it after that time, and answers with its exit status
python worker.py share FOLDER    one step and one run, alone or as one process of several
python worker.py memory FILE     trains on a memory-mapped file, prints how memory grew, in bytes
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from latentry.core.bounds import Elbo
from latentry.core.likelihoods import SharedGaussianLikelihood
from latentry.core.models import VAE
from latentry.core.objective import Objective
from latentry.core.posteriors import GaussianPosterior
from latentry.core.priors import StandardNormal
from latentry.core.schedules import linear
from latentry.data.schema import Schema
from latentry.nets.mlp import MLPDecoder, MLPEncoder
from latentry.training import MappedSource, Options, TensorSource, train
from latentry.training.seeds import derive, seed_generators
from latentry.training.step import Step
from latentry.training.team import join

CPU = torch.device("cpu")


def rows(n: int = 70, width: int = 6, seed: int = 3) -> Tensor:
    """Points near a bent line, (n, width)."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.randn(n, 1, generator=generator)
    noise = 0.1 * torch.randn(n, width, generator=generator)
    return torch.cat([t, t**2, *[torch.sin(k * t) for k in range(1, width - 1)]], 1) + noise


def small(width: int = 6, latent: int = 2, seed: int = 0) -> VAE:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = MLPEncoder((width,), (8,))
        decoder = MLPDecoder(latent, 1, (width,), (8,))
        likelihood = SharedGaussianLikelihood(decoder, (width,))
        return VAE(GaussianPosterior(encoder, latent), StandardNormal(latent), likelihood)


def objective(warmup: float = 0.0) -> Objective:
    return Objective(Elbo(linear(0.0, 1.0, warmup), settled=warmup))


def run(folder: Path, options: dict[str, Any]) -> dict[str, Tensor]:
    """Train into the folder, and write the weights that the model then holds."""
    model = small()
    sources = TensorSource(rows()), TensorSource(rows(20, seed=4))
    train(model, nn.Identity(), objective(0.2), *sources, Options(**options), folder=folder)
    safetensors.torch.save_file(model.state_dict(), folder / "final.safetensors")
    return model.state_dict()


def serve() -> None:
    """Children start at once, since everything is imported already."""
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            run(Path(asked["folder"]), asked["options"])
            os._exit(0)
        print(end_of(child, asked["seconds"]), flush=True)


def end_of(child: int, seconds: float | None) -> int:
    """The exit status of a child that gets so long to live: 0, or -9."""
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)  # a child that has ended keeps its number until waited for
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def share(folder: Path | None) -> dict[str, Tensor]:
    """Adam's first moment after one step, a tenth of the gradient; then a whole run."""
    team, model, source = join(CPU), small(), TensorSource(rows(64))
    step = Step(model, nn.Identity(), objective(), Options(), team, (rows(2), None))
    seed_generators(CPU, derive(0, "step", 0))
    step(next(source.batches(0, 16, 0, rank=team.rank, world=team.world)), 0, 1)
    found = {"moment": step.state[0].clone(), "totals": step.totals.clone()}
    step.weights.release()
    model = small()
    valid = TensorSource(rows(20, seed=4))
    options = Options(epochs=3, batch_size=16, device="cpu", optimizer="rmsprop")
    history = train(model, nn.Identity(), objective(), source, valid, options, folder=folder)
    found["valid"] = torch.tensor(history.column("valid_bound"))
    found |= model.state_dict()
    if folder is not None:
        safetensors.torch.save_file(found, folder / f"rank{team.rank}.safetensors")
    return found


def memory(path: Path) -> None:
    x = np.load(path, mmap_mode="r")
    schema = Schema("vector", x.shape[1:], "real", dtype=str(x.dtype))
    model = small(x.shape[1])
    options = Options(epochs=1, batch_size=256, device="cpu")
    train(model, nn.Identity(), objective(), MappedSource(x[:512], schema), None, options)
    before = peak()
    source = MappedSource(x, schema)
    train(model, nn.Identity(), objective(), source, MappedSource(x, schema), options)
    print(peak() - before)


def peak() -> int:
    """The most memory that the process has held, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    verb, *given = sys.argv[1:]
    if verb == "serve":
        serve()
    elif verb == "share":
        share(Path(given[0]))
    else:
        memory(Path(given[0]))
