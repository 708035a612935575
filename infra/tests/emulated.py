"""What infra/emulate.sh does on the emulator beside Terraform: wait for it, put a package, ask it something."""

import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zipfile

import boto3

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
BUCKET, KEY = "releases-us-east-1.shop.example", "0000000/frontend-api.zip"
PREFIX = "ecommerce-staging"
PARAMETER = "/ecommerce/staging/platform/config/json"
ROBUSTO = "0190f6b2-0000-7000-8000-000000000001"


def wait():
    """Until the emulator answers, 60 s at most."""
    fetched(f"{ENDPOINT}/_localstack/health", 60)


def fetched(url, within_s):
    """What the address answers with 200 within some seconds."""
    end = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.read()
        except OSError as cause:
            if time.monotonic() > end:
                raise SystemExit(f"{url}: {cause}")
            time.sleep(0.2)


def package(binary):
    """The frontend API's package, as infra/README.md says."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in [("bootstrap", "lambda/bootstrap"), ("service", binary)]:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, pathlib.Path(path).read_bytes(), zipfile.ZIP_DEFLATED, 1)
    store = boto3.client("s3")
    store.create_bucket(Bucket=BUCKET)
    store.put_object(Bucket=BUCKET, Key=KEY, Body=packed.getvalue())


def resources(module):
    """Every resource of a module and of those in it."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def configure(port):
    """Tells the services of the emulator, gives them keys, and returns their whole configuration."""
    parameters, secrets = boto3.client("ssm"), boto3.client("secretsmanager")
    config = json.loads(parameters.get_parameter(Name=PARAMETER)["Parameter"]["Value"])
    config["aws_endpoint"] = ENDPOINT
    for region in config["regions"]:
        region["url"] = f"http://127.0.0.1:{port}"
    parameters.put_parameter(Name=PARAMETER, Value=json.dumps(config), Type="String", Overwrite=True)
    keys = {name: "emulated" for name in ["service_key", "payment_key", "provider_key", "age_check_key"]}
    secrets.put_secret_value(SecretId="ecommerce/staging/frontend-api/keys", SecretString=json.dumps(keys))
    return config | {"secrets": keys}


def stock():
    """A product, as the service stores one."""
    at = "2026-01-01T00:00:00.000Z"
    boto3.resource("dynamodb").Table(f"{PREFIX}-products").put_item(Item={
        "productId": ROBUSTO, "name": "Robusto", "category": "cigars", "price": 1200, "currency": "USD", "version": 1,
        "package": {"width": 20, "length": 130, "height": 20, "weight": 15}, "tags": [], "pictures": [],
        "createdDate": at, "modifiedDate": at, "active": True, "ageRestricted": True, "taxClass": "tobacco",
    })


def graphql(made, query):
    """Asks AppSync as somebody who has not signed in."""
    request = urllib.request.Request(f"{ENDPOINT}/graphql", json.dumps({"query": query}).encode(), {
        "host": urllib.parse.urlparse(made["aws_appsync_graphql_api"]["uris"]["GRAPHQL"]).hostname,
        "x-api-key": made["aws_appsync_api_key"]["key"],
        "content-type": "application/json",
    })
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def expect(what, got, wanted):
    """Ends the run where it is not so."""
    if got != wanted:
        raise SystemExit(f"{what}: {json.dumps(got)} instead of {json.dumps(wanted)}")
    print(f"ok: {what}")


def ask(products, work):
    """The questions, and what must come of them."""
    state = json.loads(pathlib.Path(work, "emulated.json").read_text())
    made = {it["type"]: it["values"] for it in resources(state["values"]["root_module"]) if it["mode"] == "managed"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = pathlib.Path(work, "products.json")
    config.write_text(json.dumps(configure(port)))
    stock()

    environment = {"BIGSMOKES_CONFIG": str(config), "BIGSMOKES_LISTEN": f"127.0.0.1:{port}"}
    with open(pathlib.Path(work, "products.log"), "w") as log:
        service = subprocess.Popen([products], env=environment, stdout=log, stderr=log)
    try:
        fetched(f"http://127.0.0.1:{port}/readyz", 20)
        print("ok: products finds its tables and its queue")
        answer = graphql(made, f'{{ getProduct(productId: "{ROBUSTO}") {{ title: name price package {{ weight }} }} }}')
        robusto = {"title": "Robusto", "price": 1200, "package": {"weight": 15}}
        expect("a product through every step", answer, {"data": {"getProduct": robusto}})
        answer = graphql(made, "{ me { userId } }")
        expect("nobody is nobody", answer["errors"][0]["errorType"], "UNAUTHENTICATED")
    finally:
        service.terminate()
        service.wait(10)


if __name__ == "__main__":
    {"wait": wait, "package": package, "ask": ask}[sys.argv[1]](*sys.argv[2:])
