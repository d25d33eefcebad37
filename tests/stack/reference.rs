//! Generator of `docs/stack.md` from the schema of `stack.yaml`, which comes from the types that the file is parsed into. The test checks
//! that the page is current.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as a test does")]

use liveinsight::stack::schema;
use serde_json::Value;
use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Write,
    fs,
    path::Path,
};

const HEAD: &str = "\
# stack.yaml

Everything that the file may hold. What is left out has its default; what is misspelt is named, with its line and the nearest known key. Editors
with the YAML language server complete and check the file by its [schema](stack.schema.json), which the first line of the shipped file names. In a
project of your own, `liveinsight schema > stack.schema.json` writes it, and the first line is `# yaml-language-server: $schema=stack.schema.json`.

Numbers and sizes are [limited](limits.md) as AWS limits them. Scalars are those of YAML 1.2: `yes` and `on` are text, `0512` and `1_000` no
numbers, and a tag such as `!Sub` is refused. A length of time is `30s`, `5m`, `1m30s`, `2h` or `1d`.

This page is made from that schema. To make it again after a change: `UPDATE_DOCS=1 cargo test --test stack reference`.

";

/// Text after the tables.
const TAIL: &str = "
## Routes

`route: POST /orders` is one request, `routes: [GET /orders, POST /orders, 'ANY /orders/{id}']` are several. A function may have a whole API:

```yaml
functions:
  shop: { source: functions/shop, routes: [ANY /, 'ANY /{proxy+}'] }
```

| | |
|---|---|
| `ANY` | every method, `OPTIONS` too unless `api.cors` has API Gateway answer it. A method by name takes precedence, in this function or another |
| `{id}` | one segment of the path |
| `{proxy+}` | one or more segments at the end; `/orders/{proxy+}` is not `/orders` itself |
| `/` | the API's own root |

A path has one variable in one place: `/orders/{id}` beside `/orders/{name}/items` is refused, as API Gateway does. API Gateway may invoke the function
for its routes alone, one statement each; where a function's policy has no room for that many (20 KB), methods of a path share one, then paths.

Frameworks that choose a handler by path, such as axum with `lambda_http::run(router)`, see the path of the route: functions have
`AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH` in their variables, without which `lambda_http` puts the stage before it. (The functions of the shipped product do
not look at the path, and have it not.) [An example](examples.md) is a whole application of that kind. The distribution forwards paths below `/api/` to
the API as they are, so a program that is to answer under the site's address too has its handlers below `/api/`.

## Code

A function is a binary of a crate, which `up` builds, or a zip that something else has built, in any language:

```yaml
functions:
  api: { source: functions/shop, binary: api, features: [postgres], include: [templates] }
  worker: { source: functions/shop, binary: worker, default_features: false }
  report: { package: dist/report.zip, runtime: python3.13, handler: app.handler }
```

Functions of one crate are built by one run of cargo, as long as they have the same features; others take a run each. `include` packs files and
directories beside the program, hidden ones too; the program finds them below its working directory, and a change of one is a release. A package is
uploaded as it is: what it holds, and that it suits the runtime and the `architecture`, is up to what built it. `up` refuses what Lambda would: more than
50 MB, more than 250 MB unpacked, no `bootstrap` for a `provided` runtime. The local AWS runs a package with the Python of this
machine, and `bootstrap` as it is.

| setting | what it adds to the bill, and needs |
|---|---|
| `layers` | nothing; `up` needs the permission to read them, which `policy` prints for all layers. The local AWS takes a layer of another account without its content |
| `tracing` | X-Ray's price for each recorded trace; the function's role may send segments |
| `ephemeral_storage` | Lambda's price for each GB above 512 MB and second |
| `log_format: json` | more bytes in the log |

What is set by hand where stack.yaml is silent is drift: `up` returns it to Lambda's default, after the plan has named it.

## Authorizers

An authorizer decides who may call a function's routes: a function of the stack, or Amazon Cognito.

```yaml
functions:
  orders: { source: functions/orders, routes: [GET /orders, POST /orders], authorizer: staff }
  auth: { source: functions/auth }
api:
  authorizers:
    staff: { function: auth, cache: 5m }                                 # the header Authorization
    partners: { function: auth, type: request, from: [header.X-Key, query.partner] }
    customers: { user_pools: ['arn:${partition}:cognito-idp:${region}:${account}:userpool/eu-west-1_AbC'] }
```

