//! Policy, registries and credentials: the sources that may be used, from variables and config files.

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod policy;
pub mod registries;
pub mod unread;
