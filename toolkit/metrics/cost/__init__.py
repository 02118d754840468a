"""Parameters, MACs, time and memory of a network."""
