from __future__ import annotations

import numpy as np
import pytest
import torch

from latentry.data import as_array
from latentry.data.arrays import blocks
from latentry.errors import LatentryError


def frames():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    columns = {"a": [1.5, 2.5, 3.5], "b": [4, 5, 6]}
    return [pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)]


def test_tables_give_numbers_and_names():
    for frame in frames():
        x, columns = as_array(frame)
        assert columns == ("a", "b")
        assert x.dtype == np.float64
        np.testing.assert_array_equal(x, [[1.5, 4], [2.5, 5], [3.5, 6]])


def test_missing_cells_of_tables_are_nan():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    columns = {"a": [1, None, 3], "b": [1.0, 2.0, None]}
    nullable = pd.DataFrame(columns).astype({"a": "Int64"})
    for frame in (pd.DataFrame(columns), nullable, pl.DataFrame(columns), pa.table(columns)):
        x, _ = as_array(frame)
        np.testing.assert_array_equal(x, [[1, 1], [np.nan, 2], [3, np.nan]])


def test_a_table_of_one_type_keeps_it():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    columns = {"a": np.array([1, 2], np.uint8), "b": np.array([3, 4], np.uint8)}
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns)):
        assert as_array(frame)[0].dtype == np.uint8
    mixed = pd.DataFrame({"a": np.array([1, 2], np.float32), "b": [True, False]})
    assert as_array(mixed)[0].dtype == np.float32


def test_lists_are_real_numbers_and_arrays_keep_their_type():
    assert as_array([[1, 2], [3, 4]])[0].dtype == np.float64
    assert as_array(np.array([[1, 2], [3, 4]]))[0].dtype == np.int64
    assert as_array(torch.zeros(2, 2, dtype=torch.uint8))[0].dtype == np.uint8
    assert as_array(torch.zeros(2, 2, dtype=torch.bfloat16))[0].dtype == np.float32


def test_no_copy_of_arrays_and_memory_maps(tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert as_array(x)[0] is x
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert isinstance(as_array(mapped)[0], np.memmap)
    t = torch.zeros(4, 3)
    assert np.shares_memory(as_array(t)[0], t.numpy())


def test_objects_that_are_numbers_are_read():
    x = np.array([[1, 2.5], [None, 4]], dtype=object)
    np.testing.assert_array_equal(as_array(x)[0], [[1, 2.5], [np.nan, 4]])


def bad_inputs():
    pd = pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    return [
        (
            pd.DataFrame({"age": [1, 2], "town": ["Ulm", "Bonn"]}),
            "Column 'town' holds text where numbers belong: 'Ulm' in row 0; turn it into numbers "
            "or leave the column out.",
        ),
        (
            [[1.0, 2.0], [3.0, "x"]],
            "Column 0 holds text where numbers belong: '1.0' in row 0; turn it into numbers or "
            "leave the column out.",
        ),
        (
            np.array([[1.0, 2.0], [3.0, "x"]], dtype=object),
            "Column 1 holds text where numbers belong: 'x' in row 1; turn it into numbers or "
            "leave the column out.",
        ),
        (
            pd.DataFrame({"day": pd.to_datetime(["2020-01-01"])}),
            "Column 'day' holds dates or times; turn them into numbers or leave it out.",
        ),
        (
            sparse.csr_matrix(np.eye(3)),
            "Sparse data was given, but rows must be dense; convert them with X.toarray().",
        ),
        (
            np.ones((2, 2), dtype=complex),
            "Complex data not supported; give the real and imaginary parts as columns.",
        ),
        (
            "mnist",
            "Expected rows of numbers, got a str; give an array, a table or nested lists "
            "(latentry.data.load opens names and files).",
        ),
    ]


def test_what_is_no_numbers_is_told():
    for x, message in bad_inputs():
        with pytest.raises(LatentryError) as caught:
            as_array(x)
        assert str(caught.value) == message


def test_ragged_lists_are_told():
    with pytest.raises(LatentryError, match="The rows have different lengths"):
        as_array([[1, 2], [3]])


def test_an_object_that_is_no_number_is_a_type_error_too():
    with pytest.raises(TypeError, match=r"argument must be .* string.* number") as caught:
        as_array(np.array([[{"a": 1}, 2], [3, 4]], dtype=object))
    assert isinstance(caught.value, LatentryError)


def test_blocks_cover_all_rows_within_their_size():
    x = np.arange(1000).reshape(100, 10)
    parts = list(blocks(x, 8 * 10 * 7))
    assert max(len(part) for _, part in parts) == 7
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), x)
    assert [start for start, _ in parts] == list(range(0, 100, 7))
