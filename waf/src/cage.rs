//! What mother and worker may ask of the system once the rules are loaded (seccomp(2)): a list of what
//! they need, and nothing else. Whoever takes over a worker through a fault of the library finds no
//! socket to open, no program to start, no file to read or write, nobody to trace, and nothing to
//! signal. A call that is not on the list is never carried out; it ends the process with a word about
//! its number (`foreign/ends.rs`).
//!
//! Filters are set by prctl(2): units of systemd with `SystemCallFilter=@system-service` forbid seccomp(2).
//!
//! What the library looks for without needing it (a time zone, a locale) and the memory that its
//! regular expressions would like to run code in are refused with an error, which it can live with:
//! what is compiled before, at loading, runs as fast as ever.

use std::collections::BTreeMap;

use libc::{EACCES, O_APPEND, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, PROT_EXEC, SIGABRT, SIGKILL};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::foreign;

/// Which of the two is shut in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Makes workers, hears of their ends, kills them.
    Mother,
    /// Answers questions.
    Worker,
}

/// What both need: their sockets, memory, time, and an end.
const BOTH: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_setitimer,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
];
/// Calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
const OF_THIS_ARCHITECTURE: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_stat,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OF_THIS_ARCHITECTURE: &[i64] = &[];
/// What the mother needs beside that: to hear, to speak, to see an end, and to shut her workers in.
const OF_THE_MOTHER: &[i64] = &[
    libc::SYS_close_range,
    libc::SYS_recvmsg,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_sendmsg,
    libc::SYS_set_tid_address,
    libc::SYS_wait4,
];
/// What fails with an error in place of ending the process.
const LOOKS: &[i64] = &[
    libc::SYS_newfstatat,
    libc::SYS_readlinkat,
    libc::SYS_statx,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
];
/// `fork` and nothing else that clone(2) can do: no thread, no shared memory, no namespace.
const MORE_THAN_A_FORK: i64 = (libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_PTRACE
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as i64;

/// Shuts this process in, for good. A worker is shut in twice: it has its mother's list already.
///
/// # Errors
/// The kernel has no seccomp, or there is no list for this architecture.
pub fn enter(who: Who) -> Result<(), String> {
    rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string())?;
    let (quiet, list) = programs(who).map_err(|error| error.to_string())?;
    // Of two answers about a call the kernel takes the harder one (seccomp(2)).
    for program in [quiet, list] {
        foreign::hold_to(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What is refused with an error, and what is allowed at all.
fn programs(who: Who) -> Result<(BpfProgram, BpfProgram), seccompiler::Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let program = |rules: Rules, others: SeccompAction, these: SeccompAction| {
        let filter = SeccompFilter::new(rules, others, these, architecture)?;
        BpfProgram::try_from(filter)
    };
    let error = SeccompAction::Errno(EACCES.unsigned_abs());
    Ok((
        program(quiet()?, SeccompAction::Allow, error)?,
        program(list(who)?, SeccompAction::Trap, SeccompAction::Allow)?,
    ))
}

fn quiet() -> Result<Rules, seccompiler::Error> {
    let mut rules: Rules = LOOKS.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_openat, Vec::new());
    let executable = when(2, SeccompCmpOp::MaskedEq(bits(PROT_EXEC)), bits(PROT_EXEC))?;
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![SeccompRule::new(vec![executable.clone()])?]);
    }
    Ok(rules)
}

