"""The same seed gives the same sequences; every sort of accident comes up in each round."""

from __future__ import annotations

import errno
import itertools
import json
import subprocess
import sys
from pathlib import Path

from tests.faults import journal, plan, proxy, shortages
from tests.faults.journal import Journal
from tests.faults.shortages import Limited

WHO = {"apis": ["api1", "api2"], "workers": ["worker1"], "clouds": ["a", "b"], "round_seconds": 100.0}


def test_the_same_seed_asks_for_the_same() -> None:
    one, same, other = (
        list(itertools.islice(plan.operations(seed, "t1", ["a", "b"]), 300)) for seed in (7, 7, 8)
    )
    assert one == same
    assert one != other


def test_tenants_ask_for_different_things() -> None:
    one, other = (list(itertools.islice(plan.operations(7, name, ["a"]), 50)) for name in ("t1", "t2"))
    assert [op.verb for op in one] != [op.verb for op in other]


def test_every_operation_comes_up() -> None:
    verbs = {
        op.verb for name in ("t1", "admin") for op in itertools.islice(plan.operations(1, name, ["a"]), 2000)
    }
    assert verbs == set(plan._TENANT) | set(plan._ADMIN)


def test_the_same_seed_goes_wrong_in_the_same_way() -> None:
    one, same = (list(itertools.islice(plan.accidents(7, **WHO), 100)) for _ in range(2))
    assert one == same


def test_each_round_has_every_sort_of_accident_and_takes_its_time() -> None:
    cards = plan.deck("mariadb")
    drawn = list(itertools.islice(plan.accidents(3, **WHO, database="mariadb"), len(cards)))
    assert sorted(one.sort for one in drawn) == sorted(cards)
    assert {f"weather: {sort}" for sort in proxy.WEATHERS} <= set(cards)
    assert 50.0 < sum(one.pause for one in drawn) < 150.0


def test_no_accident_is_for_a_database_where_there_is_none() -> None:
    assert not set(plan.DATABASE) & {one.sort for one in itertools.islice(plan.accidents(3, **WHO), 200)}


def test_what_only_a_stage_knows_befalls_whom_it_may() -> None:
    own = {"broker killed": ["broker n1", "broker n2"], "node cut off": ["node n1"]}
    drawn = list(itertools.islice(plan.accidents(3, **WHO, own=own), 400))
    assert {one.target for one in drawn if one.sort == "broker killed"} == {"broker n1", "broker n2"}
    assert {one.target for one in drawn if one.sort == "node cut off"} == {"node n1"}


def test_a_journal_is_read_back_to_its_last_whole_line(tmp_path: Path) -> None:
    book = Journal(tmp_path / "journal")
    book.write(journal.NOTE, text="one")
    book.write(journal.NOTE, text="two")
    book.close()
    with (tmp_path / "journal").open("a") as file:
        file.write(json.dumps({"n": 3, "what": "asked"})[:-4])
    assert [line["text"] for line in journal.read(tmp_path / "journal")] == ["one", "two"]


def test_a_full_disk_and_used_up_descriptors_are_in_every_round() -> None:
    own = {sort: one.targets for sort, one in shortages.sorts({"api1": Limited(lambda: 0)}).items()}
    drawn = list(itertools.islice(plan.accidents(3, **WHO, own=own), len(plan.deck(own=list(own)))))
    assert {"disk full", "descriptors used up"} <= {one.sort for one in drawn}


def test_limits_hold_for_a_running_process_until_they_are_lifted(tmp_path: Path) -> None:
    story = (
        "import sys\n"
        "for line in sys.stdin:\n"
        "    try:\n"
        "        with open(line.strip(), 'ab', buffering=0) as file: file.write(b'x')\n"
        "    except OSError as error: print(error.errno, flush=True)\n"
        "    else: print(0, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", story],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def writes() -> int:
            process.stdin.write(f"{tmp_path / 'file'}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        try:
            limited = Limited(lambda: process.pid)
            found = [writes()]
            for forbid in (limited.forbid_growth, limited.forbid_opening):
                forbid()
                found.append(writes())
                limited.lift()
                found.append(writes())
        finally:
            process.kill()
    assert found == [0, errno.EFBIG, 0, errno.EMFILE, 0]
