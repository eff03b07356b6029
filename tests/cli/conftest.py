import pytest
from cli_runner import Warm


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """A command line whose imports are done."""
    server = Warm(tmp_path_factory.mktemp("warm"))
    yield server
    server.end()
