"""What only real processes can show: a killed one, a pair of them, and one short of memory."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import safetensors.torch
import torch

from latentry.training import History

WORKER = str(Path(__file__).with_name("worker.py"))
RUNS = [
    {"optimizer": "adam", "clip": 1.0, "schedule": "cosine", "lr_warmup": 0.1},
    {"optimizer": "rmsprop", "ema": 0.9, "weight_decay": 0.01, "patience": 30},
]


class Server:
    """Starts runs in children of a process that has imported everything already."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, WORKER, "serve"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.ask, self.answers = self.process.stdin, self.process.stdout

    def run(self, folder: Path, options: dict, seconds: float | None = None) -> int:
        """The exit status of a run, which is killed after `seconds`."""
        asked = {"folder": str(folder), "options": options, "seconds": seconds}
        self.ask.write(json.dumps(asked) + "\n")
        self.ask.flush()
        return int(self.answers.readline())

    def close(self) -> None:
        self.ask.close()
        self.process.wait(60)
        self.answers.close()


@pytest.fixture(scope="module")
def server(outside: dict[str, str]):
    served = Server(outside)
    yield served
    served.close()


@pytest.mark.parametrize("chosen", RUNS, ids=lambda chosen: str(chosen["optimizer"]))
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(
    chosen: dict, server: Server, tmp_path: Path
):
    options = {"epochs": 20, "batch_size": 10, "device": "cpu", "checkpoint_seconds": 0, **chosen}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert server.run(whole, {**options, "checkpoint_seconds": 60}) == 0
    moments = random.Random()
    kills = 0
    while kills < 30 and not (killed / "final.safetensors").exists():
        kills += server.run(killed, options, moments.uniform(0.02, 0.2)) == -9
    assert kills >= 3, "the run was too short to be killed on its way"
    assert server.run(killed, options) == 0

    for name in ("final", "checkpoint/best", "checkpoint/last"):
        a, b = (safetensors.torch.load_file(f / f"{name}.safetensors") for f in (whole, killed))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[n], b[n]) for n in a), name
    rows = [History.read_csv(folder / "history.csv").rows for folder in (whole, killed)]
    for row in (*rows[0], *rows[1]):
        del row["seconds"]
    assert rows[0] == rows[1]
    assert not list((killed / "checkpoint").glob(".*"))


def test_two_processes_take_the_steps_of_one(
    worker: ModuleType, outside: dict[str, str], tmp_path: Path
):
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for attempt in range(2):  # the launcher's processes can fail to find each other on a busy host
        folder = tmp_path / str(attempt)
        folder.mkdir()
        command = [sys.executable, *launch, WORKER, "share", str(folder)]
        done = subprocess.run(command, env=outside, capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    one = worker.share(None)
    two = [safetensors.torch.load_file(folder / f"rank{r}.safetensors") for r in range(2)]
    for name, expected in one.items():
        assert torch.equal(two[0][name], two[1][name]), name
        # The gradient of one step to rounding; the weights of a run add up the roundings of many.
        near = 1e-5 if name in ("moment", "totals") else 1e-3
        torch.testing.assert_close(two[0][name], expected, rtol=near, atol=near)
    assert one["moment"].abs().max() > 1e-3
    assert (folder / "checkpoint" / "last.safetensors").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_file_larger_than_memory_may_grow_trains_within_bounds(
    outside: dict[str, str], tmp_path: Path
):
    path = tmp_path / "large.npy"
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (2**16, 1024))
    rows[::1000] = 1.0  # the rest stays a hole, which costs no disk but is read like any row
    size = rows.nbytes
    del rows
    command = [sys.executable, WORKER, "memory", str(path)]
    done = subprocess.run(command, env=outside, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100 * 2**20 < size // 2
