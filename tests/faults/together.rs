//! Many processes at once, with and without kills.
