"""From where bits may be downloaded: hosts that are named, and addresses that are not ours."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from fractus.services.image.download import Allowed, Downloads

ANYWHERE = Downloads(Allowed(hosts=("*",)))
SOME = Downloads(Allowed(hosts=("example.org", "*.ubuntu.com"), networks=("10.1.0.0/16", "fd00::/8")))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://example.org/a.img", True),
        ("https://EXAMPLE.org./a.img", True),
        ("https://cloud-images.ubuntu.com/a.img", True),
        ("https://ubuntu.com/a.img", False),
        ("https://notubuntu.com/a.img", False),
        ("https://example.org.evil.net/a.img", False),
        ("https://example.org:8443/a.img", False),
        ("ftp://example.org/a.img", False),
        ("file:///etc/passwd", False),
        ("https://user:secret@example.org/a.img", False),
        ("https://example.org@evil.net/a.img", False),
        ("http:///a.img", False),
        ("http://[::1", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_only_named_hosts_are_asked(url: object, allowed: bool) -> None:
    assert SOME.permits(url) is allowed


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", True),
        ("[2001:4860:4860::8888]", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.3.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("[::1]", False),
        ("[::]", False),
        ("[fe80::1]", False),
        ("[fd00::1]", False),
        ("[::ffff:127.0.0.1]", False),
        ("[::ffff:8.8.8.8]", True),
        ("[64:ff9b::7f00:1]", False),
        ("[2002:7f00:1::]", False),
        ("[ff02::1]", False),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str, allowed: bool) -> None:
    assert ANYWHERE.permits(f"http://{address}/a.img") is allowed


async def test_what_a_name_resolves_to_is_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "inside.example.org": ["127.0.0.1", "10.0.0.1"],
        "both.example.org": ["192.168.1.1", "8.8.8.8"],
        "mirror.example.org": ["10.1.2.3"],
    }

    def resolved(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        stream = socket.SOCK_STREAM
        return [(socket.AF_INET, stream, 6, "", (one, port)) for one in answers[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(OSError, match="no address that may be connected to"):
        await ANYWHERE.resolve("inside.example.org", 80, socket.AF_UNSPEC)
    found = await ANYWHERE.resolve("both.example.org", 80, socket.AF_UNSPEC)
    assert [one["host"] for one in found] == ["8.8.8.8"]
    found = await SOME.resolve("mirror.example.org", 80, socket.AF_UNSPEC)
    assert [one["host"] for one in found] == ["10.1.2.3"], "the operator says that this network may be asked"


def test_a_network_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        Downloads(Allowed(hosts=("*",), networks=("here",)))
