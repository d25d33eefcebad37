//! Interceptor of a DynamoDB client: counts the units that AWS would bill, and can block everything after a number of writes.
//!
//! A model of item sizes computes the units, because a local DynamoDB does not bill. A write is a unit per started KB of the
//! item as it is afterwards, a refused conditional write as well. A new index entry costs one more, a moved one two. An
//! eventually consistent read is half a unit per started 4 KB, a consistent one a whole (DynamoDB developer guide, "Read and
//! write capacity").

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![allow(clippy::cast_precision_loss, reason = "units stay far below 2⁵³")]

use aws_sdk_dynamodb::config::interceptors::{AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Meter shared by a client and its test.
#[derive(Debug, Clone)]
pub struct Meter {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// Writes that still get through; negative numbers mean none.
    writes_left: AtomicI64,
    writes: AtomicU64,
    /// Write units in halves.
    write_units: AtomicU64,
    read_units: AtomicU64,
}

impl Meter {
    /// Creates a meter that lets all writes through.
    pub fn new() -> Self {
        Self::ending_after(i64::MAX)
    }

    /// Creates a meter that blocks everything after this many writes, as if the function had been killed.
    pub fn ending_after(writes: i64) -> Self {
        let state = State {
            writes_left: AtomicI64::new(writes),
            writes: AtomicU64::new(0),
            write_units: AtomicU64::new(0),
            read_units: AtomicU64::new(0),
        };
        Self { state: Arc::new(state) }
    }

    /// Returns the number of writes that were sent.
    pub fn writes(&self) -> u64 {
        self.state.writes.load(Ordering::SeqCst)
    }

    /// Returns the write units so far.
    pub fn write_units(&self) -> f64 {
        self.state.write_units.load(Ordering::SeqCst) as f64 / 2.0
    }

    /// Returns the read units so far.
    pub fn read_units(&self) -> f64 {
        self.state.read_units.load(Ordering::SeqCst) as f64 / 2.0
    }
}

/// Request that has no answer yet.
#[derive(Debug)]
struct Sent {
    operation: String,
    body: Value,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let operation = target(context.request().headers().get("x-amz-target")).to_owned();
        bag.interceptor_state().store_put(Sent { operation, body: body.unwrap_or(Value::Null) });
        if is_write(target(context.request().headers().get("x-amz-target"))) {
            if self.state.writes_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
                return Err("the function was killed".into());
            }
            self.state.writes.fetch_add(1, Ordering::SeqCst);
        } else if self.state.writes_left.load(Ordering::SeqCst) <= 0 {
            return Err("the function was killed".into());
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Sent { operation, body }) = bag.load::<Sent>() else { return Ok(()) };
        let answer = context.response().body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
        let is_refused = context.response().status().as_u16() >= 400;
        let halves = bill(operation, body, &answer, is_refused);
        let sum = if is_write(operation) { &self.state.write_units } else { &self.state.read_units };
        sum.fetch_add(halves, Ordering::SeqCst);
        Ok(())
    }
}

fn target(header: Option<&str>) -> &str {
    header.and_then(|header| header.rsplit('.').next()).unwrap_or_default()
}

fn is_write(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem")
}

/// Returns the price of a request in halves of units.
fn bill(operation: &str, request: &Value, response: &Value, is_refused: bool) -> u64 {
    let kilobytes = |size: u64| 2 * size.div_ceil(1_024).max(1);
    match operation {
        "PutItem" => {
            let price = kilobytes(size_of(&request["Item"]));
            if is_refused { price } else { 2 * price }
        }
        "UpdateItem" => {
            let (values, old) = (&request["ExpressionAttributeValues"], &response["Attributes"]);
            let is_visit = !values[":minute"].is_null();
            // The item afterwards is the one in the answer, or else at most the one before plus the new data.
            let is_new = request["ReturnValues"] == "ALL_NEW";
            let price = kilobytes(if is_new { size_of(old) } else { size_of(&request["Key"]) + size_of(values) + size_of(old) });
            let index = match old["last_activity"]["N"].as_str() {
                _ if is_refused || !is_visit => 0,
                None => 2,
                before if values[":minute"]["N"].as_str() == before => 0,
                Some(_) => 4,
            };
            price + index
        }
        "DeleteItem" => 2,
        "GetItem" => 2 * size_of(&response["Item"]).div_ceil(4_096).max(1),
        "Query" => {
            let size: u64 = response["Items"].as_array().into_iter().flatten().map(size_of).sum();
            size.div_ceil(4_096).max(1)
        }
        _ => 0,
    }
}

/// Returns the size of names and values; a number takes a byte for two digits and one more (DynamoDB developer guide, "Item
/// sizes and formats").
fn size_of(item: &Value) -> u64 {
    let fields = item.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.len() + value.as_object().into_iter().flatten().map(size_of_value).sum::<usize>()) as u64).sum()
}

fn size_of_value((kind, value): (&String, &Value)) -> usize {
    let length = |value: &Value| value.as_str().map_or(0, str::len);
    match kind.as_str() {
        "N" => length(value).div_ceil(2) + 1,
        "NS" => value.as_array().into_iter().flatten().map(|value| length(value).div_ceil(2) + 1).sum(),
        _ => length(value),
    }
}
