"""Whether anything was lost: what was accepted, against what fractus shows, against what is in the children."""

from __future__ import annotations

import asyncio
import collections
import json
import sys
import time
from pathlib import Path
from typing import Any

from fractus.auth.calls import Caller, CallFailed
from fractus.clouds.simulated.record_store import Records
from fractus.clouds.simulated.records import ServerRecord
from tools.lab import node
from tools.lab.place import Place

#: Seconds that everything gets to settle after the last fault. Work of a dead worker is free after its lease, 60 s.
SETTLE = 240.0


class Truth:
    """One run of the load."""

    def __init__(self, place: Place, events: Path) -> None:
        self._place = place
        self._events = [json.loads(line) for line in events.read_text().splitlines()]
        self.sentence = ""

    def settle_and_compare(self) -> list[str]:
        """Wait until nothing is under way any more, then every difference in a sentence."""
        until = time.monotonic() + SETTLE
        faults = self._compare()
        while faults and time.monotonic() < until:
            time.sleep(5)
            faults = self._compare()
        return faults

    def _compare(self) -> list[str]:
        created = {
            one["id"]: one["name"] for one in self._events if one["op"] == "create" and one["status"] == 202
        }
        deletes = [one for one in self._events if one["op"] == "delete"]
        deleted = {one["id"] for one in deletes if one["status"] in (204, 404)}
        # The answer was lost: it may have been done or not, and both are right.
        unsure = {one["id"] for one in deletes} - deleted
        names = {one["name"] for one in self._events if one["op"] == "create"}
        shown = {one["id"]: one for one in self._shown() if one["name"] in names}
        there = collections.Counter(self._in_children(names))
        faults = []
        for id, name in created.items():
            if id in deleted:
                if id in shown or there[name]:
                    faults.append(f"{name} was deleted, and is still there")
            elif id in unsure and id not in shown:
                if there[name]:
                    faults.append(f"{name} is gone here and still in a child")
            elif id not in shown:
                faults.append(f"{name} was accepted, and is lost")
            elif shown[id]["status"] != "ACTIVE":
                faults.append(f"{name} is {shown[id]['status']}")
            elif there[name] != 1:
                faults.append(f"{name} is {there[name]} times in the children")
        faults += self._of_unsure_creates(names - set(created.values()), shown, there)
        self.sentence = (
            f"{len(self._events)} requests, {len(created)} accepted creates, "
            f"{len(deleted & set(created))} accepted deletes; {len(faults)} differences."
        )
        return faults

    def _of_unsure_creates(
        self, names: set[str], shown: dict[str, Any], there: collections.Counter[str]
    ) -> list[str]:
        """Creates without an answer: there or not there, but the same here and in the children, and once."""
        here = collections.Counter(one["name"] for one in shown.values())
        return [
            f"{name}, whose create had no answer, is {here[name]} times here and {there[name]} times in the children"
            for name in sorted(names)
            if here[name] != there[name] or here[name] > 1
        ]

    def _in_children(self, names: set[str]) -> list[str]:
        found = []
        for path in sorted((self._place.directory / "simulated").glob("*.sqlite")):
            records = Records(str(path))
            try:
                found += [one.name for one in records.every(ServerRecord) if one.name in names]
            finally:
                records.close()
        return found

    def _shown(self) -> list[dict[str, Any]]:
        """All servers as the user sees them; asked from the client's namespace."""
        words = (sys.executable, "-m", "tools.lab.truth", str(self._place.directory))
        found: list[dict[str, Any]] = json.loads(node.run(self._place, "client", *words).stdout)
        return found


async def _servers(place: Place) -> list[dict[str, Any]]:
    from tools.lab.load import IDENTITY, SERVERS

    found: list[dict[str, Any]] = []
    async with Caller() as user:
        for _ in range(5):
            try:
                await user.log_in(IDENTITY, "lab", place.user_password(), "lab")
                break
            except CallFailed:
                await asyncio.sleep(2)
        marker = ""
        while True:
            page = (await user.call("GET", f"{SERVERS}/detail?limit=500{marker}"))["servers"]
            if not page:
                return found
            found += [{key: one[key] for key in ("id", "name", "status")} for one in page]
            marker = f"&marker={page[-1]['id']}"


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_servers(Place(Path(sys.argv[1]))))))
