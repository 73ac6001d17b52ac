"""The verb that serves the explorer, as a person starts and stops it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from .conftest import Cli


def test_it_serves_until_it_is_stopped(command: list[str], vae_run: Path):
    args = ["explore", str(vae_run), "--port", "0", "--no-browser"]
    with subprocess.Popen(
        [*command, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+/) shows 1 run; Ctrl-C stops it\.", line)
        try:
            assert found, line
            runs = httpx.get(f"{found[1]}api/runs", timeout=60).json()
            assert (runs[0]["name"], runs[0]["model"]) == (vae_run.name, "VAE")
        finally:
            process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said == "" and complaints.strip() == f"Opening {vae_run} ..."


def test_a_port_that_is_taken(cli: Cli, vae_run: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = cli("explore", vae_run, "--port", port, "--no-browser")
    assert said.code == 2
    assert f"Cannot listen at 127.0.0.1 port {port}" in said.err
    assert "--port (0 takes a free one)" in said.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere"], "there is no run at nowhere"),
        (["nowhere", "--port", 70000], "--port 70000 is no port"),
        (["nowhere", "--host", "no.such.host.invalid"], "Cannot listen at no.such.host.invalid"),
        ([], "Missing argument"),
    ],
)
def test_mistakes(cli: Cli, args: list[object], message: str):
    port = [] if "--port" in args else ["--port", 0]
    said = cli("explore", *args, *port, "--no-browser")
    assert said.code == 2
    assert message in said.err
