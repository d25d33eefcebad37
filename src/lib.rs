//! Reconciles a serverless stack on AWS straight through the SDKs.

pub use {aws, engine, resources, stack};

pub mod account;
pub mod build;
pub mod cache;
mod call_log;
pub mod child;
pub mod cli;
pub mod commands;
pub mod cost;
mod disk;
pub mod error;
mod file_lock;
mod home;
pub mod http;
pub mod local;
pub mod lock;
pub mod logs;
pub mod options;
pub mod policy;
pub mod release;
pub mod seed;
pub mod smoke;
pub mod timings;
pub mod trail;
pub mod ui;
pub mod venv;
pub mod watch;