API Gateway answers 401 to a request without what `from` names, and 403 to what the authorizer denies; with `api.cors`, browsers can read both. The
function gets the event of API Gateway's Lambda authorizers and answers with an IAM policy. A decision counts for `cache` and for all routes behind the
authorizer, so a policy that allows the one route of its request denies the others meanwhile: allow them all, or write `cache: 0s`. API Gateway may invoke
the function for authorizers of this API alone. The check after a release leaves routes behind an authorizer out; `smoke` can ask them. An environment can
replace an authorizer, by its name.

The site's address passes on the headers that authorizers read. CloudFront takes ten, and nine are taken: more than one header of your
own is refused, and with binary media types, which need `Accept`, any.

## Addresses of functions

`url` gives a function an HTTPS address of its own, a Lambda function URL, with or without an API beside it:

```yaml
functions:
  counter: { source: functions/counter, url: public }
  admin: { source: functions/admin, url: iam }
```

`outputs` prints it as `counter_function_url`. The function gets every method and path, as payload version 2.0, which `lambda_http` reads like any other. An
answer may take as long as the function's timeout, where an API gives up after 29 seconds. Lambda charges nothing for the address itself. `url: iam` admits callers with the permissions
`lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`, who sign their requests.

| an API has, and a URL has not | in its place |
|---|---|
| a throttle | `concurrency`, which limits what strangers can cause |
| an authorizer | `url: iam`; `url: public` is refused beside an authorizer |
| preflights | the function answers them itself |
| an access log | the function's own log |

The check after a release asks a public URL for `/`; a request of `smoke` asks the URL with `of: functions.counter`. Without the declaration the address
goes; a later one is another.

## Bodies that are no text

`api.binary_media_types: ['image/*', application/zip]` lets functions take and give bytes: a request's body whose `Content-Type` is listed arrives as
base64 (`isBase64Encoded`), and an answer that is marked so is decoded if the request's `Accept` is listed. `lambda_http` does its part by itself. A
request's body can have 10 MB, an event 6 MB (quotas of API Gateway and Lambda).

## References

Values of `environment`, ARNs of layers and user pools, resources and conditions of `permissions`, and the API's `description` may name what the stack declares:

| | |
|---|---|
| `${tables.orders}`, `${tables.orders.arn}` | name and ARN of a table |
| `${functions.worker}`, `${functions.worker.arn}` | name of a function, and the ARN of its alias, which serves the release |
| `${api.url}`, `${site.url}` | addresses, without a slash at the end; in `environment` only, one in a value |
| `${site.bucket}` | name of the site's bucket |
| `${project}`, `${environment}`, `${region}`, `${account}`, `${partition}` | the stack's own |

What names nothing is refused on its line. Two `$` before the brace are the characters themselves: `$${HOME}`. A function with an address is made after
the API or the distribution that has it, and released anew when the address changes.

## Permissions

`permissions` are statements in IAM's words, for what `reads` and `writes` do not cover:

```yaml
functions:
  mailer:
    source: functions/mailer
    permissions:
      - actions: [ses:SendEmail]
        resources: ['arn:${partition}:ses:${region}:${account}:identity/example.com']
        conditions: { StringEquals: { 'ses:FromAddress': news@example.com } }
      - { actions: [lambda:InvokeFunction], resources: ['${functions.worker.arn}'] }
```

They allow; nothing denies. `plan` shows each, `policy --boundary` includes them, and a statement that was changed by hand is drift. A `*` alone, for
all actions or all resources, is warned of in each run: some actions know no resources, and need it.

## Indexes of a table

```yaml
tables:
  orders:
    partition_key: { name: customer, type: S }
    sort_key: { name: ordered_at, type: N }
    indexes:
      by-state: { partition_key: { name: state, type: S }, projection: { include: [total, currency] } }
```

A query of an index answers with the keys and what its `projection` names; anything else takes a second request to the table. `include` names 1 to 20
attributes, 100 over all indexes of the table, and no keys, which are in every index. A write of an attribute that an index has is paid for there as well.

Up to four attributes are one key of an index together, the partition key and the sort key each, which a table's own key cannot be:

