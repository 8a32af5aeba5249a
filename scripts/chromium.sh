#!/bin/sh
# Brings Chromium for the tests of the page where that needs no password. Without it they are skipped, and say so.
set -eu

command -v chromium >/dev/null && exit 0
say() { printf '%s\n' "$*" >&2; }

if ! command -v apt-get >/dev/null; then
    say "Chromium is missing, so the tests of the page will be skipped; install it as /usr/bin/chromium."
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    say "Chromium is missing, so the tests of the page will be skipped; to have them: sudo apt-get install -y chromium"
    exit 0
fi
say "Installing Chromium for the tests of the page …"
if ! { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq chromium; } >/dev/null 2>&1; then
    say "Chromium could not be installed, so the tests of the page will be skipped; see why: apt-get install chromium"
fi
