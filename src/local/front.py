"""The door of the local AWS: decides which requests reach ministack, and runs it as `python -m ministack` does.

Every web page can send requests to 127.0.0.1, and the local AWS runs the programs that it is given. So:

- A request has to be addressed to a name of this machine. A page whose own name resolves to 127.0.0.1 says that name.
- The product's API and pages answer whoever asks, as they do on AWS: trackers run on other sites.
- Everything else has to be signed (AWS Signature Version 4) with the secret of this home, and must not come from a page.
- `/_ministack/` and its like, which reset and configure the server, are closed.

The server has no other port, and no second process. Environment: as for ministack; `AWS_SECRET_ACCESS_KEY` is the home's secret,
and `MINISTACK_EDITION` tells the home from others. The working directory is the home; the server ends when it is deleted.
"""

import contextvars
import datetime
import hashlib
import hmac
import json
import os
import re
import signal
import sys
import threading
import time
from urllib.parse import parse_qs

from ministack import app as ministack
from ministack.core import iam_evaluator, sigv4
from ministack.services import apigateway_v1, lambda_svc

# AWS allows 15 minutes between a signature and its arrival (documented), and seven days for a presigned URL.
MAX_SKEW = datetime.timedelta(minutes=15)
MAX_EXPIRES_SECONDS = 7 * 24 * 3600

# Seconds between two checks that the home still exists.
WATCH_INTERVAL = 1

# Paths of ministack that answer requests for every host and service.
CLOSED = ("/_ministack", "/_localstack")

# Values that may stand in place of a body's digest. The server verifies each chunk of a signed stream; S3 handles the checksum of an
# unsigned one.
STREAMS = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
UNSIGNED = "UNSIGNED-PAYLOAD"

# Services with clients that read errors as XML.
XML_SERVICES = ("s3", "iam", "sts", "cloudfront", "sns", "route53", "monitoring")

HOST = re.compile(r"(\[::1\]|[a-z0-9.-]+)(?::[0-9]{1,5})?")
SHA256 = re.compile(r"[0-9a-f]{64}")

# True if the current request is for the product's API or pages. Such a request needs no signature, and reaches nothing else.
is_public = contextvars.ContextVar("is_public", default=False)


class Refused(Exception):
    """A request that does not reach the local AWS: an error code of AWS, and a sentence."""

    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def is_own_name(host):
    """Returns whether a Host header names this machine, at any port: a forwarded port is another one than ours."""
    match = HOST.fullmatch(host.lower())
    return bool(match) and (match[1] in ("127.0.0.1", "localhost", "[::1]") or match[1].endswith(".localhost"))


def comes_from_a_page(method, headers):
    """Returns whether a browser says that a page of another origin sent this. A link that somebody follows is no page's request."""
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{headers.get('host', '').lower()}":
        return True
    site = headers.get("sec-fetch-site", "none")
    follows_link = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    return site not in ("none", "same-origin") and not follows_link


def is_for_the_product(host, path):
    """Returns whether a request is for a distribution, a stage of an API, or a URL of a function that everybody may call. Who manages an
    API's connections is no visitor of it, and callers that IAM has to know sign their requests like clients of AWS."""
    if ministack._parse_cloudfront_dataplane_host(host) is not None:
        return True
    url = ministack._parse_lambda_url(host, path)
    if url is not None:
        function = lambda_svc.resolve_function_url(url[0])
        return function is None or function[4]["AuthType"] == "NONE"
    call = ministack._parse_execute_api_url(host, path) or ministack._resolve_custom_domain_request(host, path)
    return call is not None and not call[2].startswith("/@connections")


