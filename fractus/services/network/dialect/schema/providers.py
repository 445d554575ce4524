"""Who provides routers (neutron.services.l3_router.service_providers): a provider makes routers of one sort. Pure."""

from __future__ import annotations

from msgspec import Struct

SERVICE = "L3_ROUTER_NAT"
"""Their service. Of no other that is served here is there a choice of providers."""

_PATH = "neutron.services.l3_router.service_providers"


class Provider(Struct, frozen=True):
    """One. Service profiles know it by its driver, as they do in Neutron."""

    name: str
    driver: str
    distributed: bool
    ha: bool
    """`distributed` and `ha`: of the routers that it makes."""


#: In Neutron's order; none is named as the default there.
PROVIDERS: tuple[Provider, ...] = (
    Provider("dvrha", f"{_PATH}.dvrha.DvrHaDriver", distributed=True, ha=True),
    Provider("dvr", f"{_PATH}.dvr.DvrDriver", distributed=True, ha=False),
    Provider("ha", f"{_PATH}.ha.HaDriver", distributed=False, ha=True),
    Provider("single_node", f"{_PATH}.single_node.SingleNodeDriver", distributed=False, ha=False),
)


def of_driver(driver: str) -> Provider | None:
    """The provider with this driver."""
    return next((one for one in PROVIDERS if one.driver == driver), None)
