//! The whole system from outside: the real program and the real handlers on a local AWS, and the engine on a strict AWS.
//!
//! The parts share one executable, because they wait more than they compute: together they take half the time of one after another.

mod bench;
mod ci;
mod cookbook;
mod e2e;
mod init;
mod reliability;
mod rivals;
mod sessions;
mod trouble;
