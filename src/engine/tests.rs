//! Properties of the engine on in-memory kinds.
