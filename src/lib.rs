//! Reconciles a serverless stack on AWS straight through the SDKs.

pub mod aws;
pub mod build;
pub mod engine;
pub mod local;
pub mod resources;
pub mod stack;
