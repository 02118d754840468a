"""Command lines that the recipes call; each is thin: parse, call a room below, exit code."""
