"""Prints what came out of a run of tests: id, tab, result, tab, the last line of the reason.

outcomes.py FILE.subunit     (run by Tempest's own Python, which has subunit)
"""

from __future__ import annotations

import re
import sys
from typing import Any

import subunit
import testtools

_BRACKETS = re.compile(r"\[[^]]*\]\Z")
_WORDS = {
    "success": "pass",
    "skip": "skip",
    "fail": "fail",
    "error": "fail",
    "uxsuccess": "fail",
    "xfail": "pass",
}
_REASON = 400


def text(test: dict[str, Any], name: str) -> str:
    """A text that was attached to a test."""
    detail = test["details"].get(name)
    return str(detail.as_text()).strip() if detail else ""


def reason(test: dict[str, Any]) -> str:
    """Why it was skipped or what went wrong, on one line."""
    if test["status"] == "skip":
        return text(test, "reason")
    traces = [text(test, name) for name in test["details"] if name.startswith("traceback")]
    # The innermost exception is the one that tells; its message may span lines.
    for trace in traces:
        at = [
            match.start()
            for match in re.finditer(r"^(?! )[\w.]+(?:Error|Exception|[A-Z]\w+)?: ", trace, re.M)
        ]
        if at:
            return " ".join(trace[at[-1] :].split())[:_REASON]
    return " ".join(" ".join(traces).split())[-_REASON:]


def main() -> None:
    """Read the stream and print."""

    def show(test: dict[str, Any]) -> None:
        if test["status"] in _WORDS:
            why = "" if test["status"] == "success" else reason(test)
            print(_BRACKETS.sub("", test["id"]), _WORDS[test["status"]], why.replace("\t", " "), sep="\t")

    with open(sys.argv[1], "rb") as file:
        result = testtools.StreamToDict(show)
        result.startTestRun()
        subunit.ByteStreamToStreamResult(file, non_subunit_name="stdout").run(result)
        result.stopTestRun()


if __name__ == "__main__":
    main()
