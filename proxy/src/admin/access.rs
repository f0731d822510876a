//! Whom an edge takes orders from: what a connection proves, and the operator it stands for. Pure
//! but for the lookup of Unix users, which is an argument. What each may do is in `permission.rs`.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use yagura_config::Settings;
use yagura_config::settings::{Fingerprint, OperatorSettings, Role, TokenDigest, UnixUser};
use yagura_control::order::{Refusal, RefusalCode};
use yagura_control::token::Token;

/// What a connection proves of who is at its other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The control socket: what the kernel says of the peer.
    User {
        /// Its user.
        uid: u32,
        /// Its process.
        pid: Option<i32>,
    },
    /// TCP: a certificate of the authority, whose key the peer has.
    Certificate {
        /// Its hash.
        fingerprint: Fingerprint,
        /// Names it carries, in lower case.
        names: BTreeSet<String>,
        /// Where the connection comes from.
        from: IpAddr,
    },
}

/// Who gives orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name that the journal shows.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
}

/// The operators of a configuration.
#[derive(Debug, Default)]
pub struct Access {
    by_user: HashMap<u32, Arc<Operator>>,
    by_fingerprint: HashMap<Fingerprint, Arc<Operator>>,
    by_name: HashMap<String, Arc<Operator>>,
    by_token: Vec<(TokenDigest, Arc<Operator>)>,
    /// The edge's own user.
    own_user: u32,
}

impl Access {
    /// The operators of these settings, for an edge that runs as `own_user`.
    ///
    /// # Errors
    /// A user is unknown to the system, or is meant by two operators.
    pub fn of(
        settings: &Settings,
        own_user: u32,
        number_of: impl Fn(&str) -> Option<u32>,
    ) -> Result<Self, String> {
        let mut access = Self {
            own_user,
            ..Self::default()
        };
        for settings in &settings.operators {
            access.add(settings, &number_of)?;
        }
        Ok(access)
    }

    fn add(
        &mut self,
        settings: &OperatorSettings,
        number_of: impl Fn(&str) -> Option<u32>,
    ) -> Result<(), String> {
        let operator = Arc::new(Operator {
            name: settings.name.clone(),
            roles: settings.roles.clone(),
        });
        for user in &settings.users {
            let number = match user {
                UnixUser::Id(number) => *number,
                UnixUser::Name(name) => number_of(name).ok_or_else(|| {
                    let own = &settings.name;
                    format!("operator \"{own}\": this system has no user \"{name}\"")
                })?,
            };
            if let Some(other) = self.by_user.insert(number, operator.clone())
                && other != operator
            {
                let (one, two) = (&other.name, &operator.name);
                return Err(format!("user {number} is both \"{one}\" and \"{two}\""));
            }
        }
        for fingerprint in &settings.fingerprints {
            self.by_fingerprint.insert(*fingerprint, operator.clone());
        }
        for name in &settings.certificate_names {
            self.by_name.insert(name.clone(), operator.clone());
        }
        for digest in &settings.token_digests {
            self.by_token.push((*digest, operator.clone()));
        }
        Ok(())
    }

    /// Whether others than root and the edge's own user may open the control socket.
    #[must_use]
    pub fn lets_other_users_in(&self) -> bool {
        let own = |user: &u32| *user == 0 || *user == self.own_user;
        self.by_user.keys().any(|user| !own(user))
    }

    /// Who sends an order, and what is written beside their name. A token that is shown decides, also
    /// where the connection proves another operator; what it proves is written down all the same.
    ///
    /// # Errors
    /// They are nobody, or show a token that is nobody's.
    pub fn sender(
        &self,
        credentials: &Credentials,
        token: Option<&Token>,
        claim: &str,
    ) -> Result<(Arc<Operator>, String), Refusal> {
        let Some(token) = token else {
            let operator = self.who(credentials)?;
            let proof = credentials.proof(&operator, claim);
            return Ok((operator, proof));
        };
        let (digest, operator) = self.bearer(token)?;
        let digits = digest.to_string();
        let digits = digits.strip_prefix("sha256:").unwrap_or(&digits);
        let digits = digits.get(..SHOWN_DIGITS).unwrap_or(digits);
        let by = credentials.proof(&operator, claim);
        let of = match self.who(credentials) {
            Ok(other) if other.name != operator.name && !by.contains(&other.name) => {
                format!(" of {}", other.name)
            }
            _ => String::new(),
        };
        Ok((operator, format!("token {digits}, by {by}{of}")))
    }

