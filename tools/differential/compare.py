"""Runs cases at both ends and says where the answers differ."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.differential.ends import Answer, End

_NAME = re.compile(r"\{([\w.:]+)\}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_ADDRESS = re.compile(r"fixed_ips\.\d+\.ip_address\Z")
#: Values of documents that are chance, or time.
_CHANCE = frozenset({"id", "created_at", "updated_at", "mac_address"})


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One request. `{name}` in path and body stands for what an earlier step bound: its id, or `{name.field}`."""

    method: str
    path: str
    body: Any = None
    who: str = "owner"
    bind: str = ""
    headers: Mapping[str, str] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """Some steps; what they make is removed afterwards. `document`: successes are compared attribute by attribute."""

    name: str
    steps: tuple[Step, ...]
    document: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """What the two ends answered to one step. `sort`: what differs first."""

    case: str
    request: str
    sort: str
    real: str
    ours: str

    def __str__(self) -> str:
        return f"[{self.sort}] {self.case}: {self.request}\n    real: {self.real}\n    ours: {self.ours}"


class Side:
    """One end with what was bound there."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.bound: dict[str, Any] = {f"project:{role}": {"id": id} for role, id in end.projects.items()}
        self._made: list[str] = []

    async def run(self, step: Step) -> Answer:
        path = self._fill(step.path)
        answer = await self.end.ask(step.who, step.method, path, self._fill(step.body), step.headers)
        if step.method == "POST" and answer.status == 201 and isinstance(answer.body, dict):
            self._remember(path, step, answer.body)
        return answer

    def _remember(self, path: str, step: Step, body: dict[str, Any]) -> None:
        (found,) = [value for value in body.values() if isinstance(value, dict | list)][:1]
        documents = found if isinstance(found, list) else [found]
        where = path.partition("?")[0].removesuffix(".json")
        self._made += [f"{where}/{one['id']}" for one in documents if isinstance(one, dict) and "id" in one]
        if step.bind:
            self.bound[step.bind] = documents[0]

    def _fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return _NAME.sub(lambda found: str(self._look_up(found[1])), value)
        if isinstance(value, dict):
            return {self._fill(key): self._fill(one) for key, one in value.items()}
        return [self._fill(one) for one in value] if isinstance(value, list) else value

    def _look_up(self, name: str) -> Any:
        head, *fields = name.split(".")
        if head not in self.bound:
            return "{" + name + "}"
        value = self.bound[head]
        for field in fields or ["id"]:
            value = value[int(field)] if isinstance(value, list) else value[field]
        return value

    async def clean(self) -> None:
        """Remove what was made: ports before networks, networks before groups, the newest first."""
        order = (
            "/trunks/", "/ports/", "/subnets/", "/networks/", "/qos/policies/", "/security-group-rules/",
            "/security-groups/", "/address-groups/",
        )  # fmt: skip
        for prefix in order:
            for path in reversed(self._made):
                if path.startswith(prefix):
                    await self.end.ask("admin", "DELETE", path)
        self._made = []

    def keep(self) -> None:
        """What was made so far outlives `clean`; `close` removes it."""
        self._kept = getattr(self, "_kept", []) + self._made
        self._made = []

    async def close(self) -> None:
        self._made = getattr(self, "_kept", []) + self._made
        await self.clean()

    def plain(self, value: Any) -> Any:
        """A value with the names of bound things for their ids, so that both ends can be compared."""
        if isinstance(value, str):
            for name, document in self.bound.items():
                value = value.replace(document["id"], f"<{name}>")
                if "mac_address" in document:
                    value = value.replace(document["mac_address"], f"<{name}.mac>")
            return _UUID.sub("<uuid>", value)
        if isinstance(value, dict):
            return {key: self.plain(one) for key, one in value.items() if key not in _CHANCE}
        return self._plain_list(value) if isinstance(value, list) else value

    def _plain_list(self, value: list[Any]) -> list[Any]:
        """Of things with ids, and of ids, the order is that of the ids, or chance: which of both is compared."""
        ids = [one.get("id") if isinstance(one, dict) else one for one in value]
        plain = [self.plain(one) for one in value]
        if len(ids) < 2 or not all(isinstance(id, str) and _UUID.fullmatch(id) for id in ids):
            return plain
        return [{"in the order of ids": ids == sorted(ids)}, *sorted(plain, key=_content)]


def _content(one: Any) -> list[str]:
    """What a list of things is sorted by where their ids are chance."""
    names = ("name", "direction", "ethertype", "protocol", "port_range_min", "remote_group_id")
    return [str(one.get(name)) for name in names] if isinstance(one, dict) else [str(one)]


async def compare(
    real: End, ours: End, cases: Sequence[Case], *, fixture: Sequence[Step]
) -> list[Difference]:
    """All differences. `fixture` is made once, before."""
    sides = Side(real), Side(ours)
    found: list[Difference] = []
    try:
        for step in fixture:
            answers = [await side.run(step) for side in sides]
            if any(answer.status >= 400 for answer in answers):
                raise RuntimeError(f"the fixture failed: {step.method} {step.path}: {answers}")
        for side in sides:
            side.keep()
        for case in cases:
            kept = [dict(side.bound) for side in sides]
            for step in case.steps:
                real_answer, our_answer = [await side.run(step) for side in sides]
                found += _differences(case, step, (sides[0], real_answer), (sides[1], our_answer))
                if (real_answer.status < 400) != (our_answer.status < 400):
                    break
            for side, before in zip(sides, kept, strict=True):
                await side.clean()
                side.bound = before
    finally:
        for side in sides:
            await side.close()
    return found


def _differences(
    case: Case, step: Step, real: tuple[Side, Answer], ours: tuple[Side, Answer]
) -> Iterator[Difference]:
    request = f"{step.who} {step.method} {step.path} {_short(step.body)}"
    shown = [
        f"{answer.status} {side.plain(answer.error[0])}: {side.plain(answer.error[1])}"
        for side, answer in (real, ours)
    ]
    sort = _sort(real, ours)
    if sort:
        yield Difference(case.name, request, sort, shown[0], shown[1])
    elif real[1].status < 400 and case.document:
        named = any("ip_address" in repr(one.body) for one in case.steps)
        for path, one, other in _apart(real[0].plain(real[1].body), ours[0].plain(ours[1].body), ""):
            if _ADDRESS.search(path) and not named:
                continue  # which of a subnet's addresses a port gets is chance
            yield Difference(case.name, request, f"document {path}", _short(one), _short(other))


def _sort(real: tuple[Side, Answer], ours: tuple[Side, Answer]) -> str:
    one, other = real[1], ours[1]
    if one.status >= 400 > other.status:
        return "accepted"
    if other.status >= 400 > one.status:
        return "refused"
    if one.status != other.status:
        return "status"
    if one.error[0] != other.error[0]:
        return "type"
    if real[0].plain(one.error[1]) != ours[0].plain(other.error[1]):
        return "sentence"
    return ""


def _apart(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Where two documents differ. What only the real one has belongs to extensions that are not served."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in other:
            if key not in one:
                yield f"{path}.{key}", None, other[key]
            else:
                yield from _apart(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _apart(left, right, f"{path}.{index}")
    elif one != other or type(one) is not type(other):
        yield path, one, other


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}... ({len(text)})"
