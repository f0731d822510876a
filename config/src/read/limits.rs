//! `[edge.limits]`, `[[site.body]]` and the keys of a site about what readers may ask.

use ipnet::IpNet;

use crate::section::{ByteSize, Count, FromValue, MethodName, Section};
use crate::settings::{BodyRule, LimitSettings, PathRules, RequestRules, Slashes};

/// Most entries of `[[site.body]]`.
const MOST_BODY_RULES: usize = 64;

/// Reads `[edge.limits]`, which may be left out as a whole.
pub(super) fn of_edge(edge: &Section<'_>) -> LimitSettings {
    let default = LimitSettings::default();
    let Some(table) = edge.table("limits") else {
        return default;
    };
    let count = |key, default: usize| {
        let default = Count(u32::try_from(default).unwrap_or(u32::MAX));
        let Count(count) = table.or(key, default);
        usize::try_from(count).unwrap_or(usize::MAX)
    };
    let size = |key, default: usize, most: usize| {
        let ByteSize(bytes) = table.or(key, ByteSize(default as u64));
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if !(256..=most).contains(&bytes) {
            let hint = format!("write a size from 256 bytes to {most} bytes, such as \"8KiB\"");
            table.fault(key, "this size cannot be used", hint);
        }
        bytes
    };
    let connections = count("connections", default.connections);
    let connections_per_network = count("connections_per_network", default.connections_per_network);
    let Count(requests_per_network) =
        table.or("requests_per_network", Count(default.requests_per_network));
    let Count(requests_burst) = table.or("requests_burst", Count(default.requests_burst));
    let head_timeout = table.or("head_timeout", default.head_timeout);
    let head_bytes = size("head", default.head_bytes, 64 << 10);
    let line_bytes = size("line", default.line_bytes, 64 << 10);
    let head_fields = count("fields", default.head_fields);
    let ByteSize(slowest_bytes_s) = table.or("slowest", ByteSize(default.slowest_bytes_s));
    let slowest_over = table.or("slowest_over", default.slowest_over);
    let exempt: Vec<IpNet> = table.optional_list("exempt").unwrap_or(default.exempt);
    table.end();
    if head_fields > LimitSettings::MOST_FIELDS {
        let hint = format!("write at most {}", LimitSettings::MOST_FIELDS);
        table.fault("fields", "so many fields cannot be read", hint);
    }
    if line_bytes > head_bytes {
        let hint = "make `line` smaller or `head` larger";
        table.fault("line", "a line may be longer than the whole head", hint);
    }
    if connections_per_network > connections {
        let hint = "make `connections_per_network` smaller or `connections` larger";
        let message = "one network may take more connections than there are";
        table.fault("connections_per_network", message, hint);
    }
    LimitSettings {
        is_written: true,
        connections,
        connections_per_network,
        requests_per_network,
        requests_burst,
        head_timeout,
        head_bytes,
        head_fields,
        line_bytes,
        slowest_bytes_s,
        slowest_over,
        exempt,
    }
}

/// Reads what a site's readers may ask.
pub(super) fn of_site(site: &Section<'_>) -> RequestRules {
    let default = RequestRules::default();
    let methods = site
        .optional_list("methods")
        .map_or(default.methods, |names: Vec<MethodName>| {
            names.into_iter().map(|MethodName(name)| name).collect()
        });
    if site.is_written_empty("methods") {
        let hint = "leave it out for GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE and M-SEARCH";
        site.fault("methods", "no method is let through", hint);
    }
    let ByteSize(max_body_bytes) = site.or("max_body", ByteSize(default.max_body_bytes));
    let tables = site.tables("body");
    if tables.len() > MOST_BODY_RULES {
        let hint = format!("write at most {MOST_BODY_RULES}");
        site.fault("body", "there are too many of them", hint);
    }
    let mut body: Vec<BodyRule> = tables.iter().filter_map(body_rule).collect();
    body.sort_by_key(|rule| std::cmp::Reverse(rule.path.len()));
    let Slashed(slashes) = site.or("duplicate_slashes", Slashed(default.paths.slashes));
    let refused: Option<Vec<RefusedInPath>> = site.optional_list("refuse_in_path");
    let refuses = |what| refused.as_ref().is_none_or(|list| list.contains(&what));
    RequestRules {
        methods,
        max_body_bytes,
        body,
        paths: PathRules {
            slashes,
            refuse_encoded_slash: refuses(RefusedInPath::EncodedSlash),
            refuse_backslash: refuses(RefusedInPath::Backslash),
            refuse_control: refuses(RefusedInPath::Control),
        },
    }
}

fn body_rule(table: &Section<'_>) -> Option<BodyRule> {
    let path: Option<String> = table.required("path");
    let limit = table.required("limit");
    table.end();
    let (path, ByteSize(limit_bytes)) = (path?, limit?);
    if !path.starts_with('/') {
        let message = format!("\"{path}\" is no path");
        table.fault("path", message, "begin it with a slash");
    }
    Some(BodyRule { path, limit_bytes })
}

struct Slashed(Slashes);

impl FromValue for Slashed {
    const EXPECTED: &'static str = "\"keep\", \"merge\" or \"refuse\"";
    fn from_value(value: &toml::de::DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "keep" => Some(Self(Slashes::Keep)),
            "merge" => Some(Self(Slashes::Merge)),
            "refuse" => Some(Self(Slashes::Refuse)),
            _ => None,
        }
    }
}

/// One entry of `refuse_in_path`.
#[derive(PartialEq, Eq)]
enum RefusedInPath {
    EncodedSlash,
    Backslash,
    Control,
}

impl FromValue for RefusedInPath {
    const EXPECTED: &'static str = "\"encoded-slash\", \"backslash\" or \"control\"";
    fn from_value(value: &toml::de::DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "encoded-slash" => Some(Self::EncodedSlash),
            "backslash" => Some(Self::Backslash),
            "control" => Some(Self::Control),
            _ => None,
        }
    }
}
