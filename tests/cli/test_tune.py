"""The verb that searches: tune."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentry.cli import run
from latentry.errors import Interrupted

from .conftest import Cli

SMALL = ("--epochs", 1, "--hidden", 8, "--space", "latent=1..3,lr=1e-3..1e-2")


def test_a_search_ends_with_a_run_and_a_table(cli: Cli, files: Path) -> None:
    said = cli("tune", files / "rows.npy", "--trials", 2, *SMALL, "--quiet")
    assert said.code == 0 and said.err == ""
    assert "latent" in said.out and "complete" in said.out
    assert "latentry report runs/rows-vae-tune/best" in said.out
    assert cli("info", "runs/rows-vae-tune/best", "--json").json["fields"]["hidden"] == [8]
    assert cli("evaluate", "runs/rows-vae-tune/best", files / "rows.npy").code == 0


def test_a_search_goes_on_and_is_json(cli: Cli, files: Path) -> None:
    args = ("tune", files / "table.csv", "--label", "kind", "-m", "ae", "-o", "s", *SMALL)
    first = cli(*args, "--trials", 1, "--json").json
    found = cli(*args, "--trials", 3, "--json").json
    assert [row["trial"] for row in found["trials"]] == [0, 1, 2]
    assert found["trials"][0] | {"seconds": 0} == first["trials"][0] | {"seconds": 0}
    assert found["best"] == "s/best" and found["folder"] == "s"
    assert set(found["fields"]) == {"latent", "lr"}
    assert found["value"] == max(row["value"] for row in found["trials"] if row["value"])
    assert "more dimensions" in found["notes"][0]


def test_mistakes_are_told(cli: Cli, files: Path) -> None:
    data = files / "rows.npy"
    said = cli("tune", data, "--space", "latnet=2..8")
    assert said.code == 2 and "no field 'latnet' to search. Did you mean 'latent'" in said.err
    assert "is no part of a space" in cli("tune", data, "--space", "latent").err
    assert "trials=0 is too few" in cli("tune", data, "--trials", 0).err
    assert "is no time" in cli("tune", data, "--timeout", "soon").err
    assert "the model vae has no option --beta" in cli("tune", data, "--beta", 2).err


def test_ctrl_c_keeps_the_search(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import latentry

    whole, fits = latentry.VAE.fit, []

    def fit(self: latentry.VAE, X: object, y: object = None, **how: object) -> latentry.VAE:
        fits.append(self)
        if len(fits) == 2:
            raise Interrupted("as if by Ctrl-C")
        return whole(self, X, y, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(latentry.VAE, "fit", fit)
    folder = tmp_path / "s"
    args = ["tune", str(files / "rows.npy"), "-o", str(folder), *map(str, SMALL), "-q"]
    assert run(args) == 130
    assert (
        f"after 1 of 30 trials; the same call with the folder {folder}" in capsys.readouterr().err
    )
    assert (folder / "best" / "model.json").is_file()
