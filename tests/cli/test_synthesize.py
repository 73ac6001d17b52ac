"""The verb that makes rows: from file to file, given cells, and from a run that was kept."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .conftest import Cli


@pytest.fixture
def people(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    old = rng.random(200) < 0.4
    frame = pd.DataFrame(
        {
            "age": np.where(old, rng.integers(50, 80, 200), rng.integers(18, 50, 200)),
            "income": np.where(rng.random(200) < np.where(old, 0.6, 0.1), ">50K", "<=50K"),
            "town": rng.choice(["Rome", "Oslo"], 200),
        }
    )
    frame.loc[::11, "town"] = None
    frame.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


QUICK = ("--epochs", 2, "--quiet")


def test_rows_are_made_given_cells_and_kept_for_more(cli: Cli, people: Path, tmp_path: Path):
    where = ("--where", "income=>50K", "--where", "town=")
    said = cli("synthesize", people, "-n", 30, "-o", "a.parquet", *where, *QUICK, "--keep", "run")
    assert (said.code, said.err) == (0, "")
    assert said.out == "a.parquet: 30 rows of 3 columns.\n"
    made = pd.read_parquet(tmp_path / "a.parquet")
    assert list(made.columns) == ["age", "income", "town"]
    assert (made.income == ">50K").all()
    assert made.town.isna().all()
    assert made.age.dtype == "int64"
    again = cli(
        "synthesize", "--use", "run", "-n", 8, "-o", "b.csv", "--balance", "income", "--json"
    )
    assert again.json["rows"] == 8
    assert pd.read_csv(tmp_path / "b.csv").income.value_counts().to_dict() == {
        ">50K": 4,
        "<=50K": 4,
    }


def test_a_report_is_written_beside(cli: Cli, people: Path, tmp_path: Path):
    said = cli(
        "synthesize", people, "-o", "a.csv", "--report", "r.html", "--target", "income", *QUICK
    )
    assert said.code == 0, said.err
    assert "r.html: quality " in said.out
    assert len(pd.read_csv(tmp_path / "a.csv")) == 200
    text = (tmp_path / "r.html").read_text("utf-8")
    assert "beside the 160 real ones" in text
    assert "that predict income: AUROC" in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["--where", "incom=>50K"],
            "the column 'incom', which the table does not have. Did you mean",
        ),
        (["--where", "income=50K"], "'50K', which is no level of it; there are <=50K, >50K."),
        (["--where", "age=old"], "'old' is no number, which age takes."),
        (["--where", "age"], "says nothing; write --where 'COLUMN=VALUE'."),
        (["-n", 0], "n=0 rows were asked for"),
    ],
)
def test_what_cannot_be_made_is_told(cli: Cli, people: Path, tmp_path: Path, given, said):
    found = cli("synthesize", people, "-o", "a.csv", *given, *QUICK)
    assert found.code == 2
    assert said in found.err.replace("\n", " ")
    assert "Learning from" not in found.err
    assert not (tmp_path / "a.csv").exists()


def test_mistakes_are_told_before_anything_is_learned(cli: Cli, people: Path, tmp_path: Path):
    (tmp_path / "there").mkdir()
    for given, said in [
        (["-o", "a.npy"], "a table is written as .csv or .parquet."),
        (["-o", "a.csv", "--report", "r.txt"], "a report is a page; name it .html."),
        (["-o", "a.csv", "--keep", "there"], "there exists; name a new folder with --keep"),
    ]:
        found = cli("synthesize", people, *given)
        assert (found.code, said in found.err.replace("\n", " ")) == (2, True), found.err
    found = cli("synthesize", "digits", "-o", "a.csv")
    assert "is no table with named columns" in found.err.replace("\n", " ")


@pytest.fixture
def stays(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 300, 150), unit="D")
    frame = pd.DataFrame(
        {
            "guest no": rng.permutation(150) + 1000,
            "Ankunft": day.strftime("%d.%m.%Y"),
            "age": rng.integers(18, 90, 150),
            "city": rng.choice(["Rome", "Oslo"], 150),
        }
    )
    later = day + pd.to_timedelta(rng.integers(0, 9, 150), unit="D")
    frame["leaves"] = later.strftime("%d.%m.%Y")
    frame["land"] = frame["city"].map({"Rome": "IT", "Oslo": "NO"})
    frame.to_csv(tmp_path / "stays.csv", index=False)
    return tmp_path / "stays.csv"


RULES = (
    "--constraint", "18 <= age <= 95", "--constraint", "Ankunft <= leaves",
    "--constraint", "unique guest no", "--constraint", "fixed city, land",
)  # fmt: skip


def holds(name: str) -> pd.DataFrame:
    made = pd.read_csv(name)
    days = [pd.to_datetime(made[each], format="%d.%m.%Y") for each in ("Ankunft", "leaves")]
    assert (days[0] <= days[1]).all() and made.age.between(18, 95).all()
    assert made["guest no"].is_unique
    assert set(zip(made.city, made.land, strict=True)) <= {("Rome", "IT"), ("Oslo", "NO")}
    return made


def test_constraints_hold_in_every_row_also_of_what_was_kept(cli: Cli, stays: Path):
    said = cli("synthesize", stays, "-n", 400, "-o", "a.csv", "--keep", "maker", *RULES, *QUICK)
    assert (said.code, said.err) == (0, "")
    assert len(holds("a.csv")) == 400
    said = cli("synthesize", "--use", "maker", "-o", "b.csv", "--where", "leaves=05.04.2021",
               "--where", "land=NO")  # fmt: skip
    assert said.code == 0, said.err
    made = holds("b.csv")
    assert len(made) == 1000 and (made.leaves == "05.04.2021").all() and (made.city == "Oslo").all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--constraint", "agee >= 18"], "Did you mean 'age'"),
        (["--constraint", "age > 17"], "write <= or >="),
        (["--constraint", "age >= 40"], "The table holds age = "),
        ([*RULES, "--where", "age=17"], "'age' = 17, which lies outside of 18 to 95"),
        ([*RULES, "--where", "city=Rome", "--where", "land=NO"], "against Combinations(city, land"),
        ([*RULES, "--where", "city=Romm"], "Did you mean 'Rome'"),
        ([*RULES, "--where", "Ankunft=05.04.2021", "--where", "leaves=01.04.2021"],
         "against Ankunft <= leaves"),
        ([*RULES, "--where", "leaves=soon"], "'soon', which is no date"),
        (["--where", "city=Rome", "--where", "city=Oslo"], "--where fixes 'city' more than once"),
        (["--keep", "stays.csv/kept"], "a part of its path is a file"),
        (["--target", "age"], "--target is for a report"),
        (["--report", "r.html", "--target", "ago"], "Did you mean 'age'"),
        (["--use", "maker"], "--use maker learns nothing, so there is no DATA"),
        (["--use", "maker", "--constraint", "age >= 18"], "--constraint goes with learning"),
    ],
)  # fmt: skip
def test_contradictions_are_told_before_anything_is_learned(cli: Cli, stays: Path, given, said):
    found = cli("synthesize", stays, "-o", "a.csv", *given)
    assert found.code == 2
    assert said in found.err.replace("\n", " "), found.err
    assert "Learning from" not in found.err
    assert not Path("a.csv").exists()


def test_without_a_table_there_is_nothing_to_learn(cli: Cli):
    found = cli("synthesize", "-o", "a.csv")
    assert (found.code, "name DATA, or what was kept with --use" in found.err) == (2, True)


def test_columns_of_one_name_are_told(cli: Cli, tmp_path: Path):
    (tmp_path / "two.csv").write_text("a,b,a\n1,x,2\n3,y,4\n")
    found = cli("synthesize", "two.csv", "-o", "a.csv")
    assert (found.code, "two.csv has two columns named 'a'" in found.err) == (2, True), found.err


def test_a_level_of_numbers_that_is_none_is_told(cli: Cli, tmp_path: Path):
    pd.DataFrame({"kids": [0, 1, 2, 3] * 20, "x": range(0, 160, 2)}).to_csv("k.csv", index=False)
    found = cli("synthesize", "k.csv", "-o", "a.csv", "--where", "kids=9")
    assert (found.code, "'kids' = 9, which is no level of it; there are 0, 1" in found.err) == (
        2, True,
    ), found.err  # fmt: skip
