//! Enforcement.
