"""Who may ask, how much, and what a browser may do with the answer."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from latentry.explorer.app import STATIC
from latentry.explorer.security import LARGEST_BODY, Guard, bracketed, is_loopback

from .serving import Client


def asked(address: str, path: str = "/api/runs", *, method: str = "GET", **headers: str) -> Any:
    """The answer to a request whose headers, Host among them, are exactly those given."""
    to = urlsplit(address)
    assert to.hostname is not None
    connection = http.client.HTTPConnection(to.hostname, to.port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.fixture
def port(address: str) -> int:
    found = urlsplit(address).port
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machine_may_ask(address: str, port: int, name: str):
    assert asked(address, Host=f"{name}:{port}").status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{}", "localhost.evil.example:{}", "127.0.0.1", "127.0.0.1:1", "localhost:{}0",
        "127.0.0.1:{}@evil.example", "evil.example#@127.0.0.1:{}", "0.0.0.0:{}", "10.0.0.1:{}", ":",
        "127.0.0.1:-{}", "[::1", "",
    ],
)  # fmt: skip
def test_a_name_that_leads_here_does_not_open_the_door(address: str, port: int, host: str):
    assert asked(address, Host=host.format(port)).status in (400, 403)
    assert asked(address, "/", Host=host.format(port)).status in (400, 403)


def test_other_sites_may_not_ask(address: str, port: int):
    here = f"127.0.0.1:{port}"
    for origin in (f"http://{here}", None):
        headers = {} if origin is None else {"Origin": origin}
        assert asked(address, Host=here, **headers).status == 200
    for origin in (
        "http://evil.example", "null", f"https://{here}", "http://127.0.0.1", f"http://{here}.evil",
        f"http://localhost:{port}", "",
    ):  # fmt: skip
        assert asked(address, Host=here, Origin=origin).status == 403
    for site, status in (("same-origin", 200), ("none", 200), ("cross-site", 403),
                         ("same-site", 403)):  # fmt: skip
        assert asked(address, Host=here, Sec_Fetch_Site=site).status == status
    # A link on another page may still lead to this one.
    assert asked(address, "/docs", Host=here, Sec_Fetch_Site="cross-site").status == 200


def test_every_answer_tells_the_browser_to_stay(client: Client):
    answers = [
        client.http.get(path)
        for path in ("/api/runs", "/docs", "/openapi.json", "/none", "/api/runs/0/rows/x", "/")
    ]
    answers.append(client.http.get("/api/runs", headers={"Host": "evil.example"}))
    answers.append(client.http.post("/api/runs"))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_a_large_body_is_refused_before_it_is_read(client: Client, address: str, port: int):
    url, kind = "/api/runs/0/encode", {"Content-Type": "application/json"}
    answer = client.http.post(url, content=b" " * (LARGEST_BODY + 1), headers=kind)
    assert answer.status_code == 413 and "8 MB" in answer.json()["detail"]
    # Nothing of the body is sent here, so the answer cannot have waited for it.
    here = {"Host": f"127.0.0.1:{port}", "Content-Length": str(10**12)}
    assert asked(address, url, method="POST", **here).status == 413
    assert client.http.post(url, content=b" " * 1000, headers=kind).status_code in (400, 422)


def test_a_body_in_pieces_is_counted(client: Client):
    def pieces():
        for _ in range(LARGEST_BODY // 2**16 + 1):
            yield b" " * 2**16

    assert client.http.post("/api/runs/0/upload", content=pieces()).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fapp.py", "/app.py",
        "//etc/passwd", "/static/index.html", "/api/runs/..%2f..%2fetc/map", "/index.html%00",
        "/api/runs/0/values/..%2f..%2f..%2fetc%2fpasswd",
    ],
)  # fmt: skip
def test_no_path_reaches_the_disk(address: str, port: int, path: str):
    assert asked(address, path, Host=f"127.0.0.1:{port}").status == 404


def test_the_page_is_served_file_by_file(client: Client):
    for file in STATIC.iterdir():
        answer = client.http.get("/" if file.name == "index.html" else f"/{file.name}")
        assert answer.content == file.read_bytes()
        if file.suffix == ".js":
            assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", "/0/map"), ("GET", "/0/decode"),
                                              ("DELETE", "/0/rows/1")])  # fmt: skip
def test_what_reads_is_get_and_what_asks_is_post(client: Client, method: str, path: str):
    answer = client.http.request(method, f"/api/runs{path}")
    assert answer.status_code == 405 and answer.headers["allow"]


def test_a_server_for_all_addresses_knows_addresses_but_no_names():
    guard = Guard(None, "0.0.0.0", 8765)
    assert guard.known("192.168.1.5:8765") and guard.known("[fe80::1]:8765")
    assert guard.known("localhost:8765")
    assert not guard.known("my.machine:8765") and not guard.known("192.168.1.5:80")
    named = Guard(None, "my.machine", 8765)
    assert named.known("my.machine:8765") and not named.known("192.168.1.5:8765")
    six = Guard(None, "fe80::1", 80)
    assert six.known("[fe80::1]:80") and six.known("[fe80::1]") and not six.known("[fe80::2]")


def test_which_addresses_are_this_machines_own():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "[::1]", "127.3.2.1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.5", "my.machine", "")))
    assert (bracketed("::1"), bracketed("[::1]"), bracketed("a.b")) == ("[::1]", "[::1]", "a.b")


def test_the_guard_leaves_other_protocols_alone():
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    guard = Guard(app, "127.0.0.1", 8765)
    with pytest.raises(StopIteration):
        guard({"type": "lifespan"}, None, None).send(None)
    assert seen == ["lifespan"]


def test_a_second_host_or_origin_is_not_overlooked(address: str, port: int):
    here = f"127.0.0.1:{port}"
    with httpx.Client(base_url=address) as plain:
        headers = [("Host", here), ("Origin", f"http://{here}"), ("Origin", "http://evil.example")]
        assert plain.get("/api/runs", headers=headers).status_code == 403
