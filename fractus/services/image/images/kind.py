"""Images and their tasks, declared as far as the lists of kinds must know them: the rest is written by hand."""

from __future__ import annotations

from fractus.services.image.images import policy
from fractus.services.image.images.carried import FIELDS
from fractus.services.image.images.costs import COSTS
from fractus.services.image.images.table import IMAGE, IMAGE_TASK
from fractus.services.kind import Undeclared

KIND = Undeclared(name="image", service="image", table=IMAGE, rules=policy.RULES, costs=COSTS, carried=FIELDS)
TASK = Undeclared(name="image_task", service="image", table=IMAGE_TASK)
