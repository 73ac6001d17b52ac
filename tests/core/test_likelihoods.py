"""Every likelihood: shapes, finite values and gradients, conditions, missing entries, checks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from latentry.core.distributions import Elementwise
from latentry.core.likelihood import MAX_LOG_COUNT, MIN_LOG_SCALE, Likelihood
from latentry.core.likelihoods import LIKELIHOODS, choose, named
from latentry.errors import LatentryError
from latentry.nets import MLPDecoder

# That of mixed tables has tests of its own.
NAMES = [name for name, cls in LIKELIHOODS.items() if cls.normalized and name != "columns"]
LEVELS = 17
SHAPE = (1, 4, 3)
UNIT = ("bernoulli", "continuous-bernoulli", "categorical", "logistic", "logistic-mixture")
COUNT = ("poisson", "negative-binomial")


def make(name: str, shape: tuple[int, ...] = SHAPE, **options) -> Likelihood:
    cls = LIKELIHOODS[name]
    n = cls.n_params(levels=LEVELS, **options)
    torch.manual_seed(0)
    body = MLPDecoder(2 + options.pop("condition", 0), n, shape, (8,))
    return cls(body, shape, levels=LEVELS, **options)


def support(name: str, n: int, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    """Data that the likelihood is for, its edges included."""
    g = torch.Generator().manual_seed(1)
    u = torch.rand(n, *shape, generator=g)
    if name in COUNT:
        return (100 * u * u).floor()
    if name == "bernoulli":
        return u.round()
    if name in UNIT:
        return (u * (LEVELS - 1)).round() / (LEVELS - 1)
    return 6 * u - 3


class Fixed(nn.Module):
    """A body that says the same parameters for every code."""

    def __init__(self, params: torch.Tensor) -> None:
        super().__init__()
        self.params = nn.Parameter(params)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.params.expand(len(z), *self.params.shape)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_over_draws_and_rows(name: str) -> None:
    p = make(name)(torch.randn(3, 5, 2))
    assert (p.batch_shape, p.event_shape) == ((3, 5), SHAPE)
    x = support(name, 5)
    assert p.log_prob(x).shape == (3, 5)
    assert p.log_prob(x).dtype == torch.float32
    assert p.mean.shape == (3, 5, *SHAPE)
    assert p.sample().shape == (3, 5, *SHAPE)
    assert p.variance.shape == (3, 5, *SHAPE)


@pytest.mark.parametrize("name", NAMES)
def test_vectors_and_single_batch_dimension(name: str) -> None:
    p = make(name, (6,))(torch.randn(5, 2))
    assert (p.batch_shape, p.event_shape) == ((5,), (6,))
    assert p.log_prob(support(name, 5, (6,))).shape == (5,)


@pytest.mark.parametrize("name", NAMES)
def test_each_draw_is_its_own(name: str) -> None:
    likelihood, z, x = make(name), torch.randn(3, 5, 2), support(name, 5)
    whole = likelihood(z).log_prob(x)
    for k in range(3):
        torch.testing.assert_close(whole[k], likelihood(z[k]).log_prob(x))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_finite_gradient(name: str) -> None:
    likelihood = make(name)
    likelihood.start(support(name, 50))
    likelihood(torch.randn(2, 5, 2)).log_prob(support(name, 5)).mean().backward()
    for parameter in likelihood.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
        assert (parameter.grad != 0).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [-50.0, 0.0, 50.0])
def test_finite_for_extreme_decoders(name: str, size: float) -> None:
    n = LIKELIHOODS[name].n_params(levels=LEVELS)
    body = Fixed(torch.full((n, 4), size))
    likelihood = LIKELIHOODS[name](body, (4,), levels=LEVELS)
    x = support(name, 20, (4,))
    p = likelihood(torch.zeros(20, 2))
    log_p = p.log_prob(x)
    log_p.sum().backward()
    assert torch.isfinite(log_p).all()
    assert torch.isfinite(p.mean).all()
    assert all(torch.isfinite(q.grad).all() for q in likelihood.parameters() if q.grad is not None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [-1e3, 1e3])
def test_scales_keep_to_their_floors(name: str, size: float) -> None:
    """However far what is learned beside the body goes, numbers stay finite."""
    likelihood = make(name)
    own = [p for key, p in likelihood.named_parameters() if not key.startswith("body.")]
    with torch.no_grad():
        for parameter in own:
            parameter.fill_(size / 100 if "gaussian" in name else size)
    p = likelihood(torch.zeros(5, 2))
    assert isinstance(p, Elementwise)
    if size < 0 or "count" in dict(likelihood.named_parameters()):
        assert torch.isfinite(p.log_prob(support(name, 5))).all()


def test_the_stated_floor_of_a_scale() -> None:
    likelihood = make("gaussian-shared")
    with torch.no_grad():
        likelihood.scale.weight.fill_(-1e4)
    variance = likelihood(torch.zeros(1, 2)).variance
    torch.testing.assert_close(variance.sqrt().log(), torch.full_like(variance, MIN_LOG_SCALE))


def test_the_stated_range_of_a_dispersion() -> None:
    likelihood = make("negative-binomial")
    for size, end in ((-1e4, -MAX_LOG_COUNT), (1e4, MAX_LOG_COUNT)):
        with torch.no_grad():
            likelihood.count.fill_(size)
        log_count = likelihood(torch.zeros(1, 2)).base.log_count
        torch.testing.assert_close(log_count, torch.full_like(log_count, end))


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_the_mask(name: str) -> None:
    """With NaN, log_prob is the marginal: the sum over the observed entries' own terms."""
    whole, masked = make(name), make(name, missing=True)
    masked.load_state_dict(whole.state_dict())
    z, x = torch.randn(3, 5, 2), support(name, 5)
    torch.testing.assert_close(masked(z).log_prob(x), whole(z).log_prob(x))
    holes = x.clone()
    holes[0, 0, 1:3] = math.nan
    holes[3] = math.nan
    terms = whole(z).log_probs(x)
    expected = terms.where(~torch.isnan(holes), 0.0).flatten(2).sum(-1)
    log_p = masked(z).log_prob(holes)
    torch.testing.assert_close(log_p, expected)
    log_p.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in masked.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_condition_reaches_the_body_over_draws(name: str) -> None:
    likelihood = make(name, condition=3)
    z, c, x = torch.randn(4, 5, 2), torch.eye(5, 3), support(name, 5)
    log_p = likelihood(z, c).log_prob(x)
    by_hand = likelihood(torch.cat([z[2], c], -1)).log_prob(x)
    torch.testing.assert_close(log_p[2], by_hand)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_leaves_the_distribution_in_float32(name: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        p = make(name)(torch.randn(5, 2))
        log_p, mean = p.log_prob(support(name, 5)), p.mean
    assert log_p.dtype == mean.dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_check_accepts_the_support_and_refuses_the_rest(name: str) -> None:
    likelihood, x = make(name), support(name, 9)
    likelihood.check(x)
    x[2, 0, 1, 1] = math.nan
    likelihood.check(x)
    likelihood.check(torch.full((3, *SHAPE), math.nan))
    bad = -3.25 if name in (*UNIT, *COUNT) else math.inf
    x[4, 0, 0, 0] = bad
    with pytest.raises(LatentryError, match=f"{name}.*{bad:g}"):
        likelihood.check(x)


def test_check_names_values_off_the_grid() -> None:
    with pytest.raises(LatentryError, match=r"17 levels k / 16, but the data has 0\.03"):
        make("categorical").check(torch.full((2, *SHAPE), 0.03))
    with pytest.raises(LatentryError, match=r"counts 0, 1, 2, \.\.\., but the data has 1\.5"):
        make("poisson").check(torch.full((2, *SHAPE), 1.5))


def test_shared_scale_learns_the_root_mean_squared_error() -> None:
    """Its optimum is the analytic one of sigma-VAE, and `start` puts it there at once."""
    g = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(2000, 4, generator=g) + torch.arange(4.0)
    body = Fixed(torch.arange(4.0)[None])
    likelihood = LIKELIHOODS["gaussian-shared"](body, (4,))
    likelihood.start(x)
    started = likelihood(torch.zeros(1, 2)).variance.sqrt()
    torch.testing.assert_close(started, torch.full_like(started, 0.2), rtol=0.02, atol=0)
    loss = -likelihood(torch.zeros(2000, 2)).log_prob(x).mean()
    (grad,) = torch.autograd.grad(loss, [likelihood.scale.weight])
    assert abs(float(grad)) < 1.0  # 40 a tenth of a unit of log scale away
    with torch.no_grad():
        likelihood.scale.weight.fill_(0.0)
    optimizer = torch.optim.Adam([likelihood.scale.weight], lr=1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        (-likelihood(torch.zeros(2000, 2)).log_prob(x).mean()).backward()
        optimizer.step()
    learned = likelihood(torch.zeros(1, 2)).variance.sqrt()
    torch.testing.assert_close(learned, torch.full_like(learned, 0.2), rtol=0.05, atol=0)


@pytest.mark.parametrize("name", ["gaussian-dimension", "student-t"])
def test_start_sets_a_scale_for_each_dimension(name: str) -> None:
    g = torch.Generator().manual_seed(0)
    spread = torch.tensor([0.4, 0.5, 5.0, 0.0])
    x = spread * torch.randn(5000, 4, generator=g)
    x[::7, 1] = math.nan
    spread[3] = 0.1 * float(spread.square().mean().sqrt())  # what does not vary starts wider
    likelihood = LIKELIHOODS[name](Fixed(torch.zeros(1, 4)), (4,))
    likelihood.start(x)
    torch.testing.assert_close(likelihood.scale().exp(), spread, rtol=0.03, atol=0)


@pytest.mark.parametrize("name", COUNT)
def test_start_sets_the_rates(name: str) -> None:
    x = torch.tensor([[0.0, 3.0, 900.0], [0.0, 5.0, 1100.0], [0.0, math.nan, 1000.0]])
    likelihood = LIKELIHOODS[name](Fixed(torch.zeros(1, 3)), (3,))
    likelihood.start(x)
    mean = likelihood(torch.zeros(1, 2)).mean[0]
    torch.testing.assert_close(
        mean, torch.tensor([0.5 / 3, 8.5 / 2, 3000.5 / 3]), rtol=1e-4, atol=0
    )


def test_fixed_gaussian_is_half_the_squared_error() -> None:
    likelihood = LIKELIHOODS["gaussian"](Fixed(torch.zeros(1, 3)), (3,))
    x = torch.tensor([[1.0, 2.0, 3.0]])
    expected = torch.tensor([-0.5 * 14 - 1.5 * math.log(2 * math.pi)])
    torch.testing.assert_close(likelihood(torch.zeros(1, 2)).log_prob(x), expected)
    sigma = LIKELIHOODS["gaussian"](Fixed(torch.zeros(1, 3)), (3,), sigma=0.1)
    torch.testing.assert_close(sigma(torch.zeros(1, 2)).variance, torch.full((1, 3), 0.01))
    with pytest.raises(LatentryError, match="sigma must be a positive number, not -1"):
        LIKELIHOODS["gaussian"](Fixed(torch.zeros(1, 3)), (3,), sigma=-1)


def test_number_of_components() -> None:
    assert LIKELIHOODS["logistic-mixture"].n_params(components=3) == 9
    p = make("logistic-mixture", components=3)(torch.randn(5, 2))
    assert p.base.logits.shape == (5, *SHAPE, 3)
    with pytest.raises(LatentryError, match="components must be a whole number from 1, not 0"):
        LIKELIHOODS["logistic-mixture"](Fixed(torch.zeros(15, 4)), (4,), components=0)


def test_flags_say_what_is_a_density() -> None:
    bernoulli = LIKELIHOODS["bernoulli"]
    assert bernoulli.is_density("binary")
    assert bernoulli.note("binary") is None
    for values in ("levels", "unit"):
        assert not bernoulli.is_density(values)
        assert "not a normalised density" in (bernoulli.note(values) or "")
    assert LIKELIHOODS["continuous-bernoulli"].is_density("unit")
    assert LIKELIHOODS["gaussian"].is_density("real")
    assert "discrete" in (LIKELIHOODS["gaussian-shared"].note("levels") or "")
    assert [n for n in NAMES if LIKELIHOODS[n].discrete] == [
        "bernoulli",
        "categorical",
        "logistic",
        "logistic-mixture",
        "poisson",
        "negative-binomial",
    ]


@pytest.mark.parametrize(
    ("values", "kind", "name"),
    [
        ("binary", "image", "bernoulli"),
        ("levels", "image", "gaussian-shared"),
        ("unit", "image", "gaussian-shared"),
        ("real", "vector", "gaussian-shared"),
        ("count", "vector", "negative-binomial"),
    ],
)
def test_choose(values: str, kind: str, name: str) -> None:
    chosen, reason = choose(values, kind)
    assert chosen == name
    assert name in reason
    assert "because" in reason


def test_named_suggests() -> None:
    assert named("student-t").name == "student-t"
    with pytest.raises(LatentryError, match=r"'bernouli'\. Did you mean 'bernoulli'\?"):
        named("bernouli")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside torch.compile
@pytest.mark.parametrize("name", NAMES)
def test_compiles_as_one_graph(name: str) -> None:
    torch.compiler.reset()
    likelihood, z, x = make(name, missing=True), torch.randn(2, 5, 2), support(name, 5)
    x[0] = math.nan

    def step(z: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        p = likelihood(z)
        return p.log_prob(x), p.mean

    eager = step(z, x)
    compiled = torch.compile(step, fullgraph=True)(z, x)
    torch.testing.assert_close(compiled, eager, rtol=1e-4, atol=1e-4)
    for out in (eager, compiled):
        likelihood.zero_grad()
        out[0].sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in likelihood.parameters())
