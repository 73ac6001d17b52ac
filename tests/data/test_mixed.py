import datetime
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal as assert_polars_equal

from latentry.data import Schema, infer_columns
from latentry.data.columns import Column
from latentry.data.mixed import encode, need_frame
from latentry.data.typed import decode
from latentry.errors import LatentryError

N = 200


def mixed() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    day = datetime.date(2020, 1, 1)
    frame = pd.DataFrame(
        {
            "small": rng.integers(0, 100, N).astype("int8"),
            "gaps": pd.array(rng.integers(0, 50, N), dtype="Int64").copy(),
            "real": rng.normal(size=N).astype("f4"),
            "price": np.round(rng.lognormal(3, 1.5, N), 2),
            "share": rng.random(N),
            "cat": pd.Categorical(rng.choice(list("abc"), N), categories=list("abcd")),
            "size": pd.Categorical(rng.choice(["lo", "mid", "hi"], N), ["lo", "mid", "hi"], True),
            "yes": rng.random(N) < 0.3,
            "maybe": pd.array(rng.random(N) < 0.3, dtype="boolean"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), "D"),
            "zoned": pd.Timestamp("2020-01-01", tz="Europe/Berlin")
            + pd.to_timedelta(rng.integers(0, 9000, N), "h"),
            "written": [f"{1 + i % 28:02d}.03.2021" for i in range(N)],
            "object": pd.Series(rng.choice(["p", "q", "r"], N), dtype=object),
            "python": pd.Series([day + datetime.timedelta(i % 50) for i in range(N)], dtype=object),
            "grade": rng.integers(1, 6, N),
            "name": [f"user{i:04d}" for i in range(N)],
            "row": np.arange(N),
            "same": ["x"] * N,
        }
    )
    frame.loc[3, "gaps"] = pd.NA
    frame.loc[5, "maybe"] = pd.NA
    frame.loc[[7, 8], "cat"] = np.nan
    frame.loc[7, "day"] = pd.NaT
    return frame


KINDS = {
    "small": "count",
    "gaps": "count",
    "real": "real",
    "price": "positive",
    "share": "bounded",
    "cat": "categorical",
    "size": "ordinal",
    "yes": "binary",
    "maybe": "binary",
    "day": "datetime",
    "zoned": "datetime",
    "written": "datetime",
    "object": "categorical",
    "python": "datetime",
    "grade": "ordinal",
    "name": "identifier",
    "row": "identifier",
    "same": "constant",
}


def test_kinds_are_inferred_and_told() -> None:
    columns = infer_columns(mixed())
    assert {c.name: c.kind for c in columns} == KINDS
    told = infer_columns(mixed(), {"grade": "count", "real": {"kind": "bounded", "low": -9.0}})
    kinds = {c.name: c for c in told}
    assert kinds["grade"].kind == "count"
    assert (kinds["real"].kind, kinds["real"].low) == ("bounded", -9.0)


def test_one_line_for_each_column() -> None:
    said = {c.name: c.describe() for c in infer_columns(mixed())}
    assert said["cat"].startswith("categorical, 4 levels (") and said["cat"].endswith(
        "1.0% missing"
    )
    low, high = mixed()["small"].min(), mixed()["small"].max()
    assert said["small"] == f"count, {low} to {high}"
    assert said["same"] == "constant, 'x'"
    assert said["name"] == "identifier, not learned"


def test_a_pandas_table_comes_back_as_it_was() -> None:
    frame = mixed()
    schema = Schema.of_table(frame)
    again = schema.unpack(schema.pack(frame))
    learned = [name for name, kind in KINDS.items() if kind != "identifier"]
    pd.testing.assert_frame_equal(again[learned], frame[learned])
    assert list(again) == list(frame)
    assert again["row"].tolist() == list(range(N, 2 * N))
    assert again["name"].is_unique and not set(again["name"]) & set(frame["name"])


def test_a_polars_table_comes_back_as_it_was() -> None:
    utc = pl.Datetime("ms", "UTC")
    day = datetime.datetime(2020, 1, 1)
    frame = pl.DataFrame(
        {
            "a": [1, None, 3] * 20,
            "s": ["x", "y", None] * 20,
            "e": pl.Series(["x", "y", None] * 20, dtype=pl.Enum(["y", "x", "z"])),
            "c": pl.Series(["x", "y", None] * 20, dtype=pl.Categorical),
            "d": [day.date() + datetime.timedelta(i % 20) for i in range(60)],
            "t": pl.Series([*(day + datetime.timedelta(0, 60 * i) for i in range(59)), None])
            .dt.cast_time_unit("ms")
            .dt.replace_time_zone("UTC"),
            "b": [True, False, None] * 20,
            "f": pl.Series([i / 7 for i in range(60)], dtype=pl.Float32),
        }
    )
    assert frame.schema["t"] == utc
    schema = Schema.of_table(frame)
    again = schema.unpack(schema.pack(frame))
    assert_polars_equal(again, frame)


