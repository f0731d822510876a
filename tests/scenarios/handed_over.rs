//! Several edges of one city: one orders certificates, the others are handed them, and each shows the
//! proofs, because the authority may ask any.

use crate::town::bind::Bind;
use crate::town::certified::{CertifiedEdge, HOST};
use crate::town::eventually;
use crate::town::operators::Authority;
use crate::town::pebble::{Behaviour, Pebble};
use crate::town::place::Place;

const WANTED: &str = "[[certificate]]\nname = \"city\"\nnames = [\"www.city.example\", \"city.example\"]\n\
                      authorities = [\"public\"]\n";

/// An edge at the place that takes orders from afar from whoever has this role.
async fn other(place: Place, orders: &Authority, pebble: &str, role: &str) -> CertifiedEdge {
    let control = (place.address, 9443).into();
    let held = orders.edge(control);
    let lines = format!(
        "[certificates]\nholder = false\n{pebble}{WANTED}\
         [control]\nlisten = \"{control}\"\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n\
         [[operator]]\nname = \"holder\"\nroles = [\"{role}\"]\n\
         certificate_names = [\"holder@town.example\"]\n",
        held.certificate, held.key, orders.trust,
    );
    CertifiedEdge::start(place, &lines).await
}

/// The holder at a place, which hands over to the edge at another.
async fn holder(place: Place, others: Place, orders: &Authority, pebble: &str) -> CertifiedEdge {
    let held = orders.operator("holder");
    let lines = format!(
        "[certificates]\nedges = [\"https://{}:9443\"]\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n\
         {pebble}{WANTED}",
        others.address, held.certificate, held.key, orders.trust,
    );
    CertifiedEdge::start(place, &lines).await
}

/// BIND and a Pebble that asks at the place, and the lines of the authority.
async fn authority(place: Place) -> (Bind, Pebble, String) {
    let bind = Bind::start(&place).await;
    let ports = (place.http, place.https);
    let pebble = Pebble::start(place, ports, bind.address(), &Behaviour::default()).await;
    let lines = format!(
        "[[authority]]\nname = \"public\"\ndirectory = \"{}\"\ntrust = {:?}\nchallenge = \"http-01\"\n",
        pebble.directory(),
        pebble.trust()
    );
    (bind, pebble, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_orders_and_every_edge_proves_and_serves() {
    let orders = Authority::new("City");
    let place = Place::claim();
    let (_bind, pebble, lines) = authority(place).await;
    // The names lead to the other edge, which has to show the holder's proof.
    let other = other(place, &orders, &lines, "keeper").await;
    let holder = holder(Place::claim(), place, &orders, &lines).await;
    let mine = holder.until_version(1).await;
    let theirs = other.until_version(1).await;
    assert_eq!(mine["source"], "ACME, public");
    assert_eq!(theirs["source"], "another edge, holder");
    assert_eq!(mine["sha256"], theirs["sha256"]);
    for edge in [&holder, &other] {
        edge.verified_by_openssl(HOST, &pebble.root());
    }
    assert!(!other.log().contains("PRIVATE KEY") && !holder.log().contains("PRIVATE KEY"));
    // It was handed over once, and the key lies there as everywhere.
    let key = other.certificates().join("city/0001/key.pem");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(!other.certificates().join("city/0002").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_was_away_has_everything_soon_after_it_is_back() {
    let orders = Authority::new("City");
    let place = Place::claim();
    // The holder is asked by the authority itself here.
    let own = Place::claim();
    let (_bind, _pebble, lines) = authority(own).await;
    let holder = holder(own, place, &orders, &lines).await;
    holder.until_version(1).await;
    eventually("the holder says who lacks it", || async {
        holder.warnings().contains("was not handed").then_some(())
    })
    .await;
    let other = other(place, &orders, &lines, "keeper").await;
    other.until_version(1).await;
    eventually("nobody lacks it", || async {
        (!holder.warnings().contains("was not handed")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hands_over_who_may_not() {
    let orders = Authority::new("City");
    let place = Place::claim();
    let own = Place::claim();
    let (_bind, _pebble, lines) = authority(own).await;
    let other = other(place, &orders, &lines, "operator").await;
    let holder = holder(own, place, &orders, &lines).await;
    holder.until_version(1).await;
    eventually("it is told what is missing", || async {
        holder
            .warnings()
            .contains("needs the role \"keeper\"")
            .then_some(())
    })
    .await;
    assert_eq!(other.certificate()["source"], "local authority");
}
