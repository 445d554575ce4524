"""Limits, markers, orders and next-links of each service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fractus.model.errors import Invalid
from fractus.web.paging import (
    Paging,
    glance_links,
    glance_paging,
    neutron_links,
    neutron_paging,
    nova_links,
    nova_paging,
)
from fractus.web.routing import Call, Query
from tests.unit.web.toy import ANN

NOVA_KEYS = {"display_name": "name", "created_at": "created_at", "uuid": "id"}
KEYS = {"name": "name", "id": "id", "created_at": "created_at"}
NEWEST = (("created_at", False), ("id", False))


def call(query: str, mount: str = "/v2.1", path: str = "/servers") -> Call:
    return Call(principal=ANN, query=Query(query), base_url="http://h:1/compute", mount=mount, path=path)


def refused(read: Callable[..., Any], query: str, **more: Any) -> str:
    with pytest.raises(Invalid) as caught:
        read(Query(query), **more)
    return caught.value.message


# --- Nova ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "paging"),
    [
        ("", Paging(1000, None, NEWEST)),
        ("limit=7&marker=m", Paging(7, "m", NEWEST)),
        ("limit=0", Paging(0, None, NEWEST)),
        ("limit=5000", Paging(1000, None, NEWEST)),
        (
            "sort_key=display_name",
            Paging(1000, None, (("name", False), ("created_at", False), ("id", False))),
        ),
        (
            "sort_key=display_name&sort_key=uuid&sort_dir=asc&sort_dir=desc",
            Paging(1000, None, (("name", True), ("id", False), ("created_at", True))),
        ),
        (
            "sort_key=display_name&sort_key=uuid&sort_dir=asc",
            Paging(1000, None, (("name", True), ("id", True), ("created_at", True))),
        ),
        ("sort_dir=asc", Paging(1000, None, (("created_at", True), ("id", True)))),
    ],
)
def test_nova_reads(query: str, paging: Paging) -> None:
    assert nova_paging(Query(query), columns=NOVA_KEYS) == paging


def test_nova_lists_that_are_not_sorted_by_users() -> None:
    assert nova_paging(Query("sort_key=x"), default=(("name", True),), max_limit=5) == Paging(
        5, None, (("name", True),)
    )


def test_nova_refuses_in_its_own_words() -> None:
    for bad in ("abc", "-1"):
        sentence = (
            f"Invalid input for query parameters limit. Value: {bad}. '{bad}' does not match '^[0-9]*$'"
        )
        assert refused(nova_paging, f"limit={bad}") == sentence
    assert refused(nova_paging, "sort_key=foo", columns=NOVA_KEYS) == (
        "Invalid input for query parameters sort_key. Value: foo. "
        "'foo' is not one of ['display_name', 'created_at', 'uuid']"
    )
    unknown = "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'"
    assert refused(nova_paging, "sort_dir=foo", columns=NOVA_KEYS) == unknown
    many = "Invalid input received: Sort direction size exceeds sort key size"
    assert refused(nova_paging, "sort_dir=asc&sort_dir=asc", columns=NOVA_KEYS) == many


def test_nova_links_only_a_full_page() -> None:
    asked = call("name=x&limit=2&marker=old")
    page = nova_paging(asked.query)
    assert nova_links(asked, page, 1, "b") == []
    assert nova_links(asked, page, 2, "b") == [
        {"rel": "next", "href": "http://h:1/compute/v2.1/servers?limit=2&marker=b&name=x"}
    ]
    full = nova_paging(Query(""), max_limit=2)
    assert nova_links(call(""), full, 2, "b")[0]["href"].endswith("/servers?marker=b")
    assert nova_links(call("limit=0"), nova_paging(Query("limit=0")), 0, None) == []


# --- Neutron -------------------------------------------------------------------------------------

BY_ID = (("id", True),)


@pytest.mark.parametrize(
    ("query", "paging"),
    [
        ("", Paging(None, None, BY_ID)),
        ("limit=0&marker=m", Paging(None, None, BY_ID)),
        ("limit=3&marker=m", Paging(3, "m", BY_ID)),
        ("limit=3&page_reverse=True", Paging(3, None, BY_ID, True)),
        ("page_reverse=True", Paging(None, None, BY_ID)),
        ("sort_key=name&sort_dir=desc", Paging(None, None, (("name", False), ("id", True)))),
        ("sort_key=id&sort_dir=desc", Paging(None, None, (("id", False),))),
    ],
)
def test_neutron_reads(query: str, paging: Paging) -> None:
    assert neutron_paging(Query(query), columns=KEYS) == paging


def test_neutron_with_a_bound_of_the_operators() -> None:
    limits = [
        neutron_paging(Query(q), columns=KEYS, max_limit=5).limit
        for q in ("", "limit=0", "limit=3", "limit=9")
    ]
    assert limits == [5, 5, 3, 5]


def test_neutron_refuses_in_its_own_words() -> None:
    assert refused(neutron_paging, "limit=abc", columns=KEYS) == (
        "Bad limit request: Limit must be an integer 0 or greater and not 'abc'."
    )
    assert (
        refused(neutron_paging, "sort_key=name", columns=KEYS)
        == "The number of sort_keys and sort_dirs must be same"
    )
    foo = "['foo'] is invalid attribute for sort_keys"
    assert refused(neutron_paging, "sort_key=foo&sort_dir=asc", columns=KEYS) == foo
    assert refused(neutron_paging, "sort_key=name&sort_dir=up", columns=KEYS) == (
        "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"
    )


def _neutron(query: str, ids: list[str]) -> dict[str, str]:
    asked = call(query, "/v2.0", "/networks")
    links = neutron_links(asked, neutron_paging(asked.query, columns=KEYS), ids)
    return {link["rel"]: link["href"].removeprefix("http://h:1/compute/v2.0/networks?") for link in links}


def test_neutron_links_as_recorded() -> None:
    assert _neutron("", ["a"]) == {}
    assert _neutron("limit=1", ["a"]) == {
        "next": "limit=1&marker=a",
        "previous": "limit=1&marker=a&page_reverse=True",
    }
    assert _neutron("limit=2&marker=m&name=x", ["a"]) == {
        "previous": "limit=2&name=x&marker=a&page_reverse=True",
    }
    assert _neutron("limit=2&marker=m&page_reverse=True", ["a"]) == {"next": "limit=2&marker=a"}
    assert _neutron("limit=2&marker=m", []) == {"previous": "limit=2&page_reverse=True"}


# --- Glance --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "paging"),
    [
        ("", Paging(25, None, NEWEST)),
        ("limit=2000&marker=m", Paging(1000, "m", NEWEST)),
        ("limit=0", Paging(0, None, NEWEST)),
        ("sort=name:asc,id", Paging(25, None, (("name", True), ("id", False), ("created_at", False)))),
        (
            "sort_key=name&sort_dir=asc",
            Paging(25, None, (("name", True), ("created_at", True), ("id", True))),
        ),
        (
            "sort_key=name&sort_key=id&sort_dir=asc",
            Paging(25, None, (("name", True), ("id", True), ("created_at", True))),
        ),
        ("sort_key=name", Paging(25, None, (("name", False), ("created_at", False), ("id", False)))),
    ],
)
def test_glance_reads(query: str, paging: Paging) -> None:
    assert glance_paging(Query(query), columns=KEYS) == paging


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=abc", "limit param must be an integer"),
        ("limit=-1", "limit param must be positive"),
        ("sort_key=foo", "Invalid sort key: foo. It must be one of the following: name, id, created_at."),
        ("sort=name:up", "Invalid sort direction: up"),
        ("sort=name&sort_key=id", "Old and new sorting syntax cannot be combined"),
        (
            "sort_key=name&sort_dir=asc&sort_dir=desc",
            "Number of sort dirs does not match the number of sort keys",
        ),
    ],
)
def test_glance_refuses_in_its_own_words(query: str, sentence: str) -> None:
    assert refused(glance_paging, query, columns=KEYS) == sentence


def test_glance_links_are_relative_to_its_prefix() -> None:
    asked = call("limit=1&marker=m", "/v2", "/images")
    page = glance_paging(asked.query, columns=KEYS)
    assert glance_links(asked, page, 1, "a") == {
        "first": "/v2/images?limit=1",
        "next": "/v2/images?limit=1&marker=a",
    }
    assert glance_links(asked, page, 0, None) == {"first": "/v2/images?limit=1"}
    assert glance_links(call("", "/v2", "/images"), glance_paging(Query(""), columns=KEYS), 1, "a") == {
        "first": "/v2/images"
    }
