from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latentry import LatentryError
from latentry.comparing.parts import divide, whole


def test_the_parts_share_no_row_and_lose_none() -> None:
    x = np.arange(100.0).reshape(50, 2)
    rows = whole(x, y=np.arange(50), condition=np.arange(50) * 2)
    train, test = divide(rows, 0.3)
    assert (len(train), len(test)) == (35, 15)
    assert sorted([*train.labels, *test.labels]) == list(range(50))
    for part in (train, test):
        assert np.array_equal(part.data.x[:, 0], part.labels * 2)
        assert np.array_equal(part.condition, part.labels * 2)
    assert np.array_equal(divide(rows, 0.3)[1].labels, test.labels)


def test_column_names_of_a_table_stay() -> None:
    rows = whole(pd.DataFrame({"a": range(40), "b": range(40)}))
    assert divide(rows, 0.5)[0].data.columns == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["x", "y"] * 20, ["x", "y"]),
        ([1.0, 2.0] * 20, [1.0, 2.0]),
        ([0.5, 2.0] * 20, []),
        ([1] * 40, []),
    ],
)
def test_classes_are_few_different_whole_values(labels: list, classes: list) -> None:
    assert whole(np.zeros((40, 2)), y=labels).classes == classes


@pytest.mark.parametrize(
    ("rows", "share", "words"),
    [(100, 1.0, "between 0 and 1"), (100, 0.05, "at least 10 of each"), (15, 0.5, "15 rows")],
)
def test_mistakes(rows: int, share: float, words: str) -> None:
    with pytest.raises(LatentryError) as caught:
        divide(whole(np.zeros((rows, 2))), share)
    assert words in str(caught.value)


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(LatentryError, match="3 labels were given for 20 rows"):
        whole(np.zeros((20, 2)), y=[1, 2, 3])
