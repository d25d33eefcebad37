//! One file per kind. Each reads from top to bottom: what it is and what AWS is odd about, the declaration, its outputs,
//! observe, create, update, delete, the sweep, and what others may refer to.

mod apigateway;
mod cloudfront;
mod cloudwatch;
mod dynamodb;
mod iam;
mod lambda;
mod logs;
mod s3;

pub use apigateway::*;
pub use cloudfront::*;
pub use cloudwatch::*;
pub use dynamodb::*;
pub use iam::*;
pub use lambda::*;
pub use logs::*;
pub use s3::*;
