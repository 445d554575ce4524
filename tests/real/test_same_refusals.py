"""What a real Neutron refuses, fractus refuses: the short form of `tools.differential`.

Every write that depends on what is there, and a part of those with one attribute right or wrong; which part, the number
of the day says, so that all are tried in time. What may differ is written down in `tools.differential.justified`.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
import yaml

from tools.differential.__main__ import differences
from tools.differential.bodies import generated
from tools.differential.justified import reason
from tools.differential.states import WRITES, states

_FILE = os.environ.get("FRACTUS_REAL_CLOUDS_YAML", "")
_NAMES = [name for name in os.environ.get("FRACTUS_REAL_CLOUDS", "").split(",") if name.endswith("-admin")]

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (_FILE and _NAMES), reason="FRACTUS_REAL_CLOUDS names no administrator"),
]

#: One case of so many is tried.
_OF_WRITES, _OF_BODIES = 4, 40


async def test_what_neutron_refuses_is_refused() -> None:
    entry = yaml.safe_load(Path(_FILE).read_text())["clouds"][_NAMES[-1]]
    day = datetime.datetime.now(datetime.UTC).toordinal()
    cases = [
        *list(states(*WRITES))[day % _OF_WRITES :: _OF_WRITES],
        *list(generated())[day % _OF_BODIES :: _OF_BODIES],
    ]
    assert len(cases) > 150
    found = await differences(entry, cases)
    left = [one for one in found if one.sort != "sentence" and reason(one) is None]
    assert not left, f"{len(left)}:\n" + "\n".join(map(str, left))
