"""Who may do what: oslo.policy with the rule names of the upstream services, so that operators' policy files work.

A check costs oslo.policy tens of microseconds, mostly for looking at files and copying; here the answer is kept. What
an answer depends on is read off the rule itself: the roles, and which attributes of the caller equal which attributes
of the target. So one answer serves every user and project that are in the same position, and nothing is kept for a
rule that looks at anything else (a role named by the target, a check of another kind).
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_policy import _checks as checks
from oslo_policy import policy as oslo

from fractus.auth.principal import Principal


@dataclasses.dataclass(frozen=True, slots=True)
class RuleDefault:
    """One rule: its upstream name, its default check in oslo.policy's language, and one sentence."""

    name: str
    check_str: str
    description: str = ""


class FieldCheck(oslo.Check):
    """Neutron's `field:networks:shared=True`: the target has a value in a field; `=~`: it matches a pattern."""

    def __init__(self, kind: str, match: str) -> None:
        super().__init__(kind, match)
        _, _, condition = match.partition(":")
        self.field, _, value = condition.partition("=")
        self.value = value
        self.pattern = re.compile(value[1:]) if value.startswith("~") else None

    def __call__(self, target: Any, creds: Any, enforcer: Any, current_rule: str | None = None) -> bool:
        """Whether the target has the field and it is as the rule says."""
        found = target.get(self.field)
        if found is None:
            return False
        if self.pattern is not None:
            return self.pattern.match(str(found)) is not None
        return str(found).lower() == self.value.lower()


oslo.register("field", FieldCheck)

#: Attributes of the caller that are one of a few values: they are part of what an answer is kept under.
_FEW = frozenset({
    "is_admin", "is_admin_project", "system_scope", "system", "is_service", "service_roles", "roles",
})  # fmt: skip
_REFERENCE = re.compile(r"%\(([^)]+)\)s")
#: Names under which upstream's rules look for the project of the target, and of what the target belongs to.
_PROJECT_NAMES = (
    "project_id", "tenant_id", "owner", "network:project_id", "network:tenant_id",
    "ext_parent:project_id", "ext_parent:tenant_id", "security_group:project_id",
)  # fmt: skip
_OWN_NAMES = frozenset({*_PROJECT_NAMES, "user_id"})
#: Answers kept; more than all positions that real rules can tell apart.
_KEPT = 100_000
_ABSENT = object()
_OWNERS = frozenset({"project_id", "tenant_id", "user_id"})


class _Dependence:
    """What the answer of a rule depends on, beside roles and scope."""

    __slots__ = ("alike", "caller", "exact", "kept", "pair", "target", "target_exact")

    def __init__(self, leaves: Iterable[Any]) -> None:
        self.kept = True
        """False: on something that is not looked into here; ask every time."""
        self.alike = True
        """Whether all callers with the same roles and scope get the same answer about something of their own."""
        exact: set[str] = set()
        caller: set[str] = set()
        target: set[str] = set()
        shown: set[str] = set()
        for leaf in leaves:
            self._learn(leaf, exact, caller, target, shown)
        self.exact = tuple(sorted(exact))
        """Attributes of the caller that are compared with fixed values."""
        self.caller = tuple(sorted(caller))
        self.target = tuple(sorted(target))
        """Attributes of the caller and of the target that are compared with one another."""
        self.target_exact = tuple(sorted(shown))
        """Attributes of the target that are compared with fixed values."""
        self.alike = self.alike and not exact and shown.isdisjoint(_OWN_NAMES)
        self.pair = (
            self.caller + self.target
            if len(caller) == len(target) == 1 and caller <= _OWNERS and not exact and not shown
            else ()
        )
        """The two attributes, where all is decided by whether the caller's project or user is the target's."""

    def _learn(self, leaf: Any, exact: set[str], caller: set[str], target: set[str], shown: set[str]) -> None:
        if isinstance(leaf, checks.TrueCheck | checks.FalseCheck):
            return
        kind, match = getattr(leaf, "kind", ""), getattr(leaf, "match", "")
        if kind in ("http", "https"):
            raise ValueError(f"a policy rule asks another server, which fractus does not do: {kind}:{match}")
        names = _REFERENCE.findall(match)
        if isinstance(leaf, checks.RoleCheck):
            self.kept = self.kept and not names
        elif isinstance(leaf, FieldCheck):
            shown.add(leaf.field)
        elif not isinstance(leaf, checks.GenericCheck):
            self.kept = False
        elif kind[:1] in "'\"" or kind in ("True", "False", "None"):
            shown.update(names)
        elif names:
            whole = _REFERENCE.fullmatch(match) is not None
            self.kept = self.kept and whole and kind not in _FEW and "." not in kind
            caller.add(kind)
            target.update(names)
            project = kind in ("project_id", "tenant_id") and names[0] in _PROJECT_NAMES
            plain = project or (kind, names[0]) == ("user_id", "user_id") or names[0] not in _OWN_NAMES
            self.alike = self.alike and plain
        elif kind not in _FEW:
            exact.add(kind.split(".")[0])


