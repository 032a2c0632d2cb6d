"""What every test may use: real servers, and the troupe of services."""

pytest_plugins = ["tests.servers", "tests.fixtures"]
