//! Starts the program and looks at it from outside.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::Duration,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_simulator");
/// A whole platform comes up within this time, on a busy machine too.
const UP_LIMIT: Duration = Duration::from_secs(90);

/// Whole platforms are started one after the other: together they would only starve each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a program left.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().expect("started");
    Outcome {
        code: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The same; `hear` is told each line of what it says meanwhile.
pub(crate) fn run_and_hear(arguments: &[String], mut hear: impl FnMut(&str)) -> Outcome {
    let mut program = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stderr = String::new();
    for line in BufReader::new(program.stderr.take().expect("piped")).lines() {
        let line = line.expect("read");
        hear(&line);
        stderr += &line;
        stderr.push('\n');
    }
    // What it prints at its end fits into the pipe.
    let output = program.wait_with_output().expect("ended");
    let code = output.status.code().expect("ended by itself");
    Outcome { code, stdout: String::from_utf8_lossy(&output.stdout).into_owned(), stderr }
}

/// Does something while no other platform stands.
pub(crate) fn alone<T>(work: impl FnOnce() -> T) -> T {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// An empty folder of this test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live").join(name);
    let _ = fs::remove_dir_all(&path); // it may not be there
    fs::create_dir_all(&path).expect("made");
    path
}

/// Looks again and again until it is so; false when it never was in time.
pub(crate) fn until(limit: Duration, mut so: impl FnMut() -> bool) -> bool {
    const STEP: Duration = Duration::from_millis(50);
    let steps = limit.as_millis() / STEP.as_millis();
    (0..steps).any(|_| {
        so() || {
            sleep(STEP);
            false
        }
    })
}

/// Whether a process lives; one that ended and was not waited for does not.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.starts_with('Z'));
    state == Some(false)
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("delivered");
}

/// `simulator up`, standing.
pub(crate) struct Running {
    program: Child,
    out: PathBuf,
    log: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Running {
    pub(crate) fn start(name: &str) -> Running {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let base = folder(name);
        let (out, log) = (base.join("run"), base.join("stderr.txt"));
        let program = Command::new(PROGRAM)
            .args(["up", "--out", out.to_str().expect("a path")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("made"))
            .spawn()
            .expect("started");
        let mut running = Running { program, out, log, _turn: turn };
        let ready = running.out.join("endpoints.json");
        let up = until(UP_LIMIT, || {
            let ended = running.program.try_wait().expect("known");
            assert!(ended.is_none(), "it ended: {}", fs::read_to_string(&running.log).unwrap_or_default());
            ready.exists()
        });
        assert!(up, "it does not come up");
        running
    }

    /// The processes that it started.
    pub(crate) fn children(&self) -> Vec<u32> {
        let parent = self.program.id().to_string();
        let pids = fs::read_dir("/proc").expect("/proc").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let is_child = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let rest = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            rest.split_whitespace().nth(1) == Some(&parent)
        };
        pids.filter(is_child).collect()
    }

    /// The process of a region.
    pub(crate) fn child(&self, region: &str) -> u32 {
        let runs = |pid: &u32| {
            let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split('\0').any(|word| word == region)
        };
        self.children().into_iter().find(runs).expect("the region has a process")
    }

    /// The file that `--target` reads.
    pub(crate) fn target(&self) -> String {
        self.out.join("target.json").to_str().expect("a path").to_owned()
    }

    /// The ports of edges, regions and the provider.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let text = fs::read_to_string(self.out.join("endpoints.json")).expect("written");
        let after = text.split("127.0.0.1:").skip(1);
        let digits = after.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        let mut ports: Vec<u16> = digits.map(|digits| digits.parse().expect("a port")).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    pub(crate) fn signal(&self, what: Signal) {
        signal(self.program.id(), what);
    }

    /// Waits for its end; gives the exit code where it ended by itself.
    pub(crate) fn until_ended(&mut self, limit: Duration) -> Option<i32> {
        let mut status = None;
        let ended = until(limit, || {
            status = self.program.try_wait().expect("known");
            status.is_some()
        });
        assert!(ended, "it does not end");
        status.and_then(|status| status.code())
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.log).expect("read")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where a test failed half way; then its regions die with it.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
