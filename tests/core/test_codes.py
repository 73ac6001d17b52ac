"""Rows of symbols: probabilities that sum to one, draws that follow them, a fit that finds them."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from latentry.core.codes import CodePrior, fit_codes, gumbel, seen_from

SIZES = (3, 2, 4)


def everything(sizes=SIZES) -> torch.Tensor:
    return torch.tensor(list(itertools.product(*map(range, sizes))))


def random_prior(condition: int = 0) -> CodePrior:
    torch.manual_seed(0)
    prior = CodePrior(6, SIZES, condition, hidden=8).eval()
    for p in prior.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return prior


def test_each_symbol_of_a_grid_sees_its_neighbours_that_came_before_it() -> None:
    # 1 2 3 in the first row, 4 5 6 in the second: before, left, and the three above.
    assert seen_from(6, (2, 3)).tolist() == [
        [0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [2, 2, 0, 0, 0],
        [3, 0, 0, 1, 2],
        [4, 4, 1, 2, 3],
        [5, 5, 2, 3, 0],
    ]
    # Two symbols at each of two positions, one above the other: each sees its own kind.
    assert seen_from(4, (2, 1))[:, [0, 3]].tolist() == [[0, 0], [1, 0], [2, 1], [3, 2]]
    assert seen_from(3, None).tolist() == [[0], [1], [2]]


@torch.no_grad()
def test_probabilities_over_a_grid_sum_to_one_and_draws_follow_them() -> None:
    torch.manual_seed(0)
    sizes = (2, 3) * 4
    prior = CodePrior(4, sizes, hidden=8, grid=(2, 2)).eval()
    for p in prior.parameters():
        torch.nn.init.normal_(p, std=0.5)
    log_p = prior.log_prob(everything(sizes))
    # A symbol that saw itself or a later one would make this another number.
    assert float(log_p.exp().sum()) == pytest.approx(1.0, abs=1e-4)
    drawn = prior.log_prob(prior.draw(4000))
    expected = float((log_p.exp() * log_p).sum())
    assert float(drawn.mean()) == pytest.approx(expected, abs=4.5 * float(drawn.std()) / 4000**0.5)


def test_the_fit_finds_what_a_grid_repeats_from_row_to_row() -> None:
    generator = torch.Generator().manual_seed(0)
    row = torch.randint(4, (1500, 1, 6), generator=generator)
    codes = row.expand(-1, 3, -1).reshape(1500, 1, 18)
    torch.manual_seed(0)
    held_out = [
        fit_codes(CodePrior(18, (4,) * 18, hidden=16, grid=grid), codes, None, seed=0, lr=1e-2)
        for grid in ((3, 6), None)
    ]
    assert held_out[0] == pytest.approx(6 * math.log(4), abs=0.3)
    assert held_out[0] < held_out[1] - 1


def test_it_is_exactly_uniform_before_it_is_fitted() -> None:
    prior = CodePrior(6, SIZES, hidden=8).eval()
    log_p = prior().log_prob(everything())
    torch.testing.assert_close(log_p, torch.full((24,), -math.log(24)))
    assert prior.log_size == pytest.approx(math.log(24))
    torch.testing.assert_close(prior.train()().log_prob(everything()), log_p)


@pytest.mark.parametrize("condition", [0, 2])
def test_probabilities_of_all_codes_sum_to_one(condition: int) -> None:
    prior = random_prior(condition)
    c = torch.randn(1, condition).expand(24, -1) if condition else None
    log_p = prior.log_prob(everything(), c)
    assert float(log_p.exp().sum()) == pytest.approx(1.0, abs=1e-5)
    assert log_p.std() > 0.1


def test_draws_follow_the_probabilities() -> None:
    prior = random_prior()
    torch.manual_seed(1)
    n = 40_000
    codes = prior.draw(n)
    place = codes @ torch.tensor([8, 4, 1])
    share = torch.bincount(place, minlength=24) / n
    p = prior.log_prob(everything()).exp()
    error = (p * (1 - p) / n).sqrt()
    assert ((share - p).abs() < 4.5 * error).all()


def test_a_low_temperature_draws_the_likeliest_symbols() -> None:
    prior = random_prior()
    cold = prior.draw(50, temperature=0.0)
    assert (cold == cold[0]).all()
    first = everything()[prior.log_prob(everything()).argsort()]
    by_first = prior.log_prob(first).exp() @ torch.nn.functional.one_hot(first[:, 0], 3).float()
    assert int(cold[0, 0]) == int(by_first.argmax())


def test_a_condition_changes_the_probabilities_row_by_row() -> None:
    prior = random_prior(2)
    c = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    codes = torch.tensor([[0, 1, 2], [0, 1, 2]]).expand(5, 2, 3)
    log_p = prior(c).log_prob(codes)
    assert log_p.shape == (5, 2)
    assert abs(float(log_p[0, 0] - log_p[0, 1])) > 1e-3
    torch.testing.assert_close(log_p[3, 1:], prior.log_prob(codes[3, 1:], c[1:]))


def test_the_fit_finds_the_entropy_of_dependent_symbols() -> None:
    # The third symbol follows from the others: log 3 + log 2 nats in all, out of log 24.
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randint(size, (3000,), generator=generator) for size in (3, 2))
    codes = torch.stack([a, b, (a + 2 * b) % 4], 1)[:, None]
    prior = CodePrior(6, SIZES, hidden=16)
    before = torch.random.get_rng_state()
    held_out = fit_codes(prior, codes, None, seed=0, epochs=12, lr=1e-2)
    assert held_out == pytest.approx(math.log(6), abs=0.1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not any(p.requires_grad for p in prior.parameters())
    again = CodePrior(6, SIZES, hidden=16)
    again.load_state_dict(prior.state_dict())
    torch.testing.assert_close(again.eval().log_prob(codes[:9, 0]), prior.log_prob(codes[:9, 0]))


def test_the_fit_is_a_function_of_the_seed_and_sees_the_condition() -> None:
    generator = torch.Generator().manual_seed(0)
    k = torch.randint(2, (1500,), generator=generator)
    codes = torch.stack([k, k, k], 1)[:, None]
    c = torch.nn.functional.one_hot(k, 2).float()

    def fitted(seed: int) -> tuple[float, CodePrior]:
        torch.manual_seed(3)
        prior = CodePrior(6, SIZES, 2, hidden=8)
        return fit_codes(prior, codes, c, seed=seed, epochs=10, lr=2e-2), prior

    (one, a), (two, b) = fitted(0), fitted(0)
    assert one == two
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert one < 0.05


def test_gumbel_noise_makes_draws_of_its_logits() -> None:
    torch.manual_seed(0)
    p = torch.tensor([0.1, 0.6, 0.3])
    codes = (p.log() + gumbel((1, 50_000, 3), p)[0]).argmax(-1)
    share = torch.bincount(codes, minlength=3) / 50_000
    torch.testing.assert_close(share, p, atol=0.01, rtol=0)
