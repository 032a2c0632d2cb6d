"""Commands that work in an instance's folder: which one it is, and errors as sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

FOLDER_OPTION = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The instance's folder. [default: the one of MARATHON_INSTANCE_FILE, else here]",
)


def folder_of(given: Path | None) -> Any:
    """The folder that was named, or the one of the environment, or the one we are in."""
    from deploy.relay.folder import Folder

    named = os.environ.get("MARATHON_INSTANCE_FILE")
    if given is None and named:
        # …/public/instance.yaml
        return Folder(Path(named).absolute().parent.parent)
    return Folder((given or Path()).absolute())


@contextmanager
def told() -> Iterator[None]:
    """What an operator can mend ends in one plain sentence."""
    from deploy.relay.folder import FolderError
    from deploy.relay.management import ManagementError

    try:
        yield
    except (FolderError, ManagementError) as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        if type(error).__name__ != "KeyUnusable":
            raise
        raise click.ClickException(f"{error}.") from error
