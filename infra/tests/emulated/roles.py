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


def tried_by(role, trials):
    """What comes of trials in a function that has the role."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("probe.py", pathlib.Path(__file__).with_name("probe.py").read_text())
    name, functions = f"probe-{role}", client("lambda")
    functions.create_function(
        FunctionName=name, Runtime="python3.12", Handler="probe.handler", Timeout=60, Code={"ZipFile": packed.getvalue()},
        Role=f"arn:aws:iam::{ACCOUNT}:role/{role}", Environment={"Variables": {"AWS_ENDPOINT_URL": ENDPOINT}})
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"trials": trials}))
    outcomes = json.load(answer["Payload"])
    functions.delete_function(FunctionName=name)
    if not isinstance(outcomes, list):
        raise SystemExit(f"{role}: {outcomes}")
    return outcomes


def wrong(tried, outcomes):
    """What came out otherwise than it should. Whom IAM lets in, the service must know too."""
    return [f"{what}: {outcome}" for (what, allowed, _), outcome in zip(tried, outcomes, strict=True)
            if outcome.startswith("allowed") != allowed or outcome in ("allowed (401)", "allowed (403)")]


def may_all(role):
    """A role that may do everything: what is found wrong with it shows that something can be."""
    iam, trust = client("iam"), {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=document(everything))
    return role


def check(policies):
    """Tries everything with every role; ends the run where anything is otherwise than its policy says."""
    policies, faults = json.loads(pathlib.Path(policies).read_text())[HOME], []
    queues = {url.rpartition("/")[2].removeprefix(f"{NAME}-").removesuffix("-events"): url
              for url in client("sqs").list_queues()["QueueUrls"] if url.endswith("-events")}
    keys = {table: key_of(f"{NAME}-{table}") for table in TABLES}
    for service, policy in policies.items():
        tried = list(trials(service, policy, queues, keys))
        bad = wrong(tried, tried_by(f"{NAME}-{service}-{HOME}", [trial for *_, trial in tried]))
        faults += [f"{service} {what}" for what in bad]
        denied = sum(not allowed for _, allowed, _ in tried)
        print(f"{'NO' if bad else 'ok'}: {service:13} {len(tried) - denied:2} allowed, {denied:2} denied, as its policy says")
    if faults:
        raise SystemExit("\n".join(faults))
    tried = list(trials("delivery", policies["delivery"], queues, keys))
    found = wrong(tried, tried_by(may_all("may-all"), [trial for *_, trial in tried]))
    assert len(found) >= sum(not allowed for _, allowed, _ in tried), f"a role that may do everything passes: {found}"
    print("ok: a role that may do everything would not pass")
