//! Inputs and outputs that are FIFOs, devices, folders or far too large.
