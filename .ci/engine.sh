#!/usr/bin/env bash
# Exercises `--cloud localstack` where a Docker engine answers or can be started: the contract's checks run on a container
# that testcontainers starts. No image is pulled: one is built from Debian's packages (debootstrap) with an emulator of AWS
# in it (ministack, from PyPI), and named to the tests by BIGSMOKES_LOCALSTACK_IMAGE. Where no engine can be had the reason
# is told on a line of its own, and the exit code is 0. Needs python3; starting an engine needs root, and apt where
# dockerd or debootstrap are not there.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p target/engine
work="$(cd target/engine && pwd -P)"
image=bigsmokes/emulator:1

skip() { echo "engine: the checks of containers are skipped: $*"; exit 0; }

answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

install() {
    local missing=()
    command -v dockerd >/dev/null || missing+=(docker.io)
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || skip "${missing[*]} not there, and no apt-get to install them"
    { timeout 120 apt-get update -qq && timeout 300 apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
        >"$work/apt.log" 2>&1 || skip "apt-get cannot install ${missing[*]}: $(tail -1 "$work/apt.log")"
}

# An engine of our own, which no other can disturb: its socket, its data and its containers lie under target/.
start_engine() {
    [ "$(id -u)" -eq 0 ] || skip "no Docker engine answers, and only root can start one"
    install
    local storage
    for storage in overlay2 vfs; do
        dockerd --iptables=false --ip6tables=false --storage-driver="$storage" --data-root "$work/data-$storage" \
            --exec-root "$work/exec" --pidfile "$work/pid" -H "unix://$work/docker.sock" >"$work/dockerd.log" 2>&1 &
        engine=$!
        export DOCKER_HOST="unix://$work/docker.sock"
        for _ in $(seq 40); do
            answers && return
            kill -0 "$engine" 2>/dev/null || break
            sleep 0.5
        done
        kill "$engine" 2>/dev/null || true
        wait "$engine" 2>/dev/null || true
    done
    skip "no Docker engine answers, and none can be started: $(tail -1 "$work/dockerd.log")"
}

# A root filesystem of Debian's packages with python, and ministack in it.
build_image() {
    docker image inspect "$image" >/dev/null 2>&1 && return
    command -v debootstrap >/dev/null || install
    local root="$work/root"
    if [ ! -x "$root/opt/ministack/bin/ministack" ]; then
        rm -rf "$root"
        timeout 600 debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" \
            ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/debootstrap.log" 2>&1 \
            || skip "debootstrap cannot build a root filesystem: $(tail -1 "$work/debootstrap.log")"
        chroot "$root" python3 -m venv /opt/ministack
        # From outside, where the way to PyPI is configured; for the python that is inside.
        local inside
        inside="$(chroot "$root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
        python3 -m venv "$work/pip"
        timeout 300 "$work/pip/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: \
            --python-version "$inside" --target "$root/opt/ministack/lib/python$inside/site-packages" --upgrade \
            -r infra/tests/ministack.txt
        printf '#!/bin/sh\nexec /opt/ministack/bin/python -m ministack\n' >"$root/opt/ministack/bin/ministack"
        chmod +x "$root/opt/ministack/bin/ministack"
    fi
    tar -C "$root" -c . | docker import --change 'ENV BIND_HOST=0.0.0.0 GATEWAY_PORT=4566 IOT_MTLS_ENABLED=0' \
        --change 'EXPOSE 4566' --change 'CMD ["/opt/ministack/bin/ministack"]' - "$image" >/dev/null
}

engine=
end_engine() { [ -z "$engine" ] || { kill "$engine" 2>/dev/null || true; wait "$engine" 2>/dev/null || true; }; }
trap end_engine EXIT

if ! command -v docker >/dev/null || ! answers; then
    start_engine
fi
build_image
BIGSMOKES_LOCALSTACK_IMAGE="$image" timeout 1200 cargo test --workspace --test contract localstack
