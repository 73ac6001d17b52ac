"""`python -m latentry`, the same as the `latentry` command (for torchrun -m, for instance)."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
