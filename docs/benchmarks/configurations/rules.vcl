vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "8000"; }
sub vcl_recv {
  if (req.url == "/go/here") { return (synth(308, "Permanent Redirect")); }
  if (req.url ~ "^/miss/") { return (pass); }
}
sub vcl_synth {
  if (resp.status == 308) {
    set resp.http.location = "/10k.html";
    set resp.body = "";
    return (deliver);
  }
}
sub vcl_backend_response { set beresp.grace = 1h; }
