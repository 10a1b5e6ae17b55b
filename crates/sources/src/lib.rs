//! The world to model.
