"""The whole of fractus in one process, for tests of stories: simulated clouds, real API and worker, a clock to move.

Shipped, so that whoever builds on fractus can test against it. `World` is the way in.
"""
