"""The rules. Pure: no I/O, no clock, no Temporal, no randomness. Imports nothing of ours."""