COLUMNS = {
    "int16": st.integers(-(2**15), 2**15 - 1),
    "Int32": st.none() | st.integers(-(2**20), 2**20),
    "float32": st.none() | st.floats(-1e6, 1e6, width=32),
    "category": st.none() | st.sampled_from(["a", "b", "c"]),
    "boolean": st.none() | st.booleans(),
    "datetime64[us]": st.none()
    | st.dates(datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)).map(pd.Timestamp),
    "str": st.none() | st.sampled_from(["", "é", "a, b", "1"]),
}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_types_and_values_come_back_whatever_they_are(data) -> None:
    n = data.draw(st.integers(2, 40))
    frame = {}
    for name, cells in COLUMNS.items():
        values = data.draw(st.lists(cells, min_size=n, max_size=n))
        if all(v is None for v in values) or (name == "float32" and not any(values)):
            continue
        frame[name] = pd.Series(values, dtype=name)
    table = pd.DataFrame(frame)
    columns = infer_columns(table.assign(always=np.arange(n) % 2))
    again = decode(columns, encode(columns, need_frame(table.assign(always=0))))
    for column in columns:
        if column.kind == "identifier" or column.name == "always":
            continue
        if column.name == "float32":  # relative to the column's origin
            np.testing.assert_allclose(again["float32"], table["float32"], rtol=1e-5, atol=1e-5)
        else:
            pd.testing.assert_series_equal(again[column.name], table[column.name])


def test_columns_survive_json() -> None:
    schema = Schema.of_table(mixed())
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema
    assert all(Column.from_dict(json.loads(json.dumps(c.to_dict()))) == c for c in schema.table)


def test_columns_in_another_order_are_put_in_order() -> None:
    frame = mixed()
    schema = Schema.of_table(frame)
    turned = schema.pack(frame[list(frame)[::-1]])
    np.testing.assert_array_equal(turned, schema.pack(frame))


def test_unseen_levels_count_as_missing_with_one_warning() -> None:
    frame = mixed()[["object", "cat", "real"]]
    schema = Schema.of_table(frame)
    new = pd.DataFrame({"object": ["p", "?", "!"], "cat": ["a", "z", None], "real": [0.0, 1, 2]})
    with pytest.warns(UserWarning, match="2 in 'object', 1 in 'cat'"):
        rows = schema.pack(new)
    assert rows.isnan().tolist() == [[False] * 3, [True, True, False], [True, True, False]]


def test_rows_that_were_packed_are_taken_as_they_are() -> None:
    schema = Schema.of_table(mixed())
    rows = schema.pack(mixed())
    np.testing.assert_array_equal(schema.pack(rows.numpy()), rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="grade"), "lacks the column 'grade'"),
        (lambda f: f.assign(other=1), "has the column 'other' that the model was not trained on"),
        (lambda f: f.assign(real=np.inf), r"an infinite value \(inf\) in row 0, column 'real'"),
        (lambda f: f.assign(grade="high"), "'grade' holds text"),
        (lambda f: f.assign(written="2021-31-31"), "'2021-31-31', which is no date"),
        (lambda f: pd.concat([f, f[["real"]]], axis=1), "Two columns are named 'real'"),
    ],
)
def test_what_is_wrong_with_new_rows(change, message: str) -> None:
    with pytest.raises(LatentryError, match=message):
        Schema.of_table(mixed()).pack(change(mixed()))


@pytest.mark.parametrize(
    ("frame", "told", "message"),
    [
        ({"a": [None, None], "b": ["x", "y"]}, None, "'a' holds no value at all"),
        ({"a": [1, "x", 2]}, None, "'a' mixes types: 1 is a number and 'x' a text"),
        ({"a": [1.0, 2.0], "b": ["x", "y"]}, {"bb": "real"}, "'bb'.*Did you mean 'b'"),
        ({"a": [1.0, 2.0]}, {"a": "ordinl"}, "Did you mean 'ordinal'"),
        ({"a": [1.0, 2.0]}, {"a": {"kinds": "real"}}, "Did you mean 'kind'"),
        ({"a": ["x", "y"]}, {"a": "count"}, "'a' cannot be 'count': it holds text"),
        ({"a": [0.5, 2.0, 3.0]}, {"a": "count"}, "needs whole numbers"),
        ({"a": [-1.0, 2.0, 3.5]}, {"a": "positive"}, "holds -1, outside of what 'positive' allows"),
        ({"a": ["x", "y"]}, {"a": {"kind": "ordinal", "levels": ["x"]}}, "not among the levels"),
        ({"a": ["x", "x"]}, None, "No column of the table can be learned: a: constant, 'x'"),
        ({"a": ["x"]}, None, "give at least 2"),
        ({"a": [datetime.date(2020, 1, 1), "x"]}, None, "mixes types"),
        ({"a": [{}, {}]}, None, "holds a dict"),
        ({"a": ["2020-01-01", "2020-01-02", "2020-02-31"]}, None, "'2020-02-31', which is no date"),
        ({"a": pd.to_timedelta([1, 2], "s")}, None, "holds durations"),
    ],
)
def test_what_is_wrong_with_a_table(frame, told, message: str) -> None:
    with pytest.raises(LatentryError, match=message):
        infer_columns(pd.DataFrame(frame), told)


def test_a_schema_from_a_file(tmp_path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"grade": "count"}')
    assert {c.name: c.kind for c in infer_columns(mixed(), path)}["grade"] == "count"
    path.write_text("[1]")
    with pytest.raises(LatentryError, match="holds a list"):
        infer_columns(mixed(), path)
    path.write_text("{")
    with pytest.raises(LatentryError, match="is no JSON"):
        infer_columns(mixed(), path)
    with pytest.raises(LatentryError, match="cannot be read"):
        infer_columns(mixed(), tmp_path / "absent.json")
