"""What must hold whatever anybody writes: one target for each reader of what others wrote, each with its invariant.

`test_fuzz.py` runs each target for a moment, always with the same inputs, and every case that was ever found. `make
fuzz` runs them for minutes with inputs of its own; what breaks an invariant is kept, at its smallest, under
`cases/<target>/`, and is a test from then on.
"""
