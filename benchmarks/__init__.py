"""What Palaver costs, beside what the bare parts cost in the same run: `python -m benchmarks`."""
