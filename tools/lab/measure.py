"""How long the endpoint fails when each part of the laboratory fails, and whether anything is lost by it.

    python -m tools.lab.measure [SCENARIO ...]      all of them take about twenty minutes

A constant load runs through the VIP (`tools.lab.load`) while one part after the other is killed, frozen and cut off.
For each kind of request it is reported how many failed, and how long: from the start of the first request that failed
to the start of the first one after which none failed any more. At the end, when all is well again and quiet, every
accepted create must be there, ACTIVE, once in the children, every accepted delete gone. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import collections
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tools.lab import net, standing
from tools.lab.cli import vip_holders
from tools.lab.node import LabError, inside, send_command
from tools.lab.place import ADDRESSES, NODES, Place, here, services_of
from tools.lab.scenarios import SCENARIOS, Scenario, State, minority
from tools.lab.truth import Truth

#: Seconds of load before and after each fault; and what all parts get to become well again.
CALM, FAULTY, AFTER, WELL_WITHIN = 4.0, 18.0, 6.0, 180.0

#: Seconds after which an operator would look why a part has not come back.
BY_ITSELF = 60.0

#: Answers that a user would not call a failure.
_FINE = {"read": {200}, "create": {202}, "delete": {204, 404}, "login": {201}}


def state(place: Place) -> State:
    """Who is the writer, and who has the VIP, just now."""
    rows = statistics(place)
    writer = max(
        (row for row in rows if row["pxname"] == "database" and row["svname"] in NODES),
        key=lambda row: int(row["scur"] or 0),
    )["svname"]
    holder = vip_holders(place)[0]
    return State(writer=writer, others=[n for n in NODES if n != writer], holder=holder)


def statistics(place: Place) -> list[dict[str, str]]:
    """The table of the HAProxy that has the VIP."""
    password = standing.secrets_of(place)["statistics"]
    url = f"http://statistics:{password}@{ADDRESSES[vip_holders(place)[0]]}:8404/;csv"
    text = standing.run(place, "client", "curl", "-s", "-m", "4", url).stdout.removeprefix("# ")
    head, *lines = text.splitlines()
    return [dict(zip(head.split(","), line.split(","), strict=False)) for line in lines if line]


def well(place: Place) -> bool:
    """Everything as it was at the beginning: all back ends up, one VIP, all brokers."""
    if len(vip_holders(place)) != 1 or net.cut_off(place):
        return False
    rows = [row for row in statistics(place) if row["svname"] in NODES]
    if len(rows) != 9 or any(not row["status"].startswith("UP") for row in rows):
        return False
    return all(standing.broker_runs(place, name) for name in NODES)


def until_well(place: Place) -> float:
    """Heal and start what is not, and wait; how long that took."""
    began = time.monotonic()
    for name in net.cut_off(place):
        net.heal(place, name)
    for name in ADDRESSES:
        for service, found in send_command(place, name, "status").items():
            if found["state"] == "paused":
                send_command(place, name, "resume", service)
        for service in services_of(name):
            send_command(place, name, "start", service)
    try:
        standing.wait("all parts", lambda: well(place), BY_ITSELF)
    except LabError as error:
        standing.say(f"  {error}")
        brokers_by_hand(place)
        standing.wait("all parts, with a hand", lambda: well(place), WELL_WITHIN)
    return time.monotonic() - began


def brokers_by_hand(place: Place) -> None:
    """Restart the brokers that did not come back: what docs/ha.md tells an operator to do."""
    for name in NODES:
        if not standing.broker_runs(place, name):
            standing.say(f"  the broker of {name} is restarted")
            send_command(place, name, "stop", "broker")
            send_command(place, name, "start", "broker")


def events_of(path: Path, since: float, until: float) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return sorted((one for one in found if since <= one["at"] < until), key=lambda one: one["at"])


def summary(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Kind of request -> how many, how many failed, for how long, how slow the slowest good one was."""
    reported = {}
    for op, fine in _FINE.items():
        mine = [one for one in events if one["op"] == op]
        bad = [one for one in mine if one["status"] not in fine]
        outage = 0.0
        if bad:
            after = [one["at"] for one in mine if one["at"] > bad[-1]["at"]]
            outage = (after[0] if after else bad[-1]["at"] + bad[-1]["took"]) - bad[0]["at"]
        kinds = collections.Counter(str(one["status"]) for one in bad)
        slowest = max((one["took"] for one in mine if one["status"] in fine), default=0.0)
        reported[op] = {
            "requests": len(mine),
            "failed": len(bad),
            "outage": round(outage, 1),
            "slowest": round(slowest, 1),
            "kinds": dict(kinds),
            "said": sorted({one.get("said", "")[:160] for one in bad})[:3],
        }
    return reported


