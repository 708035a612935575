#!/usr/bin/env bash
# Builds every service's package for Lambda, and with --images a container image of each. One command:
#
#   infra/package.sh                              target/packages/{service}.zip for arm64
#   infra/package.sh --arch x86_64 --images       for x86_64, with images bigsmokes/{service}:{commit}
#   infra/package.sh --from target/debug          packs what was built already, for this machine
#   infra/package.sh --images --base IMAGE        images on another base than Amazon Linux 2023: a mirror's, say
#
# It builds by cargo-zigbuild (PyPI; zig is the linker and the C compiler) and not by cargo alone: Lambda's Amazon Linux 2023
# has glibc 2.34, older than most build machines have, and arm64 needs a C compiler of its own. cargo-lambda would do the
# same by the same means, and wants zig installed beforehand. Needs cargo, python3 and, for another architecture than the
# machine's, rustup (the target's standard library). Images need a Docker engine.
set -euo pipefail
cd "$(dirname "$0")/.."

SERVICES=(users products orders warehouse delivery payment frontend-api)
# What Amazon Linux 2023 has, which provided.al2023 and the images stand on.
GLIBC=2.34
ZIGBUILD=0.24.1 ZIG=0.17.1

arch=arm64 images=no from='' base=''
usage() { sed -n '2,14s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
    case "$1" in
        --arch) arch="${2:-}"; shift ;;
        --images) images=yes ;;
        --from) from="${2:-}"; shift ;;
        --base) base="${2:-}"; shift ;;
        --help | -h) usage; exit 0 ;;
        *) echo "package.sh: $1 is unknown; see --help"; exit 2 ;;
    esac
    shift
done
case "$arch" in
    arm64) target=aarch64-unknown-linux-gnu platform=linux/arm64 ;;
    x86_64) target=x86_64-unknown-linux-gnu platform=linux/amd64 ;;
    *) echo "package.sh: --arch is arm64 or x86_64"; exit 2 ;;
esac
if [ "$images" = yes ] && ! docker info >/dev/null 2>&1; then
    echo "package.sh: --images needs a Docker engine, and none answers (docker info)"; exit 3
fi

build() {
    if ! rustc --print target-libdir --target "$target" 2>/dev/null | xargs -r test -d; then
        rustup target add "$target" || { echo "package.sh: no standard library for $target here"; exit 3; }
    fi
    [ -x target/zig/bin/pip ] || python3 -m venv target/zig
    target/zig/bin/pip install --quiet --disable-pip-version-check "cargo-zigbuild==$ZIGBUILD" "ziglang==$ZIG"
    local packages=()
    for service in "${SERVICES[@]}"; do packages+=(-p "$service"); done
    # Debug information would take most of the room.
    PATH="$PWD/target/zig/bin:$PATH" CARGO_PROFILE_RELEASE_STRIP=symbols cargo zigbuild --release --target "$target.$GLIBC" "${packages[@]}" --bins
    binaries="target/$target/release"
}

if [ -n "$from" ]; then
    # Debug information is of no use there, and takes most of the room.
    binaries=target/packages/stripped
    mkdir -p "$binaries"
    for service in "${SERVICES[@]}"; do
        [ -x "$from/$service" ] || { echo "package.sh: $from/$service is not there: build it first"; exit 3; }
        strip -o "$binaries/$service" "$from/$service"
    done
else
    build
fi
python3 infra/lambda/pack.py "$binaries" target/packages "${SERVICES[@]}"

if [ "$images" = yes ]; then
    release="$(git rev-parse --short HEAD)"
    for service in "${SERVICES[@]}"; do
        docker build --quiet --platform "$platform" --build-arg SERVICE="$service" ${base:+--build-arg BASE="$base"} --tag "bigsmokes/$service:$release" \
            --file infra/lambda/Dockerfile "$binaries"
    done
fi
