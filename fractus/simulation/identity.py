"""The Keystone of one simulated cloud: as much of version 3 as clients and our own driver use.

It is small, not credulous: passwords are kept hashed and compared, tokens are random, end, and are held in memory only;
who may change anything is an administrator. What it holds is one file of JSON, written whole at each change.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from fractus.auth.principal import Principal
from fractus.base.clock import Clock, iso_micro
from fractus.base.files import put
from fractus.model.cloud import HOME, Scope
from fractus.model.errors import Unauthorized

DOMAIN = {"id": "default", "name": "Default"}
ROLES = ("admin", "member", "reader", "service")
_IMPLIED = {"admin": ("member", "reader"), "member": ("reader",)}

#: How long a token is good for, as Keystone's own default. Seconds.
LIFETIME = 3600.0
#: Tokens that have ended are released when there are so many.
_MANY = 5000


class Project(Struct, kw_only=True):
    """A project."""

    id: str
    name: str
    description: str = ""
    enabled: bool = True


class User(Struct, kw_only=True):
    """A user; `secret` is salt and hash of the password."""

    id: str
    name: str
    secret: str = ""
    enabled: bool = True
    default_project_id: str = ""


class Directory(Struct, kw_only=True):
    """All that is kept."""

    projects: dict[str, Project] = {}
    users: dict[str, User] = {}
    roles: dict[str, str] = {}
    """Name by id."""
    grants: set[tuple[str, str, str]] = set()
    """User, project, role: by ids."""


class Token(Struct, frozen=True):
    """What a token stands for."""

    principal: Principal
    issued_at: float
    audit_id: str


class Identity:
    """Users, projects, roles and tokens of one cloud."""

    def __init__(self, path: Path, region: str, url: str, clock: Clock) -> None:
        """Read `path`, if there is one. `url` is the root of the cloud's services, `region` the name in its catalog."""
        self.region = region
        self.url = url
        self._path = path
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._proven: dict[str, bytes] = {}
        self._directory = Directory()
        if path.exists():
            self._directory = msgspec.json.decode(path.read_bytes(), type=Directory)

    # ------------------------------------------------------------------ what is kept

    @property
    def empty(self) -> bool:
        """Whether nobody is known yet."""
        return not self._directory.users

    def found(self, password: str) -> None:
        """Make the first roles, the project `admin` and its administrator."""
        directory = self._directory
        directory.roles = {self._derived("role", name): name for name in ROLES}
        project = Project(id=self._derived("project", "admin"), name="admin")
        user = User(id=self._derived("user", "admin"), name="admin", secret=_sealed(password))
        user.default_project_id = project.id
        directory.projects[project.id], directory.users[user.id] = project, user
        self.grant(user.id, project.id, self.role_named("admin"))

    def _derived(self, kind: str, name: str) -> str:
        return first_id(self.region, kind, name)

    def _keep(self) -> None:
        put(self._path, msgspec.json.encode(self._directory), mode=0o600, lasting=False)

    @property
    def projects(self) -> dict[str, Project]:
        """All projects by id."""
        return self._directory.projects

    @property
    def users(self) -> dict[str, User]:
        """All users by id."""
        return self._directory.users

    @property
    def roles(self) -> dict[str, str]:
        """Names of all roles by id."""
        return self._directory.roles

    @property
    def grants(self) -> set[tuple[str, str, str]]:
        """User, project and role, by ids."""
        return self._directory.grants

    async def exists(self, project_id: str, token: str) -> bool:
        """Implements `fractus.auth.projects.ProjectLookup`."""
        return project_id in self.projects

    def role_named(self, name: str) -> str:
        """The id of a role."""
        return next(id for id, known in self.roles.items() if known == name)

    def add_project(self, name: str, *, id: str = "", description: str = "", enabled: bool = True) -> Project:
        """A new project."""
        made = Project(id=id or uuid.uuid4().hex, name=name, description=description, enabled=enabled)
        self.projects[made.id] = made
        self._keep()
        return made

    def add_user(self, name: str, password: str, *, enabled: bool = True, project_id: str = "") -> User:
        """A new user."""
        made = User(id=uuid.uuid4().hex, name=name, enabled=enabled, default_project_id=project_id)
        made.secret = _sealed(password) if password else ""
        self.users[made.id] = made
        self._keep()
        return made

    def change(self, thing: Project | User, fields: dict[str, Any]) -> None:
        """Change some fields of a project or user; what they could do before, tokens included, is asked anew."""
        if isinstance(thing, User) and "password" in fields:
            thing.secret = _sealed(str(fields.pop("password")))
        for name in fields.keys() & {
            field for field in thing.__struct_fields__ if field not in ("id", "secret")
        }:
            setattr(thing, name, fields[name])
        self._forget(thing.id)
        self._keep()

    def drop(self, thing: Project | User) -> None:
        """Remove a project or a user, with what was granted to it."""
        (self.projects if isinstance(thing, Project) else self.users).pop(thing.id, None)
        self._directory.grants = {one for one in self.grants if thing.id not in one}
        self._forget(thing.id)
        self._keep()

    def _forget(self, id: str) -> None:
        self._proven.pop(id, None)
        for text, token in list(self._tokens.items()):
            if id in (token.principal.user_id, token.principal.project_id):
                del self._tokens[text]

    def grant(self, user_id: str, project_id: str, role_id: str) -> None:
        """Give a role."""
        self.grants.add((user_id, project_id, role_id))
        self._keep()

    def revoke(self, user_id: str, project_id: str, role_id: str) -> None:
        """Take a role away, with the tokens that rest on it."""
        self.grants.discard((user_id, project_id, role_id))
        self._forget(user_id)
        self._keep()

    def roles_of(self, user_id: str, project_id: str) -> list[str]:
        """Names of the roles of a user in a project, with what they imply."""
        held = {
            self.roles[role]
            for user, project, role in self.grants
            if (user, project) == (user_id, project_id)
        }
        return sorted(held.union(*(_IMPLIED.get(name, ()) for name in held)))

    def projects_of(self, user_id: str) -> Iterator[Project]:
        """The projects in which a user has a role."""
        held = {project for user, project, _ in self.grants if user == user_id}
        return (project for id, project in self.projects.items() if id in held)

    # ------------------------------------------------------------------ tokens

    def log_in(self, user: User | None, password: str) -> User:
        """The user, if it is his password; `Unauthorized` without a word of what was wrong."""
        if user is None or not user.enabled or not user.secret or not self._proves(user, password):
            raise Unauthorized("The request you have made requires authentication.")
        return user

    def _proves(self, user: User, password: str) -> bool:
        # A hash that is slow to guess is slow to check: what was proven once is compared by a quick one after that.
        quick = hashlib.sha256(f"{user.secret} {password}".encode()).digest()
        if hmac.compare_digest(self._proven.get(user.id, b""), quick):
            return True
        salt = bytes.fromhex(user.secret.partition(":")[0])
        right = hmac.compare_digest(_sealed(password, salt), user.secret)
        if right:
            self._proven[user.id] = quick
        return right

    def issue(self, user: User, project: Project | None) -> tuple[str, Token]:
        """A token for a user in a project, or for finding out which there are; `Unauthorized` without a role there."""
        roles = self.roles_of(user.id, project.id) if project else []
        if project is not None and (not roles or not project.enabled):
            raise Unauthorized(f"User {user.id} has no access to project {project.id}")
        now = self._clock.now()
        principal = Principal(
            user_id=user.id,
            user_name=user.name,
            user_domain_id=DOMAIN["id"],
            user_domain_name=DOMAIN["name"],
            project_id=project.id if project else "",
            project_name=project.name if project else "",
            project_domain_id=DOMAIN["id"] if project else "",
            project_domain_name=DOMAIN["name"] if project else "",
            roles=frozenset(roles),
            is_admin="admin" in roles,
            expires_at=now + LIFETIME,
        )
        if len(self._tokens) >= _MANY:
            self._tokens = {text: one for text, one in self._tokens.items() if one.principal.expires_at > now}
        text, token = secrets.token_urlsafe(48), Token(principal, now, secrets.token_urlsafe(16))
        self._tokens[text] = token
        return text, token

    def token(self, text: str) -> Token:
        """What a token stands for; `Unauthorized` where it is none, or none any more."""
        held = self._tokens.get(text)
        if held is None or held.principal.expires_at <= self._clock.now():
            raise Unauthorized("The request you have made requires authentication.")
        return held

    def revoke_token(self, text: str) -> None:
        """End it now."""
        self._tokens.pop(text, None)

    async def check(self, token: str, peer: str = "") -> Principal:
        """Implements `fractus.auth.tokens.TokenChecker`."""
        principal = self.token(token).principal
        if not principal.project_id:
            raise Unauthorized("The request you have made requires authentication.")
        return principal

    async def scope_of(self, project_id: str) -> Scope:
        """How the simulated cloud is given a project: they have the same ids there."""
        if not project_id:
            return HOME
        project = self.projects.get(project_id)
        return Scope(project_id, project.name if project else "")

    # ------------------------------------------------------------------ documents

    def described(self, token: Token) -> dict[str, Any]:
        """A token as Keystone prints it, without its catalog."""
        principal = token.principal
        body: dict[str, Any] = {
            "methods": ["password"],
            "user": {"id": principal.user_id, "name": principal.user_name, "domain": DOMAIN},
            "audit_ids": [token.audit_id],
            "issued_at": iso_micro(token.issued_at) + "Z",
            "expires_at": iso_micro(principal.expires_at) + "Z",
        }
        if principal.project_id:
            project = {"id": principal.project_id, "name": principal.project_name, "domain": DOMAIN}
            roles = [{"id": self.role_named(name), "name": name} for name in sorted(principal.roles)]
            body |= {"project": project, "is_domain": False, "roles": roles}
        return body

    def catalog(self) -> list[dict[str, Any]]:
        """The services of the cloud, in its one region."""
        paths = {
            "compute": ("nova", "/compute/v2.1"),
            "network": ("neutron", "/network"),
            "image": ("glance", "/image"),
            "identity": ("keystone", "/identity/v3"),
        }
        return [
            {
                "id": self._derived("service", type),
                "type": type,
                "name": name,
                "endpoints": [
                    {
                        "id": self._derived(f"endpoint {interface}", type),
                        "interface": interface,
                        "region": self.region,
                        "region_id": self.region,
                        "url": self.url + path,
                    }
                    for interface in ("public", "internal", "admin")
                ],
            }
            for type, (name, path) in paths.items()
        ]


def first_id(region: str, kind: str, name: str) -> str:
    """The id of what each identity has from the beginning: the same in every simulation."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{region}/{kind}/{name}").hex


def _sealed(password: str, salt: bytes = b"") -> str:
    salt = salt or secrets.token_bytes(16)
    return f"{salt.hex()}:{hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1).hex()}"
