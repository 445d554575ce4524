from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fractus.model.errors import Forbidden, Invalid
from fractus.services.compute.servers.queries import conditions
from fractus.services.compute.servers.schema import search
from fractus.store.listing import Filter, sieve
from fractus.store.patterns import matcher
from tests.unit.services.compute.servers.house import BASE_URL, House, admin, ann, bob, reader


async def names(house: House, query: Any = "", **more: Any) -> list[str]:
    answer = await house.ask("GET", "/servers", query=query, **more)
    return [server["name"] for server in answer["servers"]]


async def three(house: House) -> dict[str, str]:
    """Three servers, one second apart: `db` in west, `web-1` and `web-2` in east."""
    ids = {}
    for name, cloud, more in (
        ("db", "west", {"tags": ["sql", "x"], "description": "the database", "image": "debian"}),
        ("web-1", "east", {"tags": ["x"], "key": "laptop"}),
        ("web-2", "east", {"flavor": "big", "config_drive": True}),
    ):
        about: dict[str, Any] = dict(more)
        image, flavor, key = about.pop("image", None), about.pop("flavor", None), about.pop("key", None)
        if image:
            about["imageRef"] = house.add_image(image)
        if flavor:
            about["flavorRef"] = house.add_flavor(flavor)
        if key:
            house.add_key("ann", key)
            about["key_name"] = key
        ids[name] = await house.create(name=name, **about)
        await house.place(ids[name], cloud, host=f"{name}-host", hypervisor_hostname=f"{name}.node")
        house.clock.at += 1
    return ids


# --- who sees what --------------------------------------------------------------------------------


async def test_the_newest_comes_first_and_only_ones_own(house: House) -> None:
    await three(house)
    await house.create(who=bob(), name="other")
    assert await names(house) == ["web-2", "web-1", "db"]
    assert await names(house, who=bob()) == ["other"]
    assert await names(house, who=reader()) == ["web-2", "web-1", "db"]
    assert await names(house, who=admin()) == []


async def test_all_tenants_are_for_admins(house: House) -> None:
    await three(house)
    await house.create(who=bob(), name="other")
    for path, rule in (("/servers", "index"), ("/servers/detail", "detail")):
        said = await house.refused(Forbidden, "GET", path, query="all_tenants=1")
        assert said == f"Policy doesn't allow os_compute_api:servers:{rule}:get_all_tenants to be performed."
    everybody = ["other", "web-2", "web-1", "db"]
    for query in ("all_tenants=1", "all_tenants", "all_tenants=True"):
        assert await names(house, query, who=admin()) == everybody
    assert await names(house, "all_tenants=0", who=admin()) == []
    assert await names(house, "all_tenants=1&project_id=bob-project", who=admin()) == ["other"]
    assert await names(house, "all_tenants=1&tenant_id=bob-project", who=admin()) == ["other"]
    assert await names(house, "project_id=bob-project", who=admin()) == []
    said = await house.refused(Invalid, "GET", "/servers", query="all_tenants=maybe", who=admin())
    assert said.startswith("Unrecognized value 'maybe', acceptable values are: '0', '1'")


# --- filters --------------------------------------------------------------------------------------

