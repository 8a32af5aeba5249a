"""The command line with the fakes of all tests."""

import json
from collections.abc import Sequence

import pytest
from fakes import FakeModels

from rag.cli.main import main as command_line

TRAINS = "Night Trains\n\nThe night train to Brennau stops seventeen times. It leaves at nine."
NIGHT = "How often stops the night train to Brennau?"


def main(arguments: Sequence[str]) -> int:
    """Run a command with the fakes and no language model."""
    return command_line(arguments, lambda settings: FakeModels())


def documents_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    return [document["document"] for document in json.loads(capsys.readouterr().out)]