def signature_of(headers, query):
    """Returns the parts of a request's signature, and whether it is a presigned URL."""
    is_presigned = any(name.lower() == "x-amz-signature" for name in query)
    authorization = headers.get("authorization", "")
    if not authorization and not is_presigned:
        raise Refused("MissingAuthenticationToken", "the local AWS answers only requests that are signed with its own key "
                      "(AWS Signature Version 4); `liveinsight local status` prints what other AWS clients need")
    if authorization and is_presigned:
        raise Refused("InvalidRequest", "a request is signed in its headers or in its URL, not in both")
    if not is_presigned:
        algorithm, _, fields = authorization.partition(" ")
        names = [field.split("=")[0].strip() for field in fields.split(",")]
        if algorithm != "AWS4-HMAC-SHA256" or sorted(names) != ["Credential", "Signature", "SignedHeaders"]:
            raise Refused("IncompleteSignature", "the Authorization header is no AWS Signature Version 4")
    elif query.get("X-Amz-Algorithm") != ["AWS4-HMAC-SHA256"] or any(len(query[n]) > 1 for n in query if n.startswith("X-Amz-")):
        raise Refused("IncompleteSignature", "the URL is not presigned with AWS Signature Version 4")
    signature = sigv4.parse_query_signature(query) if is_presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        raise Refused(*signature)
    return signature, is_presigned


