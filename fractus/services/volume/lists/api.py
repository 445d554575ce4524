"""The routes that list things of block storage, and show one by its id. There is nothing, so one table says it all."""

from __future__ import annotations

import dataclasses

from fractus.model.errors import NotFound
from fractus.services.volume.dialect.api.query import check_page, flag
from fractus.services.volume.lists import policy
from fractus.services.volume.lists.versions import LISTS
from fractus.store import clouds
from fractus.store.transaction import Store
from fractus.web.microversion import Version
from fractus.web.routing import Call, Handler, Reply, Route


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One collection: where it is, what its list is called in the document, and what is said of what is not in it."""

    path: str
    key: str
    rule: str
    detail: bool = False
    """There is a list in full at `PATH/detail`."""
    counted: bool = False
    """The number of all is shown to those who ask for it."""
    since: Version | None = None
    missing: str = ""
    """The sentence about an id that does not exist; empty where no single one is served."""
    show_rule: str = ""


LISTINGS = (
    Listing(
        path="/consistencygroups",
        key="consistencygroups",
        rule="group:get_all",
        detail=True,
        missing="Group {} could not be found.",
        show_rule="group:get",
    ),
    Listing(
        path="/cgsnapshots",
        key="cgsnapshots",
        rule="group:get_all_group_snapshots",
        detail=True,
        missing="GroupSnapshot {} could not be found.",
        show_rule="group:get_group_snapshot",
    ),
)


class ListsApi:
    """All of `LISTINGS`, and the zones."""

    def __init__(self, store: Store) -> None:
        """`store` knows the clouds."""
        self._store = store

    def routes(self) -> list[Route]:
        """Every list, and what is shown by its id."""
        routes = [route for listing in LISTINGS for route in _routes(listing)]
        zones = Route(
            method="GET",
            path="/os-availability-zone",
            handler=self.zones,
            rule=policy.ZONES,
            summary="List the zones of block storage: the clouds.",
        )
        return [*routes, zones]

    async def zones(self, _call: Call) -> Reply:
        """A zone is where a volume may be made: every cloud that is not closed."""
        names = sorted(await clouds.enabled(self._store))
        listed = [{"zoneName": name, "zoneState": {"available": True}} for name in names]
        return Reply(200, {"availabilityZoneInfo": listed})


def _routes(listing: Listing) -> list[Route]:
    noun = listing.key.replace("_", " ")
    index = Route(
        method="GET",
        path=listing.path,
        handler=_lister(listing),
        rule=listing.rule,
        summary=f"List {noun}: there is nothing yet.",
        min_version=listing.since,
    )
    routes = [index]
    if listing.detail:
        routes.append(dataclasses.replace(index, path=f"{listing.path}/detail"))
    if listing.missing:
        one = dataclasses.replace(
            index,
            path=f"{listing.path}/{{id}}",
            handler=_shower(listing),
            rule=listing.show_rule,
            summary=f"Show one of the {noun}: there is nothing yet (404).",
        )
        routes.append(one)
    return routes


def _lister(listing: Listing) -> Handler:
    async def index(call: Call) -> Reply:
        document: dict[str, object] = {listing.key: []}
        if listing.missing:
            check_page(call)
            marker = call.query.one("marker")
            if marker is not None:
                raise NotFound(listing.missing.format(marker))
        counted = listing.counted and LISTS.behaviour("with_count", call.version)
        if counted and flag(call, "with_count"):
            document["count"] = 0
        return Reply(200, document)

    return index


def _shower(listing: Listing) -> Handler:
    async def show(call: Call) -> Reply:
        raise NotFound(listing.missing.format(call.params["id"]))

    return show
