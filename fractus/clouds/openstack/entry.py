"""Reading one `clouds.yaml` entry: openstacksdk interprets it, keystoneauth says which plugin it means.

Nothing is read from files or the environment here but the certificates that the entry names.
"""

from __future__ import annotations

import copy
import pathlib
import ssl
import warnings
from typing import Any

from keystoneauth1 import exceptions as ks_errors
from keystoneauth1 import loading
from keystoneauth1.identity.base import BaseIdentityPlugin
from openstack import exceptions as sdk_errors
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion

from fractus.clouds.openstack.faults import hide
from fractus.model.errors import CredentialsRejected

#: What an entry may say of its scope; all of it goes when a token for another project is asked for.
_SCOPE_OPTIONS = (
    "project_id",
    "project_name",
    "project_domain_id",
    "project_domain_name",
    "tenant_id",
    "tenant_name",
    "domain_id",
    "domain_name",
    "system_scope",
    "trust_id",
)

#: Options of an entry's `auth` that are no secrets; every other text in it is treated as one.
_OPEN_OPTIONS = frozenset(
    {
        *_SCOPE_OPTIONS,
        "auth_url",
        "username",
        "user_id",
        "user_domain_id",
        "user_domain_name",
        "default_domain_id",
        "default_domain_name",
        "identity_provider",
        "protocol",
        "discovery_endpoint",
        "access_token_endpoint",
        "access_token_type",
        "openid_scope",
        "application_credential_id",
        "application_credential_name",
        "endpoint",
        "client_id",
    }
)


class Entry:
    """A `clouds.yaml` entry, understood. Its `repr` shows no secret.

    Raises `CredentialsRejected` where the entry cannot be understood: the operator must mend it.
    """

    def __init__(self, name: str, entry: dict[str, Any]) -> None:
        self._name = name
        self._secrets = tuple(sorted(_secrets_of(entry)))
        config = OpenStackConfig(load_yaml_config=False, load_envvars=False)
        # What the loader would have read from a file of one entry; profiles and regions are then its own business.
        config.cloud_config = {"clouds": {name: copy.deepcopy(entry)}}
        problem = ""
        try:
            with warnings.catch_warnings():
                # The loader warns of its own coming end of InfluxDB support on every use, whatever the entry says.
                warnings.simplefilter("ignore", DeprecationWarning)
                warnings.simplefilter("ignore", PendingDeprecationWarning)
                self._region: CloudRegion = config.get_one(cloud=name)
            self._loader: loading.BaseLoader[Any] = loading.get_plugin_loader(
                self._region.config["auth_type"]
            )
            self._verify, self._cert = self._region.get_requests_verify_args()
        except (
            sdk_errors.SDKException,
            ks_errors.ClientException,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            problem = hide(f"{type(error).__name__}: {error}", self._secrets)
        if (
            problem
        ):  # raised out here so that it is not chained: the loader's own errors may carry the whole entry
            raise CredentialsRejected(f"the clouds.yaml entry cannot be used: {problem}")

    def __repr__(self) -> str:
        return f"Entry({self._name!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """All texts of the entry that must never be shown."""
        return self._secrets

    @property
    def auth_url(self) -> str:
        """Where its Keystone is."""
        return str(self._region.config.get("auth", {}).get("auth_url", ""))

    @property
    def auth_type(self) -> str:
        """Name of the keystoneauth plugin."""
        return str(self._region.config["auth_type"])

    @property
    def rescopable(self) -> bool:
        """Whether the credential can get tokens for other projects; those bound to one project cannot."""
        auth = self._region.config["auth"]
        options = {option.dest for option in self._loader.get_options()}
        bound = "applicationcredential" in self.auth_type or auth.get("application_credential_id")
        return "project_id" in options and not auth.get("trust_id") and not bound

    def plugin(self, project_id: str) -> BaseIdentityPlugin:
        """The plugin that gets tokens for a project by id, or for the entry's own project where that is empty."""
        auth = dict(self._region.config["auth"])
        if project_id:
            if not self.rescopable:
                raise CredentialsRejected(
                    f"a credential of type {self.auth_type} is bound to one project;"
                    " fractus needs one that can be scoped to others, such as a password"
                )
            auth = {key: value for key, value in auth.items() if key not in _SCOPE_OPTIONS}
            auth["project_id"] = project_id
        plugin = self._loader.load_from_options(**auth)
        if not isinstance(plugin, BaseIdentityPlugin):
            raise CredentialsRejected(f"a credential of type {self.auth_type} gives no Keystone token")
        return plugin

    def requests_tls(self) -> tuple[bool | str, str | tuple[str, str] | None]:
        """`verify` and `cert` as the requests library wants them."""
        return (True if self._verify is None else self._verify), self._cert

    def tls(self) -> ssl.SSLContext | bool:
        """The same for aiohttp. Raises `CredentialsRejected` where a named file is not usable."""
        if self._verify is False:
            if self._cert is None:
                return False
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context = self._trusting(self._verify if isinstance(self._verify, str) else "")
        if self._cert is not None:
            pair = (self._cert, None) if isinstance(self._cert, str) else self._cert
            try:
                context.load_cert_chain(*pair)
            except (OSError, ssl.SSLError) as error:
                raise CredentialsRejected(
                    f"the client certificate {pair[0]} cannot be used: {error}"
                ) from error
        return context

    @staticmethod
    def _trusting(authority: str) -> ssl.SSLContext:
        if not authority:
            return ssl.create_default_context()
        try:
            if pathlib.Path(authority).is_dir():
                return ssl.create_default_context(capath=authority)
            return ssl.create_default_context(cafile=authority)
        except (OSError, ssl.SSLError) as error:
            raise CredentialsRejected(f"the CA file {authority} cannot be used: {error}") from error

    def region(self, service: str) -> str | None:
        """The region whose endpoint of `service` is meant; None where the entry names none."""
        return self._region.get_region_name(service) or None

    def interface(self, service: str) -> str | list[str]:
        """`public`, `internal` or `admin`, or several in order of preference."""
        return self._region.get_interface(service) or "public"

    def endpoint_override(self, service: str) -> str | None:
        """The endpoint that the entry itself gives for `service`, if it does."""
        return self._region.get_endpoint(service)


def _secrets_of(entry: dict[str, Any]) -> set[str]:
    """Every text in the entry's `auth` that may be a secret."""
    auth = entry.get("auth")
    found = {
        str(value)
        for key, value in (auth if isinstance(auth, dict) else {}).items()
        if key not in _OPEN_OPTIONS and value
    }
    return found | {str(entry[key]) for key in ("password", "token", "passcode") if entry.get(key)}
