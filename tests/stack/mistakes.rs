//! Every kind of mistake in `stack.yaml`, and its only message. The messages are in `snapshots/`: read them as a user.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use liveinsight::stack::{Code, Stack};

use super::{SHIPPED, parse};

/// Lines above the text of each mistake, so that it is the only mistake. A text that begins with `project` stands alone.
const HEAD: &str = "project: shop\nregion: us-east-1\n";

/// Mistakes, each with a title and a text that has only this mistake.
const MISTAKES: &[(&str, &str)] = &[
    // Structure.
    ("unknown section", "fucntions: {}\n"),
    ("unknown key", "functions:\n  order:\n    source: order\n    memroy: 512\n"),
    ("unknown key unlike any other", "functions:\n  order: { source: order, colour: red }\n"),
    ("wrong type: text for a number", "functions:\n  order: { source: order, memory: lots }\n"),
    ("wrong type: fraction for a whole number", "logs: { retention_days: 7.5 }\n"),
    ("wrong type: negative", "functions:\n  order: { source: order, memory: -1 }\n"),
    (
        "wrong type: text for a list",
        "tables:\n  a: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: a }\n",
    ),
    ("wrong type: list for a mapping", "tables: [events]\n"),
    ("wrong type: mapping for text", "functions:\n  order: { source: { path: order } }\n"),
    ("wrong type: text for a mapping", "site: dashboard\n"),
    ("wrong type: no is not a boolean", "environments:\n  dev: { protect: no }\n"),
    ("wrong type: unquoted template", "project: {{ name }}\nregion: us-east-1\n"),
    ("missing value", "functions:\n  order: { source: }\n"),
    ("missing key", "functions:\n  order:\n    memory: 512\n"),
    ("missing key in an empty mapping", "functions:\n  order: {}\n"),
    ("missing mapping", "functions:\n  order:\n"),
    ("missing key at the top", "project: shop\n"),
    ("duplicate key", "functions:\n  order: { source: a }\n  pay: { source: b }\n  order: { source: c }\n"),
    ("duplicate key at the top", "tables: {}\nlogs: {}\ntables: {}\n"),
    ("length of time", "functions:\n  order: { source: order, timeout: soon }\n"),
    ("length of time: unit", "functions:\n  order: { source: order, timeout: 3w }\n"),
    ("length of time: fraction", "functions:\n  order: { source: order, timeout: 1.5s }\n"),
    // The code of a function.
    ("code: neither", "functions:\n  order: { route: GET /api/orders }\n"),
    ("code: both", "functions:\n  order: { source: order, package: order.zip }\n"),
    ("code: a crate's setting for a package", "functions:\n  order: { package: order.zip, features: [fast] }\n"),
    ("code: a package's setting for a crate", "functions:\n  order: { source: order, runtime: python3.13 }\n"),
    ("code: entry point", "functions:\n  order: { package: order.zip, runtime: python3.13 }\n"),
    ("code: entry point with a blank", "functions:\n  order: { package: order.zip, runtime: python3.13, handler: app handler }\n"),
    ("code: runtime", "functions:\n  order: { package: order.zip, runtime: Python 3.13, handler: app.handler }\n"),
    ("code: include outside the crate", "functions:\n  order: { source: order, include: [../templates] }\n"),
    ("code: include in place of the program", "functions:\n  order: { source: order, include: [bootstrap] }\n"),
    ("code: feature", "functions:\n  order: { source: order, features: [a b] }\n"),
    ("code: path of this machine", "functions:\n  order: { package: /tmp/order.zip }\n"),
    // Settings of a function.
    ("layer: no ARN of a version", "functions:\n  order: { source: order, layers: ['arn:aws:lambda:us-east-1:123456789012:layer:x'] }\n"),
    ("layer: elsewhere", "functions:\n  order: { source: order, layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:x:1'] }\n"),
    (
        "layer: twice",
        "functions:\n  order:\n    source: order\n    layers:\n      - arn:aws:lambda:${region}:123456789012:layer:x:1\n      - arn:aws:lambda:us-east-1:123456789012:layer:x:2\n",
    ),
    ("layer: reference", "functions:\n  order: { source: order, layers: ['arn:aws:lambda:${regoin}:123456789012:layer:x:1'] }\n"),
    ("ephemeral storage", "functions:\n  order: { source: order, ephemeral_storage: 128 }\n"),
    ("log format", "functions:\n  order: { source: order, log_format: xml }\n"),
    // Authorizers.
    ("authorizer: nobody decides", "api: { authorizers: { staff: {} } }\n"),
    ("authorizer: no function", "functions: { auth: { source: auth } }\napi: { authorizers: { staff: { function: auht } } }\n"),
    (
        "authorizer: function and pools",
        "functions: { auth: { source: auth } }\napi:\n  authorizers:\n    staff: { function: auth, user_pools: ['arn:aws:cognito-idp:us-east-1:123456789012:userpool/x'] }\n",
    ),
    ("authorizer: no pool", "api: { authorizers: { staff: { user_pools: ['arn:aws:iam::123456789012:role/x'] } } }\n"),
    (
        "authorizer: a function's setting for pools",
        "api:\n  authorizers:\n    staff: { user_pools: ['arn:aws:cognito-idp:us-east-1:123456789012:userpool/x'], cache: 5m }\n",
    ),
    ("authorizer: cache", "functions: { auth: { source: auth } }\napi: { authorizers: { staff: { function: auth, cache: 2h } } }\n"),
    (
        "authorizer: part of a request",
        "functions: { auth: { source: auth } }\napi: { authorizers: { staff: { function: auth, from: Authorization } } }\n",
    ),
    (
        "authorizer: no part of a request at all",
        "functions: { auth: { source: auth } }\napi: { authorizers: { staff: { function: auth, from: [] } } }\n",
    ),
    (
        "authorizer: several tokens",
        "functions: { auth: { source: auth } }\napi: { authorizers: { staff: { function: auth, from: [header.A, header.B] } } }\n",
    ),
    (
        "authorizer: query of a token",
        "functions: { auth: { source: auth } }\napi: { authorizers: { staff: { function: auth, from: query.key } } }\n",
    ),
    ("authorizer: name", "functions: { auth: { source: auth } }\napi: { authorizers: { the staff: { function: auth } } }\n"),
    ("authorizer: unknown", "functions: { order: { source: order, route: GET /api/orders, authorizer: staff } }\n"),
    (
        "authorizer: no route",
        "functions:\n  order: { source: order, authorizer: staff }\n  auth: { source: auth }\napi: { authorizers: { staff: { function: auth } } }\n",
    ),
    (
        "authorizer: behind itself",
        "functions:\n  auth: { source: auth, route: GET /api/auth, authorizer: staff }\napi: { authorizers: { staff: { function: auth } } }\n",
    ),
    (
        "authorizer of an environment",
        "functions: { auth: { source: auth } }\napi: { authorizers: { staff: { function: auth } } }\nenvironments:\n  dev: { api: { authorizers: { stuff: { function: auth } } } }\n",
    ),
    (
        "authorizer of an environment: behind itself",
        "functions:\n  auth: { source: auth, route: GET /api/auth, authorizer: staff }\n  other: { source: other }\napi: { authorizers: { staff: { function: other } } }\nenvironments:\n  dev: { api: { authorizers: { staff: { function: auth } } } }\n",
    ),
    (
        "authorizer: a name that is taken",
        "functions: { auth: { source: auth } }\napi: { authorizers: { staff-user-pools: { function: auth } } }\n",
    ),
    (
        "description: an address",
        "functions: { order: { source: order, route: GET /api/orders } }\napi: { description: 'Orders at ${api.url}, not $${api.url}' }\n",
    ),
    ("description: reference", "api: { description: '${stage} of the shop' }\n"),
    // Addresses of functions.
    ("url: no word for it", "functions:\n  order: { source: order, url: everybody }\n"),
    (
        "url: past the authorizer",
        "functions:\n  order: { source: order, route: GET /api/orders, authorizer: staff, url: public }\n  auth: { source: auth }\napi: { authorizers: { staff: { function: auth } } }\n",
    ),
    (
        "url of an environment: past the authorizer",
        "functions:\n  order: { source: order, route: GET /api/orders, authorizer: staff }\n  auth: { source: auth }\napi: { authorizers: { staff: { function: auth } } }\nenvironments:\n  dev: { functions: { order: { url: public } } }\n",
    ),
    (
        "url: output of a page",
        "functions: { order: { source: order, url: iam } }\nsite: { source: a, outputs: { order_function_url: index.html } }\n",
    ),
    (
        "smoke: of a function without a URL",
        "functions:\n  order: { source: order }\n  item: { source: item, url: public }\nsmoke:\n  - { request: GET /, of: functions.order }\n",
    ),
    ("smoke: of nothing known", "functions: { order: { source: order, url: public } }\nsmoke:\n  - { request: GET /, of: order }\n"),
    ("media type", "api: { binary_media_types: [png] }\n"),
    // The permissions boundary.
    ("boundary: no ARN", "permissions_boundary: site-boundary\n"),
    ("boundary: a role", "permissions_boundary: 'arn:aws:iam::123456789012:role/x'\n"),
    ("boundary: account", "permissions_boundary: 'arn:aws:iam::12345:policy/x'\n"),
    ("boundary: another partition", "permissions_boundary: 'arn:aws-cn:iam::123456789012:policy/x'\n"),
    ("boundary of an environment", "environments:\n  dev: { permissions_boundary: 'arn:aws:s3:::x' }\n"),
    // Not YAML.
    ("tab", "functions:\n\torder: { source: order }\n"),
    ("tab after spaces", "functions:\n  order:\n  \tsource: order\n"),
    ("unclosed bracket at the end", "tags: {\n"),
    ("unclosed quote", "site: { source: 'dashboard }\n"),
    ("unclosed bracket", "site: { source: dashboard\nlogs: {}\n"),
    ("indentation", "functions:\n  order:\n    source: order\n   memory: 256\n"),
    ("colon in a value", "tags: { a: b }\nlogs: retention_days: 7\n"),
    ("unquoted variable", "functions:\n  a: { source: a, route: GET /api/{id} }\n"),
    ("unquoted variable in a list", "functions:\n  a: { source: a, routes: [GET /api/{id}] }\n"),
    ("unquoted star", "api:\n  cors: { origins: [*] }\n"),
    ("two documents", "---\nproject: again\n"),
    // Names.
    ("project", "project: My Shop\nregion: us-east-1\n"),
    ("project: underscore", "project: my_shop\nregion: us-east-1\n"),
    ("region", "project: shop\nregion: us-east1\n"),
    ("region of an environment", "environments:\n  dev: { region: Frankfurt }\n"),
    ("environment", "environments:\n  dev: {}\n  eu-live: {}\n"),
    ("no environment", "environments: {}\n"),
    ("default environment", "default_environment: prd\nenvironments:\n  dev: {}\n  prod: {}\n"),
    ("which environment", "environments:\n  one: {}\n  two: {}\n"),
    ("function name", "functions:\n  order.v2: { source: order }\n"),
    ("function name too long", "functions:\n  this-name-is-somewhat-longer-than-what-fits-into-the-name-of-a-function: { source: a }\n"),
    ("function names that differ in case", "functions:\n  Order: { source: a }\n  order: { source: b }\n"),
    ("table name", "tables:\n  my events: { partition_key: { name: id, type: S } }\n"),
    (
        "tables with one variable",
        "tables:\n  a-b: { partition_key: { name: id, type: S } }\n  a.b: { partition_key: { name: id, type: S } }\n",
    ),
    ("bucket name too long", "project: a-project-with-a-name-that-is-very-long-indeed\nregion: us-east-1\nsite: { source: a }\n"),
    ("bucket name that S3 keeps", "project: sthree-shop\nregion: us-east-1\nsite: { source: a }\n"),
    ("alarm name", "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a/b: { function: f, metric: errors, threshold: 1 }\n"),
    // Requests that check a release. The function has a route, so that each is the only mistake.
    ("smoke: a text for a request", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - GET /x\n"),
    ("smoke: one request for a list", "functions: { f: { source: f, route: GET /x } }\nsmoke: { request: GET /x }\n"),
    ("smoke: no request", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - status: 200\n"),
    ("smoke: unknown key", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, stauts: 200 }\n"),
    ("smoke: method", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - request: GTE /x\n"),
    ("smoke: no method", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - request: /x\n"),
    ("smoke: no path", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - request: GET\n"),
    ("smoke: no slash", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - request: GET x\n"),
    ("smoke: a whole address", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - request: GET https://a.example/x\n"),
    ("smoke: a variable", "functions: { f: { source: f, route: 'GET /x/{id}' } }\nsmoke:\n  - request: 'GET /x/{id}'\n"),
    ("smoke: a blank", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - request: GET /x?q=a b\n"),
    ("smoke: no route", "functions: { f: { source: f, route: GET /health } }\nsmoke:\n  - request: GET /helth\n"),
    ("smoke: another method", "functions: { f: { source: f, route: 'GET /x/{id}' } }\nsmoke:\n  - request: POST /x/1\n"),
    ("smoke: no site", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /, of: site }\n"),
    ("smoke: no API", "functions: { f: { source: f } }\nsite: { source: s }\nsmoke:\n  - request: GET /\n"),
    ("smoke: neither", "environments:\n  dev: { smoke: [{ request: GET /x, of: api }] }\n"),
    ("smoke: front", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, of: page }\n"),
    ("smoke: status", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, status: 99 }\n"),
    ("smoke: status in words", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, status: ok }\n"),
    ("smoke: no time", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, within: 0s }\n"),
    ("smoke: too much time", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, within: 6m }\n"),
    ("smoke: body of GET", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, body: '{}' }\n"),
    ("smoke: content of HEAD", "functions: { f: { source: f, route: HEAD /x } }\nsmoke:\n  - { request: HEAD /x, contains: a }\n"),
    ("smoke: empty content", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, contains: '' }\n"),
    ("smoke: header", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, headers: { 'X Y': a } }\n"),
    ("smoke: header of ours", "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, headers: { Host: a } }\n"),
    (
        "smoke: value of a header",
        "functions: { f: { source: f, route: GET /x } }\nsmoke:\n  - { request: GET /x, headers: { X-Y: \"a\\nb\" } }\n",
    ),
    // Headers of the site.
    ("header: no mapping", "site: { source: a, headers: [X-A] }\n"),
    ("header: name", "site:\n  source: a\n  headers:\n    X A: v\n"),
    ("header: twice", "site:\n  source: a\n  headers:\n    X-A: v\n    x-a: w\n"),
    ("header: of CloudFront", "site: { source: a, headers: { X-Amz-Cf-Id: v } }\n"),
    ("header: of the connection", "site: { source: a, headers: { transfer-encoding: chunked } }\n"),
    ("header: of a file", "site: { source: a, headers: { Content-Type: text/html } }\n"),
    ("header: about other origins", "site: { source: a, headers: { Access-Control-Allow-Origin: https://example.com } }\n"),
    ("header: no value", "site: { source: a, headers: { X-A: '' } }\n"),
    (
        "header: several lines",
        "site:\n  source: a\n  headers:\n    Content-Security-Policy: |\n      default-src 'self';\n      img-src *\n",
    ),
    ("header: character", "site: { source: a, headers: { X-A: grün } }\n"),
    ("header: value of a field", "site: { source: a, headers: { X-Frame-Options: ALLOWALL } }\n"),
    ("header: value of another field", "site: { source: a, headers: { Strict-Transport-Security: includeSubDomains } }\n"),
    // Tags.
    ("tag of ours", "tags: { project: x }\n"),
    ("tag of AWS", "tags: { 'aws:team': x }\n"),
    ("tag with our prefix", "environments:\n  dev: { tags: { 'liveinsight:stack': x } }\n"),
    ("tag character", "tags: { team: 'a&b' }\n"),
    ("tag keys that differ in case", "tags: { Team: a, team: b }\n"),
    ("variable with a NUL", "functions:\n  f: { source: f, environment: { KEY: \"x\\0y\" } }\n"),
    // Tables.
    ("key type", "tables:\n  sessions:\n    partition_key: { name: is_active, type: BOOL }\n"),
    ("key type in words", "tables:\n  sessions:\n    partition_key: { name: id, type: string }\n"),
    (
        "one attribute, two types",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ById: { partition_key: { name: id, type: N } }\n",
    ),
    ("one attribute, both keys", "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: id, type: S }\n"),
    (
        "index name",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      x: { partition_key: { name: b, type: N } }\n",
    ),
    (
        "projection",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: { name: b, type: N }, projection: KEYS }\n",
    ),
    (
        "projection INCLUDE without attributes",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: { name: b, type: N }, projection: INCLUDE }\n",
    ),
    (
        "projection with another key",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: { name: b, type: N }, projection: { includes: [c] } }\n",
    ),
    (
        "projection as a list",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: { name: b, type: N }, projection: [c, d] }\n",
    ),
    (
        "the table's key included",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: { name: b, type: N }, projection: { include: [c, id] } }\n",
    ),
    (
        "the index's key included",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: { name: b, type: N }, projection: { include: [b, c] } }\n",
    ),
    (
        "an attribute included twice",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: { name: b, type: N }, projection: { include: [c, d, c] } }\n",
    ),
    (
        "local index without a sort key of the table",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    local_indexes:\n      by-price: { sort_key: { name: price, type: N } }\n",
    ),
    (
        "local index with a partition key",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: at, type: N }\n    local_indexes:\n      by-price: { partition_key: { name: shop, type: S }, sort_key: { name: price, type: N } }\n",
    ),
    (
        "local index without a key",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: at, type: N }\n    local_indexes:\n      by-price: {}\n",
    ),
    (
        "local index: one attribute, both keys",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: at, type: N }\n    local_indexes:\n      by-id: { sort_key: { name: id, type: S } }\n",
    ),
    (
        "local index: one attribute, two types",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: at, type: N }\n    local_indexes:\n      by-at: { sort_key: { name: at, type: S } }\n",
    ),
    (
        "local index: name",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: at, type: N }\n    local_indexes:\n      x: { sort_key: { name: price, type: N } }\n",
    ),
    (
        "local index: a key included",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: at, type: N }\n    local_indexes:\n      by-price: { sort_key: { name: price, type: N }, projection: { include: [at] } }\n",
    ),
    (
        "two indexes of one name",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    sort_key: { name: at, type: N }\n    indexes: { by-price: { partition_key: { name: price, type: N } } }\n    local_indexes:\n      by-price: { sort_key: { name: price, type: N } }\n",
    ),
    ("class of a table", "tables:\n  a: { partition_key: { name: id, type: S }, class: INFREQUENT }\n"),
    (
        "index of several attributes: one twice",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: [{ name: b, type: S }, { name: c, type: N }, { name: b, type: S }] }\n",
    ),
    (
        "index of several attributes: one in both keys",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: [{ name: b, type: S }, { name: c, type: N }], sort_key: [{ name: c, type: N }] }\n",
    ),
    (
        "index of several attributes: two types",
        "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: [{ name: b, type: S }, { name: id, type: N }] }\n",
    ),
    ("index key as a name", "tables:\n  a:\n    partition_key: { name: id, type: S }\n    indexes:\n      ByB: { partition_key: b }\n"),
    ("table key of several attributes", "tables:\n  a: { partition_key: [{ name: b, type: S }, { name: c, type: S }] }\n"),
    ("empty attribute", "tables:\n  a: { partition_key: { name: '', type: S } }\n"),
    // Functions.
    (
        "unknown table",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [events], writes: [event] }\n",
    ),
    ("no write units", "tables:\n  events: { partition_key: { name: id, type: S }, max_write_units: 0 }\n"),
    (
        "unknown operation",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: [GetItems] }] }\n",
    ),
    (
        "operation that is none of DynamoDB's",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, writes: [{ events: [Overwrite] }] }\n",
    ),
    (
        "operation that writes under reads",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: [PutItem] }] }\n",
    ),
    (
        "operation that reads under writes",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, writes: [{ events: { operations: [PutItem, Query] } }] }\n",
    ),
    (
        "operations on an unknown table",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ event: [Query] }] }\n",
    ),
    (
        "no operation",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: [] }] }\n",
    ),
    (
        "operation without a list",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: Query }] }\n",
    ),
    (
        "operations of no table",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{}] }\n",
    ),
    (
        "operations without their names",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: { keys: [a] } }] }\n",
    ),
    (
        "unknown key beside operations",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: { operations: [Query], key: [a] } }] }\n",
    ),
    (
        "index that the table does not have",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: { operations: [Query], indexes: [ByDay] } }] }\n",
    ),
    (
        "index for operations that take none",
        "tables:\n  events: { partition_key: { name: id, type: S }, indexes: { ByDay: { partition_key: { name: day, type: S } } } }\nfunctions:\n  order: { source: order, reads: [{ events: { operations: [GetItem], indexes: [ByDay] } }] }\n",
    ),
    (
        "keys of a scan",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: { operations: [Scan], keys: [a] } }] }\n",
    ),
    (
        "keys that are numbers",
        "tables:\n  events: { partition_key: { name: id, type: N } }\nfunctions:\n  order: { source: order, reads: [{ events: { operations: [Query], keys: ['1'] } }] }\n",
    ),
    (
        "keys with a variable of IAM",
        "tables:\n  events: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, reads: [{ events: { operations: [Query], keys: ['${aws:username}'] } }] }\n",
    ),
    ("unknown table, none declared", "functions:\n  order: { source: order, reads: [events] }\n"),
    ("memory", "functions:\n  order: { source: order, memory: 64 }\n"),
    ("timeout", "functions:\n  order: { source: order, timeout: 20m }\n"),
    (
        "timeout of an environment",
        "functions:\n  order: { source: order }\nenvironments:\n  dev: { functions: { order: { timeout: 0 } } }\n",
    ),
    (
        "function of an environment",
        "functions:\n  order: { source: order }\nenvironments:\n  dev:\n    functions:\n      ordr: { memory: 512 }\n",
    ),
    ("architecture", "functions:\n  order: { source: order, architecture: x86-64 }\n"),
    ("secret by no name", "functions:\n  order:\n    source: order\n    secrets: [LEVEL]\n"),
    ("secret and variable", "functions:\n  order:\n    source: order\n    environment: { API_KEY: x }\n    secrets: [API_KEY]\n"),
    ("origin of secrets", "secrets_from: parameters\n"),
    (
        "secret in a parameter that CloudFront needs",
        "secrets_from: ssm\nfunctions:\n  order:\n    source: order\n    secrets: [ORIGIN_VERIFY, A_TOKEN]\n",
    ),
    (
        "variable of a parameter, in one environment",
        "functions:\n  order:\n    source: order\n    environment: { A_TOKEN_PARAMETER: x, B_TOKEN_PARAMETER: x }\n    secrets: [A_TOKEN]\nenvironments:\n  dev: {}\n  live: { secrets_from: ssm }\n  prod: { secrets_from: ssm }\n",
    ),
    (
        "variable of a parameter, of an environment",
        "secrets_from: ssm\nfunctions:\n  order: { source: order, secrets: [A_TOKEN] }\nenvironments:\n  dev: { secrets_from: environment, functions: { order: { environment: { A_TOKEN_PARAMETER: x } } } }\n  live: { functions: { order: { environment: { A_TOKEN_PARAMETER: x } } } }\n",
    ),
    (
        "project whose parameters belong to AWS",
        "project: ssm-shop\nregion: us-east-1\nfunctions:\n  order: { source: order, secrets: [A_TOKEN] }\n  pay: { source: pay, secrets: [A_TOKEN] }\nenvironments:\n  dev:\n  live: { secrets_from: ssm }\n",
    ),
    ("reserved secret", "functions:\n  order:\n    source: order\n    secrets: [AWS_SECRET_ACCESS_KEY]\n"),
    ("reserved variable", "functions:\n  order:\n    source: order\n    environment:\n      AWS_REGION: us-east-1\n"),
    ("variable that is set already", "functions:\n  order: { source: order, environment: { ENVIRONMENT: x } }\n"),
    (
        "variable of a table",
        "tables:\n  a: { partition_key: { name: id, type: S } }\nfunctions:\n  order: { source: order, environment: { A_TABLE: x } }\n",
    ),
    ("name of a variable", "functions:\n  order: { source: order, environment: { LOG-LEVEL: x } }\n"),
    ("source elsewhere", "functions:\n  order: { source: /home/me/order }\n"),
    ("no source", "functions:\n  order: { source: '' }\n"),
    ("site that is everything", "site: { source: ./ }\n"),
    // Routes.
    ("route twice", "functions:\n  a: { source: a, route: GET /api/x }\n  b: { source: b, route: GET /api/x }\n"),
    ("route without method", "functions:\n  a: { source: a, route: /api/x }\n"),
    ("route without path", "functions:\n  a: { source: a, route: GET }\n"),
    ("route without slash", "functions:\n  a: { source: a, route: GET api/x }\n"),
    ("route with an unknown method", "functions:\n  a: { source: a, route: GTE /api/x }\n"),
    ("route OPTIONS", "functions:\n  a: { source: a, route: OPTIONS /api/x }\n"),
    ("route and routes", "functions:\n  a: { source: a, route: GET /a, routes: [GET /b] }\n"),
    ("routes: the second without a slash", "functions:\n  a:\n    source: a\n    routes: [GET /a, GET b]\n"),
    ("routes: one twice", "functions:\n  a:\n    source: a\n    routes: [ANY /a, GET /b, ANY /a]\n"),
    ("routes: one of another function", "functions:\n  a: { source: a, routes: [GET /a, GET /b] }\n  b: { source: b, route: GET /b }\n"),
    ("routes: a variable beside one that takes all", "functions:\n  a:\n    source: a\n    routes: ['ANY /a/{proxy+}', 'GET /a/{id}/b']\n"),
    // References.
    (
        "reference to an unknown table",
        "tables: { orders: { partition_key: { name: id, type: S } } }\nfunctions:\n  a: { source: a, environment: { TABLE: '${tables.order}' } }\n",
    ),
    ("reference to nothing", "functions:\n  a: { source: a, environment: { TABLE: '${table}' } }\n"),
    ("reference without an end", "functions:\n  a: { source: a, environment: { TABLE: '${region' } }\n"),
    ("reference to an API that is not there", "functions:\n  a: { source: a, environment: { URL: '${api.url}' } }\n"),
    ("reference to a site that is not there", "functions:\n  a: { source: a, environment: { URL: '${site.url}' } }\n"),
    (
        "references to two addresses",
        "site: { source: pages }\nfunctions:\n  a: { source: a, route: GET /a, environment: { URLS: '${api.url} ${site.url}' } }\n",
    ),
    // Permissions.
    ("permission without resources", "functions:\n  a: { source: a, permissions: [{ actions: [ses:SendEmail] }] }\n"),
    ("permission with no resource", "functions:\n  a: { source: a, permissions: [{ actions: [ses:SendEmail], resources: [] }] }\n"),
    ("permission with no action", "functions:\n  a: { source: a, permissions: [{ actions: [], resources: ['*'] }] }\n"),
    (
        "permission for an operation without a service",
        "functions:\n  a: { source: a, permissions: [{ actions: [SendEmail], resources: ['*'] }] }\n",
    ),
    ("permission on a name", "functions:\n  a: { source: a, permissions: [{ actions: [ses:SendEmail], resources: [example.com] }] }\n"),
    (
        "permission on the name of a function",
        "functions:\n  a: { source: a, permissions: [{ actions: [lambda:InvokeFunction], resources: ['${functions.a}'] }] }\n",
    ),
    (
        "permission on an address",
        "functions:\n  a: { source: a, route: GET /a, permissions: [{ actions: [s3:GetObject], resources: ['arn:aws:s3:::a/${api.url}'] }] }\n",
    ),
    ("route with a slash at the end", "functions:\n  a: { source: a, route: GET /api/x/ }\n"),
    ("route with a query", "functions:\n  a: { source: a, route: 'GET /api/x?y=1' }\n"),
    ("route with a bad variable", "functions:\n  a: { source: a, route: 'GET /api/{a b}' }\n"),
    ("route with a greedy variable inside", "functions:\n  a: { source: a, route: 'GET /api/{rest+}/x' }\n"),
    (
        "routes with two variables in one place",
        "functions:\n  a: { source: a, route: 'GET /a/{id}' }\n  b: { source: b, route: 'GET /a/{name}/x' }\n",
    ),
    // API, site, logs, alarms.
    ("origin with a path", "api:\n  cors: { origins: ['https://example.com/'] }\n"),
    ("origin without scheme", "api:\n  cors: { origins: [example.com] }\n"),
    ("star and another origin", "api:\n  cors: { origins: ['*', 'https://example.com'] }\n"),
    ("no origin", "api:\n  cors: { origins: [] }\n"),
    ("header", "api:\n  cors: { origins: ['*'], headers: ['Content Type'] }\n"),
    ("max age", "api:\n  cors: { origins: ['*'], max_age: 2d }\n"),
    ("throttle", "api:\n  throttle: { requests_per_minute: 0 }\n"),
    ("page outside the site", "site: { source: pages, index: ../index.html }\n"),
    ("retention", "logs: { retention_days: 31 }\n"),
    (
        "alarm on an unknown function",
        "functions:\n  order: { source: order }\nalarms:\n  rules:\n    a: { function: oder, metric: errors, threshold: 1 }\n",
    ),
    ("alarm on an unknown table", "alarms:\n  rules:\n    a: { table: events, metric: read_throttles, threshold: 1 }\n"),
    ("alarm on an API that is not there", "alarms:\n  rules:\n    a: { api: 5xx, threshold: 1% }\n"),
    ("alarm on nothing", "alarms:\n  rules:\n    a: { threshold: 1 }\n"),
    ("alarm on two things", "alarms:\n  rules:\n    a: { api: 5xx, table: x, threshold: 1 }\n"),
    ("alarm without metric", "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, threshold: 1 }\n"),
    (
        "alarm on an unknown metric",
        "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, metric: error, threshold: 1 }\n",
    ),
    (
        "threshold of the wrong kind",
        "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, metric: duration, threshold: 10% }\n",
    ),
    (
        "threshold that is no number",
        "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, metric: errors, threshold: many }\n",
    ),
    ("threshold above 100 %", "functions:\n  f: { source: f, route: GET /x }\nalarms:\n  rules:\n    a: { api: 5xx, threshold: 110% }\n"),
    ("period", "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, metric: errors, threshold: 1, period: 90s }\n"),
    (
        "periods",
        "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, metric: errors, threshold: 1, period: 5m, periods: 300 }\n",
    ),
    (
        "percentile of no time",
        "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, metric: errors, threshold: 1, percentile: 90 }\n",
    ),
    (
        "percentile beyond all values",
        "functions:\n  f: { source: f }\nalarms:\n  rules:\n    a: { function: f, metric: duration, threshold: 1s, percentile: 100 }\n",
    ),
    ("topic", "alarms: { notify: on-call }\n"),
    ("topic in another region", "alarms: { notify: 'arn:aws:sns:eu-west-1:123456789012:on-call' }\n"),
];

