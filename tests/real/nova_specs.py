"""What an installed Nova's own validators say of extra specs: `realcloud python nova_specs.py FILE`.

FILE is a JSON list of `[name, value]`; a list of sentences is printed, each empty where the spec is taken.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nova import exception
from nova.api.validation.extra_specs import validators


def said(name: str, value: str) -> str:
    """Nova's sentence."""
    try:
        validators.validate(name, value)
    except exception.ValidationError as error:
        return str(error.format_message())
    return ""


if __name__ == "__main__":
    print(json.dumps([said(*case) for case in json.loads(Path(sys.argv[1]).read_text())]))
