"""What stands before the API: who may ask, how much, and what a browser may do with the answer.

The page is for the person at this machine. Other pages open in the same browser can send requests
to it too, so a request must name this server as its host (which defeats DNS rebinding), and must
not come from another site (Origin and Sec-Fetch-Site).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from typing import Any

Scope = dict[str, Any]

LARGEST_BODY = 8 * 2**20
"""Bytes; a larger body is refused before it is looked at."""

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERYWHERE = ("0.0.0.0", "::", "")
"""Hosts that stand for all addresses of the machine."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware: checks Host, Origin and size, and adds the headers of `HEADERS`.

    host, port: where the server listens. If that is every address of the machine, any IP address
    is accepted as Host, but no name, for a name could be anybody's.
    """

    def __init__(self, app: Any, host: str, port: int) -> None:
        self.app, self.port = app, port
        self.hosts = {*LOOPBACK} if host in EVERYWHERE else {*LOOPBACK, bracketed(host.lower())}
        self.any_address = host in EVERYWHERE

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                more = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [
                    *message["headers"], *((k, v) for k, v in more if k not in names)
                ]  # fmt: skip
            await send(message)

        wrong = self.stranger(scope)
        if wrong is not None:
            await refuse(answer, 403, wrong)
            return
        body = await _body(scope, receive)
        if body is None:
            most = LARGEST_BODY // 2**20
            await refuse(answer, 413, f"The request is larger than {most} MB; send less at once.")
            return
        await self.app(scope, _replayed(body, receive), answer)

    def stranger(self, scope: Scope) -> str | None:
        """Why a request is not from this server's own page, or None where it may be."""
        hosts = _all(scope, b"host")
        if len(hosts) != 1 or not self.known(hosts[0]):
            return f"The request names another host; open this page at {self.address()}."
        origins = _all(scope, b"origin")
        if origins and origins != [f"http://{hosts[0]}"]:
            return "The request comes from another site; only this server's own page may send it."
        foreign = set(_all(scope, b"sec-fetch-site")) - {"same-origin", "none"}
        if foreign and scope["path"].startswith("/api"):
            return "The request comes from another site; only this server's own page may send it."
        return None

    def known(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name, port = _parts(host.lower())
        if port != self.port:
            return False
        return name in self.hosts or (self.any_address and _is_address(name))

    def address(self) -> str:
        """Where a person at this machine finds the page."""
        return f"http://127.0.0.1:{self.port}"


def bracketed(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _parts(host: str) -> tuple[str, int]:
    """Name and port of a Host header; without a port that of http, and -1 for what is no port."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        return host, 80
    return name, int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else -1


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


async def _body(scope: Scope, receive: Any) -> bytes | None:
    """The whole body, or None where it is too large."""
    for length in _all(scope, b"content-length"):
        if not (length.isascii() and length.isdigit()) or int(length[:20]) > LARGEST_BODY:
            return None
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), message.get("more_body", False)
        if size > LARGEST_BODY:
            return None
    return b"".join(parts)


def _replayed(body: bytes, receive: Any) -> Any:
    """A `receive` that gives the body at once, then whatever comes."""
    given = False

    async def again() -> dict[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def refuse(send: Any, status: int, detail: str) -> None:
    """Answer with a status and a sentence."""
    content = json.dumps({"detail": detail}).encode()
    headers: Iterable[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": content})
