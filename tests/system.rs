//! The whole of it, from outside: the real program and the real handlers on a local AWS, and the engine on a strict one.
//!
//! One executable, because its parts wait more than they compute: together they take half the time that they take one after another.

mod bench;
mod ci;
mod cookbook;
mod e2e;
mod init;
mod reliability;
mod rivals;
mod sessions;
mod trouble;
