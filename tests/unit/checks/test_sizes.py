from __future__ import annotations

from pathlib import Path

import pytest

from tools.checks import sizes

CHECKOUT = Path(__file__).parents[3]


def put(root: Path, place: str, text: str = "x = 1\n") -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def function(lines: int, start: str = "def f():") -> str:
    return start + "\n" + "    x = 1\n" * (lines - 1)


def test_a_file_of_600_lines_passes_and_one_of_601_does_not(tmp_path: Path) -> None:
    put(tmp_path, "fractus/web/full.py", "x = 1\n" * 600)
    put(tmp_path, "fractus/web/over.py", "x = 1\n" * 601)
    assert sizes.check(tmp_path) == ["fractus/web/over.py: 601 lines, more than 600; split it by subject"]


def test_a_function_of_60_lines_passes_and_one_of_61_does_not(tmp_path: Path) -> None:
    put(tmp_path, "fractus/web/full.py", function(60))
    put(tmp_path, "fractus/web/over.py", "\n\n" + function(61))
    assert sizes.check(tmp_path) == ["fractus/web/over.py:3: f() has 61 lines, more than 60"]


def test_asynchronous_functions_methods_and_nested_functions_are_measured(tmp_path: Path) -> None:
    method = "class C:\n    def f(self):\n" + "        x = 1\n" * 60
    nested = "def outer():\n    def f():\n" + "        x = 1\n" * 60
    put(tmp_path, "fractus/a.py", function(61, "async def f():"))
    put(tmp_path, "fractus/b.py", method)
    put(tmp_path, "fractus/c.py", nested)
    assert [fault.split(" has ")[0] for fault in sizes.check(tmp_path)] == [
        "fractus/a.py:1: f()",
        "fractus/b.py:2: f()",
        "fractus/c.py:1: outer()",
        "fractus/c.py:2: f()",
    ]


def test_decorators_do_not_count(tmp_path: Path) -> None:
    put(tmp_path, "fractus/a.py", "@decorate\n" * 10 + function(60))
    assert sizes.check(tmp_path) == []


@pytest.mark.parametrize("name", sorted(sizes.NAMELESS))
@pytest.mark.parametrize("shape", ["fractus/web/{}.py", "fractus/{}/paging.py", "tests/unit/{}.py"])
def test_a_module_or_package_must_have_a_name(tmp_path: Path, name: str, shape: str) -> None:
    put(tmp_path, shape.format(name))
    (fault,) = sizes.check(tmp_path)
    assert repr(name) in fault


def test_a_name_may_contain_such_a_word(tmp_path: Path) -> None:
    put(tmp_path, "fractus/services/volume/volume_manager_api.py")
    assert sizes.check(tmp_path) == []


def test_all_four_trees_are_checked_and_the_real_clouds_are_not(tmp_path: Path) -> None:
    for place in ("fractus", "tests/unit", "tools/checks", "bench", "tools/realcloud", "docs"):
        put(tmp_path, f"{place}/utils.py")
    assert [fault.split("/utils")[0] for fault in sizes.check(tmp_path)] == [
        "fractus",
        "tests/unit",
        "tools/checks",
        "bench",
    ]


def test_a_file_that_is_not_python_is_a_fault_not_a_crash(tmp_path: Path) -> None:
    put(tmp_path, "fractus/a.py", "def f(:\n")
    (fault,) = sizes.check(tmp_path)
    assert fault.startswith("fractus/a.py:1: cannot be read as Python")


def test_the_exit_code_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "fractus/a.py")
    assert sizes.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "sizes: 1 files, 0 faults\n"
    put(tmp_path, "fractus/misc.py")
    assert sizes.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith("sizes: 2 files, 1 faults\n")


def test_the_checkout_itself_is_found_without_being_named() -> None:
    assert any(path.samefile(__file__) for path in sizes.python_files(CHECKOUT))
