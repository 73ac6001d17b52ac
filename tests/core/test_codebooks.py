"""Codebooks: the nearest vectors, the gradients past the choice, and how vectors follow."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from latentry.core import codebooks
from latentry.core.bounds import Elbo, elbo
from latentry.core.codebooks import Codebook, CodebookPosterior, Commitment, Nearest, kmeans
from latentry.core.codes import CodePrior
from latentry.core.discrete import CodeVAE
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.objective import Objective

DIMS = 4


class Body(nn.Module):
    """x -> x, which says how many features it gives."""

    out_features = DIMS

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x


class Line(nn.Module):
    """z -> W z as a decoder body."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Linear(DIMS, DIMS)

    def forward(self, z: Tensor) -> Tensor:
        return self.w(z)[:, None]


def model_of(size: int = 3, depth: int = 1, following: str = "ema") -> CodeVAE:
    torch.manual_seed(0)
    posterior = CodebookPosterior(Body(), DIMS, 2, Codebook(size, 2, depth, following))
    prior = CodePrior(DIMS, (size,) * 2 * depth, hidden=6)
    return CodeVAE(posterior, prior, GaussianLikelihood(Line(), (DIMS,), sigma=0.8))


def book_of(model: CodeVAE) -> Codebook:
    book = model.posterior.get_submodule("book")
    assert isinstance(book, Codebook)
    return book


