//! The verdict about a command, with the observed attempts.

use serde::Serialize;

use crate::network_namespace::Counters;
use crate::network_namespace::trace::Attempt;
use airgap_core::error::{Error, ErrorKind};
use airgap_core::quantity::count;

/// The largest number of attempts in an error.
const MOST_SHOWN: usize = 20;

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The command succeeded without a network, and did not try to use one.
    Proven,
    /// The command tried to use a network.
    NetworkTried,
    /// The command failed for another reason.
    Failed,
}

/// The verdict, with the command and the blocked attempts.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The verdict in one word.
    pub verdict: Word,
    /// The command that ran, with the folders of the proof.
    pub command: Vec<String>,
    /// Its exit code; `None` if a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The way in which the network was taken away.
    pub isolation: &'static str,
    /// Whether `strace` watched each process. Without it, no process is known.
    pub traced: bool,
    /// The kernel's counters of the namespace.
    pub counters: Counters,
    /// The number of processes that outlived the command by 5 s and were killed.
    pub outlived: usize,
    /// The attempts that `strace` saw.
    pub blocked: Vec<Blocked>,
    /// The files in Bazel's repository cache afterwards, which came from this machine; `None` for
    /// another program than Bazel.
    pub repository_cache_files: Option<usize>,
    /// The files that the given repository cache had; `None` if none was given.
    pub repository_cache_given: Option<usize>,
}

/// An attempt that was blocked.
#[derive(Clone, Debug, Serialize)]
pub struct Blocked {
    /// The program and the address.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// The number of times.
    pub times: u64,
}

impl Verdict {
    /// Returns the verdict with its word, decided by the rest.
    #[must_use]
    pub(super) fn judged(mut self) -> Verdict {
        self.verdict = match (self.has_tried(), self.exit_code) {
            (true, _) => Word::NetworkTried,
            (false, Some(0)) => Word::Proven,
            (false, _) => Word::Failed,
        };
        self
    }

    /// Returns whether the command tried to use a network. A packet that nothing on loopback
    /// receives is a DNS query to a name server on this machine; a refused connection can
    /// belong to a test.
    fn has_tried(&self) -> bool {
        let Counters { without_route, undelivered, .. } = self.counters;
        without_route + undelivered > 0 || !self.blocked.is_empty()
    }

    /// Returns the remarks that belong to the verdict, one in a line.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![format!("ran in {}; {}", self.isolation, self.counted())];
        match self.repository_cache_files {
            Some(files) if self.repository_cache_given.is_some() => {
                let given = self.repository_cache_given.unwrap_or_default();
                remarks.push(format!(
                    "the output root was empty before, and the repository cache had {} of the given one; \
                     it has {files} now",
                    count(given, "file")
                ));
            }
            None => remarks.push(
                "the caches of this program were not replaced by empty ones, as those of Bazel are".to_owned(),
            ),
            Some(0) => remarks.push(
                "the output root and the repository cache were empty before, and the cache still is"
                    .to_owned(),
            ),
            Some(files) => remarks.push(format!(
                "the output root and the repository cache were empty before; {} came into the cache \
                 from this machine (--distdir, file://)",
                count(files, "file")
            )),
        }
        if self.outlived > 0 {
            let killed = count(self.outlived, "process");
            remarks.push(format!(
                "{killed} ran 5 s after the end of the command and had to be killed"
            ));
        }
        if self.counters.refused > 0 {
            remarks.push(format!(
                "{} on loopback refused: a connection to a proxy on this machine would look the same",
                count(self.counters.refused, "connection")
            ));
        }
        remarks
    }

    fn counted(&self) -> String {
        match self.traced {
            true => "counted by the kernel in it and by strace in each process".to_owned(),
            false => "counted by the kernel in it; attempts inside of a sandbox that has a \
                      namespace of its own are not counted, and no process is named, as strace is \
                      not used"
                .to_owned(),
        }
    }

    /// Returns the failure; `None` if the command is proven.
    pub fn failure(&self) -> Option<Error> {
        match self.verdict {
            Word::Proven => None,
            Word::NetworkTried => Some(self.tried()),
            Word::Failed => Some(
                Error::new(ErrorKind::Failed, "the command failed, so nothing is proven")
                    .fact("ended with", self.end())
                    .fact("attempts to use the network", 0)
                    .hint("see its messages above, and fix the build first"),
            ),
        }
    }

    fn tried(&self) -> Error {
        let statement = match self.exit_code {
            Some(0) => "the command tried to use the network, so it is not proven".to_owned(),
            _ => "the command failed, and it tried to use the network".to_owned(),
        };
        let error = Error::new(ErrorKind::Network, statement).fact("ended with", self.end());
        let blocked = self.blocked.iter().take(MOST_SHOWN).map(describe);
        let more = self.blocked.len().saturating_sub(MOST_SHOWN);
        let more = (more > 0).then(|| format!("{more} more; `--json` has all of them"));
        let error = blocked.chain(more).fold(error, |error, words| error.fact("blocked", words));
        let Counters { without_route, undelivered, .. } = self.counters;
        let error = error
            .fact("without a route", count(without_route, "attempt"))
            .fact("to a name server on loopback", count(undelivered, "packet"));
        let error = match self.traced {
            true => error,
            false => error.hint("install strace to see which process it was"),
        };
        error.hint(
            "`wasm-airgap doctor` names what is missing; a rule that downloads by itself \
                    needs the file in the source tree or in a vendor folder",
        )
    }

    fn end(&self) -> String {
        match (self.exit_code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".to_owned(),
        }
    }
}

