//! A city with two edges, one of which is away: the editor says so, and the purge arrives when it is
//! back.

use crate::town::Town;
use crate::town::operators::Authority;
use crate::town::process::Running;
use crate::town::site::Site;
use crate::town::staff::Staff;

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_is_given_again_until_every_edge_has_it() {
    let town = Town::new();
    let text = std::fs::read_to_string(town.config()).unwrap();
    let both = "edges = [\"run/edge.sock\", \"run/edge-2.sock\"]";
    let text = text.replace("edges = [\"run/edge.sock\"]", both);
    std::fs::write(town.config(), &text).unwrap();
    // The second edge: the same sites, its own folder, socket and addresses.
    let second = text
        .replace("data = \"edge\"", "data = \"edge-2\"")
        .replace(
            "control_socket = \"run/edge.sock\"",
            "control_socket = \"run/edge-2.sock\"",
        )
        .replace("access_log = \"log/access.jsonl\"\n", "")
        .replace(
            &format!("{}:", town.place.address),
            &format!("{}:1", town.place.address),
        );
    let config = town.data().join("second.toml");
    std::fs::write(&config, second).unwrap();
    let mut town = town;
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    town.warm().await;

    let site = Site::read(&mut town.reader()).await;
    let path = site.page(7).to_owned();
    let mut staff = Staff::sign_in(&town, "hanako").await;
    let mut page = staff.open(&path).await;
    staff
        .publish_with(&mut page, "二台目のエッジが留守の間の文です。")
        .await;
    let told = staff.until(&page, |told| told["done"] == 1).await;
    assert_eq!(
        (told["state"].as_str(), told["of"].as_u64()),
        (Some("under_way"), Some(2)),
        "{told}"
    );
    // The edge that is there does not wait for the other.
    town.until_read(&path, "留守の間の文です。").await;

    let log = town.data().join("log/edge-2.log");
    let _second = Running::start(&["edge", "--config", &config.display().to_string()], &log);
    staff.until_live(&page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_on_another_machine_takes_purges_from_the_cms_over_tls() {
    let orders = Authority::new("City");
    let mut town = Town::new();
    let control = std::net::SocketAddr::new(town.place.address, 9443);
    let (edge, cms) = (orders.edge(control), orders.operator("cms"));
    let text = std::fs::read_to_string(town.config()).unwrap();
    let afar = format!(
        "edges = [\"https://{control}\"]\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n",
        cms.certificate, cms.key, orders.trust
    );
    let text = text.replace("edges = [\"run/edge.sock\"]\n", &afar)
        + &format!(
            "\n[control]\nlisten = \"{control}\"\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n\
             [[operator]]\nname = \"cms\"\nroles = [\"publisher\"]\n\
             certificate_names = [\"cms@town.example\"]\n",
            edge.certificate, edge.key, orders.trust
        );
    std::fs::write(town.config(), text).unwrap();
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    town.warm().await;
    let site = Site::read(&mut town.reader()).await;
    let path = site.page(7).to_owned();
    let mut staff = Staff::sign_in(&town, "hanako").await;
    let mut page = staff.open(&path).await;
    staff
        .publish_with(&mut page, "遠くのエッジに届く文です。")
        .await;
    staff.until_live(&page).await;
    town.until_read(&path, "遠くのエッジに届く文です。").await;
    let history = town.yagura(&["history"]);
    let told = String::from_utf8_lossy(&history.stdout).into_owned();
    assert!(told.contains("cms"), "{told}");
}
