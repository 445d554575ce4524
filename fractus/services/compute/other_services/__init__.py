"""What other services tell and ask compute: events of servers, snapshots of volumes in use, tokens of consoles."""
