//! Reconciles a serverless stack on AWS straight through the SDKs.

pub mod build;
pub mod engine;
mod file_lock;
pub mod local;
pub mod venv;
