//! Function behind `GET /api/stats`, which returns sums over hours or days. The implementation is in `shared::stats`.

use shared::endpoints::StatsOverTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::serve::<StatsOverTime>().await
}
