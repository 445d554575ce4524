"""Files are exchanged whole."""

from __future__ import annotations

from pathlib import Path

from fractus.base.files import put


def test_who_has_begun_to_read_goes_on_with_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    put(path, b"before")
    with path.open("rb") as reading:
        put(path, b"after")
        assert reading.read() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_nobody_elses_however_the_file_was(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"for all")
    put(path, b"for its owner", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
