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
_STATUS_AT = {"active": "ACTIVE", "stopped": "SHUTOFF", "paused": "PAUSED", "suspended": "SUSPENDED"}


class When(Struct, frozen=True, kw_only=True):
    """The states in which a verb may be asked (else 409), and what is shown from then on."""

    vm_states: tuple[str, ...]
    task_states: tuple[str | None, ...] = (None,)
    task: str
    """The task_state that is shown until the cloud says its own."""


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
    since: str = ""
    """The first microversion that has it; empty: all have."""
    when: When | None = None
    """None: it is asked in any state, and only changes what we hold of the server: no cloud hears of it."""
    variant_by: str = ""
    """The argument that chooses a variant: its value is taken in capitals."""
    variants: Mapping[str, When] = {}
    """Value of that argument -> its own states, where they differ from `when`."""
    placed_first: bool = False
    """Whether Nova looks for the server's host before its states, or after."""
    defaults: Mapping[str, Any] = {}
    """Arguments that are sent where none were given."""
    event: str = ""
    """Nova's name of the event in `os-instance-actions`."""
    tasks: tuple[str, ...] = ()
    """Every task_state that a cloud shows while it does it."""
    ends: str = ""
    """The vm_state that it ends in."""
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

    def request(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The body that a cloud's Nova is sent."""
        return {self.key: {**self.defaults, **args} or None}

    def is_at(self, vm_state: str) -> bool:
        """Whether a server at rest in this vm_state needs not be asked."""
        return not self.again and vm_state == self.ends

    def is_at_status(self, status: str) -> bool:
        """The same of a status."""
        return not self.again and status == _STATUS_AT.get(self.ends)


_SERVERS = "os_compute_api:servers:"
_REBOOTS = ("rebooting", "reboot_pending", "reboot_started")
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
