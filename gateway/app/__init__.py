"""The only place that wires parts together: settings and files become a gateway that serves.

`files` reads, checks and compiles whole sets of files; `generation` makes one ready to serve; `serving` takes calls
with it. `process` is what was started: it watches files, serves admin and health, and has a crew (`crew`): itself
alone, or `workers`, each a process (`worker`) to which it speaks (`messages`, `hand`).
"""