def one_scenario(place: Place, scenario: Scenario, events: Path) -> dict[str, Any]:
    before = state(place)
    target = scenario.target(before)
    since = time.time()
    time.sleep(CALM)
    standing.say(f"{scenario.name} ({target}) ...")
    broke = time.time()
    scenario.begin(place, target)
    time.sleep(FAULTY)
    during = minority(place, target) if scenario.minority else None
    mended = time.time()
    scenario.end(place, target)
    recovery = until_well(place)
    time.sleep(AFTER)
    reported = {
        "scenario": scenario.name,
        "target": target,
        "calm": summary(events_of(events, since, broke)),
        "fault": summary(events_of(events, broke, mended)),
        "mending": summary(events_of(events, mended, time.time())),
        "recovered": round(recovery, 1),
        "minority": during,
    }
    for phase in ("fault", "mending"):
        words = [f"{op} {v['failed']}/{v['requests']} {v['outage']} s" for op, v in reported[phase].items()]
        standing.say(f"  {phase}: " + ", ".join(words))
    return reported


def table(results: list[dict[str, Any]]) -> str:
    """For docs/ha.md: one line for each scenario."""
    lines = [
        "| what fails | reads | writes | logins | failed requests (of) | slowest good answer | when it comes back |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        fault, mending = one["fault"], one["mending"]
        writes = max(fault["create"]["outage"], fault["delete"]["outage"])
        failed = sum(v["failed"] for v in fault.values())
        slowest = max(v["slowest"] for v in fault.values())
        back = sum(v["failed"] for v in mending.values())
        back_for = max(v["outage"] for v in mending.values())
        lines.append(
            f"| {one['scenario']} | {_s(fault['read']['outage'])} | {_s(writes)} | {_s(fault['login']['outage'])} | "
            f"{failed} ({sum(v['requests'] for v in fault.values())}) | {slowest} s | "
            f"{f'{back} failed, {back_for} s' if back else 'nothing failed'} |"
        )
    return "\n".join(lines) + "\n"


def _s(seconds: float) -> str:
    return f"{seconds:g} s" if seconds else "none"


def main() -> int:
    parser = argparse.ArgumentParser(prog="measure", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=", ".join(one.name for one in SCENARIOS))
    reported = parser.parse_args()
    wanted = [one for one in SCENARIOS if not reported.scenario or one.name in reported.scenario]
    place = here()
    standing.up(place)
    until_well(place)
    events = place.directory / f"load-{time.time():.0f}.jsonl"
    events.touch()
    argv = inside(place, "client", sys.executable, "-m", "tools.lab.load", str(place.directory), str(events))
    with open(place.directory / "load.log", "ab") as log:
        load = subprocess.Popen(argv, stdout=log, stderr=log)
    results = []
    try:
        standing.wait("the load", lambda: events.read_text().count("\n") > 20, 60)
        for scenario in wanted:
            if load.poll() is not None:
                raise SystemExit(f"The load has ended: see {log.name}.")
            results.append(one_scenario(place, scenario, events))
            (place.directory / "measured.json").write_text(json.dumps(results, indent=2))
    finally:
        load.send_signal(signal.SIGTERM)
        load.wait(30)
    until_well(place)
    truth = Truth(place, events)
    faults = truth.settle_and_compare()
    (place.directory / "measured.md").write_text(table(results))
    print(table(results))
    print(truth.sentence)
    for fault in faults[:40]:
        print(f"  {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
