//! Who may give orders, and whom the command speaks to: read, or told what is wrong.

use std::path::Path;

use yagura_config::settings::{EdgeAddress, Role, UnixUser};
use yagura_config::{Faults, Settings, parse};

const EDGE: &str = "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n[[site]]\nname = \"a\"\n\
                    hosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n";
const CONTROL: &str = "[control]\nlisten = \"127.0.0.1:9443\"\ncertificate = \"c.pem\"\n\
                       key = \"k.pem\"\ntrust = \"ca.pem\"\n";

fn read(text: &str) -> Result<Settings, Faults> {
    parse(text, Path::new("/srv/yagura/yagura.toml"))
}

fn faults(text: &str) -> String {
    read(text).map_or_else(|faults| faults.to_string(), |_| String::new())
}

#[test]
fn operators_and_their_signs_are_read() {
    let hash = "AB:".repeat(31) + "AB";
    let settings = read(&format!(
        "{EDGE}{CONTROL}[[operator]]\nname = \"花子\"\nroles = [\"reader\", \"operator\"]\n\
         users = [\"hanako\", 1000]\nfingerprints = [\"{hash}\"]\n\
         certificate_names = [\"Hanako@Town.example\"]\n"
    ))
    .unwrap();
    let control = settings.control.unwrap();
    assert_eq!(control.trust, Path::new("/srv/yagura/ca.pem"));
    let operator = &settings.operators[0];
    assert_eq!(operator.roles, [Role::Reader, Role::Operator]);
    assert_eq!(
        operator.users,
        [UnixUser::Name("hanako".into()), UnixUser::Id(1000)]
    );
    assert_eq!(operator.fingerprints[0].to_string(), "ab".repeat(32));
    assert_eq!(operator.certificate_names, ["hanako@town.example"]);
}

#[test]
fn what_is_wrong_with_operators_is_told_at_once() {
    let text = format!(
        "{EDGE}{CONTROL}[[operator]]\nname = \"ha nako\"\nroles = [\"root\"]\nusers = [\"a:b\"]\n\
         fingerprints = [\"12\"]\n\
         [[operator]]\nname = \"b\"\nroles = []\n\
         [[operator]]\nname = \"b\"\nroles = [\"reader\"]\nusers = [7]\n\
         [[operator]]\nname = \"c\"\nroles = [\"reader\"]\nusers = [7]\n"
    );
    let told = faults(&text);
    for expected in [
        "\"ha nako\" cannot be used",
        "\"root\" cannot be used",
        "\"a:b\" cannot be used",
        "\"12\" cannot be used",
        "the operator may do nothing",
        "the operator is recognised by nothing",
        "the name b already belongs to the operator \"b\"",
        "the user 7 already belongs to the operator \"b\"",
    ] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
}

#[test]
fn a_control_address_needs_somebody_who_may_use_it_and_a_place_of_its_own() {
    let told = faults(&format!(
        "{EDGE}{}",
        CONTROL.replace("127.0.0.1:9443", "127.0.0.1:1")
    ));
    assert!(told.contains("nobody may give orders there"), "{told}");
    assert!(
        told.contains("readers are answered at this address"),
        "{told}"
    );
    let told = faults(&format!("{CONTROL}[ops]\ndata = \"ops\"\n"));
    assert!(told.contains("there is no edge to take orders"), "{told}");
    let told = faults(
        "[ops]\ndata = \"ops\"\n[[operator]]\nname = \"a\"\nroles = [\"reader\"]\nusers = [1]\n",
    );
    assert!(
        told.contains("there is no edge to give orders to"),
        "{told}"
    );
}

#[test]
fn a_command_alone_is_a_configuration() {
    let files = "certificate = \"h.pem\"\nkey = \"h.key\"\ntrust = \"ca.pem\"\n";
    let edges = "[command]\nedges = [\"https://10.0.0.5:9443\", \"run/edge.sock\"]\n";
    let command = read(&format!("{edges}{files}")).unwrap().command.unwrap();
    assert_eq!(
        command.edges[1],
        EdgeAddress::Socket("/srv/yagura/run/edge.sock".into())
    );
    assert_eq!(
        command.identity.unwrap().key,
        Path::new("/srv/yagura/h.key")
    );
    let told = faults(&format!("{edges}key = \"h.key\"\n"));
    assert!(told.contains("`certificate` is missing") && told.contains("`trust` is missing"));
    let told = faults("[command]\nedges = [\"http://10.0.0.5\"]\n");
    assert!(told.contains("https://HOST:PORT"), "{told}");
    assert!(faults("[command]\n").contains("the command is told of no edge"));
}
