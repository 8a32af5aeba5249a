import json
from pathlib import Path

import pytest
from commands import main


def test_a_library_is_taken_elsewhere_as_one_file(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "trains.rag", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert (written["file"], written["bytes"]) == (
        "trains.rag",
        (library / "trains.rag").stat().st_size,
    )
    assert main(["import", "trains.rag", "--library", "copy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"library": "copy", "documents": 1, "passages": 1}
    assert main(["search", "night train", "--library", "copy"]) == 0
    assert main(["import", "trains.txt", "--library", "other"]) == 4
    assert (
        "'trains.txt' is not a whole library (it is no SQLite database)" in capsys.readouterr().err
    )
    assert main(["import", "trains.rag"]) == 2
    assert main(["export", "trains.rag"]) == 2
