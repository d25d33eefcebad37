"""What a Terraform configuration from before liveinsight had made, in the local AWS of the project in this directory.

usage: original-deployment apply     makes it, under the names that the stack has too, and prints what it made
       original-deployment visits    prints how many of the visits that it counted are still there
       original-deployment list      prints what carries no tag of liveinsight's
"""
import io
import json
import pathlib
import sys
import zipfile

import boto3

PORT = json.loads(pathlib.Path(".liveinsight/aws/server.json").read_text())["port"]
SECRET = pathlib.Path(".liveinsight/aws/secret").read_text()
NAME = "liveinsight-{}-dev".format
OURS = "liveinsight:stack"


def client(service):
    return boto3.client(
        service, endpoint_url=f"http://127.0.0.1:{PORT}", region_name="us-east-1",
        aws_access_key_id="other", aws_secret_access_key=SECRET,
    )


dynamodb, iam, functions, logs = client("dynamodb"), client("iam"), client("lambda"), client("logs")
alarms, api = client("cloudwatch"), client("apigateway")


def keys(partition, sort=None):
    return [{"AttributeName": partition, "KeyType": "HASH"}, *([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])]


def table(thing, key, attributes, index, index_key, projection):
    dynamodb.create_table(
        TableName=NAME(thing), BillingMode="PAY_PER_REQUEST", KeySchema=key,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()],
        GlobalSecondaryIndexes=[{"IndexName": index, "KeySchema": index_key, "Projection": {"ProjectionType": projection}}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=NAME(thing), WaiterConfig={"Delay": 1})
    print(f"table {NAME(thing)}")


def function(thing, role):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("main.py", "def handler(event, context):\n    return {'statusCode': 200}\n")
    functions.create_function(
        FunctionName=NAME(thing), Runtime="python3.11", Handler="main.handler", Role=role, MemorySize=128,
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=NAME(thing), WaiterConfig={"Delay": 1})
    print(f"function {NAME(thing)}")
    logs.create_log_group(logGroupName=f"/aws/lambda/{NAME(thing)}")
    print(f"log group /aws/lambda/{NAME(thing)}")


def apply():
    times = {"session_id": "S", "event_type": "S", "timestamp": "N"}
    table("events", keys("session_id", "timestamp"), times, "EventTypeIndex", keys("event_type", "timestamp"), "ALL")
    item = {"session_id": {"S": "kept"}, "timestamp": {"N": "1"}, "event_type": {"S": "page_view"}}
    dynamodb.put_item(TableName=NAME("events"), Item=item)
    active = {"session_id": "S", "is_active": "S", "last_activity": "N"}
    table("sessions", keys("session_id"), active, "ActivityIndex", keys("is_active", "last_activity"), "KEYS_ONLY")

    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=NAME("lambda"), AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    print(f"role {NAME('lambda')}")
    for thing in ["event-collector", "realtime-api", "stats-api"]:
        function(thing, role)
    alarms.put_metric_alarm(
        AlarmName=NAME("api-5xx"), Namespace="AWS/ApiGateway", MetricName="5XXError", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    )
    print(f"alarm {NAME('api-5xx')}")
    api.create_rest_api(name=NAME("api"))
    print(f"api {NAME('api')}")


def visits():
    condition = {"KeyConditionExpression": "session_id = :id", "ExpressionAttributeValues": {":id": {"S": "kept"}}}
    print(dynamodb.query(TableName=NAME("events"), Select="COUNT", **condition)["Count"])


def others():
    """What the stack does not have: each kind whose names may be anybody's."""
    for role in iam.list_roles()["Roles"]:
        tags = iam.list_role_tags(RoleName=role["RoleName"])["Tags"]
        if role["RoleName"].startswith("liveinsight") and all(tag["Key"] != OURS for tag in tags):
            yield f"role {role['RoleName']}"
    for item in api.get_rest_apis()["items"]:
        if OURS not in item.get("tags", {}):
            yield f"api {item['name']}"
    for name in dynamodb.list_tables()["TableNames"]:
        arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
        if all(tag["Key"] != OURS for tag in dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]):
            yield f"table {name}"
    for item in functions.list_functions()["Functions"]:
        if OURS not in functions.list_tags(Resource=item["FunctionArn"])["Tags"]:
            yield f"function {item['FunctionName']}"


def listing():
    print("\n".join(sorted(others())))


{"apply": apply, "visits": visits, "list": listing}[sys.argv[1]]()
