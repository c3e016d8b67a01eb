//! Air-gapped WebAssembly builds: fetch once, pin by SHA-256, carry across, build with no network.
//!
//! ```text
//! request + environment --resolve--> Plan --fetch--> Unverified --verify--> Verified
//!                                                     --extract--> Tree --emit--> repository
//! ```
//!
//! The stages are modules and the arrows are types: what was not verified cannot be extracted,
//! because that does not compile. The modules stand here in the order of the way.

// Vocabulary: parsed types, no input or output.
pub mod artifact;
pub mod digest;
pub mod environment;
pub mod error;
pub mod platform;
pub mod segment;

// The stages.
pub mod network;
pub mod verify;

// Beside the way.
pub mod report;
