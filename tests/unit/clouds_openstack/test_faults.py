from __future__ import annotations

import json
from typing import Any

import pytest

from fractus.clouds.openstack import faults
from fractus.model.errors import (
    CloudError,
    CredentialsRejected,
    Missing,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unreachable,
)

OURS = {"x-openstack-request-id": "req-1"}


def fault(status: int, body: Any = b"", *, repeatable: bool = False, **headers: str) -> CloudError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = OURS | {name.replace("_", "-"): value for name, value in headers.items()}
    return faults.from_answer("compute", status, named, raw, repeatable=repeatable)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"itemNotFound": {"code": 404, "message": "Instance x could not be found."}},
            "Instance x could not be found.",
        ),
        ({"NeutronError": {"type": "PortNotFound", "message": "Port x.", "detail": ""}}, "Port x."),
        ({"NeutronError": "an old one"}, "an old one"),
        ({"error": {"code": 401, "message": "Unauthenticated", "title": "Unauthorized"}}, "Unauthenticated"),
        ({"message": "Not <b>so</b><br /><br />\n\n", "code": "409 Conflict", "title": "Conflict"}, "Not so"),
        ({"errors": [{"status": 404, "title": "Not Found", "detail": "No such thing"}]}, "No such thing"),
        ({"faultcode": "Client", "faultstring": "pecan says no", "debuginfo": None}, "pecan says no"),
        (
            b"<html><head><title>403 Forbidden</title></head><body><h1>403</h1>Go &amp; see<br/></body>",
            "Go & see",
        ),
        (b"plain words\n", "plain words"),
        (b"", "compute answered 400"),
        (b"[]", "compute answered 400"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_childs_own_sentence_is_found_in_every_envelope(body: Any, sentence: str) -> None:
    assert fault(400, body).reason == sentence


def test_a_page_is_cut_to_a_sentence() -> None:
    assert len(fault(400, b"word " * 1000).reason) == 500


@pytest.mark.parametrize(
    ("status", "repeatable", "kind"),
    [
        (401, True, CredentialsRejected),
        (404, True, Missing),
        (406, False, Throttled),
        (429, False, Throttled),
        (503, False, Throttled),
        (400, False, Refused),
        (403, False, Refused),
        (409, False, Refused),
        (413, False, Refused),
        (501, False, Refused),
        (500, False, OutcomeUnknown),
        (502, False, OutcomeUnknown),
        (504, False, OutcomeUnknown),
        (302, False, OutcomeUnknown),
        (500, True, Unreachable),
        (502, True, Unreachable),
    ],
)
def test_each_status_means_one_thing(status: int, repeatable: bool, kind: type[CloudError]) -> None:
    assert type(fault(status, repeatable=repeatable)) is kind


@pytest.mark.parametrize(
    ("status", "body", "elsewhere"),
    [
        (
            403,
            {
                "forbidden": {
                    "message": "Quota exceeded for cores: Requested 1, but already used 20 of 20 cores"
                }
            },
            True,
        ),
        (403, {"forbidden": {"message": "Maximum number of ports exceeded"}}, True),
        (403, {"forbidden": {"message": "Quota exceeded, too many key pairs."}}, True),
        (403, {"forbidden": {"message": "User 1 is over limit for instances"}}, True),
        (
            409,
            {"NeutronError": {"type": "OverQuota", "message": "Quota exceeded for resources: ['network']."}},
            True,
        ),
        (
            409,
            {"NeutronError": {"type": "IpAddressGenerationFailure", "message": "No more IP addresses"}},
            True,
        ),
        (
            503,
            {"NeutronError": {"type": "NoNetworkAvailable", "message": "No tenant network is available"}},
            True,
        ),
        (413, {"message": "Denying attempt to upload image because it exceeds the quota"}, True),
        (
            403,
            {"forbidden": {"message": "Policy doesn't allow os_compute_api:servers:create to be performed."}},
            False,
        ),
        (409, {"NeutronError": {"type": "IpAddressInUse", "message": "Unable to complete: in use"}}, False),
        (400, {"badRequest": {"message": "Quota is not a word for a name"}}, False),
    ],
)
def test_another_cloud_may_say_yes_only_where_this_one_ran_out(
    status: int, body: Any, elsewhere: bool
) -> None:
    error = fault(status, body)
    assert isinstance(error, Refused)
    assert (error.elsewhere, error.status) == (elsewhere, status)


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry_after": "17"}, 17.0),
        ({}, 1.0),
        ({"retry_after": "soon"}, 1.0),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "Wed, 21 Oct 2099 07:28:30 GMT", "date": "Wed, 21 Oct 2099 07:28:00 GMT"}, 30.0),
        ({"retry_after": "Wed, 21 Oct 2099 07:28:30 GMT"}, 1.0),
    ],
)
def test_the_child_says_when_to_come_back_and_its_date_is_not_held_against_our_clock(
    headers: dict[str, str], after: float
) -> None:
    error = fault(429, **headers)
    assert isinstance(error, Throttled)
    assert error.after == after


def test_413_with_a_time_is_a_rate_limit() -> None:
    assert isinstance(fault(413, retry_after="5"), Throttled)


def test_a_404_that_no_service_wrote_says_nothing_about_the_thing() -> None:
    lost = faults.from_answer("compute", 404, {}, b"<html>nginx</html>", repeatable=True)
    assert isinstance(lost, Unreachable)
    own = faults.from_answer("compute", 404, {}, b'{"itemNotFound": {"message": "gone"}}', repeatable=True)
    assert isinstance(own, Missing)


def test_what_a_child_echoes_of_our_secrets_is_blotted_out() -> None:
    body = b"bad header X-Auth-Token: gAAAsecret for password hunter2"
    error = faults.from_answer(
        "compute", 400, OURS, body, repeatable=False, secrets=("gAAAsecret", "hunter2", "")
    )
    assert error.reason == "bad header X-Auth-Token: *** for password ***"
