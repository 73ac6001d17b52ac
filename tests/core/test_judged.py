from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latentry.core.judged import Judge, Judged, JudgedVAE
from latentry.core.schedules import constant

from .oracle import Oracle


class Flat(nn.Module):
    """Features that are the sample's own numbers."""

    out_features = 5

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x.nan_to_num()


def judged() -> tuple[JudgedVAE, Tensor]:
    oracle = Oracle()
    model = JudgedVAE(oracle.model.posterior, oracle.model.prior, oracle.model.likelihood)
    torch.manual_seed(0)
    model.judge = Judge(Flat())
    return model, oracle.draw(64)


def test_with_plain_features_the_distance_is_half_the_squared_error_of_normalised_numbers() -> None:
    model, x = judged()
    r = model.infer(x)
    done = torch.tensor(1.0)
    (encoder, _), (decoder, _), _ = Judged(constant(0.0), 1.0).losses(r, model, done)
    error = 0.5 * (F.layer_norm(r.px.mean[0], (5,)) - F.layer_norm(x, (5,))).square().sum(1).mean()
    torch.testing.assert_close(encoder, error)
    with_rate = Judged(constant(1.0), 1.0).losses(r, model, done)[0][0]
    torch.testing.assert_close(with_rate - encoder, r.rate.mean())
    nn.init.zeros_(model.judge.head.weight)
    nn.init.zeros_(model.judge.head.bias)
    # A critic that cannot tell gives everything the probability one half.
    (_, _), (decoder, _), (told, _) = Judged(constant(0.0), 2.0).losses(r, model, done)
    log2 = torch.tensor(2.0).log()
    torch.testing.assert_close(decoder, 2 * error + 2 * log2)
    torch.testing.assert_close(told, 2 * log2)


def test_each_loss_trains_its_own_part() -> None:
    model, x = judged()
    parts = Judged(constant(1.0), 1.0).losses(model.infer(x), model, torch.tensor(1.0))
    owned = [{id(p) for p in parameters} for _, parameters in parts]
    assert owned[0] == {id(p) for p in model.posterior.parameters()}
    assert owned[1] == {id(p) for p in model.likelihood.parameters()}
    assert owned[2] == {id(p) for p in model.judge.parameters()}


def test_a_critic_that_is_trained_tells_samples_from_other_things() -> None:
    model, x = judged()
    with torch.no_grad():  # a decoder that is far off
        model.likelihood.body.get_parameter("b").add_(10.0 * torch.tensor([1.0, -1, 1, -1, 0]))
    objective = Judged(constant(1.0), 1.0)
    rule = torch.optim.Adam(model.judge.parameters(), 0.05)
    for _ in range(200):
        told, own = objective.losses(model.infer(x), model, torch.tensor(1.0))[2]
        for p, g in zip(own, torch.autograd.grad(told, own), strict=True):
            p.grad = g
        rule.step()
    assert (model.judge(x)[1] > 0).float().mean() > 0.9


def test_holes_of_a_sample_are_no_sign_of_its_being_one() -> None:
    model, x = judged()
    x[:, 0] = float("nan")
    seen: list[Tensor] = []
    model.judge.body.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    r = model.infer(x.nan_to_num())
    r.x = x
    Judged(constant(1.0), 1.0).losses(r, model, torch.tensor(1.0))
    assert len(seen) == 5
    assert all(torch.isnan(given[:, 0]).all() for given in seen)
