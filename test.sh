#!/usr/bin/env bash
# Runs every check of mailtwin. On Debian as root it installs what is missing;
# elsewhere it runs what it can and says what it left out and how to get it.
# With MAILTWIN_NO_SKIP=1 (as in CI) leaving anything out is a failure.
set -euo pipefail
cd "$(dirname "$0")"

STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2
skipped=()

say() { printf '\n== %s\n' "$*"; }

debian_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# install PACKAGE...: Debian packages, without letting their services start.
install() {
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; made=1
  fi
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "$@")
  local failed=0
  "${get[@]}" >/dev/null 2>&1 || { apt-get -o DPkg::Lock::Timeout=300 update -q >/dev/null && "${get[@]}" >/dev/null; } || failed=1
  [ -z "$made" ] || rm -f "$policy"
  return "$failed"
}

# want COMMAND-OR-FILE PACKAGE WHAT: present, installed now, or skipped aloud.
want() {
  if [ -e "$1" ] || command -v "$1" >/dev/null 2>&1; then return 0; fi
  if debian_root; then say "installing $2"; install $2; return; fi
  skipped+=("$3: needs $1 (Debian: apt-get install $2)")
  return 1
}

command -v go >/dev/null || { echo "test.sh: Go 1.26 or newer is needed; see the README" >&2; exit 1; }

want /usr/sbin/dovecot dovecot-imapd "tests against a real server" || true
want /usr/bin/mbsync isync "the smoke test of the benchmark" || true

say "gofmt"
unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; exit 1; }

say "go vet"
go vet ./...

say "staticcheck"
go run "$STATICCHECK" ./...

say "go test"
race=(-race)
if [ "$(go env CGO_ENABLED)" != 1 ] || ! want gcc "gcc libc6-dev" "the race detector"; then
  race=()
fi
go test "${race[@]}" -timeout 15m ./...

if [ ${#skipped[@]} -gt 0 ]; then
  say "left out"
  printf -- '- %s\n' "${skipped[@]}"
  [ -z "${MAILTWIN_NO_SKIP:-}" ] || { echo "test.sh: leaving checks out is not allowed here" >&2; exit 1; }
fi
say "all checks passed"
