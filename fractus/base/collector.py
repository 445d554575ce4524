"""How often the garbage collector looks: seldom, in processes that serve for months."""

from __future__ import annotations

import gc

#: So many new objects bring a collection of the young ones. Python's own figure is 700, which a single request reaches
#: several times; nearly all that we make is freed without a collection as soon as nobody has it any more.
_YOUNG, _MIDDLE, _OLD = 10_000, 20, 20


def settle() -> None:
    """Call it when all is built that stays to the end: no collection need look through that again, which would take a
    tenth of a second each time, while callers wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
