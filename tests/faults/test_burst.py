"""What is kept of a burst."""

from __future__ import annotations

import json
from collections import Counter

from tests.faults.burst import Outcome, plain
from tools.lab.quota_burst import Round


def test_an_outcome_is_kept_as_json() -> None:
    made = Round("one child killed", Counter({202: 50, 403: 150}), 50, 50, 50)
    kept = json.loads(json.dumps(plain(Outcome(made, 34.0, []))))
    assert kept["answers"] == {"202": 50, "403": 150}
    assert (kept["name"], kept["servers"], kept["settled"], kept["faults"]) == (
        "one child killed",
        50,
        34.0,
        [],
    )
