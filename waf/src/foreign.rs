//! Everything unsafe of the WAF, and nothing else: the functions of libmodsecurity, loaded while the
//! program runs, and what a worker asks of the system that has no safe form.
//!
//! Only worker processes call this. They have one thread, no network and nothing worth stealing, and
//! are killed when they take too long; the exposed process never loads the library. How they end
//! themselves stands in `foreign/ends.rs`.
#![expect(
    unsafe_code,
    reason = "a C library is called, and a process with one thread is forked"
)]

mod ends;

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_void};
use std::path::Path;

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};

pub use self::ends::{deadline, end_at_deadlines, speak_last_to, tell_forbidden_calls};
use crate::request::Request;

/// `ModSecurityIntervention` of intervention.h.
#[repr(C)]
struct Intervention {
    status: c_int,
    pause: c_int,
    url: *mut c_char,
    log: *mut c_char,
    disruptive: c_int,
}

type Pointer = *mut c_void;
type LogCallback = extern "C" fn(Pointer, *const c_void);

/// The functions of the library that are used, by their names in modsecurity.h, transaction.h and
/// rules_set.h.
struct Functions {
    init: unsafe extern "C" fn() -> Pointer,
    who_am_i: unsafe extern "C" fn(Pointer) -> *const c_char,
    set_log_cb: unsafe extern "C" fn(Pointer, LogCallback),
    create_rules_set: unsafe extern "C" fn() -> Pointer,
    rules_add: unsafe extern "C" fn(Pointer, *const c_char, *mut *const c_char) -> c_int,
    rules_add_file: unsafe extern "C" fn(Pointer, *const c_char, *mut *const c_char) -> c_int,
    new_transaction: unsafe extern "C" fn(Pointer, Pointer, Pointer) -> Pointer,
    process_connection:
        unsafe extern "C" fn(Pointer, *const c_char, c_int, *const c_char, c_int) -> c_int,
    process_uri:
        unsafe extern "C" fn(Pointer, *const c_char, *const c_char, *const c_char) -> c_int,
    add_header:
        unsafe extern "C" fn(Pointer, *const c_uchar, usize, *const c_uchar, usize) -> c_int,
    process_headers: unsafe extern "C" fn(Pointer) -> c_int,
    append_body: unsafe extern "C" fn(Pointer, *const c_uchar, usize) -> c_int,
    process_body: unsafe extern "C" fn(Pointer) -> c_int,
    intervention: unsafe extern "C" fn(Pointer, *mut Intervention) -> c_int,
    transaction_cleanup: unsafe extern "C" fn(Pointer),
}

/// The library with a set of rules. It lives as long as the process: a worker ends with it.
pub struct Library {
    functions: Functions,
    engine: Pointer,
    rules: Pointer,
    /// Keeps the functions where they are.
    _handle: Handle,
}

