//! Function behind `GET /api/realtime`, which reports current visitors. The implementation is in `shared::realtime`.

use shared::endpoints::RealtimeNow;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::serve::<RealtimeNow>().await
}
