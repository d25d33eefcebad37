//! Reconciles a serverless stack on AWS straight through the SDKs.

pub use engine;

pub mod account;
pub mod aws;
pub mod build;
pub mod cache;
pub mod child;
pub mod cli;
pub mod commands;
pub mod cost;
mod disk;
mod duration;
pub mod error;
mod file_lock;
mod home;
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
