"""Names that fractus owns."""

from __future__ import annotations

import pytest

from fractus.base.ids import derived_id, is_request_id, is_uuid, new_id, new_mac, new_request_id

PLAIN = "0f5c1b0e-7d0a-4d7e-9f6a-1c2d3e4f5a6b"


def test_ids_are_uuids_and_never_the_same() -> None:
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_uuid(one) for one in made)


def test_a_derived_id_is_the_same_for_the_same_parts_only() -> None:
    assert derived_id("keypair", "u1", "mine") == derived_id("keypair", "u1", "mine")
    different = {
        derived_id("keypair", "u1", "mine"),
        derived_id("keypair", "u1", "Mine"),
        derived_id("keypair", "u1m", "ine"),
        derived_id("keypair", "u1", "mine", ""),
    }
    assert len(different) == 4
    assert all(is_uuid(one) for one in different)


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        (PLAIN, True, "the usual form"),
        (PLAIN.upper(), True, "either case"),
        (PLAIN.replace("-", ""), True, "oslo takes it without hyphens"),
        ("{" + PLAIN + "}", False, "no braces"),
        ("urn:uuid:" + PLAIN, False, "no prefix"),
        (PLAIN[:-1], False, "too short"),
        (PLAIN + "0", False, "too long"),
        (PLAIN[:-1] + "g", False, "not a digit"),
        ("", False, "nothing"),
        (None, False, "a null in a body is not a UUID"),
        (5, False, "nor is a number"),
        ([], False, "nor a list"),
    ],
)
def test_what_a_uuid_is(text: str, expected: bool, reason: str) -> None:
    assert is_uuid(text) is expected, reason


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        pytest.param(new_request_id(), True, "one of our own", id="one of our own"),
        (f"req-{PLAIN}", True, "one of a caller"),
        (f"req-{PLAIN.upper()}", False, "the middleware takes small letters only"),
        (PLAIN, False, "no prefix"),
        (f"req-{PLAIN.replace('-', '')}", False, "the middleware of OpenStack takes only the one form"),
        (f"req-{PLAIN}\r\nX-Evil: 1", False, "nothing behind it"),
        (f"req-{PLAIN}\n", False, "not even a line's end"),
        ("req-" + "-" * 5000 + PLAIN, False, "no hyphens at will"),
        ("", False, "nothing"),
    ],
)
def test_what_a_request_id_is(text: str, expected: bool, reason: str) -> None:
    assert is_request_id(text) is expected, reason


def test_a_mac_address_is_under_its_prefix() -> None:
    made = {new_mac() for _ in range(200)}
    assert len(made) > 190
    assert all(len(one) == 17 and one.startswith("fa:16:3e:") for one in made)
    assert new_mac("02:00:00").startswith("02:00:00:")
