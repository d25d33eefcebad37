//! Reconciles a serverless stack on AWS straight through the SDKs.

pub mod account;
pub mod aws;
pub mod build;
pub mod cli;
pub mod commands;
pub mod console;
pub mod cost;
mod disk;
pub mod engine;
pub mod error;
mod file_lock;
pub mod http;
pub mod local;
pub mod lock;
pub mod logs;
pub mod policy;
pub mod release;
pub mod resources;
pub mod seed;
pub mod smoke;
pub mod stack;
pub mod timings;
pub mod trail;
pub mod ui;
pub mod venv;
pub mod watch;
