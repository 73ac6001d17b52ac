"""The page about synthetic rows."""

import numpy as np
import pandas as pd

from latentry.evaluation.tables import compare_tables
from latentry.report.synthesis import columns, pairs, write


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"x<y>": rng.normal(size=200), "k": rng.choice(["a", "b", None], 200)})
    made["t"] = pd.Timestamp("2021-05-01") + pd.to_timedelta(rng.integers(0, 9, 200), unit="D")
    return made


def test_the_page_has_every_figure_and_both_pictures(tmp_path):
    real, made = table(0), table(1)
    found = compare_tables(real, made, table(2), target="k")
    write(tmp_path / "page.html", real, made, found, "k")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert f"{found['quality']:.3f}" in text
    assert "that predict k: AUROC" in text
    assert "x<y>" not in text
    assert "x&lt;y&gt;" in text
    assert text.count("<svg") == 2
    assert "http-equiv" not in text
    assert "<script" not in text


def test_the_least_alike_column_comes_first():
    real, made = table(0), table(1)
    made["k"] = "a"
    found = compare_tables(real, made)
    picture = columns(real, made, found)
    assert picture.axes[0].get_title(loc="left").startswith("k ")
    assert "least alike" in picture.caption
    assert len(pairs(found, list(found["columns"])).axes) == 2
