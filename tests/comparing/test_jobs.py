from __future__ import annotations

import pytest

from latentry import LatentryError
from latentry.comparing.jobs import JOBS, figures_of, measure_of, parse_jobs


def test_every_figure_of_every_job_has_a_unit() -> None:
    for name in figures_of(JOBS):
        assert measure_of(name).unit
    for job in JOBS.values():
        assert all(measure_of(name).better in ("higher", "lower") for name in job.leading)


def test_jobs_come_in_the_order_of_the_table() -> None:
    assert parse_jobs("generate, reconstruct") == ("reconstruct", "generate")
    assert parse_jobs(None) == parse_jobs("all") == tuple(JOBS)


@pytest.mark.parametrize(
    ("given", "words"), [("genrate", "Did you mean 'generate'?"), ("", "no job was named")]
)
def test_mistakes(given: str, words: str) -> None:
    with pytest.raises(LatentryError) as caught:
        parse_jobs(given)
    assert words in str(caught.value)
