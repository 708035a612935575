"""A function that makes calls by the role that it has, and says what came of each."""

import os
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}


def asked(service, operation, arguments):
    """`denied`, `allowed`, or `allowed` with the error that came after the permission."""
    try:
        answer = getattr(boto3.client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"]), operation)(**arguments)
    except ClientError as refused:
        code = refused.response["Error"]["Code"]
        return "denied" if code in DENIED else f"allowed ({code})"
    # Events are refused one by one.
    codes = {it.get("ErrorCode") for it in answer.get("Entries", [])} - {None}
    return "denied" if codes & DENIED else "allowed"


def called(method, url):
    """The same for a signed call through API Gateway, with the status of the service's own answer."""
    request = AWSRequest(method, url, data=b"{}", headers={"content-type": "application/json"})
    SigV4Auth(boto3.Session().get_credentials(), "execute-api", os.environ["AWS_REGION"]).add_auth(request)
    sent = urllib.request.Request(url, b"{}", dict(request.headers), method=method)
    try:
        with urllib.request.urlopen(sent, timeout=20) as answer:
            return f"allowed ({answer.status})"
    except urllib.error.HTTPError as refused:
        by_iam = b"execute-api:Invoke" in refused.read()
        return "denied" if by_iam else f"allowed ({refused.code})"


def handler(event, _context):
    """Each trial's outcome, in order."""
    return [asked(*it["aws"]) if "aws" in it else called(*it["api"]) for it in event["trials"]]
