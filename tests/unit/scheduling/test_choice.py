"""Which cloud gets a resource, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.scheduling.choice import Affinity, Candidate, Verdict, choose

KINDS = frozenset({"server", "image"})


def cloud(name: str, **values: object) -> Candidate:
    return Candidate(name, **{"kinds": KINDS, **values})  # type: ignore[arg-type]


def chosen(
    *candidates: Candidate,
    asked: str = "",
    refused: dict[str, str] | None = None,
    avoided: dict[str, str] | None = None,
) -> Verdict:
    return choose(candidates, asked=asked, kinds=KINDS, refused=refused or {}, avoided=avoided or {})


@pytest.mark.parametrize(
    ("candidates", "expected", "reason"),
    [
        ([cloud("a"), cloud("b")], "a", "alike: by name, so that it can be foretold"),
        ([cloud("a", held=1), cloud("b")], "b", "the one that holds less"),
        ([cloud("a", held=3, weight=4.0), cloud("b", held=1)], "a", "the one that holds less for its weight"),
        (
            [cloud("a", weight=0.0), cloud("b", held=1)],
            "a",
            "no weight is a very small one, and empty is empty",
        ),
        ([cloud("a", held=1, weight=0.0), cloud("b", held=900)], "b", "no weight is a very small one"),
        ([cloud("a", enabled=False), cloud("b", held=9)], "b", "not a disabled one"),
        ([cloud("a", healthy=False), cloud("b", held=9)], "b", "not one that does not answer"),
        ([cloud("a", kinds=frozenset({"server"})), cloud("b", held=9)], "b", "one that has all kinds"),
        ([], "", "there is none"),
    ],
)
def test_the_least_loaded_that_can(candidates: list[Candidate], expected: str, reason: str) -> None:
    assert chosen(*candidates).cloud == expected, reason


def test_each_cloud_that_was_not_chosen_has_a_reason() -> None:
    verdict = chosen(
        cloud("best"),
        cloud("loaded", held=5, weight=2.0),
        cloud("off", enabled=False),
        cloud("silent", healthy=False),
        cloud("poor", kinds=frozenset({"server"})),
        cloud("full"),
        cloud("flaky"),
        refused={"full": "Quota exceeded"},
        avoided={"flaky": "did not answer"},
    )
    assert verdict == Verdict(
        "best",
        "least load: holds 0 at weight 1",
        {
            "loaded": "holds 5 at weight 2",
            "off": "disabled",
            "silent": "does not answer",
            "poor": "does not support image",
            "full": "Quota exceeded",
            "flaky": "did not answer",
        },
    )


@pytest.mark.parametrize(
    ("values", "expected", "reason"),
    [
        ({}, "a", "it was asked for"),
        ({"held": 99}, "a", "however loaded"),
        ({"healthy": False}, "a", "even while it is down: the work waits for it"),
        ({"healthy": False, "kinds": frozenset()}, "a", "even while nobody knows what it can do"),
        ({"enabled": False}, "", "but not if it is disabled"),
        ({"kinds": frozenset({"server"})}, "", "nor if it cannot"),
    ],
)
def test_a_cloud_that_the_user_named(values: dict[str, object], expected: str, reason: str) -> None:
    verdict = chosen(cloud("a", **values), cloud("b"), asked="a")
    assert verdict.cloud == expected, reason
    assert verdict.why_not["b"] == "another zone was asked for"


def test_a_named_cloud_is_taken_though_it_was_avoided_but_not_if_it_refused() -> None:
    assert chosen(cloud("a"), asked="a", avoided={"a": "did not answer"}).cloud == "a"
    assert chosen(cloud("a"), asked="a", refused={"a": "full"}).cloud == ""


@pytest.mark.parametrize(
    ("candidates", "refused", "avoided", "may_pass", "reason"),
    [
        ([cloud("a", healthy=False)], {}, {}, True, "it may answer again"),
        ([cloud("a")], {}, {"a": "x"}, True, "it may be tried again"),
        ([cloud("a", healthy=False, kinds=frozenset())], {}, {}, True, "it may be connected to"),
        ([cloud("a")], {"a": "x"}, {}, False, "it said no, for good"),
        ([cloud("a", enabled=False)], {}, {}, False, "only an operator can help"),
        ([cloud("a", healthy=False)], {"a": "x"}, {}, False, "it said no before it fell silent"),
        ([cloud("a", enabled=False), cloud("b", healthy=False)], {}, {}, True, "one of them may"),
        ([], {}, {}, False, "there is none"),
    ],
)
def test_whether_waiting_helps(
    candidates: list[Candidate],
    refused: dict[str, str],
    avoided: dict[str, str],
    may_pass: bool,
    reason: str,
) -> None:
    verdict = chosen(*candidates, refused=refused, avoided=avoided)
    assert verdict.cloud == ""
    assert verdict.may_pass is may_pass, reason


@given(
    st.lists(
        st.builds(
            cloud,
            st.text("abc", min_size=1, max_size=3),
            enabled=st.booleans(),
            healthy=st.booleans(),
            held=st.integers(0, 5),
            weight=st.sampled_from([0.5, 1.0, 2.0]),
        ),
        max_size=6,
        unique_by=lambda one: one.name,
    )
)
def test_the_choice_is_never_one_that_cannot_and_says_something_of_all(candidates: list[Candidate]) -> None:
    verdict = chosen(*candidates)
    names = {one.name for one in candidates}
    assert set(verdict.why_not) == names - {verdict.cloud}
    able = [one for one in candidates if one.enabled and one.healthy]
    assert bool(verdict.cloud) == bool(able)
    if able:
        best = next(one for one in candidates if one.name == verdict.cloud)
        assert best in able
        assert all(best.held / best.weight <= one.held / one.weight for one in able)


def test_a_burst_spreads_by_weight() -> None:
    held = {"a": 0, "b": 0, "c": 0}
    weights = {"a": 1.0, "b": 2.0, "c": 1.0}
    for _ in range(400):
        verdict = chosen(*(cloud(name, held=held[name], weight=weights[name]) for name in held))
        held[verdict.cloud] += 1
    assert held == {"a": 100, "b": 200, "c": 100}


def test_of_those_with_more_load_the_nearest_are_shown() -> None:
    candidates = [Candidate(name, held=held) for name, held in zip("dbeca", (4, 2, 5, 3, 1), strict=True)]
    verdict = choose(candidates, asked="", kinds=frozenset(), refused={}, avoided={}, listed=2)
    assert (verdict.cloud, list(verdict.why_not)) == ("a", ["b", "c"])


@pytest.mark.parametrize(
    ("affinity", "candidates", "expected", "reason"),
    [
        (Affinity.PREFER, [cloud("a"), cloud("b", held=9, near=1)], "b", "peers come before load"),
        (Affinity.PREFER, [cloud("a", near=1), cloud("b", held=9, near=2)], "b", "more networks come first"),
        (
            Affinity.PREFER,
            [cloud("a", held=5, near=1), cloud("b", held=2, near=1)],
            "b",
            "load decides among equals",
        ),
        (
            Affinity.PREFER,
            [cloud("a"), cloud("b", near=1, enabled=False)],
            "a",
            "what cannot be is not waited for",
        ),
        (Affinity.REQUIRE, [cloud("a"), cloud("b", held=9, near=1)], "b", "peers come before load"),
        (Affinity.REQUIRE, [cloud("a"), cloud("b", near=1, healthy=False)], "", "no other cloud will do"),
        (Affinity.REQUIRE, [cloud("a", held=1), cloud("b")], "b", "without peers load decides"),
        (Affinity.OFF, [cloud("a"), cloud("b", held=9, near=1)], "a", "load alone"),
    ],
)
def test_peers(affinity: Affinity, candidates: list[Candidate], expected: str, reason: str) -> None:
    verdict = choose(candidates, asked="", kinds=KINDS, refused={}, avoided={}, affinity=affinity)
    assert verdict.cloud == expected, reason


@pytest.mark.parametrize("affinity", Affinity)
def test_a_zone_is_stronger_than_peers(affinity: Affinity) -> None:
    clouds = [cloud("a"), cloud("b", near=3)]
    assert choose(clouds, asked="a", kinds=KINDS, refused={}, avoided={}, affinity=affinity).cloud == "a"


def test_a_cloud_that_is_down_may_pass_where_peers_are_required() -> None:
    clouds = [cloud("a"), cloud("b", near=1, healthy=False)]
    verdict = choose(clouds, asked="", kinds=KINDS, refused={}, avoided={}, affinity=Affinity.REQUIRE)
    assert verdict.may_pass
    assert verdict.why_not["a"] == "others of its networks are in another cloud"
