from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from latentry.core.models import LatentModel
from latentry.errors import Interrupted, LatentryError
from latentry.training import History, Options, Silent, Source, TensorSource, train
from latentry.training.sources import Batch

OPTIONS: dict[str, Any] = {"epochs": 4, "batch_size": 16, "lr": 0.01, "device": "cpu"}


def fit(worker: ModuleType, *, model=None, source=None, valid=True, warmup=0.0, **given):
    """A trained model and its history; `given` are options, folder and progress."""
    own = {n: given.pop(n) for n in ("folder", "progress") if n in given}
    model = worker.small() if model is None else model
    source = TensorSource(worker.rows()) if source is None else source
    held = TensorSource(worker.rows(20, seed=4)) if valid is True else valid or None
    options = Options(**{**OPTIONS, **given})
    history = train(model, nn.Identity(), worker.objective(warmup), source, held, options, **own)
    return model, history


def same(a: LatentModel, b: LatentModel) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def timeless(history: History) -> list[dict]:
    return [{n: v for n, v in row.items() if n != "seconds"} for row in history.rows]


def test_a_run_learns_and_its_history_says_so(worker: ModuleType):
    _, history = fit(worker, epochs=30)
    assert len(history.rows) == 30
    first, last = history.rows[0], history.rows[-1]
    assert last["loss"] < first["loss"] - 1
    assert last["valid_bound"] > first["valid_bound"] + 1
    assert last["loss"] == pytest.approx(last["distortion"] + last["rate"], rel=1e-5)
    assert last["valid_bound"] == pytest.approx(
        -last["valid_distortion"] - last["valid_rate"], rel=1e-5
    )
    assert [row["epoch"] for row in history.rows] == list(range(1, 31))
    assert last["step"] == 30 * (70 // 16)


@pytest.mark.parametrize("options", [{}, {"ema": 0.9, "optimizer": "rmsprop"}, {"seed": 5}])
def test_a_seed_makes_a_run_repeatable_and_leaves_the_callers_alone(
    worker: ModuleType, options: dict
):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    a, one = fit(worker, **options)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    b, two = fit(worker, **options)
    assert same(a, b)
    assert timeless(one) == timeless(two)
    other, _ = fit(worker, **{**options, "seed": 77})
    assert not same(a, other)


def test_a_seed_gives_other_noise_at_every_step(worker: ModuleType):
    """With one batch for an epoch and no learning, epochs differ in their noise alone."""
    _, history = fit(worker, lr=1e-12, batch_size=1000, valid=False)
    assert len(set(history.column("distortion"))) == 4


def test_the_best_weights_by_validation_are_kept(worker: ModuleType, tmp_path: Path):
    model, history = fit(worker, epochs=12, lr=0.3, folder=tmp_path)
    values = history.column("valid_bound")
    best = max(range(12), key=values.__getitem__)
    assert best < 11, "the last epoch was the best, so this shows nothing"
    stopped, _ = fit(worker, epochs=12, lr=0.3, valid=Peak(worker, best + 1))
    assert same(model, stopped)
    saved = safetensors.torch.load_file(tmp_path / "checkpoint" / "best.safetensors")
    assert all(torch.equal(saved[n], t) for n, t in model.state_dict().items())


class Peak(TensorSource):
    """Rows to validate with that are easiest to model in one epoch, and harder around it."""

    def __init__(self, worker: ModuleType, best: int) -> None:
        super().__init__(worker.rows(20, seed=4))
        self.best, self.epoch = best, 0

    def all(self, size: int) -> Iterator[Batch]:
        self.epoch += 1
        yield self.x * 3.0 ** abs(self.epoch - self.best), None


def test_early_stopping_waits_for_patience(worker: ModuleType):
    _, history = fit(worker, epochs=20, patience=3, valid=Peak(worker, 4))
    assert len(history.rows) == 4 + 3


def test_early_stopping_waits_for_the_warm_up(worker: ModuleType, tmp_path: Path):
    given = {"epochs": 20, "patience": 2, "warmup": 0.5}
    _, history = fit(worker, **given, valid=Peak(worker, 1), folder=tmp_path)
    assert len(history.rows) == 10 + 2
    _, again = fit(worker, **given, valid=Peak(worker, 1), folder=tmp_path)
    assert again.rows == history.rows


def test_without_validation_the_last_weights_are_kept(worker: ModuleType):
    model, history = fit(worker, valid=False, ema=0.5)
    plain, _ = fit(worker, valid=False)
    assert "valid_bound" not in history.columns
    assert not same(model, plain)
    storages = {p.untyped_storage().data_ptr() for p in model.parameters()}
    assert len(storages) == len(list(model.parameters()))


class Press(Silent):
    """Presses Ctrl-C in some epoch."""

    def __init__(self, epoch: int) -> None:
        self.at = epoch

    def epoch(self, row) -> None:
        if row["epoch"] == self.at:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def usual_ctrl_c():
    """What Python does with Ctrl-C, also where these tests run in the background without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_saves_and_the_run_goes_on_to_the_same_end(worker: ModuleType, tmp_path: Path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"after step 8 of 16 and is saved.*latentry resume"):
        fit(worker, folder=tmp_path, progress=Press(2), ema=0.9)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(History.read_csv(tmp_path / "history.csv").rows) == 2
    a, resumed = fit(worker, folder=tmp_path, ema=0.9)
    b, whole = fit(worker, ema=0.9)
    assert same(a, b)
    assert timeless(resumed) == timeless(whole)
    c, finished = fit(worker, folder=tmp_path, ema=0.9)
    assert same(a, c)
    assert finished.rows == resumed.rows


def test_ctrl_c_without_a_folder_is_the_usual_one(worker: ModuleType, usual_ctrl_c: None):
    model = worker.small()
    with pytest.raises(KeyboardInterrupt):
        fit(worker, model=model, progress=Press(2))
    assert all(p.untyped_storage().nbytes() == 4 * p.numel() for p in model.parameters())


def test_a_finished_run_can_be_given_more_epochs(worker: ModuleType, tmp_path: Path):
    fit(worker, folder=tmp_path)
    model, history = fit(worker, folder=tmp_path, epochs=6)
    whole, _ = fit(worker, epochs=6)
    assert len(history.rows) == 6
    assert same(model, whole)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": 0.02}, "was trained with lr=0.01, not 0.02; use the same to go on with it"),
        ({"ema": 0.9}, "ema=None, not 0.9"),
        ({"source": TensorSource(torch.zeros(50, 6))}, "rows=70, not 50"),
    ],
)
def test_another_run_in_the_folder_is_left_alone(
    worker: ModuleType, tmp_path: Path, change: dict, sentence: str
):
    fit(worker, folder=tmp_path, epochs=1)
    before = (tmp_path / "checkpoint" / "last.safetensors").read_bytes()
    with pytest.raises(LatentryError, match=sentence):
        fit(worker, folder=tmp_path, epochs=1, **change)
    with pytest.raises(LatentryError, match="belongs to another model"):
        fit(worker, folder=tmp_path, epochs=1, model=worker.small(latent=3))
    assert (tmp_path / "checkpoint" / "last.safetensors").read_bytes() == before


@pytest.mark.parametrize("name", ["last", "best"])
def test_a_damaged_checkpoint_stops_the_run(worker: ModuleType, tmp_path: Path, name: str):
    fit(worker, folder=tmp_path, epochs=1)
    path = tmp_path / "checkpoint" / f"{name}.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(LatentryError, match=f"{name}.safetensors is damaged"):
        fit(worker, folder=tmp_path, epochs=1)


def test_a_run_that_keeps_failing_stops_with_advice(worker: ModuleType):
    x = worker.rows()
    x[::3] = math.inf
    with pytest.raises(LatentryError, match=r"of the last 16 training steps .* smaller lr than"):
        fit(worker, source=TensorSource(x), valid=False)


def test_a_few_bad_steps_are_skipped_and_told(worker: ModuleType):
    x = worker.rows()
    x[0] = math.inf
    _, history = fit(worker, source=TensorSource(x), batch_size=7)
    assert 1 <= sum(history.column("skipped")) <= 4
    assert math.isfinite(history.rows[-1]["valid_bound"])
    assert any("skipped because the loss or a gradient was not finite" in n for n in history.notes)


def test_a_larger_batch_than_there_are_rows_is_all_of_them(worker: ModuleType):
    _, history = fit(worker, batch_size=1000)
    assert history.rows[-1]["step"] == 4


def test_validation_does_not_depend_on_the_order_of_its_rows(worker: ModuleType):
    rows = worker.rows(20, seed=4)
    _, one = fit(worker, valid=TensorSource(rows), epochs=1)
    _, two = fit(worker, valid=TensorSource(rows.flip(0)), epochs=1)
    assert one.rows[0]["valid_bound"] == pytest.approx(two.rows[0]["valid_bound"], rel=1e-5)


class Watched(Silent):
    def __init__(self) -> None:
        self.seen: list[tuple] = []

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        self.seen.append((steps, epochs, batch_size))

    def epoch(self, row) -> None:
        self.seen.append(("epoch", row["epoch"]))

    def note(self, text: str) -> None:
        self.seen.append(("note", text))

    def stop(self) -> None:
        self.seen.append(("stop",))


class Flat(LatentModel):
    """A model of another kind: no prior, no condition, and a buffer that changes as it trains."""

    has_prior = False

    def __init__(self, worker: ModuleType) -> None:
        super().__init__()
        self.inner = worker.small()
        self.latent, self.likelihood = 2, self.inner.likelihood
        self.norm = nn.BatchNorm1d(6)

    def encode(self, x: Tensor, c: Tensor | None = None):
        return self.inner.encode(self.norm(x))

    def decode(self, z: Tensor, c: Tensor | None = None):
        return self.inner.decode(z)

    def infer(self, x, c=None, draws=1, target=None):
        return self.inner.infer(self.norm(x), c, draws, x)

    def draw(self, n: int, c: Tensor | None = None) -> Tensor:
        return torch.zeros(n, 2)


def test_a_model_without_a_prior_has_no_elbo_and_buffers_are_resumed(
    worker: ModuleType, tmp_path: Path
):
    with pytest.raises(Interrupted):
        fit(worker, model=Flat(worker), folder=tmp_path, progress=Press(2))
    watched = Watched()
    a, history = fit(worker, model=Flat(worker), folder=tmp_path, progress=watched)
    assert "valid_bound" not in history.columns
    assert "valid_distortion" in history.columns
    b, _ = fit(worker, model=Flat(worker))
    assert same(a, b)
    assert watched.seen[:3] == [(16, 4, 16), ("epoch", 3), ("epoch", 4)]
    assert watched.seen[-1] == ("stop",)


def test_low_precision_is_close_to_high(worker: ModuleType):
    _, high = fit(worker, epochs=10)
    _, low = fit(worker, epochs=10, precision="bfloat16")
    assert low.rows[-1]["valid_bound"] == pytest.approx(high.rows[-1]["valid_bound"], abs=0.5)
    assert timeless(high) != timeless(low)


def test_a_step_that_cannot_be_compiled_is_told(
    worker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", broken)
    model, history = fit(worker, compile=True)
    assert any("no compiler here" in note for note in history.notes)
    plain, _ = fit(worker)
    assert same(model, plain)


def test_sources_are_asked_only_for_what_a_source_promises(worker: ModuleType):
    class Own(Source):
        def __len__(self) -> int:
            return 40

        def read(self, rows: Tensor) -> Batch:
            return worker.rows(40)[rows], None

        def all(self, size: int) -> Iterator[Batch]:
            yield from ((part, None) for part in worker.rows(40).split(size))

    a, _ = fit(worker, source=Own())
    b, _ = fit(worker, source=TensorSource(worker.rows(40)))
    assert same(a, b)
