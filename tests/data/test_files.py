from __future__ import annotations

import errno
import hashlib
import os

import pytest

from latentry.data.files import atomic, digest, sha256
from latentry.errors import LatentryError


def test_atomic_writes_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    with atomic(path, "w") as file:
        file.write("one\ntwo")
        assert not path.exists()
    assert path.read_bytes() == b"one\ntwo"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_an_unfinished_write_keeps_the_old_file(tmp_path, stop):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(stop), atomic(path) as file:
        file.write(b"new, but only ha")
        raise stop
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LatentryError) as caught, atomic(path) as file:
        file.write(b"new")
    assert str(caught.value) == (
        f"Cannot write {path}: no space is left on the device; free some space or choose another "
        f"place."
    )
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_missing_folder_is_told(tmp_path):
    path = tmp_path / "none" / "a.bin"
    match = "its folder does not exist; create it first"
    with pytest.raises(LatentryError, match=match), atomic(path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(LatentryError, match="permission is denied"), atomic(tmp_path / "a"):
        pass


def test_a_network_error_inside_is_not_mistaken_for_one_of_writing(tmp_path):
    with pytest.raises(ConnectionResetError), atomic(tmp_path / "a"):
        raise ConnectionResetError(errno.ECONNRESET, "reset by peer")
    assert os.listdir(tmp_path) == []


def test_new_files_have_the_permissions_of_any_other(tmp_path):
    with atomic(tmp_path / "a") as file:
        file.write(b"")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_digests(tmp_path):
    (tmp_path / "a").write_bytes(b"latentry")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"latentry").hexdigest()
    assert digest(tmp_path / "a", "md5") == hashlib.md5(b"latentry").hexdigest()
