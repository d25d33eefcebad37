"""The REST API: paths, methods, preflights, deployment, stage, and the account's role for logs."""

import hashlib
import json

from . import description as d
from .access import optional, patiently
from .data import log_group, outcome

STATUS = "200"
PREFLIGHT_TEMPLATES = {"application/json": '{"statusCode": 200}'}
ERROR_TYPES = ("DEFAULT_4XX", "DEFAULT_5XX")
ERROR_HEADERS = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}


def rest_api(aws):
    ours = [
        api
        for api in aws.pages("apigateway", "get_rest_apis", "items", PaginationConfig={"PageSize": 500})
        if api["name"] == d.API and api.get("tags", {}).get("liveinsight:stack") == d.STACK
    ]
    found = ours[0] if ours else None
    wanted = {"description": f"The API of {d.STACK}", "endpointConfiguration": {"types": ["REGIONAL"]}}
    if found is None:
        made = aws.apigateway.create_rest_api(name=d.API, tags=d.tags(d.API), **wanted)
        aws.known["api"], aws.known["new api"] = made["id"], made.get("rootResourceId")
        return "created"
    aws.known["api"], aws.known["new api"] = found["id"], None
    if found["description"] != wanted["description"]:
        replace = {"op": "replace", "path": "/description", "value": wanted["description"]}
        with aws.one_to_api:
            aws.apigateway.update_rest_api(restApiId=found["id"], patchOperations=[replace])
        return "updated"
    return "unchanged"


def methods(settings):
    """What every path answers: (path, method, integration, parameters of the answer or None)."""
    for function in d.FUNCTIONS:
        proxy = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": settings.invocation_uri(function)}
        yield function.path, function.method, proxy, None
        mock = {"type": "MOCK", "requestTemplates": PREFLIGHT_TEMPLATES}
        yield function.path, "OPTIONS", mock, d.preflight_headers(function)


def parts(aws):
    """All that is below the API. Its writes are one after the other, because API Gateway takes them no other way."""
    api, apigateway = aws.known["api"], aws.apigateway
    live = aws.pages("apigateway", "get_resources", "items", restApiId=api, embed=["methods"], PaginationConfig={"PageSize": 500})
    by_path = {resource["path"]: resource for resource in live}
    wanted = list(methods(aws.settings))
    same = all(
        is_method(by_path.get(path, {}).get("resourceMethods", {}).get(method), integration, answer)
        for path, method, integration, answer in wanted
    )
    responses = {response["responseType"]: response for response in aws.pages("apigateway", "get_gateway_responses", "items", restApiId=api)}
    open_errors = [kind for kind in ERROR_TYPES if responses.get(kind, {}).get("responseParameters") != ERROR_HEADERS]
    if same and not open_errors:
        return "unchanged"
    new = len(by_path) == 1
    with aws.one_to_api:
        if aws.settings.by_import:
            apigateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(open_api(wanted)))
            return "created" if new else "updated"
        ids = {path: resource["id"] for path, resource in by_path.items()}
        for path in d.PATHS:
            if path not in ids:
                parent, _, part = path.rpartition("/")
                made = apigateway.create_resource(restApiId=api, parentId=ids[parent or "/"], pathPart=part)
                ids[path] = made["id"]
        for path, method, integration, answer in wanted:
            there = by_path.get(path, {}).get("resourceMethods", {}).get(method)
            if not is_method(there, integration, answer):
                write_method(apigateway, {"restApiId": api, "resourceId": ids[path], "httpMethod": method}, there, integration, answer)
        for kind in open_errors:
            apigateway.put_gateway_response(restApiId=api, responseType=kind, responseParameters=ERROR_HEADERS)
    return "created" if new else "updated"


def write_method(apigateway, key, there, integration, answer):
    if there is not None:
        apigateway.delete_method(**key)
    apigateway.put_method(**key, authorizationType="NONE", apiKeyRequired=False)
    apigateway.put_integration(**key, **integration)
    if answer is not None:
        apigateway.put_method_response(**key, statusCode=STATUS, responseParameters=dict.fromkeys(answer, False))
        apigateway.put_integration_response(**key, statusCode=STATUS, selectionPattern="", responseParameters=answer)


def is_method(live, integration, answer):
    """Whether a method as `GetResources` shows it is as declared."""
    there = (live or {}).get("methodIntegration")
    if there is None or live.get("authorizationType") != "NONE" or live.get("apiKeyRequired"):
        return False
    names = {"integrationHttpMethod": "httpMethod"}
    if any(there.get(names.get(key, key)) != value for key, value in integration.items()):
        return False
    if answer is None:
        return True
    declared = live.get("methodResponses", {}).get(STATUS, {}).get("responseParameters", {})
    given = there.get("integrationResponses", {}).get(STATUS, {}).get("responseParameters", {})
    return set(declared) == set(answer) and given == answer


