"""`fractus simulate`: many OpenStack clouds in a process or two, to measure and to try fractus on.

Each cloud is the same program once more: our own services over a store of its own, a worker, and one simulated cloud
below it. Beside them it has a small Keystone, so that stock clients log in to it as to any cloud.
"""

from __future__ import annotations

#: The simulated cloud below a child, and so the child's only availability zone, as Nova calls its own.
INSIDE = "nova"

#: Where its Keystone hangs below the root of a cloud.
IDENTITY = "/identity"
