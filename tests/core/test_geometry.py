from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from latentry.core import geometry
from latentry.core.geometry import energy, geodesic, path, path_length, spherical, straight
from latentry.errors import LatentryError


def vector(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def sphere(z: Tensor) -> Tensor:
    """The plane onto the unit sphere, seen from its pole: z (..., 2) -> (..., 3)."""
    square = (z**2).sum(-1, keepdim=True)
    return torch.cat([2 * z, square - 1], -1) / (square + 1)


def paraboloid(z: Tensor) -> Tensor:
    return torch.cat([z, (z**2).sum(-1, keepdim=True)], -1)


def test_a_straight_path() -> None:
    t = torch.linspace(0, 1, 3, dtype=torch.float64)
    line = straight(vector(0, 2), vector(4, 0), t)
    assert torch.equal(line, torch.stack([vector(0, 2), vector(2, 1), vector(4, 0)]))
    many = straight(torch.zeros(5, 2), torch.ones(5, 2), t.float())
    assert many.shape == (3, 5, 2)


@given(
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
)
def test_a_spherical_path_has_its_ends_and_norms(a: list[float], b: list[float]) -> None:
    start, end = vector(*a), vector(*b)
    t = torch.linspace(0, 1, 5, dtype=torch.float64)
    way = spherical(start, end, t)
    assert torch.isfinite(way).all()
    torch.testing.assert_close(way[0], start)
    torch.testing.assert_close(way[-1], end)
    most = max(float(start.norm()), float(end.norm()))
    assert (way.norm(dim=-1) <= most + 1e-6).all()


def test_a_spherical_path_turns_evenly() -> None:
    t = torch.linspace(0, 1, 4, dtype=torch.float64)
    way = spherical(vector(1, 0), vector(0, 4), t)
    angle = torch.atan2(way[:, 1], way[:, 0])
    torch.testing.assert_close(angle, t * math.pi / 2)
    torch.testing.assert_close(way.norm(dim=1), vector(1, 2, 3, 4))


def test_where_there_is_no_great_circle_the_path_is_straight() -> None:
    a = torch.stack([vector(1, 1), vector(1, 1), vector(0, 0), vector(3, 1)])
    b = torch.stack([vector(2, 2), vector(-2, -2), vector(1, 2), vector(0, 0)])
    t = torch.linspace(0, 1, 5, dtype=torch.float64)
    torch.testing.assert_close(spherical(a, b, t), straight(a, b, t))


def test_the_geodesic_of_a_sphere_is_a_great_circle() -> None:
    a, b = vector(1, 0), vector(0, 1)  # on the equator, which is the circle |z| = 1
    way = geodesic(sphere, a, b, 7)
    angle = torch.linspace(0, math.pi / 2, 7, dtype=torch.float64)
    expected = torch.stack([angle.cos(), angle.sin()], 1)
    torch.testing.assert_close(way, expected, atol=1e-4, rtol=0)
    fine = geodesic(sphere, a, b, 65)
    assert float(path_length(sphere, fine)) == pytest.approx(math.pi / 2, rel=1e-4)
    line = straight(a, b, torch.linspace(0, 1, 65, dtype=torch.float64))
    # The straight line is the circle through both and the pole of the view.
    assert float(path_length(sphere, line)) > 1.05 * math.pi / 2


def test_many_geodesics_at_once_are_each_their_own() -> None:
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 6, 2, generator=g, dtype=torch.float64)
    ways = geodesic(sphere, a, b, 25)
    assert ways.shape == (25, 6, 2)
    near = [0, 1, 3, 4, 5]  # the third goes almost around, where more steps would be needed
    cosine = (sphere(a) * sphere(b)).sum(-1)
    # The chords of a great circle in 24 pieces are this much shorter than its arc.
    arc = cosine.acos()
    chords = 24 * 2 * (arc / 48).sin()
    torch.testing.assert_close(path_length(sphere, ways)[near], chords[near], rtol=1e-4, atol=0)


