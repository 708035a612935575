#!/usr/bin/env bash
# Holds what the services rely on against an emulator of AWS that is not ours (ministack, from PyPI): the same checks that
# the embedded cloud passes in `cargo test`. Needs python3. CONTRACT_PORT names the port; any free one where absent.
set -euo pipefail
cd "$(dirname "$0")/.."

work="$(pwd -P)/target/contract"
mkdir -p "$work"
[ -x "$work/ministack/bin/python" ] || python3 -m venv "$work/ministack"
"$work/ministack/bin/pip" install --quiet --disable-pip-version-check \
    -r infra/tests/ministack.txt

free='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
port="${CONTRACT_PORT:-$("$work/ministack/bin/python" -c "$free")}"
url="http://127.0.0.1:$port"
BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" IOT_MTLS_ENABLED=0 AWS_ENDPOINT_URL="$url" \
    "$work/ministack/bin/ministack" >"$work/ministack.log" 2>&1 &
emulator=$!
trap 'kill "$emulator" 2>/dev/null || true' EXIT

up() { "$work/ministack/bin/python" -c "import urllib.request as r; r.urlopen('$url/_localstack/health', timeout=2)" 2>/dev/null; }
for _ in $(seq 60); do
    up && break
    kill -0 "$emulator" 2>/dev/null || break
    sleep 0.5
done
up || { echo "ministack does not come up at $url"; tail -20 "$work/ministack.log"; exit 1; }

BIGSMOKES_CONTRACT_ENDPOINT="$url" timeout 1200 cargo test --workspace --test contract
