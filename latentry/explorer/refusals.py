"""Requests that cannot be answered, and the status that each kind gets."""

from __future__ import annotations

from ..errors import LatentryError


class Refused(LatentryError):
    """A request that is well formed but does not fit the run that it asks."""

    status = 409


class Missing(Refused):
    """A run, a row or a value that does not exist."""

    status = 404


class TooLarge(Refused):
    """More than one request may bring."""

    status = 413


class NoPicture(Refused):
    """Bytes that are no image that can be read."""

    status = 415