def test_the_geodesic_of_a_paraboloid_from_its_apex_is_the_meridian_at_an_even_speed() -> None:
    way = geodesic(paraboloid, vector(0, 0), vector(1.2, 0.9), 49)
    radius = way @ vector(0.8, 0.6)
    torch.testing.assert_close(way, radius[:, None] * vector(0.8, 0.6), atol=1e-5, rtol=0)
    arc = radius / 2 * (1 + 4 * radius**2).sqrt() + torch.asinh(2 * radius) / 4
    share = torch.linspace(0, 1, 49, dtype=torch.float64)
    torch.testing.assert_close(arc / arc[-1], share, atol=3e-4, rtol=0)


def test_the_geodesic_of_a_paraboloid_keeps_clairauts_constant() -> None:
    """On a surface of revolution, radius x cosine of the angle to the parallel is constant."""
    way = geodesic(paraboloid, vector(1.0, 0.2), vector(-0.3, 1.1), 97, 100)
    image = paraboloid(way)
    middle, step = (image[1:] + image[:-1]) / 2, image.diff(dim=0)
    turn = middle[:, 0] * step[:, 1] - middle[:, 1] * step[:, 0]
    constant = turn / step.norm(dim=1)
    assert float(constant.std() / constant.mean()) < 1e-3


def test_a_geodesic_does_not_depend_on_the_coordinates() -> None:
    def bent(z: Tensor) -> Tensor:
        return sphere(torch.stack([z[..., 0] + 0.3 * z[..., 1] ** 2, 2 * z[..., 1]], -1))

    way = geodesic(bent, vector(1, 0), vector(-0.075, 0.5), 9)
    expected = geodesic(sphere, vector(1, 0), vector(0, 1), 9)
    torch.testing.assert_close(bent(way), sphere(expected), atol=1e-3, rtol=0)


def test_in_a_flat_space_it_is_the_straight_line() -> None:
    plane = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    a, b = torch.tensor([1.0, -1.0]), torch.tensor([0.0, 3.0])
    way = geodesic(lambda z: z @ plane, a, b, 5)
    torch.testing.assert_close(way, straight(a, b, torch.linspace(0, 1, 5)))


def test_a_net_keeps_its_gradients_and_the_path_is_no_longer_than_the_straight_one() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 12), nn.Unflatten(-1, (3, 4)))
    a, b = torch.randn(2, 4, 2)
    with torch.inference_mode():
        way = geodesic(net, a, b, 9)
        line = straight(a, b, torch.linspace(0, 1, 9))
        assert torch.equal(way[0], a)
        assert torch.equal(way[-1], b)
        fine = geodesic(net, a, b, 25)
        flat = straight(a, b, torch.linspace(0, 1, 25))
        assert (energy(net, fine) <= energy(net, flat)).all()
        assert path_length(net, line).shape == (4,)
    assert all(p.grad is None for p in net.parameters())


def test_a_decoder_that_ignores_its_code_leaves_the_straight_line() -> None:
    a, b = torch.zeros(2), torch.ones(2)
    way = geodesic(lambda z: torch.ones(*z.shape[:-1], 3) + 0 * z[..., :1], a, b, 4)
    torch.testing.assert_close(way, straight(a, b, torch.linspace(0, 1, 4)))


def test_few_points_are_those_of_the_fine_path() -> None:
    way = geodesic(sphere, vector(1, 0), vector(0, 1), 3)
    root = math.sqrt(0.5)
    torch.testing.assert_close(way[1], vector(root, root), atol=1e-4, rtol=0)
    assert geodesic(sphere, vector(1, 0), vector(0, 1), 2).shape == (2, 2)


def test_paths_by_name() -> None:
    a, b = vector(1, 0), vector(0, 1)
    t = torch.linspace(0, 1, 3, dtype=torch.float64)
    for kind, expected in (
        ("straight", straight(a, b, t)),
        ("spherical", spherical(a, b, t)),
        ("geodesic", geodesic(sphere, a, b, 3)),
    ):
        assert torch.equal(path(kind, a, b, 3, sphere), expected)
    said = "straight, spherical or geodesic. Did you mean 'geodesic'?"
    with pytest.raises(LatentryError, match=re.escape(said)):
        path("geodesik", a, b, 3, sphere)
    with pytest.raises(LatentryError, match="steps=1 is too few"):
        path("straight", a, b, 1, sphere)
    assert geometry.PATHS == ("straight", "spherical", "geodesic")
