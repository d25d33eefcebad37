"""Changes one field of one resource by another client than the one under test: every field that AWS lets others change, of every kind.

usage: damage.py ENDPOINT PROJECT ROUND

A round changes one field of each resource, or a few where they do not get into each other's way, and prints `id field` for each;
`(missing)` means that the resource was deleted, `(added)` that there was none.
The last rounds delete: one resource each, because others may hang on it. A round that prints nothing is behind the last one.
"""
import io
import json
import os
import sys
import zipfile

import boto3

endpoint, project, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
CHANGES, DELETIONS = [], []


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="other", aws_secret_access_key=os.environ["SECRET"]
    )


def change(id, field):
    return lambda act: CHANGES.append((id, field, act))


def deletion(id):
    return lambda act: DELETIONS.append((id, "(missing)", act))


def name(thing):
    return f"{project}-{thing}-dev"


def tag_field(id, act):
    """A tag of its own for every kind that has tags: one that stack.yaml does not know, and one whose value is another."""
    change(id, "tags.Team")(lambda: act({"Team": "somebody"}))
    change(id, "tags.Environment")(lambda: act({"Environment": "elsewhere"}))


# DynamoDB

dynamodb = client("dynamodb")
EVENTS = "dynamodb.table/events"


@change(EVENTS, "point_in_time_recovery")
def _():
    specification = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=name("events"), PointInTimeRecoverySpecification=specification)


@change(EVENTS, "billing_mode")
def _():
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    dynamodb.update_table(
        TableName=name("events"), BillingMode="PROVISIONED", ProvisionedThroughput=capacity,
        GlobalSecondaryIndexUpdates=[{"Update": {"IndexName": "EventTypeIndex", "ProvisionedThroughput": capacity}}],
    )


@change(EVENTS, "time_to_live.enabled")
def _():
    dynamodb.update_time_to_live(TableName=name("events"), TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"})


@change(EVENTS, "indexes.EventTypeIndex.partition_key")
def _():
    update = [{"Delete": {"IndexName": "EventTypeIndex"}}]
    dynamodb.update_table(TableName=name("events"), GlobalSecondaryIndexUpdates=update)


@change("dynamodb.table/sessions", "indexes.Other.partition_key")
def _():
    keys = [{"AttributeName": "is_active", "KeyType": "HASH"}]
    definitions = dynamodb.describe_table(TableName=name("sessions"))["Table"]["AttributeDefinitions"]
    index = {"IndexName": "Other", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
    dynamodb.update_table(
        TableName=name("sessions"), AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[{"Create": index}]
    )


def tag_table(tags):
    arn = dynamodb.describe_table(TableName=name("sessions"))["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


tag_field("dynamodb.table/sessions", tag_table)


@deletion("dynamodb.table/sessions")
def _():
    dynamodb.delete_table(TableName=name("sessions"))


# IAM

iam = client("iam")
ROLE, POLICY = "iam.role/stats-api", "iam.role_policy/stats-api"


def trust(**statement):
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}, "Sid": "Assume"}
    document = {"Version": "2012-10-17", "Statement": [allowed | statement]}
    iam.update_assume_role_policy(RoleName=name("stats-api"), PolicyDocument=json.dumps(document))


change(ROLE, "trust.Assume.Effect")(lambda: trust(Effect="Deny"))
change(ROLE, "trust.Assume.Action")(lambda: trust(Action=["sts:AssumeRole", "sts:TagSession"]))
change(ROLE, "trust.Assume.Principal.Service")(lambda: trust(Principal={"Service": "ec2.amazonaws.com"}))
change(ROLE, "trust.Assume.Condition.StringEquals.aws:sourceaccount")(
    lambda: trust(Condition={"StringEquals": {"aws:SourceAccount": "1"}})
)
tag_field(
    ROLE,
    lambda tags: iam.tag_role(
        RoleName=name("stats-api"), Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    ),
)


def policy(sid, **statement):
    document = iam.get_role_policy(RoleName=name("stats-api"), PolicyName=name("stats-api"))["PolicyDocument"]
    document["Statement"] = [one | statement if one["Sid"] == sid else one for one in document["Statement"]]
    iam.put_role_policy(RoleName=name("stats-api"), PolicyName=name("stats-api"), PolicyDocument=json.dumps(document))


change(POLICY, "document.Query.Action")(lambda: policy("Query", Action="*"))
change(POLICY, "document.Query.Resource")(lambda: policy("Query", Resource="*"))
change(POLICY, "document.Query.Effect")(lambda: policy("Query", Effect="Deny"))
change(POLICY, "document.Logs.Action")(lambda: policy("Logs", Action="logs:*"))


@deletion(POLICY)
def _():
    iam.delete_role_policy(RoleName=name("stats-api"), PolicyName=name("stats-api"))


@deletion(ROLE)
def _():
    iam.delete_role_policy(RoleName=name("stats-api"), PolicyName=name("stats-api"))
    iam.delete_role(RoleName=name("stats-api"))


# Lambda

functions = client("lambda")
FUNCTION, ALIAS, PERMISSION = "lambda.function/realtime-api", "lambda.alias/event-collector", "lambda.permission/stats-api"


def configure(**fields):
    functions.update_function_configuration(FunctionName=name("realtime-api"), **fields)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name("realtime-api"))


