"""The program that an auditor takes along: one file, the standard library, no network."""
