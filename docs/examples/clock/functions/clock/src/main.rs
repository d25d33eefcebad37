//! Returns the time.

use lambda_http::{Error, Request, Response, run, service_fn};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |request: Request| answer(request.uri().path()))).await
}

fn answer(path: &str) -> Result<Response<String>, Error> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let (status, body) = match path {
        "/" => (200, "GET /time\n".to_owned()),
        "/time" => (200, format!("T{seconds}\n")),
        _ => (404, "nothing is here\n".to_owned()),
    };
    Ok(Response::builder().status(status).body(body)?)
}
