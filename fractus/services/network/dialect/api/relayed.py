"""Mirrors that administrators write: what is asked is said to the cloud of each, and shown so at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from fractus.model.errors import ApiError, Conflict, Invalid
from fractus.model.live import LiveCall
from fractus.services.field import named
from fractus.services.network.dialect.api.access import refuse_body, refuse_foreign
from fractus.services.network.dialect.api.mirrors import MirrorApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.attributes import Item, read
from fractus.services.network.dialect.schema.errors import bad_request, denied, hidden
from fractus.store import mirrors
from fractus.store.transaction import Row
from fractus.web.routing import Call, Reply, Route

ZONE = "@"
"""What stands between a cloud and the physical network in it, where a create names the cloud."""


class RelayedApi(MirrorApi):
    """Handlers of one. Neutron lists none, rather than refusing, to who may not see any."""

    refusals: ClassVar[Mapping[str, str]] = {}
    """Part of a sentence of a cloud's -> the type of Neutron's error that has it."""

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at.store, at.clock, at.stale_after)
        self._at, self._live = at, at.live
        self.rule = f"get_{self.mirror.noun}"
        # Whose one is, is its cloud's to say.
        self._asked = named([one for name, one in self.mirror.fields.items() if name != "project_id"])

    @property
    def _path(self) -> str:
        return f"/{self.mirror.collection}"

    def routes(self) -> list[Route]:
        """All of them."""
        noun = self.mirror.noun.replace("_", " ")
        rows = (
            ("GET", self._path, self.index, f"List the {noun}s of all clouds."),
            ("POST", self._path, self.create, f"Make a {noun}, in one cloud."),
            ("GET", f"{self._path}/{{id}}", self.show, f"Show a {noun} of a cloud."),
            ("PUT", f"{self._path}/{{id}}", self.update, f"Change a {noun}, in its cloud."),
            ("DELETE", f"{self._path}/{{id}}", self.delete, f"Delete a {noun} in its cloud."),
        )
        return [
            Route(
                method=method, path=path, handler=handler, rule="regular_user", summary=summary, live=method != "GET"
            )
            for method, path, handler, summary in rows
        ]  # fmt: skip

    @abstractmethod
    async def place(self, item: Item) -> tuple[str, dict[str, str]]:
        """The cloud in which one is to be made, and what is called otherwise there: its id -> ours."""
        ...

    async def create(self, call: Call) -> Reply:
        """POST."""
        noun = self.mirror.noun
        item = read(noun, self._asked, call.body, call.principal, create=True, core=False, bulk=False).items[
            0
        ]
        if not call.allows(f"create_{noun}"):
            raise denied(f"rule:create_{noun}")
        refuse_foreign(self.mirror.fields, item)
        cloud, ids = await self.place(item)
        theirs = {ours: there for there, ours in ids.items()}
        body = {name: theirs.get(item.values[name], item.values[name]) for name in item.given}
        answer = await self._ask(cloud, "", self._call("create", "POST", body), ids)
        found = {
            name: ids.get(value, value) if isinstance(value, str) else value for name, value in answer.items()
        }
        return Reply(201, {noun: await self._keep(cloud, str(answer["id"]), found, is_new=True)})

    async def update(self, call: Call) -> Reply:
        """PUT: said to its cloud, and shown so at once."""
        id, noun = call.params["id"], self.mirror.noun
        item = read(
            noun, self._asked, call.body, call.principal, create=False, core=False, bulk=False, id=id
        ).items[0]
        row = await self._permitted(call, f"update_{noun}")
        document = msgspec.json.decode(row[1])
        change = {name: item.values[name] for name in item.given}
        if change:
            answer = await self._ask(row[2], row[3], self._call("update", "PUT", change), {row[3]: id})
            fresh = {name: answer[name] for name in answer if name not in self.mirror.refers}
            document = await self._keep(row[2], row[3], {**document, **fresh}, is_new=False)
        return Reply(200, {noun: document})

    async def delete(self, call: Call) -> Reply:
        """DELETE."""
        refuse_body(call)
        row = await self._permitted(call, f"delete_{self.mirror.noun}")
        await self._ask(row[2], row[3], self._call("delete", "DELETE"), {row[3]: call.params["id"]})
        async with self._store.transaction() as tx:
            await mirrors.drop(tx, self.mirror.table, row[2], [row[3]])
        return Reply(204)

    async def _permitted(self, call: Call, rule: str) -> Row:
        """Its row; to who may not do that it is not there, as in Neutron."""
        row = await self._one(call.params["id"])
        if not call.allows(rule):
            raise hidden()
        return row

    async def _keep(
        self, cloud: str, remote_id: str, found: Mapping[str, Any], *, is_new: bool
    ) -> dict[str, Any]:
        """Its document from now on."""
        table = self.mirror.table
        async with self._store.transaction() as tx:
            shared = await mirrors.shared_ids(tx, table, cloud, [remote_id])
            id = self.mirror.id_here(cloud, remote_id, shared=bool(shared))
            row = self.mirror.row(cloud, id, remote_id, found)
            await mirrors.put(tx, table, cloud, [row], set() if is_new else {remote_id})
        document: dict[str, Any] = msgspec.json.decode(row.summary)
        return document

    def _call(self, verb: str, method: str, body: Mapping[str, Any] | None = None) -> LiveCall:
        noun, missing = self.mirror.noun, str(self.missing("{id}"))
        words = noun.replace("_", " ")
        return LiveCall(
            name=f"{noun}_{verb}", noun=f"an answer about the {words}", service="network", method=method,
            path=self._path if verb == "create" else f"{self._path}/{{id}}",
            body=None if body is None else {noun: body}, key="" if verb == "delete" else noun,
            type=dict[str, Any], admin=True, empty=verb == "delete", refusals=frozenset({400, 409}),
            missing=missing, not_ready=missing,
        )  # fmt: skip

    async def _ask(self, cloud: str, remote_id: str, asked: LiveCall, ids: Mapping[str, str]) -> Any:
        """Have a cloud do something. What it refuses is refused in its words, with our ids."""
        try:
            return await self._live.of_cloud(cloud, remote_id, asked, id=ids.get(remote_id, ""))
        except (Conflict, Invalid) as error:
            raise self._refused(error, ids) from error

    def _refused(self, error: ApiError, ids: Mapping[str, str]) -> ApiError:
        sentence = str(error)
        for theirs, ours in ids.items():
            sentence = sentence.replace(theirs, ours)
        type = next((type for part, type in self.refusals.items() if part in sentence), "")
        plain = Conflict if isinstance(error, Conflict) else Invalid
        return plain(sentence, type=type) if type else plain(sentence)


def taken_apart(item: Item) -> str:
    """The cloud that a create names before its physical network, which then stands alone; empty: none is named."""
    zone, at, there = str(item.values.get("physical_network") or "").partition(ZONE)
    if not at:
        return ""
    if there:
        item.values["physical_network"] = there
    else:
        del item.values["physical_network"]
        item.given -= {"physical_network"}
    return zone


def one_of(noun: str, named: str, clouds: list[str]) -> str:
    """The cloud in which one is made: the one that is named, or the only one; `Invalid` where there is none such."""
    if named in clouds:
        return named
    if named or not clouds:
        where = f"in zone {named}" if named else "in any zone yet"
        raise bad_request(noun, f"There is no place for it {where}")
    if len(clouds) > 1:
        raise bad_request(
            noun,
            f"Each zone has its own: say in physical_network which of {', '.join(clouds)} is meant, as ZONE@NETWORK,"
            " or ZONE@ without a physical network",
        )
    return clouds[0]
