"""The one place where answers and accidents of a child become `CloudError`s.

The question is always the same: was it done? Answers that a service wrote say so; accidents on the wire say so only
when the request never left, or when doing it twice is the same as doing it once.
"""

from __future__ import annotations

import email.utils
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fractus.model import errors

#: A reason is a sentence for people, not a page.
_LONGEST_REASON = 500

#: Nova says 403 for quota, Neutron 409, Glance 413 or 403; only the words tell them from other refusals. Sources:
#: nova.exception (OverQuota, PortLimitExceeded, KeypairLimitExceeded), neutron_lib's OverQuota, and
#: oslo.limit's ProjectOverLimit.
_QUOTA_WORDS = re.compile(
    r"quota|over (the )?limit|limit exceeded|number of \w+( \w+)? exceeded|too many", re.IGNORECASE
)

#: Neutron errors whose class says that this cloud has run out of something, whatever their status.
_EXHAUSTED_TYPES = frozenset(
    {
        "OverQuota",
        "IpAddressGenerationFailure",
        "NoNetworkAvailable",
        "NoNetworkFoundInMaximumAllowedAttempts",
        "HostMacAddressGenerationFailure",
    }
)

_TAG = re.compile(r"<[^>]+>")
_TITLE = re.compile(r"<(head|title|h1|style|script)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_SPACE = re.compile(r"\s+")


class Refusal:
    """What an error body says: the sentence, the service's own name of the error, and whether it wrote one at all."""

    __slots__ = ("own", "sentence", "type")

    def __init__(self, sentence: str, type: str = "", *, own: bool = False) -> None:
        self.sentence = sentence
        self.type = type
        self.own = own
        """The body has the envelope of an OpenStack service: a proxy in front of it would not write that."""


def read_refusal(body: bytes) -> Refusal:
    """The sentence in an error body of Nova, Neutron, Glance, Keystone or whatever stands before them."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except ValueError:
        return Refusal(_plain(text))
    if not isinstance(document, dict):
        return Refusal("")
    return _read_envelope(document)


def _read_envelope(document: dict[str, Any]) -> Refusal:
    for (
        inner
    ) in document.values():  # {"itemNotFound": {"message": ...}}, {"NeutronError": {...}}, {"error": {...}}
        if isinstance(inner, dict) and "message" in inner:
            return Refusal(_plain(str(inner["message"])), str(inner.get("type") or ""), own=True)
    for key in ("message", "NeutronError", "faultstring", "detail"):  # Glance; old Neutron; pecan; Placement
        if isinstance(document.get(key), str):
            return Refusal(_plain(document[key]), own=True)
    listed = document.get("errors")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return Refusal(_plain(str(listed[0].get("detail") or listed[0].get("title") or "")), own=True)
    return Refusal("")


def _plain(text: str) -> str:
    """`text` without markup, on one line, not too long."""
    bare = _SPACE.sub(" ", html.unescape(_TAG.sub(" ", _TITLE.sub(" ", text)))).strip()
    return bare if len(bare) <= _LONGEST_REASON else bare[: _LONGEST_REASON - 3] + "..."


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret in it blotted out: what a child echoes must not reach a log or a user.

    A secret of less than four characters is left: it protects nothing, and blotting it out would show where it is.
    """
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return text


def unknown(repeatable: bool, reason: str) -> errors.CloudError:
    """The error of a request that may or may not have been done: only what may be repeated freely is `Unreachable`."""
    return errors.Unreachable(reason) if repeatable else errors.OutcomeUnknown(reason)


def from_answer(
    service: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    repeatable: bool,
    secrets: Iterable[str] = (),
) -> errors.CloudError:
    """The error that an answer of status 300 or more stands for. `headers` have lower-case names."""
    refusal = read_refusal(body)
    reason = hide(refusal.sentence, secrets) or f"{service} answered {status}"
    if status == 401:
        return errors.CredentialsRejected(reason)
    if status == 404:
        return _not_found(service, reason, headers, refusal)
    if refusal.type in _EXHAUSTED_TYPES:
        return errors.Refused(reason, status=status, elsewhere=True)
    if status in (429, 503) or (status == 413 and retry_after(headers, 0.0) > 0):
        return errors.Throttled(reason, after=retry_after(headers, 1.0))
    if status == 413:  # Glance: larger than this cloud or this project there allows
        return errors.Refused(reason, status=status, elsewhere=True)
    if status == 406:  # it was another release a moment ago; versions are being asked for anew
        return errors.Throttled(reason, after=1.0)
    if status in (405, 501):
        return errors.Refused(reason, status=status, elsewhere=True)
    if status >= 500 or status < 400:
        return unknown(repeatable, f"{service} answered {status}: {reason}" if refusal.sentence else reason)
    return errors.Refused(
        reason, status=status, elsewhere=status in (403, 409) and bool(_QUOTA_WORDS.search(reason))
    )


def _not_found(service: str, reason: str, headers: Mapping[str, str], refusal: Refusal) -> errors.CloudError:
    """404 means "not there" only from the service itself.

    A proxy that has lost its back end answers 404 to everything; taking that for an answer would make every server of
    the cloud look deleted (W25: absent is not empty). All services stamp what they write with a request id.
    """
    if refusal.own or "x-openstack-request-id" in headers or "x-compute-request-id" in headers:
        return errors.Missing(reason)
    return errors.Unreachable(f"404 on the way to {service}, not written by an OpenStack service: {reason}")


def retry_after(headers: Mapping[str, str], default: float) -> float:
    """Seconds of a Retry-After header; a date is measured from the Date of the same answer, never from our clock."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return default
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(text)
        sent = email.utils.parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (then - sent).total_seconds())
    except (TypeError, ValueError):
        return default