fn list(who: Who) -> Result<Rules, seccompiler::Error> {
    let whole = BOTH.iter().chain(OF_THIS_ARCHITECTURE);
    let mut rules: Rules = whole.map(|call| (*call, Vec::new())).collect();
    let one = |conditions: Vec<SeccompCondition>| {
        Ok::<_, seccompiler::Error>(vec![SeccompRule::new(conditions)?])
    };
    // To read, which fails; whoever wants to write is ended.
    let writes = bits(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
    rules.insert(
        libc::SYS_openat,
        one(vec![when(2, SeccompCmpOp::MaskedEq(writes), 0)?])?,
    );
    // To itself alone, as abort(3) does.
    let own = u64::from(std::process::id());
    rules.insert(
        libc::SYS_tgkill,
        one(vec![
            when(0, SeccompCmpOp::Eq, own)?,
            when(2, SeccompCmpOp::Eq, bits(SIGABRT))?,
        ])?,
    );
    let mut requests = vec![libc::PR_SET_PDEATHSIG, PR_GET_AUXV];
    if who == Who::Mother {
        requests.extend([libc::PR_SET_NO_NEW_PRIVS, libc::PR_SET_SECCOMP]);
        rules.extend(OF_THE_MOTHER.iter().map(|call| (*call, Vec::new())));
        // One process, never a group or everybody.
        rules.insert(
            libc::SYS_kill,
            one(vec![
                when(0, SeccompCmpOp::Ge, 2)?,
                when(0, SeccompCmpOp::Le, bits(i32::MAX))?,
                when(1, SeccompCmpOp::Eq, bits(SIGKILL))?,
            ])?,
        );
        let more = u64::try_from(MORE_THAN_A_FORK).unwrap_or(u64::MAX);
        rules.insert(
            libc::SYS_clone,
            one(vec![when(0, SeccompCmpOp::MaskedEq(more), 0)?])?,
        );
    }
    rules.insert(libc::SYS_prctl, one_of(0, &requests)?);
    // A build with checks asks whether a descriptor that it closes is open.
    rules.insert(libc::SYS_fcntl, one_of(1, &[libc::F_GETFD, libc::F_GETFL])?);
    Ok(rules)
}

/// An argument is one of these.
fn one_of(argument: u8, these: &[i32]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let these = these
        .iter()
        .map(|this| SeccompRule::new(vec![when(argument, SeccompCmpOp::Eq, bits(*this))?]));
    these.collect()
}

/// What rustix asks for once (prctl(2), Linux 6.4).
const PR_GET_AUXV: i32 = 0x4155_5856;

fn when(
    argument: u8,
    compared: SeccompCmpOp,
    with: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compared, with)
}

fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use rustix::process::{Pid, WaitOptions, waitpid};

    use super::*;
    use crate::foreign::Forked;

    /// Does something in a process that is shut in; gives the signal that ended it, or none when it
    /// came through with what was expected.
    fn in_the_cage(who: Who, does: impl FnOnce() -> bool) -> Option<i32> {
        match foreign::fork().unwrap() {
            Forked::Child => {
                let shut = enter(who).is_ok();
                let expected = shut && does();
                foreign::leave(i32::from(!expected));
            }
            Forked::Parent(pid) => {
                let pid = Pid::from_raw(pid);
                let (_, status) = waitpid(pid, WaitOptions::empty()).unwrap().unwrap();
                if status.terminating_signal().is_none() {
                    assert_eq!(status.exit_status(), Some(0));
                }
                status.terminating_signal()
            }
        }
    }

    #[test]
    fn what_nobody_needs_ends_the_process() {
        let forbidden = [
            ("socket", libc::SYS_socket),
            ("connect", libc::SYS_connect),
            ("bind", libc::SYS_bind),
            ("execve", libc::SYS_execve),
            ("execveat", libc::SYS_execveat),
            ("clone3", libc::SYS_clone3),
            ("ptrace", libc::SYS_ptrace),
            ("process_vm_readv", libc::SYS_process_vm_readv),
            ("pidfd_getfd", libc::SYS_pidfd_getfd),
            ("openat2", libc::SYS_openat2),
            ("unlinkat", libc::SYS_unlinkat),
            ("renameat2", libc::SYS_renameat2),
            ("mkdirat", libc::SYS_mkdirat),
            ("fchmodat", libc::SYS_fchmodat),
            ("mount", libc::SYS_mount),
            ("chroot", libc::SYS_chroot),
            ("unshare", libc::SYS_unshare),
            ("setns", libc::SYS_setns),
            ("setuid", libc::SYS_setuid),
            ("bpf", libc::SYS_bpf),
            ("io_uring_setup", libc::SYS_io_uring_setup),
            ("userfaultfd", libc::SYS_userfaultfd),
            ("memfd_create", libc::SYS_memfd_create),
            ("keyctl", libc::SYS_keyctl),
            ("dup", libc::SYS_dup),
            ("ioctl", libc::SYS_ioctl),
            ("seccomp", libc::SYS_seccomp),
        ];
        for (name, call) in forbidden {
            for who in [Who::Mother, Who::Worker] {
                let ended = in_the_cage(who, || foreign::call(call, [0; 3]) >= 0);
                assert_eq!(ended, Some(libc::SIGSYS), "{name} as {who:?}");
            }
        }
        // What she needs, it does not.
        for (name, call) in [
            ("recvmsg", libc::SYS_recvmsg),
            ("sendmsg", libc::SYS_sendmsg),
            ("kill", libc::SYS_kill),
            ("clone", libc::SYS_clone),
            ("rt_sigaction", libc::SYS_rt_sigaction),
        ] {
            let ended = in_the_cage(Who::Worker, || foreign::call(call, [0; 3]) >= 0);
            assert_eq!(ended, Some(libc::SIGSYS), "{name}");
        }
    }

    #[test]
    fn arguments_decide_where_the_call_alone_does_not() {
        let parent = i64::from(std::process::id());
        let everybody = -1;
        let kill = i64::from(SIGKILL);
        let abort = i64::from(SIGABRT);
        for (what, call, arguments) in [
            ("kill everybody", libc::SYS_kill, [everybody, kill, 0]),
            ("a group", libc::SYS_kill, [0, kill, 0]),
            ("the first process", libc::SYS_kill, [1, kill, 0]),
            ("stop another", libc::SYS_kill, [parent, 19, 0]),
            (
                "a signal to the parent",
                libc::SYS_tgkill,
                [parent, parent, abort],
            ),
            (
                "a thread",
                libc::SYS_clone,
                [i64::from(libc::CLONE_VM), 0, 0],
            ),
            (
                "a namespace",
                libc::SYS_clone,
                [i64::from(libc::CLONE_NEWUSER), 0, 0],
            ),
            (
                "dumpable",
                libc::SYS_prctl,
                [i64::from(libc::PR_SET_DUMPABLE), 1, 0],
            ),
            ("to write", libc::SYS_openat, [-100, 0, i64::from(O_WRONLY)]),
            (
                "another's signals",
                libc::SYS_fcntl,
                [0, i64::from(libc::F_SETOWN), parent],
            ),
            ("to create", libc::SYS_openat, [-100, 0, i64::from(O_CREAT)]),
        ] {
            let ended = in_the_cage(Who::Mother, || foreign::call(call, arguments) >= 0);
            assert_eq!(ended, Some(libc::SIGSYS), "{what}");
        }
    }

    #[test]
    fn what_the_library_can_live_without_fails_and_nothing_ends() {
        for who in [Who::Mother, Who::Worker] {
            let ended = in_the_cage(who, || {
                let refused = |call, arguments| {
                    foreign::call(call, arguments) == -1
                        && std::io::Error::last_os_error().raw_os_error() == Some(EACCES)
                };
                let length = 1 << 16;
                refused(libc::SYS_openat, [-100, 0, 0])
                    && refused(libc::SYS_newfstatat, [-100, 0, 0])
                    && refused(libc::SYS_mmap, [0, length, i64::from(PROT_EXEC)])
                    && refused(libc::SYS_mprotect, [0, length, i64::from(PROT_EXEC)])
            });
            assert_eq!(ended, None, "{who:?}");
        }
        let ended = in_the_cage(Who::Mother, || match foreign::fork() {
            Ok(Forked::Child) => foreign::leave(0),
            Ok(Forked::Parent(pid)) => {
                waitpid(Pid::from_raw(pid), WaitOptions::empty()).is_ok_and(|end| end.is_some())
            }
            Err(_) => false,
        });
        assert_eq!(ended, None, "she makes a worker, and sees its end");
        let ended = in_the_cage(Who::Worker, || std::process::abort());
        assert_eq!(ended, Some(SIGABRT), "a crash is told as one");
    }
}
