"""``sims down``"""

from __future__ import annotations


def down() -> None:
    """Stop the `sims up` of this state directory."""
    # The data stays; `sims reset` deletes it.
    from sims_cli.stack.down import stop_all  # noqa: PLC0415 (sims --help stays quick)
    from sims_cli.state import find  # noqa: PLC0415 (same)

    stop_all(find())
