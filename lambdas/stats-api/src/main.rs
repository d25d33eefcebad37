//! The function behind `GET /api/stats`: tells sums over hours or days. What it does is in `shared::stats`.

use shared::endpoints::StatsOverTime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::serve::<StatsOverTime>().await
}
