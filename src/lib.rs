//! Reconciles a serverless stack on AWS straight through the SDKs.

pub mod aws;
pub mod build;
pub mod engine;
mod file_lock;
pub mod local;
pub mod resources;
pub mod stack;
pub mod venv;
