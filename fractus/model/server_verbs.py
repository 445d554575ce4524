"""What a server can be asked to do: one row per verb, read by the API, the view, the plan and every driver.

A row says how Nova calls the verb, who may ask for it, in which states, what is shown until its cloud says something
new, what is sent to the cloud, and how it is known to have come about. A new verb is a row here: its route and its
policy rule follow from it. A body with fields of its own also has a schema (`servers/api/changing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

#: The status that Nova shows of a server at rest in a vm_state, of those in which a verb ends.
_STATUS_AT = {
    "active": "ACTIVE",
    "stopped": "SHUTOFF",
    "paused": "PAUSED",
    "suspended": "SUSPENDED",
    "rescued": "RESCUE",
    "resized": "VERIFY_RESIZE",
    "shelved": "SHELVED",
    "shelved_offloaded": "SHELVED_OFFLOADED",
}


#: The argument that says in which microversion, or a later one, a cloud is to be asked, where it means something else
#: in older ones. It is not sent.
VERSION = "#version"


class When(Struct, frozen=True, kw_only=True):
    """The states in which a verb may be asked (else 409), and what is shown from then on."""

    vm_states: tuple[str, ...]
    """Empty: any, also that of a server that never ran."""
    task_states: tuple[str | None, ...] = (None,)
    task: str | None
    """The task_state that is shown until the cloud says its own; None: Nova shows none of it."""


class ServerVerb(Struct, frozen=True, kw_only=True):
    """One row."""

    name: str
    """As messages, `os-instance-actions` and a driver's step call it."""
    key: str
    """The key of the body of `POST /servers/{id}/action`."""
    rule: str
    """The policy rule."""
    summary: str
    """One sentence."""
    permits: str = ""
    """The same, for the rule; empty: the summary."""
    admin: bool = False
    """Its rule lets only administrators ask for it, unless the operator says otherwise."""
    admin_args: frozenset[str] = frozenset()
    """Arguments that only administrators may give, of a verb for which anybody may ask."""
    managers: bool = False
    """Of those: managers of the project may ask for it, too."""
    spoken: str = ""
    """What refusals call it, where that is not its name."""
    since: str = ""
    """The first microversion that has it; empty: all have."""
    floors: Mapping[str, str] = {}
    """Argument -> the microversion that a cloud needs to be sent it."""
    when: When | None = None
    """None: it is asked in any state, and only changes what we hold of the server: no cloud hears of it."""
    variant_by: str = ""
    """The argument that chooses a variant: its value is taken in capitals."""
    variants: Mapping[str, When] = {}
    """Value of that argument -> its own states, where they differ from `when`."""
    placed_first: bool = False
    """Whether Nova looks for the server's host before its states, or after."""
    offloaded: bool = False
    """It may be asked of a server that is on no host any more."""
    secret: str = ""
    """The argument that is kept sealed, and opened only for the request to the cloud."""
    refers: Mapping[str, str] = {}
    """Argument -> kind of what it names: it is brought to the cloud first, and named there by its id there."""
    defaults: Mapping[str, Any] = {}
    """Arguments that are sent where none were given."""
    event: str = ""
    """Nova's name of the event in `os-instance-actions`."""
    tasks: tuple[str, ...] = ()
    """Every task_state that a cloud shows while it does it."""
    ends: str = ""
    """The vm_state that it ends in; empty: that in which it was asked."""
    passing: bool = False
    """It rests afterwards where it rested before, or in `ends` for a while."""
    answer: int = 202
    """The status that Nova answers with."""
    or_ends: tuple[str, ...] = ()
    """Others that it may end in, as its cloud is set."""
    makes_image: bool = False
    """Its cloud makes an image, which is ours from the start: argument `image_id`."""
    while_locked: bool = False
    """It may be asked of a locked server, which it does not change."""
    kept: frozenset[str] = frozenset()
    """Arguments that are for us alone: its cloud is sent none of them."""
    again: bool = False
    """Doing it twice is not doing it once: that it ends in a state does not tell that it was done (a reboot)."""

    def asked(self, args: Mapping[str, Any]) -> When:
        """The states for these arguments. Only of a verb that a cloud does."""
        assert self.when is not None, self.name
        return self.variants.get(str(args.get(self.variant_by, "")), self.when)

    def overtakes(self, args: Mapping[str, Any], task: str) -> bool:
        """Whether it need not wait for what a server is doing: for itself, where it may be asked meanwhile."""
        return task in self.tasks and not set(self.tasks).isdisjoint(self.asked(args).task_states)

    def arguments(self, given: Any) -> dict[str, Any]:
        """What is kept of the value of the body's key: the argument that chooses a variant, in capitals."""
        return {self.variant_by: given[self.variant_by].upper()} if self.variant_by else {}

    def needs_admin(self, args: Mapping[str, Any]) -> bool:
        """Whether a cloud does it for administrators only."""
        return self.admin or not self.admin_args.isdisjoint(args)

    def version(self, args: Mapping[str, Any]) -> str:
        """The microversion in which a cloud is asked, `X.Y`; empty: any."""
        asked = str(args.get(VERSION, ""))
        named = [self.since, asked, *(floor for name, floor in self.floors.items() if name in args)]
        return max(named, key=lambda text: [int(part) for part in text.split(".") if part])

    def request(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The body that a cloud's Nova is sent."""
        given = {**self.defaults, **args}
        sent = {name: value for name, value in given.items() if name != VERSION and name not in self.kept}
        return {self.key: sent or None}

    def is_at(self, vm_state: str) -> bool:
        """Whether a server at rest in this vm_state needs not be asked."""
        return not self.again and (vm_state == self.ends or vm_state in self.or_ends)

    def is_at_status(self, status: str) -> bool:
        """The same of a status."""
        return not self.again and status in [_STATUS_AT.get(state) for state in (self.ends, *self.or_ends)]


_SERVERS = "os_compute_api:servers:"
_REBOOTS = ("rebooting", "reboot_pending", "reboot_started")
_RESIZES = ("resize_prep", "resize_migrating", "resize_migrated", "resize_finish")
_IMAGED = ("active", "stopped", "paused", "suspended")
_IMAGE_TASKS = ("image_pending_upload", "image_uploading")
_HARD_REBOOTS = ("rebooting_hard", "reboot_pending_hard", "reboot_started_hard")

SERVER_VERBS: Mapping[str, ServerVerb] = {
    verb.name: verb
    for verb in (
        ServerVerb(
            name="start",
            key="os-start",
            rule=_SERVERS + "start",
            summary="Start a server.",
            when=When(vm_states=("stopped",), task="powering-on"),
            placed_first=True,
            event="compute_start_instance",
            tasks=("powering-on",),
            ends="active",
        ),
        ServerVerb(
            name="stop",
            key="os-stop",
            rule=_SERVERS + "stop",
            summary="Stop a server.",
            when=When(vm_states=("active", "error"), task="powering-off"),
            placed_first=True,
            event="compute_stop_instance",
            tasks=("powering-off",),
            ends="stopped",
        ),
        ServerVerb(
            name="reboot",
            key="reboot",
            rule=_SERVERS + "reboot",
            summary="Reboot a server.",
            when=When(vm_states=("active",), task="rebooting"),
            variant_by="type",
            variants={
                "HARD": When(
                    vm_states=("active", "stopped", "paused", "suspended", "error"),
                    task_states=(
                        None,
                        *_REBOOTS,
                        "resuming",
                        "rebooting_hard",
                        "unpausing",
                        "pausing",
                        "suspending",
                    ),
                    task="rebooting_hard",
                ),
            },
            defaults={"type": "SOFT"},
            event="compute_reboot_instance",
            tasks=_REBOOTS + _HARD_REBOOTS,
            ends="active",
            again=True,
        ),
        ServerVerb(
            name="pause",
            key="pause",
            rule="os_compute_api:os-pause-server:pause",
            summary="Pause a server.",
            when=When(vm_states=("active",), task="pausing"),
            event="compute_pause_instance",
            tasks=("pausing",),
            ends="paused",
        ),
        ServerVerb(
            name="unpause",
            key="unpause",
            rule="os_compute_api:os-pause-server:unpause",
            summary="Let a paused server run again.",
            when=When(vm_states=("paused",), task="unpausing"),
            event="compute_unpause_instance",
            tasks=("unpausing",),
            ends="active",
        ),
        ServerVerb(
            name="suspend",
            key="suspend",
            rule="os_compute_api:os-suspend-server:suspend",
            summary="Suspend a server.",
            when=When(vm_states=("active",), task="suspending"),
            event="compute_suspend_instance",
            tasks=("suspending",),
            ends="suspended",
        ),
        ServerVerb(
            name="resume",
            key="resume",
            rule="os_compute_api:os-suspend-server:resume",
            summary="Let a suspended server run again.",
            when=When(vm_states=("suspended",), task="resuming"),
            event="compute_resume_instance",
            tasks=("resuming",),
            ends="active",
        ),
        ServerVerb(
            name="rescue",
            key="rescue",
            rule="os_compute_api:os-rescue",
            summary="Start a server from another image, to mend it.",
            when=When(vm_states=("active", "stopped", "error"), task="rescuing"),
            secret="adminPass",
            refers={"rescue_image_ref": "image"},
            event="compute_rescue_instance",
            tasks=("rescuing",),
            ends="rescued",
        ),
        ServerVerb(
            name="unrescue",
            key="unrescue",
            rule="os_compute_api:os-unrescue",
            summary="Start a rescued server from its own disk again.",
            when=When(vm_states=("rescued",), task="unrescuing"),
            event="compute_unrescue_instance",
            tasks=("unrescuing",),
            ends="active",
        ),
        ServerVerb(
            name="shelve",
            key="shelve",
            rule="os_compute_api:os-shelve:shelve",
            summary="Shelve a server: its disk is kept as an image, and its place given back.",
            when=When(vm_states=("active", "stopped", "paused", "suspended"), task="shelving"),
            event="compute_shelve_instance",
            tasks=(
                "shelving",
                "shelving_image_pending_upload",
                "shelving_image_uploading",
                "shelving_offloading",
            ),
            ends="shelved_offloaded",
            or_ends=("shelved",),
            kept=frozenset({"image_id"}),
        ),
        ServerVerb(
            name="shelveOffload",
            key="shelveOffload",
            rule="os_compute_api:os-shelve:shelve_offload",
            summary="Give back the place of a shelved server.",
            admin=True,
            when=When(vm_states=("shelved",), task="shelving_offloading"),
            event="compute_shelve_offload_instance",
            tasks=("shelving_offloading",),
            ends="shelved_offloaded",
        ),
        ServerVerb(
            name="unshelve",
            key="unshelve",
            rule="os_compute_api:os-shelve:unshelve",
            summary="Bring a shelved server back.",
            when=When(vm_states=("shelved", "shelved_offloaded"), task="unshelving"),
            offloaded=True,
            floors={"host": "2.91"},
            admin_args=frozenset({"host"}),
            event="compute_unshelve_instance",
            tasks=("unshelving", "spawning"),
            ends="active",
        ),
        ServerVerb(
            name="resize",
            key="resize",
            rule=_SERVERS + "resize",
            summary="Give a server another flavor.",
            when=When(vm_states=("active", "stopped"), task="resize_prep"),
            refers={"flavorRef": "flavor"},
            event="compute_prep_resize",
            tasks=_RESIZES,
            ends="resized",
            passing=True,
        ),
        ServerVerb(
            name="migrate",
            key="migrate",
            rule="os_compute_api:os-migrate-server:migrate",
            summary="Move a server to another host of its cloud, while it is stopped.",
            admin=True,
            managers=True,
            floors={"host": "2.56"},
            when=When(vm_states=("active", "stopped"), task="resize_prep"),
            event="compute_prep_resize",
            tasks=_RESIZES,
            ends="resized",
            passing=True,
        ),
        ServerVerb(
            name="live-migration",
            key="os-migrateLive",
            spoken="os-migrateLive",
            rule="os_compute_api:os-migrate-server:migrate_live",
            summary="Move a running server to another host of its cloud.",
            admin=True,
            managers=True,
            defaults={"host": None},
            when=When(vm_states=("active", "paused"), task="migrating"),
            event="compute_live_migration",
            tasks=("migrating",),
            again=True,
        ),
        ServerVerb(
            name="evacuate",
            key="evacuate",
            rule="os_compute_api:os-evacuate",
            summary="Build a server anew on another host of its cloud, since its own is down.",
            admin=True,
            secret="adminPass",
            when=When(vm_states=("active", "stopped", "error"), task="rebuilding"),
            event="compute_rebuild_instance",
            tasks=("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"),
            ends="active",
            or_ends=("stopped",),
            again=True,
            passing=True,
            answer=200,
        ),
        ServerVerb(
            name="confirmResize",
            key="confirmResize",
            rule=_SERVERS + "confirm_resize",
            summary="Confirm that a server keeps its new flavor, or its new host.",
            when=When(vm_states=("resized",), task=None),
            event="compute_confirm_resize",
            ends="active",
            or_ends=("stopped",),
            passing=True,
            answer=204,
        ),
        ServerVerb(
            name="revertResize",
            key="revertResize",
            rule=_SERVERS + "revert_resize",
            summary="Bring a server back to its former flavor, or host.",
            when=When(vm_states=("resized",), task="resize_reverting"),
            event="compute_revert_resize",
            tasks=("resize_reverting",),
            ends="active",
            or_ends=("stopped",),
            passing=True,
        ),
        ServerVerb(
            name="rebuild",
            key="rebuild",
            rule=_SERVERS + "rebuild",
            summary="Build a server anew from an image.",
            when=When(vm_states=("active", "stopped", "error"), task="rebuilding"),
            secret="adminPass",
            refers={"imageRef": "image", "key_name": "keypair"},
            floors={"key_name": "2.54", "user_data": "2.57"},
            event="compute_rebuild_instance",
            tasks=("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"),
            ends="active",
            or_ends=("stopped",),
            again=True,
            passing=True,
        ),
        ServerVerb(
            name="createImage",
            key="createImage",
            rule=_SERVERS + "create_image",
            summary="Make an image of a server.",
            when=When(vm_states=_IMAGED, task="image_snapshot_pending"),
            event="compute_snapshot_instance",
            tasks=("image_snapshot", "image_snapshot_pending", *_IMAGE_TASKS),
            makes_image=True,
            while_locked=True,
            again=True,
        ),
        ServerVerb(
            name="createBackup",
            key="createBackup",
            rule="os_compute_api:os-create-backup",
            summary="Make a backup of a server: an image, of which only so many are kept.",
            when=When(vm_states=_IMAGED, task="image_backup"),
            event="compute_backup_instance",
            tasks=("image_backup", *_IMAGE_TASKS),
            makes_image=True,
            while_locked=True,
            again=True,
        ),
        ServerVerb(
            name="changePassword",
            key="changePassword",
            rule="os_compute_api:os-admin-password",
            summary="Change the password of a server's administrator.",
            when=When(vm_states=("active",), task="updating_password"),
            secret="adminPass",
            event="compute_set_admin_password",
            tasks=("updating_password",),
            again=True,
        ),
        ServerVerb(
            name="trigger_crash_dump",
            key="trigger_crash_dump",
            rule=_SERVERS + "trigger_crash_dump",
            summary="Trigger a crash dump in a server.",
            since="2.17",
            when=When(vm_states=("active", "paused", "rescued", "resized", "error"), task=None),
            event="compute_trigger_crash_dump",
            again=True,
        ),
        ServerVerb(
            name="injectNetworkInfo",
            key="injectNetworkInfo",
            rule="os_compute_api:os-admin-actions:inject_network_info",
            summary="Put what is known of its networks into a server.",
            admin=True,
            when=When(vm_states=(), task_states=(), task=None),
            event="compute_inject_network_info",
            again=True,
        ),
        ServerVerb(
            name="restore",
            key="restore",
            rule="os_compute_api:os-deferred-delete:restore",
            summary="Bring back a server that its cloud keeps for a while after its end.",
            when=When(vm_states=("soft-delete",), task="restoring"),
            event="compute_restore_instance",
            tasks=("restoring",),
            ends="active",
        ),
        ServerVerb(
            name="lock", key="lock", rule="os_compute_api:os-lock-server:lock", summary="Lock a server."
        ),
        ServerVerb(
            name="unlock",
            key="unlock",
            rule="os_compute_api:os-lock-server:unlock",
            summary="Unlock a server.",
        ),
        ServerVerb(
            name="resetState",
            key="os-resetState",
            rule="os_compute_api:os-admin-actions:reset_state",
            summary="Say that a server is well, or broken, until its cloud says something new.",
            permits="Reset the state of a server.",
            admin=True,
        ),
        ServerVerb(
            name="forceDelete",
            key="forceDelete",
            rule="os_compute_api:os-deferred-delete:force",
            summary="Delete a server at once.",
            permits="Delete a server whatever it is doing.",
        ),
    )
}

#: Those that a cloud does.
CLOUD_VERBS: Mapping[str, ServerVerb] = {
    name: verb for name, verb in SERVER_VERBS.items() if verb.when is not None
}


def verb_to(vm_state: str) -> ServerVerb:
    """The verb that brings a server to rest in a state, whatever it did before."""
    return next(verb for verb in CLOUD_VERBS.values() if verb.is_at(vm_state))


def verb_between(found: str, wanted: str) -> ServerVerb | None:
    """The verb that needs no arguments and brings a server from one vm_state to another; None: there is none."""
    for verb in CLOUD_VERBS.values():
        ends = verb.ends == wanted or wanted in verb.or_ends
        plain = ends and not (verb.admin or verb.again or verb.passing)
        if plain and found in verb.asked({}).vm_states:
            return verb
    return None
