from __future__ import annotations

import math

import pytest

from latentry.comparing.jobs import JOBS
from latentry.comparing.verdict import (
    clearly_better,
    figure_text,
    mean_and_error,
    ranks,
    recommend,
    summary,
    table,
)

VALUES = {
    "far": {"psnr": [30.0, 30.2, 29.8], "frechet": [5.0, 9.0, 7.0], "nll": [None] * 3},
    "level": {"psnr": [20.0, 20.4, 20.2], "frechet": [6.0, 8.0, 7.5], "nll": [3.0, 4.0, 5.0]},
    "other": {"psnr": [20.1, 20.1, 20.3], "frechet": [60.0, 61.0, 59.0], "nll": [2.0, 2.0, 2.0]},
}


def test_mean_and_standard_error() -> None:
    assert mean_and_error([1.0, 2.0, 3.0]) == (2.0, pytest.approx(1 / math.sqrt(3)))
    assert mean_and_error([1.0, None])[0] == 1.0
    assert all(math.isnan(v) for v in mean_and_error([None, None]))


def test_a_difference_counts_by_its_own_error_over_the_seeds() -> None:
    # Far apart from seed to seed, but one is better by the same amount each time.
    assert clearly_better([1.0, 5.0, 9.0], [0.5, 4.5, 8.5], "higher")
    assert clearly_better([0.5, 4.5, 8.5], [1.0, 5.0, 9.0], "lower")
    # Better in the mean, by 1, with a standard error of 1.
    assert not clearly_better([3.0, 1.0, 2.0], [0.0, 1.0, 2.0], "higher")
    assert not clearly_better([1.0, 1.0], [1.0, 1.0], "higher")


def test_models_without_a_clear_difference_share_a_rank() -> None:
    assert ranks(JOBS["reconstruct"], VALUES) == {"far": 1, "level": 2, "other": 2}
    assert ranks(JOBS["generate"], VALUES) == {"far": 1, "level": 1, "other": 3}
    assert ranks(JOBS["anomalies"], VALUES) == {}


def test_the_table_has_means_errors_and_ranks() -> None:
    frame = table(VALUES, ["reconstruct", "generate", "anomalies"])
    assert list(frame.columns) == [
        "nll", "nll_se", "psnr", "psnr_se", "frechet", "frechet_se",
        "rank_reconstruct", "rank_generate",
    ]  # fmt: skip
    assert math.isnan(frame.loc["far", "nll"])
    assert frame.loc["level", "nll"] == 4.0
    assert frame["rank_generate"].tolist() == [1, 1, 3]


def test_the_recommendation_names_the_figures_and_is_honest_about_ties() -> None:
    found = recommend(VALUES, ["reconstruct", "generate"])
    clear, tie = found
    assert clear["best"] == ["far"] and clear["clear"]
    assert clear["sentence"] == (
        "Reconstruct: far (30.00 ± 0.12) is best, ahead of level (20.20 ± 0.12) and"
        " other (20.17 ± 0.07). By PSNR, higher is better."
    )
    assert tie["best"] == ["far", "level"] and not tie["clear"]
    assert tie["sentence"].startswith("Generate: no clear difference between far (")
    assert "behind them other (60.0 ± 0.6)" in tie["sentence"]
    assert summary(found, list(VALUES)) == (
        "Take far to reconstruct. No model is clearly best to generate."
    )


def test_one_seed_is_said_to_be_one() -> None:
    one = {"a": {"psnr": [3.0]}, "b": {"psnr": [2.0]}}
    (found,) = recommend(one, ["reconstruct"])
    assert "with one seed, chance is not measured" in found["sentence"]


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (21.339, 0.041, "21.34 ± 0.04"),
        (0.91234, 0.0123, "0.912 ± 0.012"),
        (123.456, 7.8, "123 ± 8"),
        (-59.18, 0.5, "−59.2 ± 0.5"),
        (0.5, math.nan, "0.5"),
        (math.nan, math.nan, "-"),
        (3.0, 0.0, "3"),
    ],
)
def test_figures_as_text(mean: float, error: float, text: str) -> None:
    assert figure_text(mean, error) == text


def test_no_model_ranks_behind_one_with_a_worse_mean() -> None:
    values = {
        "best": {"psnr": [30.0, 30.0, 30.0]},
        "steady": {"psnr": [29.0, 29.0, 29.0]},
        "uneven": {"psnr": [26.0, 30.4, 29.0]},
    }
    # "best" beats "steady" clearly but not the uneven one, whose mean is worse.
    assert ranks(JOBS["reconstruct"], values) == {"best": 1, "steady": 1, "uneven": 1}
