from __future__ import annotations

import numpy as np

from latentry.fitting import fingerprint, split


def test_the_split_is_seeded_and_whole() -> None:
    train, valid = split(100, 0.2, 0)
    assert sorted([*train, *valid]) == list(range(100))
    assert len(valid) == 20
    assert np.array_equal(split(100, 0.2, 0)[1], valid)
    assert not np.array_equal(split(100, 0.2, 1)[1], valid)


def test_few_rows_are_not_held_out() -> None:
    assert [len(part) for part in split(20, 0.1, 0)] == [20, 0]


def test_a_fingerprint_tells_data_apart() -> None:
    x = np.arange(60.0).reshape(20, 3)
    assert fingerprint(x) == fingerprint(x.copy())
    assert fingerprint(x) != fingerprint(x + 1e-9)
    assert fingerprint(x) != fingerprint(x.astype(np.float32))
