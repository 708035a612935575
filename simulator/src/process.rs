//! Child processes: this program, started again to be one region or the journeys.
//!
//! None may outlive the simulator. While it lives it ends them itself; if it is killed the kernel ends them
//! (the parent-death signal reaches a frozen process too); where there is no such signal they see their
//! standard input end.

use nix::sys::signal::{self, Signal};
use nix::unistd::{Pid, getppid};
use platform::watch;
use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout, Command},
    sync::{Mutex, mpsc},
    task::JoinSet,
};

/// Orders to one child that wait to be carried out.
const ORDERS_MAX: usize = 16;
/// A killed process is gone within this time, or something is very wrong with the machine.
const END_LIMIT: Duration = Duration::from_secs(5);

/// What went wrong with a child process. Every text names the child.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("cannot start {name}: {cause}")]
    Start {
        /// Which.
        name: String,
        /// Why.
        cause: io::Error,
    },
    /// Its log file could not be made.
    #[error("cannot write {}: {cause}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It said nothing in time.
    #[error("{name} does not come up: no word within {limit_s} s; see {}", log.display())]
    Silent {
        /// Which.
        name: String,
        /// How long it had, seconds.
        limit_s: u64,
        /// Where it logs.
        log: PathBuf,
    },
    /// It ended or closed its output.
    #[error("{name} ended before it was up; see {}", log.display())]
    Ended {
        /// Which.
        name: String,
        /// Where it logs.
        log: PathBuf,
    },
    /// It could not be written to.
    #[error("cannot talk to {name}: {cause}")]
    Talk {
        /// Which.
        name: String,
        /// Why.
        cause: io::Error,
    },
}

/// What to start.
#[derive(Debug)]
pub struct Program {
    /// For messages, such as `region eu-west-1`.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<OsString>,
    /// Its standard error goes there, appended.
    pub log: PathBuf,
}

/// All children. Whoever holds it ends them.
#[derive(Clone, Default)]
pub struct Processes {
    keepers: Arc<Mutex<JoinSet<()>>>,
    orders: Arc<std::sync::Mutex<Vec<mpsc::Sender<Order>>>>,
}

/// What is done to a child.
#[derive(Clone, Copy, Debug)]
enum Order {
    Signal(Signal),
    Kill,
}

/// A running child.
#[derive(Debug)]
pub struct Child {
    name: String,
    pid: u32,
    log: PathBuf,
    orders: mpsc::Sender<Order>,
    ended: watch::Receiver<Option<ExitStatus>>,
    stdin: Mutex<ChildStdin>,
    lines: Mutex<Lines<BufReader<ChildStdout>>>,
}

impl Processes {
    /// Starts this program again. Must be called on the main thread, which lives as long as the process: the
    /// parent-death signal is sent when the starting *thread* ends.
    ///
    /// # Errors
    /// [`ProcessError::Log`] or [`ProcessError::Start`].
    pub async fn start(&self, program: Program) -> Result<Child, ProcessError> {
        let Program { name, arguments, log } = program;
        let fail = |cause| ProcessError::Start { name: name.clone(), cause };
        let stderr = append(&log)?;
        let mut command = Command::new(std::env::current_exe().map_err(fail)?);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            // A group of its own: Ctrl-C in a terminal reaches the simulator alone, which ends the rest.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(fail)?;
        let pid = child.id().ok_or_else(|| fail(io::Error::other("it ended at once")))?;
        let missing = || fail(io::Error::other("it has no pipes"));
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let (told, ended) = watch::channel(None);
        self.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(orders.clone());
        self.keepers.lock().await.spawn(keep(child, received, told));
        let (stdin, lines) = (Mutex::new(stdin), Mutex::new(BufReader::new(stdout).lines()));
        Ok(Child { name, pid, log, orders, ended, stdin, lines })
    }