    /// Whose token it is. Every digest is compared, each in the same time, so that how long it takes
    /// says nothing of what is stored.
    fn bearer(&self, token: &Token) -> Result<(TokenDigest, Arc<Operator>), Refusal> {
        let shown = blake3::Hash::from_bytes(token.digest());
        let mut found = None;
        for (digest, operator) in &self.by_token {
            // `blake3::Hash` compares in constant time, whatever made the 32 bytes.
            if blake3::Hash::from_bytes(digest.0) == shown {
                found = Some((*digest, operator.clone()));
            }
        }
        found.ok_or_else(|| {
            let hint = "`yagura token new` makes one with the line for the edge's configuration; without a token the connection says who you are";
            nobody("this token is nobody's at this edge".to_owned(), hint)
        })
    }

    /// The operator that credentials stand for.
    ///
    /// # Errors
    /// They stand for nobody.
    pub fn who(&self, credentials: &Credentials) -> Result<Arc<Operator>, Refusal> {
        match credentials {
            Credentials::User { uid, .. } => self.user(*uid),
            Credentials::Certificate {
                fingerprint, names, ..
            } => self.holder(fingerprint, names),
        }
    }

    fn user(&self, uid: u32) -> Result<Arc<Operator>, Refusal> {
        if let Some(operator) = self.by_user.get(&uid) {
            return Ok(operator.clone());
        }
        // As long as the configuration names no user, the file's permissions decide.
        if self.by_user.is_empty() && (uid == 0 || uid == self.own_user) {
            return Ok(Arc::new(Operator {
                name: format!("uid {uid}"),
                roles: vec![Role::Administrator],
            }));
        }
        let hint = "add the user to `users` of an [[operator]] in the edge's configuration, and reload (SIGHUP)";
        Err(nobody(
            format!("user {uid} is no operator of this edge"),
            hint,
        ))
    }

    /// A certificate that is named by its hash stands for that operator, whatever names it carries.
    fn holder(
        &self,
        fingerprint: &Fingerprint,
        names: &BTreeSet<String>,
    ) -> Result<Arc<Operator>, Refusal> {
        if let Some(operator) = self.by_fingerprint.get(fingerprint) {
            return Ok(operator.clone());
        }
        let mut named: Vec<&Arc<Operator>> = Vec::new();
        for operator in names.iter().filter_map(|name| self.by_name.get(name)) {
            if !named.contains(&operator) {
                named.push(operator);
            }
        }
        let hint = format!(
            "add `fingerprints = [\"{fingerprint}\"]` to an [[operator]] in the edge's configuration, and reload"
        );
        match named.as_slice() {
            [operator] => Ok((*operator).clone()),
            [] => {
                let carried = match names.iter().map(String::as_str).collect::<Vec<_>>() {
                    names if names.is_empty() => "no name".to_owned(),
                    names => names.join(", "),
                };
                let what = format!("this certificate ({carried}) is no operator's at this edge");
                Err(nobody(what, &hint))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
                let what = format!(
                    "this certificate names several operators: {}",
                    names.join(", ")
                );
                Err(nobody(what, &hint))
            }
        }
    }
}

impl Credentials {
    /// What is written beside the operator's name, and what the sender calls itself where that is
    /// something else. The claim is quoted and bounded, so that it is never taken for proof.
    #[must_use]
    pub fn proof(&self, operator: &Operator, claim: &str) -> String {
        let proof = match self {
            Self::User { uid, pid } => {
                let user = format!("uid {uid}");
                let pid = format!("pid {}", pid.unwrap_or(0));
                match operator.name == user {
                    true => pid,
                    false => format!("{user}, {pid}"),
                }
            }
            Self::Certificate {
                fingerprint, from, ..
            } => {
                let hash = fingerprint.to_string();
                let hash = hash.get(..SHOWN_DIGITS).unwrap_or(&hash);
                format!("certificate {hash}, from {from}")
            }
        };
        if claim.is_empty() || claim == operator.name {
            return proof;
        }
        let claim: String = claim.chars().take(LONGEST_CLAIM).collect();
        format!("{proof}, calls itself {claim:?}")
    }
}

