//! Credentials by registry, set by a test.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::collections::HashMap;
use std::sync::Mutex;

use airgap_core::error::Result;
use airgap_oci::{self as oci, Access};

/// The credentials of a test, with a list of the requests for them.
#[derive(Default)]
pub struct TestAccess {
    known: Mutex<HashMap<String, Vec<Access>>>,
    asked: Mutex<Vec<String>>,
}

impl TestAccess {
    /// Sets the access for this registry.
    pub fn set(&self, registry: &str, access: Access) {
        self.known.lock().unwrap().insert(registry.to_owned(), vec![access]);
    }

    /// Adds the access for the next request.
    pub fn then(&self, registry: &str, access: Access) {
        self.known.lock().unwrap().get_mut(registry).unwrap().push(access);
    }

    /// Returns the registries that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl oci::AccessProvider for TestAccess {
    fn access(&self, registry: &str) -> Result<Access> {
        self.asked.lock().unwrap().push(registry.to_owned());
        let mut known = self.known.lock().unwrap();
        let Some(answers) = known.get_mut(registry) else { return Ok(Access::default()) };
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}
