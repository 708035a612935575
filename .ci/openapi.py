"""Holds a standing platform to its own OpenAPI documents: schemathesis asks what they allow, and what they do not.

Takes the path of endpoints.json, which `simulator up` writes. What is checked, and how, is in openapi.toml.
Services sign their calls to each other with keys that nobody outside has: such routes are held to how they refuse.
"""

import json
import pathlib
import subprocess
import sys
import time
import urllib.request

SCHEMATHESIS = pathlib.Path(sys.executable).with_name("schemathesis")
CONFIG = pathlib.Path(__file__).resolve().with_name("openapi.toml")
# Where each document lies in a region: those of its services, and the operators' at the root.
DOCUMENTS = ("users", "products", "orders", "warehouse", "delivery", "payment", "frontend-api", "platform", "ops")
# Who asks: a customer may do what all people may, an administrator what all staff may. Routes of services and of staff
# are in the administrator's round only; that they refuse everybody else, the tests of roles show.
CALLERS = ((None, ["--exclude-path-regex", "/(backend|admin)/"]), ("admin", []))


def sign_in(endpoints, group):
    account = next(account for account in endpoints["accounts"] if account["group"] == group)
    pool = next(pool for pool in endpoints["pools"] if pool["continent"] == account["continent"])
    parameters = {"USERNAME": account["username"], "PASSWORD": account["password"]}
    asked = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": pool["client_id"], "AuthParameters": parameters}
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
    }
    request = urllib.request.Request(pool["endpoint"], json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["AuthenticationResult"]["AccessToken"]


def held(region, document, token, options):
    base = region["aws_endpoint"] if document == "ops" else f"{region['aws_endpoint']}/{document}"
    address = f"{region['aws_endpoint']}/{document}/openapi.json"
    command = [SCHEMATHESIS, "--config-file", CONFIG, "run", address, "--url", base]
    done = subprocess.run(
        [*command, "--header", f"Authorization: Bearer {token}", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=pathlib.Path(sys.argv[1]).parent,
        check=False,
    )
    return done.returncode == 0, done.stdout


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        endpoints = json.load(file)
    region, failed = endpoints["regions"][0], []
    for group, options in CALLERS:
        token, caller = sign_in(endpoints, group), group or "customer"
        for document in DOCUMENTS:
            begun = time.monotonic()
            good, said = held(region, document, token, options)
            print(f"{document} as {caller}: {'good' if good else 'BAD'} ({time.monotonic() - begun:.1f} s)")
            if not good:
                print(said)
                failed.append(f"{document} as {caller}")
    if failed:
        sys.exit(f"not what the documents say: {', '.join(failed)}")


main()
