"""Which cloud gets a member of a group."""

from __future__ import annotations

import pytest

from fractus.scheduling.choice import Affinity, Candidate, GroupPolicy, choose

KINDS = frozenset({"server"})


def cloud(name: str, members: int, **more: object) -> Candidate:
    return Candidate(name, kinds=KINDS, members=members, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "candidates", "expected", "reason"),
    [
        (
            "affinity",
            [cloud("a", 0), cloud("b", 0, held=9)],
            "a",
            "the first of a group goes where any would",
        ),
        ("affinity", [cloud("a", 0), cloud("b", 1, held=9)], "b", "to the others, whatever that cloud holds"),
        (
            "affinity",
            [cloud("a", 0), cloud("b", 1, enabled=False)],
            "",
            "to no other cloud, if theirs is closed",
        ),
        ("affinity", [cloud("a", 1), cloud("b", 3)], "b", "to most of them, where somebody has moved some"),
        (
            "soft-affinity",
            [cloud("a", 0), cloud("b", 1, enabled=False)],
            "a",
            "to another, if theirs is closed",
        ),
        ("soft-affinity", [cloud("a", 0, near=3), cloud("b", 1)], "b", "members count before networks"),
        ("anti-affinity", [cloud("a", 1), cloud("b", 0, held=9)], "b", "where none is"),
        ("anti-affinity", [cloud("a", 2, near=3), cloud("b", 1)], "b", "where the fewest are"),
        ("anti-affinity", [cloud("a", 1), cloud("b", 1, near=1)], "b", "of equals the one of its networks"),
        ("soft-anti-affinity", [cloud("a", 1), cloud("b", 0, healthy=False)], "a", "where it can"),
    ],
)
def test_a_group_decides_before_load_and_networks(
    policy: str, candidates: list[Candidate], expected: str, reason: str
) -> None:
    verdict = choose(
        candidates,
        asked="",
        kinds=KINDS,
        refused={},
        avoided={},
        affinity=Affinity.PREFER,
        group=GroupPolicy(policy),
    )
    assert verdict.cloud == expected, reason
    assert {one.name for one in candidates} == {*verdict.why_not, verdict.cloud} - {""}


def test_a_member_that_waits_for_its_group_s_cloud_goes_on_trying() -> None:
    verdict = choose(
        [cloud("a", 0), cloud("b", 1, healthy=False)],
        asked="",
        kinds=KINDS,
        refused={},
        avoided={},
        group=GroupPolicy.AFFINITY,
    )
    assert (verdict.cloud, verdict.may_pass) == ("", True)
    assert verdict.why_not["a"] == "the others of its group are in another cloud"
