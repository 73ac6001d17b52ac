from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentry.data import Condition
from latentry.errors import LatentryError


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([3, 1, 2, 1], (1, 2, 3)),
        (np.array([3, 1, 2], np.uint8), (1, 2, 3)),
        (np.array([0.0, 1.0, np.nan]), (0, 1)),
        (["cat", "dog", None, "cat"], ("cat", "dog")),
        (np.array(["b", "a"]), ("a", "b")),
        ([True, False], (False, True)),
        (torch.tensor([2, 1]), (1, 2)),
        ([1, "a"], ("1", "a")),
    ],
)
def test_classes_are_found_and_sorted(values, classes):
    condition = Condition.infer(values)
    assert condition.kind == "classes"
    assert condition.classes == classes
    assert [type(c) for c in condition.classes] == [type(c) for c in classes]
    assert Condition.from_dict(json.loads(json.dumps(condition.to_dict()))) == condition


def test_columns_of_tables():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    for column in (pd.Series(["x", None, "y"]), pl.Series(["x", None, "y"])):
        condition = Condition.infer(column)
        assert condition.classes == ("x", "y")
        assert condition.pack(column).tolist() == [[1, 0], [0, 0], [0, 1]]
    real = Condition.infer(pd.DataFrame({"a": [0.5, 1.5], "b": [3, 9]}))
    assert (real.kind, real.width) == ("real", 2)


@given(st.lists(st.sampled_from("abcde"), min_size=2).filter(lambda v: len(set(v)) > 1))
def test_one_hot_rows_name_their_class(values):
    condition = Condition.infer(values)
    packed = condition.pack(values)
    assert packed.dtype == torch.float32
    assert [condition.classes[i] for i in packed.argmax(1)] == values
    assert (packed.sum(1) == 1).all()


def test_what_is_unknown_is_zeros():
    assert Condition.infer([1, 2]).pack([None, np.nan, 2]).tolist() == [[0, 0], [0, 0], [0, 1]]
    real = Condition.infer([[0.0, 1.0], [2.0, 5.0]])
    assert real.pack([[np.nan, 5.0]]).tolist() == [[0, 1]]


def test_one_value_is_repeated():
    condition = Condition.infer([3, 4, 5])
    assert condition.pack(4, 3).tolist() == [[0, 1, 0]] * 3
    assert condition.pack("4", 1).tolist() == [[0, 1, 0]]
    assert Condition.infer([True, False]).pack(1).tolist() == [[0, 1]]
    real = Condition.infer([[0.0, 1.0], [2.0, 5.0]])
    assert real.pack([2.0, 5.0], 2).tolist() == [[1, 1], [1, 1]]


def test_real_columns_are_standardised():
    values = np.random.default_rng(0).normal(7, 3, size=50)
    condition = Condition.infer(values)
    packed = condition.pack(values)
    assert packed.shape == (50, 1)
    assert packed.mean().abs() < 1e-5
    assert Condition.infer([1, 2, 3, 4], kind="real").kind == "real"


@pytest.mark.parametrize(
    ("trained", "values", "n", "message"),
    [
        (
            ["cat", "dog"],
            ["cta"],
            None,
            "Unknown class 'cta' in the condition; the model knows cat, dog. Did you mean 'cat'?",
        ),
        (
            [0, 1, 2],
            [7],
            None,
            "Unknown class '7' in the condition; the model knows 0, 1, 2.",
        ),
        (
            [0, 1, 2],
            [0, 1],
            5,
            "The condition has 2 values for 5 samples; give one for each.",
        ),
        (
            [[0.5, 1.0], [1.0, 2.0]],
            [[1.0, 2.0, 3.0]],
            None,
            "The condition has 3 columns, but the model was trained with 2; give the same columns.",
        ),
        (
            [0, 1],
            [[0, 1], [1, 1]],
            None,
            "The condition must be one class per sample, got the shape (2, 2); give one column.",
        ),
    ],
)
def test_what_does_not_fit_is_told(trained, values, n, message):
    condition = Condition.infer(trained)
    with pytest.raises(LatentryError) as caught:
        condition.pack(values, n)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [1, 1],
            "A condition needs at least 2 classes, found 1; give labels that differ, or none.",
        ),
        (
            [[1.5, 1.0], [1.5, 2.0]],
            "Column 0 of the condition holds one value only; leave it out of the condition.",
        ),
        (
            [[np.nan, 1.0], [np.nan, 2.0]],
            "Column 0 of the condition is all NaN; leave it out of the condition.",
        ),
    ],
)
def test_what_cannot_be_conditioned_on_is_told(values, message):
    with pytest.raises(LatentryError) as caught:
        Condition.infer(values)
    assert str(caught.value) == message


def test_descriptions():
    assert Condition.infer(range(20)).describe() == "20 classes: 0, 1, 2, ... 19"
    assert Condition.infer([0.5, 1.5]).describe() == "1 real column"
