"""What each service's role may do and what not, tried by functions that have the roles. The emulator decides as IAM does."""

import io
import json
import pathlib
import re
import zipfile

import cloud
from cloud import ACCOUNT, ENDPOINT, HOME, NAME, SERVICES, client

# A table of each service that has one.
TABLES = ["users-profiles", "products", "orders", "warehouse", "delivery", "payment"]


def statement(policy, sid):
    """A statement's resources, none where the role has no such statement."""
    return next((it["Resource"] for it in policy["Statement"] if it["Sid"] == sid), [])


def key_of(table):
    """A key that no row has."""
    found = client("dynamodb").describe_table(TableName=table)["Table"]
    kinds = {it["AttributeName"]: it["AttributeType"] for it in found["AttributeDefinitions"]}
    value = {"S": {"S": "nobody"}, "N": {"N": "0"}}
    return {it["AttributeName"]: value[kinds[it["AttributeName"]]] for it in found["KeySchema"]}


def event(source, bus):
    """An event that no rule matches."""
    return {"Entries": [{"Source": f"ecommerce.{source}", "DetailType": "Nothing", "Detail": "{}", "EventBusName": bus}]}


def api(service, method, path):
    """A signed call to a service in the home region."""
    return {"api": [method, f"{ENDPOINT}/_aws/execute-api/{service}-{HOME}/{service}{path}"]}


def trials(service, policy, queues, keys):
    """(what, whether it is allowed, the trial), for one role."""
    own = {arn.rpartition(f"table/{NAME}-")[2] for arn in statement(policy, "OwnTables")}
    for table, key in keys.items():
        get = {"aws": ["dynamodb", "get_item", {"TableName": f"{NAME}-{table}", "Key": key}]}
        yield f"reads {table}", table in own, get
    for table in sorted(own & set(keys)):
        gone = {"aws": ["dynamodb", "delete_item", {"TableName": f"{NAME}-{table}", "Key": keys[table]}]}
        yield f"deletes from {table}", False, gone
    publishes = bool(statement(policy, "OwnEvents"))
    yield "publishes in its own name", publishes, {"aws": ["events", "put_events", event(service, NAME)]}
    other = "payment" if service != "payment" else "orders"
    yield f"publishes as {other}", False, {"aws": ["events", "put_events", event(other, NAME)]}
    yield "publishes on another bus", False, {"aws": ["events", "put_events", event(service, "default")]}
    for consumer, url in queues.items():
        mine = any(arn.endswith(f":{NAME}-{consumer}-events") for arn in statement(policy, "OwnQueue"))
        yield f"reads the queue of {consumer}", mine, {"aws": ["sqs", "get_queue_attributes", {"QueueUrl": url}]}
    for whose in SERVICES:
        secret = {"SecretId": f"ecommerce/{cloud.ENVIRONMENT}/{whose}/keys"}
        yield f"reads the keys of {whose}", whose == service, {"aws": ["secretsmanager", "get_secret_value", secret]}
    yield "invokes a function", False, {"aws": ["lambda", "invoke", {"FunctionName": f"{NAME}-payment"}]}
    calls = [re.sub(r"^arn:.*?:\*/", "", arn) for arn in statement(policy, "Calls")]
    for call in calls:
        whom, method, path = call.split("/", 2)
        yield f"calls {call}", True, api(whom, method, "/" + path.replace("*", "0190f6b2-0000-7000-8000-00000000dead"))
    for whom in SERVICES:
        call = f"{whom}/DELETE/backend/anything"
        if not any(re.fullmatch(known.replace("*", ".*"), call) for known in calls):
            yield f"calls {call}", False, api(whom, "DELETE", "/backend/anything")


def probe(service):
    """A function that has the role of a service."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("probe.py", pathlib.Path(__file__).with_name("probe.py").read_text())
    name, functions = f"probe-{service}", client("lambda")
    functions.create_function(
        FunctionName=name, Runtime="python3.12", Handler="probe.handler", Timeout=60, Code={"ZipFile": packed.getvalue()},
        Role=f"arn:aws:iam::{ACCOUNT}:role/{NAME}-{service}-{HOME}", Environment={"Variables": {"AWS_ENDPOINT_URL": ENDPOINT}})
    return name


def check(policies):
    """Tries everything with every role; ends the run where anything is otherwise than its policy says."""
    policies, wrong = json.loads(pathlib.Path(policies).read_text())[HOME], []
    queues = {url.rpartition("/")[2].removeprefix(f"{NAME}-").removesuffix("-events"): url
              for url in client("sqs").list_queues()["QueueUrls"] if url.endswith("-events")}
    keys = {table: key_of(f"{NAME}-{table}") for table in TABLES}
    for service, policy in policies.items():
        tried = list(trials(service, policy, queues, keys))
        payload = json.dumps({"trials": [trial for *_, trial in tried]})
        answer = client("lambda").invoke(FunctionName=probe(service), Payload=payload)
        outcomes = json.load(answer["Payload"])
        if not isinstance(outcomes, list):
            raise SystemExit(f"{service}: {outcomes}")
        found = [(what, allowed, outcome) for (what, allowed, _), outcome in zip(tried, outcomes, strict=True)]
        # Whom IAM lets in, the service must know too.
        bad = [(what, outcome) for what, allowed, outcome in found
               if outcome.startswith("allowed") != allowed or outcome in ("allowed (401)", "allowed (403)")]
        wrong += [f"{service} {what}: {outcome}" for what, outcome in bad]
        denied = sum(not allowed for _, allowed, _ in found)
        print(f"{'ok' if not bad else 'NO'}: {service:13} {len(found) - denied:2} allowed, {denied:2} denied, as its policy says")
    if wrong:
        raise SystemExit("\n".join(wrong))