change(FUNCTION, "memory")(lambda: configure(MemorySize=512))
change(FUNCTION, "timeout")(lambda: configure(Timeout=7))
change(FUNCTION, "environment.ENVIRONMENT")(lambda: configure(Environment={"Variables": {"ENVIRONMENT": "elsewhere"}}))
change(FUNCTION, "role")(
    lambda: configure(Role=iam.get_role(RoleName=name("event-collector"))["Role"]["Arn"])
)
change(FUNCTION, "runtime")(lambda: configure(Runtime="provided.al2"))
change(FUNCTION, "handler")(lambda: configure(Handler="theirs"))
change(FUNCTION, "tracing")(lambda: configure(TracingConfig={"Mode": "Active"}))
change(FUNCTION, "ephemeral_storage")(lambda: configure(EphemeralStorage={"Size": 1024}))
change(FUNCTION, "layers")(lambda: configure(Layers=["arn:aws:lambda:us-east-1:123456789012:layer:theirs:1"]))
change(FUNCTION, "log_format")(
    lambda: configure(LoggingConfig={"LogFormat": "JSON", "LogGroup": f"/aws/lambda/{name('realtime-api')}"})
)
change(FUNCTION, "log_group")(lambda: configure(LoggingConfig={"LogGroup": "/somewhere/else"}))


@change(FUNCTION, "code_sha256")
def _():
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(zipfile.ZipInfo("bootstrap"), "#!/bin/sh\nexit 1\n")
    functions.update_function_code(FunctionName=name("realtime-api"), ZipFile=package.getvalue())
    functions.get_waiter("function_updated_v2").wait(FunctionName=name("realtime-api"))


def tag_function(tags):
    arn = functions.get_function(FunctionName=name("realtime-api"))["Configuration"]["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags=tags)


tag_field(FUNCTION, tag_function)


@change(ALIAS, "release")
def _():
    functions.update_alias(FunctionName=name("event-collector"), Name="live", FunctionVersion="$LATEST")


@change(PERMISSION, "sources")
def _():
    statement = json.loads(functions.get_policy(FunctionName=name("stats-api"), Qualifier="live")["Policy"])["Statement"][0]
    where = {"FunctionName": name("stats-api"), "Qualifier": "live", "StatementId": statement["Sid"]}
    functions.remove_permission(**where)
    everybody = statement["Condition"]["ArnLike"]["AWS:SourceArn"].replace("GET/api/stats", "*")
    functions.add_permission(
        **where, Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com", SourceArn=everybody
    )


@deletion(PERMISSION)
def _():
    statements = json.loads(functions.get_policy(FunctionName=name("stats-api"), Qualifier="live")["Policy"])["Statement"]
    for statement in statements:
        functions.remove_permission(FunctionName=name("stats-api"), Qualifier="live", StatementId=statement["Sid"])


@deletion("lambda.alias/stats-api")
def _():
    functions.delete_alias(FunctionName=name("stats-api"), Name="live")


@deletion("lambda.function/stats-api")
def _():
    functions.delete_function(FunctionName=name("stats-api"))


# CloudWatch Logs

logs = client("logs")
GROUP = f"/aws/lambda/{name('stats-api')}"


@change("logs.log_group/stats-api", "retention_days")
def _():
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=365)


def tag_group(tags):
    arn = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["arn"].removesuffix(":*")
    logs.tag_resource(resourceArn=arn, tags=tags)


tag_field("logs.log_group/stats-api", tag_group)


@deletion("logs.log_group/stats-api")
def _():
    logs.delete_log_group(logGroupName=GROUP)


# API Gateway

gateway = client("apigateway")
EVENTS_ROUTE, PREFLIGHT = "POST /api/events", "OPTIONS /api/events"