/// So many digits of a certificate's hash tell it from all others that an authority issued.
const SHOWN_DIGITS: usize = 16;
/// Most characters that are kept of what a sender calls itself.
const LONGEST_CLAIM: usize = 64;

fn nobody(message: String, hint: &str) -> Refusal {
    Refusal {
        code: RefusalCode::Forbidden,
        message,
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    const OWN: u32 = 990;

    fn access(operators: &str) -> Result<Access, String> {
        let text = format!(
            "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n[[site]]\nname = \"a\"\n\
             hosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n{operators}"
        );
        let settings = yagura_config::parse(&text, Path::new("/edge.toml")).unwrap();
        Access::of(&settings, OWN, |name| (name == "hanako").then_some(1000))
    }

    fn user(uid: u32) -> Credentials {
        let pid = Some(7);
        Credentials::User { uid, pid }
    }

    fn certificate(first: u8, names: &[&str]) -> Credentials {
        let mut fingerprint = [0; 32];
        fingerprint[0] = first;
        Credentials::Certificate {
            fingerprint: Fingerprint(fingerprint),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            from: [10, 0, 0, 7].into(),
        }
    }

    fn name(access: &Access, credentials: &Credentials) -> Result<String, String> {
        let who = access.who(credentials);
        who.map(|who| who.name.clone())
            .map_err(|refusal| refusal.message)
    }

    #[test]
    fn without_operators_root_and_the_edges_own_user_may_do_everything() {
        let access = access("").unwrap();
        assert!(!access.lets_other_users_in());
        for uid in [0, OWN] {
            let who = access.who(&user(uid)).unwrap();
            assert_eq!(who.name, format!("uid {uid}"));
            assert_eq!(who.roles, [Role::Administrator]);
        }
        assert!(access.who(&user(1000)).is_err());
        assert!(access.who(&certificate(1, &["root"])).is_err());
    }

    #[test]
    fn once_a_user_is_named_the_others_are_nobody() {
        let operators = "[[operator]]\nname = \"hanako\"\nroles = [\"reader\"]\nusers = [\"hanako\"]\n\
                         [[operator]]\nname = \"cms\"\nroles = [\"publisher\"]\nusers = [991]\n";
        let access = access(operators).unwrap();
        assert!(access.lets_other_users_in());
        assert_eq!(name(&access, &user(1000)).unwrap(), "hanako");
        assert_eq!(name(&access, &user(991)).unwrap(), "cms");
        for uid in [0, OWN, 1001] {
            let refusal = name(&access, &user(uid)).unwrap_err();
            assert_eq!(refusal, format!("user {uid} is no operator of this edge"));
        }
    }

    #[test]
    fn operators_with_certificates_alone_leave_the_socket_as_it_was() {
        let operators =
            "[[operator]]\nname = \"h\"\nroles = [\"reader\"]\ncertificate_names = [\"h\"]\n";
        let access = access(operators).unwrap();
        assert!(access.who(&user(OWN)).is_ok());
        assert!(!access.lets_other_users_in());
    }

    #[test]
    fn a_certificate_is_known_by_its_hash_before_its_names() {
        let hash = format!("01{}", "00".repeat(31));
        let operators = format!(
            "[[operator]]\nname = \"a\"\nroles = [\"reader\"]\nfingerprints = [\"{hash}\"]\n\
             [[operator]]\nname = \"b\"\nroles = [\"reader\"]\ncertificate_names = [\"B@Town.example\"]\n\
             [[operator]]\nname = \"c\"\nroles = [\"reader\"]\ncertificate_names = [\"c\"]\n"
        );
        let access = access(&operators).unwrap();
        let who = |first, names: &[&str]| name(&access, &certificate(first, names));
        assert_eq!(who(1, &["b@town.example"]).unwrap(), "a");
        assert_eq!(who(2, &["b@town.example", "other"]).unwrap(), "b");
        assert!(
            who(2, &["b@town.example", "c"])
                .unwrap_err()
                .contains("several operators: b, c")
        );
        assert!(who(2, &["b"]).unwrap_err().contains("(b) is no operator's"));
        assert!(who(2, &[]).unwrap_err().contains("(no name)"));
    }

    #[test]
    fn a_token_decides_and_what_the_connection_proves_is_written_beside_it() {
        let token = Token::of(&[7; 32]);
        let digest = TokenDigest(token.digest());
        let operators = format!(
            "[[operator]]\nname = \"hanako\"\nroles = [\"operator\"]\nusers = [\"hanako\"]\n\
             [[operator]]\nname = \"taro\"\nroles = [\"approver\"]\ntoken_digests = [\"{digest}\"]\n"
        );
        let access = access(&operators).unwrap();
        let sender = |credentials: &Credentials, token: Option<&Token>| {
            let sender = access.sender(credentials, token, "");
            let sender = sender.map(|(who, proof)| (who.name.clone(), proof));
            sender.map_err(|refusal| refusal.message)
        };
        let (who, proof) = sender(&user(1000), None).unwrap();
        assert_eq!((&*who, &*proof), ("hanako", "uid 1000, pid 7"));
        let (who, proof) = sender(&user(1000), Some(&token)).unwrap();
        assert_eq!(who, "taro");
        let digits = &digest.to_string()[7..23];
        assert_eq!(
            proof,
            format!("token {digits}, by uid 1000, pid 7 of hanako")
        );
        // Who is nobody by the connection is who the token says.
        let (who, proof) = sender(&user(1001), Some(&token)).unwrap();
        assert_eq!(who, "taro");
        assert_eq!(proof, format!("token {digits}, by uid 1001, pid 7"));
        // A wrong token is never made good by the connection.
        let wrong = sender(&user(1000), Some(&Token::of(&[8; 32]))).unwrap_err();
        assert_eq!(wrong, "this token is nobody's at this edge");
    }

    #[test]
    fn a_user_that_is_unknown_or_meant_twice_is_a_fault() {
        let unknown =
            "[[operator]]\nname = \"a\"\nroles = [\"reader\"]\nusers = [\"nobody-here\"]\n";
        assert!(
            access(unknown)
                .unwrap_err()
                .contains("no user \"nobody-here\"")
        );
        let twice = "[[operator]]\nname = \"a\"\nroles = [\"reader\"]\nusers = [\"hanako\"]\n\
                     [[operator]]\nname = \"b\"\nroles = [\"reader\"]\nusers = [1000]\n";
        assert_eq!(
            access(twice).unwrap_err(),
            "user 1000 is both \"a\" and \"b\""
        );
    }

    #[test]
    fn proof_is_told_apart_from_what_a_sender_calls_itself() {
        let hanako = Operator {
            name: "hanako".to_owned(),
            roles: Vec::new(),
        };
        assert_eq!(user(5).proof(&hanako, ""), "uid 5, pid 7");
        assert_eq!(
            user(5).proof(&hanako, "cms"),
            "uid 5, pid 7, calls itself \"cms\""
        );
        let shown = certificate(1, &[]).proof(&hanako, "root\")");
        assert_eq!(
            shown,
            "certificate 0100000000000000, from 10.0.0.7, calls itself \"root\\\")\""
        );
        let own = Operator {
            name: "uid 5".to_owned(),
            roles: Vec::new(),
        };
        assert_eq!(user(5).proof(&own, "uid 5"), "pid 7");
    }

    proptest! {
        #[test]
        fn no_claim_ends_its_quotes_or_its_line(claim in "(?s).*") {
            let hanako = Operator { name: "hanako".to_owned(), roles: Vec::new() };
            let told = user(5).proof(&hanako, &claim);
            let proof = "uid 5, pid 7";
            prop_assert!(told.starts_with(proof) && !told.contains('\n'));
            let rest = told.strip_prefix(proof).unwrap();
            if !rest.is_empty() {
                let quoted = rest.strip_prefix(", calls itself \"").unwrap().strip_suffix('"').unwrap();
                prop_assert!(!quoted.replace("\\\\", "").replace("\\\"", "").contains('"'));
            }
        }
    }
}
