from __future__ import annotations

import threading
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from latentry.data.schema import Schema
from latentry.training import MappedSource, Source, TensorSource


def test_some_rows_without_a_copy() -> None:
    x, rows = torch.arange(20.0)[:, None], torch.tensor([3, 4, 9, 17])
    some = TensorSource(x, torch.arange(4.0)[:, None], rows)
    copied = TensorSource(x[rows], torch.arange(4.0)[:, None])
    assert len(some) == 4
    for mine, theirs in zip(some.batches(0, 2, 1), copied.batches(0, 2, 1), strict=True):
        assert torch.equal(mine[0], theirs[0])
        assert mine[1] is not None
        assert theirs[1] is not None
        assert torch.equal(mine[1], theirs[1])
    assert [x.flatten().tolist() for x, _ in some.all(3)] == [[3, 4, 9], [17]]


def numbered(n: int) -> TensorSource:
    return TensorSource(torch.arange(n).float()[:, None], torch.arange(n).float()[:, None])


@pytest.fixture
def mapped(tmp_path: Path) -> np.memmap:
    np.save(tmp_path / "x.npy", np.arange(60, dtype=np.uint8).reshape(20, 3))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


SCHEMA = Schema("vector", (3,), "levels", dtype="uint8")


@given(
    n=st.integers(4, 50),
    share=st.integers(1, 4),
    world=st.integers(1, 3),
    start=st.integers(0, 3),
    seed=st.integers(0, 2**40),
)
def test_the_shares_of_all_processes_make_up_the_batches_of_one(n, share, world, start, seed):
    source, size = numbered(n), share * world
    whole = [x for x, _ in source.batches(2, size, seed, start)]
    shares = [[x for x, _ in source.batches(2, size, seed, start, r, world)] for r in range(world)]
    assert len(whole) == max(0, n // size - start)
    for batch, parts in zip(whole, zip(*shares, strict=True), strict=True):
        assert torch.equal(batch, torch.cat(parts))
        assert len(batch) == size


def test_an_epoch_is_shuffled_anew_by_seed_and_number_alone():
    source = numbered(40)

    def order(epoch: int, seed: int) -> list[float]:
        return torch.cat([x for x, _ in source.batches(epoch, 8, seed)]).flatten().tolist()

    assert order(0, 0) == order(0, 0)
    assert sorted(order(0, 0)) == list(range(40))
    assert len({tuple(order(e, s)) for e in range(3) for s in range(3)}) == 9
    before = torch.get_rng_state()
    order(0, 0)
    assert torch.equal(before, torch.get_rng_state())


def test_a_mapped_file_gives_the_batches_that_memory_gives(mapped: np.memmap):
    c = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    pairs: list[tuple[Source, Source]] = [
        (TensorSource(torch.from_numpy(np.array(mapped)), c), MappedSource(mapped, SCHEMA, c))
    ]
    some = np.array([3, 4, 9, 17, 18])
    chosen = torch.from_numpy(np.array(mapped)[some])
    pairs.append((TensorSource(chosen, c[:5]), MappedSource(mapped, SCHEMA, c[:5], rows=some)))
    for memory, file in pairs:
        assert len(memory) == len(file)
        for given_by in (lambda s: s.batches(1, 4, 7, start=0), lambda s: s.all(3)):
            for (x, cx), (y, cy) in zip(given_by(memory), given_by(file), strict=True):
                assert torch.equal(x, y)
                assert torch.equal(cx, cy)
                assert y.dtype == torch.uint8


def test_a_file_is_read_by_a_thread_that_ends_with_its_epoch(mapped: np.memmap):
    def reading() -> int:
        return sum(t.name.startswith("latentry-read") for t in threading.enumerate())

    batches = MappedSource(mapped, SCHEMA).batches(0, 2, 0)
    next(batches)
    assert reading() == 1
    batches.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert reading() == 0


def test_pages_that_were_written_to_a_private_map_are_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(MappedSource, "RESIDENT", 0)
    np.save(tmp_path / "x.npy", np.zeros((20, 3), np.uint8))
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[5] = 7
    batches = list(MappedSource(x, SCHEMA).all(4))
    assert int(torch.cat([b for b, _ in batches]).sum()) == 21
    assert int(x.sum()) == 21
