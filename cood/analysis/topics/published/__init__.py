"""The authors' table of published CLIPs."""
