"""The bucket with the pages, and the distribution in front of it and of the API."""

import hashlib
import json
import time

from . import description as d
from .access import optional, patiently
from .data import outcome


def bucket(aws):
    s3, name = aws.s3, aws.settings.bucket
    found = optional(s3.get_bucket_versioning, Bucket=name)
    changed = False
    if found is None:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": d.tag_list(name)})
    else:
        # Both have the values of every new bucket on AWS.
        encryption = optional(s3.get_bucket_encryption, Bucket=name) or {}
        rules = encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        algorithms = [rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules]
        if algorithms not in ([], ["AES256"]):
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
            changed = True
        ownership = optional(s3.get_bucket_ownership_controls, Bucket=name) or {}
        rules = ownership.get("OwnershipControls", {}).get("Rules", [])
        if rules not in ([], [{"ObjectOwnership": "BucketOwnerEnforced"}]):
            s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
            changed = True
    if found is None or found.get("Status") != "Enabled":
        with aws.one_to_bucket:
            patiently(s3.put_bucket_versioning, "NoSuchBucket", Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        changed = True
    return outcome(found, changed)


def public_access_block(aws):
    s3, name = aws.s3, aws.settings.bucket
    wanted = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    found = optional(s3.get_public_access_block, Bucket=name)
    if found is not None and found["PublicAccessBlockConfiguration"] == wanted:
        return "unchanged"
    with aws.one_to_bucket:
        patiently(s3.put_public_access_block, "NoSuchBucket", Bucket=name, PublicAccessBlockConfiguration=wanted)
    return outcome(found, True)


def page(aws, file):
    """One file of the site. They are compared by digest, and uploaded at once where the executor does things at once."""
    s3, name = aws.s3, aws.settings.bucket
    ask = lambda: patiently(aws.pages, "NoSuchBucket", service="s3", operation="list_objects_v2", items="Contents", Bucket=name, Prefix=d.SITE_PREFIX)
    listed = {item["Key"]: item["ETag"].strip('"') for item in aws.shared("objects", ask)}
    content, key = file.read_bytes(), f"{d.SITE_PREFIX}{file.relative_to(aws.settings.site).as_posix()}"
    if listed.get(key) == hashlib.md5(content).hexdigest():
        return "unchanged"
    stem = file.stem.rsplit(".", 1)[-1]
    hashed = len(stem) >= 8 and all(letter in "0123456789abcdef" for letter in stem)
    caching = "no-cache" if file.suffix == ".html" else "public, max-age=31536000, immutable" if hashed else "public, max-age=300"
    patiently(
        s3.put_object, "NoSuchBucket",
        Bucket=name, Key=key, Body=content, ContentType=d.CONTENT_TYPES[file.suffix], CacheControl=caching,
    )
    if key in listed:
        aws.known["published"] = True
    return outcome(None if key not in listed else key, True)


def origin_access_control(aws):
    listed = aws.cloudfront.list_origin_access_controls()["OriginAccessControlList"].get("Items") or []
    wanted = {
        "Name": d.ORIGIN_ACCESS_CONTROL,
        "Description": f"liveinsight:stack={d.STACK} {d.REGION}",
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    found = next((live for live in listed if live["Name"] == wanted["Name"]), None)
    if found is None:
        made = aws.cloudfront.create_origin_access_control(OriginAccessControlConfig=wanted)
        aws.known["control"] = made["OriginAccessControl"]["Id"]
        return "created"
    aws.known["control"] = found["Id"]
    if any(found[key] != value for key, value in wanted.items()):
        etag = aws.cloudfront.get_origin_access_control_config(Id=found["Id"])["ETag"]
        aws.cloudfront.update_origin_access_control(Id=found["Id"], IfMatch=etag, OriginAccessControlConfig=wanted)
        return "updated"
    return "unchanged"


def find_distribution(aws):
    listed = aws.pages("cloudfront", "list_distributions", "DistributionList.Items")
    return next((item for item in listed if item["Comment"] == d.DISTRIBUTION), None)


def distribution(aws):
    found = find_distribution(aws)
    if found is None:
        config = configuration(aws, f"{d.DISTRIBUTION}-{time.time_ns()}")
        tagged = {"DistributionConfig": config, "Tags": {"Items": d.tag_list(d.DISTRIBUTION)}}
        made = aws.cloudfront.create_distribution_with_tags(DistributionConfigWithTags=tagged)["Distribution"]
        aws.known["distribution"] = made["ARN"]
        return "created"
    aws.known["distribution"] = found["ARN"]
    live = aws.cloudfront.get_distribution_config(Id=found["Id"])
    wanted = configuration(aws, live["DistributionConfig"]["CallerReference"])
    if not covers(live["DistributionConfig"], wanted):
        aws.cloudfront.update_distribution(Id=found["Id"], IfMatch=live["ETag"], DistributionConfig=wanted)
        return "updated"
    return "unchanged"


def invalidation(aws):
    """Tells caches of pages that were uploaded over older ones."""
    if not aws.known.get("published") or (found := find_distribution(aws)) is None:
        return "unchanged"
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())}
    aws.cloudfront.create_invalidation(DistributionId=found["Id"], InvalidationBatch=batch)
    return "unchanged"