    /// Kills every child, frozen ones too, and waits until none is left.
    ///
    /// # Errors
    /// When one does not end.
    pub async fn end_all(&self) -> io::Result<()> {
        let orders: Vec<_> =
            self.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner).drain(..).collect();
        for order in orders {
            let _ = order.send(Order::Kill).await; // closed: it has ended already
        }
        let mut keepers = self.keepers.lock().await;
        let all_ended = async { while keepers.join_next().await.is_some() {} };
        tokio::time::timeout(END_LIMIT, all_ended)
            .await
            .map_err(|_| io::Error::other("a child process does not end"))
    }
}

/// Waits for the end of a child, and carries out orders until then. Only who waits for a process may signal
/// it by number: the number cannot belong to somebody else yet.
async fn keep(
    mut child: tokio::process::Child,
    mut orders: mpsc::Receiver<Order>,
    told: watch::Sender<Option<ExitStatus>>,
) {
    loop {
        tokio::select! {
            ended = child.wait() => {
                told.send_replace(ended.ok());
                return;
            }
            Some(order) = orders.recv() => match order {
                Order::Signal(signal) => send(child.id(), signal),
                Order::Kill => {
                    let _ = child.start_kill(); // fails only where it has ended already
                }
            },
        }
    }
}

fn send(pid: Option<u32>, signal: Signal) {
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) else { return };
    if let Err(cause) = signal::kill(Pid::from_raw(pid), signal) {
        tracing::warn!(pid, %signal, %cause, "a signal was not delivered");
    }
}

fn append(path: &Path) -> Result<File, ProcessError> {
    let opened = File::options().create(true).append(true).open(path);
    opened.map_err(|cause| ProcessError::Log { path: path.to_owned(), cause })
}

impl Child {
    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it logs.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Writes one line to its standard input.
    ///
    /// # Errors
    /// [`ProcessError::Talk`].
    pub async fn say(&self, line: &str) -> Result<(), ProcessError> {
        let said = async {
            let mut stdin = self.stdin.lock().await;
            stdin.write_all(line.as_bytes()).await?;
            stdin.write_all(b"\n").await?;
            stdin.flush().await
        };
        said.await.map_err(|cause| ProcessError::Talk { name: self.name.clone(), cause })
    }

    /// The next line of its standard output.
    ///
    /// # Errors
    /// [`ProcessError::Silent`] after `limit`, [`ProcessError::Ended`] when there will be none.
    pub async fn hear(&self, limit: Duration) -> Result<String, ProcessError> {
        let next = async { self.lines.lock().await.next_line().await };
        match tokio::time::timeout(limit, next).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(_) => Err(ProcessError::Ended { name: self.name.clone(), log: self.log.clone() }),
            Err(_) => Err(ProcessError::Silent {
                name: self.name.clone(),
                limit_s: limit.as_secs(),
                log: self.log.clone(),
            }),
        }
    }

    /// Kills it, at once and without notice, and waits until it is gone.
    pub async fn kill(&self) {
        let _ = self.orders.send(Order::Kill).await; // closed: it has ended already
        self.until_ended().await;
    }

    /// Stops it without ending it.
    pub async fn freeze(&self) {
        let _ = self.orders.send(Order::Signal(Signal::SIGSTOP)).await;
    }

    /// Lets it go on.
    pub async fn thaw(&self) {
        let _ = self.orders.send(Order::Signal(Signal::SIGCONT)).await;
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.borrow().is_some() || self.orders.is_closed()
    }

    /// Waits until it has ended. Gives the status where it is known.
    pub async fn until_ended(&self) -> Option<ExitStatus> {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await;
        status.ok().and_then(|status| *status)
    }

    /// Another watch over its end, for a task of its own.
    pub fn watch_end(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.ended.clone()
    }
}

/// In a child: ties its life to that of the process `parent`, which must have started it.
///
/// # Errors
/// When the parent is gone already.
pub fn die_with(parent: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have died before the signal was asked for.
    if u32::try_from(getppid().as_raw()) == Ok(parent) {
        Ok(())
    } else {
        Err(io::Error::other("the simulator that started this process is gone"))
    }
}

/// User and system CPU time of a process so far, seconds; `None` where the system does not tell.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    /// The kernel's unit in this file on every common Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; what counts comes after the last one.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / TICKS_PER_SECOND)
}
