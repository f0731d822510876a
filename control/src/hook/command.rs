//! Tells a program: the announcement on its standard input. It runs as our user, with an
//! environment of its own, so that nothing of ours reaches it.

use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Where programs are looked for that are named without a folder.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Most bytes of its complaints that are kept.
const MOST_WORDS: u64 = 512;

/// Runs it; it is killed when the task is dropped.
///
/// # Errors
/// It cannot be started, or says that it failed.
pub async fn tell(command: &[String], body: &[u8]) -> Result<(), String> {
    let [program, arguments @ ..] = command else {
        return Err("no program is named".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    let mut words = Vec::new();
    let (input, complaints) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut input) = input {
            // A program that does not read it may be content all the same.
            let _unread = input.write_all(body).await;
        }
    };
    let read = async {
        if let Some(mut complaints) = complaints {
            let _cut = (&mut complaints)
                .take(MOST_WORDS)
                .read_to_end(&mut words)
                .await;
            let _rest = tokio::io::copy(&mut complaints, &mut tokio::io::sink()).await;
        }
    };
    let ((), (), ended) = tokio::join!(write, read, child.wait());
    let ended = ended.map_err(|error| error.to_string())?;
    if ended.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&words);
    let first = words.lines().next().unwrap_or_default();
    Err(format!("{program} ended with {ended}: {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn a_program_gets_the_announcement_and_nothing_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let script = format!(
            "cat > {0}; env | cut -d= -f1 | sort > {0}.env",
            file.display()
        );
        tell(&shell(&script), b"{\"kind\":\"request\"}")
            .await
            .unwrap();
        let told = std::fs::read_to_string(&file).unwrap();
        assert_eq!(told, "{\"kind\":\"request\"}");
        let names = std::fs::read_to_string(file.with_extension("env")).unwrap();
        let names: Vec<&str> = names
            .lines()
            .filter(|it| !["PWD", "SHLVL", "_", "OLDPWD"].contains(it))
            .collect();
        assert_eq!(names, ["LANG", "PATH"]);
    }

    #[tokio::test]
    async fn a_program_that_fails_is_told_with_its_words() {
        let why = tell(&shell("echo no network >&2; exit 3"), b"").await;
        assert_eq!(
            why.unwrap_err(),
            "/bin/sh ended with exit status: 3: no network"
        );
        let why = tell(&["/no/such/program".to_owned()], b"")
            .await
            .unwrap_err();
        assert!(why.contains("cannot be started"), "{why}");
        // One that does not read has not failed.
        let long = vec![b'x'; 1 << 20];
        tell(&shell("exit 0"), &long).await.unwrap();
    }
}
