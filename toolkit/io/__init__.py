"""Readers and writers of the data contracts: data dirs, audio, arks, trials. Imports no torch."""