def api():
    return next(item["id"] for item in gateway.get_rest_apis()["items"] if item["name"] == name("api"))


def resource(path):
    found = next(item for item in gateway.get_resources(restApiId=api(), limit=500)["items"] if item["path"] == path)
    return {"restApiId": api(), "resourceId": found["id"]}


def stage(path, value):
    operations = [{"op": "replace", "path": path, "value": value}]
    gateway.update_stage(restApiId=api(), stageName="dev", patchOperations=operations)


@change("apigateway.rest_api/api", "description")
def _():
    gateway.update_rest_api(restApiId=api(), patchOperations=[{"op": "replace", "path": "/description", "value": "mine"}])


def tag_api(tags):
    gateway.tag_resource(resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api()}", tags=tags)


def tag_stage(tags):
    # This local AWS forgets the tags of CreateStage at the first TagResource.
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api()}/stages/dev"
    live = gateway.get_stage(restApiId=api(), stageName="dev")["tags"] | gateway.get_tags(resourceArn=arn)["tags"]
    gateway.tag_resource(resourceArn=arn, tags=live | tags)


change("apigateway.rest_api/api", "binary_media_types")(
    lambda: gateway.update_rest_api(restApiId=api(), patchOperations=[{"op": "add", "path": "/binaryMediaTypes/image~1png"}])
)


tag_field("apigateway.rest_api/api", tag_api)
tag_field("apigateway.stage/dev", tag_stage)

for field, path, value in [
    ("throttle_burst", "throttling/burstLimit", "7"),
    ("throttle_rate", "throttling/rateLimit", "7.5"),
    ("log_level", "logging/loglevel", "INFO"),
    ("data_trace", "logging/dataTrace", "true"),
    ("metrics", "metrics/enabled", "true"),
]:
    change("apigateway.stage/dev", field)(lambda path=path, value=value: stage(f"/*/*/{path}", value))
change("apigateway.stage/dev", "access_log.format")(lambda: stage("/accessLogSettings/format", "$context.requestId"))
change("apigateway.stage/dev", "access_log.destination")(
    lambda: stage("/accessLogSettings/destinationArn", "arn:aws:logs:us-east-1:000000000000:log-group:elsewhere")
)
change("apigateway.stage/dev", "variables.extra")(lambda: stage("/variables/extra", "1"))


@change("apigateway.stage/dev", "deployment")
def _():
    made = gateway.create_deployment(restApiId=api(), description="by hand")["id"]
    stage("/deploymentId", made)
    print(f"apigateway.deployment/{made} (added)")


@change(f"apigateway.method/{EVENTS_ROUTE}", "authorization")
def _():
    patch = [{"op": "replace", "path": "/authorizationType", "value": "AWS_IAM"}]
    gateway.update_method(**resource("/api/events"), httpMethod="POST", patchOperations=patch)


@change(f"apigateway.method/{EVENTS_ROUTE}", "api_key_required")
def _():
    where = resource("/api/events") | {"httpMethod": "POST"}
    live = settings(gateway.get_integration(**where))
    gateway.delete_method(**where)
    gateway.put_method(**where, authorizationType="NONE", apiKeyRequired=True)
    gateway.put_integration(**where, **live)


def settings(integration):
    """What `PutIntegration` takes of what `GetIntegration` says."""
    keys = ("type", "uri", "requestTemplates", "passthroughBehavior", "timeoutInMillis")
    method = {"integrationHttpMethod": integration["httpMethod"]} if integration.get("httpMethod") else {}
    return {key: integration[key] for key in keys if key in integration} | method


def integration(path, method, **fields):
    where = resource(path) | {"httpMethod": method}
    live = gateway.get_integration(**where)
    gateway.put_integration(**where, **(settings(live) | fields))
    for status, response in live.get("integrationResponses", {}).items():
        gateway.put_integration_response(**where, statusCode=status, responseParameters=response["responseParameters"])


ELSEWHERE = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/other/invocations"
for field, key, value in [
    ("uri", "uri", ELSEWHERE),
    ("http_method", "integrationHttpMethod", "GET"),
    ("timeout_ms", "timeoutInMillis", 5000),
    ("passthrough", "passthroughBehavior", "NEVER"),
]:
    change("apigateway.integration/GET /api/stats", field)(
        lambda key=key, value=value: integration("/api/stats", "GET", **{key: value})
    )
