from __future__ import annotations

import torch
from oracle import Oracle

from latentry.core import scores


def test_the_score_approaches_the_likelihood_and_never_exceeds_it_by_chance() -> None:
    oracle = Oracle(error=0.2)
    x = oracle.draw(30)
    score = scores.log_likelihood(oracle.model, x, None, draws=3000)
    torch.testing.assert_close(score, oracle.log_prob(x), atol=0.15, rtol=0.0)


def test_a_rows_score_does_not_depend_on_its_batch_or_on_the_blocks(monkeypatch) -> None:
    oracle = Oracle(error=0.2)
    x = oracle.draw(12)
    whole = scores.log_likelihood(oracle.model, x, None, draws=100)
    alone = torch.cat([scores.log_likelihood(oracle.model, row[None], None, 100) for row in x])
    torch.testing.assert_close(whole, alone)
    monkeypatch.setattr(scores, "CODES_AT_ONCE", 36)
    torch.testing.assert_close(whole, scores.log_likelihood(oracle.model, x, None, draws=100))


def test_one_draw_is_the_elbo() -> None:
    oracle = Oracle()
    x = oracle.draw(300)
    one = scores.score_rows(oracle.model, x, None, 1, 0)
    torch.testing.assert_close(one.mean(), oracle.log_prob(x).mean(), atol=0.3, rtol=0.0)
    many = scores.score_rows(oracle.model, x, None, 5, 0)
    torch.testing.assert_close(many, oracle.log_prob(x), atol=1e-3, rtol=1e-3)
