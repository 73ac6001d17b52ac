"""What every test gets: no hidden downloads, no writes to the user's cache, no time limits."""

from __future__ import annotations

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("latentry", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("latentry")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """A cache of data sets that belongs to this test session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTRY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Models under test are too small to gain from threads; workers would only fight over cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
