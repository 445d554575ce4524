"""A cloud that was away is caught up at its own pace, and the others are served meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import backlog


@pytest.mark.slow
async def test_a_backlog_is_worked_off_at_the_pace_of_its_cloud_and_holds_up_nobody(tmp_path: Path) -> None:
    figures = await backlog.run(tmp_path, 40, pace=20.0, quiet=0.1)
    # Measured by this machine's clock: what was let go in turn may arrive together, if the machine was busy for up to a
    # second. That nothing is let go too early is tested with a clock that stands still (the paces of a cloud).
    assert figures.excess <= 20, "it was asked for more than its operator allows"
    # A create and the looks that it takes, a stop, a delete: none is done without a call, none takes dozens.
    assert 40 <= figures.calls <= 40 * 6
    assert figures.left_when_near_was_served > 0, "another cloud had to wait for all of it"
    assert min(map(len, (figures.before, figures.outage, figures.during, figures.after))) > 0
