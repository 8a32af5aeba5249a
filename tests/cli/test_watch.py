import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rag.cli.commands.watch import among, changes


def test_no_change_is_missed_from_the_first_look_on(tmp_path: Path) -> None:
    (tmp_path / "reports" / "deep").mkdir(parents=True)
    file, moved = tmp_path / "reports" / "deep" / "a.txt", tmp_path / "reports" / "b.txt"
    coming = changes([tmp_path / "reports"])
    assert next(coming) == frozenset()
    file.write_text("One.")
    assert file in next(coming)
    file.rename(moved)
    seen: set[Path] = set()
    while not {file, moved} <= seen:
        seen |= next(coming)
    coming.close()


def test_a_file_is_among_the_changed_by_itself_and_by_a_folder_above_it(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files = [tmp_path / "link" / "deep" / "a.txt", tmp_path / "link" / "b.txt"]
    assert among(files, frozenset([tmp_path / "real" / "b.txt"])) == files[1:]
    assert among(files, frozenset([tmp_path / "real" / "deep"])) == files[:1]
    assert among(files, frozenset([tmp_path / "real" / "de", tmp_path])) == files
    assert among(files, frozenset([tmp_path / "other"])) == []


WITH_FAKES = """
import sys
from fakes import FakeModels
from rag.cli.main import main
raise SystemExit(main(sys.argv[1:], lambda settings: FakeModels()))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a signal as Ctrl-C sends it")
def test_a_folder_is_followed_until_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "trains.txt").write_text(
        "Night Trains\n\nThe night train to Brennau stops seventeen times."
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_FAKES, "add", "--watch", "--prune", "--yes", "reports"],
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a background job may ignore it
    )
    assert process.stderr

    def wait_for(line: str) -> None:
        assert process.stderr
        seen = []
        while not seen or line not in seen[-1]:
            seen.append(process.stderr.readline())
            assert seen[-1], f"it ended: {seen}"

    wait_for("1 of 1 files are in the library 'default'.")
    (tmp_path / "reports" / "ferry.txt").write_text(
        "Ferries\n\nThe night ferry to Brennau stops twice."
    )
    wait_for("added  ferry (1 passages)")
    (tmp_path / "reports" / "trains.txt").unlink()
    wait_for("removed  trains")
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, "")
