"""``marathon demo``: a whole instance here, with the Vallée du Lot loaded and played."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = Path(".marathon") / "demo"


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    envvar="MARATHON_GATEWAY_PORT",
)
@click.option("--fresh", is_flag=True, help="Forget the last demonstration and start anew.")
@click.option(
    "--folder",
    default=FOLDER,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where its data are kept.",
)
def command(port: int, fresh: bool, folder: Path) -> None:
    """Run a whole instance here, with the Vallée du Lot loaded; Ctrl-C stops it.

    Its data are kept: started again, it goes on where it was.
    """
    from deploy.demo import run

    run(folder.absolute(), port, fresh)
