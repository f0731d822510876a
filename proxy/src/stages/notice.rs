//! Pages of the edge's own, for when there is nothing else. They need nothing from anywhere.

/// How soon to try again, in seconds.
pub const RETRY_AFTER_S: u64 = 30;

/// The origin is dead and there is no copy.
pub const UNAVAILABLE: &str = include_str!("notice/unavailable.html");

/// The page was taken off.
pub const GONE: &str = include_str!("notice/gone.html");

/// The text of a refusal, for a person who sees it.
pub const fn refusal(status: u16) -> &'static str {
    match status {
        400 => "400 Bad Request: this request cannot be understood.\n",
        403 => {
            "403 Forbidden: このネットワークからは利用できません。 Not available from this network.\n"
        }
        408 => "408 Request Timeout: the request took too long.\n",
        405 => "405 Method Not Allowed: this method is not available here.\n",
        413 => {
            "413 Content Too Large: 送信するデータが大きすぎます。 What you send is too large.\n"
        }
        421 => {
            "421 Misdirected Request: このサーバーにこのホスト名のサイトはありません。 No site of that host name is served here.\n"
        }
        429 => {
            "429 Too Many Requests: アクセスが集中しています。しばらくしてからお試しください。 Too many requests from your network; please try again later.\n"
        }
        504 => "504 Gateway Timeout: nothing suitable is stored.\n",
        _ => "The request was refused.\n",
    }
}
