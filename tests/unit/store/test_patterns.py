"""Patterns of users: what they mean, and that none of them stops the process."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from fractus.store import patterns
from fractus.store.patterns import ends_soon, matcher


@pytest.mark.parametrize(
    ("pattern", "text", "expected", "reason"),
    [
        ("web", "my-web-1", True, "it may stand anywhere"),
        ("^web", "my-web-1", False, "it has to stand at the beginning"),
        ("^web-[0-9]+$", "web-12", True, "sets and repeats"),
        ("WEB", "web", True, "case does not count"),
        ("^[ab-]+[0-9]$", "a-1", True, "a dash at the end of a set is itself, whatever sets follow"),
        (r"^[ab\-]+[0-9]$", "a-1", True, "and so it is where it is escaped"),
        ("^[-]+[^-]$", "--a", True, "or alone"),
        ("a.c", "abc", True, "a dot is any character"),
        (r"a\.c", "abc", False, "an escaped dot is a dot"),
        (r"\d{2,3}", "web-12", True, "classes by letter"),
        ("(one|two)-x", "two-x", True, "alternatives"),
        ("a+?b", "b", False, "a lazy plus still wants one"),
        ("(?i)é", "É", True, "letters beyond ASCII, either case"),
        ("^(?!.*,61,)", ",62,", True, "it does not hold that"),
        ("^(?!.*,61,)", ",60,61,", False, "it does hold that"),
        ("(?s-i:^(?=.*A)(?=.*B))", "xB\nA", True, "it holds both"),
        ("(?s-i:^(?=.*A)(?=.*B))", "xb\nA", False, "case may be made to count"),
        ("(", "(", False, "not a pattern: matches nothing"),
        ("[", "[", False, "not a pattern: matches nothing"),
        ("*", "*", False, "nothing to repeat: matches nothing"),
        ("", "anything", True, "nothing is everywhere"),
    ],
)
def test_meaning(pattern: str, text: str, expected: bool, reason: str) -> None:
    assert matcher(pattern)(text) is expected, reason


def test_most_patterns_mean_the_same_to_both_engines() -> None:
    for pattern in ("^web-[0-9]+$", "a.c", r"a\.c", r"\d{2,3}", "(one|two)-x", "x?y*z+", "[^a-c]", r"\bw"):
        linear, python = patterns._by_sqlite(pattern), patterns._by_python(pattern)
        assert linear is not None, "this build of apsw has the linear engine"
        if python is not None:
            for text in ("web-12", "abc", "a.c", "two-x", "yyzz", "", "w", "x" * 300):
                assert linear(text) is python(text), (pattern, text)


EVIL = [
    "(a+)+$",
    "(a|aa)+$",
    "(a|a?)+$",
    "(?:a+)+$",
    "(?=(a+)+$)b",
    "(.*a){20}b",
    "(?:.*a){20}b",
    "(?i)(?:.*a){20}b",
    "(?i)" + "a?" * 60 + "a" * 300,
    "(?i)" + "(a|a)" * 60 + "b",
    "a*a*a*a*a*a*b",
    "(?i)a*a*a*a*a*a*b",
    "é|(a+)+$",
    "(a{1,1000}){1,1000}",
    "^(?:a|a|ab)*c",
    "x|^a*a*a*a*(?=b)",
    ".*.*.*.*=.*",
]


def _busy(work: Callable[[], object]) -> float:
    """CPU seconds of this process for it: the less of two, for the collector of garbage runs in one of them."""
    spent = []
    for _ in range(2):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


@pytest.mark.parametrize("pattern", EVIL)
def test_no_pattern_takes_long(pattern: str) -> None:
    assert _busy(lambda: matcher(pattern)("a" * 255 + "!")) < 0.5


@pytest.mark.parametrize("pattern", EVIL)
def test_nor_without_the_linear_engine(pattern: str) -> None:
    assert _busy(lambda: (patterns._by_python(pattern) or patterns._nothing)("a" * 255 + "!")) < 0.5


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("web", True),
        ("^web.*1$", True),
        ("web.*1", True),
        ("^a*b*c", True),
        ("a*b*c", False),
        ("^a*b*|c*", False),
        ("(ab)*", False),
        ("(ab){2,5}", False),
        ("(ab){2}", False),
        ("(ab)c{2}", True),
        ("(a|b)", True),
        ("a?" * 30, False),
        ("(a|b)" * 30, False),
        ("(?P<x>(a+)+:", False),
        (r"(a)\1", False),
        ("(a", False),
        ("a)", False),
        ("[(*]+", True),
        (r"\(*", True),
        ("^(?=.*a)(?=.*b)(?=.*c)", True),
        ("^(?=.*a.*b.*c)", False),
        ("(?s-i:^(?!(?=.*a)(?=.*b)(?=.*c)))", True),
        ("(?s-i:^(?=.*(?:a|b)))", True),
        ("(?:^a*b*|c)", False),
    ],
)
def test_what_python_is_trusted_with(pattern: str, expected: bool) -> None:
    assert ends_soon(pattern) is expected
