"""``python -m deploy.cli`` is ``marathon``."""

from deploy.cli import main

main()
