"""A table of Arrow, polars or pandas comes back as what it was."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from latentry.data import Schema, write
from latentry.data.cells import frame_of
from latentry.data.mixed import fill_table, like_table
from latentry.data.typed import arrow_type

N = 60
START = datetime.datetime(2020, 1, 1)
random = np.random.default_rng(0)


def gaps(values: Any, every: int) -> list[Any]:
    return [None if i % every == 0 else v for i, v in enumerate(values)]


def whole(high: int) -> list[int]:
    return random.integers(0, high, N).tolist()


def moments(high: int) -> list[datetime.datetime]:
    return [START + datetime.timedelta(hours=k) for k in whole(high)]


def levels(names: list[str], kind: pa.DictionaryType, index: list[int | None]) -> pa.Array:
    values = pa.array(names, kind.value_type)
    indices = pa.array(index, kind.index_type)
    return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered)


def arrow_table() -> pa.Table:
    city, size = pa.dictionary(pa.int8(), pa.string()), pa.dictionary(
        pa.int32(), pa.large_string(), ordered=True
    )  # fmt: skip
    cents = [decimal.Decimal(k) / 100 for k in whole(9000)]
    return pa.table(
        {
            "tiny": pa.array(whole(100), pa.int8()),
            "gaps": pa.array(gaps(whole(1000), 9), pa.uint16()),
            "single": pa.array(random.normal(size=N).astype("f4")),
            "double": pa.array(gaps(random.normal(size=N).tolist(), 7)),
            "yes": pa.array(gaps([k > 4 for k in whole(9)], 5)),
            # The level "Ulm" is never seen, and the levels are in no order.
            "city": levels(["Kiel", "Bonn", "Aue", "Ulm"], city, gaps(whole(3), 6)),
            "size": levels(["lo", "mid", "hi"], size, [*whole(3)]),
            "text": pa.array(gaps(random.choice(["p", "q"], N).tolist(), 4)),
            "day": pa.array([moment.date() for moment in moments(9000)], pa.date32()),
            "time": pa.array(gaps(moments(9000), 8), pa.timestamp("us")),
            "zoned": pa.array(moments(9000), pa.timestamp("ns", tz="Europe/Berlin")),
            "price": pa.array(cents, pa.decimal128(10, 2)),
            "same": pa.array(["x"] * N, pa.large_string()),
        }
    )


def through(x: Any) -> Any:
    """The table packed and unpacked by a schema that was saved."""
    schema = Schema.of_table(x)
    schema = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))
    return schema.unpack(schema.pack(x))


def close(a: Any, b: Any) -> bool:
    return a == b or (isinstance(a, float) and isinstance(b, float) and abs(a - b) < 1e-6)


def test_an_arrow_table_comes_back_as_one() -> None:
    table = arrow_table()
    again = through(table)
    assert isinstance(again, pa.Table) and again.schema.equals(table.schema)
    for name in table.column_names:
        pairs = zip(table[name].to_pylist(), again[name].to_pylist(), strict=True)
        assert all(close(a, b) for a, b in pairs), name
    found = again["city"].combine_chunks().dictionary
    assert found.to_pylist() == ["Kiel", "Bonn", "Aue", "Ulm"]


def test_a_record_batch_is_a_table() -> None:
    again = through(arrow_table().to_batches()[0])
    assert isinstance(again, pa.Table) and again.schema.equals(arrow_table().schema)


def test_each_library_gets_its_own_table_back() -> None:
    arrow = arrow_table().select(["double", "yes", "city", "text", "time"])
    assert isinstance(through(arrow.to_pandas()), pd.DataFrame)
    polars = through(pl.from_arrow(arrow))
    assert isinstance(polars, pl.DataFrame) and polars.columns == arrow.column_names
    assert polars["text"].null_count() == arrow["text"].null_count


def test_holes_of_an_arrow_table_are_filled_and_nothing_else() -> None:
    table = arrow_table()
    schema = Schema.of_table(table)
    full = fill_table(table, schema.unpack(schema.pack(table).nan_to_num(0.0)))
    assert full.schema.equals(table.schema)
    for name in table.column_names:
        pairs = zip(table[name].to_pylist(), full[name].to_pylist(), strict=True)
        assert all(b is not None and (a is None or a == b) for a, b in pairs), name


def test_numbers_take_the_types_of_an_arrow_table() -> None:
    table = arrow_table().select(["tiny", "gaps", "single", "double", "yes"])
    frame = frame_of(table)
    assert frame is not None
    made = like_table(frame, np.tile([1.4, 300.6, 0.5, 0.5, 0.3], (N, 1)))
    assert made.schema.equals(table.schema)
    assert made.slice(0, 1).to_pylist()[0] == {
        "tiny": 1, "gaps": 301, "single": 0.5, "double": 0.5, "yes": False,
    }  # fmt: skip


def test_an_arrow_table_is_written_as_it_is(tmp_path) -> None:
    made = through(arrow_table())
    again: Any = pd.read_csv(write(tmp_path / "t.csv", made))
    assert list(again) == made.column_names and again["city"].isna().sum() == 10
    assert again["gaps"].dropna().iloc[0] == made["gaps"].to_pylist()[1]
    kept = parquet.read_table(write(tmp_path / "t.parquet", made))
    assert kept.to_pylist() == made.to_pylist()


@pytest.mark.parametrize(
    "kind",
    [
        pa.int64(), pa.float16(), pa.string_view(), pa.bool_(), pa.date64(), pa.timestamp("s"),
        pa.timestamp("ms", tz="UTC"), pa.decimal256(20, 3), pa.dictionary(pa.int16(), pa.string()),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_is_known_by_its_name(kind: pa.DataType) -> None:
    assert arrow_type(str(kind)) == kind