def open_api(wanted):
    """The same parts as one document."""
    paths = {}
    for path, method, integration, answer in wanted:
        extension = {names_in_open_api.get(key, key): value for key, value in integration.items()}
        extension["type"] = extension["type"].lower()
        operation = {"responses": {}, "x-amazon-apigateway-integration": extension}
        if answer is not None:
            headers = {key.removeprefix("method.response.header."): {"schema": {"type": "string"}} for key in answer}
            operation["responses"] = {STATUS: {"description": "preflight", "headers": headers}}
            extension["responses"] = {"default": {"statusCode": STATUS, "responseParameters": answer}}
        paths.setdefault(path, {})[method.lower()] = operation
    info = {"title": d.API, "description": f"The API of {d.STACK}", "version": "1"}
    errors = {kind: {"responseParameters": ERROR_HEADERS} for kind in ERROR_TYPES}
    return {"openapi": "3.0.1", "info": info, "paths": paths, "x-amazon-apigateway-gateway-responses": errors}


names_in_open_api = {"integrationHttpMethod": "httpMethod"}


def api_log_group(aws):
    family = "API-Gateway-Execution-Logs_"
    return log_group(aws, f"{family}{aws.known['api']}", f"{family}{aws.known['api']}/{d.STAGE}", d.API)


def logging_role(aws):
    """A role for the account to write logs with, if it has none."""
    if aws.apigateway.get_account().get("cloudwatchRoleArn"):
        return None
    found = optional(aws.iam.get_role, RoleName=d.LOGGING_ROLE)
    if found is None:
        trust = d.trust("apigateway.amazonaws.com", "ApiGateway")
        found = aws.iam.create_role(
            RoleName=d.LOGGING_ROLE, Path="/liveinsight/", AssumeRolePolicyDocument=json.dumps(trust),
            Description="Lets API Gateway write logs", Tags=[{"Key": "ManagedBy", "Value": "liveinsight"}],
        )
    actions = [f"logs:{action}" for action in d.LOGGING_ACTIONS]
    policy = d.document({"Sid": "WriteLogs", "Effect": "Allow", "Action": actions, "Resource": ["*"]})
    aws.iam.put_role_policy(RoleName=d.LOGGING_ROLE, PolicyName="write-logs", PolicyDocument=json.dumps(policy))
    aws.known["logging role"] = found["Role"]["Arn"]
    return None


def account_settings(aws):
    """Sets it. API Gateway tries the role, and takes one question in 20 s: whoever comes when the functions have their roles, which are as
    old, need not ask again."""
    if (role := aws.known.get("logging role")) is None:
        return "unchanged"
    replace = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    patiently(aws.apigateway.update_account, "BadRequestException", patchOperations=[replace])
    return "created"


def stage(aws):
    """The deployment of what the API is declared to be, and the stage that serves it."""
    api, apigateway = aws.known["api"], aws.apigateway
    log = aws.settings.arn("logs", f"log-group:API-Gateway-Execution-Logs_{api}/{d.STAGE}")
    settings = {
        "/*/*/throttling/rateLimit": "16.67",
        "/*/*/throttling/burstLimit": "100",
        "/*/*/logging/loglevel": "ERROR",
        "/*/*/logging/dataTrace": "false",
        "/*/*/metrics/enabled": "false",
        "/accessLogSettings/destinationArn": log,
        "/accessLogSettings/format": d.ACCESS_LOG,
    }
    snapshot = json.dumps(open_api(list(methods(aws.settings))), sort_keys=True)
    description = f"boto3 {hashlib.sha256(snapshot.encode()).hexdigest()[:16]}"
    deployments = aws.pages("apigateway", "get_deployments", "items", restApiId=api, PaginationConfig={"PageSize": 500})
    deployed = next((item["id"] for item in deployments if item.get("description") == description), None)
    found = optional(apigateway.get_stage, restApiId=api, stageName=d.STAGE)
    changed = False
    with aws.one_to_api:
        if deployed is None:
            deployed = apigateway.create_deployment(restApiId=api, description=description)["id"]
            changed = True
        if found is None:
            apigateway.create_stage(restApiId=api, stageName=d.STAGE, deploymentId=deployed, tags=d.tags(d.STAGE))
        elif found["deploymentId"] != deployed:
            settings["/deploymentId"] = deployed
        if found is None or found["deploymentId"] != deployed or not is_stage(found, log):
            patch = [{"op": "replace", "path": path, "value": value} for path, value in settings.items()]
            apigateway.update_stage(restApiId=api, stageName=d.STAGE, patchOperations=patch)
            changed = True
        for old in deployments:
            if old["id"] != deployed:
                apigateway.delete_deployment(restApiId=api, deploymentId=old["id"])
    return outcome(found, changed)


def is_stage(live, log):
    of_all = live.get("methodSettings", {}).get("*/*", {})
    access = live.get("accessLogSettings", {})
    return (
        (of_all.get("throttlingRateLimit"), of_all.get("throttlingBurstLimit")) == (16.67, 100)
        and (of_all.get("loggingLevel"), of_all.get("dataTraceEnabled"), of_all.get("metricsEnabled")) == ("ERROR", False, False)
        and (access.get("destinationArn"), access.get("format")) == (log, d.ACCESS_LOG)
    )
