//! The function behind `GET /api/hello`.

use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Lambda does not log the error that a request ends with.
    run(service_fn(async |request: Request| hello(&request).inspect_err(|error| println!("error: {error}")))).await
}

/// Greets the name in the query: `/api/hello?name=Ada`.
fn hello(request: &Request) -> Result<Response<Body>, Error> {
    let parameters = request.query_string_parameters();
    let name = parameters.first("name").unwrap_or("world");
    let answer = json!({ "message": format!("Hello, {name}!") });
    Ok(Response::builder().header("content-type", "application/json").body(answer.to_string().into())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn message(name: Option<&str>) -> String {
        let parameters: HashMap<String, String> = name.map(|name| ("name".to_owned(), name.to_owned())).into_iter().collect();
        let request = Request::default().with_query_string_parameters(parameters);
        String::from_utf8(hello(&request).unwrap().body().to_vec()).unwrap()
    }

    #[test]
    fn greets_whoever_is_named() {
        assert_eq!(message(Some("Ada")), r#"{"message":"Hello, Ada!"}"#);
        assert_eq!(message(None), r#"{"message":"Hello, world!"}"#);
    }
}
