"""The bodies of errors, against what real services answered (recorded from Nova 34, Neutron 29, Glance 33)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fractus.model import errors
from fractus.web import faults

NOT_FOUND = errors.NotFound("Network abc could not be found.", kind="network")


def test_every_kind_of_error_has_a_status() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ApiError)
    ]
    statuses = {kind.__name__: faults.status_of(kind("x")) for kind in kinds if kind is not errors.ApiError}
    assert statuses == {
        "Invalid": 400, "Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "NotAllowed": 405, "NotAcceptable": 406,
        "BodyTimeout": 408,
        "Conflict": 409, "TooLarge": 413, "UnsupportedMedia": 415, "QuotaExceeded": 403, "NotSupported": 400,
        "Unavailable": 503, "ReadOnly": 503, "Busy": 503, "NoSpace": 503, "StorageFull": 507,
        "PreconditionFailed": 412, "Unimplemented": 501,
    }  # fmt: skip


def test_special_statuses() -> None:
    assert faults.status_of(None) == 500
    assert faults.status_of(errors.ApiError("x")) == 500
    assert faults.status_of(errors.QuotaExceeded("x"), quota=409) == 409
    assert faults.status_of(faults.RouteNotServed("x")) == 501

    class Special(errors.Conflict):
        """A service's own kind of conflict."""

    assert faults.status_of(Special("x")) == 409


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "badRequest"), (403, "forbidden"), (404, "itemNotFound"), (405, "badMethod"), (406, "computeFault"),
        (409, "conflictingRequest"), (413, "overLimit"), (415, "badMediaType"), (501, "notImplemented"),
        (503, "serviceUnavailable"), (500, "computeFault"),
    ],
)  # fmt: skip
def test_nova_names_its_faults(status: int, name: str) -> None:
    assert faults.nova(errors.Invalid("m"), status, "req-1") == {name: {"code": status, "message": "m"}}


def test_neutron_names_the_type_of_its_errors() -> None:
    def of(error: errors.ApiError | None, status: int) -> Any:
        body = faults.neutron(error, status, "req-1")["NeutronError"]
        assert body["detail"] == ""
        return body["type"], body["message"]

    assert of(NOT_FOUND, 404) == ("NetworkNotFound", "Network abc could not be found.")
    assert of(errors.NotFound("m", kind="security_group"), 404)[0] == "SecurityGroupNotFound"
    assert of(errors.NotFound("m"), 404)[0] == "HTTPNotFound"
    assert of(errors.Invalid("m"), 400)[0] == "HTTPBadRequest"
    assert of(errors.Conflict("m", type="NetworkInUse"), 409)[0] == "NetworkInUse"
    assert of(errors.QuotaExceeded("m"), 409)[0] == "OverQuota"
    assert of(errors.NotAllowed("m"), 405)[0] == "HTTPMethodNotAllowed"
    kind, message = of(None, 500)
    assert kind == "HTTPInternalServerError"
    assert message.startswith("Request Failed: internal server error while processing your request")
    denied = faults.neutron_denied("create_network")
    assert of(denied, 403) == ("PolicyNotAuthorized", "rule:create_network is disallowed by policy")


@pytest.mark.parametrize("envelope", [faults.nova, faults.neutron])
def test_without_a_token_keystonemiddleware_speaks(envelope: faults.Envelope) -> None:
    body = envelope(errors.Unauthorized("anything"), 401, "req-1")
    recorded = (
        b'{"error": {"code": 401, "title": "Unauthorized", '
        b'"message": "The request you have made requires authentication."}}'
    )
    assert body == msgspec.json.decode(recorded)


GLANCE_404 = errors.NotFound("No image found with ID abc")


def test_glance_for_json() -> None:
    body = faults.glance(GLANCE_404, 404, "req-1")
    assert body == {
        "message": "No image found with ID abc<br /><br />\n\n\n",
        "code": "404 Not Found",
        "title": "Not Found",
    }
    assert faults.webob_page(body, "application/json") is None


def test_glance_for_a_browser() -> None:
    content_type, page = faults.webob_page(faults.glance(GLANCE_404, 404, "req-1"), "*/*") or ("", b"")
    assert content_type == "text/html; charset=UTF-8"
    assert page == (
        b"<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n"
        b"  No image found with ID abc<br /><br />\n\n\n\n </body>\n</html>"
    )
    assert len(page) == 148  # the Content-Length of the recorded answer


def test_glance_for_nobody_in_particular() -> None:
    content_type, page = faults.webob_page(faults.glance(GLANCE_404, 404, "req-1"), "") or ("", b"")
    assert content_type == "text/plain; charset=UTF-8"
    assert page == b"404 Not Found\n\nNo image found with ID abc\n\n   "
    assert len(page) == 46  # the Content-Length of the recorded answer


def test_markup_in_a_message_is_escaped_in_html() -> None:
    body = faults.glance(errors.Invalid("Invalid name <script>"), 400, "req-1")
    _, page = faults.webob_page(body, "text/html") or ("", b"")
    assert b"Invalid name &lt;script&gt;" in page


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("application/json", "json"), ("text/html", "html"), ("*/*", "html"), ("", "plain"), ("text/plain", "plain"),
        ("text/html;q=0.3, application/json", "json"), ("application/*;q=0.9, */*;q=0.1", "json"),
        ("application/json;q=0, */*", "html"), ("text/html;q=0", "plain"), ("text/*, application/json;q=0.5", "html"),
    ],
)  # fmt: skip
def test_glance_weighs_what_is_accepted(accept: str, chosen: str) -> None:
    rendered = faults.webob_page(faults.glance(None, 500, "req-1"), accept)
    assert ("json" if rendered is None else rendered[0][5:].split(";")[0]) == chosen


def test_paths_of_no_service_have_words_too() -> None:
    body = faults.plain(errors.NotFound(faults.NOT_FOUND), 404, "req-1")
    assert body == {
        "error": {"code": 404, "title": "Not Found", "message": "The resource could not be found."}
    }
    assert "req-1" in faults.plain(None, 500, "req-1")["error"]["message"]
    assert faults.reason(799) == "Unknown"