#[test]
fn every_mistake_has_one_clear_message() {
    let mut messages = String::new();
    for (title, text) in MISTAKES {
        let head = if text.starts_with("project:") { "" } else { HEAD };
        let text = format!("{head}{text}");
        let error = parse(&text, None).expect_err(title);
        assert_eq!(error.problems().len(), 1, "{title}: {error}");
        let _ = writeln!(messages, "--- {title}\n{error}\n");
    }
    insta::assert_snapshot!("mistakes", messages);
}

#[test]
fn an_empty_file_is_named_as_such() {
    for text in ["", "\n", "# nothing here yet\n", "---\n", "\u{feff}"] {
        assert_eq!(parse(text, None).unwrap_err().message(), "the file is empty", "{text:?}");
    }
}

#[test]
fn an_unknown_environment_is_named_with_the_known_ones() {
    insta::assert_snapshot!("unknown_environment", parse(SHIPPED, Some("prdo")).unwrap_err());
}

#[test]
fn several_mistakes_are_listed_by_line() {
    let text = "project: shop\nregion: us-east-1\nlogs: { retention_days: 2 }\nfunctions:\n  a: { source: a, memory: 1, timeout: 0 }\n";
    let error = parse(text, None).unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(3), Some(25)));
    assert_eq!(error.problems().len(), 3);
    insta::assert_snapshot!("several", error);
}

