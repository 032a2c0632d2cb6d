"""What every test may use: real servers, and the troupe of services."""

import os
import sys

# Images like to set it. Of the processes that tests start by the hundred each would then compile
# all that it imports, for longer than it is needed; and packages are installed uncompiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

from tests import forking  # noqa: E402 - what it imports shall be kept, too

forking.allowed = sys.platform == "linux"

pytest_plugins = ["tests.servers", "tests.fixtures"]