# query, who it is for, what is found, why
FILTERS: list[tuple[str, bool, list[str], str]] = [
    ("name=web", False, ["web-2", "web-1"], "a part of the name"),
    ("name=^web-[12]$", False, ["web-2", "web-1"], "a regular expression"),
    ("name=WEB", False, ["web-2", "web-1"], "whatever the case, as in the databases of most Novas"),
    ("name=w%25b", False, [], "a per cent sign is no wildcard"),
    ("status=ACTIVE", False, ["web-2", "web-1", "db"], "all of them run"),
    ("status=active", False, ["web-2", "web-1", "db"], "whatever the case"),
    ("status=SHUTOFF", False, [], "none is off"),
    ("status=SHUTOFF&status=ACTIVE", False, ["web-2", "web-1", "db"], "any of several"),
    ("image={debian}", False, ["db"], "the id of an image"),
    ("flavor=big", False, ["web-2"], "the id of a flavor"),
    ("flavor=nope", False, [], "no such flavor is no error"),
    ("ip=10.0.0.2", False, ["web-1"], "an address"),
    ("ip=10.0.0", False, ["web-2", "web-1", "db"], "a part of addresses"),
    ("ip=^10.0.0.2$", False, [], "no regular expression: Nova has Neutron look for the text"),
    ("ip=0.0.2&ip6=nothing", False, ["web-1"], "either of the two"),
    ("ip6=10.0.0.2", False, ["web-1"], "of either family"),
    ("ip6=fe80", False, [], "of the other family"),
    ("tags=x", False, ["web-1", "db"], "tagged"),
    ("tags=x,sql", False, ["db"], "tagged with all"),
    ("tags=X", False, [], "tags tell upper from lower case"),
    ("tags-any=sql,y", False, ["db"], "tagged with any"),
    ("not-tags=x,sql", False, ["web-2", "web-1"], "not tagged with all"),
    ("not-tags-any=x,sql", False, ["web-2"], "not tagged with any"),
    ("locked=False", False, ["web-2", "web-1", "db"], "not locked"),
    ("locked=1", False, [], "locked"),
    ("availability_zone=west", False, ["db"], "the cloud"),
    ("key_name=lap", False, ["web-1"], "the key"),
    ("config_drive=True", False, ["web-2"], "with a config drive"),
    ("power_state=1", False, ["web-2", "web-1", "db"], "running"),
    ("power_state=4", False, [], "not running"),
    ("vm_state=active", False, ["web-2", "web-1", "db"], "the state"),
    ("task_state=deleting", False, [], "the task"),
    ("progress=5", False, [], "the progress is always 0"),
    ("user_id=ann", False, ["web-2", "web-1", "db"], "whose"),
    ("hostname=web-2", False, ["web-2"], "the host name"),
    ("created_at=2025-06-15 15:06:41", False, ["web-1"], "the moment of creation"),
    ("launched_at=2025", False, ["web-2", "web-1", "db"], "the moment of launch"),
    ("changes-since=2025-06-15T15:06:41Z", False, ["web-2", "web-1"], "changed since"),
    ("changes-before=2025-06-15T15:06:41Z", False, ["web-1", "db"], "changed before, or in that second"),
    ("description=database", False, ["web-2", "web-1", "db"], "not for everybody: passed over"),
    ("description=database", True, ["db"], "the description"),
    ("display_name=db", True, ["db"], "the older name of name"),
    ("host=west:db-host", True, ["db"], "the host, as admins see it"),
    ("host=west:db-host", False, ["web-2", "web-1", "db"], "not for everybody: passed over"),
    ("node=web-1.n", True, ["web-1"], "the hypervisor"),
    ("uuid={db}", True, ["db"], "the id"),
    ("launch_index=0", True, ["web-2", "web-1", "db"], "the place in its request"),
    ("auto_disk_config=1", True, [], "all have MANUAL"),
    ("kernel_id=x", True, [], "there are no kernels"),
    ("deleted=True", True, [], "none is deleted"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "for_admins", "found", "why"), FILTERS)
async def test_filters(house: House, query: str, for_admins: bool, found: list[str], why: str) -> None:
    ids = await three(house)
    query = query.replace("{debian}", house.add_image("debian")).replace("{db}", ids["db"])
    query = query.replace("^", "%5E").replace("[", "%5B").replace("]", "%5D").replace(" ", "%20")
    who = admin() if for_admins else ann()
    if for_admins:
        query += "&all_tenants=1"
    assert await names(house, query, who=who) == found, why


async def test_filters_are_known_since_their_version(house: House) -> None:
    await three(house)
    everything = ["web-2", "web-1", "db"]
    for query, since in (
        ("ip6=x", "2.5"),
        ("tags=sql", "2.26"),
        ("changes-before=2020-01-01T00:00:00Z", "2.66"),
        ("locked=1", "2.73"),
        ("key_name=lap", "2.83"),
        ("hostname=web-2", "2.90"),
    ):
        before = f"2.{int(since[2:]) - 1}"
        assert await names(house, query, version=before) == everything
        assert await names(house, query, version=since) != everything


async def test_unknown_parameters_are_passed_over_and_refused_since_2_75(house: House) -> None:
    await three(house)
    assert len(await names(house, "color=red", version="2.74")) == 3
    said = await house.refused(Invalid, "GET", "/servers", query="color=red&shape=round")
    assert said == "'color', 'shape' do not match any of the regexes: '^_'"


async def test_a_status_that_does_not_exist_is_an_error_since_2_38(house: House) -> None:
    await three(house)
    assert await names(house, "status=odd", version="2.37") == []
    assert await house.refused(Invalid, "GET", "/servers", query="status=odd") == "Invalid status value"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("name=%5B", "Invalid input for query parameters name. Value: [. '[' is not a 'regex'"),
        ("name=", "Invalid input for query parameters name. Value: . '' is not a 'regex'"),
        ("changes-since=soon", "'soon' is not a 'date-time'"),
        (
            "changes-since=2026-01-02T00:00:00Z&changes-before=2026-01-01T00:00:00Z",
            "The value of changes-since must be less than or equal to changes-before.",
        ),
        ("locked=maybe", "Unrecognized value 'maybe'"),
        ("limit=x", "Invalid input for query parameters limit. Value: x. 'x' does not match '^[0-9]*$'"),
        ("limit=-1", "'-1' does not match '^[0-9]*$'"),
        (
            "sort_key=color",
            "Invalid input for query parameters sort_key. Value: color. 'color' is not one of [",
        ),
        ("sort_dir=up", "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'"),
        ("sort_dir=asc&sort_dir=asc", "Invalid input received: Sort direction size exceeds sort key size"),
    ],
)
async def test_bad_parameters(house: House, query: str, says: str) -> None:
    assert says in await house.refused(Invalid, "GET", "/servers/detail", query=query)


