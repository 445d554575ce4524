"""Which release of OpenStack a child is, as far as its microversions tell."""

from __future__ import annotations

#: The highest compute microversion of each release (Nova's REST API version history, "Maximum in").
_COMPUTE = (
    ((2, 3), "Kilo"),
    ((2, 12), "Liberty"),
    ((2, 25), "Mitaka"),
    ((2, 38), "Newton"),
    ((2, 42), "Ocata"),
    ((2, 53), "Pike"),
    ((2, 60), "Queens"),
    ((2, 65), "Rocky"),
    ((2, 72), "Stein"),
    ((2, 79), "Train"),
    ((2, 87), "Ussuri or Victoria"),
    ((2, 88), "Wallaby"),
    ((2, 90), "Xena or Yoga"),
    ((2, 93), "Zed"),
    ((2, 95), "2023.1 or 2023.2"),
    ((2, 96), "2024.1 or 2024.2"),
    ((2, 100), "2025.1 or 2025.2"),
    ((2, 103), "2026.1"),
    ((2, 104), "2026.2"),
)


def release_of(compute_version: str) -> str:
    """The release whose Nova goes up to this microversion; `after ...` where it lies between two, empty for none."""
    try:
        major, minor = (int(part) for part in compute_version.split("."))
    except ValueError:
        return ""
    before = ""
    for highest, name in _COMPUTE:
        if (major, minor) == highest:
            return name
        if (major, minor) < highest:
            break
        before = name
    return f"after {before}" if before else ""
