"""Bodies of block storage are judged by Cinder's schemas, and refused in its sentences."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import Invalid
from fractus.services.volume.dialect.schema import parameters as p
from fractus.services.volume.dialect.schema.judging import Judge

_METADATA = {"type": "object", "properties": {"metadata": p.extra_specs}}
_SIZE = {"type": "object", "properties": {"size": p.volume_size}}


@pytest.mark.parametrize(
    ("schema", "body", "sentence"),
    [
        (_METADATA, {"metadata": {"a key": "v\n"}}, ""),
        (
            _METADATA,
            {"metadata": {"key\n": "v"}},
            "Invalid input for field/attribute metadata. Value: {'key\\n': 'v'}. 'key\\n' does not match any of the"
            " regexes: '^[a-zA-Z0-9-_:. /]{1,255}$'",
        ),
        (_SIZE, {"size": "12"}, ""),
        (
            _SIZE,
            {"size": "12\n"},
            "Invalid input for field/attribute size. Value: 12\n. '12\\n' does not match '^[0-9]+$'",
        ),
    ],
    ids=["a key", "a key with a line break", "a size", "a size with a line break"],
)
def test_a_pattern_ends_where_the_text_does(schema: dict[str, Any], body: Any, sentence: str) -> None:
    if not sentence:
        Judge(schema).check(body)
        return
    with pytest.raises(Invalid) as refused:
        Judge(schema).check(body)
    assert str(refused.value) == sentence