def check_time(signature, query, is_presigned):
    """Refuses what was signed too long ago, or with a clock that is ahead."""
    try:
        signed = datetime.datetime.strptime(signature.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        expires = int(query["X-Amz-Expires"][0]) if is_presigned else MAX_SKEW.total_seconds()
    except (KeyError, ValueError):
        raise Refused("IncompleteSignature", "the signature has no valid date") from None
    if is_presigned and not 0 < expires <= MAX_EXPIRES_SECONDS:
        raise Refused("AuthorizationQueryParametersError", "X-Amz-Expires is not between 1 and 604800 seconds")
    age = datetime.datetime.now(datetime.timezone.utc) - signed
    if age < -MAX_SKEW or age > datetime.timedelta(seconds=expires):
        raise Refused("RequestTimeTooSkewed", f"the request was signed at {signature.amz_date}, which is not now; look at this machine's clock")


def check_signed_headers(signature, headers):
    """Refuses a request with a header that changes its meaning and that the signature does not cover."""
    signed = signature.signed_headers.split(";")
    # Some clients do not sign this header, and no service reads it.
    unsigned = {name for name in headers if name.startswith("x-amz-")} - set(signed) - {"x-amz-user-agent"}
    if "host" not in signed or unsigned:
        missing = ", ".join(sorted(unsigned)) or "host"
        raise Refused("SignatureDoesNotMatch", f"the signature does not cover {missing}")


def check_body(signature, headers, body, is_presigned):
    """Refuses a body that is not the signed one. A stream of signed chunks is verified with the signature."""
    digest = headers.get("x-amz-content-sha256")
    # A presigned URL of S3 does not cover the body, as on AWS.
    if digest is None or is_presigned and signature.service == "s3":
        return
    if SHA256.fullmatch(digest):
        if not hmac.compare_digest(digest, hashlib.sha256(body).hexdigest()):
            raise Refused("XAmzContentSHA256Mismatch", "the body is not the one that was signed")
    elif signature.service != "s3" or digest not in (UNSIGNED, *STREAMS):
        raise Refused("XAmzContentSHA256Mismatch", "x-amz-content-sha256 is not the digest of the body")


def secrets_of(access_key_id):
    """Returns the secrets that a request with this key may be signed with.

    The home's counts with every key: a key of twelve digits selects an account. Keys that the local AWS itself handed out, of a user or of
    an assumed role, have secrets of their own.
    """
    secrets = [os.environ["AWS_SECRET_ACCESS_KEY"]]
    if not iam_evaluator.is_root_access_key(access_key_id):
        try:
            account = iam_evaluator.find_iam_access_key_account(access_key_id)
            issued = iam_evaluator.resolve_credential(access_key_id, account)
        except iam_evaluator.AmbiguousAccessKeyError:
            return secrets
        if isinstance(issued, iam_evaluator.ResolvedCredential):
            secrets.append(issued.secret_access_key)
    return secrets


def verify(scope, headers, body):
    """Refuses a request without a valid signature; returns the service that it is for."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    signature, is_presigned = signature_of(headers, query)
    check_time(signature, query, is_presigned)
    check_signed_headers(signature, headers)
    check_body(signature, headers, body, is_presigned)
    request = (scope["method"], scope["raw_path"].decode("latin-1"), query, headers, body)
    for secret in secrets_of(signature.access_key_id):
        if sigv4.header_signature_failure(signature, secret, *request, presigned=is_presigned) is None:
            return
    raise Refused("SignatureDoesNotMatch", "the request is not signed with the secret of this local AWS; "
                  "`liveinsight local status` prints what other AWS clients need")


async def read_body(receive):
    """Returns the whole body, or None if the client went away."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def replayed(body, receive):
    """Returns a `receive` that begins with this body."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again():
        return messages.pop() if messages else await receive()

    return again


def without_cors(send):
    """Returns a `send` that lets no page read the answer: ministack allows all of them to."""

    async def sent(message):
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", []) if not name.lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return sent


async def answer(send, status, content_type, body, more=()):
    """Sends a whole answer."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def refuse(send, headers, refused):
    """Says why, in the form that the client reads."""
    scope = re.search(r"Credential=[^,\s]*/([a-z0-9-]+)/aws4_request", headers.get("authorization", ""))
    if scope is None:
        return await answer(send, 403, "text/plain; charset=utf-8", f"{refused.sentence}\n".encode())
    if scope[1] in XML_SERVICES and "x-amz-target" not in headers:
        error = f"<Error><Code>{refused.code}</Code><Message>{refused.sentence}</Message></Error>"
        body = error if scope[1] == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
        return await answer(send, 403, "application/xml", body.encode())
    body = json.dumps({"__type": refused.code, "message": refused.sentence}).encode()
    return await answer(send, 403, "application/x-amz-json-1.1", body, [(b"x-amzn-errortype", refused.code.encode())])


async def prove(send, headers):
    """Shows that this server knows the home's secret, without the secret: who asks may be talking to another program at this port."""
    nonce = headers.get("x-liveinsight-nonce", "")
    secret, identity = os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["MINISTACK_EDITION"]
    proof = hmac.new(secret.encode(), f"liveinsight health {identity} {nonce}".encode(), hashlib.sha256).hexdigest()
    await answer(send, 200, "application/json", json.dumps({"proof": proof}).encode())


async def front(scope, receive, send):
    """The ASGI application in front of ministack's."""
    if scope["type"] == "lifespan":
        return await inner(scope, receive, send)
    if scope["type"] == "websocket":
        # No resource of this program uses a websocket.
        await receive()
        return await send({"type": "websocket.close", "code": 1008})
    headers = {}
    for name, value in scope["headers"]:
        name, value = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    host, path = headers.get("host", ""), scope["path"]
    try:
        if not is_own_name(host):
            raise Refused("AccessDenied", f"the local AWS is not called {json.dumps(host)}; it answers at 127.0.0.1 and names below localhost")
        if path.startswith(CLOSED):
            raise Refused("AccessDenied", f"{CLOSED[0]}/ is closed; `liveinsight local` starts, stops and resets the local AWS")
        if is_for_the_product(host, path):
            is_public.set(True)
            return await inner(scope, receive, send)
        if comes_from_a_page(scope["method"], headers):
            raise Refused("AccessDenied", "the local AWS does not answer web pages, except those of the product at its API")
        if path == "/_liveinsight/health":
            return await prove(send, headers)
        body = await read_body(receive)
        if body is None:
            return None
        verify(scope, headers, body)
    except Refused as refused:
        return await refuse(send, headers, refused)
    return await inner(scope, replayed(body, receive), without_cors(send))


def only_the_product():
    """Takes everything but the API and the distributions from requests that are not signed, wherever ministack would look."""
    special, dispatch = ministack._handle_special_data_plane_request, ministack._dispatch_service_request

    def skipped_if_public(handler):
        async def handle(*arguments):
            return None if is_public.get() else await handler(*arguments)

        return handle

    async def product(method, path, headers, body, query, request_id, raw_path=None, raw_query_string="", client_ip="127.0.0.1"):
        if not is_public.get():
            return await special(method, path, headers, body, query, request_id, raw_path, raw_query_string, client_ip)
        host = headers.get("host", "")
        response = await ministack._handle_cloudfront_dataplane_request(
            host, path, raw_path if raw_path is not None else path, raw_query_string, method, headers, body, query, client_ip)
        if response:
            return response
        response = await ministack._handle_lambda_url_request(host, path, method, headers, body, query, source_ip=client_ip)
        if response:
            return ministack._with_data_plane_headers(response, request_id, wildcard_cors=False)
        response = await ministack._handle_execute_api_request(
            host, path, method, headers, body, query, raw_path=raw_path, raw_query_string=raw_query_string)
        if response:
            return ministack._with_data_plane_headers(response, request_id, wildcard_cors=False)
        return 404, {"Content-Type": "text/plain"}, b"there is no such distribution here\n"

    async def signed(*arguments):
        # No known request comes here; this refuses one that the other checks miss.
        return (403, {}, b"") if is_public.get() else await dispatch(*arguments)

    for name in ("_handle_pre_body_request", "_handle_post_body_shortcuts"):
        setattr(ministack, name, skipped_if_public(getattr(ministack, name)))
    ministack._handle_special_data_plane_request = product
    ministack._dispatch_service_request = signed


def patches_as_on_aws():
    """Applies patches of lists and numbers as API Gateway does. ministack makes objects of the one and texts of the other."""
    apply = apigateway_v1._apply_patch

    def change(target, key, element, is_removed):
        kept = [other for other in target.get(key) or [] if other != element]
        target[key] = kept if is_removed else [*kept, element]

    def patched(target, operations):
        others = []
        for operation in operations:
            path, value = operation.get("path", ""), operation.get("value")
            before, _, name = path.partition("/binaryMediaTypes/")
            is_removed = operation.get("op") == "remove"
            if name and not before:
                change(target, "binaryMediaTypes", name.replace("~1", "/").replace("~0", "~"), is_removed)
            elif path == "/providerARNs" and operation.get("op") != "replace":
                change(target, "providerARNs", value, is_removed)
            elif path == "/authorizerResultTtlInSeconds":
                target["authorizerResultTtlInSeconds"] = int(value)
            else:
                others.append(operation)
        return apply(target, others)

    apigateway_v1._apply_patch = patched


def function_urls_as_on_aws():
    """Names the alias in the ARN of its URL, leaves the mode out of the answer to the creation, and deletes URLs with their function, as
    Lambda does."""
    create, delete = lambda_svc._create_function_url_config, lambda_svc._delete_function

    def created(function, data, qualifier):
        response = create(function, data, qualifier)
        if response[0] != 201:
            return response
        url = lambda_svc._function_urls[lambda_svc._url_config_key(function, qualifier)]
        if qualifier and qualifier != "$LATEST":
            url["FunctionArn"] = f"{lambda_svc._func_arn(function)}:{qualifier}"
        return lambda_svc.json_response({name: value for name, value in url.items() if name != "InvokeMode"}, status=201)

    def deleted(function, *arguments):
        response = delete(function, *arguments)
        if function not in lambda_svc._functions:
            for key in [key for key in lambda_svc._function_urls if key == function or key.startswith(f"{function}:")]:
                del lambda_svc._function_urls[key]
        return response

    lambda_svc._create_function_url_config = created
    lambda_svc._delete_function = deleted


def end_with_home():
    """Ends the server and its functions when the home is deleted: nobody would ever find them again."""
    home, first = os.getcwd(), os.stat(".")

    def is_deleted():
        try:
            now = os.stat(home)
            if (now.st_dev, now.st_ino) == (first.st_dev, first.st_ino):
                return False
        except FileNotFoundError:
            pass
        except OSError:
            return False
        try:
            # A moved home still has a path.
            os.getcwd()
        except FileNotFoundError:
            return True
        return False

    def watch():
        while not is_deleted():
            time.sleep(WATCH_INTERVAL)
        # The server ends at once, because an orderly end would write the state, and with it the home. It leads its own process group.
        os.killpg(os.getpgrp(), signal.SIGKILL)

    if os.getpgrp() == os.getpid():
        threading.Thread(target=watch, daemon=True, name="home").start()


if __name__ == "__main__":
    inner = ministack.app
    only_the_product()
    patches_as_on_aws()
    function_urls_as_on_aws()
    ministack.app = front
    end_with_home()
    # ministack reads its own options from sys.argv, and gets none.
    sys.argv = ["ministack"]
    ministack.main()
