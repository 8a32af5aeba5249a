"""What is said of a command or an option that there is not, and what completes those there are."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serch", "Who?"], "there is no command 'serch'; did you mean search?; `rag --help`"),
        (["xyzzy"], "there is no command 'xyzzy'; `rag --help` lists them all"),
        (["ask", "--libary", "press", "Who?"], "--libary Who?; did you mean --library?"),
        (["list", "--jsno=1"], "unrecognized arguments: --jsno=1; did you mean --json?"),
        (["list", "trains"], "rag list: error: unrecognized arguments: trains\n"),
        (["search", "-k", "0", "Who?"], "0 is not a positive number"),
    ],
)
def test_what_was_meant_is_suggested_where_something_is_near(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def completed(script: str, *words: str) -> list[str]:
    """Return what bash offers for the last of the words of a command line."""
    line = f"""{script}
COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
_shtab_rag rag "${{COMP_WORDS[$COMP_CWORD]}}" 2>/dev/null; printf '%s\\n' "${{COMPREPLY[@]}}" """
    bash = shutil.which("bash") or pytest.skip("this machine has no bash")
    done = subprocess.run([bash, "-c", line], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_commands_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert {"search", "serve"} == set(completed(script, "rag", "se"))
    assert "--prune" in completed(script, "rag", "add", "--p")


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_other_shells_have_a_script_of_their_own(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["shell"] == shell
    assert "doctor" in told["script"]


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        (["rebuild"], {"library": "default", "documents": 1}),
        (["unanswered", "--clear"], {"removed": 0}),
        (["remove", "trains"], [{"document": "trains", "outcome": "removed"}]),
        (["token"], None),
    ],
    ids=["rebuild", "unanswered", "remove", "token"],
)
def test_what_was_done_is_told_as_json(
    arguments: list[str], outcome: object, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == outcome or (outcome is None and len(told["token"]) > 16)


def test_status_says_where_the_libraries_are_also_where_there_is_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["libraries_folder"], told["libraries"]) == (str(folder / "indexes"), [])
    assert "There is no library yet, or make one: rag add FOLDER" in err
    assert main(["status", "--library", "other"]) == 4
    assert "There is no library 'other'" in capsys.readouterr().err
