"""A child cloud that exists only here and behaves like an OpenStack: for `fractus up`, tests, and trying things out.

What it says and how it fails is Nova's, Neutron's and Glance's; time is a clock that is handed in, so a server boots in
no time when a test moves the clock. State lives in SQLite, in memory or in a file that several processes share.
"""
