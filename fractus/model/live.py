"""What only a cloud can answer, now: a call that is relayed to it within a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class LiveCall(Struct, frozen=True, kw_only=True):
    """One call about one resource, in the words of its service."""

    name: str
    """What drivers that speak no REST know it by, and logs (`console_log`)."""
    noun: str
    """What a sentence calls what is asked for (`the console log`)."""
    service: str
    path: str
    """After the service's version; `{id}` stands for the id there, `{project}` for that of the project."""
    method: str = "GET"
    query: Mapping[str, str] = {}
    body: Any = None
    version: str = ""
    """The microversion whose answer is understood; empty: the lowest."""
    key: str = ""
    """What of the answer is meant; empty: all of it."""
    type: Any = Any
    """Of that: what is of another shape is no answer."""
    null: Any = None
    """What a null there means."""
    admin: bool = False
    """It is asked with the rights of the credential itself: only administrators may."""
    empty: bool = False
    """The answer has no body."""
    missing: str
    """The service's sentence where the cloud has no such thing; `{id}` is ours."""
    refusals: frozenset[int] = frozenset()
    """Statuses (400, 409, 501) with which the cloud refuses what the user asked: answered as they are, in its words."""
    not_ready: str
    """The same where the resource is in no cloud yet."""


class Relayed(Struct, frozen=True):
    """What a cloud answered."""

    body: Any
    project_id: str = ""
    """Its id of the project that was asked for."""
    request_id: str = ""
    """Its id of the request."""
