"""`python -m fractus`: the same as the command `fractus`."""

from __future__ import annotations

from fractus.cli.main import main

if __name__ == "__main__":
    main()
