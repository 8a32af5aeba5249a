#!/bin/sh
# Brings Chromium and strace for the tests where that needs no password. Without them those tests are skipped, and say so.
set -eu

say() { printf '%s\n' "$*" >&2; }

missing=
command -v chromium >/dev/null || missing=chromium
# strace reads the system calls of Linux alone.
[ "$(uname)" != Linux ] || command -v strace >/dev/null || missing="$missing strace"
[ "$missing" ] || exit 0

skipped="Missing, so the tests that need them will be skipped: ${missing# }"
if ! command -v apt-get >/dev/null; then
    say "$skipped; install what your system has, Chromium as /usr/bin/chromium."
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    say "$skipped; to have them: sudo apt-get install -y ${missing# }"
    exit 0
fi
say "Installing for the tests: ${missing# } …"
$as_root apt-get update -qq >/dev/null 2>&1 || true
for package in $missing; do
    if ! DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq "$package" >/dev/null 2>&1; then
        say "$package could not be installed, so the tests that need it will be skipped; see why: apt-get install $package"
    fi
done
