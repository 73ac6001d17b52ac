from __future__ import annotations

from types import ModuleType

import torch
from torch import nn

from latentry.training import History, TensorSource, watch


def rows(valid: list[float], loss: list[float], name: str = "valid_bound") -> History:
    pairs = zip(valid, loss, strict=True)
    return History([{"epoch": i + 1, name: v, "loss": n} for i, (v, n) in enumerate(pairs)])


def test_overfitting_is_a_bound_that_falls_while_the_loss_does_too():
    falling = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0]
    remark = watch.overfitting(rows([-9, -8, -7.5, -8, -9, -10], falling))
    assert remark is not None
    assert "best in epoch 3 and fell by 2.5 nats" in remark
    assert watch.overfitting(rows([9, 8, 7.5, 8, 9, 10], falling, "valid_distortion"))
    assert watch.overfitting(rows([-9, -8, -7.5, -7, -6.5, -6], falling)) is None
    assert watch.overfitting(rows([-9, -8, -7.5, -8, -9, -10], falling[::-1])) is None
    assert watch.overfitting(rows([-9, -8, -7.5, -7.5, -7.51, -7.52], falling)) is None
    assert watch.overfitting(History([{"epoch": 1, "loss": 3.0}] * 5)) is None


def test_collapse_is_named_by_how_many_dimensions_are_left():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(100, 20, generator=generator)
    assert watch.collapse(mean) is None
    assert "none of the 20" in (watch.collapse(mean * 0.01) or "")
    few = mean * torch.tensor([1.0, 1.0] + [0.0] * 18)
    assert "only 2 of 20" in (watch.collapse(few) or "")
    assert watch.collapse(mean[:1] * 0) is None


def test_codes_out_of_range_are_named():
    mean = torch.zeros(3, 2)
    assert watch.explosion(mean, torch.ones(3, 2)) is None
    assert "reaches 1e+03" in (watch.explosion(mean, torch.full((3, 2), 1e3)) or "")
    assert "not finite" in (watch.explosion(mean / 0, torch.ones(3, 2)) or "")


def test_an_untrained_model_is_looked_at_in_words(worker: ModuleType):
    model, source = worker.small(), TensorSource(worker.rows())
    with torch.no_grad():
        model.posterior.head.weight.zero_()
    history = History([{"epoch": 1, "loss": 1.0, "skipped": 3}])
    found = watch.look(history, model, nn.Identity(), source, torch.device("cpu"))
    assert [sentence.split()[0] for sentence in found] == ["3", "posterior"]
    assert "3 steps were skipped" in found[0]