@pytest.fixture
def x() -> Tensor:
    return torch.randn(20, DIMS, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("depth", [1, 3])
def test_each_depth_takes_the_nearest_vector_to_what_is_left(depth: int) -> None:
    torch.manual_seed(0)
    book, h = Codebook(5, 2, depth), torch.randn(30, 2)
    codes, wanted, found = book(h)
    left = h
    for d in range(depth):
        torch.testing.assert_close(wanted[:, d], left)
        away = torch.cdist(left, book.vectors[d])
        assert torch.equal(codes[:, d], away.argmin(1))
        left = left - found[:, d]
    torch.testing.assert_close(book.embed(codes), h - left)


def test_the_value_is_the_code_and_its_gradient_the_encoders(x: Tensor) -> None:
    model = model_of(depth=2)
    x.requires_grad_()
    q = model.posterior(x)
    assert torch.equal(model.posterior.embed(q.codes), q.mean)
    past = torch.autograd.grad((q.mean * x.detach()).sum(), x)[0]
    plain = torch.autograd.grad((model.posterior.features(x, None) * x.detach()).sum(), x)[0]
    torch.testing.assert_close(past, plain)


@torch.no_grad()
@pytest.mark.parametrize("depth", [1, 2])
def test_the_bound_is_below_the_probability(depth: int, x: Tensor) -> None:
    model = model_of(depth=depth).eval()
    for p in model.prior.parameters():
        nn.init.normal_(p, std=0.5)
    codes = torch.tensor(list(itertools.product(range(3), repeat=2 * depth)))
    assert float(model.prior.log_prob(codes).exp().sum()) == pytest.approx(1, abs=1e-5)
    z = model.posterior.embed(codes)[:, None].expand(-1, len(x), -1)
    joint = model.decode(z).log_prob(x) + model.prior.log_prob(codes)[:, None]
    bound = elbo(model.infer(x))
    assert (bound < torch.logsumexp(joint, 0)).all()
    # Every code is one of the sum's terms.
    assert ((joint - bound).abs().amin(0) < 1e-4).all()


def losses_of(model: CodeVAE, x: Tensor, beta: float = 0.25):
    objective = Objective(Elbo(), Commitment(beta))
    return objective.losses(model.infer(x), model, torch.tensor(0.0))[0]


@pytest.mark.parametrize("following", codebooks.FOLLOWINGS)
def test_the_loss_is_the_papers(following: str, x: Tensor) -> None:
    model = model_of(following=following).eval()
    loss, _ = losses_of(model, x)
    q = model.posterior(x)
    square = (model.posterior.features(x, None) - q.mean).square().sum(1).mean()
    weight = 0.25 if following == "ema" else 1.25
    recon = -model.decode(q.mean).log_prob(x).mean() + 2 * math.log(3)
    torch.testing.assert_close(loss, recon + weight * square)
    # Commitment pulls the encoder towards the code, by 2 beta (h - e) for each row's mean.
    (grad,) = torch.autograd.grad(losses_of(model, x, 1.0)[0] - losses_of(model, x, 0.0)[0],
                                  [model.posterior.head.bias])  # fmt: skip
    torch.testing.assert_close(
        grad, 2 * (model.posterior.features(x, None) - q.mean).mean(0).detach(),
        atol=1e-4, rtol=1e-4,
    )  # fmt: skip


def test_a_codebook_with_a_loss_learns_the_means_of_what_chose_it(x: Tensor) -> None:
    model = model_of(following="loss")
    book = book_of(model)
    assert book.moved is not None
    q = model.posterior(x)
    (grad,) = torch.autograd.grad(losses_of(model, x)[0], [book.moved])
    wanted, codes = q.wanted.detach().flatten(0, 2), q.codes.flatten()
    for k in range(3):
        expected = 2 * (book.vectors[0, k] - wanted[codes == k]).sum(0) / len(x)
        torch.testing.assert_close(grad[0, k], expected.detach())


def test_averages_follow_the_mean_of_what_chose_them() -> None:
    torch.manual_seed(0)
    book = Codebook(2, 1)
    centres = torch.tensor([[-1.0], [2.0]])
    book.sums.copy_(torch.tensor([[[-0.5], [0.5]]]))
    for _ in range(800):
        k = torch.randint(2, (64,))
        h = centres[k] + 0.1 * torch.randn(64, 1)
        codes, wanted, _ = book(h)
        book.follow(codes, wanted)
    torch.testing.assert_close(book.vectors[0], centres, atol=0.02, rtol=0)
    torch.testing.assert_close(book.uses[0], torch.full((2,), 32.0), atol=3.0, rtol=0)


def test_one_average_is_the_papers_formula() -> None:
    torch.manual_seed(0)
    book, h = Codebook(3, 2), torch.randn(40, 2)
    book.start(torch.randn(100, 2))
    codes, wanted, _ = book(h)
    n = torch.bincount(codes[:, 0], minlength=3).float()
    uses = 0.99 * book.uses[0] + 0.01 * n
    total = torch.stack([h[codes[:, 0] == k].sum(0) for k in range(3)])
    sums = 0.99 * book.sums[0] + 0.01 * total
    book.follow(codes, wanted)
    torch.testing.assert_close(book.uses[0], uses)
    torch.testing.assert_close(book.vectors[0], sums / uses[:, None])


@pytest.mark.parametrize("following", codebooks.FOLLOWINGS)
def test_dead_vectors_come_back_where_the_data_are(following: str) -> None:
    torch.manual_seed(0)
    book = Codebook(4, 2, following=following)
    book.sums.copy_(torch.tensor([[[0.0, 0.0], [90.0, 90.0], [-90.0, 90.0], [90.0, -90.0]]]))
    for _ in range(450):
        codes, wanted, _ = book(torch.randn(50, 2))
        book.follow(codes, wanted)
    assert book.vectors.abs().max() < 5
    assert len(book(torch.randn(500, 2))[0].unique()) == 4


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    book, h = Codebook(3, 2), torch.randn(10, 2)
    before = book.uses.clone(), book.sums.clone()
    codes, wanted, _ = book(h)
    wanted[3, 0] = float("nan")
    book.follow(codes, wanted)
    assert torch.equal(book.uses, before[0]) and torch.equal(book.sums, before[1])


def test_vectors_follow_in_training_only(x: Tensor) -> None:
    model = model_of()
    first = book_of(model).sums.clone()
    losses_of(model.eval(), x)
    assert torch.equal(book_of(model).sums, first)
    losses_of(model.train(), x)
    assert not torch.equal(book_of(model).sums, first)


def test_several_processes_follow_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    first, h = Codebook(6, 2, 2), torch.randn(40, 2)
    first.start(h)
    first.uses[:, 3:] = 1e-9  # these must be revived, at the same rows for all
    codes, wanted, _ = first(h)
    halves = [slice(0, 20), slice(20, 40)]
    messages: list[Tensor] = []

    def follow(part: slice, rank: int, world: int, total: Tensor | None) -> Codebook:
        book = Codebook(6, 2, 2)
        book.load_state_dict(first.state_dict())
        monkeypatch.setattr(codebooks, "place", lambda: (rank, world))

        def summed(message: Tensor) -> Tensor:
            messages.append(message)
            return message if total is None else total

        monkeypatch.setattr(codebooks, "over_processes", summed)
        torch.manual_seed(7)
        book.follow(codes[part], wanted[part])
        return book

    alone = follow(slice(0, 40), 0, 1, None)
    for rank, part in enumerate(halves):
        follow(part, rank, 2, None)
    total = messages[1] + messages[2]
    torch.testing.assert_close(total, messages[0])
    both = [follow(part, rank, 2, total) for rank, part in enumerate(halves)]
    for book in both:
        torch.testing.assert_close(book.uses, alone.uses)
        torch.testing.assert_close(book.vectors, alone.vectors)


def test_first_vectors_are_the_clusters_of_the_codes(x: Tensor) -> None:
    generator = torch.Generator().manual_seed(0)
    centres = 5 * torch.tensor([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])
    k = torch.arange(300) % 3
    h = centres[k] + 0.1 * torch.randn(300, 2, generator=generator)
    found = kmeans(h, 3)
    torch.testing.assert_close(
        found[torch.cdist(centres, found).argmin(1)], centres, atol=0.1, rtol=0
    )
    model = model_of()
    model.start(x)
    q = model.posterior(x)
    assert isinstance(q, Nearest)
    assert (q.wanted - q.found).square().mean() < q.wanted.var()
    # More vectors than rows, as in a tiny fit, are still told apart.
    assert len(kmeans(h[:4], 9).unique(dim=0)) == 9
