"""``sims secrets``"""

from __future__ import annotations

from typing import Annotated

import typer

from sims_cli.output import Output, OutputOption, console, print_json

app = typer.Typer(help="Secrets of an installation in Kubernetes.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Without it, Typer would make `ensure` the command itself."""


@app.command()
def ensure(
    *,
    namespace: Annotated[str, typer.Option(help="Namespace of the Secrets.")],
    spec: Annotated[
        str,
        typer.Option(
            help='JSON: {"<secret>": {"<key>": {"random": <length>}, {"text": "…{<key>}…"}'
            ' or {"signing": "key" or "certificate"}}}.'
        ),
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Make the Secrets that are missing; the chart runs this before an installation.

    A key that is there is never changed, and no value is shown.
    """
    from sims_cli import generated_secrets  # noqa: PLC0415 (sims --help stays quick)
    from sims_cli.kube import Kube  # noqa: PLC0415 (same)

    wanted = generated_secrets.parse(spec)
    kube = Kube.of_this_pod()
    done = {}
    for name, keys in wanted.items():
        done[name] = generated_secrets.ensure(kube, namespace, name, keys)
        if output is Output.TABLE:
            console().print(f"Secret {name}: {done[name]}", markup=False)
    if output is Output.JSON:
        print_json(done)