```yaml
      by-day:
        partition_key: [{ name: shop, type: S }, { name: day, type: S }]
        sort_key: [{ name: state, type: S }, { name: total, type: N }]
```

A query names all attributes of the partition key, and those of the sort key from the left, each but the last with `=`. An item that lacks one of them is
not in the index. PartiQL does not know such indexes.

DynamoDB changes neither the keys nor the projection of an index: `up` deletes such an index and makes it anew, after the plan has named the change. That
takes 8 to 17 minutes, in which queries of the index fail; the table's items stay. To query without a gap, declare an index of another name first, and
take the old one out later.

`local_indexes` order the items of one partition key of the table by another attribute, which they share with the table's own key:

```yaml
    local_indexes:
      by-total: { sort_key: { name: total, type: N }, projection: KEYS_ONLY }
```

| | `indexes` (global) | `local_indexes` |
|---|---|---|
| partition key | any attribute | the table's, which needs a `sort_key` beside it |
| number | 20 | 5 |
| reads | a moment behind the table | up to date on request (`ConsistentRead`) |
| size | no limit | 10 GB for all items of one partition key value with their copies: DynamoDB refuses writes beyond (`ItemCollectionSizeLimitExceededException`) |
| change | in place | never: a table has for good what it was made with |

So a change of `local_indexes` is like one of the table's key: `plan` says that the table is made anew and loses its items, `up` stops before its first
write unless `--delete-data` allows that. To keep the items, declare a table of another name, copy them, and take the old one out. A table that has local
indexes which stack.yaml lacks counts as changed as well; declare them as they are (`aws dynamodb describe-table`), and it stays.

## Class of a table

`class: STANDARD_INFREQUENT_ACCESS` suits a table whose storage costs more than its reads and writes: a gigabyte costs less than half, a read or write a
quarter more, and none of the free 25 GB apply. `plan` shows what a change makes of the estimated bill. It is made in place, also of what was set by hand,
and takes seconds. DynamoDB allows two changes of a table in 30 days, those by hand included, and refuses a third (`LimitExceededException`); `up` then makes
everything else and fails with that reason, until the 30 days are over or stack.yaml has the class that the table has.

## Operations by name

`reads` and `writes` name tables. A table alone means every operation of the list (BatchGetItem, ConditionCheckItem, GetItem, Query, Scan; BatchWriteItem,
DeleteItem, PutItem, UpdateItem), `reads` on its indexes as well. With operations exactly these are allowed:

```yaml
    reads: [customers, { orders: [GetItem] }]
    writes:
      - { orders: [PutItem, UpdateItem] }
      - orders: { operations: [DeleteItem], keys: ['draft#*'] }
```

| beside `operations` | |
|---|---|
| `indexes` | indexes that Query and Scan may be sent to as well; without, none |
| `keys` | partition keys of the items that may be touched, with `*` for any characters (IAM: `dynamodb:LeadingKeys`); not with Scan, and only where the key is a string |

A transaction needs the operations that it is made of. Lambda retries what IAM denies as any other error, so a missing operation shows in the function's
log as `AccessDeniedException` with the operation's name.

## The check after a release

`smoke` lists requests that `up` and `rollback` make after a release, in this order, and the answers that they must get. A miss puts the release
before back:

```yaml
smoke:
  - request: GET /health            # below the API's address; a query may follow
    status: 200                     # default: any below 500 that the function itself answers
    contains: '\"ok\"'                # a part of the body
    within: 10s                     # retries included; default 30s, at most 5m
  - request: POST /orders?dry=true
    body: '{\"item\": 1}'             # as JSON, unless a header names another Content-Type
    headers: { X-Probe: '1' }
    status: 202
  - { request: GET /index.html, of: site }   # the page's address; default status: 200
  - { request: GET /, of: functions.counter }   # the URL of a function
```

