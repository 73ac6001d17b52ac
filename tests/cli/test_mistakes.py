"""Bad input: one sentence on stderr, exit code 2, nothing on stdout, nothing written."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import TINY, Cli, Said


def _refused(said: Said, *words: str) -> None:
    assert said.code == 2, said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.startswith("Error: ")
    assert said.err.count("\n") == 1, said.err
    for word in words:
        assert word in said.err, said.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["fit", "digts"], ["digts", "Did you mean 'digits'?"]),
        (["fit", "digits", "--model", "bta-vae"], ["bta-vae", "Did you mean 'beta-vae'?"]),
        (["fit", "digits", "--latnt", "3"], ["--latnt", "Did you mean --latent"]),
        (["fit", "digits", "--rise", "1"], ["vae has no option --rise", "capacity-vae has it"]),
        (["fit", "digits", "--beta", "4"], ["vae has no option --beta", "beta-tcvae", "have it"]),
        (["fit", "digits", "--likelihood", "bernouli"], ["bernouli", "Did you mean 'bernoulli'?"]),
        (["fit", "digits", "--net", "convv"], ["convv"]),
        (["fit", "digits", "--optimizer", "adm"], ["adm", "adam"]),
        (["fit", "digits", "--latent", "0"], ["latent=0"]),
        (["fit", "digits", "--latent", "two"], ["--latent two is no number"]),
        (["fit", "digits", "--hidden", "a,b"], ["--hidden a,b"]),
        (["fit", "digits", "--hidden", "0"], ["hidden"]),
        (["fit", "digits", "--epochs", "0"], ["epochs"]),
        (["fit", "digits", "--valid", "1.5"], ["valid"]),
        (["fit", "digits", "--precision", "float16"], ["precision"]),
        (["fit", "digits", "--device", "tpu"], ["device"]),
        (["fit", "digits", "--shape", "8by8"], ["--shape 8by8"]),
        (["fit", "digits", "--shape", "5x5"], ["25", "64"]),
        (["fit", "two-moons", "--condition", "colour"], ["colour"]),
        (["fit", "mnist:tset"], ["tset", "Did you mean 'test'?"]),
        (["fit", "nowhere.npy"], ["nowhere.npy"]),
        (["fit"], ["DATA"]),
        (["fitt", "digits"], ["fitt", "Did you mean 'fit'?"]),
        (["models", "vaee"], ["vaee", "Did you mean 'vae'?"]),
        (["data", "minst"], ["minst", "Did you mean 'mnist'?"]),
        (["info", "nowhere"], ["nowhere"]),
        (["resume", "nowhere"], ["nowhere"]),
        (["evaluate", "nowhere", "digits"], ["nowhere"]),
        (["sample", "nowhere", "-o", "out.npy"], ["nowhere"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_mistakes_on_the_command_line(
    cli: Cli, tmp_path: Path, args: list[str], words: list[str]
) -> None:
    tiny = ["--epochs", "1"] if args[0] == "fit" and "--epochs" not in args else []
    _refused(cli(*args, *tiny), *words)
    assert list(tmp_path.iterdir()) == []


def _saved(array: np.ndarray) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        np.save(folder / "data.npy", array)
        return "data.npy"

    return make


def _text(name: str, text: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / name).write_text(text)
        return name

    return make


def _mixed_images(folder: Path) -> str:
    (folder / "images").mkdir()
    for i, size in enumerate([(8, 8), (8, 8), (9, 8)]):
        Image.new("L", size, i).save(folder / "images" / f"{i}.png")
    return "images"


def _broken_image(folder: Path) -> str:
    (folder / "images").mkdir()
    Image.new("L", (8, 8)).save(folder / "images" / "0.png")
    (folder / "images" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    return "images"


def _wrong_labels(folder: Path) -> str:
    np.savez(folder / "data.npz", x=np.random.default_rng(0).normal(size=(9, 3)), y=np.arange(8))
    return "data.npz"


def _broken_gzip(folder: Path) -> str:
    whole = gzip.compress(b"\0\0\x08\x03" + bytes(100))
    (folder / "x-images-idx3-ubyte.gz").write_bytes(whole[:20])
    return "x-images-idx3-ubyte.gz"


NORMAL = np.random.default_rng(0).normal(size=(50, 4))
BAD_DATA = {
    "empty": (_text("data.csv", ""), [], ["empty"]),
    "ragged": (_text("data.csv", "a,b\n1,2\n3,4,5\n"), [], ["data.csv"]),
    "text": (_text("data.csv", "a,b\n1,2\n3,blue\n4,5\n"), [], ["'b'"]),
    "all NaN": (_saved(np.c_[NORMAL, np.full(50, np.nan)]), [], ["olumn"]),
    "constant": (_text("data.csv", "a,b\n1,2\n1,4\n1,5\n"), [], ["'a'"]),
    "infinite": (_saved(np.where(NORMAL > 2, np.inf, NORMAL)), [], ["inf"]),
    "one row": (_saved(NORMAL[:1]), [], ["at least 2 rows"]),
    "mixed sizes": (_mixed_images, [], ["2.png"]),
    "broken image": (_broken_image, [], ["1.png"]),
    "negative for Bernoulli": (_saved(NORMAL), ["--likelihood", "bernoulli"], ["[0, 1]"]),
    "negative counts": (_saved(-np.arange(99).reshape(33, 3)), ["--likelihood", "poisson"], []),
    "labels of the wrong length": (_wrong_labels, [], ["8 labels for 9 samples"]),
    "truncated gzip": (_broken_gzip, [], ["x-images-idx3-ubyte.gz"]),
    "no labels": (_saved(NORMAL), ["--condition", "labels"], ["no labels"]),
    "objects": (_saved(np.array([[1, "a"], [2, "b"]])), [], []),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data(cli: Cli, tmp_path: Path, name: str) -> None:
    make, options, words = BAD_DATA[name]
    data = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    _refused(cli("fit", data, "--epochs", 1, *options), *words)
    assert sorted(tmp_path.rglob("*")) == before


def test_fewer_rows_than_a_batch_train(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", NORMAL[:7])
    assert cli("fit", "data.npy", *TINY, "--out", "run").code == 0


def _copied(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("file", ["model.json", "model.safetensors"])
def test_a_flipped_bit_is_noticed(cli: Cli, vae_run: Path, tmp_path: Path, file: str) -> None:
    path = _copied(vae_run, tmp_path) / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    _refused(cli("sample", "copy", "-o", "out.npy"), file)


@pytest.mark.parametrize("file", ["model.json", "model.safetensors"])
def test_a_truncated_run_is_noticed(cli: Cli, vae_run: Path, tmp_path: Path, file: str) -> None:
    path = _copied(vae_run, tmp_path) / file
    path.write_bytes(path.read_bytes()[:-20])
    _refused(cli("sample", "copy", "-o", "out.npy"), file)


@pytest.mark.parametrize("file", ["model.json", "model.safetensors"])
def test_a_half_written_run_is_noticed(cli: Cli, vae_run: Path, tmp_path: Path, file: str) -> None:
    (_copied(vae_run, tmp_path) / file).unlink()
    _refused(cli("sample", "copy", "-o", "out.npy"), file)


def test_a_run_from_the_future_is_refused(cli: Cli, vae_run: Path, tmp_path: Path) -> None:
    path = _copied(vae_run, tmp_path) / "model.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, "format": 99}))
    _refused(cli("info", "copy"), "format 99", "upgrade latentry")


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("codes.txt", ["codes.txt", ".npy"]),
        ("nowhere/codes.npy", ["nowhere"]),
        ("codes.png", ["images"]),
    ],
)
def test_outputs_that_cannot_be_written(
    cli: Cli, vae_run: Path, files: Path, tmp_path: Path, out: str, words: list[str]
) -> None:
    _refused(cli("encode", vae_run, files / "images.npz", "-o", out), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_while_printing(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*command, "models"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_of_another_shape(cli: Cli, vae_run: Path, files: Path, tmp_path: Path) -> None:
    said = cli("reconstruct", vae_run, files / "counts.npy", "-o", "out.npy")
    _refused(said, "(8, 8)")
    assert list(tmp_path.iterdir()) == []


def test_codes_of_another_width(cli: Cli, vae_run: Path, files: Path, tmp_path: Path) -> None:
    _refused(cli("decode", vae_run, files / "counts.npy", "-o", "out.npy"), "(N, 2)")
    assert list(tmp_path.iterdir()) == []


def test_the_command_alone_shows_its_help(cli: Cli) -> None:
    said = cli()
    assert "latentry fit digits --model vae" in said.out
    assert said.err == ""


def test_json_keeps_stdout_empty_on_a_mistake(cli: Cli) -> None:
    _refused(cli("info", "nowhere", "--json"))


@pytest.mark.usefixtures("command")
def test_help_is_quick_to_come_by() -> None:
    code = "import sys; import latentry.cli; print('torch' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
