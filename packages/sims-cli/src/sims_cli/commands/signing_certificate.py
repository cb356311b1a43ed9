"""``sims signing-certificate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sims_cli.failures import refuse
from sims_cli.output import Output, OutputOption, console, print_json


def signing_certificate(
    directory: Annotated[Path, typer.Argument(help="Where the two files are put.")],
    *,
    name: Annotated[str, typer.Option(help="Of the installation.")] = "SIMS demonstration",
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a key and a self-signed certificate for demonstration.

    Transcripts signed with it say on each page that they are not official. An institution
    uses a certificate of its own from an authority.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 (sims --help stays quick)

    from sims_cli.stack import secret_files  # noqa: PLC0415
    from sims_transcripts import signing  # noqa: PLC0415

    files = {kind: directory / f"signing-{kind}" for kind in ("key", "certificate")}
    for path in files.values():
        if path.exists():
            refuse(f"{path} exists. Remove it first, or choose another directory.")
    pair = signing.self_signed(name, now=datetime.now(UTC))
    for path, text in zip(files.values(), pair, strict=True):
        secret_files.write(path, text)
    variables = {f"SIMS_SIGNING_{kind.upper()}_FILE": str(path) for kind, path in files.items()}
    if output is Output.JSON:
        print_json(variables)
        return
    for variable, file in variables.items():
        console().print(f"{variable}={file}", markup=False)
