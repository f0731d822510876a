//! The objects every server serves: fixed paths, sizes and bytes, the same for all in every run.

/// Objects in the set with Zipf popularity.
pub const SET: usize = 10_000;
/// Objects read while the origin is dead.
pub const OUTAGE: usize = 440;
/// Where the redirect is, and where it leads.
pub const REDIRECT: (&str, &str) = ("/go/here", "/10k.html");
/// An object that changes.
pub const CHANGING: &str = "/notice.html";
/// Not stored by anybody.
pub const MISS: &str = "/miss/10k.html";

/// An object of so many KiB.
#[must_use]
pub fn sized(kib: usize) -> String {
    format!("/{kib}k.html")
}

/// A member of the set.
#[must_use]
pub fn of_set(number: usize) -> String {
    format!("/set/{number:05}.html")
}

/// An object that is soon stale.
#[must_use]
pub fn of_outage(number: usize) -> String {
    format!("/outage/{number:03}.html")
}

/// Every object that a server of files needs.
#[must_use]
pub fn files() -> Vec<String> {
    let sized = [1, 10, 100].into_iter().map(sized);
    sized.chain((0..SET).map(of_set)).collect()
}

/// Length of what stands at a path, in bytes; `None` when nothing does.
#[must_use]
pub fn length(path: &str) -> Option<usize> {
    let numbered = |prefix: &str, most: usize| {
        let number = path.strip_prefix(prefix)?.strip_suffix(".html")?;
        (number.parse::<usize>().ok()? < most).then_some(10 << 10)
    };
    match path {
        "/1k.html" => Some(1 << 10),
        "/10k.html" | MISS => Some(10 << 10),
        "/100k.html" => Some(100 << 10),
        _ => numbered("/set/", SET).or_else(|| numbered("/outage/", OUTAGE)),
    }
}

/// What stands at a path. No two paths have the same bytes, so that a mix-up is seen.
#[must_use]
pub fn body(path: &str) -> Option<Vec<u8>> {
    let length = length(path)?;
    let mut body = format!("<!doctype html><title>{path}</title>").into_bytes();
    let mut state = path.bytes().fold(1_u32, |state, byte| {
        state.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    while body.len() < length {
        // Text that does not compress well, from a small linear congruential generator.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        body.push(b'a' + u8::try_from((state >> 24) % 26).unwrap_or(0));
    }
    body.truncate(length);
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_has_its_length_and_its_own_bytes() {
        let paths = files();
        assert_eq!(paths.len(), SET + 3);
        let bodies: std::collections::HashSet<_> =
            paths.iter().map(|path| body(path).unwrap()).collect();
        assert_eq!(bodies.len(), paths.len());
        assert_eq!(body("/1k.html").unwrap().len(), 1024);
        assert_eq!(body("/nothing"), None);
        assert_eq!(body(&of_set(SET)), None);
    }
}
