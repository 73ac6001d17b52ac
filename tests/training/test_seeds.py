from __future__ import annotations

import torch

from latentry.training.seeds import derive, forked, seed_generators

CPU = torch.device("cpu")


def test_seeds_of_all_purposes_differ_and_stay():
    made = {derive(seed, p, n) for seed in range(5) for p in ("step", "epoch") for n in range(100)}
    assert len(made) == 1000
    assert all(0 <= seed < 2**32 for seed in made)
    assert derive(0, "step", 7) == derive(0, "step", 7)


def test_the_generators_are_put_back():
    before = torch.get_rng_state()
    with forked(CPU):
        seed_generators(CPU, 3)
        a = torch.randn(4)
        seed_generators(CPU, 3)
        assert torch.equal(a, torch.randn(4))
    assert torch.equal(before, torch.get_rng_state())
