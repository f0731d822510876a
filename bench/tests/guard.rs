//! A hit must not become dearer unnoticed: its instructions are counted, so the machine may be slow
//! or busy.

use std::path::Path;
use std::process::Command;

#[test]
fn a_hit_takes_no_more_instructions_than_recorded() {
    let bench = Path::new(env!("CARGO_BIN_EXE_yagura-bench"));
    assert!(
        bench.with_file_name("yagura").exists(),
        "the edge is not built: cargo build -p yagura"
    );
    let output = Command::new(bench).arg("guard").output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
