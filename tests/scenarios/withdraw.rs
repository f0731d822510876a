//! Story 4: a page is taken off. It is gone everywhere, at once and for good.

use std::path::Path;

use crate::town::site::Site;
use crate::town::staff::Staff;
use crate::town::{Town, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_page_is_never_seen_again() {
    let mut town = Town::open().await;
    let site = Site::read(&mut town.reader()).await;
    // One that the first page of a listing shows.
    let list = "/bosai/".to_owned();
    let shown = town.reader().get(&list).await;
    let links = shown
        .text()
        .split("href=\"")
        .map(|rest| rest.split('"').next().unwrap());
    let path = links
        .into_iter()
        .find(|link| site.pages.contains_key(*link))
        .unwrap()
        .to_owned();
    let mut staff = Staff::sign_in(&town, "hanako").await;
    let page = staff.open(&path).await;
    let last_good = town.data().join("edge/last-good");
    assert!(
        held(&last_good, &path),
        "the copy that must go is not there"
    );
    assert!(
        shown_in(&town, &list, &path).await,
        "{list} does not list it"
    );

    staff.withdraw(&page).await;
    eventually("readers get it no more", || {
        let mut reader = town.reader();
        let path = path.clone();
        async move { (reader.get(&path).await.status == 410).then_some(()) }
    })
    .await;
    eventually("the copy is off the disk", || async {
        (!held(&last_good, &path)).then_some(())
    })
    .await;
    eventually("the listing shows it no more", || async {
        (!shown_in(&town, &list, &path).await).then_some(())
    })
    .await;

    // Without the CMS, after a restart of the edge, and both.
    town.kill("cms");
    assert_eq!(town.reader().get(&path).await.status, 410);
    town.kill("edge");
    town.start("edge");
    town.edge_is_ready().await;
    assert_eq!(town.reader().get(&path).await.status, 410);
    assert!(
        !shown_in(&town, &list, &path).await,
        "an old copy of the listing shows it"
    );
    town.start("cms");
    eventually("the CMS is back", || {
        let mut staff = town.reader_of("staff.localhost");
        async move { (staff.get("/sign-in").await.status == 200).then_some(()) }
    })
    .await;
    assert_eq!(town.reader().get(&path).await.status, 410);

    // It can be published again, deliberately.
    let mut staff = Staff::sign_in(&town, "hanako").await;
    let mut page = staff.open(&path).await;
    staff
        .publish_with(&mut page, "もう一度公開しました。")
        .await;
    town.until_read(&path, "もう一度公開しました。").await;
}

async fn shown_in(town: &Town, list: &str, path: &str) -> bool {
    town.reader()
        .get(list)
        .await
        .text()
        .contains(&format!("href=\"{path}\""))
}

/// Whether a last-good copy of the path lies on the disk; a copy names its key in the open.
fn held(folder: &Path, path: &str) -> bool {
    let key = format!("town\n\n{path}");
    let escaped = key.replace('\n', "\\n");
    files(folder).iter().any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        let found = |text: &str| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        let ends = |text: &str| found(&format!("{text}\"")) || found(text);
        ends(&key) || ends(&escaped)
    })
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
