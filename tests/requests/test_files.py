"""The files themselves, how one is run, and the command."""

from __future__ import annotations

import asyncio
import collections
from pathlib import Path

import pytest
import yaml

from tests.requests import run as command
from tests.requests.files import Caller, Place, RequestFile, every, run

_HEADER = "defaults: {request_headers: {x-auth-token: \"$ENVIRON['MEMBER_TOKEN']\"}}\ntests:\n"


def _file(tmp_path: Path, text: str, name: str = "network/some.yaml") -> RequestFile:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return RequestFile(path)


@pytest.mark.parametrize("file", every(), ids=str)
def test_every_request_has_a_name_of_its_own(file: RequestFile) -> None:
    requests = yaml.safe_load(file.path.read_text())["tests"]
    twice = [name for name, n in collections.Counter(one["name"] for one in requests).items() if n > 1]
    assert not twice, "later requests refer to earlier ones by name"


@pytest.mark.parametrize("file", every(), ids=str)
def test_every_file_says_first_what_its_kind_is(file: RequestFile) -> None:
    assert file.path.read_text().startswith("# ")


def test_a_file_says_what_it_needs_that_is_not_served(tmp_path: Path) -> None:
    line = "# Not served by fractus yet: /v2.0/"
    assert _file(tmp_path, f"# Some.\n{line}some\n{line}others\n").unserved == ["/v2.0/some", "/v2.0/others"]
    assert _file(tmp_path, "# Some.\n").unserved == []


async def test_answers_that_differ_are_reported(tmp_path: Path, place: Place) -> None:
    text = _HEADER + (
        "- {name: wrong status, GET: /v2.0/networks, status: 404}\n"
        "- {name: wrong value, GET: /v2.0/networks, response_json_paths: {$.networks: [1]}}\n"
        "- {name: right, GET: /v2.0/networks, response_json_paths: {$.networks: []}}\n"
        "- {name: of an answer that was not, GET: \"/v2.0/networks/$RESPONSE['$.networks[0].id']\"}\n"
    )
    outcome = await asyncio.to_thread(run, _file(tmp_path, text), place)
    assert outcome.requests == 4
    first, second, last = outcome.failed
    assert first.startswith("wrong status\n")
    assert "'200' not found in ['404']" in first
    assert second.startswith("wrong value\n")
    assert '{"networks":[]}' in second
    assert last.startswith("of an answer that was not\n")
    assert "not sent" in last


async def test_skipped_requests_are_reported(tmp_path: Path, place: Place) -> None:
    text = _HEADER + "- {name: some, GET: /v2.0/networks, skip: for a reason}\n"
    assert (await asyncio.to_thread(run, _file(tmp_path, text), place)).skipped == ["some"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four files in place of the real ones."""
    given = {
        "right": _HEADER + "- {name: some, GET: /v2.0/networks}\n",
        "wrong": _HEADER + "- {name: some, GET: /v2.0/networks, status: 404}\n",
        "marked": "# Not served by fractus yet: /v2.0/nothing\n"
        + _HEADER
        + "- {name: some, GET: /v2.0/nothing}\n",
        "others": "tests: [{name: some, GET: \"/v2.0/networks?x=$ENVIRON['OTHER_PROJECT_ID']\"}]\n",
    }
    found = [_file(tmp_path, text, f"network/{name}.yaml") for name, text in given.items()]
    monkeypatch.setattr(command, "every", lambda: found)


@pytest.mark.usefixtures("files")
async def test_the_command_reports_each_file(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_caller", lambda _url, token: Caller(token, "project", "user"))
    url = place.endpoints["network"].removesuffix("/network")
    arguments = ["--endpoint", url, "--token", place.callers["member"].token]
    assert await asyncio.to_thread(command.main, arguments) == 1
    printed = capsys.readouterr().out
    assert "network/right: 1 requests, 0 failed" in printed
    assert "network/wrong: 1 requests, 1 failed" in printed
    assert "network/marked: left out, not served there: /v2.0/nothing" in printed
    assert "network/others: left out, it needs the token of: other" in printed
    assert await asyncio.to_thread(command.main, [*arguments, "network/right"]) == 0


@pytest.mark.usefixtures("files")
def test_the_command_refuses_an_unknown_file() -> None:
    with pytest.raises(SystemExit, match="there is no file network/none; there are: network/right"):
        command.main(["--endpoint", "http://127.0.0.1:1", "--token", "t", "network/none"])


@pytest.mark.usefixtures("files")
async def test_the_command_refuses_an_endpoint_that_is_not_a_fractus(place: Place) -> None:
    nowhere = place.endpoints["network"] + "/nowhere"
    with pytest.raises(SystemExit, match="does not say where its Keystone is"):
        await asyncio.to_thread(command.main, ["--endpoint", nowhere, "--token", "t"])
