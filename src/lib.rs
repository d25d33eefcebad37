//! Reconciles a serverless stack on AWS straight through the SDKs.

pub mod aws;
pub mod engine;
pub mod resources;
pub mod stack;
