"""What kinds of a simulated Nova have in common that belong to no project: their ids are derived from ours."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from fractus.clouds.simulated.actuator import Simulated
from fractus.clouds.simulated.records import Record
from fractus.model.cloud import Observed, Scope, Wanted
from fractus.model.errors import Refused
from fractus.model.wire import Vocabulary

R = TypeVar("R", bound=Record)
W = TypeVar("W", bound=Wanted)
S = TypeVar("S", bound=Observed)


class NovaSimulated(Simulated[R, W, S]):
    """One kind, whose records have the fields of its vocabulary by the same names."""

    vocabulary: ClassVar[Vocabulary[Any, Any]]
    unlisted: ClassVar[frozenset[str]] = frozenset()
    """Fields that only an inventory tells."""
    named_by = "id"
    """What its id there is called: `id`, or `name` where it has nothing else."""
    quota: ClassVar[str] = ""
    """The quota of the credential's own project that one takes from (`key_pairs`); empty: none."""
    dates_changes = False

    def more(self, wanted: W) -> dict[str, Any]:
        """Fields of a new record that are not as they are wanted."""
        return {}

    def refuse(self, there: R, wanted: W) -> None:
        """`Refused` where what is there under the derived id will not do."""

    def observed(self, thing: R) -> S:
        """How the cloud shows it."""
        names = [one.name for one in self.vocabulary.shown if one.name not in self.unlisted]
        fields = {name: getattr(thing, name) for name in names if name in thing.__struct_fields__}
        observed: S = self.vocabulary.observed(**{**self.common_fields(thing), "project_id": ""}, **fields)
        return observed

    def make(self, project_id: str, wanted: W) -> R:
        """A new one, without what is made by steps of its own."""
        self._check_quota(project_id)
        fields = {
            one.name: getattr(wanted, one.name) for one in self.vocabulary.said if not one.rules.separate
        }
        id = self.injector.own_id(wanted.id)
        name = id if self.named_by == "name" else wanted.name
        own: dict[str, Any] = {"id": id, "name": name, "project_id": project_id, "created_at": self.now()}
        return self._record()(**{**own, **fields, **self.more(wanted)})

    def _check_quota(self, project_id: str) -> None:
        limit = self.injector.backend.quota(project_id, self.quota) if self.quota else None
        used, _, _ = self.records.used_by_project(self.kind, project_id)
        if limit is not None and used + 1 > limit >= 0:
            why = f"Quota exceeded, too many {self.quota.replace('_', ' ')}."
            raise Refused(why, status=403, elsewhere=True)

    async def create(self, scope: Scope, wanted: W) -> S:
        """Make it; one that is there already under the derived id serves as well."""

        def work() -> S:
            there = self.own(wanted)
            if there is not None:
                self.refuse(there, wanted)
                return self.observed(there)
            thing = self.make(self.injector.home, wanted)
            self.sign(thing, wanted)
            self.touch(thing)
            return self.observed(thing)

        return await self.injector.call(self.kind, "create", wanted.id, work, change=True, repeatable=False)

    async def find(self, scope: Scope, wanted: W) -> S | None:
        """The one whose id is derived from ours."""

        def work() -> S | None:
            there = self.own(wanted)
            return None if there is None else self.observed(there)

        return await self.injector.call(self.kind, "find", wanted.id, work, change=False)

    def may_see(self, thing: R, project_id: str) -> bool:
        """Everybody."""
        return True
