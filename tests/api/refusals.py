"""What a refusal looks like: each service's own envelope, with a sentence in it."""

from __future__ import annotations

import re

from fractus.testing.asgi import HttpReply

#: What a header's value is made of.
_HEADER = re.compile("[ -~]*")

_NOVA = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def faults_of(service: str, reply: HttpReply) -> list[str]:
    """What is wrong with a refusal; empty where it is as the service itself would word it."""
    if reply.headers.get("x-openstack-request-id", "")[:4] != "req-":
        return [f"{reply.status} without a request id"]
    if odd := {name: value for name, value in reply.headers.items() if not _HEADER.fullmatch(value)}:
        return [f"{reply.status} with headers that cannot be sent: {odd}"]
    if reply.status < 400:
        return []
    if reply.status >= 500 and reply.status not in (501, 503):
        return [f"{reply.status}: {_text(reply)}"]
    if not reply.headers.get("content-type", "").startswith("application/json"):
        return [f"{reply.status} as {reply.headers.get('content-type')}: {_text(reply)}"]
    try:
        message = _message(service, reply)
    except (KeyError, TypeError, ValueError, AssertionError):
        return [f"{reply.status} in no envelope of {service}: {_text(reply)}"]
    if len(message.split()) < 2:
        return [f"{reply.status} without a sentence: {_text(reply)}"]
    return []


def _message(service: str, reply: HttpReply) -> str:
    document = reply.json
    if service == "image":
        assert document.keys() == {"message", "code", "title"}
        assert document["code"] == f"{reply.status} {document['title']}"
        return str(document["message"])
    if service == "placement" and reply.status != 401:
        [error] = document["errors"]
        assert error.keys() == {"status", "title", "detail", "code", "request_id"}
        assert error["status"] == reply.status
        return str(error["detail"])
    ((name, inner),) = document.items()
    if reply.status == 401:
        assert (name, inner["code"]) == ("error", 401)
    elif service == "network":
        assert name == "NeutronError"
        assert inner.keys() == {"type", "message", "detail"}
        assert inner["type"]
    else:
        assert name == _NOVA.get(reply.status, "computeFault")
        assert inner.keys() == {"code", "message"}
        assert inner["code"] == reply.status
    return str(inner["message"])


def _text(reply: HttpReply) -> str:
    return reply.body[:300].decode(errors="replace")
