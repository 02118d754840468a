"""What several verbs share: their inputs, outputs, and choice of a system."""
