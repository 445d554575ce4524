"""What every request of a service goes through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from fractus.model.errors import Invalid
from fractus.store.transaction import Away
from fractus.web.body import BrokenOff
from fractus.web.routing import Call, Query, Reply, Route
from fractus.web.service import WebSettings
from tests.unit.web.toy import RULE, RULES, UNSERVED, Client, Story, build, compute, image, routes

THINGS = "/compute/v2.1/things"


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def api(story: Story) -> Client:
    return build([compute(story), image(story)])


async def test_a_route_gets_everything_about_its_call(api: Client, story: Story) -> None:
    answer = await api("GET", f"{THINGS}/7", query=b"a=1&b=x%20y&a=2", headers={"Accept": "x/y"})
    assert (answer.status, answer.json) == (200, {"thing": {"id": "7"}})
    assert answer.headers["content-type"] == "application/json"
    call = story.calls[0]
    assert call.principal.user_id == "u-ann"
    assert call.params == {"thing_id": "7"}
    assert (call.query.one("a"), call.query.all("a"), call.query.one("b")) == ("2", ["1", "2"], "x y")
    assert (call.query.names(), call.query.one("c", "d")) == (["a", "b"], "d")
    assert call.headers["accept"] == "x/y"
    assert call.base_url == "http://api.example:8774/compute"
    assert call.url == "http://api.example:8774/compute/v2.1/things/7"
    assert call.request_id == answer.headers["x-openstack-request-id"]


async def test_parameters_have_the_names_of_their_own_route(api: Client, story: Story) -> None:
    await api("PUT", f"{THINGS}/7")
    assert story.calls[0].params == {"id": "7"}


async def test_without_a_token_nothing_is_shown(api: Client) -> None:
    for method, path in [("GET", THINGS), ("GET", "/compute/v2.1/nosuch"), ("PATCH", THINGS)]:
        for token in (None, "", "wrong"):
            answer = await api(method, path, token=token)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == 'Keystone uri="http://id.example/v3"'
            message = "The request you have made requires authentication."
            assert answer.json == {"error": {"code": 401, "title": "Unauthorized", "message": message}}


async def test_a_public_route_needs_no_token(api: Client) -> None:
    assert (await api("GET", "/compute/v2.1/open", token=None)).status == 200


async def test_an_unknown_path_is_not_found_in_the_words_of_its_service(api: Client) -> None:
    answer = await api("GET", "/compute/v2.1/nosuch")
    assert answer.status == 404
    assert answer.json == {"itemNotFound": {"code": 404, "message": "The resource could not be found."}}
    answer = await api("GET", "/image/v2/nosuch", headers={"Accept": "application/json"})
    assert (answer.status, answer.json["code"]) == (404, "404 Not Found")
    assert (await api("GET", "/compute/v9", token=None)).json["itemNotFound"]["code"] == 404
    assert (await api("GET", "/computer", token=None)).json["error"]["code"] == 404


async def test_a_slash_at_the_end_is_another_path_unless_the_service_says_otherwise(
    api: Client, story: Story
) -> None:
    assert (await api("GET", f"{THINGS}/7/")).status == 200
    # As with an id that is empty by mistake, in Glance and Nova.
    assert (await api("POST", "/image/v2/images", json={})).status == 202
    for path in ("/image/v2/images/", "/image/v2/images//", "/image/v2/images/7/"):
        for method in ("GET", "POST", "DELETE"):
            answer = await api(method, path, headers={"Accept": "application/json"})
            assert (answer.status, answer.json["code"]) == (404, "404 Not Found")
        assert (await api("GET", path, token=None)).status == 401


async def test_the_old_mount_has_every_route_at_the_oldest_version(api: Client, story: Story) -> None:
    asked = {"OpenStack-API-Version": "compute 2.20"}
    assert (await api("GET", "/compute/v2.1/shape", headers=asked)).json == {"shape": "new"}
    answer = await api("GET", "/compute/v2/shape", headers=asked)
    assert answer.json == {"shape": "old"}
    assert "openstack-api-version" not in answer.headers
    nonsense = await api("GET", "/compute/v2/things/7", headers={"OpenStack-API-Version": "compute 9.9"})
    assert nonsense.status == 200
    assert story.calls[-1].url == "http://api.example:8774/compute/v2/things/7"
    assert (await api("GET", "/compute/v2/things", token=None)).status == 401
    assert (await api("GET", "/compute/v2/nosuch", token=None)).status == 401
    assert (await api("GET", "/compute/v2/nosuch")).status == 404


async def test_a_method_that_a_path_has_not_is_refused_with_those_it_has(api: Client) -> None:
    answer = await api("PATCH", THINGS)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.json["badMethod"]["code"] == 405
    assert (await api("OPTIONS", THINGS, token=None)).status == 401
    assert (await api("HEAD", THINGS)).status == 405
    assert (await api("TRACE", THINGS)).status == 405


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("GET", f"{THINGS}/1/diagnostics", None, "GET /things/{id}/diagnostics"),
        ("PATCH", f"{THINGS}/1", None, "PATCH /things/{id}"),
        ("POST", f"{THINGS}/1/action", {"evacuate": {}}, "the action evacuate of POST /things/{id}/action"),
    ],
)
async def test_what_is_known_but_not_served_says_so(
    api: Client, method: str, path: str, body: Any, named: str
) -> None:
    answer = await api(method, path, json=body)
    assert answer.status == 501
    message = f"fractus does not serve {named} of the compute API yet."
    assert answer.json == {"notImplemented": {"code": 501, "message": message}}
    assert (await api(method, path, json=body, token=None)).status == 401


async def test_policy_is_asked_before_the_body_is_read(api: Client, story: Story) -> None:
    answer = await api("DELETE", f"{THINGS}/1", body=b"{bad")
    assert answer.status == 403
    message = "Policy doesn't allow os_compute_api:things:delete to be performed."
    assert answer.json == {"forbidden": {"code": 403, "message": message}}
    assert story.calls == []
    assert (await api("DELETE", f"{THINGS}/1", token="boss")).status == 204


async def test_a_token_without_a_project_may_do_nothing(api: Client) -> None:
    assert (await api("GET", THINGS, token="system")).status == 403
    assert (await api("DELETE", f"{THINGS}/1", token="system")).status == 403


async def test_a_handler_can_ask_policy_about_more(api: Client, story: Story) -> None:
    await api("GET", THINGS)
    await api("GET", THINGS, token="boss")
    ann, boss = story.calls
    assert (ann.allows(f"{RULE}:delete"), boss.allows(f"{RULE}:delete")) == (False, True)
    assert not ann.allows(RULE, {"project_id": "p-other"})
    with pytest.raises(Exception, match="Policy doesn't allow os_compute_api:things to be performed"):
        ann.enforce(RULE, {"project_id": "p-other"})


async def test_a_body_is_decoded_and_checked(api: Client, story: Story) -> None:
    answer = await api("POST", THINGS, json={"thing": {"name": "x"}})
    assert (answer.status, answer.json) == (202, {"thing": {"name": "x"}})
    assert answer.headers["location"] == "http://api.example:8774/compute/v2.1/things/1"
    answer = await api("POST", THINGS, json={"thing": {"name": "x", "more": 1}})
    assert answer.status == 400
    assert answer.json["badRequest"]["message"].endswith(
        "Additional properties are not allowed ('more' was unexpected)"
    )
    assert len(story.calls) == 1


@pytest.mark.parametrize("body", [b"{bad", b"\xff\xfe", b'{"a":1}}', b"[" * 100_000])
async def test_a_body_that_is_not_json_is_refused_in_the_words_of_its_service(
    api: Client, body: bytes
) -> None:
    answer = await api("POST", THINGS, body=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert answer.json == {"badRequest": {"code": 400, "message": "Malformed request body"}}
    answer = await api("POST", "/image/v2/images", body=body, headers={"Accept": "application/json"})
    assert answer.json["message"].startswith("Malformed JSON in request body.")


@pytest.mark.parametrize("body", [b'{"a": {"b": ["x\\u0000"]}}', b'{"x\\u0000y": 1}'])
async def test_null_characters_are_refused(api: Client, story: Story, body: bytes) -> None:
    """PostgreSQL cannot keep them; so they are nowhere taken."""
    answer = await api("PUT", f"{THINGS}/1", body=body)
    assert (answer.status, "Null characters" in answer.json["badRequest"]["message"]) == (400, True)
    assert (await api("GET", THINGS, query=b"name=%00")).status == 400
    assert (await api("GET", f"{THINGS}/\0")).status == 404
    assert story.calls == []
    assert (await api("PUT", f"{THINGS}/1", body=b'{"a": "\\\\u0000"}')).status == 202
    assert story.calls[0].body == {"a": "\\u0000"}


async def test_without_a_schema_a_body_is_an_object_or_nothing(api: Client, story: Story) -> None:
    assert (await api("PUT", f"{THINGS}/1", json=[1])).status == 400
    assert (await api("PUT", f"{THINGS}/1")).status == 202
    assert (await api("PUT", f"{THINGS}/1", json={"a": 1})).status == 202
    assert [call.body for call in story.calls] == [None, {"a": 1}]


async def test_the_type_of_a_body_counts_where_the_service_looks_at_it(api: Client) -> None:
    async def post(path: str, content_type: str) -> int:
        headers = {"Content-Type": content_type}
        return (await api("POST", path, body=b'{"thing":{"name":"x"}}', headers=headers)).status

    assert await post(THINGS, "text/xml") == 415
    assert await post(THINGS, "application/json; charset=UTF-8") == 202
    assert await post(THINGS, "text/plain") == 202
    assert await post("/image/v2/images", "text/xml") == 202
    assert await post("/compute/v2.1/patches", "application/x-patch") == 202
    assert await post("/compute/v2.1/patches", "application/json") == 415


async def test_a_body_that_is_too_large_is_refused_unread(story: Story) -> None:
    api = build([compute(story)], WebSettings(max_body=100))
    for declare in (True, False):
        answer = await api("POST", THINGS, body=[b" " * 60, b" " * 60], declare=declare)
        assert (answer.status, answer.json["overLimit"]["code"]) == (413, 413)
    assert (await api("POST", THINGS, headers={"Content-Length": "101"})).status == 413
    assert (await api("PUT", f"{THINGS}/1", body=b"{" + b" " * 98 + b"}")).status == 202


async def test_a_raw_body_is_streamed_without_a_bound(story: Story) -> None:
    api = build([compute(story)], WebSettings(max_body=4))
    answer = await api("PUT", f"{THINGS}/1/file", body=[b"abc", b"", b"defgh"])
    assert (answer.status, story.uploaded) == (204, b"abcdefgh")


async def test_half_an_upload_is_not_taken_for_a_whole_one(api: Client, story: Story) -> None:
    answer = await api("PUT", f"{THINGS}/1/file", body=b"abc", breaks_off=True, declare=False)
    assert (answer.status, story.finished.is_set()) == (400, False)
    answer = await api("POST", THINGS, body=b'{"thing":{"name":"x"}}', breaks_off=True, declare=False)
    assert (answer.status, story.calls) == (400, [])
    assert issubclass(BrokenOff, Invalid)


async def test_replies_of_every_kind(api: Client) -> None:
    assert (await api("GET", THINGS)).raw == b'{"things":[]}'
    empty = await api("PUT", f"{THINGS}/1")
    assert (empty.raw, empty.headers["content-length"]) == (b"", "0")
    assert "content-type" not in (await api("DELETE", f"{THINGS}/1", token="boss")).headers
    bits = await api("GET", f"{THINGS}/1/file")
    assert (bits.raw, bits.headers["content-length"]) == (b"abcdef", "6")
    assert bits.headers["content-type"] == "application/octet-stream"
    head = await api("HEAD", f"{THINGS}/1/file")
    assert (head.status, head.raw, head.headers["content-length"]) == (200, b"", "6")


@pytest.mark.parametrize(
    "path", ["/compute//v2.1/things", "/compute/v2.1//things/", "//compute/v2.1/things//"]
)
async def test_slashes_too_many_are_tolerated(api: Client, story: Story, path: str) -> None:
    assert (await api("GET", path)).status == 200
    assert story.calls[0].url == "http://api.example:8774/compute/v2.1/things"


async def test_a_query_that_is_not_utf8_is_refused_and_raw_bytes_are_read(api: Client, story: Story) -> None:
    for bad in (b"name=%ff", b"name=\xff"):
        assert (await api("GET", THINGS, query=bad)).json["badRequest"]["code"] == 400
    assert (await api("GET", THINGS, query="name=grün&x=a%20b".encode())).status == 200
    assert story.calls[0].query.items() == [("name", "grün"), ("x", "a b")]


async def test_what_nobody_foresaw_is_logged_and_not_shown(api: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await api("GET", "/compute/v2.1/crash")
    assert answer.status == 500
    assert b"1234" not in answer.raw
    assert b"RuntimeError" not in answer.raw
    assert answer.headers["x-openstack-request-id"] in answer.json["computeFault"]["message"]
    (line,) = [line for line in logs if line["event"] == "unexpected"]
    assert isinstance(line["exc_info"], RuntimeError)
    answer = await api("GET", "/image/v2/images/1", headers={"Accept": "application/json"})
    assert (answer.status, answer.json["title"]) == (500, "Internal Server Error")


async def test_errors_have_the_status_that_the_service_gives_them(api: Client) -> None:
    assert (await api("GET", "/compute/v2.1/clash")).json["conflictingRequest"]["code"] == 409
    assert (await api("GET", "/compute/v2.1/quota")).json["forbidden"]["code"] == 403
    assert (await api("GET", "/image/v2/quota")).status == 413
    assert (await api("GET", f"{THINGS}/none")).json["itemNotFound"][
        "message"
    ] == "Thing none could not be found."


async def test_glance_answers_errors_as_the_client_accepts_them(api: Client) -> None:
    answer = await api("GET", "/image/v2/images/1", token="reader", headers={"Accept": "*/*"})
    assert (answer.status, answer.headers["content-type"]) == (403, "text/html; charset=UTF-8")
    assert b"You are not authorized to complete get_image action." in answer.raw
    answer = await api("GET", "/image/v2/images/1", token=None, headers={"Accept": "application/json"})
    assert answer.json["message"].startswith("This server could not verify")


async def test_a_live_route_has_a_deadline(api: Client) -> None:
    answer = await api("GET", "/compute/v2.1/slow")
    assert (answer.status, answer.json["serviceUnavailable"]["code"]) == (503, 503)


async def test_an_action_is_chosen_by_the_only_key_of_the_body(api: Client, story: Story) -> None:
    path = f"{THINGS}/1/action"
    assert (await api("POST", path, json={"stop": None})).status == 202
    assert story.calls[0].body == {"stop": None}
    assert (await api("POST", path, json={"wipe": None})).status == 403
    message = "There is no such action: foo"
    assert (await api("POST", path, json={"foo": None})).json == {
        "badRequest": {"code": 400, "message": message}
    }
    for body in ({}, {"stop": 1, "wipe": 1}, [1]):
        answer = await api("POST", path, json=body)
        assert (answer.status, answer.json["badRequest"]["message"]) == (400, "Malformed request body")
    assert (await api("POST", path, json={"tag": 1})).status == 404
    headers = {"OpenStack-API-Version": "compute 2.26"}
    assert (await api("POST", path, json={"tag": 1}, headers=headers)).status == 202


async def test_a_service_token_marks_the_caller(api: Client, story: Story) -> None:
    await api("GET", THINGS)
    await api("GET", THINGS, headers={"X-Service-Token": "service"})
    await api("GET", THINGS, headers={"X-Service-Token": "boss"})
    assert [call.principal.is_service for call in story.calls] == [False, True, False]
    assert (await api("GET", THINGS, headers={"X-Service-Token": "wrong"})).status == 401


@pytest.mark.parametrize(
    ("settings", "headers", "expected"),
    [
        (WebSettings(), {}, "http://client-sees:1/compute"),
        (
            WebSettings(),
            {"X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https"},
            "http://client-sees:1/compute",
        ),
        (
            WebSettings(trust_forwarded=True, public_endpoint="http://pub"),
            {"X-Forwarded-Host": "front:443", "X-Forwarded-Proto": "https"},
            "https://front:443/compute",
        ),
        (WebSettings(trust_forwarded=True, public_endpoint="http://pub/"), {}, "http://pub/compute"),
        (WebSettings(public_endpoint="http://pub"), {"X-Forwarded-Host": "evil"}, "http://pub/compute"),
    ],
)
async def test_the_base_url_is_what_the_client_sees(
    story: Story, settings: WebSettings, headers: dict[str, str], expected: str
) -> None:
    api = build([compute(story)], settings)
    await api("GET", THINGS, headers=headers)
    assert story.calls[0].base_url == expected


@pytest.mark.parametrize(
    ("trusted", "forwarded", "peer"),
    [
        (False, "10.0.0.1", "127.0.0.1"),
        (True, "10.0.0.1", "10.0.0.1"),
        (True, "6.6.6.6, 10.0.0.1", "10.0.0.1"),  # what a client claims stands before what the proxy adds
        (True, "2001:db8::1", "2001:db8::1"),
        (True, None, "127.0.0.1"),
    ],
)
async def test_a_token_is_checked_for_the_address_that_it_came_from(
    story: Story, trusted: bool, forwarded: str | None, peer: str
) -> None:
    api = build([compute(story)], WebSettings(trust_forwarded=trusted))
    headers = {"X-Service-Token": "service"} | ({"X-Forwarded-For": forwarded} if forwarded else {})
    await api("GET", THINGS, headers=headers)
    await api("GET", "/compute/v2.1/nosuch", headers=headers)
    assert api.tokens.peers == [peer] * 4, "of the user and of the service, twice"


async def test_version_documents_are_public(api: Client) -> None:
    for path in ("/compute", "/compute/"):
        answer = await api("GET", path, token=None)
        assert (answer.status, "openstack-api-version" in answer.headers) == (300, False)
        assert answer.json["versions"][0]["links"][0]["href"] == "http://api.example:8774/compute/v2.1/"
    answer = await api("GET", "/compute/v2.1/", token=None)
    assert (answer.status, answer.headers["openstack-api-version"]) == (200, "compute 2.1")
    answer = await api("POST", "/compute/v2.1", token=None)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_every_answer_has_a_request_id(api: Client) -> None:
    requests = [
        ("GET", THINGS, "ann"), ("GET", THINGS, None), ("GET", "/compute/v2.1/nosuch", "ann"), ("PATCH", THINGS, "ann"),
        ("TRACE", THINGS, "ann"), ("GET", "/nosuch", None), ("GET", "/compute/v2.1/crash", "ann"),
        ("GET", "/metrics", None), ("GET", "/healthcheck", None), ("GET", "/compute/", None),
        ("GET", "/image/v2/images/1", None),
    ]  # fmt: skip
    seen = set()
    for method, path, token in requests:
        answer = await api(method, path, token=token)
        own = answer.headers["x-openstack-request-id"]
        assert own.startswith("req-")
        assert len(own) == 40
        seen.add(own)
        if path.startswith("/compute/v2.1") and method != "TRACE":
            assert answer.headers["x-compute-request-id"] == own
    assert len(seen) == len(requests)


async def test_a_callers_request_id_is_taken_over_where_it_is_one(api: Client) -> None:
    given = "req-11111111-2222-3333-4444-555555555555"
    answer = await api("GET", "/compute/v2.1/nosuch", headers={"X-Openstack-Request-Id": given})
    assert answer.headers["x-openstack-request-id"] == given
    for bad in ("1234", "req-x", given + "\tx", "11111111-2222-3333-4444-555555555555"):
        answer = await api("GET", THINGS, headers={"X-Openstack-Request-Id": bad})
        assert answer.headers["x-openstack-request-id"] not in (bad, given)


async def test_requests_side_by_side_have_each_their_own_id(api: Client, story: Story) -> None:
    ids = [f"req-11111111-2222-3333-4444-{n:012}" for n in range(20)]
    headers = [{"X-Openstack-Request-Id": own} for own in ids]
    await asyncio.gather(*(api("GET", THINGS, headers=each) for each in headers))
    assert sorted(story.request_ids) == ids


async def test_every_request_has_one_log_line(api: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await api("GET", f"{THINGS}/none", query=b"secret=1")
        await api("GET", "/nosuch", token=None)
    line, other = [line for line in logs if line["event"] == "request"]
    assert line["request_id"] == answer.headers["x-openstack-request-id"]
    assert (line["method"], line["path"], line["status"], line["project"]) == (
        "GET",
        f"{THINGS}/none",
        404,
        "p-ann",
    )
    assert line["ms"] >= 0
    assert "secret" not in str(line)
    assert (other["status"], other["project"]) == (404, "")
    with structlog.testing.capture_logs() as logs:
        await build([compute(Story())], WebSettings(access_log=False))("GET", THINGS)
    assert logs == []


async def test_metrics_count_by_route_and_not_by_what_users_write(api: Client) -> None:
    await api("GET", f"{THINGS}/1")
    await api("GET", f"{THINGS}/2")
    for n in range(5):
        await api("GET", f"/compute/v2.1/nosuch{n}")
        await api(f"MADEUP{n}", f"{THINGS}/1")
    text = (await api("GET", "/metrics", token=None)).raw.decode()
    labels = 'method="GET",route="/things/{thing_id}",service="compute"'
    assert f'fractus_api_requests_total{{{labels},status="200"}} 2.0' in text
    assert f"fractus_api_seconds_count{{{labels}}} 2.0" in text
    assert 'method="GET",route="-",service="compute",status="404"} 5.0' in text
    assert "MADEUP" not in text
    assert "nosuch" not in text


async def test_healthcheck_says_how_it_is(story: Story) -> None:
    state = ""

    async def health() -> str:
        if state == "explodes":
            raise RuntimeError("secret")
        return state

    api = build([compute(story)], health=health)
    answer = await api("GET", "/healthcheck", token=None)
    assert (answer.status, answer.raw, answer.headers["content-type"]) == (
        200,
        b"OK",
        "text/plain; charset=UTF-8",
    )
    assert (await api("HEAD", "/healthcheck", token=None)).status == 200
    state = "the store does not answer"
    answer = await api("GET", "/healthcheck", token=None)
    assert (answer.status, answer.raw) == (503, b"the store does not answer")
    state = "explodes"
    answer = await api("GET", "/healthcheck", token=None)
    assert (answer.status, b"secret" in answer.raw) == (503, False)


def _route(**more: Any) -> Route:
    given: dict[str, Any] = {
        "method": "GET",
        "path": "/x",
        "handler": _nothing,
        "rule": RULE,
        "summary": "x",
        **more,
    }
    return Route(**given)


async def _nothing(call: Call) -> Reply:
    return Reply()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ([_route(rule="os_compute_api:nosuch")], "no policy rule 'os_compute_api:nosuch'"),
        ([_route(rule="")], "needs a policy rule"),
        ([_route(method="FETCH")], "no such method"),
        ([_route(path="x")], "starts with a slash"),
        ([_route(path="/x/")], "does not end with one"),
        ([_route(), _route()], "two routes GET /x"),
        ([_route(path="/x/{a}"), _route(path="/x/{b}")], "two routes GET /x/{b}"),
        ([_route(method="PATCH", path="/things/{id}")], "both served and unserved"),
        ([_route(method="POST", path="/things/{id}/action")], "with and without an action"),
    ],
)
def test_what_cannot_be_served_does_not_start(story: Story, more: list[Route], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        build([compute(story, routes=[*routes(story), *more], rules=RULES, unserved=UNSERVED)])


def test_a_query_is_a_small_mapping() -> None:
    query = Query("b=1&a=&b=2")
    assert (list(query), "a" in query, "c" in query, bool(query), bool(Query())) == (
        ["b", "a"],
        True,
        False,
        True,
        False,
    )
    assert (query.one("b"), query.one("a")) == ("2", "")
    assert query.items() == [("b", "1"), ("a", ""), ("b", "2")]


async def test_where_the_store_is_away_writes_are_refused_before_their_handler_is_asked(story: Story) -> None:
    async def gate() -> None:
        raise Away("the database takes no connection")

    api = build([compute(story)], gate=gate)
    assert (await api("POST", THINGS, json={"thing": {"name": "n"}})).status == 503
    assert (await api("GET", f"{THINGS}/7")).status == 200
    assert len(story.calls) == 1


async def test_a_websocket_is_closed_before_it_is_accepted(api: Client) -> None:
    """Where a web server offers WebSockets all the same: no route is one, and none is looked for."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    for path in ("/compute/v2.1/things", "/healthcheck", "/nosuch"):
        scope = {"type": "websocket", "path": path, "headers": [], "query_string": b"", "subprotocols": []}
        with structlog.testing.capture_logs() as lines:
            await api.app(scope, receive, send)
        assert lines == []
    assert sent == [{"type": "websocket.close", "code": 1000}] * 3