fn describe(blocked: &Blocked) -> String {
    let Attempt { process, address, hosts } = &blocked.attempt;
    let hosts = match hosts.is_empty() {
        true => String::new(),
        false => format!(", for {}", hosts.join(", ")),
    };
    format!("{process} to {address}{hosts} ({})", count(blocked.times, "time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: Option<i32>, counters: Counters, blocked: Vec<Blocked>) -> Verdict {
        Verdict {
            verdict: Word::Proven,
            command: vec!["bazel".to_owned()],
            exit_code: code,
            signal: None,
            isolation: "a network namespace",
            traced: !blocked.is_empty(),
            counters,
            outlived: 0,
            blocked,
            repository_cache_files: Some(0),
            repository_cache_given: None,
        }
        .judged()
    }

    #[test]
    fn only_a_success_without_an_attempt_is_proven() {
        let none = Counters::default();
        let proven = verdict(Some(0), none, Vec::new());
        assert_eq!(proven.verdict, Word::Proven);
        assert!(proven.failure().is_none());
        let failed = verdict(Some(1), none, Vec::new());
        assert_eq!(failed.failure().unwrap().kind(), ErrorKind::Failed);
        assert_eq!(verdict(None, none, Vec::new()).verdict, Word::Failed);
        for counters in [Counters { without_route: 1, ..none }, Counters { undelivered: 1, ..none }]
        {
            let tried = verdict(Some(0), counters, Vec::new());
            let error = tried.failure().unwrap();
            assert_eq!((tried.verdict, error.kind()), (Word::NetworkTried, ErrorKind::Network));
            assert!(error.to_string().contains("install strace"), "{error}");
        }
        // A test may check that nothing listens at a port.
        let refused = verdict(Some(0), Counters { refused: 1, ..none }, Vec::new());
        assert_eq!(refused.verdict, Word::Proven);
        assert!(refused.remarks().join("\n").contains("1 connection on loopback"));
    }

    #[test]
    fn a_given_repository_cache_is_said() {
        let proven = verdict(Some(0), Counters::default(), Vec::new());
        let given = Verdict {
            repository_cache_files: Some(3),
            repository_cache_given: Some(3),
            ..proven.clone()
        };
        assert!(given.remarks().join("\n").contains("had 3 files of the given one; it has 3 now"));
        assert!(proven.remarks().join("\n").contains("the cache still is"));
    }

    #[test]
    fn the_program_behind_an_attempt_is_named() {
        let attempt = Attempt {
            process: "curl".to_owned(),
            address: "192.0.2.7:443".to_owned(),
            hosts: vec!["a.example".to_owned()],
        };
        let tried = verdict(Some(0), Counters::default(), vec![Blocked { attempt, times: 2 }]);
        let shown = tried.failure().unwrap().to_string();
        assert!(shown.contains("curl to 192.0.2.7:443, for a.example (2 times)"), "{shown}");
        let many = vec![tried.blocked[0].clone(); 1000];
        let shown = verdict(Some(0), Counters::default(), many).failure().unwrap().to_string();
        assert!(shown.contains("980 more") && shown.lines().count() < 30, "{shown}");
    }
}
