"""What every figure is called, what its unit is, which way is better, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GROUPS = (
    "likelihood",
    "reconstruction",
    "samples",
    "latents",
    "paths",
    "robustness",
    "disentanglement",
)
"""The groups that figures are asked for by."""

LEVELS = (0.1, 0.25, 0.5)
"""Noise at which denoising is measured."""
KINDS = ("straight", "spherical", "geodesic")
"""Paths between two codes that are measured."""

NATS = "nats for each row"
SHARE = "share, 0 to 1"
DECIBELS = "dB"
SPREAD = "share of an image's range or a column's spread"
IN_SPACE = "in feature space"

HOFFMAN = "Hoffman & Johnson, 2016, and Chen et al., 2018, arXiv 1802.04942"
BURDA = "Burda et al., 2016, arXiv 1509.00519"
KINGMA = "Kingma & Welling, 2014, arXiv 1312.6114"
KYNKAANNIEMI = "Kynkäänniemi et al., 2019, arXiv 1904.06991"
NAEEM = "Naeem et al., 2020, arXiv 2002.09797"
ALAIN = "Alain & Bengio, 2017, arXiv 1610.01644"
VENNA = "Venna & Kaski, 2001, https://doi.org/10.1007/3-540-44668-0_68"
ARVANITIDIS = "Arvanitidis et al., 2018, arXiv 1710.11379"
EASTWOOD = "Eastwood & Williams, 2018, https://openreview.net/forum?id=By-7dz-AZ"
VINCENT = "Vincent et al., 2008, https://doi.org/10.1145/1390156.1390294"
REZENDE = "Rezende et al., 2014, arXiv 1401.4082"
FAWCETT = "Fawcett, 2006, https://doi.org/10.1016/j.patrec.2005.10.010"


@dataclass(frozen=True)
class Measure:
    """One figure.

    name : the key under which it is returned
    label : what a table or a picture calls it
    unit : what it counts
    better : which way is better; None where neither is
    source : the paper that it comes from, or "" for what needs none
    about : what it says, in one sentence
    group : one of `GROUPS`
    """

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower"] | None
    source: str
    about: str
    group: str


HIGHER: Literal["higher"] = "higher"
LOWER: Literal["lower"] = "lower"


def _likelihood() -> list[tuple]:
    return [
        ("elbo", "ELBO", NATS, HIGHER, KINGMA, "lower bound on log p(x) from one draw"),
        ("distortion", "distortion", NATS, LOWER, "Alemi et al., 2018, arXiv 1711.00464",
         "-E log p(x|z), what the code does not tell of the row"),
        ("rate", "rate", NATS, None, "Alemi et al., 2018, arXiv 1711.00464",
         "KL(q(z|x) || p(z)), what the code costs"),
        ("nll", "negative log-likelihood", NATS, LOWER, BURDA,
         "-log p(x) by importance sampling, an upper bound in expectation"),
        ("nll_stderr", "standard error of the NLL", NATS, None, "",
         "standard error of the mean over the rows"),
        ("bits_per_dim", "bits per dimension", "bits for each dimension", LOWER, "",
         "the negative log-likelihood in bits for each dimension of the data"),
        ("index_code_mi", "index-code information", NATS, None, HOFFMAN,
         "what a code tells about which row it came from; at most the log of the rows looked at"),
        ("marginal_kl", "marginal KL", NATS, LOWER, HOFFMAN,
         "KL(q(z) || p(z)): how far the codes of all rows together lie from the prior"),
        ("total_correlation", "total correlation", NATS, LOWER, HOFFMAN,
         "how much the dimensions of the code depend on each other"),
        ("dimension_wise_kl", "dimension-wise KL", NATS, LOWER, HOFFMAN,
         "how far each dimension of the codes alone lies from the prior, summed"),
        ("effective_draws", "effective draws", "draws", HIGHER,
         "Kong, Liu & Wong, 1994, https://doi.org/10.1080/01621459.1994.10476469",
         "to how many equally weighted draws the importance weights amount"),
        ("nll_gain", "NLL still gained", NATS, LOWER, BURDA,
         "by how much the last increase of the draws lowered the NLL; near 0 where it converged"),
    ]  # fmt: skip


def _reconstruction() -> list[tuple]:
    return [
        ("mse", "mean squared error", "squared units of the model's scale",
         LOWER, "",
         "squared error of the reconstruction from the posterior mean, for each dimension"),
        ("psnr", "PSNR", DECIBELS, HIGHER, "",
         "peak signal-to-noise ratio of the reconstruction, mean over the rows"),
        ("ssim", "SSIM", "index, 1 = the same picture", HIGHER,
         "Wang et al., 2004, https://doi.org/10.1109/TIP.2003.819861",
         "structural similarity of images and their reconstructions"),
    ]  # fmt: skip


def _samples() -> list[tuple]:
    return [
        ("frechet", "Fréchet distance", f"squared distance {IN_SPACE}", LOWER,
         "Heusel et al., 2017, arXiv 1706.08500",
         "between Gaussians fitted to the features of data and of samples"),
        ("kernel", "kernel distance", f"squared MMD {IN_SPACE}", LOWER,
         "Bińkowski et al., 2018, arXiv 1801.01401",
         "unbiased estimate, so that it may fall below 0"),
        ("precision", "precision", SHARE, HIGHER, KYNKAANNIEMI,
         "share of the samples that look like data"),
        ("recall", "recall", SHARE, HIGHER, KYNKAANNIEMI,
         "share of the data that the samples reach"),
        ("density", "density", "1 = as dense as the data", HIGHER, NAEEM,
         "how densely the samples lie where the data are"),
        ("coverage", "coverage", SHARE, HIGHER, NAEEM,
         "share of the data with a sample close by"),
        ("two_sample_accuracy", "two-sample accuracy", "share, 0.5 = indistinguishable", LOWER,
         "Lopez-Paz & Oquab, 2017, arXiv 1610.06545",
         "how often a classifier tells samples from data"),
        ("copying", "copying", "share, 0.5 = like unseen data", None,
         "Meehan et al., 2020, arXiv 2004.05675",
         "how often a sample lies nearer to the training rows than an unseen row does"),
        ("agreement", "agreement with the condition", SHARE, HIGHER, "",
         "share of the conditional samples that a classifier takes for the class asked for"),
    ]  # fmt: skip


def _latents() -> list[tuple]:
    probes = [
        (f"{kind}_{size}", f"{words}, {size} labels", SHARE, HIGHER, source,
         f"accuracy on held-out rows of {about} that saw {size} labelled codes")
        for kind, words, about, source in (
            ("probe", "linear probe", "a logistic regression", ALAIN),
            ("knn", "nearest neighbours", "a vote of the nearest codes", ""),
        )
        for size in ("100", "1000", "all")
    ]  # fmt: skip
    return [
        ("active_units", "active units", "dimensions", None, BURDA,
         "dimensions whose posterior mean has a variance above 0.01"),
        ("aggregate_gap", "gap to the prior", "squared MMD between codes and prior draws", LOWER,
         "Gretton et al., 2012, https://jmlr.org/papers/v13/gretton12a.html",
         "how far the codes of the data lie from what is sampled from"),
        ("holes", "holes", SHARE, LOWER, "",
         "share of draws from the prior that decode to something far from all data"),
        *probes,
        ("trustworthiness", "trustworthiness", SHARE, HIGHER, VENNA,
         "whether neighbours among the codes are neighbours among the data"),
        ("continuity", "continuity", SHARE, HIGHER, VENNA,
         "whether neighbours among the data stay neighbours among the codes"),
        ("nmi", "NMI of clusters", SHARE, HIGHER,
         "Strehl & Ghosh, 2002, https://jmlr.org/papers/v3/strehl02a.html",
         "agreement of k-means on the codes with the labels"),
        ("ari", "ARI of clusters", "index, 0 = chance, 1 = the labels", HIGHER,
         "Hubert & Arabie, 1985, https://doi.org/10.1007/BF01908075",
         "agreement of k-means on the codes with the labels, corrected for chance"),
    ]  # fmt: skip


def _paths() -> list[tuple]:
    found = []
    for kind in KINDS:
        found += [
            (f"{kind}_smoothness", f"smoothness, {kind}", "ratio, 1 = even speed", LOWER,
             "after Berthelot et al., 2019, arXiv 1807.07543",
             f"largest step over mean step of the samples along a {kind} path"),
            (f"{kind}_middle_distance", f"middle to data, {kind}",
             "mean distances of neighbouring rows", LOWER, "",
             f"how far the middle of a {kind} path lies from the nearest row"),
            (f"{kind}_length", f"length, {kind}", "ratio, 1 = straight in data space",
             LOWER, ARVANITIDIS,
             f"length in data space of a {kind} path over the distance of its ends"),
        ]  # fmt: skip
    return found


def _robustness() -> list[tuple]:
    noise = [
        (f"{kind}_psnr_{level:g}", f"PSNR, {words}, noise {level:g}", DECIBELS, better, VINCENT,
         f"of rows with Gaussian noise of {level:g}, {about}")
        for level in LEVELS
        for kind, words, better, about in (
            ("noisy", "noisy", None, "as they are, to hold the cleaned ones against"),
            ("cleaned", "cleaned", HIGHER, "after encoding and decoding"),
        )
    ]  # fmt: skip
    ways = (
        ("reconstruction", "the distortion of the reconstruction"),
        ("reconstruction+kl", "the negative ELBO"),
        ("likelihood", "the importance-weighted likelihood"),
        ("kl", "the rate"),
    )
    anomalies = [
        (f"auroc_{how}", f"AUROC, {how}", "area, 0.5 = chance", HIGHER, FAWCETT,
         f"how well {about} tells anomalies from the rest")
        for how, about in ways
    ]  # fmt: skip
    return [
        *noise,
        ("occluded_psnr", "PSNR, occluded", DECIBELS, None, "",
         "inside a hidden block, before the model saw it"),
        ("restored_psnr", "PSNR, restored", DECIBELS, HIGHER, "",
         "inside a hidden block, after encoding and decoding"),
        ("filling_rmse", "filling error", SPREAD, LOWER, REZENDE,
         "root mean square error of hidden entries, filled by repeated encoding and decoding"),
        ("filling_baseline_rmse", "filling error of means", SPREAD, None, "",
         "root mean square error of hidden entries filled with the mean of their column"),
        *anomalies,
    ]  # fmt: skip


def _disentanglement() -> list[tuple]:
    return [
        ("mig", "MIG", SHARE, HIGHER, "Chen et al., 2018, arXiv 1802.04942",
         "gap between the two dimensions that tell most about a factor"),
        ("dci_disentanglement", "DCI disentanglement", SHARE, HIGHER, EASTWOOD,
         "whether each dimension is important for one factor only"),
        ("dci_completeness", "DCI completeness", SHARE, HIGHER, EASTWOOD,
         "whether each factor needs one dimension only"),
        ("dci_informativeness", "DCI informativeness", SHARE, HIGHER, EASTWOOD,
         "how accurately the factors are predicted from unseen codes"),
        ("sap", "SAP", SHARE, HIGHER, "Kumar et al., 2018, arXiv 1711.00848",
         "gap between the two dimensions that predict a factor best"),
        ("beta_vae", "BetaVAE score", SHARE, HIGHER,
         "Higgins et al., 2017, https://openreview.net/forum?id=Sy2fzU9gl",
         "how often a linear classifier names the factor that pairs of rows share"),
        ("factor_vae", "FactorVAE score", SHARE, HIGHER, "Kim & Mnih, 2018, arXiv 1802.05983",
         "how often the dimension that varies least names the factor that rows share"),
    ]  # fmt: skip


def _catalogue() -> dict[str, Measure]:
    of_group = (
        _likelihood(), _reconstruction(), _samples(), _latents(), _paths(), _robustness(),
        _disentanglement(),
    )  # fmt: skip
    every = [
        Measure(*row, group=group)
        for group, rows in zip(GROUPS, of_group, strict=True)
        for row in rows
    ]
    return {measure.name: measure for measure in every}


MEASURES = _catalogue()
"""Every figure by name, group after group."""


def names_of(group: str) -> list[str]:
    """The figures of a group, in order."""
    return [name for name, measure in MEASURES.items() if measure.group == group]