async def test_what_nova_names_only_to_refuse_it(house: House) -> None:
    said = await house.refused(Invalid, "GET", "/servers", query="services=1", who=admin())
    assert said == "Invalid filter field: services."
    assert await names(house, "services=1") == []
    said = await house.refused(Invalid, "GET", "/servers", query="_x=1", who=admin())
    assert said == "Invalid filter field: _x."


async def test_deleted_servers_are_for_admins_unless_changes_are_asked_for(house: House) -> None:
    ids = await three(house)
    await house.ask("DELETE", f"/servers/{ids['db']}")
    await house.gone(ids["db"])
    assert await names(house) == ["web-2", "web-1"]
    assert await names(house, "deleted=1") == ["web-2", "web-1"]
    assert await names(house, "deleted=1&all_tenants=1", who=admin()) == ["db"]
    assert await names(house, "changes-since=2020-01-01T00:00:00Z") == ["web-2", "web-1", "db"]
    said = await house.refused(Forbidden, "GET", "/servers", query="status=deleted")
    assert said == "Only administrators may list deleted instances"
    assert await names(house, "status=deleted&all_tenants=1", who=admin()) == ["db"]


# --- order and pages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sort_key=display_name&sort_dir=asc", ["db", "web-1", "web-2"]),
        ("sort_key=display_name", ["web-2", "web-1", "db"]),
        ("sort_dir=asc", ["db", "web-1", "web-2"]),
        (
            "sort_key=availability_zone&sort_key=display_name&sort_dir=desc&sort_dir=asc",
            ["db", "web-1", "web-2"],
        ),
        ("sort_key=vm_state&sort_dir=asc", ["db", "web-1", "web-2"]),
        ("sort_key=progress&sort_dir=asc", ["db", "web-1", "web-2"]),
        ("sort_key=locked", ["web-2", "web-1", "db"]),
    ],
)
async def test_order(house: House, query: str, found: list[str]) -> None:
    await three(house)
    assert await names(house, query) == found


async def test_sort_keys_by_version_and_rights(house: House) -> None:
    await three(house)
    assert await names(house, "sort_key=vcpus&sort_dir=asc", version="2.74") == ["db", "web-1", "web-2"]
    for version, key in (("2.75", "vcpus"), ("2.75", "id")):
        assert "is not one of" in await house.refused(
            Invalid, "GET", "/servers", query=f"sort_key={key}", version=version
        )
    said = await house.refused(Forbidden, "GET", "/servers", query="sort_key=host")
    assert said == "Only administrators can sort servers by host"
    assert await names(house, "sort_key=host&sort_dir=asc&all_tenants=1", who=admin()) == [
        "web-1",
        "web-2",
        "db",
    ]


@pytest.mark.parametrize("path", ["/servers", "/servers/detail"])
async def test_pages_follow_their_links_to_the_end(house: House, path: str) -> None:
    await house.create(max_count=5)
    seen: list[str] = []
    query = "limit=2&sort_key=display_name&sort_dir=asc"
    for _ in range(3):
        answer = await house.ask("GET", path, query=query)
        seen += [server["name"] for server in answer["servers"]]
        if "servers_links" not in answer:
            break
        (link,) = answer["servers_links"]
        assert link["rel"] == "next"
        url = urlsplit(link["href"])
        assert f"{url.scheme}://{url.netloc}{url.path}" == f"{BASE_URL}/v2.1{path}"
        assert dict(parse_qsl(url.query))["marker"] == answer["servers"][-1]["id"]
        query = url.query
    assert seen == [f"web-{n}" for n in range(1, 6)]


async def test_limits(house: House) -> None:
    await house.create(max_count=3)
    answer = await house.ask("GET", "/servers", query="limit=0")
    assert answer == {"servers": []}
    answer = await house.ask("GET", "/servers", query="limit=3")
    assert len(answer["servers"]) == 3
    assert "servers_links" in answer  # Nova cannot know either that these were all
    answer = await house.ask("GET", "/servers", query="limit=4")
    assert "servers_links" not in answer


async def test_markers_are_ones_own_or_unknown(house: House) -> None:
    theirs = await house.create(who=bob())
    for marker in (theirs, "nope"):
        said = await house.refused(Invalid, "GET", "/servers/detail", query={"marker": marker})
        assert said == f"marker [{marker}] not found"
    ids = await three(house)
    await house.gone(ids["web-1"])
    assert await names(house, {"marker": ids["web-1"]}) == ["db"]  # gone meanwhile: the place stays known


