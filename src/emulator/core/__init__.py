"""What every service stands on: the account, the wire, the caller, child processes, logs, lists and tags."""
