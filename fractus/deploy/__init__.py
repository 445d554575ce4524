"""Deployments of several nodes: an inventory, the files that it comes to, and what is unsafe about it.

`inventory` reads the one small file that an operator writes, `secret` the passwords that are made once beside it,
`render` turns both into every file of every node, `check` says in words what is unsafe, and `live` asks what runs.
`galera_health` is the one program of it that runs on the nodes: it tells HAProxy which database node may be used.
"""
