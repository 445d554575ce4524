"""The cases of the differential test can be read, and its page says what may differ."""

from __future__ import annotations

from pathlib import Path

from tools.differential.bodies import FACTS, generated
from tools.differential.compare import Difference
from tools.differential.justified import page, reason
from tools.differential.states import states

_PAGE = Path(__file__).parents[3] / "docs" / "differences.md"


def test_every_attribute_of_every_kind_is_tried_in_both_ways() -> None:
    tried = {case.name for case in generated()}
    for kind, attributes in FACTS.items():
        for name in attributes:
            assert {f"{kind}.{name} in POST", f"{kind}.{name} in PUT"} <= tried


def test_every_written_case_is_read() -> None:
    cases = list(states())
    assert len(cases) > 800
    assert all(case.steps for case in cases)


def test_what_may_differ_is_on_the_page() -> None:
    assert _PAGE.read_text() == page(), (
        "write docs/differences.md anew from tools.differential.justified.page()"
    )


def test_an_unknown_difference_is_none_that_stays() -> None:
    accepted = Difference("a case", "owner POST /networks {}", "accepted", "400 BadRequest: no", "201 : ")
    assert reason(accepted) is None
