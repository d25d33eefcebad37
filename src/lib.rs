//! Reconciles a serverless stack on AWS straight through the SDKs.

pub mod engine;
pub mod local;
pub mod venv;