class Policy:
    """The rules of all services. Rule names are upstream's; a name may belong to one service only, base rules aside.

    `rules` maps a service type to its rules, `files` to the operator's policy file (YAML or JSON, upstream's format).
    ValueError where rules clash, refer to rules that do not exist, or ask another server (`http:`).
    """

    def __init__(
        self, rules: Mapping[str, Sequence[RuleDefault]], files: Mapping[str, Path] | None = None
    ) -> None:
        self._rules = {service: tuple(given) for service, given in rules.items()}
        self._files = dict(files or {})
        self.reload()

    def reload(self) -> None:
        """Read the operator's files again."""
        owners: dict[str, oslo.Enforcer] = {}
        depends: dict[str, _Dependence] = {}
        ambiguous: set[str] = set()
        for service, given in self._rules.items():
            enforcer = _enforcer(service, given, self._files.get(service))
            for rule in given:
                if rule.name in owners:
                    ambiguous.add(rule.name)
                owners[rule.name] = enforcer
                depends[rule.name] = _Dependence(_leaves(enforcer, rule.name))
        for name in (
            ambiguous
        ):  # base rules of several services: `rule:` finds each its own; others may not name them
            del owners[name], depends[name]
        self._owners, self._depends = owners, depends
        self._answers: dict[tuple[Any, ...], bool] = {}

    def knows(self, rule: str) -> bool:
        """Whether exactly one service registered the rule."""
        return rule in self._owners

    def allows(self, rule: str, principal: Principal, target: Mapping[str, Any] | None = None) -> bool:
        """Whether `principal` may do `rule` to `target` (default: something of their own). KeyError: no such rule.

        What is shared with the caller's project by name (`shared_with`) is `shared` to the caller, as Neutron has it; a
        network that is external to some projects (`external_to`) is so to them alone.
        """
        if target is not None:
            if "shared_with" in target and principal.project_id in (target["shared_with"] or ()):
                target = {**target, "shared": True}
            if "external_to" in target and target["external_to"] is not None:
                target = {**target, "router:external": principal.project_id in target["external_to"]}
        depends = self._depends[rule]
        if not depends.kept:
            return self._ask(rule, principal, target)
        position = (
            self._own_position(rule, principal)
            if target is None and depends.alike
            else self._position(rule, depends, principal, _own(principal) if target is None else target)
        )
        known = self._answers.get(position)
        if known is None:
            known = self._ask(rule, principal, target)
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            self._answers[position] = known
        return known

    @staticmethod
    def _own_position(rule: str, who: Principal) -> tuple[Any, ...]:
        """Of everybody who asks about something of their own."""
        return (rule, who.roles, who.is_admin, who.system_scope, who.is_service, not who.project_id)

    @staticmethod
    def _position(
        rule: str, depends: _Dependence, who: Principal, target: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """What an answer is kept under: fixed values as they are, all others only by which of them are equal."""
        if depends.pair:
            name, other = depends.pair
            mine = who.user_id if name == "user_id" else who.project_id or None
            theirs = target.get(other, _ABSENT)
            relation = "absent" if theirs is _ABSENT else "none" if theirs is None else str(theirs) == mine
            return (rule, who.roles, who.is_admin, who.system_scope, who.is_service, relation, mine is None)
        creds = _creds(who)
        values = [creds.get(name, _ABSENT) for name in depends.caller]
        values += [target.get(name, _ABSENT) for name in depends.target]
        seen: dict[Any, int] = {None: -1, _ABSENT: -2}
        equal = tuple(
            seen.setdefault(value if value is None or value is _ABSENT else str(value), len(seen))
            for value in values
        )
        fixed = tuple(str(creds.get(name)) for name in depends.exact)
        shown = tuple(repr(target.get(name, _ABSENT)) for name in depends.target_exact)
        return (rule, who.roles, who.is_admin, who.system_scope, who.is_service, equal, fixed, shown)

    def _ask(self, rule: str, principal: Principal, target: Mapping[str, Any] | None) -> bool:
        about = _own(principal) if target is None else dict(target)
        return bool(self._owners[rule].enforce(rule, about, _creds(principal)))


def _own(principal: Principal) -> dict[str, Any]:
    """A target that is the caller's own in every respect."""
    # Without a project (a system-scoped token) nothing is: an empty text equals no caller's project.
    target: dict[str, Any] = dict.fromkeys(_PROJECT_NAMES, principal.project_id)
    target["user_id"] = principal.user_id
    return target


def _creds(principal: Principal) -> dict[str, Any]:
    """The caller as upstream's rules know them (oslo.context's names, and Neutron's `tenant_id`)."""
    project = principal.project_id or None
    return {
        "user_id": principal.user_id,
        "user_domain_id": principal.user_domain_id or None,
        "project_id": project,
        "tenant_id": project,
        "project_domain_id": principal.project_domain_id or None,
        "roles": list(principal.roles),
        "is_admin": principal.is_admin,
        "is_admin_project": True,
        "is_service": principal.is_service,
        "service_roles": ["service"] if principal.is_service else [],
        "system_scope": principal.system_scope or None,
    }


def _enforcer(service: str, rules: Sequence[RuleDefault], file: Path | None) -> oslo.Enforcer:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    # Without a file oslo.policy would look for one of its own, in /etc among others.
    enforcer = oslo.Enforcer(conf, policy_file=os.devnull if file is None else str(file.absolute()))
    conf.set_override("policy_dirs", [], group="oslo_policy")
    if file is not None and not file.is_file():
        raise ValueError(f"the policy file of {service} is not there: {file}")
    for rule in rules:
        try:
            enforcer.register_default(oslo.RuleDefault(rule.name, rule.check_str, rule.description))
        except oslo.DuplicatePolicyError:
            raise ValueError(f"two policy rules of {service} are called {rule.name!r}") from None
    enforcer.load_rules()
    enforcer.use_conf = False  # read once; `Policy.reload` reads again
    return enforcer


def _leaves(enforcer: oslo.Enforcer, name: str) -> Iterator[Any]:
    """The simple checks that a rule is made of, through the rules that it names; ValueError where one is not there."""

    def walk(check: Any, within: tuple[str, ...]) -> Iterator[Any]:
        if isinstance(check, checks.AndCheck | checks.OrCheck):
            for part in check.rules:
                yield from walk(part, within)
        elif isinstance(check, checks.NotCheck):
            yield from walk(check.rule, within)
        elif isinstance(check, checks.RuleCheck):
            yield from named(check.match, within)
        else:
            yield check

    def named(rule: str, within: tuple[str, ...]) -> Iterator[Any]:
        if rule in within:
            raise ValueError(f"policy rule {name!r} goes in circles through {rule!r}")
        if rule not in enforcer.rules:  # oslo.policy would take `default`, which in Glance allows everything
            raise ValueError(f"policy rule {within[-1]!r} refers to {rule!r}, which is not there")
        yield from walk(enforcer.rules[rule], (*within, rule))

    return named(name, ())
