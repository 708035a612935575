"""Packs services for Lambda: pack.py BINARIES PACKAGES SERVICE…  The same binaries make the same zips, byte by byte."""

import hashlib
import pathlib
import sys
import zipfile

BOOTSTRAP = pathlib.Path(__file__).parent / "bootstrap"
# What Lambda takes, unpacked (AWS Lambda quotas).
UNPACKED_MAX = 250 * 1024 * 1024


def entry(name):
    """A file that may be run, of no date."""
    file = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    file.external_attr = 0o755 << 16
    file.compress_type = zipfile.ZIP_DEFLATED
    return file


def pack(binary, package):
    """The bootstrap, and the service under the name that it starts."""
    size = binary.stat().st_size
    if size > UNPACKED_MAX:
        raise SystemExit(f"{binary}: {size} bytes; Lambda takes {UNPACKED_MAX}. Was it stripped?")
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(entry("bootstrap"), BOOTSTRAP.read_bytes())
        archive.writestr(entry("service"), binary.read_bytes())
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    print(f"{package}  {package.stat().st_size / 1e6:5.1f} MB  sha256 {digest[:16]}…", flush=True)


def main():
    binaries, packages, *services = sys.argv[1:]
    packages = pathlib.Path(packages)
    packages.mkdir(parents=True, exist_ok=True)
    for service in services:
        pack(pathlib.Path(binaries, service), packages / f"{service}.zip")


main()