def covers(live, wanted):
    """Whether everything that is wanted is there; AWS adds what was left out, and keeps no order in its lists."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(covers(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        if wanted and isinstance(wanted[0], str):
            return isinstance(live, list) and sorted(live) == sorted(wanted)
        name = lambda item: item.get("Id") or item.get("PathPattern") or item.get("ErrorCode")
        live = {name(item): item for item in live or []}
        return len(live) == len(wanted) and all(covers(live.get(name(item)), item) for item in wanted)
    if wanted == "":
        return not live
    return live == wanted or str(live).lower() == str(wanted).lower()


def configuration(aws, reference):
    count = lambda items: {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}
    cached = count(["GET", "HEAD"])
    every = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    common = {"ViewerProtocolPolicy": "redirect-to-https", "Compress": True, "ResponseHeadersPolicyId": d.SECURITY_HEADERS}
    of_api = lambda pattern, headers, longest: {
        **common,
        "PathPattern": pattern,
        "TargetOriginId": "api",
        "AllowedMethods": {**count(every), "CachedMethods": cached},
        "ForwardedValues": {"QueryString": True, "Cookies": {"Forward": "none"}, "Headers": count(headers)},
        "MinTTL": 0,
        "DefaultTTL": 0,
        "MaxTTL": longest,
        "SmoothStreaming": False,
        "FieldLevelEncryptionId": "",
        "LambdaFunctionAssociations": count([]),
    }
    site = {
        "Id": "site",
        "DomainName": f"{aws.settings.bucket}.s3.{d.REGION}.amazonaws.com",
        "OriginPath": "/site",
        "CustomHeaders": count([]),
        "S3OriginConfig": {"OriginAccessIdentity": ""},
        "OriginAccessControlId": aws.known["control"],
    }
    api = {
        "Id": "api",
        "DomainName": f"{aws.known['api']}.execute-api.{d.REGION}.amazonaws.com",
        "OriginPath": f"/{d.STAGE}",
        "CustomHeaders": count([]),
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
            "OriginSslProtocols": count(["TLSv1.2"]),
            "OriginReadTimeout": 30,
            "OriginKeepaliveTimeout": 5,
        },
    }
    page = {"ErrorCode": 404, "ResponsePagePath": "/error.html", "ResponseCode": "404", "ErrorCachingMinTTL": 10}
    return {
        "CallerReference": reference,
        "Comment": d.DISTRIBUTION,
        "Enabled": True,
        "DefaultRootObject": "index.html",
        "PriceClass": "PriceClass_100",
        "HttpVersion": "http2and3",
        "IsIPV6Enabled": True,
        "Origins": count([api, site]),
        "DefaultCacheBehavior": {
            **common,
            "ResponseHeadersPolicyId": d.CORS_AND_SECURITY_HEADERS,
            "TargetOriginId": "site",
            "AllowedMethods": {**cached, "CachedMethods": cached},
            "CachePolicyId": d.CACHING_OPTIMIZED,
        },
        "CacheBehaviors": count([of_api("/api/events", d.WRITERS_HEADERS, 0), of_api("/api/*", d.READERS_HEADERS, 60)]),
        "CustomErrorResponses": count([page]),
    }


def bucket_policy(aws):
    s3, name = aws.s3, aws.settings.bucket
    wanted = aws.settings.bucket_policy(aws.known["distribution"])
    found = optional(s3.get_bucket_policy, Bucket=name)
    if found is not None and json.loads(found["Policy"]) == wanted:
        return "unchanged"
    with aws.one_to_bucket:
        patiently(s3.put_bucket_policy, "NoSuchBucket", Bucket=name, Policy=json.dumps(wanted))
    return outcome(found, True)
