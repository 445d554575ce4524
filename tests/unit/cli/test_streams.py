"""What a command answers stands alone on standard output, whatever there is to warn of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_warnings_are_no_part_of_an_answer(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-m", "fractus", "drift", "list", "--json", "--state", str(state)]
    subprocess.run(command, check=True, capture_output=True)
    (state / "fractus.db").chmod(0o644)
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(run.stdout) == []
    assert "could be read by others" in run.stderr
