//! Function behind `POST /api/events`, which accepts batches of events. The implementation is in `shared::ingest`.

use shared::endpoints::Events;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::serve::<Events>().await
}
