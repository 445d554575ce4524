"""Extra specs by name and value, right and wrong, made from the table of those that Nova knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fractus.services.compute.flavors.schema.extra_specs import Known, table

#: For each parameter of a name: texts that fit, and that do not.
PARAMETERS = {
    "filter": (("", ":a", ":a:b_1"), (":", "a", ":a-b")),
    "group": (("", "1", "_A-b", "x" * 64), ("x" * 65, "a.b", " ")),
    "key": (("a", "a:b c"), ("",)),
    "num": (("0", "17"), ("", "a", "-1")),
    "resource": (("A", "GPU_1"), ("", "a", "A-B")),
    "trait": (("A", "GPU_1"), ("", "a", "A-B")),
}
#: For each format: texts of it, and others.
FORMATS = {
    r"([a-zA-Z0-9_]+(,)?)+": (("a", "a,b_1", "a,"), ("", ",", "a,,b", "a b")),
    r"(\^)?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*": (("0", "^1", "0-3,^2,5-6"), ("", "^", "a", "1-", "1,", "1^2")),
    r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*": (("0", "^1", "0-3,^2,5-6"), ("", "^", "a", "1-", "1,", "1^2")),
    r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)": (
        ("any", "2048", "2MB", "1Gib"),
        ("", "big", "MB", "2 MB"),
    ),
    r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*": (("a:1", "a:1 , b:2"), ("", "a", "a:b", "a:1,b")),
}


def values(known: Known) -> tuple[list[str], list[tuple[str, str]]]:
    """Values that fit, and others with the sentence that refuses them."""
    if known.type == "boolean":
        wrong = ["", "maybe", "2"]
        return ["yes", " TRUE ", "0"], [
            (text, f"'{text}' is not a valid boolean-like value") for text in wrong
        ]
    if known.type == "integer":
        right = [known.min if known.min is not None else -1, known.max if known.max is not None else 10**9]
        refused = [(text, f"'{text}' is not a valid integer value") for text in ("", "many", "1.5")]
        if known.max is not None:
            refused.append(
                (str(known.max + 1), f"'{known.max + 1}' is greater than the max value of '{known.max}'")
            )
        if known.min is not None:
            refused.append(
                (str(known.min - 1), f"'{known.min - 1}' is less than the min value of '{known.min}'")
            )
        return [str(number) for number in right], refused
    if known.one_of:
        every = ", ".join(known.one_of)
        refused = [(text, f"'{text}' is not one of: {every}") for text in ("", "yes", known.one_of[0] + "x")]
        return list(known.one_of), refused
    if known.format:
        fitting, others = FORMATS[known.format]
        return list(fitting), [(text, f"'{text}' is not of the format '{known.format}'") for text in others]
    return ["", "anything", "<in> gcc"], []


def names(template: str) -> tuple[list[str], list[str]]:
    """Names of a template, and names that come near to it."""
    right, near = [template], []
    for parameter in re.findall(r"\{(\w+)\}", template):
        fits, others = PARAMETERS[parameter]
        near = [name.replace(f"{{{parameter}}}", text, 1) for name in right for text in others]
        right = [name.replace(f"{{{parameter}}}", text, 1) for name in right for text in fits]
    return right, near


#: Every name of the table, with what it takes.
EVERY = [(name, known) for known in table().specs for name in known.names]


def cases() -> Iterator[tuple[str, str, str]]:
    """Name, value, and the sentence where it is refused."""
    for template, known in EVERY:
        fitting, refused = values(known)
        for name in names(template)[0]:
            yield from ((name, value, "") for value in fitting)
            yield from ((name, value, sentence) for value, sentence in refused)