# --- patterns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    ["web", "^web", "web$", "^web$", "^", "$", "^$", r"a\.b", r"^a_b$", "50%", r"a\\", r"^\^\$$", "W", "a.b"],
)
def test_a_pattern_without_anything_special_is_asked_of_the_database_in_other_words(pattern: str) -> None:
    (said,) = conditions({"name": pattern})
    assert isinstance(said, Filter)
    assert (said.op == "like") == (pattern != "a.b")
    matches = sieve(said)
    for name in ("web", "WEB", "a web", "webs", "", "a.b", "axb", "a_b", "50%", "505", "a\\", "^$", "a.b.c"):
        assert matches(name) == (re.search(pattern, name, re.IGNORECASE) is not None), name


MANY_NAMES = "|".join(f"web-{number:05d}" for number in range(100))


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        ("^web-[[:digit:]]+$", "web-1", "web-x"),
        ("^[[:alpha:]_-]+[[:digit:]]$", "web_-1", "1web1"),
        ("^[^[:space:]]+$", "web", "a b"),
        ("^[[:punct:]]+$", "!-/[]^_`{~", "a!"),
        ("^[][:alnum:]]+$", "a]1", "a["),
        (r"^\[[[:upper:][:xdigit:]]+$", "[beef", "[-"),
        (f"^({MANY_NAMES})$", "web-00099", "web-00100"),
    ],
)
async def test_patterns_that_novas_databases_know(
    house: House, pattern: str, found: str, not_found: str
) -> None:
    for name in (found, not_found):
        await house.create(name=name)
    for version in ("2.1", "2.104"):
        answer = await house.ask("GET", "/servers", query={"name": pattern}, version=version)
        assert [server["name"] for server in answer["servers"]] == [found]


@pytest.mark.parametrize("pattern", ["a" * 1025, "[[:nosuch:]]", "(a+)+$"])
async def test_a_pattern_beyond_the_bounds_is_refused_with_them(house: House, pattern: str) -> None:
    said = await house.refused(Invalid, "GET", "/servers", query={"name": pattern})
    assert said.startswith(
        f"Invalid input for query parameters name. Value: {pattern}. {pattern!r} is not a 'regex' ("
    )
    assert "at most 1024 characters" in said


NAMES = ("a" * 255, "ab" * 127, "web-" * 63)


def _busy(work: Callable[[], object]) -> float:
    """CPU seconds of this process for it: the least of a few, for the collector of garbage runs in one of them."""
    spent = []
    for _ in range(4):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def test_no_pattern_that_is_taken_keeps_the_process_busy() -> None:
    """CPU seconds for one name as long as names can be; the real ones are a hundredth of it."""
    taken = 0
    pieces = ("a?", "a|", "(a|b)", "a{9}", "a{0,99}", "(a|b|c|.)", "a*", "(a)?", "[ab]?", "web-00|", "a{255}")
    for piece in pieces:
        for count in (1, 2, 20, 85, 100, 140, 333, 500):
            pattern = (piece * count).rstrip("|") + "z"
            if not search.is_pattern(pattern):
                continue
            taken += 1
            matches = matcher(pattern)
            assert _busy(lambda matches=matches: [*map(matches, NAMES)]) < 0.5, pattern  # type: ignore[misc]
    assert taken > 20


@pytest.mark.parametrize("piece", ["[:a", "[", "[[:alpha:]", "a{9"])
def test_a_pattern_as_long_as_a_url_costs_nothing_to_refuse(piece: str) -> None:
    pattern = "[:" + piece * (60_000 // len(piece))
    assert not search.is_pattern(pattern)
    assert _busy(lambda: search.is_pattern(pattern)) < 0.1


@pytest.mark.parametrize(
    "pattern", [r"web", r"^web-\d+$", r"a.*b.*c", r"[a-z]+", r"(web|db)-1", r"^\d{1,3}\.\d{1,3}\.\d{1,3}$"]
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    assert search.is_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a|a)*b",
        r"((a)|(a))*b",
        r"(?:a*)*",
        r"a*a*a*a*b",
        r"(a{1,9}){1,9}",
        r"(a)\1",
        r"(?P<x>a)(?P=x)",
        r"[])]+(x+)+",
        r"a{1,}b{2,}c{3,}",
        "x" * 1025,
        "a{1,1000}b",
        "a{200}b{100}",
        "a?" * 101,
        "[[:nosuch:]]",
        "[[:^digit:]]",
        "(",
        "",
    ],
)
def test_patterns_that_could_take_for_ever_are_none(pattern: str) -> None:
    assert not search.is_pattern(pattern)
