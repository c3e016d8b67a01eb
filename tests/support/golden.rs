//! Files in the repository that tests compare with the output of the program.

use std::path::Path;

/// Compares a file of the repository with a text; `BLESS=1` writes it again.
#[track_caller]
pub fn compare(golden: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the program")]
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{}", path.display());
}
