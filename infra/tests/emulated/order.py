"""One order through the deployed functions, from the sign-up of its customer until it is FULFILLED: as customers and staff
do it, by AppSync and the user pool, with nothing put into a table by hand."""

import base64
import hashlib
import hmac
import json
import pathlib
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from pycognito.aws_srp import AWSSRP

import cloud
from cloud import HOME, NAME, client, until

PASSWORD = "Emulated-1-password!"
PRODUCT = "0190f6b2-0000-7000-8000-000000000001"
ADDRESS = {"name": "Ann Example", "streetAddress": "1 Example Street", "city": "Bern", "postCode": "3000",
           "country": "CH", "phoneNumber": "+41000000000"}
CIGAR = {"productId": PRODUCT, "name": "Robusto", "category": "cigars", "price": 1200,
         "package": {"width": 20, "length": 130, "height": 20, "weight": 15}}
UNITS = 2
# Tells one run on an emulator from the next.
RUN = uuid.uuid4().hex[:8]
# A function starts, or another process takes a shard over: then an answer comes too late, and is asked for again.
PATIENCE_S = 60
FULFILLED_WITHIN_S = 240


class Refused(Exception):
    """AppSync's answer has errors."""


class Shop:
    """AppSync's door in the home region."""

    def __init__(self):
        [api] = [api for api in client("appsync").list_graphql_apis()["graphqlApis"] if api["name"] == NAME]
        self.host = urllib.parse.urlparse(api["uris"]["GRAPHQL"]).hostname
        self.key = client("appsync").list_api_keys(apiId=api["apiId"])["apiKeys"][0]["id"]

    def ask(self, token, query, variables=None, key=None):
        """One question, as whoever the token speaks for; `key` is its idempotency key."""
        headers = {"host": self.host, "content-type": "application/json"}
        headers |= {"authorization": token} if token else {"x-api-key": self.key}
        headers |= {"idempotency-key": key} if key else {}
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(f"{cloud.ENDPOINT}/graphql", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as refused:
            raise Refused(f"{refused.code} {refused.read().decode()[:300]}") from refused
        if found.get("errors"):
            raise Refused(json.dumps(found["errors"])[:500])
        [value] = found["data"].values()
        return value

    def insist(self, token, query, variables=None, key=None, good=lambda answer: True):
        """The same until it is answered well: a retry is safe for each of these."""
        end, seen = time.monotonic() + PATIENCE_S, None
        while time.monotonic() < end:
            try:
                seen = self.ask(token, query, variables, key)
                if good(seen):
                    return seen
            except Refused as refused:
                seen = refused
            time.sleep(0.3)
        raise SystemExit(f"{query}: {seen}")


def pool():
    """The user pool of the home region's continent, and the shop's client."""
    cognito = client("cognito-idp")
    [found] = [it for it in cognito.list_user_pools(MaxResults=60)["UserPools"] if it["Name"].startswith(NAME)]
    [shop] = cognito.list_user_pool_clients(UserPoolId=found["Id"], MaxResults=60)["UserPoolClients"]
    return cognito, found["Id"], shop["ClientId"]


def sign_in(email, group=None):
    """Signs somebody up and in: customers by themselves, staff by an administrator of the pool. By SRP, as the shop's pages
    do: no password crosses the network."""
    cognito, pool_id, client_id = pool()
    if group is None:
        attributes = [{"Name": "email", "Value": email}]
        cognito.sign_up(ClientId=client_id, Username=email, Password=PASSWORD, UserAttributes=attributes)
        # As the code that Cognito mails would do it.
        cognito.admin_confirm_sign_up(UserPoolId=pool_id, Username=email)
    else:
        cognito.admin_create_user(UserPoolId=pool_id, Username=email, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool_id, Username=email, Password=PASSWORD, Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=pool_id, Username=email, GroupName=group)
    srp = AWSSRP(username=email, password=PASSWORD, pool_id=pool_id, client_id=client_id, client=cognito)
    return srp.authenticate_user()["AuthenticationResult"]["AccessToken"]


def post(url, headers, body):
    """A request outside of AppSync; its answer's JSON."""
    request = urllib.request.Request(url, body, headers | {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def prove_age(shop, customer):
    """The customer's papers are looked at; the age checker's verdict is signed as Standard Webhooks says."""
    url = shop.insist(customer, "mutation { startAgeVerification { state url } }")["url"]
    [reference] = urllib.parse.parse_qs(urllib.parse.urlparse(url).query)["reference"]
    verdict = {"reference": reference, "verdict": "PASSED", "method": "document", "providerReference": f"emulated-{RUN}"}
    body, at = json.dumps(verdict), str(int(time.time()))
    tag = hmac.digest(cloud.KEYS["age_check_key"].encode(), f"msg_1.{at}.{body}".encode(), hashlib.sha256)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": at,
               "webhook-signature": f"v1,{base64.b64encode(tag).decode()}"}
    post(f"{cloud.ENDPOINT}/_aws/execute-api/users-{HOME}/users/backend/age-verifications/callback", headers, body.encode())
    shop.insist(customer, "query { me { ageVerdict } }", good=lambda me: me["ageVerdict"] == "PASSED")
    print("ok: the customer's age is verified: AppSync, and a signed webhook through API Gateway")


def fill(shop, admin, picker):
    """A cigar in the catalogue and units of it in the warehouse, which begins its work."""
    url = f"{cloud.ENDPOINT}/_aws/execute-api/warehouse-{HOME}/warehouse/admin/warehouses/wh-am/open"
    post(url, {"authorization": f"Bearer {admin}"}, json.dumps({"reason": "first opening"}).encode())
    shop.insist(admin, "mutation($product: ProductInput!) { putProduct(product: $product) { productId version } }",
                {"product": CIGAR})
    receipt = {"productId": PRODUCT, "warehouseId": "wh-am", "quantity": 10, "reference": f"delivery note {RUN}"}
    shop.insist(picker, "mutation($input: StockReceiptInput!) { receiveStock(input: $input) { onHand } }",
                {"input": receipt})
    shop.insist(None, "query($id: ID!) { getProduct(productId: $id) { price } }", {"id": PRODUCT},
                good=lambda product: product and product["price"] == CIGAR["price"])
    print("ok: a cigar is listed by an administrator, and goods are booked in by a picker")


def buy(shop, customer, provider):
    """Prices the delivery, has the payment authorised by the provider, and orders."""
    lines = [CIGAR | {"quantity": UNITS}]
    price = shop.insist(
        customer, "query($input: DeliveryPricingInput!) { getDeliveryPricing(input: $input) { pricing currency } }",
        {"input": {"products": lines, "address": ADDRESS}})
    total = UNITS * CIGAR["price"] + price["pricing"]
    card = {"cardNumber": "4242424242424242", "amount": total, "currency": price["currency"] or "USD"}
    paid = post(f"{provider['url']}/preauth", {"x-api-key": provider["key"]}, json.dumps(card).encode())
    order = {"products": lines, "address": ADDRESS, "deliveryPrice": price["pricing"], "currency": price["currency"],
             "paymentToken": paid["paymentToken"]}
    made = shop.insist(
        customer, "mutation($order: CreateOrderRequest!) { createOrder(order: $order) { success message errors code "
        "retryable durability order { orderId status total } } }",
        {"order": order}, key=str(uuid.uuid4()), good=lambda answer: answer["success"] or not answer["retryable"])
    if not made["success"]:
        raise SystemExit(f"the order was refused: {json.dumps(made)}")
    assert made["order"]["total"] == total, made
    assert made["durability"] == "MULTI_CONTINENT", made
    print(f"ok: an order is acknowledged, {made['durability']}: {made['order']['orderId']}")
    return made["order"]["orderId"], paid["paymentToken"], total


def pack(shop, picker, order):
    """What a picker does once the order shows up among the new ones."""
    def there():
        page = shop.insist(picker, "query { getNewPackagingRequestIds { packagingRequestIds nextToken } }")
        return order in page["packagingRequestIds"]
    until("the order at the pickers'", FULFILLED_WITHIN_S, there)
    done = lambda answer: answer["success"]
    one = {"input": {"orderId": order}}
    shop.insist(picker, "mutation($input: PackagingInput!) { startPackaging(input: $input) { success code } }", one, good=done)
    units = {"input": {"orderId": order, "productId": PRODUCT, "quantity": UNITS}}
    shop.insist(picker, "mutation($input: UpdatePackagingProductInput!) { updatePackagingProduct(input: $input) "
                "{ success code } }", units, good=done)
    shop.insist(picker, "mutation($input: PackagingInput!) { completePackaging(input: $input) { success code } }", one, good=done)
    print("ok: packed: OrderCreated came by EventBridge and SQS to the warehouse's function")


def carry(shop, courier, order):
    """What a courier does once the parcel shows up among the new ones."""
    def there():
        page = shop.insist(courier, "query { getNewDeliveries { deliveries { orderId } nextToken } }")
        return any(it["orderId"] == order for it in page["deliveries"])
    until("the parcel at the couriers'", FULFILLED_WITHIN_S, there)
    done = lambda answer: answer["success"]
    shop.insist(courier, "mutation($input: DeliveryInput!) { startDelivery(input: $input) { success code } }",
                {"input": {"orderId": order}}, good=done)
    shop.insist(courier, "mutation($input: DeliveryInput!) { completeDelivery(input: $input) { success code } }",
                {"input": {"orderId": order, "adultSignature": True}}, good=done)
    print("ok: paid and delivered against an adult's signature")


def ledger(provider):
    """The payment provider's own books."""
    request = urllib.request.Request(f"{provider['url']}/ledger", headers={"x-api-key": provider["key"]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def follow(third_parties):
    """The whole way."""
    outside = json.loads(pathlib.Path(third_parties).read_text())
    shop = Shop()
    customer = sign_in(f"ann-{RUN}@shop.example")
    admin, picker, courier = (sign_in(f"{group}-{RUN}@shop.example", group) for group in ["admin", "warehouse", "delivery"])
    print("ok: a customer and three of the staff are signed in by Cognito")
    prove_age(shop, customer)
    fill(shop, admin, picker)
    order, payment, total = buy(shop, customer, outside["provider"])
    pack(shop, picker, order)
    carry(shop, courier, order)
    query = "query($id: ID!) { getOrder(orderId: $id) { status paymentState stockState history { status } } }"
    seen = lambda: shop.insist(customer, query, {"id": order})
    end = until("FULFILLED", FULFILLED_WITHIN_S, lambda: (it := seen())["status"] == "FULFILLED" and it)
    assert end["paymentState"] == "CAPTURED", end
    print("ok: the order is FULFILLED by way of " + ", ".join(it["status"] for it in end["history"]))
    captured = [it["amount"] for it in ledger(outside["provider"])
                if it["token"] == payment and it["operation"] == "capture" and it["ok"] and not it["replayed"]]
    assert captured == [total], captured
    print(f"ok: the provider's own books have one capture of {total / 100:.2f} for it")
