"""Pictures of families that show where codes lie: planes, a sphere, a disc, a curve, and bars."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from torch import Tensor, nn

from latentry import (
    AE,
    DIPVAE,
    IAFVAE,
    IWAE,
    VAE,
    WAEMMD,
    AdversarialAE,
    BetaTCVAE,
    BetaVAE,
    Estimator,
    FlowPriorVAE,
    HamiltonianVAE,
    HypersphericalVAE,
    MixturePriorVAE,
    PlanarVAE,
    PoincareVAE,
    SequenceVAE,
    VampPriorVAE,
    load_data,
)
from latentry.evaluation.decomposition import decompose
from latentry.report.picture import (
    ACCENT,
    CLASSES,
    DATA,
    INK,
    MODEL,
    MUTED,
    RULE,
    Picture,
    canvas,
    legend,
    style,
    title,
)

Fit = Any
"""(model, data, epochs, **more of `fit`) -> the model, trained."""


def colours(labels: np.ndarray) -> list[str]:
    """A colour for each row."""
    return [CLASSES[int(k)] for k in labels]


def square(ax: Axes, reach: float, text: str) -> Axes:
    """A panel from -reach to reach both ways."""
    style(ax, grid=False)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")
    title(ax, text)
    return ax


def rings(ax: Axes, colour: str = INK) -> None:
    """Circles at 1, 2 and 3 standard deviations of N(0, I)."""
    turn = np.linspace(0, 2 * math.pi, 200)
    for radius in (1, 2, 3):
        ax.plot(radius * np.cos(turn), radius * np.sin(turn), color=colour, lw=0.7, ls=(0, (4, 3)))


@torch.inference_mode()
def posterior(est: Estimator, x: np.ndarray) -> Any:
    """q(z|x) of all rows."""
    ((scaled, c),) = est._batches(x)
    return est.model_.encode(scaled, c)


def variational(fit: Fit) -> Picture:
    """Codes of the digits in a plane: points of an AE, Gaussians of a VAE."""
    digits = load_data("digits")
    shared: dict[str, Any] = {"latent": 2, "hidden": (256, 128), "lr": 2e-3}
    ae, vae = fit(AE(**shared), digits, 150), fit(VAE(**shared), digits, 150)
    picture = canvas("variational", "Codes of an autoencoder and of a VAE", 2.6)
    left, right = picture.subplots(1, 2)
    codes = ae.transform(digits.x)
    shade = colours(digits.labels)  # pyright: ignore[reportArgumentType]
    square(left, float(np.abs(codes).max()) * 1.05, "AE: a code is a point")
    left.scatter(*codes.T, s=3, c=shade, lw=0)
    square(right, 4.2, "VAE: a code is a Gaussian")
    q = posterior(vae, digits.x)
    sizes = 2 * q.stddev.numpy()
    right.add_collection(
        EllipseCollection(
            sizes[:, 0], sizes[:, 1], np.zeros(len(sizes)), units="xy", offsets=q.mean.numpy(),
            transOffset=right.transData, facecolors=shade, alpha=0.25, linewidths=0,
        )
    )  # fmt: skip
    rings(right)
    return picture


def divergences(fit: Fit) -> Picture:
    """Codes of three deterministic models, beside what their prior asks for."""
    digits = load_data("digits")
    shared: dict[str, Any] = {"latent": 2, "hidden": (256, 128), "lr": 1e-3}
    models = {
        "AE: no prior": AE(**shared),
        "WAE-MMD": WAEMMD(weight=100.0, **shared),
        "Adversarial AE": AdversarialAE(**shared),
    }
    picture = canvas("divergences", "Codes held to a prior as a whole", 1.85)
    for ax, (name, est) in zip(picture.subplots(1, 3), models.items(), strict=True):
        codes = fit(est, digits, 300).transform(digits.x)
        square(ax, max(3.6, float(np.abs(codes).max()) * 1.05), name)
        ax.scatter(*codes.T, s=2, c=colours(digits.labels), lw=0)  # pyright: ignore[reportArgumentType]
        rings(ax)
    return picture


def plane(reach: float, n: int = 120) -> tuple[np.ndarray, Tensor]:
    """The ticks of a grid, and its points (n * n, 2)."""
    ticks = np.linspace(-reach, reach, n)
    across, up = np.meshgrid(ticks, ticks)
    return ticks, torch.tensor(np.stack([across.ravel(), up.ravel()], 1), dtype=torch.float32)


def priors(fit: Fit) -> Picture:
    """Four priors of a plane of digits, and the codes that they are for."""
    digits = load_data("digits")
    shared: dict[str, Any] = {"latent": 2, "hidden": (256, 128), "lr": 1e-3}
    models = {
        "VAE: N(0, I)": VAE(**shared),
        "VampPrior": VampPriorVAE(components=30, **shared),
        "Mixture of 10 Gaussians": MixturePriorVAE(**shared),
        "Spline flow": FlowPriorVAE(**shared),
    }
    picture = canvas("priors", "Densities of four priors", 4.9)
    for ax, (name, est) in zip(picture.subplots(2, 2).flat, models.items(), strict=True):
        fit(est, digits, 200)
        codes = est.transform(digits.x)
        reach = float(np.quantile(np.abs(codes), 0.999)) * 1.1
        square(ax, reach, name)
        ticks, points = plane(reach)
        with torch.inference_mode():
            law = est.model_.get_submodule("prior")(None)
            log = law.log_prob(points).numpy().reshape(len(ticks), -1)
        ax.contourf(ticks, ticks, log, np.linspace(-9, 0, 10), cmap="Greys", vmax=6, extend="max")
        ax.scatter(*codes.T, s=1.2, c=colours(digits.labels), lw=0)  # pyright: ignore[reportArgumentType]
    return picture


class Bent(nn.Module):
    """x = z2 - z1^2 / 2, in units of its spread over the data: a decoder that learns nothing."""

    def __init__(self, mean: float, spread: float) -> None:
        super().__init__()
        self.mean, self.spread = mean, spread

    def forward(self, z: Tensor) -> Tensor:
        return ((z[:, 1] - z[:, 0].square() / 2 - self.mean) / self.spread)[:, None]


def posteriors(fit: Fit) -> Picture:
    """The posterior of a model that is given, and draws from what four encoders learned of it."""
    noise = np.random.default_rng(0)
    z = noise.standard_normal((2000, 2))
    x = (z[:, 1] - z[:, 0] ** 2 / 2 + 0.15 * noise.standard_normal(2000))[:, None]
    mean, spread = float(x.mean()), float(x.std())
    shared: dict[str, Any] = {
        "latent": 2, "hidden": (64, 64), "lr": 3e-3, "schedule": "cosine",
        "likelihood": f"gaussian:sigma={0.15 / spread:.3f}",
    }  # fmt: skip
    models = {
        "Gaussian": VAE, "Planar flow": PlanarVAE, "IAF": IAFVAE, "Hamiltonian": HamiltonianVAE,
    }  # fmt: skip
    picture = canvas("posteriors", "Posteriors, true and learned", 1.4)
    for ax, (name, kind) in zip(picture.subplots(1, 4), models.items(), strict=True):
        est = fit(kind(decoder=Bent(mean, spread), **shared), x.astype(np.float32), 150)
        one_posterior(ax, est, np.array([-1.0], np.float32), 0.15)
        title(ax, name)
    return picture


@torch.inference_mode()
def one_posterior(ax: Axes, est: Estimator, row: np.ndarray, sigma: float) -> None:
    """p(z|x) of x = z2 - z1^2 / 2 with noise of `sigma` as grey, draws from q(z|x) as dots."""
    ticks, points = plane(2.6, 200)
    mean = points[:, 1] - points[:, 0].square() / 2
    log = -((float(row[0]) - mean) / sigma).square() / 2 - points.square().sum(1) / 2
    density = (log - log.max()).exp().numpy().reshape(len(ticks), -1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        draws = posterior(est, row[None]).sample(torch.Size((400,)))[:, 0].numpy()
    square(ax, 2.6, "")
    ax.contourf(ticks, ticks, density, np.linspace(0.02, 1, 9), cmap="Greys", vmax=1.4)
    ax.scatter(*draws.T, s=1.2, color=MODEL, lw=0, alpha=0.8)
    ax.set_xticks([])
    ax.set_yticks([])


def importance_weighted(fit: Fit) -> Picture:
    """The bound of two models of two moons, by the number of draws."""
    train, fresh = load_data("two-moons"), load_data("two-moons:test")
    shared: dict[str, Any] = {"latent": 2, "hidden": (128, 128), "schedule": "cosine"}
    models = {"VAE": VAE(**shared), "IWAE, 5 draws": IWAE(draws=5, **shared)}
    draws = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]
    picture = canvas("importance-weighted", "The bound by the number of draws", 2.4)
    ax = style(picture.subplots(), "draws K", "bound on log p(x), nats")
    for (name, est), colour in zip(models.items(), (DATA, MODEL), strict=True):
        fit(est, train.x, 150)
        bounds = [est.score_samples(fresh.x[:500], draws=k).mean() for k in draws]
        ax.semilogx(draws, bounds, "o-", color=colour, ms=3, lw=1.4, label=name)
    legend(ax, loc="lower right")
    return picture


def disentangling(fit: Fit) -> Picture:
    """What the rate of some models of digits is made of, as bars."""
    digits = load_data("digits")
    shared: dict[str, Any] = {"latent": 6, "hidden": (256, 128)}
    models = {
        "VAE": VAE(**shared),
        "β-VAE, β = 2": BetaVAE(beta=2, **shared),
        "β-VAE, β = 4": BetaVAE(beta=4, **shared),
        "β-TCVAE, β = 4": BetaTCVAE(beta=4, **shared),
        "DIP-VAE": DIPVAE(**shared),
    }
    parts = {
        "index_code_mi": "information", "total_correlation": "total correlation",
        "dimension_wise_kl": "each dimension alone",
    }  # fmt: skip
    found = [decompose(fit(est, digits, 200), digits.x) for est in models.values()]
    picture = canvas("disentangling", "What the rate is made of", 2.3)
    ax = style(picture.subplots(), "nats for each digit")
    start = np.zeros(len(models))
    for (part, label), colour in zip(parts.items(), (DATA, MODEL, MUTED), strict=True):
        width = np.array([max(each[part], 0.0) for each in found])
        ax.barh(list(models), width, left=start, color=colour, label=label, height=0.62)
        start += width
    ax.invert_yaxis()
    ax.tick_params(axis="y", labelcolor=INK)
    ax.grid(False, axis="y")
    legend(picture, loc="outside upper left", ncols=3, columnspacing=1.2)
    return picture


def family_tree(depth: int, width: int, noise: np.random.Generator) -> tuple[Any, Any, Any]:
    """A binary tree that branches at random in `width` dimensions: places, parents, depths."""
    places, parents, depths = [np.zeros(width)], [-1], [0]
    for node in range(2**depth - 1):
        for _ in range(2):
            places.append(places[node] + noise.standard_normal(width))
            parents.append(node)
            depths.append(depths[node] + 1)
    return np.stack(places), np.array(parents), np.array(depths)


def geometry(fit: Fit) -> Picture:
    """Digits on a sphere, and a tree in the Poincare disc."""
    digits = load_data("digits")
    ball = fit(HypersphericalVAE(latent=3, hidden=(256, 128)), digits, 150)
    picture = canvas("geometry", "A sphere and a disc", 2.5)
    left: Any = picture.add_subplot(1, 2, 1, projection="3d")
    codes = ball.transform(digits.x)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    eye = np.array([math.cos(math.radians(25)), 0, math.sin(math.radians(25))])
    front = codes @ eye > 0
    shade = np.array(colours(digits.labels))  # pyright: ignore[reportArgumentType]
    left.scatter(*codes[~front].T, s=2, c=shade[~front], lw=0, alpha=0.15)
    left.scatter(*codes[front].T, s=3, c=shade[front], lw=0, alpha=1)
    turn = np.linspace(0, 2 * math.pi, 200)[:, None]
    side, up = np.array([0, 1, 0]), np.cross(eye, [0, 1, 0])
    rim = np.cos(turn) * side + np.sin(turn) * up
    left.plot(*rim.T, color=MUTED, lw=0.8)
    left.view_init(25, 0)
    left.set_axis_off()
    left.set_box_aspect((1, 1, 1), zoom=1.5)
    left.set_title("Sphere: digits", loc="left", color=INK, fontsize=9)
    right = picture.add_subplot(1, 2, 2)
    tree(right, fit)
    return picture


def tree(ax: Axes, fit: Fit) -> None:
    """The disc, with the nodes of a tree where their rows are encoded."""
    noise = np.random.default_rng(0)
    places, parents, depths = family_tree(5, 50, noise)
    rows = np.repeat(places, 30, 0)
    rows += 0.5 * noise.standard_normal(rows.shape)
    disc = fit(PoincareVAE(latent=2, hidden=(128,), likelihood="gaussian"), rows, 150)
    codes = disc.transform(rows).reshape(len(places), 30, 2).mean(1)
    square(ax, 1.05, "Poincaré disc: a tree")
    ax.set_axis_off()
    turn = np.linspace(0, 2 * math.pi, 300)
    ax.plot(np.cos(turn), np.sin(turn), color=MUTED, lw=0.8)
    for node in range(1, len(codes)):
        ax.plot(*codes[[node, parents[node]]].T, color=RULE, lw=0.9, zorder=1)
    ax.scatter(*codes.T, s=26 / (1 + depths), c=depths, cmap="viridis", lw=0, zorder=2)
    ax.scatter(*codes[:1].T, s=30, color=ACCENT, lw=0, zorder=3)


def swings(n: int, steps: int, noise: np.random.Generator) -> np.ndarray:
    """Damped oscillations with noise, (n, steps), of random frequency, damping and phase."""
    t = np.linspace(0, 1, steps)
    rate, damping, phase = (noise.uniform(a, b, (n, 1)) for a, b in ((2, 5), (0.5, 4), (0, 3.1)))
    clean = np.exp(-damping * t) * np.sin(2 * math.pi * rate * t + phase)
    return (clean + 0.1 * noise.standard_normal(clean.shape)).astype(np.float32)


def sequences(fit: Fit) -> Picture:
    """Noisy series with their reconstructions, and a walk between two of them."""
    data = swings(2000, 64, np.random.default_rng(0))
    est = fit(SequenceVAE(latent=3, lr=2e-3, schedule="cosine"), data, 30)
    picture = canvas("sequences", "Series, their reconstructions, and a walk", 2.6)
    left, right = (style(ax, "step") for ax in picture.subplots(1, 2))
    left.set_yticks([])
    right.set_yticks([])
    for i, (row, again) in enumerate(zip(data[:3], est.reconstruct(data[:3]), strict=True)):
        left.plot(row - 2 * i, color=MUTED, lw=0.8, alpha=0.7)
        left.plot(again - 2 * i, color=MODEL, lw=1.5)
    path = est.interpolate(data[0], data[1], 7)
    for i, along in enumerate(path):
        right.plot(along - i, color=DATA, lw=1.3, alpha=1 - 0.08 * i)
    title(left, "Data and reconstruction")
    title(right, "From the first to the second")
    return picture
