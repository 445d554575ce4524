"""The outside of tokens: whatever a Keystone issues passes, and what it cannot have issued does not."""

from __future__ import annotations

import base64
import json
import uuid

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from fractus.auth.token_form import form_of

#: When tokens may have been issued: from the first Keystone with Fernet tokens to the end of its 32 bits.
TIMES = st.integers(1_400_000_000, (1 << 32) - 1)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jws(head: object, payload: object, signature: bytes = b"s" * 64) -> str:
    return ".".join([b64(json.dumps(head).encode()), b64(json.dumps(payload).encode()), b64(signature)])


@given(st.binary(min_size=0, max_size=400), TIMES)
def test_every_fernet_token_passes_with_and_without_its_padding(payload: bytes, when: int) -> None:
    token = Fernet(Fernet.generate_key()).encrypt_at_time(payload, when).decode()
    assert form_of(token) == "fernet"
    assert form_of(token.rstrip("=")) == "fernet"


def test_a_json_web_signature_passes() -> None:
    payload = {
        "sub": "u",
        "iat": 1,
        "exp": 2,
        "openstack_methods": ["password"],
        "openstack_audit_ids": ["a"],
    }
    assert form_of(jws({"typ": "JWT", "alg": "ES256"}, payload)) == "jws"


GOOD = Fernet(Fernet.generate_key()).encrypt_at_time(b"x" * 100, 1_700_000_000).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "ann",
        pytest.param(uuid.uuid4().hex, id="an id"),
        pytest.param(str(uuid.uuid4()), id="an id with hyphens"),
        pytest.param(GOOD[:-1], id="a letter less"),
        pytest.param(GOOD[:40], id="its beginning"),
        "h" + GOOD[1:],  # another version
        GOOD[:20] + "+" + GOOD[21:],  # the other alphabet
        GOOD[:20] + "." + GOOD[21:],
        GOOD + "====",
        b64(b"\x80" + b"\0" * 8 + b"x" * 64),  # from before there were any
        b64(b"\x80" + b"\xff" * 8 + b"x" * 64),  # after the end of time
        b64(b"\x80" + (1_700_000_000).to_bytes(8, "big") + b"x" * 48),  # no ciphertext
        b64(b"\x80" + (1_700_000_000).to_bytes(8, "big") + b"x" * 65),  # a part of a block
        "a.b.c",
        "..",
        jws([], {}),
        jws({}, {}),
        jws({"alg": 1}, {}),
        jws({"alg": "ES256"}, "text"),
        jws({"alg": "ES256"}, {}) + ".more",
        jws({"alg": "ES256"}, {}, b""),
    ],
)
def test_what_is_neither_is_of_no_form(token: str) -> None:
    assert form_of(token) is None


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=300))
def test_text_at_random_is_of_no_form(text: str) -> None:
    assert form_of(text) is None


@given(st.binary(min_size=57, max_size=300))
def test_bytes_at_random_are_of_no_form(raw: bytes) -> None:
    if raw[:5] != b"\x80\0\0\0\0":
        assert form_of(b64(raw)) is None
