from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from latentry.data.labels import Classes, LabelSets, from_dict
from latentry.errors import LatentryError


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([2, 0, -1, 2], (0, 2)),
        (np.array([1.0, np.nan, 3.0, -1.0]), (1, 3)),
        (["b", None, "a", "b"], ("a", "b")),
        (torch.tensor([1, 0, 1, -1]), (0, 1)),
        ([True, False, True, True], (False, True)),
        (pd.Series(["x", None, "y", "x"]), ("x", "y")),
    ],
)
def test_classes_are_what_is_known(y: object, classes: tuple) -> None:
    labels = Classes.infer(y)
    assert labels is not None
    assert labels.values == classes
    packed = labels.pack(y, 4)
    assert packed.shape == (4, 2)
    assert float(packed.sum()) == 4 * labels.share
    assert from_dict(labels.to_dict()) == labels


def test_no_known_class_is_none() -> None:
    assert Classes.infer([-1, -1, -1]) is None


def test_sets_of_labels() -> None:
    table = pd.DataFrame({"sea": [1, 0, 1], "sun": [0, np.nan, 1]})
    labels = LabelSets.infer(table)
    assert labels.names == ("sea", "sun")
    assert from_dict(labels.to_dict()) == labels
    packed = labels.pack(table, 3)
    assert bool(torch.isnan(packed[1, 1]))
    assert float(packed.nansum()) == 3
    with pytest.raises(LatentryError, match="the value 2"):
        labels.pack(table * 2, 3)
    with pytest.raises(LatentryError, match="4 rows"):
        labels.pack(table, 4)
    with pytest.raises(LatentryError, match="text"):
        LabelSets.infer([["a", "b"]])
