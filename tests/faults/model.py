"""What must be, by the journal alone: every thing that was asked for, and which states of it are allowed.

A request that was answered 2xx is a promise. One that was refused (4xx) must have done nothing. One without a (whole)
answer may have been done or not, at any later moment until its thing is gone: a process that was stopped in the middle
may go on with it. So the allowed values of a field are those of the last promise and of every request in doubt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from tests.faults import journal

YES, NO, MAYBE = "yes", "no", "maybe"


@dataclasses.dataclass
class Thing:
    """One resource that somebody asked for."""

    key: str
    kind: str
    tenant: str
    name: str
    id: str = ""
    """Empty where no answer said it."""
    exists: str = NO
    fields: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    """Field -> values that are allowed."""
    doubts: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    """Field -> values of requests without an answer: allowed for good."""
    parent: str = ""
    """The key of what it goes with: a subnet's network, a rule's group."""
    starts: int = 0
    """How often it may have been started or rebooted."""
    deleted_in_doubt: bool = False
    changed_at: float = 0.0
    """When it was last asked to change."""
    created_at: float = 0.0
    deleted_at: float = 0.0
    events: list[dict[str, Any]] = dataclasses.field(default_factory=list)


class Model:
    """Reads a journal, line by line."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.restores: list[tuple[str, float, float]] = []
        """(cloud, moment of the backup, moment of the restore)."""
        self.wrongs: list[str] = []
        """What was wrong with an answer by itself."""
        self.unfound: list[tuple[Thing, str]] = []
        """Reservations that were answered 404, and why that is wrong where their cloud remembers them."""
        self._asked: dict[int, dict[str, Any]] = {}
        self._parts: dict[str, list[Thing]] = {}
        self.deleted_ids: set[str] = set()

    @classmethod
    def of(cls, lines: Iterable[dict[str, Any]]) -> Model:
        """The model after a whole journal; what was asked and has no outcome is in doubt."""
        model = cls()
        for line in lines:
            model.take(line)
        for line in list(model._asked.values()):
            model.take({**line, "what": journal.UNKNOWN, "to": line["n"], "why": "the suite ended"})
        return model

    def take(self, line: dict[str, Any]) -> None:
        """One more line."""
        match line["what"]:
            case journal.ASKED:
                self._asked[line["n"]] = line
                self._event(line, line)
            case journal.ANSWERED:
                asked = self._asked.pop(line["to"])
                self._event(asked, line)
                status = line["status"]
                if status < 400:
                    self._promised(asked, line)
                else:
                    self._refused(asked, status, line)
            case journal.UNKNOWN:
                asked = self._asked.pop(line["to"])
                self._event(asked, line)
                self._doubtful(asked)
            case journal.ACCIDENT if line.get("sort") == "child forgets" and "backup_at" in line:
                self.restores.append((line["target"], line["backup_at"], line["at"]))

    def _event(self, asked: dict[str, Any], line: dict[str, Any]) -> None:
        thing = self.things.get(asked.get("key", ""))
        if thing is None and asked.get("act") == "create":
            thing = self.things[asked["key"]] = Thing(
                asked["key"], asked["kind"], asked["tenant"], asked["name"], parent=asked.get("parent", "")
            )
            thing.created_at = asked["at"]
            self._parts.setdefault(thing.parent, []).append(thing)
        if thing is not None:
            thing.events.append(line)

    # ------------------------------------------------------------------ outcomes

    def _promised(self, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        thing = self.things.get(asked.get("key", ""))
        if thing is None:
            return
        match asked["act"]:
            case "create":
                thing.exists, thing.id = YES, answer.get("id", "")
                thing.fields = {name: [value] for name, value in answer.get("fields", {}).items()}
                thing.fields |= {name: [value] for name, value in asked.get("fields", {}).items()}
            case "change":
                for name, value in asked["fields"].items():
                    thing.fields[name] = [value, *thing.doubts.get(name, [])]
                thing.starts += asked.get("starts", 0)
                thing.changed_at = asked["at"]
            case "delete":
                self._end(thing, NO)
                thing.deleted_at = asked["at"]

    def _doubtful(self, asked: dict[str, Any]) -> None:
        thing = self.things.get(asked.get("key", ""))
        if thing is None:
            return
        match asked["act"]:
            case "create":
                thing.exists = MAYBE
                thing.fields = {name: [value] for name, value in asked.get("fields", {}).items()}
            case "change":
                for name, value in asked["fields"].items():
                    thing.doubts.setdefault(name, []).append(value)
                    if name in thing.fields:
                        # Else nobody said what it was before, and that is allowed as well.
                        thing.fields[name].append(value)
                thing.starts += asked.get("starts", 0)
                thing.changed_at = asked["at"]
            case "delete":
                if thing.exists == YES:
                    self._end(thing, MAYBE)
                thing.deleted_in_doubt = True
                thing.deleted_at = asked["at"]

    def _end(self, thing: Thing, exists: str) -> None:
        thing.exists = exists
        if exists == NO and thing.id:
            self.deleted_ids.add(thing.id)
        for other in self._parts.get(thing.key, []):
            if other.exists != NO:
                self._end(other, exists)

    def _refused(self, asked: dict[str, Any], status: int, answer: dict[str, Any]) -> None:
        """Nothing was done. But 404 for what was promised is a loss."""
        thing = self.things.get(asked.get("key", ""))
        if thing is None or status != 404 or asked["act"] == "create":
            return
        if (
            thing.id
            and (said := answer.get("message", ""))
            and thing.id not in said
            and thing.name not in said
        ):
            return  # what it was to be joined with is not there, or not where it is
        if asked["act"] == "delete" and thing.exists == MAYBE:
            self._end(thing, NO)
        elif thing.exists == YES:
            why = f"{asked['act']} of {thing.kind} {thing.name} ({thing.id}) was answered 404"
            why = f"lost: {why}: {answer.get('message', '')}"
            if thing.kind == "reservation":
                # A cloud that was put back has ended it; which cloud that is, the journal does not say.
                self.unfound.append((thing, why))
            else:
                self.wrongs.append(why)