change("apigateway.integration/OPTIONS /api/stats", "request_templates.application/json")(
    lambda: integration("/api/stats", "OPTIONS", requestTemplates={"application/json": '{"statusCode": 500}'})
)


@change("apigateway.integration/GET /api/stats", "kind")
def _():
    gateway.put_integration(**resource("/api/stats"), httpMethod="GET", type="MOCK")


@change(f"apigateway.method_response/{PREFLIGHT} 200", "response_parameters.method.response.header.X-Extra")
def _():
    where = resource("/api/events")
    live = gateway.get_method_response(**where, httpMethod="OPTIONS", statusCode="200")["responseParameters"]
    gateway.delete_method_response(**where, httpMethod="OPTIONS", statusCode="200")
    gateway.put_method_response(
        **where, httpMethod="OPTIONS", statusCode="200", responseParameters=live | {"method.response.header.X-Extra": False}
    )


@change("apigateway.integration_response/OPTIONS /api/realtime 200", "response_parameters.method.response.header.Access-Control-Allow-Origin")
def _():
    where = resource("/api/realtime")
    live = gateway.get_integration_response(**where, httpMethod="OPTIONS", statusCode="200")["responseParameters"]
    evil = {"method.response.header.Access-Control-Allow-Origin": "'https://evil.example'"}
    gateway.put_integration_response(**where, httpMethod="OPTIONS", statusCode="200", responseParameters=live | evil)


@change("apigateway.integration_response/OPTIONS /api/realtime 200", "selection_pattern")
def _():
    where = resource("/api/realtime")
    live = gateway.get_integration_response(**where, httpMethod="OPTIONS", statusCode="200")["responseParameters"]
    gateway.put_integration_response(
        **where, httpMethod="OPTIONS", statusCode="200", selectionPattern="4..", responseParameters=live
    )


@deletion(f"apigateway.integration_response/{PREFLIGHT} 200")
def _():
    gateway.delete_integration_response(**resource("/api/events"), httpMethod="OPTIONS", statusCode="200")


@deletion(f"apigateway.method_response/{PREFLIGHT} 200")
def _():
    gateway.delete_method_response(**resource("/api/events"), httpMethod="OPTIONS", statusCode="200")


@deletion(f"apigateway.integration/{EVENTS_ROUTE}")
def _():
    gateway.delete_integration(**resource("/api/events"), httpMethod="POST")


@deletion(f"apigateway.method/{EVENTS_ROUTE}")
def _():
    gateway.delete_method(**resource("/api/events"), httpMethod="POST")


@deletion("apigateway.resource//api/stats")
def _():
    gateway.delete_resource(**resource("/api/stats"))


@deletion("apigateway.stage/dev")
def _():
    gateway.delete_stage(restApiId=api(), stageName="dev")


@deletion("apigateway.deployment/dev")
def _():
    deployment = gateway.get_stage(restApiId=api(), stageName="dev")["deploymentId"]
    gateway.delete_stage(restApiId=api(), stageName="dev")
    gateway.delete_deployment(restApiId=api(), deploymentId=deployment)


@deletion("logs.log_group/api")
def _():
    logs.delete_log_group(logGroupName=f"API-Gateway-Execution-Logs_{api()}/dev")


@deletion("apigateway.rest_api/api")
def _():
    gateway.delete_rest_api(restApiId=api())


# S3

s3 = client("s3")
BUCKET, ACCESS, READERS = "s3.bucket/static", "s3.public_access_block/static", "s3.bucket_policy/static"


def bucket():
    return next(item["Name"] for item in s3.list_buckets()["Buckets"] if item["Name"].startswith(f"{project}-static-dev-"))


change(BUCKET, "site.index.html")(lambda: s3.put_object(Bucket=bucket(), Key="site/index.html", Body=b"defaced"))
change(BUCKET, "site.extra.html")(lambda: s3.put_object(Bucket=bucket(), Key="site/extra.html", Body=b"phishing"))
change(BUCKET, "site.style.css")(lambda: s3.delete_object(Bucket=bucket(), Key="site/style.css"))
change(BUCKET, "versioning")(
    lambda: s3.put_bucket_versioning(Bucket=bucket(), VersioningConfiguration={"Status": "Suspended"})
)


@change(BUCKET, "encryption")
def _():
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket(), ServerSideEncryptionConfiguration={"Rules": [rule]})


@change(BUCKET, "object_ownership")
def _():
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket(), OwnershipControls=controls)


def tag_bucket(tags):
    live = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket())["TagSet"]}
    s3.put_bucket_tagging(
        Bucket=bucket(), Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in (live | tags).items()]}
    )


