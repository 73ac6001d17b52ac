"""The figures and the page of a model of a table of mixed columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentry import AE, VAE, ConditionalVAE, LatentryError, compare
from latentry.report import figures, report
from latentry.report.cells import MOST, frame, written
from latentry.report.compare import compare_page

from .conftest import QUICK


def table(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = pd.to_timedelta(rng.integers(0, 900, n), "D")
    made = pd.DataFrame(
        {
            "town": rng.choice(["Ulm", "Bonn", "Kiel & Co"], n),
            "income": np.exp(rng.normal(8, 1, n)).round(2),
            "kids": rng.integers(0, 4, n),
            "since": pd.Series(pd.Timestamp("2020-01-01") + days).dt.strftime("%d.%m.%Y"),
            "name": [f"n{i:03d}" for i in range(n)],
        }
    )  # fmt: skip
    made.loc[[1, 2], ["town", "income"]] = None
    return made


@pytest.fixture(scope="module")
def rows() -> VAE:
    return VAE(latent=3, **QUICK).fit(table())


def test_a_frame_has_numbers_dates_and_levels_whatever_they_were(rows: VAE) -> None:
    schema = rows.schema_
    made = frame(schema, schema.pack(table()).numpy())
    assert list(made) == ["town", "income", "kids", "since"]
    assert made["since"].dt.strftime("%d.%m.%Y").tolist() == table()["since"].tolist()
    np.testing.assert_allclose(made["income"], table()["income"], rtol=1e-6)
    assert made["town"].isna().sum() == 2 and made["kids"].iloc[0] in {"0", "1", "2", "3"}


def test_columns_are_drawn_beside_new_rows(rows: VAE) -> None:
    picture = figures.samples(rows, x=table())
    titles = [ax.get_title(loc="left") for ax in picture.axes if ax.axison]
    assert {title.split()[0] for title in titles} == {"town", "income", "kids", "since"}
    assert "90 rows each" in picture.caption
    days = [t.get_text() for ax in picture.axes for t in ax.get_xticklabels()]
    assert any(day.startswith("2020-0") for day in days)


def test_what_a_reconstruction_keeps_of_each_column(rows: VAE) -> None:
    picture = figures.reconstructions(rows, table())
    (ax,) = picture.axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["town", "income", "kids", "since"]
    made: Any = rows.reconstruct(table())
    right = made["town"].to_numpy() == table()["town"].to_numpy()
    seen = table()["town"].notna().to_numpy()
    assert ax.texts[0].get_text() == f"{right[seen].mean():.2f}"
    # A mark for the most frequent level, for the one column of levels without an order.
    assert len(ax.lines) == 1


def test_rows_are_written_out(rows: VAE) -> None:
    rebuilt, new, between = written(rows, table(), None, None)
    assert len(rebuilt.heads) == len(new.heads) == 4 and between.heads[-1] == "100%"
    assert [name for name, _ in rebuilt.lines] == ["town", "income", "kids", "since"]
    assert all(a == b for _, cells in new.lines for a, b in cells)
    assert any(a != b for _, cells in rebuilt.lines for a, b in cells)
    wide = pd.DataFrame({f"c{i}": np.arange(30) % (2 + i % 3) == 0 for i in range(MOST + 2)})
    est = AE(latent=2, **QUICK).fit(wide.assign(text=["a", "b", "c"] * 10))
    found = written(est, wide.assign(text="a"), None, None)[0]
    assert len(found.lines) == MOST and f"The first {MOST} of {MOST + 3}" in found.caption


def test_the_page_shows_the_rows(rows: VAE, tmp_path) -> None:
    frame = table()
    evaluation = rows.evaluate(frame, draws=2)
    page = report(rows, frame, frame["kids"].to_numpy(), evaluation, tmp_path).read_text()
    for heading in ("Rows and their reconstructions", "New rows", "Between two rows"):
        assert f"<h2>{heading}</h2>" in page
    assert 'id="samples"' in page and 'id="reconstructions"' in page
    assert "one column of a table is not like another" in page
    assert "Kiel &amp; Co" in page and "Kiel & Co" not in page


def test_labels_may_be_missing(rows: VAE, tmp_path) -> None:
    frame = table()
    page = report(rows, frame, frame["town"].to_numpy(), None, tmp_path).read_text()
    assert "Latent map" in page


def test_a_conditional_model_has_a_page_too(tmp_path) -> None:
    frame = table()
    kids = frame.pop("kids").to_numpy()
    est = ConditionalVAE(latent=2, **QUICK).fit(frame, condition=kids)
    assert "Between two rows" in report(est, frame, kids, None, tmp_path).read_text()


def test_models_are_compared_on_a_table(tmp_path) -> None:
    frame = table()
    how = {"seeds": 1, "epochs": 1, "latent": 2, "hidden": 8, "folder": tmp_path / "c"}
    found = compare(["ae", "vae"], frame, y=frame["kids"].to_numpy(), **how)
    jobs = {each["job"] for each in found.attrs["recommendation"]}
    assert jobs >= {"reconstruct", "compress", "generate", "interpolate", "fill", "features"}
    assert "denoise" not in jobs
    assert any("noise is added to values of one kind" in note for note in found.attrs["notes"])
    page = compare_page(found, frame, tmp_path / "c", y=frame["kids"].to_numpy()).read_text()
    assert "What a reconstruction keeps" not in page and "Samples beside data" in page


def test_figures_of_numbers_in_one_unit_say_why_they_are_not_drawn(rows: VAE) -> None:
    for draw in (figures.correlations, figures.interpolation, figures.density):
        with pytest.raises(LatentryError, match="a table of mixed columns is not"):
            draw(rows, table())
    with pytest.raises(LatentryError, match="a table of mixed columns is not"):
        figures.manifold(rows)
