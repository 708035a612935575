"""Reads a standing platform with boto3, as anybody would who knows AWS and nothing of this project.

Takes the path of endpoints.json, which `simulator up` writes.
"""

import json
import sys

import boto3


def client(service, region, endpoint):
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def read(region):
    name, endpoint = region["name"], region["aws_endpoint"]
    dynamodb = client("dynamodb", name, endpoint)
    tables = [table for page in dynamodb.get_paginator("list_tables").paginate() for table in page["TableNames"]]
    items = {}
    for table in tables:
        key = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"][0]["AttributeName"]
        found = dynamodb.scan(TableName=table)["Items"]
        assert all(key in item for item in found), f"{table}: an item without its key {key}"
        items[table] = found
    return items


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        regions = json.load(file)["regions"]
    assert len(regions) > 1, regions
    catalogues = []
    for region in regions:
        items = read(region)
        [products] = [found for table, found in items.items() if table.endswith("products")]
        catalogues.append(sorted(product["productId"]["S"] for product in products))
        print(f"{region['name']}: {len(items)} tables, {sum(map(len, items.values()))} items, {len(products)} products")
    assert catalogues[0] and all(catalogue == catalogues[0] for catalogue in catalogues), "the catalogues differ"


main()
