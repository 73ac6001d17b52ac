"""What the models cite."""

from __future__ import annotations

import pytest

from latentry import BetaVAE, SigmaVAE
from latentry.zoo import models
from latentry.zoo.papers import Paper, papers


@pytest.mark.parametrize("name", sorted(models()))
def test_every_model_cites_papers_of_known_title(name: str) -> None:
    found = papers(models()[name])
    assert found
    assert all(paper.title for paper in found), [p.url for p in found if not p.title]


def test_an_entry() -> None:
    (paper,) = papers(SigmaVAE)
    assert paper.bibtex() == (
        "@misc{rybkin2021simple,\n"
        "  title = {{Simple and Effective VAE Training with Calibrated Decoders}},\n"
        "  author = {Rybkin and Daniilidis and Levine},\n"
        "  year = {2021},\n"
        "  url = {https://arxiv.org/abs/2006.13202},\n"
        "  eprint = {2006.13202},\n"
        "  archivePrefix = {arXiv},\n"
        "}"
    )
    (paper,) = papers(BetaVAE)
    assert "author = {Higgins and others}" in paper.bibtex()
    assert "eprint" not in paper.bibtex()


def test_a_paper_without_a_known_title() -> None:
    assert Paper("A & B", "2020", "https://example.org/x").bibtex().startswith("@misc{a2020,")
