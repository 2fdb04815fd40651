//! See `tests/clients`: a cage needs its helper, which is there when all is built.
