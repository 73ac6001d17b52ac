from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from latentry import VaDE
from latentry.core.priors import LearnedMixture
from latentry.zoo import clustering
from latentry.zoo.clustering import start_mixture

DIGITS = load_digits(return_X_y=True)[0][:300]


def test_the_clusters_of_codes_are_found() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[-4.0, 0.0], [4.0, 0.0], [0.0, 6.0]])
    which = torch.randint(3, (900,))
    codes = centres[which] + torch.tensor([0.5, 1.0]) * torch.randn(900, 2)
    prior = LearnedMixture(2, 3)
    start_mixture(prior, codes, 0)
    order = torch.cdist(centres, prior.means.detach()).argmin(1)
    assert sorted(order.tolist()) == [0, 1, 2]
    torch.testing.assert_close(prior.means.detach()[order], centres, atol=0.2, rtol=0.0)
    scales = prior.log_scales.detach()[order].exp()
    torch.testing.assert_close(scales, torch.tensor([0.5, 1.0]).expand(3, 2), atol=0.15, rtol=0.0)
    found = prior.component(codes).argmax(1)
    assert (found == order[which]).float().mean() > 0.99


def test_clusters_that_lie_across_the_axes_are_not_cut_up() -> None:
    torch.manual_seed(0)
    which = torch.arange(900) % 3
    along = 2.0 * torch.randn(900, 1) * torch.tensor([1.0, 1.0])
    across = (which[:, None] - 1) * torch.tensor([4.0, -4.0]) + 0.3 * torch.randn(900, 2)
    prior = LearnedMixture(2, 3)
    start_mixture(prior, along + across, 0)
    centres = torch.tensor([[-4.0, 4.0], [0.0, 0.0], [4.0, -4.0]])
    assert sorted(torch.cdist(centres, prior.means.detach()).argmin(1).tolist()) == [0, 1, 2]
    torch.testing.assert_close(
        prior.log_scales.detach().exp(), torch.full((3, 2), 2.0), atol=0.3, rtol=0.0
    )


def test_more_clusters_than_rows_start_somewhere() -> None:
    prior = LearnedMixture(2, 5)
    start_mixture(prior, torch.randn(3, 2), 0)
    assert all(torch.isfinite(p).all() for p in prior.parameters())


def tiny() -> VaDE:
    return VaDE(latent=2, hidden=(16,), components=3, epochs=2, pretraining=3, random_state=0)


def test_a_run_that_stopped_before_its_clusters_is_taken_up(tmp_path, monkeypatch) -> None:
    whole = tiny().fit(DIGITS)
    with monkeypatch.context() as patch:

        def stop(*_: object) -> None:
            raise OSError("stopped")

        patch.setattr(clustering, "start_mixture", stop)
        with pytest.raises(OSError, match="stopped"):
            tiny().fit(DIGITS, folder=tmp_path / "run")
    assert (tmp_path / "run" / "before" / "checkpoint").is_dir()
    again = tiny().fit(DIGITS, folder=tmp_path / "run")
    np.testing.assert_array_equal(again.transform(DIGITS), whole.transform(DIGITS))


def test_clusters_are_told_with_how_likely_they_are() -> None:
    model = tiny().fit(DIGITS)
    shares = model.predict_proba(DIGITS)
    assert shares.shape == (300, 3)
    np.testing.assert_allclose(shares.sum(1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(DIGITS), shares.argmax(1))
