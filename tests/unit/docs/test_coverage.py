"""docs/api-coverage.md says what the route tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.web.routing import Call, Reply, Route
from tools.docs import coverage
from tools.docs.coverage import GONE, LIVE, NOT_YET, SERVED, Row

ROOT = coverage.LISTS.parents[1]
Found = dict[str, list[Row]]


@pytest.fixture(scope="module")
def found() -> Found:
    return coverage.tables()


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / coverage.PLACE).read_text("utf-8")
    assert written == coverage.page(), "run `make docs`"


@pytest.mark.parametrize(
    ("api", "method", "path", "action", "state"),
    [
        ("compute", "GET", "/servers/detail", "", SERVED),
        ("compute", "POST", "/servers/{server_id}/action", "os-getConsoleOutput", LIVE),
        ("compute", "GET", "/servers/{server_id}/shares", "", NOT_YET),
        ("compute", "GET", "/os-certificates/{id}", "", GONE),
        ("network", "POST", "/ports", "", SERVED),
        ("network", "POST", "/local_ips", "", NOT_YET),
        ("image", "PUT", "/images/{image_id}/file", "", SERVED),
        ("identity", "POST", "/auth/tokens", "", SERVED),
        ("volume", "POST", "/volumes/{volume_id}/action", "os-extend", SERVED),
        ("volume", "POST", "/volumes/{id}/action", "os-migrate_volume", NOT_YET),
    ],
)
def test_a_route_has_its_state(
    found: Found, api: str, method: str, path: str, action: str, state: str
) -> None:
    states = [row.state for row in found[api] if (row.method, row.path, row.action) == (method, path, action)]
    assert states == [state]


def test_all_six_apis_are_covered(found: Found) -> None:
    assert list(found) == ["compute", "network", "volume", "placement", "image", "identity"]


def test_no_route_is_listed_twice(found: Found) -> None:
    for api, rows in found.items():
        reported = [(row.method, row.path, row.action, row.note) for row in rows]
        assert len(set(reported)) == len(reported), api


def test_versions_are_listed() -> None:
    async def handler(_call: Call) -> Reply:
        return Reply()

    versions = coverage.services()[0].service.versions
    assert versions is not None
    version = versions.max
    route = Route(
        method="GET", path="/x", handler=handler, summary="X.", min_version=version, max_version=version
    )
    assert coverage._of_route(route).note == f"X. From {version}. Up to {version}."


def test_a_list_has_a_path_a_line() -> None:
    rows = coverage.of_list("# a comment: GET\n/b POST GET\n/a/action #run\n", NOT_YET)
    assert [(row.method, row.path, row.action) for row in rows] == [
        ("POST", "/a/action", "run"),
        ("GET", "/b", ""),
        ("POST", "/b", ""),
    ]


def test_check_tells_what_is_out_of_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs").mkdir()
    assert coverage.main(["--check", str(tmp_path)]) == 1
    assert "make docs" in capsys.readouterr().out
    assert coverage.main([str(tmp_path)]) == 0
    assert coverage.main(["--check", str(tmp_path)]) == 0
