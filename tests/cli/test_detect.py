from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentry.jobs import AnomalyDetector, defaults

RNG = np.random.default_rng(0)
NORMAL = pd.DataFrame(RNG.normal(size=(150, 3)), columns=["height", "weight", "age"]).round(3)
ODD = pd.DataFrame({"height": [0.0, 0.0], "weight": [25.0, 0.0], "age": [0.0, 0.0]})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "STEPS", 40)


@pytest.fixture
def tables(tmp_path: Path) -> None:
    NORMAL.to_csv(tmp_path / "train.csv", index=False)
    ODD[["age", "weight", "height"]].assign(note=1).to_csv(tmp_path / "test.csv", index=False)


def test_scores_and_reasons_of_new_rows(cli, tables) -> None:
    said = cli("detect", "train.csv", "test.csv", "-o", "scores.csv")
    assert said.code == 0, said.err
    assert "1 of 2 rows score above" in said.out
    found = pd.read_csv("scores.csv")
    assert list(found) == [
        "row", "score", "p_value", "is_anomaly", "column_1", "column_2", "column_3",
    ]  # fmt: skip
    assert found["is_anomaly"].tolist() == [True, False]
    assert found["column_1"][0] == "weight"
    assert found["p_value"][0] == pytest.approx(1 / 16)  # 15 of 150 rows were held out
    made = AnomalyDetector(random_state=0).fit(NORMAL)
    np.testing.assert_allclose(found["score"], -made.score_samples(ODD), rtol=1e-4)


def test_rows_that_were_learned_from(cli, tables) -> None:
    said = cli(
        "detect", "train.csv", "--json", "--model", "ae", "--score", "reconstruction",
        "--contamination", "0.2",
    )  # fmt: skip
    assert said.json["rows"] == 150 and said.json["anomalies"] == 30 and said.json["out"] is None
    scores = [row["score"] for row in said.json["strangest"]]
    assert scores == sorted(scores, reverse=True) and scores[-1] > said.json["threshold"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--contamination", "lots"], "contamination='lots': it is a share above 0"),
        (["--score", "elbow"], "Did you mean 'elbo'"),
        (["--model", "va"], "no model is called 'va'"),
        (["--threshold", "quantil"], "Did you mean 'quantile'"),
        (["-o", "scores.png"], "a table is written as .csv or .parquet"),
        (["-o", "train.csv"], "it exists already"),
    ],
)
def test_mistakes(cli, tables, given: list[str], words: str) -> None:
    said = cli("detect", "train.csv", *given)
    assert said.code == 2 and words in said.err


def test_a_missing_column(cli, tables) -> None:
    NORMAL.rename(columns={"weight": "wieght"}).to_csv("other.csv", index=False)
    said = cli("detect", "train.csv", "other.csv")
    assert said.code == 2
    assert "no column 'weight'" in said.err and "Did you mean 'wieght'" in said.err


def test_a_table_of_mixed_columns(cli, tables) -> None:
    town = RNG.choice(["Ulm", "Bonn"], len(NORMAL))
    NORMAL.assign(town=town, kind="good").to_csv("train.csv", index=False)
    odd = ODD.clip(upper=6).assign(town=["Bonn", None], comment=["first", "second"])
    odd.to_csv("test.csv", index=False)
    said = cli("detect", "train.csv", "test.csv", "-o", "scores.csv", "--label", "kind")
    assert said.code == 0, said.err
    found = pd.read_csv("scores.csv")
    assert found["is_anomaly"].tolist() == [True, False]
    assert "weight" in found.loc[0, ["column_1", "column_2"]].tolist()


def test_a_detector_is_kept_and_used_on_other_rows(cli, tables) -> None:
    said = cli("detect", "train.csv", "test.csv", "-o", "a.csv", "--keep", "guard")
    assert said.code == 0, said.err
    pd.read_csv("test.csv").iloc[:, ::-1].to_csv("turned.csv", index=False)
    said = cli("detect", "turned.csv", "--use", "guard", "-o", "b.csv")
    assert said.code == 0 and "Learning" not in said.err, said.err
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    for given, words in [
        (["test.csv", "--use", "guard", "--score", "elbo"], "--score goes with learning"),
        (["test.csv", "--use", "guard", "--keep", "other"], "--keep goes with learning"),
        (["train.csv", "test.csv", "--use", "guard"], "leave train.csv or test.csv out"),
        (["guard", "test.csv"], "no table but what --keep kept; name it by --use guard"),
        (["train.csv", "--keep", "guard"], "guard exists; name a new folder with --keep"),
        (["test.csv", "--use", "gard"], "there is no job at gard"),
        (["train.csv", "--report", "page.txt"], "a report is a page; name it .html"),
    ]:
        found = cli("detect", *given)
        assert (found.code, words in found.err) == (2, True), found.err
    assert not Path("other").exists()


def test_scores_are_judged_by_labels(cli, tables) -> None:
    both = pd.concat([NORMAL[:40], ODD[:1]]).assign(kind=["fine"] * 40 + ["odd"])
    both.to_csv("both.csv", index=False)
    args = ("detect", "train.csv", "both.csv", "--label", "kind", "--json")
    assert "auroc" not in cli(*args).json
    said = cli(*args, "--anomalies", "odd", "--report", "page.html")
    assert said.json["auroc"] == said.json["auprc"] == 1.0
    assert "ROC, AUROC 1.000" in Path("page.html").read_text("utf-8")
    both.assign(kind=both["kind"] == "odd").to_csv("both.csv", index=False)
    assert cli(*args).json["auroc"] == 1.0
    for given, words in [
        (["--label", "kind", "--anomalies", "od"], "--anomalies od is no label of both.csv"),
        (["--anomalies", "odd"], "name their column with --label COLUMN"),
        (["--label", "kint"], "has no column 'kint'"),
    ]:
        found = cli("detect", "train.csv", "both.csv", *given)
        assert (found.code, words in found.err) == (2, True), found.err


@pytest.mark.filterwarnings("default")
def test_a_column_without_a_value_can_be_scored(cli, tables) -> None:
    NORMAL.assign(town=RNG.choice(["Ulm", "Bonn"], len(NORMAL))).to_csv("train.csv", index=False)
    odd = pd.read_csv("train.csv").head(3).assign(age=None, town=["Ulm", "Köln", None])
    odd.to_csv("test.csv", index=False)
    said = cli("detect", "train.csv", "test.csv")
    assert said.code == 0 and "1 in 'town'" in said.err, said.err


def test_rows_of_later_days_are_told_why_they_are_strange(cli, tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=200).strftime("%Y-%m-%d")
    table = pd.DataFrame({"day": days, "height": RNG.normal(size=200).round(3)})
    table[:150].to_csv(tmp_path / "train.csv", index=False)
    table[150:].to_csv(tmp_path / "test.csv", index=False)
    said = cli("detect", "train.csv", "test.csv")
    assert "outside of what was learned, 2024-01-01 to 2024-05-29" in said.err
    assert "--drop 'day'" in said.err
    assert "outside" not in cli("detect", "train.csv", "test.csv", "--drop", "day").err
