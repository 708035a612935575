"""The emulated cloud: what must be there before Terraform, and what AWS or an operator would do after it."""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
ACCOUNT = os.environ["AWS_ACCESS_KEY_ID"]
ENVIRONMENT = "staging"
NAME = f"ecommerce-{ENVIRONMENT}"
PARAMETER = f"/ecommerce/{ENVIRONMENT}/platform/config/json"
RELEASE = "0000000"
HOME = "us-east-1"
REGIONS = [HOME, "eu-west-1", "ap-southeast-1"]
SERVICES = ["users", "products", "orders", "warehouse", "delivery", "payment", "frontend-api"]
# Keys of nobody: they are made for this run and open nothing.
KEYS = {"service_key": "", "payment_key": "emulated payment key", "provider_key": "", "age_check_key": "emulated age key"}


def client(service, region=HOME):
    """A client in one region."""
    return boto3.client(service, region_name=region, config=Config(connect_timeout=5, read_timeout=60))


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


def until(what, within_s, look):
    """Looks until there is something, and gives it."""
    end = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {within_s} s")
        time.sleep(0.3)


def wait():
    """Until the emulator answers, 60 s at most."""
    fetched(f"{ENDPOINT}/_localstack/health", 60)


def prepare(packages):
    """The buckets of releases, with the packages."""
    for region in REGIONS:
        bucket, store = f"releases-{region}.shop.example", client("s3", region)
        place = {} if region == HOME else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        store.create_bucket(Bucket=bucket, **place)
        for service in SERVICES:
            body = pathlib.Path(packages, f"{service}.zip").read_bytes()
            store.put_object(Bucket=bucket, Key=f"{RELEASE}/{service}.zip", Body=body)


def describe():
    """Puts an API piece by piece as its description says; called by Terraform, for each API."""
    gateway, api = client("apigateway", os.environ["REGION"]), os.environ["API"]
    paths = json.loads(os.environ["DESCRIPTION"])["paths"]
    ids = {it["path"]: it["id"] for it in gateway.get_resources(restApiId=api, limit=500)["items"]}
    for path, methods in paths.items():
        at = ""
        for part in filter(None, path.split("/")):
            parent, at = ids[at or "/"], f"{at}/{part}"
            if at not in ids:
                ids[at] = gateway.create_resource(restApiId=api, parentId=parent, pathPart=part)["id"]
        method = methods["x-amazon-apigateway-any-method"]
        to = method["x-amazon-apigateway-integration"]
        which = {"restApiId": api, "resourceId": ids[path], "httpMethod": "ANY"}
        gateway.put_method(**which, authorizationType="AWS_IAM" if "security" in method else "NONE")
        gateway.put_integration(**which, type="AWS_PROXY", integrationHttpMethod=to["httpMethod"], uri=to["uri"],
                                timeoutInMillis=to["timeoutInMillis"])


def replicate():
    """Adds the replicas of the global tables, which Terraform could not."""
    tables = client("dynamodb")
    declared = json.loads((pathlib.Path(__file__).resolve().parents[2] / "tables.json").read_text())
    for table in declared:
        if table["replication"] == "global":
            name = "-".join(filter(None, [NAME, table["service"], table["table"]]))
            for region in REGIONS[1:]:
                tables.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}])


def keys_of(pool):
    """A user pool's public keys."""
    return json.loads(fetched(f"{ENDPOINT}/{pool}/.well-known/jwks.json", 5))


def configure(third_parties, orders, work):
    """What README.md has an operator do after the first apply: keys, the pools' public keys, the founding of the journal's
    copies. Beside that it tells the services where everything is on this machine."""
    outside = json.loads(pathlib.Path(third_parties).read_text())
    keys = KEYS | {"provider_key": outside["provider"]["key"]}
    for region in REGIONS:
        parameters, secrets = client("ssm", region), client("secretsmanager", region)
        config = json.loads(parameters.get_parameter(Name=PARAMETER)["Parameter"]["Value"])
        config |= {
            "aws_endpoint": ENDPOINT,
            "provider_url": outside["provider"]["url"],
            "carrier_url": outside["carrier"]["url"],
            # Functions start more slowly there than on AWS: whoever is asked for a beat may take its time.
            "suspect_after_ms": 10000,
        }
        for there in config["regions"]:
            there["url"] = f"{ENDPOINT}/_aws/execute-api/{{service}}-{there['name']}/{{service}}"
        for pool in config["pools"]:
            pool["jwks"] = keys_of(pool["issuer"].rpartition("/")[2])
        parameters.put_parameter(Name=PARAMETER, Value=json.dumps(config), Type="String", Overwrite=True)
        for service in SERVICES:
            secrets.put_secret_value(SecretId=f"ecommerce/{ENVIRONMENT}/{service}/keys", SecretString=json.dumps(keys))
        file = pathlib.Path(work, f"orders-{region}.json")
        file.write_text(json.dumps(config | {"secrets": keys}))
        environment = os.environ | {"BIGSMOKES_CONFIG": str(file), "AWS_REGION": region}
        subprocess.run([orders, "found"], env=environment, check=True, timeout=60)
    print("ok: keys are given, the pools' keys are known, each region's copy of the journal is founded")
