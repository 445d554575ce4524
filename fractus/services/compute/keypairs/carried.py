"""What becomes of changes of a keypair that is in a cloud."""

from __future__ import annotations

from fractus.model.carried import refused

FIELDS = (
    refused("name", "Nova has no way to change a keypair"),
    refused("public_key", "Nova has no way to change a keypair; a new one of the same name is another"),
)