An environment can have a list of its own, which replaces this one. `smoke: []` checks nothing. Without the section `up` judges only
[what can be known](releases.md#the-check). Requests to the API bypass CloudFront, with its secret; after a `rollback` they go through it, and only those
below `/api/` are made. Headers lie in the file as they are: they are no place for a secret. Where no route is greedy, a request that no route answers is
refused on its line, unless it asks for status 403 or 404.

## What limits the cost

| line | effect | what it does not do |
|---|---|---|
| `max_write_units`, `max_read_units` of a table | DynamoDB refuses what is above, as a throttle; nothing above it is paid | reads through an index are not counted; a burst of seconds can go beyond it |
| `concurrency` of a function | so many invocations run at once, others are refused; the API answers them with 5xx | it takes as many from the account's 1,000, of which 100 must stay; new accounts have 10 and can keep none |
| an alarm on `consumed_write_units` or `consumed_read_units` of a table | tells when so many units were paid in a period | it stops nothing |

A table's limits are compared in each run; one that was set by hand where stack.yaml has none is taken away, after the plan has named it. The concurrency
of a function is looked at only where stack.yaml declares it, with a call for each such function: one that was set by hand elsewhere stays. A line that
is taken out of stack.yaml takes its limit along.

## Secrets in parameters

`secrets_from: ssm`, for all environments or under one, has each function read its `secrets` from parameters of AWS Systems Manager that you make and replace:

```yaml
secrets_from: ssm
functions:
  pay: { source: functions/pay, secrets: [PAYMENT_API_KEY] }
```

In `dev` of the project `shop`, `pay` finds `/shop/dev/PAYMENT_API_KEY` in its variable `PAYMENT_API_KEY_PARAMETER`, and its role may call
`ssm:GetParameters` on that. No command asks for the value. Refused on their lines: `ORIGIN_VERIFY`, whose value CloudFront's header needs; a variable of
your own that is called `PAYMENT_API_KEY_PARAMETER`; a project whose name begins with `aws` or `ssm`, as Systems Manager keeps such names to itself; and a
name that is too long. [Security](security.md#secrets-in-parameters) says what it costs and who sees what.

## Headers of the pages

```yaml
site:
  source: dashboard
  headers:
    Content-Security-Policy: >-
      default-src 'self';
      frame-ancestors 'none'
    Permissions-Policy: camera=()
```

CloudFront sends them with every page and file, `error_page` included, whatever the file's own headers are. Answers of the API keep theirs. A stack with
`headers` has one resource more, a `cloudfront.response_headers_policy`.

| header | |
|---|---|
| `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy`, `Strict-Transport-Security`, `X-XSS-Protection` | sent anyway, [as AWS's own policy has them](security.md#pages-and-the-tracker); a value here takes the place of that one. Only what CloudFront can send is allowed |
| `Content-Security-Policy` | up to 1,783 characters, more once AWS raised the quota |
| any other | up to ten, more once AWS raised the quota, each with up to 1,783 characters |
| `Access-Control-…` | refused: every page may be read from other origins |
| `Connection`, `Via`, `Server`, `X-Amz-Cf-…` and the like | refused: CloudFront writes them itself |
| `Content-Type`, `ETag`, `Last-Modified` and the like | refused: they differ from file to file |

Blanks and line breaks around a value do not count; one inside it is refused, and `>-` joins lines.

## What is published

Every file below `site.source` is published under its path, or named as left out by `plan` (`left_out` in its JSON), `up` and `dev`:

| file | |
|---|---|
| a name that begins with a dot, and what is below such a directory (`.git/`, `.DS_Store`) | left out |
| `.well-known/` beside the index page (RFC 8615), without hidden files in it | published |
| editors' backups: `page.html~`, `#page.html#` | left out |
| `api/` beside the index page, if the stack has an API | left out: the address leads to the API |
| a link to a file or a directory inside `site.source` | published as what it leads to |
| a link that leads out of it, or nowhere | an error |
| an empty file | published |
| a socket, a pipe, a device | left out |
| a name with a control character, not in UTF-8, or longer than 1,019 bytes with its directories | an error that names all of them, before anything is made |

**Addresses of directories.** CloudFront shows the index page at `/` only. So `docs/index.html` is published three times: as itself, as `docs/` with the
same content, and as `docs`, a small page that leads to `docs/`. They are files of the site like all others: released, rolled back and removed with it.

**Missing pages** show `error_page` with status 404, and so does what the API answers with 404 under the site's address. The local AWS denies CloudFront a
missing file (403) where S3 answers 404; there, what the API answers with 403 under the site's address shows the page as well.

**How long browsers keep a file.** Pages (`.html`) are asked for every time. A file whose name ends in a digest of its content, as build tools write it, is kept
for a year; everything else for five minutes. A digest is hexadecimal (8, 10, 12, 16, 20, 24, 32, 40, 64, 96 or 128 digits), base64url (8, 22, 27 or 43
characters) or esbuild's base 32 (8), behind a dot or a hyphen: `main.3f2a91bc.js`, `index-DiwrgT4a.css`, `chunk-NXQ2SQM7.js`. What could be a date, a word or a number
is taken for none (`prices-2024dec01.csv`, `icon-Retina2X.png`), and so are some digests: that costs a question every five minutes, and the other
mistake would show an old file for a year.

**Content types** follow the extension. Files of `.well-known/` without one are JSON or text, by what they hold. Content type, cache header and other headers of
each live object are compared like any other field, and made good.
";

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/stack.md");
    let generated = reference(&schema());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == generated, "docs/stack.md is not current; run `UPDATE_DOCS=1 cargo test --test stack reference`");
}

/// Returns a table for the file, and one for each mapping within it. The title of a mapping is the first path to it.
fn reference(schema: &Value) -> String {
    let mut text = HEAD.to_owned();
    let mut open = VecDeque::from([(String::new(), schema)]);
    let mut seen = BTreeSet::new();
    while let Some((path, mapping)) = open.pop_front() {
        if !path.is_empty() {
            write!(text, "## {path}\n\n{}\n\n", line(mapping)).unwrap();
        }
        text.push_str("| key | value | |\n|---|---|---|\n");
        let required: Vec<&str> = mapping["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, property) in mapping["properties"].as_object().unwrap() {
            let (kind, below) = value(schema, property);
            let needed = if required.contains(&key.as_str()) { ", required" } else { "" };
            writeln!(text, "| `{key}` | {kind}{needed} | {} |", line(property).replace('|', "\\|")).unwrap();
            if let Some((name, suffix)) = below
                && seen.insert(name)
            {
                let above = if path.is_empty() { String::new() } else { format!("{path}.") };
                open.push_back((format!("{above}{key}{suffix}"), &schema["$defs"][name]));
            }
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text + "\n" + TAIL
}

/// Returns the type of a value in words. If it contains mappings, also returns their name in the schema and the path to them below the key.
fn value<'schema>(schema: &'schema Value, property: &'schema Value) -> (String, Option<(&'schema str, &'static str)>) {
    let property = alternatives(property).find(|kind| kind["type"] != "null").unwrap_or(property);
    if let Some(name) = property["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
        let definition = &schema["$defs"][name];
        if definition["properties"].is_object() {
            return ("mapping".to_owned(), Some((name, "")));
        }
        let choices: Vec<String> = definition["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|choice| choice["const"].as_str().map_or("mapping".to_owned(), |word| format!("`{word}`")))
            .collect();
        let known = match name {
            "Seconds" => "length of time",
            "Threshold" => "number, share or time",
            _ => "text",
        };
        return (if choices.is_empty() { known.to_owned() } else { choices.join(" or ") }, None);
    }
    if property["anyOf"].is_array() {
        let all: Vec<String> = alternatives(property).map(|kind| value(schema, kind).0).collect();
        return (all.join(" or "), None);
    }
    let kinds: Vec<&str> = match &property["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    match kinds.iter().find(|kind| **kind != "null") {
        Some(&"object") => {
            let (kind, below) = value(schema, &property["additionalProperties"]);
            (format!("by name: {kind}"), below.map(|(name, _)| (name, ".NAME")))
        }
        Some(&"array") => {
            let (kind, below) = value(schema, &property["items"]);
            (format!("list: {kind}"), below.map(|(name, _)| (name, "[]")))
        }
        Some(&"string") => ("text".to_owned(), None),
        Some(&"integer") => ("whole number".to_owned(), None),
        Some(&"boolean") => ("`true` or `false`".to_owned(), None),
        kind => panic!("the reference has no word for {kind:?} of {property}"),
    }
}

fn alternatives(property: &Value) -> impl Iterator<Item = &Value> {
    property["anyOf"].as_array().into_iter().flatten()
}

fn line(described: &Value) -> String {
    described["description"].as_str().unwrap_or_default().replace('\n', " ")
}
