"""Runs all benches: `python -m bench [options of bench.year]`."""

from bench import year
from cli.run_main import run_main

if __name__ == "__main__":
    run_main(year.main)
