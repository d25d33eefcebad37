"""Judges requests by the local AWS's own evaluation of IAM policies, which is not of this project.

Reads from stdin {"account", "policies": [document], "boundary": document or null, "questions": [{"action", "arn", "context", "by"}]}, and
writes to stdout whether each question is allowed, as a list of booleans.
"""

import json
import sys

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

asked = json.load(sys.stdin)
policies = [parse_policy_document(document) for document in asked["policies"]]
limits = [[parse_policy_document(asked["boundary"])]] if asked["boundary"] else []


def allowed(question):
    context = EvalContext(
        principal_arn=question["by"],
        principal_type="AssumedRole",
        # A bucket's ARN names no account, so the account defaults to the role's.
        principal_account=question["context"].get("aws:ResourceAccount", asked["account"]),
        action=question["action"],
        resource_arn=question["arn"],
        region="us-east-1",
        source_ip="127.0.0.1",
        secure_transport=True,
        service_context={key.lower(): value for key, value in question["context"].items()},
    )
    return evaluate(context, policies, *limits).decision == "Allow"


json.dump([allowed(question) for question in asked["questions"]], sys.stdout)
