"""Metering labels, as machine and drivers speak of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from fractus.model.cloud import Observed, Wanted
from fractus.model.wire import Vocabulary, Wire


class MeteringRule(Struct, frozen=True, kw_only=True):
    """Which packets of routers a label counts. `remote_id`: its id in the child, empty in what is wanted."""

    direction: str
    excluded: bool = False
    remote_ip_prefix: str | None = None
    source_ip_prefix: str | None = None
    destination_ip_prefix: str | None = None
    remote_id: str = ""

    @property
    def said(self) -> tuple[str, bool, str, str, str]:
        """What it says, by which two rules are the same."""
        prefixes = (self.remote_ip_prefix, self.source_ip_prefix, self.destination_ip_prefix)
        return (self.direction, self.excluded, *(one or "" for one in prefixes))  # type: ignore[return-value]


class MeteringLabelWanted(Wanted, frozen=True, kw_only=True):
    """A metering label and the whole set of its rules. Neutron changes nothing else of one."""

    shared: bool = False
    rules: Annotated[list[MeteringRule], Wire(separate=True)] = []


class MeteringLabelObserved(Observed, frozen=True, kw_only=True):
    """A metering label in a child; `rules` is None where they were not asked for."""

    shared: bool | None = None
    rules: list[MeteringRule] | None = None


METERING_LABEL = Vocabulary(
    "metering_label",
    MeteringLabelWanted,
    MeteringLabelObserved,
    path="/metering/metering-labels",
    extension="metering",
)