tag_field(BUCKET, tag_bucket)

BLOCKS = {
    "block_public_acls": "BlockPublicAcls", "block_public_policy": "BlockPublicPolicy",
    "ignore_public_acls": "IgnorePublicAcls", "restrict_public_buckets": "RestrictPublicBuckets",
}
for field, key in BLOCKS.items():
    @change(ACCESS, field)
    def _(key=key):
        blocks = dict.fromkeys(BLOCKS.values(), True) | {key: False}
        s3.put_public_access_block(Bucket=bucket(), PublicAccessBlockConfiguration=blocks)


def readers(edit):
    document = s3.get_bucket_policy(Bucket=bucket())["Policy"]
    s3.put_bucket_policy(Bucket=bucket(), Policy=edit(document))


change(READERS, "prefix")(lambda: readers(lambda document: document.replace("/site/*", "/*")))
change(READERS, "reader")(lambda: readers(lambda document: document.replace(":distribution/", ":distribution/OTHER")))


@deletion(ACCESS)
def _():
    s3.delete_public_access_block(Bucket=bucket())


@deletion(READERS)
def _():
    s3.delete_bucket_policy(Bucket=bucket())


@deletion(BUCKET)
def _():
    name = bucket()
    versions = s3.list_object_versions(Bucket=name)
    for version in versions.get("Versions", []) + versions.get("DeleteMarkers", []):
        s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=name)


# CloudFront

cloudfront = client("cloudfront")
DISTRIBUTION, CONTROL = "cloudfront.distribution/static", "cloudfront.origin_access_control/static"


def distribution_id():
    items = cloudfront.list_distributions()["DistributionList"]["Items"]
    return next(item["Id"] for item in items if "api" in [origin["Id"] for origin in item["Origins"]["Items"]])


def distribution(edit):
    current = cloudfront.get_distribution_config(Id=distribution_id())
    edit(current["DistributionConfig"])
    cloudfront.update_distribution(
        Id=distribution_id(), IfMatch=current["ETag"], DistributionConfig=current["DistributionConfig"]
    )


def origin(config, key):
    return next(origin for origin in config["Origins"]["Items"] if origin["Id"] == key)


def error_page(config, status):
    return next(page for page in config["CustomErrorResponses"]["Items"] if page["ErrorCode"] == status)


MANAGED_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


def behavior(config, pattern):
    return next(behavior for behavior in config["CacheBehaviors"]["Items"] if behavior["PathPattern"] == pattern)


