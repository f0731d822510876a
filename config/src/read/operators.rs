//! `[control]`, `[[operator]]` and `[command]`.

use std::collections::HashMap;

use toml::de::DeValue;

use crate::section::{FromValue, Section};
use crate::settings::{
    CommandSettings, ControlSettings, EdgeAddress, EdgeSettings, Fingerprint, IdentitySettings,
    OperatorSettings, Role, TokenDigest, UnixUser,
};

pub(super) fn read_control(table: &Section<'_>) -> Option<ControlSettings> {
    let listen = table.required("listen");
    let certificate = table.required_path("certificate");
    let key = table.required_path("key");
    let trust = table.required_path("trust");
    table.end();
    Some(ControlSettings {
        listen: listen?,
        certificate: certificate?,
        key: key?,
        trust: trust?,
    })
}

pub(super) fn read_operator(table: &Section<'_>) -> Option<OperatorSettings> {
    let name = table.required("name");
    let roles: Vec<Role> = table.list("roles");
    let users = table.list("users");
    let fingerprints = table.list("fingerprints");
    let names: Vec<CertificateName> = table.list("certificate_names");
    let token_digests = table.list("token_digests");
    if table.is_empty("roles") {
        let hint = format!("add `roles = [\"reader\"]`: {}", Role::EXPECTED);
        table.fault("roles", "the operator may do nothing", hint);
    }
    let signs = [
        "users",
        "fingerprints",
        "certificate_names",
        "token_digests",
    ];
    if signs.iter().all(|key| table.is_empty(key)) {
        let hint = "add `users` (on the control socket), `fingerprints`, `certificate_names` or `token_digests`";
        table.fault("name", "the operator is recognised by nothing", hint);
    }
    table.end();
    let OperatorName(name) = name?;
    Some(OperatorSettings {
        name,
        roles,
        users,
        fingerprints,
        certificate_names: names.into_iter().map(|name| name.0).collect(),
        token_digests,
    })
}

pub(super) fn read_command(table: &Section<'_>) -> Option<CommandSettings> {
    let addressed = addressed(table);
    if table.is_empty("edges") {
        let hint = "add `edges = [\"https://10.0.0.5:9443\"]`, or leave the table out";
        table.fault("edges", "the command is told of no edge", hint);
    }
    table.end();
    addressed
}

/// Edges that are spoken to, and what is shown to those on other machines; none without edges.
pub(super) fn addressed(table: &Section<'_>) -> Option<CommandSettings> {
    let edges: Vec<EdgeAddress> = table.list("edges");
    let files = ["certificate", "key", "trust"].map(|key| (key, table.path(key)));
    let any = files.iter().any(|(_, path)| path.is_some());
    for (key, path) in &files {
        if any && path.is_none() {
            let hint = "certificate, key and trust go together";
            table.fault(key, format!("`{key}` is missing"), hint);
        }
    }
    let [(_, certificate), (_, key), (_, trust)] = files;
    let identity = match (certificate, key, trust) {
        (Some(certificate), Some(key), Some(trust)) => Some(IdentitySettings {
            certificate,
            key,
            trust,
        }),
        _ => None,
    };
    let folder = table.folder();
    let edges: Vec<_> = edges.into_iter().map(|edge| edge.beneath(folder)).collect();
    (!edges.is_empty()).then_some(CommandSettings { edges, identity })
}

