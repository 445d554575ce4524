"""Extensions as Cinder shows them."""

from __future__ import annotations

from typing import Any

#: Alias, name, description, the day of its last change.
_ROWS = (
    ("backups", "Backups", "Backups support.", "2012-12-12"),
    ("capabilities", "Capabilities", "Capabilities support.", "2015-08-31"),
    ("cgsnapshots", "Cgsnapshots", "cgsnapshots support.", "2014-08-18"),
    ("consistencygroups", "Consistencygroups", "consistency groups support.", "2014-08-18"),
    ("os-availability-zone", "AvailabilityZones", "Describe Availability Zones.", "2013-06-27"),
    ("os-hosts", "Hosts", "Admin-only host administration.", "2011-06-29"),
    ("os-quota-class-sets", "QuotaClasses", "Quota classes management support.", "2012-03-12"),
    ("os-quota-sets", "Quotas", "Quota management support.", "2011-08-08"),
    ("os-services", "Services", "Services support.", "2012-10-28"),
    ("os-used-limits", "UsedLimits", "Provide data on limited resources that are being used.", "2013-10-03"),
    ("os-volume-transfer", "VolumeTransfer", "Volume transfer management support.", "2013-05-29"),
    ("qos-specs", "Qos_specs_manage", "QoS specs support.", "2013-08-02"),
    ("scheduler-stats", "Scheduler_stats", "Scheduler stats support.", "2014-09-07"),
)

EXTENSIONS: dict[str, dict[str, Any]] = {
    alias: {
        "name": name,
        "alias": alias,
        "description": description,
        "updated": f"{day}T00:00:00+00:00",
        "links": [],
    }
    for alias, name, description, day in _ROWS
}
