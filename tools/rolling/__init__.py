"""Several processes of fractus behind a real HAProxy, restarted one after the other under load."""
