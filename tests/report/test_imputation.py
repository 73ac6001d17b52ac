"""The page about filled gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from latentry.report.imputation import distributions, shares, write

RNG = np.random.default_rng(0)
FULL = pd.DataFrame({"x<y>": RNG.normal(size=90), "kind": RNG.choice(["a", "b"], 90), "z": 1.0})
HOLEY = FULL.copy()
HOLEY.loc[:29, "x<y>"] = np.nan
HOLEY.loc[20:28, "kind"] = None
FOUND = [
    {"column": "x<y>", "cells": 6, "rmse": 0.8125, "coverage": 0.9},
    {"column": "kind", "cells": 8, "pfc": 0.25},
]


def test_the_page_has_figures_and_pictures(tmp_path: Path) -> None:
    write(tmp_path / "page.html", HOLEY, FULL, FOUND, True)
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "39 missing cells in 30 of 90 rows were filled." in text
    assert "0.812" in text and "25.0%" in text and "33.3%" in text
    assert "from learning too" in text
    assert text.count("<svg") == 2 and "x<y>" not in text and "<script" not in text
    write(tmp_path / "page.html", HOLEY, FULL, [], False)
    assert "RMSE" not in (tmp_path / "page.html").read_text("utf-8")


def test_the_pictures_show_what_was_filled() -> None:
    bars = shares(HOLEY.isna().mean().loc[["x<y>", "kind"]])
    assert [round(bar.get_width(), 3) for bar in bars.axes[0].patches] == [0.1, 0.333]
    picture = distributions(HOLEY, FULL, ["x<y>", "kind"])
    titles = [ax.get_title(loc="left") for ax in picture.axes]
    assert titles[:2] == ["x<y>  30 filled", "kind  9 filled"]
