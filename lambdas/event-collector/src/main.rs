//! The function behind `POST /api/events`: takes batches of events. What it does is in `shared::ingest`.

use shared::endpoints::Events;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::serve::<Events>().await
}