for field, edit in {
    "name": lambda config: config.update(Comment="mine"),
    "default_root_object": lambda config: config.update(DefaultRootObject="other.html"),
    "price_class": lambda config: config.update(PriceClass="PriceClass_All"),
    "http_version": lambda config: config.update(HttpVersion="http1.1"),
    "ipv6": lambda config: config.update(IsIPV6Enabled=False),
    "enabled": lambda config: config.update(Enabled=False),
    "error_pages.404.cached_seconds": lambda config: error_page(config, 404).update(ErrorCachingMinTTL=300),
    "error_pages.404.page": lambda config: error_page(config, 404).update(ResponsePagePath="/index.html"),
    "error_pages.404.status": lambda config: error_page(config, 404).update(ResponseCode="200"),
    "origins.site.path": lambda config: origin(config, "site").update(OriginPath="/other"),
    "origins.site.domain": lambda config: origin(config, "site").update(DomainName="other.s3.us-east-1.amazonaws.com"),
    "origins.site.access_control": lambda config: origin(config, "site").update(OriginAccessControlId="E1OTHER"),
    "origins.api.path": lambda config: origin(config, "api").update(OriginPath="/other"),
    "origins.api.verify": lambda config: origin(config, "api")["CustomHeaders"]["Items"][0].update(HeaderValue="0" * 64),
    "origins.api.domain": lambda config: origin(config, "api").update(DomainName="other.example"),
    "behaviors.default.viewers": lambda config: config["DefaultCacheBehavior"].update(ViewerProtocolPolicy="https-only"),
    "behaviors.default.compress": lambda config: config["DefaultCacheBehavior"].update(Compress=False),
    "behaviors.default.cache_policy": lambda config: config["DefaultCacheBehavior"].update(CachePolicyId=MANAGED_CACHING_DISABLED),
    "behaviors.default.headers_policy": lambda config: config["DefaultCacheBehavior"].pop("ResponseHeadersPolicyId"),
    "behaviors.default.origin": lambda config: config["DefaultCacheBehavior"].update(TargetOriginId="api"),
    # The cache would serve answers for clients with a token to clients without one.
    "behaviors./api/*.forwarding.headers": lambda config: behavior(config, "/api/*")["ForwardedValues"].update(
        Headers={"Quantity": 1, "Items": ["Origin"]}
    ),
    "behaviors./api/*.forwarding.query": lambda config: behavior(config, "/api/*")["ForwardedValues"].update(QueryString=False),
    "behaviors./api/*.forwarding.cookies": lambda config: behavior(config, "/api/*")["ForwardedValues"].update(Cookies={"Forward": "all"}),
    "behaviors./api/*.forwarding.shared_at_most": lambda config: behavior(config, "/api/*").update(MaxTTL=3600),
    "behaviors./api/*.methods": lambda config: behavior(config, "/api/*").update(
        AllowedMethods={"Quantity": 2, "Items": ["GET", "HEAD"], "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]}}
    ),
    "precedence": lambda config: config["CacheBehaviors"]["Items"].reverse(),
    "behaviors./api/*.origin": lambda config: config["CacheBehaviors"].update(Quantity=0, Items=[]),
}.items():
    change(DISTRIBUTION, field)(lambda edit=edit: distribution(edit))


def tag_distribution(tags):
    arn = cloudfront.get_distribution(Id=distribution_id())["Distribution"]["ARN"]
    tags = {"Items": [{"Key": key, "Value": value} for key, value in tags.items()]}
    cloudfront.tag_resource(Resource=arn, Tags=tags)


tag_field(DISTRIBUTION, tag_distribution)


def control(**fields):
    listed = cloudfront.list_origin_access_controls()["OriginAccessControlList"]["Items"]
    id = next(item["Id"] for item in listed if item["Name"] == name("static"))
    current = cloudfront.get_origin_access_control_config(Id=id)
    config = current["OriginAccessControlConfig"] | fields
    cloudfront.update_origin_access_control(Id=id, IfMatch=current["ETag"], OriginAccessControlConfig=config)


change(CONTROL, "signing_behavior")(lambda: control(SigningBehavior="never"))

# CloudWatch

cloudwatch = client("cloudwatch")
ALARM = "cloudwatch.alarm/stats-api-errors"
KEPT = (
    "AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods",
    "Threshold", "ComparisonOperator", "TreatMissingData", "ActionsEnabled", "AlarmActions",
)


def alarm(**fields):
    live = cloudwatch.describe_alarms(AlarmNames=[name("stats-api-errors")])["MetricAlarms"][0]
    cloudwatch.put_metric_alarm(**({key: live[key] for key in KEPT if key in live} | fields))


for field, key, value in [
    ("threshold", "Threshold", 99.0),
    ("period", "Period", 60),
    ("evaluation_periods", "EvaluationPeriods", 3),
    ("comparison", "ComparisonOperator", "LessThanThreshold"),
    ("statistic", "Statistic", "Maximum"),
    ("missing_data", "TreatMissingData", "breaching"),
    ("description", "AlarmDescription", "mine"),
    ("metric", "MetricName", "Invocations"),
    ("namespace", "Namespace", "Mine"),
    ("dimensions.FunctionName", "Dimensions", [{"Name": "FunctionName", "Value": "other"}]),
    ("actions_enabled", "ActionsEnabled", False),
    ("actions", "AlarmActions", ["arn:aws:sns:us-east-1:000000000000:mine"]),
]:
    change(ALARM, field)(lambda key=key, value=value: alarm(**{key: value}))


def tag_alarm(tags):
    arn = cloudwatch.describe_alarms(AlarmNames=[name("stats-api-errors")])["MetricAlarms"][0]["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


tag_field(ALARM, tag_alarm)


@deletion("cloudwatch.alarm/api-4xx")
def _():
    cloudwatch.delete_alarms(AlarmNames=[name("api-4xx")])


AT_ONCE = {DISTRIBUTION: 3, ALARM: 2, "apigateway.stage/dev": 2}


def rounds():
    queues = {}
    for one in CHANGES:
        queues.setdefault(one[0], []).append(one)
    while any(queues.values()):
        yield [queue.pop(0) for id, queue in queues.items() for _ in range(min(AT_ONCE.get(id, 1), len(queue)))]
    for one in DELETIONS:
        yield [one]


for id, field, act in dict(enumerate(rounds())).get(number, []):
    act()
    print(id, field)
