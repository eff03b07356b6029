"""Providers on loopback that keep what they get in memory and lie as real ones do: for demonstration and tests."""
