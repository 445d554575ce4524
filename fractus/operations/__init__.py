"""What an operator does, as functions: clouds, holds, adoption, drift, purge, keys.

They know no terminal and no request. The command line calls them; so may any other program.
"""

from __future__ import annotations
