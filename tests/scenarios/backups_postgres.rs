//! Backups of a town whose CMS keeps its pages in PostgreSQL: every row is compared, in a server.

use crate::town::eventually;
use crate::town::postgres::{PostgresTown, psql};

/// The dump is loaded into a server of the drill's own, every row is compared with the record, and a
/// CMS serves it.
#[tokio::test(flavor = "multi_thread")]
async fn a_drill_loads_the_dump_and_compares_every_row_and_a_hundred_pages() {
    let mut postgres = PostgresTown::new().await;
    postgres.town.has_backups("");
    postgres.cms().await;
    postgres.town.backed_up(&["now"]);
    postgres.psql("INSERT INTO meta VALUES ('newer', 'than the first generation')");
    postgres.town.backed_up(&["now"]);

    let drilled = postgres.town.backed_up(&["drill"]);
    let report = std::fs::read_to_string(drilled["report"].as_str().unwrap()).unwrap();
    assert_eq!(drilled["passed"], true, "{report}");
    for expected in [
        "a server of its own that is thrown away, PostgreSQL",
        "restore the older generation of files",
        "revisions: ",
        "100 pages compared by status and BLAKE3, 100 the same",
    ] {
        assert!(report.contains(expected), "{expected}: {report}");
    }
    assert_eq!(
        report.matches("integrity and references are sound").count(),
        2,
        "{report}"
    );

    // On a server that is named, which is left as it was found.
    let scratch = postgres.server.database("scratch");
    let config = std::fs::read_to_string(postgres.town.config()).unwrap();
    let config = config.replacen(
        "[backup]\n",
        &format!("[backup]\nscratch_database = \"{scratch}\"\n"),
        1,
    );
    std::fs::write(postgres.town.config(), config).unwrap();
    let drilled = postgres.town.backed_up(&["drill"]);
    let report = std::fs::read_to_string(drilled["report"].as_str().unwrap()).unwrap();
    assert_eq!(drilled["passed"], true, "{report}");
    assert!(report.contains("the server of `scratch_database`"));
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'yagura_drill%'";
    assert_eq!(psql(&scratch, left), "0");

    // Away: the drill fails, and says why.
    postgres.town.kill("cms");
    drop(postgres.server);
    let output = postgres.town.backup(&["drill"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// A folder alone proves the bytes of a dump; a server its rows. A database that somebody writes to
/// is kept as of one instant all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_a_server_says_identical_of_the_rows_too() {
    let postgres = PostgresTown::new().await;
    let town = &postgres.town;
    town.has_backups("");
    let mut writer = std::process::Command::new("psql")
        .args(["-X", "-q", "--dbname", &postgres.url])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let writes = "INSERT INTO meta VALUES ('n', '0');\n\
        UPDATE meta SET value = (value::bigint + 1)::text WHERE name = 'n' \\watch 0.001\n";
    let mut input = writer.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, writes.as_bytes()).unwrap();
    let written = || postgres.psql("SELECT value FROM meta WHERE name = 'n'");
    eventually("somebody writes", || async {
        (written().parse::<u64>().is_ok_and(|it| it > 3)).then_some(())
    })
    .await;
    town.backed_up(&["now"]);
    writer.kill().unwrap();
    writer.wait().unwrap();

    let to = town.data().join("by-bytes").display().to_string();
    let output = town.backup(&["restore", "latest", "--to", &to]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("every byte is as recorded") && told.contains("--into FILE"),
        "{told}"
    );

    let other = postgres.server.database("elsewhere");
    let file = town.data().join("elsewhere-url");
    std::fs::write(&file, format!("{other}\n")).unwrap();
    let (to, file) = (town.data().join("by-rows"), file.display().to_string());
    let arguments = [
        "restore",
        "latest",
        "--to",
        &to.display().to_string(),
        "--into",
        &file,
    ];
    let output = town.backup(&arguments);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(told.contains("identical with its record"), "{told}");
    let pages = "SELECT count(*), sum(length(title)) FROM pages";
    assert_eq!(psql(&other, pages), postgres.psql(pages));

    // What is there already is not mixed with it.
    std::fs::remove_dir_all(&to).unwrap();
    let output = town.backup(&arguments);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told.contains("is not empty"), "{told}");
}

/// The page for the day on which nothing is left but a backup, done as it is written, with a server.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_a_restore_without_yagura_is_right_for_postgresql_too() {
    let postgres = PostgresTown::new().await;
    let town = &postgres.town;
    town.has_backups("");
    town.backed_up(&["now"]);
    let page = include_str!("../../docs/operations/restore-without-yagura.md");
    let blocks = page.split("```bash\n").skip(1);
    let script: String = blocks.filter_map(|rest| rest.split("```").next()).collect();
    let restored = town.data().join("by-hand");
    let output = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("BACKUP", town.data().join("backup-disk"))
        .env("PASSWORD_FILE", town.data().join("backup-password"))
        .env("RESTORED", &restored)
        .env("PGHOST", postgres.server.socket())
        .env("PGUSER", "yagura")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let record = std::fs::read(restored.join("files/state.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    for table in record["database"]["tables"].as_array().unwrap() {
        let (name, rows) = (table["name"].as_str().unwrap(), &table["rows"]);
        assert!(told.contains(&format!("\n{name}|{rows}\n")), "{told}");
        if name == "pages" {
            let rows = std::fs::read(restored.join("pages.rows")).unwrap();
            let digest = yagura_control::hash::Hash::of(&rows);
            assert_eq!(table["digest"], digest.to_string());
        }
    }
}
