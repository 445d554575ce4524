"""The sample of `fractus.toml`, made from the declarations in `fractus.settings.sections`, so it cannot lag behind."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
from msgspec import Meta

from fractus.settings.sections import SECTIONS

_WIDTH = 100


def sample() -> str:
    """A `fractus.toml` with every setting, its meaning and its default, all commented out."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Settings of fractus. Each line below shows a default; take away the # to change it."
    yield "# The environment overrides this file: FRACTUS_<SECTION>_<FIELD>, as in FRACTUS_API_PORT=9000."
    for name, kind in SECTIONS.items():
        yield ""
        yield f"# {(kind.__doc__ or '').strip()}"
        yield f"[{name}]"
        for field in msgspec.structs.fields(kind):
            yield ""
            yield from textwrap.wrap(
                describe(field.type),
                _WIDTH,
                initial_indent="# ",
                subsequent_indent="# ",
                break_on_hyphens=False,
            )
            # What JSON writes for a text, a number, a boolean or a list of them is TOML too.
            made = field.default_factory
            default = field.default if made is msgspec.NODEFAULT else made()
            yield f"#{field.name} = {json.dumps(default)}"
    yield ""


def describe(kind: Any) -> str:
    """The sentence that a setting's type carries."""
    texts = [meta.description for meta in get_args(kind)[1:] if isinstance(meta, Meta) and meta.description]
    return texts[-1] if texts else ""
