from __future__ import annotations

import torch

from latentry.core.bounds import Elbo
from latentry.core.consistency import Change, Consistency
from latentry.core.models import closed_form_kl

from .oracle import Oracle

STILL = Change(0.0, 0.0, 0.0, 0.0)


def test_no_change_leaves_images_and_rows_as_they_are() -> None:
    for shape in ((3, 2, 7, 5), (4, 6)):
        x = torch.rand(shape)
        torch.testing.assert_close(STILL(x), x, rtol=0, atol=0)


def test_changed_images_hold_no_new_values_and_look_alike() -> None:
    torch.manual_seed(0)
    disc = (torch.arange(15) - 7.0).square()
    x = ((disc[:, None] + disc) < 16).float().expand(50, 1, 15, 15)
    y = Change(0.1, 15.0, 0.1, 0.0)(x)
    assert set(y.unique().tolist()) == {0.0, 1.0}
    assert (y != x).flatten(1).any(1).float().mean() > 0.8
    # A disc moved by up to a tenth of the image and scaled by a tenth overlaps with itself.
    overlap = (x * y).sum() / torch.maximum(x, y).sum()
    assert 0.6 < overlap < 1.0


def test_an_image_is_moved_by_the_share_of_its_size() -> None:
    torch.manual_seed(0)
    x = torch.zeros(2000, 1, 21, 21)
    x[:, :, 10, 10] = 1.0
    y = Change(0.2, 0.0, 0.0, 0.0)(x)
    places = y.flatten(1).argmax(1)
    down = (places // 21 - 10).float()
    assert down.abs().max() <= 5
    assert abs(float(down.var()) - (0.2 * 21) ** 2 / 3) < 0.5


def test_a_share_of_the_entries_of_a_row_is_that_of_the_row_before() -> None:
    torch.manual_seed(0)
    x = torch.arange(400.0)[:, None].expand(400, 50)
    y = Change(0.0, 0.0, 0.0, 0.3)(x)
    moved = y != x
    assert abs(float(moved.float().mean()) - 0.3) < 0.02
    torch.testing.assert_close(y[moved], x.roll(1, 0)[moved])


def test_without_a_change_the_penalty_is_minus_the_bound() -> None:
    oracle, bound = Oracle(), Elbo()
    x = oracle.draw(2000)
    torch.manual_seed(0)
    r = oracle.model.infer(x)
    done = torch.tensor(1.0)
    found = Consistency(bound, 7.0, STILL)(r, oracle.model, done).detach()
    expected = -oracle.log_prob(x).mean()
    assert abs(float(found - expected)) < 0.1  # the posterior is exact, so the bound is log p(x)


def test_the_divergence_is_that_of_the_changed_from_the_unchanged() -> None:
    oracle, bound, change = Oracle(error=0.2), Elbo(), Change(0.0, 0.0, 0.0, 0.5)
    x, done = oracle.draw(64), torch.tensor(1.0)
    r = oracle.model.infer(x)
    values = []
    for apart in (0.0, 1.0):
        torch.manual_seed(3)
        values.append(Consistency(bound, apart, change)(r, oracle.model, done))
    torch.manual_seed(3)
    kl = closed_form_kl(oracle.model.encode(change(x)), oracle.model.encode(x))
    assert kl is not None
    torch.testing.assert_close(values[1] - values[0], kl.mean(), rtol=1e-3, atol=1e-3)
