"""The page on adding a model does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-model.md"


def test_the_code_of_the_page_adds_a_model() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {"__name__": "adding_a_model"}
    exec(compile("\n".join(blocks), str(PAGE), "exec", dont_inherit=True), names)
    model, X = names["model"], names["X"]
    assert names["codes"].shape == (len(X), 4)
    assert names["new"].shape == (10, 64)
    assert np.isfinite(names["figures"]["elbo"])
    assert names["figures"]["rate"] > 0
    losses = model.history_.column("loss")
    assert losses[-1] < losses[0]
