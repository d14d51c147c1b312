"""The page of published CLIPs: the authors' accuracies, and tests of composition."""
