from __future__ import annotations

import asyncio
import pathlib

import pytest
from aiohttp import web

from fractus.clouds.openstack.pace import Limits
from fractus.clouds.openstack.transport import AiohttpTransport, Answer, Call, Upload
from fractus.model.errors import CloudError, OutcomeUnknown, Refused, Unreachable
from tests.unit.clouds_openstack.fake import Answering, FakeChild, cut_off, drop, hang, reply
from tools.ports import free_port

TOKEN = {"X-Auth-Token": "gAAAtoken"}


def call(fake: FakeChild, method: str, repeat: bool | None = None) -> Call:
    return Call(service="compute", method=method, url=f"{fake.url}/x", headers=TOKEN, repeat=repeat)


@pytest.mark.parametrize("accident", [hang, drop, cut_off])
@pytest.mark.parametrize(
    ("method", "repeat", "kind"),
    [
        ("GET", None, Unreachable),
        ("DELETE", None, Unreachable),
        ("PUT", None, Unreachable),
        ("POST", None, OutcomeUnknown),
        ("POST", True, Unreachable),
        ("PUT", False, OutcomeUnknown),
    ],
)
async def test_an_answer_that_does_not_come_whole(
    fake: FakeChild,
    transport: AiohttpTransport,
    accident: Answering,
    method: str,
    repeat: bool | None,
    kind: type[CloudError],
) -> None:
    fake.on(f"{method} /x", accident)
    with pytest.raises(CloudError) as error:
        await transport.exchange(call(fake, method, repeat))
    assert type(error.value) is kind
    assert "compute at http://127.0.0.1:" in error.value.reason
    assert "gAAAtoken" not in repr(error.value)


async def test_who_is_not_there_has_not_done_it(transport: AiohttpTransport) -> None:
    nobody = Call(service="compute", method="POST", url=f"http://127.0.0.1:{free_port()}/x", body={"a": 1})
    with pytest.raises(Unreachable) as error:
        await transport.exchange(nobody)
    assert "no connection to compute" in error.value.reason


async def test_a_connection_that_is_never_accepted_has_not_done_it() -> None:
    # A TLS greeting that is never answered: connected, but the request has not left.
    ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = AiohttpTransport(True, Limits(call_timeout=0.1, connect_timeout=0.1))
    try:
        with pytest.raises(Unreachable):
            await transport.exchange(
                Call(service="compute", method="POST", url=f"https://127.0.0.1:{port}/x")
            )
    finally:
        await transport.close()
        await ended.wait()
        server.close()


async def test_an_answer_is_whole_and_redirects_are_not_followed(
    fake: FakeChild, transport: AiohttpTransport
) -> None:
    fake.on("POST /x", reply({"a": 1}, 302, Location="/elsewhere"))
    answer = await transport.exchange(
        Call(service="compute", method="POST", url=f"{fake.url}/x", headers=TOKEN, body={"b": [None]})
    )
    assert (answer.status, answer.body, answer.headers["location"]) == (302, b'{"a": 1}', "/elsewhere")
    [heard] = fake.heard
    assert (heard.json, heard.headers["content-type"]) == ({"b": [None]}, "application/json")
    assert heard.headers["x-auth-token"] == "gAAAtoken"


async def test_bits_are_sent_whole_with_their_length(
    fake: FakeChild, transport: AiohttpTransport, tmp_path: pathlib.Path
) -> None:
    bits = tmp_path / "bits"
    bits.write_bytes(bytes(range(256)) * 4000)
    fake.on("PUT /x", reply(status=204))
    upload = Upload(str(bits), 1_024_000)
    answer = await transport.exchange(Call(service="image", method="PUT", url=f"{fake.url}/x", upload=upload))
    assert answer.status == 204
    [heard] = fake.heard
    assert heard.headers["content-length"] == "1024000"
    assert heard.body == bits.read_bytes()


@pytest.mark.parametrize("size", [3, 5])
async def test_bits_of_another_size_are_not_sent(
    fake: FakeChild, transport: AiohttpTransport, tmp_path: pathlib.Path, size: int
) -> None:
    bits = tmp_path / "bits"
    bits.write_bytes(b"four")
    for path in (bits, tmp_path / "nothing"):
        upload = Upload(str(path), size)
        with pytest.raises(Refused):
            await transport.exchange(Call(service="image", method="PUT", url=f"{fake.url}/x", upload=upload))
    assert fake.heard == []


async def test_an_upload_that_the_child_breaks_off_is_unknown(tmp_path: pathlib.Path) -> None:
    async def close_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.close()

    bits = tmp_path / "bits"
    bits.write_bytes(b"0" * 20_000_000)
    server = await asyncio.start_server(close_early, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = AiohttpTransport(True, Limits(call_timeout=60))
    upload = Upload(str(bits), 20_000_000)
    try:
        with pytest.raises(OutcomeUnknown):
            await transport.exchange(
                Call(
                    service="image",
                    method="PUT",
                    url=f"http://127.0.0.1:{port}/x",
                    upload=upload,
                    repeat=False,
                )
            )
    finally:
        await transport.close()
        server.close()


async def test_an_answer_without_end_is_given_up(
    fake: FakeChild, transport: AiohttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" " * 1000)
        return response

    monkeypatch.setattr("fractus.clouds.openstack.transport._LARGEST_ANSWER", 100_000)
    fake.on("GET /x", endless)
    with pytest.raises(Unreachable, match="does not end"):
        await transport.exchange(call(fake, "GET"))


def test_what_is_printed_of_a_call_shows_no_token() -> None:
    made = Call(service="compute", method="GET", url="http://127.0.0.1/x", headers=TOKEN)
    assert "gAAAtoken" not in repr(made)
    assert "secret" not in repr(Answer(200, {"x-subject-token": "secret"}, b"secret"))
