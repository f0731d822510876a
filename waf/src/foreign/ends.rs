//! How a worker ends itself: with a word to whoever asked, from a signal's handler, because no call
//! into the library can be broken off in another way.

use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::frame;

/// Where the last word goes; below zero to whoever reads the standard error.
static ASKER: AtomicI32 = AtomicI32::new(-1);

/// From now on a last word goes to this descriptor.
pub fn speak_last_to(asker: RawFd) {
    ASKER.store(asker, Ordering::Relaxed);
}

/// From now on a deadline ends the process.
pub fn end_at_deadlines() {
    let handler: extern "C" fn(c_int) = on_deadline;
    // Safety: the handler does nothing but what a handler may.
    unsafe {
        libc::signal(libc::SIGPROF, handler as libc::sighandler_t);
    }
}

/// From now on a call that is not allowed (`cage.rs`) ends the process with its number; without this
/// it ends it as well.
pub fn tell_forbidden_calls() {
    let handler: extern "C" fn(c_int, *const libc::siginfo_t, *const c_void) = on_forbidden;
    // Safety: zeroes are an empty set of signals; the handler has the form that SA_SIGINFO asks for,
    // and does nothing but what a handler may.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut());
    }
}

/// Sets the deadline: so much CPU time of this process from now on; zero takes it away.
pub fn deadline(cpu_ms: u32) {
    let value = libc::timeval {
        tv_sec: i64::from(cpu_ms / 1000),
        tv_usec: i64::from(cpu_ms % 1000) * 1000,
    };
    let never = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let timer = libc::itimerval {
        it_interval: never,
        it_value: value,
    };
    // Safety: both pointers are as setitimer(2) wants them.
    unsafe {
        libc::setitimer(libc::ITIMER_PROF, &raw const timer, std::ptr::null_mut());
    }
}

extern "C" fn on_deadline(_signal: c_int) {
    end(frame::OVER_DEADLINE, 3);
}

extern "C" fn on_forbidden(_signal: c_int, told: *const libc::siginfo_t, _context: *const c_void) {
    // Safety: for SIGSYS the number of the call stands behind the address of the instruction
    // (`_sigsys` of siginfo_t: three numbers, padding, a pointer, then it).
    let call = unsafe { told.cast::<i32>().add(6).read() };
    let word = frame::forbidden(call.cast_unsigned());
    if ASKER.load(Ordering::Relaxed) < 0 {
        let why = b"yagura waf-worker: a call of the system that is not allowed, number 0000\n";
        let mut text = *why;
        let digits = word.iter().rev().zip(text.iter_mut().rev().skip(1));
        for (digit, place) in digits.take(4) {
            *place = *digit;
        }
        end(&text, 4);
    }
    end(&word, 4);
}

/// Says the last word, and is gone.
fn end(word: &[u8], code: c_int) {
    let asker = match ASKER.load(Ordering::Relaxed) {
        to if to < 0 => 2,
        to => to,
    };
    // Safety: write(2) and _exit(2) may be called in a signal's handler (signal-safety(7)).
    unsafe {
        libc::write(asker, word.as_ptr().cast(), word.len());
        libc::_exit(code);
    }
}
