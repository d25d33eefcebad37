//! The function behind `GET /api/realtime`: tells who is on the site now. What it does is in `shared::realtime`.

use shared::endpoints::RealtimeNow;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::serve::<RealtimeNow>().await
}