impl Library {
    /// Loads the library.
    ///
    /// # Errors
    /// It is not there, or is not libmodsecurity 3.
    pub fn open(path: &Path) -> Result<Self, String> {
        // Safety: the initialisers of libmodsecurity and of what it links run here. The path is the
        // operator's, and the process exists for this.
        let handle = unsafe { Handle::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        let handle = handle.map_err(|error| error.to_string())?;
        macro_rules! function {
            ($name:literal) => {
                // Safety: the type is that of the C declaration.
                *unsafe { handle.get($name) }.map_err(|error| error.to_string())?
            };
        }
        let functions = Functions {
            init: function!(b"msc_init\0"),
            who_am_i: function!(b"msc_who_am_i\0"),
            set_log_cb: function!(b"msc_set_log_cb\0"),
            create_rules_set: function!(b"msc_create_rules_set\0"),
            rules_add: function!(b"msc_rules_add\0"),
            rules_add_file: function!(b"msc_rules_add_file\0"),
            new_transaction: function!(b"msc_new_transaction\0"),
            process_connection: function!(b"msc_process_connection\0"),
            process_uri: function!(b"msc_process_uri\0"),
            add_header: function!(b"msc_add_n_request_header\0"),
            process_headers: function!(b"msc_process_request_headers\0"),
            append_body: function!(b"msc_append_request_body\0"),
            process_body: function!(b"msc_process_request_body\0"),
            intervention: function!(b"msc_intervention\0"),
            transaction_cleanup: function!(b"msc_transaction_cleanup\0"),
        };
        // Safety: no arguments; the results are checked.
        let (engine, rules) = unsafe { ((functions.init)(), (functions.create_rules_set)()) };
        if engine.is_null() || rules.is_null() {
            return Err("the library gives no engine".to_owned());
        }
        // Safety: `engine` is of this library, and `note_line` has the callback's type.
        unsafe { (functions.set_log_cb)(engine, note_line) };
        Ok(Self {
            functions,
            engine,
            rules,
            _handle: handle,
        })
    }

    /// What the library calls itself.
    #[must_use]
    pub fn name(&self) -> String {
        // Safety: the text belongs to the engine, which lives as long as this.
        let name = unsafe { (self.functions.who_am_i)(self.engine) };
        text(name)
    }

    /// Adds rules that are given as text; gives how many directives were read.
    ///
    /// # Errors
    /// What the library says of them.
    pub fn add_text(&mut self, rules: &str) -> Result<usize, String> {
        self.add(rules.as_bytes(), self.functions.rules_add)
    }

    /// Adds the rules of a file.
    ///
    /// # Errors
    /// What the library says of them.
    pub fn add_file(&mut self, file: &Path) -> Result<usize, String> {
        use std::os::unix::ffi::OsStrExt;
        self.add(file.as_os_str().as_bytes(), self.functions.rules_add_file)
    }

    fn add(
        &mut self,
        what: &[u8],
        by: unsafe extern "C" fn(Pointer, *const c_char, *mut *const c_char) -> c_int,
    ) -> Result<usize, String> {
        let what = CString::new(what).map_err(|error| error.to_string())?;
        let mut error: *const c_char = std::ptr::null();
        // Safety: the set of rules is of this library; the texts live through the call. What the
        // library says of a fault is never freed: the process ends with it.
        let count = unsafe { by(self.rules, what.as_ptr(), &raw mut error) };
        match usize::try_from(count) {
            Ok(count) => Ok(count),
            Err(_) => Err(text(error)),
        }
    }

    /// Runs the rules over a request. Gives whether they would refuse it, and the lines that the
    /// library has for its log.
    pub fn run(&self, request: &Request) -> (bool, Vec<String>) {
        let f = &self.functions;
        let lines: RefCell<Vec<String>> = RefCell::default();
        let nobody = c"192.0.2.1";
        let method = c_string(request.method.as_bytes());
        let target = c_string(&request.target);
        let version = c_string(request.version.as_bytes());
        // Safety: every pointer is of this library or of a value that lives to the end of this
        // function, as does the transaction; `lines` is reached by the callback alone meanwhile, in
        // this same thread.
        unsafe {
            let data = (&raw const lines).cast_mut().cast::<c_void>();
            let transaction = (f.new_transaction)(self.engine, self.rules, data);
            (f.process_connection)(transaction, nobody.as_ptr(), 1, nobody.as_ptr(), 443);
            (f.process_uri)(
                transaction,
                target.as_ptr(),
                method.as_ptr(),
                version.as_ptr(),
            );
            for (name, value) in &request.headers {
                (f.add_header)(
                    transaction,
                    name.as_ptr(),
                    name.len(),
                    value.as_ptr(),
                    value.len(),
                );
            }
            (f.process_headers)(transaction);
            let mut refused = self.refuses(transaction, &lines);
            if !refused {
                if !request.body.is_empty() {
                    (f.append_body)(transaction, request.body.as_ptr(), request.body.len());
                }
                (f.process_body)(transaction);
                refused = self.refuses(transaction, &lines);
            }
            (f.transaction_cleanup)(transaction);
            (refused, lines.into_inner())
        }
    }

    /// # Safety
    /// The transaction must be one of this library's.
    unsafe fn refuses(&self, transaction: Pointer, lines: &RefCell<Vec<String>>) -> bool {
        let mut what = Intervention {
            status: 200,
            pause: 0,
            url: std::ptr::null_mut(),
            log: std::ptr::null_mut(),
            disruptive: 0,
        };
        // Safety: `what` has the layout of intervention.h; its texts are the caller's to free, which
        // `free` does also for none.
        unsafe {
            (self.functions.intervention)(transaction, &raw mut what);
            // What a rule says that refuses by itself comes here alone.
            lines.borrow_mut().push(text(what.log));
            libc::free(what.url.cast());
            libc::free(what.log.cast());
        }
        what.disruptive != 0
    }
}

/// What the library calls with each line for its log.
extern "C" fn note_line(lines: Pointer, line: *const c_void) {
    if lines.is_null() {
        return;
    }
    // Safety: `run` gave a pointer to its lines, which outlive the transaction; without a property
    // being set, a line is a C text.
    let lines = unsafe { &*lines.cast::<RefCell<Vec<String>>>() };
    lines.borrow_mut().push(text(line.cast()));
}

fn text(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    // Safety: not null, and the library ends its texts with a zero.
    unsafe { CStr::from_ptr(from) }
        .to_string_lossy()
        .into_owned()
}

/// Up to the first zero, where there is one: the edge lets none through.
fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    CString::new(bytes).unwrap_or_default()
}