#[test]
fn the_environment_of_a_function_is_limited_to_4_kb() {
    let text = |length| format!("{HEAD}functions:\n  f: {{ source: f, environment: {{ BIG: {} }} }}\n", "x".repeat(length));
    let room = 4096 - r#"{"BIG":"","ENVIRONMENT":"dev"}"#.len();
    assert!(parse(&text(room), None).is_ok());
    let error = parse(&text(room + 1), None).unwrap_err();
    assert_eq!(error.message(), "the environment variables of `f` take 4097 bytes as JSON in dev, Lambda allows 4096");
    assert!(error.to_string().lines().all(|line| line.chars().count() < 200), "long lines are cut: {error}");
}

#[test]
fn nothing_that_a_terminal_obeys_is_shown() {
    let error = parse(&format!("{HEAD}\"a\\e[31m\\n{}\": 1\n", "y".repeat(5000)), None).unwrap_err();
    assert!(!error.message().contains(|c: char| c.is_control()), "{:?}", error.message());
    assert!(error.message().chars().count() < 500);

    let error = parse(&format!("{HEAD}logs: {{ retention_days: 2 }} # \u{1b}[31m\n"), None).unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
}

#[test]
fn a_bomb_of_aliases_is_refused_quickly() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![format!("*a{before}"); 9].join(", "));
    }
    let error = parse(&text, None).unwrap_err();
    assert_eq!(error.message(), "the file is too large or too deep once its aliases are unfolded");
}

