from __future__ import annotations

import pytest
import torch

from latentry.errors import LatentryError
from latentry.training.team import Team, join


def test_one_process_is_a_team_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    team = join(torch.device("cpu"))
    assert team == Team(0, 1)
    assert team.leads
    message = torch.ones(3)
    team.total(message)
    team.follow(message)
    assert message.tolist() == [1, 1, 1]


def test_a_batch_is_shared_evenly():
    assert Team(0, 1).share(7) == 7
    assert Team(2, 3).share(7) == 6
    assert not Team(2, 3).leads
    with pytest.raises(LatentryError, match="a batch of 2 rows cannot be shared by 3 processes"):
        Team(0, 3).share(2)
