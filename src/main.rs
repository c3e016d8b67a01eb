//! See the library's documentation.

use std::process::ExitCode;

use wasm_airgap::{cli, environment::Environment};

fn main() -> ExitCode {
    ExitCode::from(cli::run(std::env::args_os(), Environment::of_process()))
}