#[test]
fn a_deep_nest_is_refused() {
    let error = parse(&format!("project: {}", "[".repeat(100_000)), None).unwrap_err();
    assert_eq!(error.message(), "the file is too large or too deep once its aliases are unfolded");
}

#[test]
fn files_that_cannot_be_text_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stack.yaml");
    let load = || Stack::load(&path, None, None).unwrap_err();

    assert!(load().message().starts_with("cannot be read: "), "{}", load());
    fs::write(&path, vec![b'#'; 10 * 1024 * 1024]).unwrap();
    assert_eq!(load().message(), "the file is larger than 1 MiB");
    fs::write(&path, b"project: shop\nregion: \xff\n").unwrap();
    assert_eq!(load().message(), "line 2 is not UTF-8");
    assert!(Stack::load(directory.path(), None, None).is_err(), "a directory");
}

#[test]
fn missing_sources_are_named_when_they_are_needed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stack.yaml");
    let make = |name: &str| {
        let file = directory.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    };
    fs::write(&path, format!("{HEAD}functions:\n  order: {{ source: lambdas/order }}\nsite: {{ source: pages }}\n")).unwrap();
    make("lambdas/odrer/Cargo.toml");
    assert!(Stack::read(&path, None, None).is_ok(), "commands that build nothing need no sources");

    let shown = || Stack::load(&path, None, None).unwrap_err().to_string().replace(&path.display().to_string(), "stack.yaml");
    let mut steps = shown();
    make("lambdas/order/src/main.rs");
    make("pages/start.html");
    steps = format!("{steps}\n\n{}", shown());
    insta::assert_snapshot!("missing_sources", steps);

    make("lambdas/order/Cargo.toml");
    make("pages/index.html");
    let stack = Stack::load(Path::new(&path), None, None).unwrap();
    assert_eq!(stack.root, directory.path());
}