/// Which of two processes goes on.
#[derive(Debug)]
pub enum Forked {
    /// The one that there was; the new one's number.
    Parent(i32),
    /// The new one.
    Child,
}

/// Makes a second process of this one, which must have one thread only.
///
/// # Errors
/// The system has no room for it.
pub fn fork() -> std::io::Result<Forked> {
    // Safety: with one thread nobody else holds a lock or is in the middle of something.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// Closes every descriptor from this number on.
pub fn close_from(first: u32) {
    // Safety: called before anything was opened by this process; what is closed was inherited.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, u32::MAX, 0);
    }
}

/// Closes the standard input, which nobody in this process holds by another name.
pub fn close_stdin() {
    // Safety: nothing here reads from it any more; the number stays unused to the end.
    unsafe {
        libc::close(0);
    }
}

/// Takes a network of its own, which has nobody in it.
///
/// # Errors
/// The system does not allow it.
pub fn leave_the_network() -> std::io::Result<()> {
    // Safety: nothing but namespaces is unshared; the table of descriptors stays.
    unsafe {
        if libc::unshare(libc::CLONE_NEWNET) == 0 {
            return Ok(());
        }
        // Without privileges a user namespace of its own may give them, for this alone.
        if libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) == 0 {
            return Ok(());
        }
    }
    Err(std::io::Error::last_os_error())
}

/// Has the kernel hold this process, which may gain no privileges, to a program for its calls.
///
/// # Errors
/// It has no seccomp, or takes no more programs.
pub fn hold_to(program: &[seccompiler::sock_filter]) -> std::io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(u16::MAX),
        filter: program.as_ptr().cast_mut().cast(),
    };
    // Safety: the kernel copies the program, whose steps have the layout of linux/filter.h.
    let held = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    match held {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Ends the process at once, with nothing that would be done at its end.
#[cfg(test)]
pub fn leave(code: i32) -> ! {
    // Safety: whatever is left undone is the test's.
    unsafe { libc::_exit(code) }
}

/// Any call of the system.
#[cfg(test)]
pub fn call(number: i64, arguments: [i64; 3]) -> i64 {
    let [first, second, third] = arguments;
    // Safety: only for calls that fail, in processes that exist for them.
    unsafe { libc::syscall(number, first, second, third, 0, 0, 0) }
}
