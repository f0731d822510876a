//! Files of certificates and keys in any form, with a passphrase that opens none; answers about
//! revocation are in them as DER too. What a stranger's server or authority sends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_certs::dns::RecordSet;
use yagura_certs::formats;
use yagura_certs::inspect::{Certificate, Heap};
use yagura_certs::ocsp;
use yagura_certs::tls::ticket_keys::TicketKeys;

fuzz_target!(|bytes: &[u8]| {
    // PKCS#12 says itself how often a passphrase is turned over; without one nothing is.
    let mut heap = Heap::default();
    let _ = formats::read("file", bytes, None, &mut heap);
    let _ = (Certificate::read(bytes), ocsp::must_staple(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (TicketKeys::read(text), RecordSet::parse(text.lines()));
    }
});