#[test]
fn what_a_crate_does_not_have_is_named_on_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stack.yaml");
    let function = |binary: &str| format!("{HEAD}functions:\n  work: {{ source: many, binary: {binary} }}\n");
    for (name, text) in [
        ("many/Cargo.toml", "[package]\nname = \"many\"\nedition = \"2024\"\n[features]\nfast = []\n"),
        ("many/src/bin/api.rs", ""),
        ("many/src/bin/worker.rs", ""),
    ] {
        fs::create_dir_all(directory.path().join(name).parent().unwrap()).unwrap();
        fs::write(directory.path().join(name), text).unwrap();
    }
    fs::write(&path, function("wroker")).unwrap();
    let shown = Stack::load(&path, None, None).unwrap_err().to_string();
    for part in [":4:33: the crate in `many` has no binary `wroker`", "did you mean `worker`?"] {
        assert!(shown.contains(part), "{shown}");
    }
    fs::write(&path, function("worker")).unwrap();
    for (keys, message) in [
        ("source: many, binary: worker, features: [fsat]", "the crate in `many` has no feature `fsat`"),
        ("source: many, binary: worker, include: [templates]", "there is no `templates` in `many`"),
        ("package: work.zip", "there is no file `work.zip`"),
    ] {
        fs::write(&path, format!("{HEAD}functions:\n  work: {{ {keys} }}\n")).unwrap();
        let shown = Stack::load(&path, None, None).unwrap_err().to_string();
        assert!(shown.contains(message), "{shown}");
    }
    fs::write(&path, function("worker")).unwrap();
    let stack = Stack::load(&path, None, None).unwrap();
    assert!(matches!(&stack.functions["work"].code, Code::Crate(source) if source.binary.as_deref() == Some("worker")));
}
