"""Temporal workflows: thin shells over `domain`. They decide nothing that the domain could decide."""
