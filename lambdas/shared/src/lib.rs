//! What the handlers share.