/// What these tables need of others.
pub(super) fn check(
    top: &Section<'_>,
    control: Option<(&Section<'_>, Option<&ControlSettings>)>,
    operators: &[(Section<'_>, Option<OperatorSettings>)],
    edge: Option<&EdgeSettings>,
    has_edge: bool,
) {
    unlike(operators);
    let Some((table, control)) = control else {
        if !has_edge && !operators.is_empty() {
            let hint = "operators give orders to an edge: add [edge]";
            top.fault("operator", "there is no edge to give orders to", hint);
        }
        return;
    };
    if !has_edge {
        let hint = "an edge takes orders there: add [edge]";
        table.fault("listen", "there is no edge to take orders", hint);
    }
    let shows_certificate = |operator: &OperatorSettings| {
        !(operator.fingerprints.is_empty() && operator.certificate_names.is_empty())
    };
    let mut known = operators.iter().filter_map(|(_, it)| it.as_ref());
    if operators.iter().all(|(_, it)| it.is_some()) && !known.any(shows_certificate) {
        let hint = "add [[operator]] with `fingerprints` or `certificate_names`";
        table.fault("listen", "nobody may give orders there", hint);
    }
    let listens = edge.into_iter().flat_map(|edge| &edge.listen);
    if listens
        .map(|listen| Some(listen.address))
        .any(|public| public == control.map(|it| it.listen))
    {
        let hint = "give the control address a port of its own";
        table.fault("listen", "readers are answered at this address", hint);
    }
}

/// Each name and each sign belongs to one operator.
fn unlike(operators: &[(Section<'_>, Option<OperatorSettings>)]) {
    let mut seen: HashMap<String, String> = HashMap::new();
    for (table, operator) in operators {
        let Some(operator) = operator else { continue };
        let users = operator.users.iter().map(|user| match user {
            UnixUser::Id(id) => ("users", format!("user {id}")),
            UnixUser::Name(name) => ("users", format!("user {name}")),
        });
        let prints = operator.fingerprints.iter();
        let prints = prints.map(|print| ("fingerprints", format!("certificate {print}")));
        let names = operator.certificate_names.iter();
        let names = names.map(|name| ("certificate_names", format!("certificate name {name}")));
        let tokens = operator.token_digests.iter();
        let tokens = tokens.map(|token| ("token_digests", format!("token {token}")));
        let own = std::iter::once(("name", format!("name {}", operator.name)));
        for (key, sign) in own.chain(users).chain(prints).chain(names).chain(tokens) {
            if let Some(other) = seen.insert(sign.clone(), operator.name.clone()) {
                let message = format!("the {sign} already belongs to the operator \"{other}\"");
                table.fault(key, message, "leave each to one operator");
            }
        }
    }
}

/// What an operator is called. It stands in the journal between other words.
struct OperatorName(String);

impl FromValue for OperatorName {
    const EXPECTED: &'static str =
        "a name of letters, digits and -_.@ without spaces, at most 64 characters";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let letters = |c: char| c.is_alphanumeric() || "-_.@".contains(c);
        let usable = !text.is_empty() && text.chars().count() <= 64 && text.chars().all(letters);
        usable.then(|| Self(text.to_owned()))
    }
}

/// A name in a certificate, compared without regard to case.
struct CertificateName(String);

impl FromValue for CertificateName {
    const EXPECTED: &'static str =
        "a name as it stands in the certificate, such as \"hanako@town.example\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?.trim();
        let usable = !text.is_empty() && !text.chars().any(char::is_control);
        usable.then(|| Self(text.to_ascii_lowercase()))
    }
}

impl FromValue for Role {
    const EXPECTED: &'static str = "\"reader\" (asks), \"publisher\" (and purges), \"operator\" (and routes) \"administrator\" (and reloads), \"keeper\" (hands certificates over) or \"approver\" (decides requests)";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        Self::ALL.into_iter().find(|role| role.word() == text)
    }
}

impl FromValue for UnixUser {
    const EXPECTED: &'static str = "the name of a Unix user, or its number";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        if let Some(number) = value.as_integer() {
            return number.as_str().parse().ok().map(Self::Id);
        }
        let text = value.as_str()?;
        let letters = |c: char| c.is_ascii_graphic() && !":/,".contains(c);
        let usable = !text.is_empty() && text.len() <= 32 && text.chars().all(letters);
        usable.then(|| Self::Name(text.to_owned()))
    }
}

impl FromValue for Fingerprint {
    const EXPECTED: &'static str =
        "64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` prints them";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromValue for TokenDigest {
    const EXPECTED: &'static str =
        "\"sha256:\" and 64 hexadecimal digits, as `yagura token new` prints them";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromValue for EdgeAddress {
    const EXPECTED: &'static str = "\"https://HOST:PORT\", as `listen` of the edge's [control] says, or the path of its control socket";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}
